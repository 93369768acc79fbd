//! The ledger in time: what lay where at any past instant, *as it was* (everything that occurred by then, as
//! known now) and *as it was known then* (only what had been recorded).
//!
//! A snapshot row says what a place held at the end of a business day, in both ways. Rows are made by
//! [`Store::close_days`], in pieces, only for places that changed that day; whatever is booked later for an
//! earlier instant corrects the rows in its own transaction. So each row is right at every moment, however
//! many of them exist, and a sum that begins at the newest one is the full sum: it only reads less. A reader
//! pays one seek and the entries of at most one day, or of the days that nobody has closed yet.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query},
};

use super::{
    Result, Store,
    dialect_time::{self, By, Place},
    entity::{meta, stock_entry, stock_event},
    first_id_at, instant, micros, stock,
};
use crate::domain::business_day::BusinessDays;

/// Entries per transaction.
const PIECE: u64 = 2_000;
/// A day is closed so long after its end, when what was on its way at midnight has been recorded.
const SETTLING: SignedDuration = SignedDuration::from_secs(60);

/// The end of the newest business day that snapshots may exist for.
const CLOSED: &str = "snapshots.closed";
/// The last entry whose day was looked at.
const CURSOR: &str = "snapshots.cursor";

/// On hand by location and bin.
pub type Holding = BTreeMap<(String, String), i64>;

impl Store {
    /// What lay where at `at`. With `known_at`, only what had been recorded by then.
    pub async fn on_hand_at(&self, code: &str, at: Timestamp, known_at: Option<Timestamp>) -> Result<Holding> {
        let tx = self.snapshot().await?;
        let sku = self.sku(&tx, code).await?;
        let was = as_it_was(&tx, sku.id, at).await?;
        match known_at {
            None => Ok(was),
            Some(known_at) => as_known_then(&tx, sku.id, was, at, known_at).await,
        }
    }

    /// Takes the snapshots of the days that are over, a piece at a time; true while there is more to do. A
    /// run that was interrupted, or kept from running for days, goes on where it was.
    pub async fn close_days(&self, days: &BusinessDays) -> Result<bool> {
        let closing = micros(days.last_end(self.now().saturating_sub(SETTLING).unwrap_or(Timestamp::MIN)));
        if number(&self.reader, CLOSED).await?.is_none_or(|closed| closed < closing) {
            // Before any row: whoever books from here on looks for rows to correct.
            let tx = self.begin().await?;
            write_number(&tx, CLOSED, closing).await?;
            tx.commit().await?;
        }
        let cursor = number(&self.reader, CURSOR).await?.unwrap_or(0);
        let last = first_id_at(instant(closing + 1)) - 1;
        let rows = stock_entry::Entity::find()
            .filter(stock_entry::Column::Id.gt(cursor))
            .filter(stock_entry::Column::Id.lte(last))
            .order_by_asc(stock_entry::Column::Id)
            .limit(PIECE)
            .all(&self.reader)
            .await?;
        let Some(end) = rows.last().map(|row| row.id) else { return Ok(false) };
        let mut wanted: BTreeSet<(Place, i64)> = BTreeSet::new();
        for row in &rows {
            for time in [row.occurred_at, row.recorded_at] {
                let end = micros(days.end_of(instant(time)));
                if end <= closing {
                    wanted.insert(((row.sku_id, row.location.clone(), row.bin.clone()), end));
                }
            }
        }
        let tx = self.begin().await?;
        stock::lock_skus(&tx, &rows.iter().map(|row| row.sku_id).collect()).await?;
        dialect_time::take_snapshots(&tx, &wanted.into_iter().collect::<Vec<_>>()).await?;
        write_number(&tx, CURSOR, end).await?;
        tx.commit().await?;
        Ok(rows.len() as u64 == PIECE)
    }

    /// Entries for instants that are closed already: their snapshots hold them too.
    pub(super) async fn correct_snapshots(
        &self,
        tx: &DatabaseTransaction,
        entries: &[stock_entry::Model],
    ) -> Result<()> {
        let Some(closed) = number(tx, CLOSED).await? else { return Ok(()) };
        let mut late: BTreeMap<Place, Vec<&stock_entry::Model>> = BTreeMap::new();
        let earlier = |entry: &stock_entry::Model| std::cmp::min(entry.occurred_at, entry.recorded_at);
        for entry in entries.iter().filter(|entry| earlier(entry) <= closed) {
            late.entry((entry.sku_id, entry.location.clone(), entry.bin.clone())).or_default().push(entry);
        }
        let first =
            |entries: &[&stock_entry::Model]| entries.iter().map(|entry| earlier(entry)).min().unwrap_or(i64::MAX);
        let since: Vec<_> = late.iter().map(|(place, entries)| (place.clone(), first(entries))).collect();
        let mut more = Vec::new();
        for (place, at) in dialect_time::snapshots_since(tx, &since).await? {
            let of_place = late.get(&place).map_or(&[][..], Vec::as_slice);
            let sum = |by: fn(&stock_entry::Model) -> i64| -> i64 {
                of_place.iter().filter(|entry| by(entry) <= at).map(|entry| entry.quantity).sum()
            };
            more.push((place, at, sum(|entry| entry.occurred_at), sum(|entry| entry.recorded_at)));
        }
        dialect_time::add_to_snapshots(tx, &more).await
    }
}

/// Everything that occurred by then, as known now.
pub(super) async fn as_it_was(db: &impl ConnectionTrait, sku_id: i64, at: Timestamp) -> Result<Holding> {
    holding(dialect_time::on_hand_at(db, sku_id, By::Occurred, micros(at)).await?)
}

