//! The ledger in time, in the database's own words: sums that begin at the newest snapshot before an instant.
//! Written by hand, because a query builder has no words for a list of places to seek one by one.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};

use super::{
    Result,
    dialect::{many, numbered},
};

/// Something for a place: SKU, location, bin.
pub(super) type Place = (i64, String, String);

/// Which of a ledger's two times is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// When it occurred: the past as it was.
    Occurred,
    /// When it was recorded: the past as it was known.
    Recorded,
}

impl By {
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Occurred => ("occurred_at", "quantity"),
            Self::Recorded => ("recorded_at", "known"),
        }
    }
}

/// What lay at each place of the SKU at `at`: the newest snapshot up to there, and the entries since.
pub(super) async fn on_hand_at(
    db: &impl ConnectionTrait,
    sku_id: i64,
    by: By,
    at: i64,
) -> Result<Vec<(String, String, i64)>> {
    let backend = db.get_database_backend();
    let (time, figure) = by.columns();
    let sql = format!(
        "SELECT p.location AS location, p.bin AS bin, CAST(COALESCE(s.{figure}, 0) + COALESCE(\
           (SELECT SUM(e.quantity) FROM stock_entry e WHERE e.sku_id = p.sku_id AND e.location = p.location \
              AND e.bin = p.bin AND e.{time} > COALESCE(s.at, {OLDEST}) AND e.{time} <= ?), 0) AS BIGINT) AS quantity \
         FROM stock_balance p LEFT JOIN stock_snapshot s ON s.sku_id = p.sku_id AND s.location = p.location \
           AND s.bin = p.bin AND s.at = (SELECT MAX(x.at) FROM stock_snapshot x WHERE x.sku_id = p.sku_id \
             AND x.location = p.location AND x.bin = p.bin AND x.at <= ?) \
         WHERE p.sku_id = ? ORDER BY p.location, p.bin"
    );
    let values: [Value; 3] = [at.into(), at.into(), sku_id.into()];
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), values)).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("", "location")?, row.try_get("", "bin")?, row.try_get("", "quantity")?)))
        .collect()
}

/// Before everything that was ever recorded.
const OLDEST: i64 = -9_000_000_000_000_000_000;

/// Writes the snapshots of these places and instants that don't exist yet.
pub(super) async fn take_snapshots(db: &DatabaseTransaction, wanted: &[(Place, i64)]) -> Result<()> {
    let values = wanted.iter().map(|((sku, location, bin), at)| {
        [Value::from(*sku), location.as_str().into(), bin.as_str().into(), (*at).into()]
    });
    let figure = |by: By| {
        let (time, figure) = by.columns();
        format!(
            "CAST(COALESCE(s.{figure}, 0) + COALESCE((SELECT SUM(e.quantity) FROM stock_entry e \
               WHERE e.sku_id = w.column1 AND e.location = w.column2 AND e.bin = w.column3 \
               AND e.{time} > COALESCE(s.at, {OLDEST}) AND e.{time} <= w.column4), 0) AS BIGINT)"
        )
    };
    let (was, known) = (figure(By::Occurred), figure(By::Recorded));
    let sql = |rows: &str| {
        format!(
            "INSERT INTO stock_snapshot (sku_id, location, bin, at, quantity, known) \
             SELECT w.column1, w.column2, w.column3, w.column4, {was}, {known} FROM (VALUES {rows}) AS w \
             LEFT JOIN stock_snapshot s ON s.sku_id = w.column1 AND s.location = w.column2 AND s.bin = w.column3 \
               AND s.at = (SELECT MAX(x.at) FROM stock_snapshot x WHERE x.sku_id = w.column1 \
                 AND x.location = w.column2 AND x.bin = w.column3 AND x.at < w.column4) \
             WHERE NOT EXISTS (SELECT 1 FROM stock_snapshot y WHERE y.sku_id = w.column1 AND y.location = w.column2 \
               AND y.bin = w.column3 AND y.at = w.column4) ON CONFLICT (sku_id, location, bin, at) DO NOTHING"
        )
    };
    many(db, values, sql).await
}

