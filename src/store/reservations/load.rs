//! What a batch of requests has to know: each figure read once, after it was locked.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, Func, LockType},
};

use super::{Request, Result, write::Book};
use crate::{
    domain::{
        exposure::{self, Mode},
        reservation::{Ask, Desk, Part, Reservation, Shop, State, Wish},
        shelf::Shelf,
        suspend,
    },
    store::{
        ROWS_PER_STATEMENT, Store,
        bundles::{Component, exploded, touched},
        channels::STOREFRONT,
        entity::{channel, reservation, reservation_part, sku, stock},
        exposure::exposed,
        instant,
        recompute::shelves,
        sheets::ReservationSheet,
        stock::{lock_skus, pieces},
        stops::stopped_among,
    },
};

/// `None`: while the locks were waited for, another instance made a reservation that is asked for here; what was
/// read of it before is out of date.
pub(super) async fn desk(
    store: &Store,
    tx: &DatabaseTransaction,
    requests: &[Request],
) -> Result<Option<(Desk, Book)>> {
    let mut desk = Desk::default();
    let mut book = Book::default();
    known(tx, requests, &mut desk, &mut book).await?;
    let wishes: Vec<&Wish> = requests.iter().filter_map(|request| fresh_wish(&desk, request)).collect();
    let late: Vec<Wish> = requests.iter().filter_map(|request| confirmed_wish(&desk, request)).collect();
    let channels = wishes.iter().copied().chain(&late).map(|wish| wish.channel.as_str());
    desk.shops = shops(tx, channels.collect(), Some(LockType::Share)).await?;
    let codes = wishes.iter().copied().chain(&late).flat_map(|wish| &wish.lines).map(|line| line.sku.as_str());
    let ids = sku_ids(tx, codes.collect()).await?;
    desk.recipes = recipes(tx, &ids).await?;
    let pools = wishes.iter().filter_map(|wish| desk.shops.get(&wish.channel)).map(|shop| shop.pool.clone());
    let known_pools = desk.reservations.values().filter(|known| known.wish.is_some()).map(|known| known.pool.clone());
    let pools: BTreeSet<String> = pools.chain(known_pools).collect();
    let made_of = desk.recipes.values().flatten();
    let skus = made_of.chain(desk.reservations.values().flat_map(|known| &known.parts)).map(|part| part.sku).collect();
    (desk.sellable, desk.withheld) = sellable(store, tx, &pools, &skus).await?;
    desk.stopped = stopped(tx, ids).await?;
    let is_alone = tx.get_database_backend() == DatabaseBackend::Sqlite;
    if !is_alone && any_is_known(tx, requests, &desk).await? {
        return Ok(None);
    }
    let holders = wishes.iter().filter_map(|wish| wish.holder.clone()).collect();
    desk.held_by = holdings(tx, holders).await?;
    Ok(Some((desk, book)))
}

/// Whether what was unknown at first is known by now.
async fn any_is_known(tx: &DatabaseTransaction, requests: &[Request], desk: &Desk) -> Result<bool> {
    let fresh = requests.iter().map(|request| request.id.as_str()).filter(|id| !desk.reservations.contains_key(*id));
    let fresh: Vec<&str> = fresh.collect();
    for piece in fresh.chunks(ROWS_PER_STATEMENT) {
        let found = reservation::Entity::find().filter(reservation::Column::GivenId.is_in(padded(piece)));
        if found.one(tx).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What asks to be held for the first time.
fn fresh_wish<'a>(desk: &Desk, request: &'a Request) -> Option<&'a Wish> {
    match &request.ask {
        Ask::Reserve(wish) if !desk.reservations.contains_key(&request.id) => Some(wish),
        _ => None,
    }
}

/// What is to become an order.
fn confirmed_wish(desk: &Desk, request: &Request) -> Option<Wish> {
    let known = desk.reservations.get(&request.id).filter(|_| matches!(request.ask, Ask::Confirm { .. }))?;
    known.wish.clone()
}