/// What was in the books at that instant: what the hub computed with.
pub(super) async fn in_the_books(db: &impl ConnectionTrait, sku_id: i64, at: Timestamp) -> Result<Holding> {
    holding(dialect_time::on_hand_at(db, sku_id, By::Recorded, micros(at)).await?)
}

/// Less what occurred by `at`, but was heard of only after `known_at`.
async fn as_known_then(
    db: &impl ConnectionTrait,
    sku_id: i64,
    mut was: Holding,
    at: Timestamp,
    known_at: Timestamp,
) -> Result<Holding> {
    use stock_entry::Column;
    let later: Vec<(String, String, i64)> = stock_entry::Entity::find()
        .select_only()
        .columns([Column::Location, Column::Bin])
        .column_as(Column::Quantity.sum().cast_as("BIGINT"), "quantity")
        .filter(Column::SkuId.eq(sku_id))
        .filter(Column::RecordedAt.gt(micros(known_at)))
        .filter(Column::OccurredAt.lte(micros(at)))
        .group_by(Column::Location)
        .group_by(Column::Bin)
        .into_tuple()
        .all(db)
        .await?;
    for (location, bin, quantity) in later {
        *was.entry((location, bin)).or_default() -= quantity;
    }
    Ok(was)
}

fn holding(rows: Vec<(String, String, i64)>) -> Result<Holding> {
    Ok(rows.into_iter().map(|(location, bin, quantity)| ((location, bin), quantity)).collect())
}

/// When the places of some SKUs were counted, as far back as somebody asks, and whether people did.
pub(super) struct Anchors(HashMap<(i64, String), BTreeMap<i64, bool>>);

impl Anchors {
    /// `late`: SKUs, and the instants from which on their counts matter. `undone`: events that are about to be.
    pub(super) async fn load(tx: &DatabaseTransaction, late: &[(i64, i64)], undone: &BTreeSet<i64>) -> Result<Self> {
        let mut found: HashMap<_, BTreeMap<i64, bool>> = HashMap::new();
        let Some(since) = late.iter().map(|(_, since)| *since).min() else { return Ok(Self(found)) };
        for piece in stock::pieces(&late.iter().map(|(sku, _)| *sku).collect()) {
            let rows: Vec<(i64, String, i64, i64, Option<i64>)> = stock_entry::Entity::find()
                .select_only()
                .columns([stock_entry::Column::SkuId, stock_entry::Column::Location, stock_entry::Column::OccurredAt])
                .column(stock_entry::Column::EventId)
                .column(stock_event::Column::ImportId)
                .join(JoinType::InnerJoin, events_of_entries())
                .filter(stock_entry::Column::SkuId.is_in(piece))
                .filter(Expr::col((stock_entry::Entity, stock_entry::Column::OccurredAt)).gte(since))
                .filter(stock_event::Column::Kind.eq("stocktake"))
                .filter(is_not_undone())
                .into_tuple()
                .all(tx)
                .await?;
            for (sku, location, at, _, import) in rows.into_iter().filter(|row| !undone.contains(&row.3)) {
                *found.entry((sku, location)).or_default().entry(at).or_default() |= import.is_none();
            }
        }
        Ok(Self(found))
    }

    /// The first count of the place at or after the instant.
    pub(super) fn next(&self, sku: i64, location: &str, from: i64) -> Option<Timestamp> {
        self.0.get(&(sku, location.to_owned()))?.range(from..).next().map(|(at, _)| instant(*at))
    }

    /// Only what people counted, and the first count of each place; of anchors that were loaded from the beginning.
    pub(super) fn of_people(self) -> Self {
        let known = |counts: BTreeMap<i64, bool>| {
            let first = counts.keys().next().copied();
            counts.into_iter().filter(|(at, by_people)| *by_people || Some(*at) == first).collect()
        };
        Self(self.0.into_iter().map(|(place, counts)| (place, known(counts))).collect())
    }
}

/// Of a `stock_event`: no undone import has taken it back. (What a newer count takes back of a late event is linked
/// to it, too.)
pub(super) fn is_not_undone() -> Expr {
    use stock_event::Column;
    let opposite = Alias::new("opposite");
    let undone = Query::select()
        .expr(Expr::val(1))
        .from_as(stock_event::Entity, opposite.clone())
        .and_where(Expr::col((opposite.clone(), Column::Reverses)).equals((stock_event::Entity, Column::Id)))
        .and_where(Expr::col((opposite, Column::IdempotencyKey)).like(format!("{}%", stock::UNDO)))
        .to_owned();
    Expr::exists(undone).not()
}

pub(super) fn events_of_entries() -> RelationDef {
    stock_entry::Entity::belongs_to(stock_event::Entity)
        .from(stock_entry::Column::EventId)
        .to(stock_event::Column::Id)
        .into()
}

async fn number(db: &impl ConnectionTrait, name: &str) -> Result<Option<i64>> {
    let row = meta::Entity::find_by_id(name).one(db).await?;
    Ok(row.and_then(|row| row.value.parse().ok()))
}

async fn write_number(tx: &DatabaseTransaction, name: &str, number: i64) -> Result<()> {
    let row = meta::ActiveModel { name: Set(name.to_owned()), value: Set(number.to_string()) };
    let newer = OnConflict::column(meta::Column::Name).update_column(meta::Column::Value).to_owned();
    meta::Entity::insert(row).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(())
}
