//! The few statements that differ between databases, or that the query builder would silently weaken. Each
//! is tested on every database that uriba supports.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, ExprTrait,
    RuntimeErr, SqlErr, Statement, Value, sea_query::Expr,
};

use super::{Result, StoreError, bundles, ids::ROOM};
use crate::domain::demand;

/// The flag is set. It stands in the statement itself: a parameter could be anything, so no partial index would serve.
pub(super) fn holds(flag: impl ColumnTrait) -> Expr {
    flag.into_expr().eq(Expr::cust("TRUE"))
}

/// The count is zero, in the same way.
pub(super) fn none(count: impl ColumnTrait) -> Expr {
    count.into_expr().eq(Expr::cust("0"))
}

/// Keeps a second instance from migrating until this transaction ends. SQLite's write lock, which the
/// transaction has taken, does it already.
pub(super) async fn lock_migrations(db: &DatabaseTransaction) -> Result<()> {
    if db.get_database_backend() == DatabaseBackend::Postgres {
        db.execute_unprepared("SELECT pg_advisory_xact_lock(8480001)").await?;
    }
    Ok(())
}

/// The database's own clock, in microseconds: leases must not depend on the clocks of their holders.
fn database_clock(backend: DatabaseBackend, given: Option<i64>) -> String {
    match (given, backend) {
        (Some(instant), _) => instant.to_string(),
        (None, DatabaseBackend::Postgres) => "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)".into(),
        (None, _) => "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)".into(),
    }
}

/// Takes or renews a lease; the fence grows when the holder changes. The fence, and whether the last holder never
/// gave it back; `None`: somebody else holds it.
pub(super) async fn take_lease(
    db: &DatabaseTransaction,
    name: &str,
    holder: &str,
    ttl_us: i64,
    clock: Option<i64>,
) -> Result<Option<(i64, bool)>> {
    let backend = db.get_database_backend();
    let clock = database_clock(backend, clock);
    let seed = Statement::from_sql_and_values(
        backend,
        numbered(
            backend,
            "INSERT INTO lease (name, holder, expires_at, fence) VALUES (?, '', 0, 0) ON CONFLICT (name) DO NOTHING",
        ),
        [name.into()],
    );
    db.execute_raw(seed).await?;
    let lock = if backend == DatabaseBackend::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT holder FROM lease WHERE name = ?{lock}");
    let last =
        db.query_one_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), [name.into()])).await?;
    let last: String = last.map(|row| row.try_get("", "holder")).transpose()?.unwrap_or_default();
    let take = format!(
        "UPDATE lease SET fence = fence + CASE WHEN holder = ? THEN 0 ELSE 1 END, holder = ?, \
         expires_at = {clock} + ? WHERE name = ? AND (holder = ? OR expires_at < {clock})"
    );
    let values: [Value; 5] = [holder.into(), holder.into(), ttl_us.into(), name.into(), holder.into()];
    let taken = db.execute_raw(Statement::from_sql_and_values(backend, numbered(backend, &take), values)).await?;
    if taken.rows_affected() == 0 {
        return Ok(None);
    }
    let taken_over = !last.is_empty() && last != holder;
    Ok(fence(db, name).await?.map(|fence| (fence, taken_over)))
}

pub(super) async fn release_lease(db: &DatabaseTransaction, name: &str, holder: &str) -> Result<()> {
    let backend = db.get_database_backend();
    let sql = "UPDATE lease SET expires_at = 0, holder = '' WHERE name = ? AND holder = ?";
    let values: [Value; 2] = [name.into(), holder.into()];
    db.execute_raw(Statement::from_sql_and_values(backend, numbered(backend, sql), values)).await?;
    Ok(())
}

/// The present fence of a lease, kept from changing until this transaction ends.
pub(super) async fn fence(db: &DatabaseTransaction, name: &str) -> Result<Option<i64>> {
    let backend = db.get_database_backend();
    let share = if backend == DatabaseBackend::Postgres { " FOR SHARE" } else { "" };
    let sql = format!("SELECT fence FROM lease WHERE name = ?{share}");
    let row = db.query_one_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), [name.into()])).await?;
    Ok(row.map(|row| row.try_get("", "fence")).transpose()?)
}