/// The instants of the snapshots of these places from the given ones on.
pub(super) async fn snapshots_since(db: &DatabaseTransaction, since: &[(Place, i64)]) -> Result<Vec<(Place, i64)>> {
    let backend = db.get_database_backend();
    let mut found = Vec::new();
    for piece in since.chunks(super::ROWS_PER_STATEMENT) {
        let places = vec!["(?, ?, ?, ?)"; piece.len()].join(", ");
        // The list comes first: each of its rows is one seek in the snapshots' key.
        let sql = format!(
            "SELECT s.sku_id AS sku_id, s.location AS location, s.bin AS bin, s.at AS at \
             FROM (VALUES {places}) AS w CROSS JOIN stock_snapshot s \
             WHERE s.sku_id = w.column1 AND s.location = w.column2 AND s.bin = w.column3 AND s.at >= w.column4"
        );
        let values: Vec<Value> = piece
            .iter()
            .flat_map(|((sku, location, bin), at)| {
                [Value::from(*sku), location.as_str().into(), bin.as_str().into(), (*at).into()]
            })
            .collect();
        let rows = db.query_all_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), values)).await?;
        for row in rows {
            let place = (row.try_get("", "sku_id")?, row.try_get("", "location")?, row.try_get("", "bin")?);
            found.push((place, row.try_get("", "at")?));
        }
    }
    Ok(found)
}

/// Adds to snapshots that exist: what lay there, and what was in the books.
pub(super) async fn add_to_snapshots(db: &DatabaseTransaction, rows: &[(Place, i64, i64, i64)]) -> Result<()> {
    let values = rows.iter().map(|((sku, location, bin), at, quantity, known)| {
        let place = [Value::from(*sku), location.as_str().into(), bin.as_str().into()];
        let [sku, location, bin] = place;
        [sku, location, bin, (*at).into(), (*quantity).into(), (*known).into()]
    });
    let sql = |rows: &str| {
        format!(
            "INSERT INTO stock_snapshot (sku_id, location, bin, at, quantity, known) VALUES {rows} \
             ON CONFLICT (sku_id, location, bin, at) DO UPDATE SET \
             quantity = stock_snapshot.quantity + excluded.quantity, known = stock_snapshot.known + excluded.known"
        )
    };
    many(db, values, sql).await
}

/// An order line that holds units of a SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HoldingLine {
    pub channel: String,
    pub order_id: String,
    pub placed_at: i64,
    /// In SKU units.
    pub units: i64,
}

/// Lines that hold units of the SKU now, newest first. The database begins with the lines that hold anything,
/// which are few: an index keeps just them.
pub(super) async fn holding_lines(
    db: &impl ConnectionTrait,
    sku_id: i64,
    pool: &str,
    most: u64,
) -> Result<Vec<HoldingLine>> {
    let sql = format!(
        "SELECT o.channel AS channel, o.order_id AS order_id, l.placed_at AS placed_at, \
           CAST((l.ordered - l.moved - l.cancelled - l.shipped) * p.quantity AS BIGINT) AS units \
         FROM order_line l CROSS JOIN line_part p CROSS JOIN mall_order o \
         WHERE l.ordered - l.moved - l.cancelled - l.shipped <> 0 AND p.line_id = l.id AND p.sku_id = ? \
           AND l.pool = ? AND o.id = l.order_ref ORDER BY l.placed_at DESC, l.id DESC LIMIT {most}"
    );
    lines(db, &sql, [sku_id.into(), pool.into()].into()).await
}

/// Lines that held units of the SKU at an instant, by what had been recorded of them.
pub(super) async fn holding_lines_at(
    db: &impl ConnectionTrait,
    sku_id: i64,
    pool: &str,
    at: i64,
) -> Result<Vec<HoldingLine>> {
    let held = "SUM(CASE e.what WHEN 'ordered' THEN e.units WHEN 'cancelled' THEN -e.units \
                WHEN 'moved' THEN -e.units WHEN 'shipped' THEN -e.units ELSE 0 END)";
    let sql = format!(
        "SELECT o.channel AS channel, o.order_id AS order_id, l.placed_at AS placed_at, \
           CAST({held} * p.quantity AS BIGINT) AS units \
         FROM line_part p JOIN order_line l ON l.id = p.line_id JOIN mall_order o ON o.id = l.order_ref \
         JOIN line_event e ON e.line_id = l.id AND e.recorded_at <= ? \
         WHERE p.sku_id = ? AND l.pool = ? AND NOT EXISTS (SELECT 1 FROM line_event m WHERE m.line_id = l.id \
           AND m.what = 'mapped' AND m.recorded_at > ?) \
         GROUP BY o.channel, o.order_id, l.placed_at, l.id, p.quantity HAVING {held} <> 0 \
         ORDER BY l.placed_at DESC, l.id DESC"
    );
    lines(db, &sql, [at.into(), sku_id.into(), pool.into(), at.into()].into()).await
}

