//! The ledger's tables: events with their entries, running balances, counts as anchors.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction,
    EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError, attention, dialect,
    entity::{location, sku, stock, stock_balance, stock_count, stock_entry, stock_event},
    instant,
    ledger_time::Anchors,
    micros,
};
use crate::domain::ledger::{self, CountsShipments, Entry, Gone, MAIN};

/// In the key of what a count takes back of an earlier movement.
pub(super) const ANCHORED: &str = "/anchored";
/// Begins the key of what takes an undone file's event back.
pub(super) const UNDO: &str = "undo/";

/// A stock event to be booked.
#[derive(Clone, Debug)]
pub struct Movement {
    /// The same key is booked once, ever.
    pub key: String,
    pub kind: &'static str,
    pub sku_id: i64,
    pub occurred_at: Timestamp,
    /// File and line, order, or person.
    pub source: String,
    pub reason: Option<String>,
    pub import_id: Option<i64>,
    pub entries: Vec<Entry>,
}

/// A count of one SKU at one location, bins included.
#[derive(Clone, Debug)]
pub struct Count {
    pub key: String,
    pub sku_id: i64,
    pub location: String,
    pub counted: i64,
    pub as_of: Timestamp,
    pub source: String,
    pub reason: Option<String>,
    pub import_id: Option<i64>,
}

/// Units of a channel's order that left.
#[derive(Clone, Debug)]
pub struct Shipment {
    pub key: String,
    pub sku_id: i64,
    pub pool: String,
    /// From where; `None`: nobody said, so the pool's order decides.
    pub location: Option<String>,
    pub units: i64,
    pub occurred_at: Timestamp,
    pub source: String,
}

impl Store {
    /// Books movements inside the caller's transaction; those whose key is known already change nothing.
    /// Returns how many were new.
    pub async fn book(&self, tx: &DatabaseTransaction, movements: Vec<Movement>) -> Result<usize> {
        self.book_linked(tx, movements.into_iter().map(|movement| (movement, None)).collect()).await
    }

    /// The same, each with the event that it is the opposite of, if it is one.
    pub(super) async fn book_linked(
        &self,
        tx: &DatabaseTransaction,
        movements: Vec<(Movement, Option<i64>)>,
    ) -> Result<usize> {
        let named = movements.iter().map(|(movement, _)| movement.sku_id).collect();
        lock_skus(tx, &named).await?;
        super::bundles::refuse_bundles(tx, &named).await?;
        let fresh = self.not_booked(tx, movements, |(movement, _)| movement.key.clone()).await?;
        if fresh.is_empty() {
            return Ok(0);
        }
        let skus: BTreeSet<i64> = fresh.iter().map(|(movement, _)| movement.sku_id).collect();
        let counts = counts(tx, &skus).await?;
        let is_late = |movement: &&Movement| {
            movement.entries.iter().any(|entry| {
                let count = counts.get(&(movement.sku_id, entry.location.clone()));
                ledger::is_before_anchor(movement.occurred_at, count.map(|count| instant(count.counted_at)))
            })
        };
        let late: Vec<_> = fresh.iter().map(|(movement, _)| movement).filter(is_late).map(late).collect();
        let undone = fresh.iter().filter_map(|(_, reverses)| *reverses).collect();
        let anchors = Anchors::load(tx, &late, &undone).await?;
        let mut posting = Posting::new(self.now());
        for (movement, reverses) in &fresh {
            let id = posting.event(self, movement, *reverses, None);
            self.correct(&mut posting, id, movement, |location| {
                anchors.next(movement.sku_id, location, micros(movement.occurred_at))
            });
        }
        let booked = fresh.len();
        self.post(tx, posting).await?;
        Ok(booked)
    }

    /// Goods of orders, which left or came back. A core that never hears of them doesn't count them.
    pub(super) async fn book_of_orders(
        &self,
        tx: &DatabaseTransaction,
        counts: Option<CountsShipments>,
        movements: Vec<Movement>,
    ) -> Result<()> {
        if counts == Some(CountsShipments::Never) {
            return self.book_beside_counts(tx, movements).await;
        }
        self.book(tx, movements).await?;
        Ok(())
    }