/// Adds to running sums: `(channel, sku, pool, difference)`, each key at most once.
pub(super) async fn add_unshipped(db: &DatabaseTransaction, rows: &[(String, i64, String, i64)]) -> Result<()> {
    let values = rows.iter().map(|(channel, sku, pool, quantity)| {
        [Value::from(channel.as_str()), (*sku).into(), pool.as_str().into(), (*quantity).into()]
    });
    let sql = |rows: &str| {
        format!(
            "INSERT INTO unshipped (channel, sku_id, pool, quantity) VALUES {rows} ON CONFLICT (channel, sku_id, pool) \
             DO UPDATE SET quantity = unshipped.quantity + excluded.quantity"
        )
    };
    many(db, values, sql).await
}

/// Adds to what reservations hold: `(sku, pool, difference)`, each key at most once.
pub(super) async fn add_held(db: &DatabaseTransaction, rows: &[(i64, String, i64)]) -> Result<()> {
    let values = rows.iter().map(|(sku, pool, quantity)| [Value::from(*sku), pool.as_str().into(), (*quantity).into()]);
    let sql = |rows: &str| {
        format!(
            "INSERT INTO held (sku_id, pool, quantity) VALUES {rows} ON CONFLICT (sku_id, pool) \
             DO UPDATE SET quantity = held.quantity + excluded.quantity"
        )
    };
    many(db, values, sql).await
}

/// The last listing's id in the room of each of these SKUs, or the SKU's own.
pub(super) async fn last_of_rooms(db: &DatabaseTransaction, skus: &[i64]) -> Result<HashMap<i64, i64>> {
    let backend = db.get_database_backend();
    let mut last = HashMap::new();
    for piece in skus.chunks(super::ROWS_PER_STATEMENT) {
        let places = vec!["?"; piece.len()].join(", ");
        let sql = format!(
            "SELECT s.id AS sku_id, COALESCE((SELECT MAX(l.id) FROM listing l WHERE l.id > s.id AND l.id < s.id + {ROOM}), \
             s.id) AS last FROM sku s WHERE s.id IN ({places})"
        );
        let values = piece.iter().copied().map(Value::from);
        for row in db.query_all_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), values)).await? {
            last.insert(row.try_get("", "sku_id")?, row.try_get("", "last")?);
        }
    }
    Ok(last)
}

/// Units that were ever shipped of each SKU to orders of a pool.
pub(super) async fn shipped(db: &impl ConnectionTrait, pool: &str, skus: &BTreeSet<i64>) -> Result<HashMap<i64, i64>> {
    let backend = db.get_database_backend();
    let mut found = HashMap::new();
    for piece in skus.iter().copied().collect::<Vec<_>>().chunks(super::ROWS_PER_STATEMENT) {
        let places = vec!["?"; piece.len()].join(", ");
        let sql = format!(
            "SELECT p.sku_id AS sku_id, CAST(SUM(l.shipped * p.quantity) AS BIGINT) AS units FROM line_part p \
             JOIN order_line l ON l.id = p.line_id WHERE p.sku_id IN ({places}) AND l.pool = ? GROUP BY p.sku_id"
        );
        let values = piece.iter().copied().map(Value::from).chain([pool.into()]);
        for row in db.query_all_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), values)).await? {
            found.insert(row.try_get("", "sku_id")?, row.try_get("", "units")?);
        }
    }
    Ok(found)
}

/// The key begins so. PostgreSQL has an index for that question; SQLite uses none for it, but sorts keys by their bytes.
pub(super) fn begins_with(backend: DatabaseBackend, key: impl ColumnTrait, prefix: &str) -> Expr {
    let after = prefix.char_indices().last().and_then(|(at, last)| {
        let next = char::from_u32(u32::from(last) + 1)?;
        Some(format!("{}{next}", &prefix[..at]))
    });
    match (backend, after) {
        (DatabaseBackend::Sqlite, Some(after)) => key.gte(prefix).and(key.lt(after)),
        _ => key.starts_with(prefix),
    }
}

/// Somebody else changed the same rows at the same moment: done again, it may well succeed.
pub(super) fn is_conflict(error: &DbErr) -> bool {
    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    const SERIALIZATION_FAILURE: &str = "40001";
    const DEADLOCK_DETECTED: &str = "40P01";
    if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) {
        return true;
    }
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| [SERIALIZATION_FAILURE, DEADLOCK_DETECTED].contains(&code.as_ref()))
}

