//! Statements about counts and figures that take whole pieces at once, where the query builder would need one
//! per place. Each is tested on every database that uriba supports.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Statement, Value};

use super::{Result, dialect::numbered, stock::pieces};

type Place = (i64, String);

/// A stocktake that nothing has undone. (What a newer count takes back of it is linked to it, too.)
const STANDS: &str = "v.kind = 'stocktake' AND NOT EXISTS \
    (SELECT 1 FROM stock_event u WHERE u.reverses = v.id AND u.idempotency_key LIKE 'undo/%')";

/// Since when each place's units are known by people: the newest count by hand up to an instant, else the first
/// count of all, which is taken at its word.
const SINCE: &str = "COALESCE(MAX(CASE WHEN v.import_id IS NULL THEN e.occurred_at END), MIN(e.occurred_at))";

fn of_counts(sku: &str) -> String {
    format!(
        "FROM stock_entry e JOIN stock_event v ON v.id = e.event_id \
         WHERE {STANDS} AND {sku} IN ({{}}) AND e.occurred_at <= ? GROUP BY e.sku_id, e.location"
    )
}

/// Units that the hub's orders took from each place after people knew what lay there, up to an instant: a core
/// system that never hears of them still has them in its figure.
pub(super) async fn own_shipments(
    tx: &DatabaseTransaction,
    skus: &BTreeSet<i64>,
    until: i64,
) -> Result<HashMap<Place, i64>> {
    let sql = format!(
        "SELECT m.sku_id AS sku_id, m.location AS location, CAST(SUM(-m.quantity) AS BIGINT) AS figure \
         FROM stock_entry m JOIN stock_event o ON o.id = m.event_id \
         JOIN (SELECT e.sku_id AS sku_id, e.location AS location, {SINCE} AS since {}) c \
           ON c.sku_id = m.sku_id AND c.location = m.location \
         WHERE m.occurred_at > c.since AND m.occurred_at <= ? \
           AND o.kind IN ('issue', 'receipt', 'reversal') AND o.source LIKE 'order %' \
         GROUP BY m.sku_id, m.location",
        of_counts("e.sku_id")
    );
    let mut found = HashMap::new();
    for piece in pieces(skus) {
        let values = piece.iter().copied().map(Value::from).chain([until.into(), until.into()]);
        for row in rows(tx, &sql.replace("{}", &places(piece.len())), values).await? {
            found.insert(place(&row)?, row.try_get("", "figure")?);
        }
    }
    Ok(found)
}

/// A count that stands, as an undone one falls back to it.
pub(super) struct Standing {
    pub sku_id: i64,
    pub location: String,
    pub event_id: i64,
    pub occurred_at: i64,
    pub counted: Option<i64>,
    pub source: String,
    pub import_id: Option<i64>,
}

/// The newest count of each SKU and location that nothing has undone.
pub(super) async fn standing_counts(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<Vec<Standing>> {
    let sql = format!(
        "SELECT * FROM (SELECT e.sku_id AS sku_id, e.location AS location, v.id AS event_id, \
           e.occurred_at AS occurred_at, v.counted AS counted, v.source AS source, v.import_id AS import_id, \
           ROW_NUMBER() OVER (PARTITION BY e.sku_id, e.location ORDER BY e.occurred_at DESC, v.id DESC) AS nth \
         FROM stock_entry e JOIN stock_event v ON v.id = e.event_id \
         WHERE {STANDS} AND e.sku_id IN ({{}})) ranked WHERE nth = 1"
    );
    let mut found = Vec::new();
    for piece in pieces(skus) {
        let values = piece.iter().copied().map(Value::from);
        for row in rows(tx, &sql.replace("{}", &places(piece.len())), values).await? {
            found.push(Standing {
                sku_id: row.try_get("", "sku_id")?,
                location: row.try_get("", "location")?,
                event_id: row.try_get("", "event_id")?,
                occurred_at: row.try_get("", "occurred_at")?,
                counted: row.try_get("", "counted")?,
                source: row.try_get("", "source")?,
                import_id: row.try_get("", "import_id")?,
            });
        }
    }
    Ok(found)
}

/// SKUs that nothing has a figure of any more, because whatever gave them one is undone: from now on they have
/// none again, which is not the same as zero.
pub(super) async fn without_figure(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<()> {
    for piece in pieces(skus) {
        let sql = format!(
            "UPDATE stock SET stocked = FALSE, due = TRUE, version = version + 1 \
             WHERE stocked AND sku_id IN ({}) AND NOT EXISTS \
               (SELECT 1 FROM stock_entry e JOIN stock_event v ON v.id = e.event_id \
                JOIN location l ON l.code = e.location \
                WHERE e.sku_id = stock.sku_id AND l.pool = stock.pool AND v.kind <> 'reversal' \
                  AND v.source NOT LIKE 'order %' AND NOT (v.kind IN ('issue', 'transfer') AND v.import_id IS NOT NULL) \
                  AND NOT EXISTS (SELECT 1 FROM stock_event u \
                                  WHERE u.idempotency_key = 'undo/' || CAST(v.id AS TEXT)))",
            places(piece.len())
        );
        let backend = tx.get_database_backend();
        let values: Vec<Value> = piece.into_iter().map(Value::from).collect();
        tx.execute_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), values)).await?;
    }
    Ok(())
}

fn places(n: usize) -> String {
    vec!["?"; n].join(", ")
}

fn place(row: &QueryResult) -> Result<Place> {
    Ok((row.try_get("", "sku_id")?, row.try_get("", "location")?))
}

async fn rows(tx: &DatabaseTransaction, sql: &str, values: impl Iterator<Item = Value>) -> Result<Vec<QueryResult>> {
    let backend = tx.get_database_backend();
    Ok(tx.query_all_raw(Statement::from_sql_and_values(backend, numbered(backend, sql), values)).await?)
}