async fn lines(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<Vec<HoldingLine>> {
    let backend = db.get_database_backend();
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, numbered(backend, sql), values)).await?;
    rows.iter()
        .map(|row| {
            Ok(HoldingLine {
                channel: row.try_get("", "channel")?,
                order_id: row.try_get("", "order_id")?,
                placed_at: row.try_get("", "placed_at")?,
                units: row.try_get("", "units")?,
            })
        })
        .collect()
}

/// A snapshot that is not what the entries since the one before it make of that.
pub(super) struct WrongSnapshot {
    pub place: Place,
    pub at: i64,
    /// What stands there, and what ought to: as it was, and as it was known.
    pub was: (i64, i64),
    pub known: (i64, i64),
}

/// Wrong snapshots of the SKUs in `after < id ≤ to`, so many at most. Each is compared with the one before it,
/// so that every entry is read once.
pub(super) async fn wrong_snapshots(
    db: &impl ConnectionTrait,
    after: i64,
    to: i64,
    most: usize,
) -> Result<Vec<WrongSnapshot>> {
    let backend = db.get_database_backend();
    let sum = |by: By| {
        let (time, figure) = by.columns();
        format!(
            "CAST(COALESCE(s.{figure}_before, 0) + COALESCE((SELECT SUM(e.quantity) FROM stock_entry e \
               WHERE e.sku_id = s.sku_id AND e.location = s.location AND e.bin = s.bin \
               AND e.{time} > COALESCE(s.before, {OLDEST}) AND e.{time} <= s.at), 0) AS BIGINT)"
        )
    };
    let sql = format!(
        "SELECT * FROM (SELECT s.sku_id AS sku_id, s.location AS location, s.bin AS bin, s.at AS at, \
           s.quantity AS quantity, s.known AS known, {} AS was, {} AS books FROM (\
             SELECT sku_id, location, bin, at, quantity, known, LAG(at) OVER p AS before, \
               LAG(quantity) OVER p AS quantity_before, LAG(known) OVER p AS known_before \
             FROM stock_snapshot WHERE sku_id > ? AND sku_id <= ? \
             WINDOW p AS (PARTITION BY sku_id, location, bin ORDER BY at)) s) c \
         WHERE quantity <> was OR known <> books LIMIT {most}",
        sum(By::Occurred),
        sum(By::Recorded),
    );
    let values: [Value; 2] = [after.into(), to.into()];
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), values)).await?;
    rows.iter()
        .map(|row| {
            Ok(WrongSnapshot {
                place: (row.try_get("", "sku_id")?, row.try_get("", "location")?, row.try_get("", "bin")?),
                at: row.try_get("", "at")?,
                was: (row.try_get("", "quantity")?, row.try_get("", "was")?),
                known: (row.try_get("", "known")?, row.try_get("", "books")?),
            })
        })
        .collect()
}

/// Lines of open orders whose events don't come to what their rows hold, so many at most: channel, order, line,
/// what the row holds, what the events say. Of an order that is closed the beginning may be forgotten.
pub(super) async fn wrong_lines(
    db: &impl ConnectionTrait,
    most: usize,
) -> Result<Vec<(String, String, String, i64, i64)>> {
    let told = "COALESCE(SUM(CASE e.what WHEN 'ordered' THEN e.units WHEN 'cancelled' THEN -e.units \
                WHEN 'moved' THEN -e.units WHEN 'shipped' THEN -e.units ELSE 0 END), 0)";
    let held = "l.ordered - l.moved - l.cancelled - l.shipped";
    let sql = format!(
        "SELECT o.channel AS channel, o.order_id AS order_id, l.line AS line, {held} AS held, \
           CAST({told} AS BIGINT) AS told \
         FROM mall_order o JOIN order_line l ON l.order_ref = o.id LEFT JOIN line_event e ON e.line_id = l.id \
         WHERE o.open GROUP BY o.channel, o.order_id, l.id, l.line, l.ordered, l.moved, l.cancelled, l.shipped \
         HAVING {held} <> {told} LIMIT {most}"
    );
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.try_get("", "channel")?,
                row.try_get("", "order_id")?,
                row.try_get("", "line")?,
                row.try_get("", "held")?,
                row.try_get("", "told")?,
            ))
        })
        .collect()
}