/// The reservations that the requests name, kept from changing.
async fn known(tx: &DatabaseTransaction, requests: &[Request], desk: &mut Desk, book: &mut Book) -> Result<()> {
    let ids: BTreeSet<&str> = requests.iter().map(|request| request.id.as_str()).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let mut rows = Vec::new();
    for piece in ids.chunks(ROWS_PER_STATEMENT) {
        let found = reservation::Entity::find()
            .filter(reservation::Column::GivenId.is_in(padded(piece)))
            .order_by_asc(reservation::Column::Id)
            .lock_exclusive();
        rows.extend(found.all(tx).await?);
    }
    let numbers: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
    let mut parts: HashMap<i64, Vec<Part>> = HashMap::new();
    for piece in pieces(&numbers) {
        let found = reservation_part::Entity::find()
            .filter(reservation_part::Column::ReservationId.is_in(piece))
            .order_by_asc(reservation_part::Column::SkuId);
        for row in found.all(tx).await? {
            parts.entry(row.reservation_id).or_default().push(Part { sku: row.sku_id, quantity: row.quantity });
        }
    }
    for row in rows {
        desk.reservations.insert(row.given_id.clone(), reservation_of(&row, parts.remove(&row.id).unwrap_or_default()));
        book.know(row);
    }
    Ok(())
}

fn reservation_of(row: &reservation::Model, parts: Vec<Part>) -> Reservation {
    let wish = row.channel.clone().map(|channel| Wish {
        channel,
        lines: ReservationSheet::lines_of(row),
        ttl_s: row.ttl_s,
        holder: row.holder.clone(),
    });
    Reservation {
        wish,
        pool: row.pool.clone().unwrap_or_default(),
        parts,
        state: State::parse(&row.state).unwrap_or(State::Released),
        expires_at: instant(row.expires_at),
        order: row.order_id.clone(),
    }
}

pub(in crate::store) async fn shops(
    tx: &DatabaseTransaction,
    ids: BTreeSet<&str>,
    lock: Option<LockType>,
) -> Result<HashMap<String, Shop>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = channel::Entity::find()
        .select_only()
        .columns([
            channel::Column::Id,
            channel::Column::Mall,
            channel::Column::Pool,
            channel::Column::State,
            channel::Column::SuspendMode,
        ])
        .filter(channel::Column::Id.is_in(ids))
        .filter(channel::Column::Configured.eq(true));
    if let Some(lock) = lock {
        query = query.lock(lock);
    }
    let rows: Vec<(String, String, String, String, Option<String>)> = query.into_tuple().all(tx).await?;
    let shop = |(id, mall, pool, state, mode): (String, String, String, String, Option<String>)| {
        let is_off =
            matches!(suspend::State::parse(&state), Some(suspend::State::Draining | suspend::State::Suspended));
        let is_suspended = is_off && mode.as_deref() == Some(suspend::Mode::Zero.word());
        (id, Shop { pool, is_storefront: mall == STOREFRONT, is_suspended })
    };
    Ok(rows.into_iter().map(shop).collect())
}

/// What one unit of each code is made of; codes that nobody knows are left out.
async fn recipes(tx: &DatabaseTransaction, known: &HashMap<String, i64>) -> Result<HashMap<String, Vec<Part>>> {
    let mut made_of = exploded(tx, &known.values().copied().collect()).await?;
    let part = |component: Component| Part { sku: component.sku_id, quantity: component.quantity };
    let recipe =
        |(code, id): (&String, &i64)| Some((code.clone(), made_of.remove(id)?.into_iter().map(part).collect()));
    Ok(known.iter().filter_map(recipe).collect())
}

/// Codes that are off sale. Read once the SKUs are locked: whoever stops one locks it too.
async fn stopped(tx: &DatabaseTransaction, known: HashMap<String, i64>) -> Result<HashSet<String>> {
    if known.is_empty() {
        return Ok(HashSet::new());
    }
    let stops = stopped_among(tx, &known.values().copied().collect(), None).await?;
    Ok(known.into_iter().filter(|(_, id)| stops.contains_key(id)).map(|(code, _)| code).collect())
}