/// Adds to balances: `(sku, location, bin, difference)`, each key at most once.
pub(super) async fn add_balances(db: &DatabaseTransaction, rows: &[(i64, String, String, i64)]) -> Result<()> {
    let values = rows.iter().map(|(sku, location, bin, quantity)| {
        [Value::from(*sku), location.as_str().into(), bin.as_str().into(), (*quantity).into()]
    });
    let sql = |rows: &str| {
        format!(
            "INSERT INTO stock_balance (sku_id, location, bin, quantity) VALUES {rows} \
             ON CONFLICT (sku_id, location, bin) DO UPDATE SET quantity = stock_balance.quantity + excluded.quantity"
        )
    };
    many(db, values, sql).await
}

/// Marks stock rows as changed, which also locks them, in ascending order of SKUs; with them those of bundles
/// that the SKUs are in, and of components that they are made of.
/// `stocked`: the SKUs have a stock figure from now on.
pub(super) async fn bump_stock(
    db: &DatabaseTransaction,
    rows: &[(i64, String)],
    stocked: bool,
    now_us: i64,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut all: BTreeMap<(i64, &str), bool> =
        rows.iter().map(|(sku, pool)| ((*sku, pool.as_str()), stocked)).collect();
    let pools: BTreeSet<&str> = rows.iter().map(|(_, pool)| pool.as_str()).collect();
    for pool in pools {
        let here: BTreeSet<i64> = rows.iter().filter(|(_, of)| of == pool).map(|(sku, _)| *sku).collect();
        for sku in bundles::touched(db, &here).await? {
            all.entry((sku, pool)).or_insert(false);
        }
    }
    let values = all.into_iter().map(|((sku, pool), stocked)| {
        [Value::from(sku), pool.into(), 1_i64.into(), 0_i64.into(), true.into(), stocked.into(), now_us.into()]
    });
    let sql = |rows: &str| {
        format!(
            "INSERT INTO stock (sku_id, pool, version, computed, due, stocked, changed_at) VALUES {rows} \
             ON CONFLICT (sku_id, pool) DO UPDATE SET version = stock.version + 1, due = excluded.due, \
             stocked = (stock.stocked OR excluded.stocked), changed_at = CASE WHEN stock.due THEN stock.changed_at ELSE excluded.changed_at END"
        )
    };
    many(db, values, sql).await
}

/// Lines that were sold as these SKUs, which were bundles all the while: from now on each takes the components.
pub(super) async fn unpack_lines(db: &DatabaseTransaction, bundles: &[i64]) -> Result<()> {
    let backend = db.get_database_backend();
    let places = vec!["?"; bundles.len()].join(", ");
    let values: Vec<Value> = bundles.iter().copied().map(Value::from).collect();
    let insert = format!(
        "INSERT INTO line_part (line_id, sku_id, quantity) \
         SELECT p.line_id, u.component_id, p.quantity * u.quantity FROM line_part p \
         JOIN bundle_unit u ON u.bundle_id = p.sku_id WHERE p.sku_id IN ({places})"
    );
    let delete = format!("DELETE FROM line_part WHERE sku_id IN ({places})");
    for sql in [insert, delete] {
        db.execute_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), values.clone())).await?;
    }
    Ok(())
}

/// Writes some columns of rows that exist: each row gives its key and then a value per column. Only what is
/// named is written, so indexes over other columns are left alone.
pub(super) async fn update_rows(
    db: &DatabaseTransaction,
    table: &str,
    key: &str,
    columns: &[&str],
    rows: &[Vec<Value>],
) -> Result<()> {
    let backend = db.get_database_backend();
    let sets = columns.iter().enumerate().map(|(index, column)| format!("{column} = fresh.column{}", index + 2));
    let sets = sets.collect::<Vec<_>>().join(", ");
    let row = format!("({})", vec!["?"; columns.len() + 1].join(", "));
    for piece in rows.chunks(super::ROWS_PER_STATEMENT) {
        let places = vec![row.as_str(); piece.len()].join(", ");
        let sql =
            format!("UPDATE {table} SET {sets} FROM (VALUES {places}) AS fresh WHERE {table}.{key} = fresh.column1");
        let values: Vec<Value> = piece.iter().flatten().cloned().collect();
        db.execute_raw(Statement::from_sql_and_values(backend, numbered(backend, &sql), values)).await?;
    }
    Ok(())
}

