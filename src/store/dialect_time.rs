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
             WHERE TRUE ON CONFLICT (sku_id, location, bin, at) DO NOTHING"
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