/// Ids by code, of those that are known.
pub(in crate::store) async fn sku_ids(tx: &DatabaseTransaction, codes: BTreeSet<&str>) -> Result<HashMap<String, i64>> {
    let mut known = HashMap::new();
    let codes: Vec<&str> = codes.into_iter().collect();
    for piece in codes.chunks(ROWS_PER_STATEMENT) {
        let rows: Vec<(String, i64)> = sku::Entity::find()
            .select_only()
            .columns([sku::Column::Code, sku::Column::Id])
            .filter(sku::Column::Code.is_in(padded(piece)))
            .into_tuple()
            .all(tx)
            .await?;
        known.extend(rows);
    }
    Ok(known)
}

/// By pool and SKU.
type Units = HashMap<String, HashMap<i64, i64>>;

/// What can still be sold, and of SKUs in escrow apart from it what malls may sell. Whoever changes that locks the
/// same rows.
async fn sellable(
    store: &Store,
    tx: &DatabaseTransaction,
    pools: &BTreeSet<String>,
    skus: &BTreeSet<i64>,
) -> Result<(Units, Units)> {
    if skus.is_empty() {
        return Ok(Default::default());
    }
    lock_skus(tx, skus).await?;
    // The rows of bundles too, which are bumped with their components: locked later, out of turn, they could
    // meet a recomputation that comes from the other side.
    let locked = if tx.get_database_backend() == DatabaseBackend::Sqlite { skus } else { &touched(tx, skus).await? };
    let mut rows: HashMap<String, Vec<stock::Model>> = HashMap::new();
    for piece in pieces(locked) {
        let found = stock::Entity::find()
            .filter(stock::Column::SkuId.is_in(piece))
            .filter(stock::Column::Pool.is_in(pools.iter().map(String::as_str)))
            .order_by_asc(stock::Column::SkuId)
            .order_by_asc(stock::Column::Pool)
            .lock_exclusive();
        for row in found.all(tx).await?.into_iter().filter(|row| skus.contains(&row.sku_id)) {
            rows.entry(row.pool.clone()).or_default().push(row);
        }
    }
    let (mut found, mut withheld) = (Units::new(), Units::new());
    for (pool, rows) in rows {
        let here: BTreeSet<i64> = rows.iter().map(|row| row.sku_id).collect();
        let shelves = shelves(tx, &pool, &here, &rows).await?;
        let figures = shelves.into_iter().filter_map(|(sku, shelf): (i64, Shelf)| Some((sku, shelf.sellable()?)));
        let mut figures: HashMap<i64, i64> = figures.collect();
        let guarded = rows.iter().filter(|row| row.mode.as_deref() == Some(Mode::Escrow.word()));
        let guarded: BTreeSet<i64> = guarded.map(|row| row.sku_id).collect();
        if !guarded.is_empty() {
            let draws = store.draws_on(tx, &pool, &guarded).await?;
            for (sku, drawn) in &draws {
                let (units, Some(sellable)) = (exposed(drawn), figures.get_mut(sku)) else { continue };
                withheld.entry(pool.clone()).or_default().insert(*sku, Ord::clamp(units, 0, Ord::max(*sellable, 0)));
                *sellable = exposure::free(units, *sellable);
            }
        }
        found.insert(pool, figures);
    }
    Ok((found, withheld))
}

/// Units that each holder holds.
async fn holdings(tx: &DatabaseTransaction, holders: BTreeSet<String>) -> Result<HashMap<String, i64>> {
    let holders: Vec<String> = holders.into_iter().collect();
    let mut found = HashMap::new();
    for piece in holders.chunks(ROWS_PER_STATEMENT) {
        let sum = Func::sum(Expr::col(reservation::Column::Units)).cast_as("BIGINT");
        let rows: Vec<(String, i64)> = reservation::Entity::find()
            .select_only()
            .column(reservation::Column::Holder)
            .column_as(sum, "units")
            .filter(reservation::Column::Holder.is_in(piece.iter().cloned()))
            .filter(reservation::Column::State.eq(State::Held.word()))
            .group_by(reservation::Column::Holder)
            .into_tuple()
            .all(tx)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

/// As many places as the next power of two, the last value repeated: so there are few different statements,
/// and the database has prepared them all before.
fn padded<T: Copy>(values: &[T]) -> Vec<T> {
    let mut all = values.to_vec();
    if let Some(last) = values.last() {
        all.resize(values.len().next_power_of_two(), *last);
    }
    all
}