/// A pool got or lost a location: every SKU that lies in one of its locations is to be computed again.
pub(super) async fn stock_rows_of_pool(db: &DatabaseTransaction, pool: &str, now_us: i64) -> Result<()> {
    let backend = db.get_database_backend();
    let sql = "INSERT INTO stock (sku_id, pool, version, computed, due, stocked, changed_at) \
               SELECT DISTINCT b.sku_id, l.pool, 1, 0, TRUE, TRUE, CAST(? AS BIGINT) FROM stock_balance b \
               JOIN location l ON l.code = b.location WHERE l.pool = ? \
               ON CONFLICT (sku_id, pool) DO UPDATE SET version = stock.version + 1, due = TRUE, stocked = TRUE";
    let values: [Value; 2] = [now_us.into(), pool.into()];
    db.execute_raw(Statement::from_sql_and_values(backend, numbered(backend, sql), values)).await?;
    let sql = "UPDATE stock SET version = version + 1, due = TRUE WHERE pool = ?";
    db.execute_raw(Statement::from_sql_and_values(backend, numbered(backend, sql), [pool.into()])).await?;
    Ok(())
}

/// Per pool: units oversold, and units that can be at most, over every SKU that has a figure. The ceiling is
/// [`crate::domain::publication::Publication::ceiling`] in the database's words; a test holds them together.
pub(super) async fn pool_totals(db: &impl ConnectionTrait) -> Result<Vec<(String, i64, i64)>> {
    let positive = |of: &str| format!("CASE WHEN {of} > 0 THEN {of} ELSE 0 END");
    let shown = positive("(p.anchor + p.applied - p.sold_since + p.slack_up)");
    let open =
        positive("(w.value - CASE WHEN w.operation = 'compare_and_set' THEN COALESCE(w.expected, 0) ELSE 0 END)");
    let ceiling = format!(
        "({shown} + CASE WHEN p.anchor IS NULL THEN p.since_told_up ELSE 0 END + COALESCE(p.unbooked, 0) \
          + COALESCE((SELECT SUM({open}) FROM listing_write w WHERE w.listing_id = l.id), 0)) * l.units"
    );
    let listings = "FROM listing l JOIN channel c ON c.id = l.channel JOIN publication p ON p.listing_id = l.id";
    let counts = "c.pool = s.pool AND NOT l.sells_past_zero AND l.unlimited IS NULL";
    let sql = format!(
        "SELECT pool, CAST(SUM({}) AS BIGINT) AS oversold, CAST(SUM({}) AS BIGINT) AS bound FROM (\
           SELECT s.pool AS pool, \
             COALESCE((SELECT SUM(b.quantity) FROM stock_balance b JOIN location o ON o.code = b.location \
                       WHERE b.sku_id = s.sku_id AND b.bin = 'main' AND o.pool = s.pool), 0) \
             - COALESCE((SELECT SUM(u.quantity) FROM unshipped u WHERE u.sku_id = s.sku_id AND u.pool = s.pool), 0) \
             - COALESCE((SELECT h.quantity FROM held h WHERE h.sku_id = s.sku_id AND h.pool = s.pool), 0) \
             - COALESCE((SELECT SUM(h.remaining) FROM provisional_hold h \
                         WHERE h.sku_id = s.sku_id AND h.pool = s.pool AND h.ended_at IS NULL), 0) \
             - COALESCE((SELECT SUM(h.remaining * u.quantity) FROM bundle_unit u \
                         JOIN provisional_hold h ON h.sku_id = u.bundle_id WHERE u.component_id = s.sku_id \
                         AND h.pool = s.pool AND h.ended_at IS NULL), 0) \
             - COALESCE((SELECT SUM(n.own - n.in_core) FROM not_in_core n \
                         WHERE n.sku_id = s.sku_id AND n.pool = s.pool), 0) AS sellable, \
             COALESCE((SELECT SUM({ceiling}) {listings} WHERE l.sku_id = s.sku_id AND {counts}), 0) \
             + COALESCE((SELECT SUM({ceiling} * u.quantity) {listings} JOIN bundle_unit u ON u.bundle_id = l.sku_id \
                         WHERE u.component_id = s.sku_id AND {counts}), 0) AS exposure \
           FROM stock s WHERE s.stocked) shelf GROUP BY pool ORDER BY pool",
        positive("(-sellable)"),
        positive("(exposure - sellable)"),
    );
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let read = |row: &sea_orm::QueryResult| {
        Ok((row.try_get("", "pool")?, row.try_get("", "oversold")?, row.try_get("", "bound")?))
    };
    rows.iter().map(read).collect()
}