    /// Books what a late movement did back again at the counts that had seen it.
    pub(super) fn correct(
        &self,
        posting: &mut Posting,
        event: i64,
        movement: &Movement,
        next: impl Fn(&str) -> Option<Timestamp>,
    ) {
        let corrections = ledger::corrections(&movement.entries, next);
        for (number, (occurred_at, entries)) in corrections.into_iter().enumerate() {
            let nth = if number == 0 { String::new() } else { format!("/{}", number + 1) };
            let correction = Movement {
                key: format!("{}{nth}{ANCHORED}", movement.key),
                kind: "reversal",
                occurred_at,
                reason: Some("already in the count that was taken after it".into()),
                entries,
                ..movement.clone()
            };
            posting.event(self, &correction, Some(event), None);
        }
    }

    /// Books the goods that left for orders: from where, the pool's configured order says.
    pub(super) async fn ship(&self, tx: &DatabaseTransaction, shipments: &[Shipment]) -> Result<()> {
        if shipments.is_empty() {
            return Ok(());
        }
        let core = self.core_rules(tx).await?;
        if core.counts == Some(CountsShipments::BySalesFile) {
            return self.ship_unknown_to_core(tx, &core, shipments).await;
        }
        let skus: BTreeSet<i64> = shipments.iter().map(|shipment| shipment.sku_id).collect();
        lock_skus(tx, &skus).await?;
        let mut there = main_bins(tx, &skus).await?;
        let mut movements = Vec::new();
        for shipment in shipments {
            let locations = match &shipment.location {
                Some(one) => vec![one.clone()],
                None => pool_locations(tx, &shipment.pool).await?,
            };
            let on_hand: Vec<(String, i64)> = locations
                .into_iter()
                .map(|code| {
                    let quantity = there.get(&(shipment.sku_id, code.clone())).copied().unwrap_or(0);
                    (code, quantity)
                })
                .collect();
            let (back, units) = self.taken_back(tx, shipment).await?;
            movements.extend(back);
            for entry in ledger::shipment(units, &on_hand) {
                let left = there.entry((shipment.sku_id, entry.location.clone())).or_default();
                *left += entry.quantity;
                let is_back = entry.quantity > 0;
                if *left < 0 && !is_back {
                    self.report_negative(tx, shipment, &entry.location, *left).await?;
                }
                movements.push(movement(shipment, entry, shipment.occurred_at, ""));
            }
        }
        self.book_of_orders(tx, core.counts, movements).await
    }

    /// What returns to where it left, and how many units remain to be booked as any shipment.
    async fn taken_back(&self, tx: &DatabaseTransaction, shipment: &Shipment) -> Result<(Vec<Movement>, i64)> {
        if shipment.units >= 0 || shipment.location.is_some() {
            return Ok((Vec::new(), shipment.units));
        }
        let (back, unknown) = ledger::taken_back(-shipment.units, gone(tx, shipment).await?);
        let returned = back.into_iter().enumerate().map(|(n, part)| {
            let entry = Entry { location: part.location, bin: MAIN.into(), quantity: part.units };
            movement(shipment, entry, part.occurred_at, &format!("/back-{n}"))
        });
        Ok((returned.collect(), -unknown))
    }

    async fn report_negative(
        &self,
        tx: &DatabaseTransaction,
        shipment: &Shipment,
        location: &str,
        left: i64,
    ) -> Result<()> {
        let sku = super::catalogue::sku_code(tx, shipment.sku_id).await?;
        let stocked = stock::Entity::find_by_id((shipment.sku_id, shipment.pool.clone())).one(tx).await?;
        if !stocked.is_some_and(|row| row.stocked) {
            return Ok(());
        }
        let message = format!(
            "{location} would have {left} of {sku} after {}: more was shipped than the ledger has there; count it",
            shipment.source
        );
        let subject = format!("{sku}@{location}");
        let call = attention::Call {
            kind: "negative_location",
            subject,
            sku: Some(sku),
            message,
            ..attention::Call::default()
        };
        self.raise(tx, call).await
    }