/// Over everything that has taught anything: orders, seconds in which stock was shown, units. What shows stock now has
/// done so since its row was written, which counts up to what a tally can hold.
pub(super) async fn demand_sums(db: &impl ConnectionTrait, now_us: i64) -> Result<(f64, f64, f64)> {
    let most_us = i64::try_from(demand::SHOWN_MAX.as_micros()).unwrap_or(i64::MAX);
    let sql = "SELECT CAST(COALESCE(SUM(usual_orders), 0) AS DOUBLE PRECISION) AS orders, \
                 CAST(COALESCE(SUM(usual_shown_s + CASE WHEN NOT lit OR at > ? THEN 0 WHEN ? - at > ? \
                   THEN CAST(? AS DOUBLE PRECISION) ELSE CAST(? - at AS DOUBLE PRECISION) END / 1000000), 0) \
                   AS DOUBLE PRECISION) AS shown_s, \
                 CAST(COALESCE(SUM(units), 0) AS DOUBLE PRECISION) AS units FROM demand";
    let backend = db.get_database_backend();
    let values: [Value; 5] = [now_us.into(), now_us.into(), most_us.into(), most_us.into(), now_us.into()];
    let row = db.query_one_raw(Statement::from_sql_and_values(backend, numbered(backend, sql), values)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("a sum has one row".into()))?;
    Ok((row.try_get("", "orders")?, row.try_get("", "shown_s")?, row.try_get("", "units")?))
}

/// SKUs by the mode in which they are sold, per pool; those of which nobody asks anything are shared.
pub(super) async fn modes(db: &impl ConnectionTrait) -> Result<Vec<(String, String, i64)>> {
    let sql = "SELECT pool, COALESCE(mode, 'shared') AS mode, CAST(COUNT(*) AS BIGINT) AS skus FROM stock \
               WHERE stocked GROUP BY pool, COALESCE(mode, 'shared') ORDER BY pool, mode";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let read =
        |row: &sea_orm::QueryResult| Ok((row.try_get("", "pool")?, row.try_get("", "mode")?, row.try_get("", "skus")?));
    rows.iter().map(read).collect()
}

pub(super) async fn vacuum_into(db: &DatabaseConnection, to: &Path) -> Result<()> {
    let to = to.to_str().ok_or_else(|| StoreError::Invalid("the file name is not text".into()))?;
    let statement = Statement::from_sql_and_values(DatabaseBackend::Sqlite, "VACUUM INTO ?", [to.into()]);
    db.execute_raw(statement).await?;
    Ok(())
}

/// Runs a multi-row statement in pieces that every database can take.
pub(super) async fn many<const N: usize>(
    db: &DatabaseTransaction,
    rows: impl Iterator<Item = [Value; N]>,
    sql: impl Fn(&str) -> String,
) -> Result<()> {
    let backend = db.get_database_backend();
    let rows: Vec<_> = rows.collect();
    for piece in rows.chunks(super::ROWS_PER_STATEMENT) {
        let places = vec![format!("({})", vec!["?"; N].join(", ")); piece.len()].join(", ");
        let statement = numbered(backend, &sql(&places));
        let values: Vec<Value> = piece.iter().flatten().cloned().collect();
        db.execute_raw(Statement::from_sql_and_values(backend, statement, values)).await?;
    }
    Ok(())
}

/// PostgreSQL numbers its places: `$1, $2, …`.
pub(super) fn numbered(backend: DatabaseBackend, sql: &str) -> String {
    if backend != DatabaseBackend::Postgres {
        return sql.to_owned();
    }
    let mut parts = sql.split('?');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        text.push_str(&format!("${}{part}", index + 1));
    }
    text
}