    pub(super) async fn post(&self, tx: &DatabaseTransaction, posting: Posting) -> Result<()> {
        let pools = location_pools(tx).await?;
        let mut figures = BTreeSet::new();
        let mut shipped = BTreeSet::new();
        for (sku, location, is_figure) in &posting.places {
            if let Some(Some(pool)) = pools.get(location) {
                if *is_figure {
                    figures.insert((*sku, pool.clone()))
                } else {
                    shipped.insert((*sku, pool.clone()))
                };
            }
        }
        let shipped: Vec<_> = shipped.difference(&figures).cloned().collect();
        dialect::bump_stock(tx, &figures.into_iter().collect::<Vec<_>>(), true, posting.now).await?;
        dialect::bump_stock(tx, &shipped, false, posting.now).await?;
        for piece in posting.events.chunks(ROWS_PER_STATEMENT) {
            stock_event::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        self.correct_snapshots(tx, &posting.rows).await?;
        let rows: Vec<_> = posting.rows.into_iter().map(|row| row.into_active_model().reset_all()).collect();
        for piece in rows.chunks(ROWS_PER_STATEMENT) {
            stock_entry::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        let sums: Vec<_> =
            posting.sums.into_iter().map(|((sku, location, bin), quantity)| (sku, location, bin, quantity)).collect();
        dialect::add_balances(tx, &sums).await
    }

    pub(super) async fn not_booked<T>(
        &self,
        tx: &DatabaseTransaction,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Vec<T>> {
        let keys: Vec<String> = items.iter().map(&key).collect();
        let mut known = HashSet::new();
        for piece in keys.chunks(ROWS_PER_STATEMENT) {
            let rows: Vec<String> = stock_event::Entity::find()
                .select_only()
                .column(stock_event::Column::IdempotencyKey)
                .filter(stock_event::Column::IdempotencyKey.is_in(piece.iter().cloned()))
                .into_tuple()
                .all(tx)
                .await?;
            known.extend(rows);
        }
        Ok(items.into_iter().filter(|item| known.insert(key(item))).collect())
    }
}

/// Rows gathered for a few large statements.
pub(super) struct Posting {
    /// One instant for all of it, so that what belongs together is known together.
    now: i64,
    events: Vec<stock_event::ActiveModel>,
    rows: Vec<stock_entry::Model>,
    sums: BTreeMap<(i64, String, String), i64>,
    /// SKU, location, and whether the movement gives the SKU a figure (what left alone doesn't).
    places: BTreeSet<(i64, String, bool)>,
}

impl Posting {
    /// Only once the SKUs are locked: what is recorded later must not be known earlier.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { now: micros(now), events: Vec::new(), rows: Vec::new(), sums: BTreeMap::new(), places: BTreeSet::new() }
    }

    /// `counted`: of a stocktake, what was counted.
    pub(super) fn event(
        &mut self,
        store: &Store,
        movement: &Movement,
        reverses: Option<i64>,
        counted: Option<i64>,
    ) -> i64 {
        let id = store.id();
        self.events.push(stock_event::ActiveModel {
            id: Set(id),
            idempotency_key: Set(movement.key.clone()),
            kind: Set(movement.kind.to_owned()),
            occurred_at: Set(micros(movement.occurred_at)),
            recorded_at: Set(self.now),
            source: Set(movement.source.clone()),
            reason: Set(movement.reason.clone()),
            reverses: Set(reverses),
            import_id: Set(movement.import_id),
            counted: Set(counted),
        });
        // What left, or lies elsewhere now, says nothing about what is there: a core's sale is like a shipment.
        let counts = matches!(movement.kind, "receipt" | "stocktake");
        let gone = movement.source.starts_with("order ") || (movement.import_id.is_some() && !counts);
        for entry in &movement.entries {
            self.rows.push(stock_entry::Model {
                id: store.id(),
                event_id: id,
                sku_id: movement.sku_id,
                location: entry.location.clone(),
                bin: entry.bin.clone(),
                quantity: entry.quantity,
                occurred_at: micros(movement.occurred_at),
                recorded_at: self.now,
            });
            *self.sums.entry((movement.sku_id, entry.location.clone(), entry.bin.clone())).or_default() +=
                entry.quantity;
            self.places.insert((movement.sku_id, entry.location.clone(), !gone));
        }
        id
    }
}

fn late(movement: &Movement) -> (i64, i64) {
    (movement.sku_id, micros(movement.occurred_at))
}

/// Keeps others from booking these SKUs until the transaction ends: what is read of counts, balances and keys
/// from here on stays true. (SQLite has one writer, so nothing there is locked by row.)
pub(super) async fn lock_skus(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<()> {
    if tx.get_database_backend() == DatabaseBackend::Sqlite {
        return Ok(());
    }
    for piece in pieces(skus) {
        let rows = sku::Entity::find().select_only().column(sku::Column::Id).filter(sku::Column::Id.is_in(piece));
        rows.order_by_asc(sku::Column::Id).lock_exclusive().into_tuple::<i64>().all(tx).await?;
    }
    Ok(())
}

pub(super) async fn counts(
    tx: &DatabaseTransaction,
    skus: &BTreeSet<i64>,
) -> Result<HashMap<(i64, String), stock_count::Model>> {
    let mut found = HashMap::new();
    for piece in pieces(skus) {
        let rows = stock_count::Entity::find().filter(stock_count::Column::SkuId.is_in(piece)).all(tx).await?;
        found.extend(rows.into_iter().map(|row| ((row.sku_id, row.location.clone()), row)));
    }
    Ok(found)
}

pub(super) async fn balances(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<Vec<stock_balance::Model>> {
    let mut found = Vec::new();
    for piece in pieces(skus) {
        found.extend(stock_balance::Entity::find().filter(stock_balance::Column::SkuId.is_in(piece)).all(tx).await?);
    }
    Ok(found)
}

/// What lies in the main bins, by SKU and location.
pub(super) async fn main_bins(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<HashMap<(i64, String), i64>> {
    let rows = balances(tx, skus).await?.into_iter().filter(|row| row.bin == MAIN);
    Ok(rows.map(|row| ((row.sku_id, row.location), row.quantity)).collect())
}

/// Which pool each location belongs to.
pub(super) async fn location_pools(tx: &DatabaseTransaction) -> Result<HashMap<String, Option<String>>> {
    Ok(location::Entity::find().all(tx).await?.into_iter().map(|row| (row.code, row.pool)).collect())
}

pub(super) async fn pool_locations(tx: &DatabaseTransaction, pool: &str) -> Result<Vec<String>> {
    let rows = location::Entity::find()
        .filter(location::Column::Pool.eq(pool))
        .order_by_asc(location::Column::Rank)
        .all(tx)
        .await?;
    if rows.is_empty() {
        return Err(StoreError::Invalid(format!("pool {pool:?} has no location")));
    }
    Ok(rows.into_iter().map(|row| row.code).collect())
}

pub(super) fn pieces(ids: &BTreeSet<i64>) -> Vec<Vec<i64>> {
    ids.iter().copied().collect::<Vec<_>>().chunks(ROWS_PER_STATEMENT).map(<[i64]>::to_vec).collect()
}

/// A location that is named for the first time belongs to no pool until the configuration says so.
pub(super) async fn ensure_locations(
    store: &Store,
    tx: &DatabaseTransaction,
    codes: &BTreeSet<String>,
) -> Result<usize> {
    let known = location_pools(tx).await?;
    let mut created = 0;
    for code in codes.iter().filter(|code| !known.contains_key(*code)) {
        let row = location::ActiveModel {
            code: Set(code.clone()),
            pool: Set(None),
            rank: Set(i64::from(u32::MAX)),
            created_at: Set(micros(store.now())),
        };
        row.insert(tx).await?;
        created += 1;
    }
    Ok(created)
}

/// Goods of an order as they leave or come back.
fn movement(shipment: &Shipment, entry: Entry, occurred_at: Timestamp, part: &str) -> Movement {
    let is_back = entry.quantity > 0;
    Movement {
        key: format!("{}{part}@{}", shipment.key, entry.location),
        kind: if is_back { "receipt" } else { "issue" },
        sku_id: shipment.sku_id,
        occurred_at,
        source: shipment.source.clone(),
        reason: is_back.then(|| "the mall took the shipment back".into()),
        import_id: None,
        entries: vec![entry],
    }
}

/// What has left for the line and is not back, by when and from where.
async fn gone(tx: &DatabaseTransaction, shipment: &Shipment) -> Result<Vec<Gone>> {
    let line = shipment.key.rsplit_once('/').map_or(shipment.key.as_str(), |(line, _)| line);
    let of_line = sea_orm::sea_query::Query::select()
        .column(stock_event::Column::Id)
        .from(stock_event::Entity)
        .and_where(dialect::begins_with(
            tx.get_database_backend(),
            stock_event::Column::IdempotencyKey,
            &format!("{line}/"),
        ))
        .and_where(stock_event::Column::Kind.is_in(["issue", "receipt"]))
        .to_owned();
    let entries = stock_entry::Entity::find()
        .filter(stock_entry::Column::SkuId.eq(shipment.sku_id))
        .filter(stock_entry::Column::EventId.in_subquery(of_line))
        .all(tx)
        .await?;
    let mut gone: BTreeMap<(i64, String), i64> = BTreeMap::new();
    for entry in entries {
        *gone.entry((entry.occurred_at, entry.location)).or_default() -= entry.quantity;
    }
    let part = |((at, location), units)| Gone { occurred_at: instant(at), location, units };
    Ok(gone.into_iter().map(part).collect())
}
