//! Counts: what lies at a place, bins included, as of an instant. The newest one is the place's anchor.
//!
//! A piece of counts is booked with a fixed number of statements however many there are: what lies there now,
//! less what came after the instant, is what lay there then, and the database makes the sums.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::OnConflict,
};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    entity::{stock_balance, stock_count, stock_entry},
    ledger_time::Anchors,
    micros,
    stock::{Count, Movement, Posting, counts, lock_skus, pieces},
};
use crate::domain::ledger::{self, BINS, Entry, MAIN};

/// What came of counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Counts that were new.
    pub booked: usize,
    /// Of those, the ones that moved stock, or gave a place its first figure.
    pub differing: usize,
}

type Place = (i64, String);

impl Store {
    /// Books counts: the difference to the ledger *at the time of the count*, to the main bin. One count per
    /// SKU and location a call. Returns how many were new.
    pub async fn count(&self, tx: &DatabaseTransaction, taken: Vec<Count>) -> Result<usize> {
        let every: Vec<String> = BINS.map(str::to_owned).to_vec();
        Ok(self.count_all(tx, taken, &every).await?.booked)
    }

    /// `bins`: those whose units were counted, the main one always. What lies in the others is added.
    pub(super) async fn count_all(
        &self,
        tx: &DatabaseTransaction,
        taken: Vec<Count>,
        bins: &[String],
    ) -> Result<Counted> {
        let named = taken.iter().map(|count| count.sku_id).collect();
        lock_skus(tx, &named).await?;
        super::bundles::refuse_bundles(tx, &named).await?;
        let fresh = self.not_booked(tx, taken, |count| count.key.clone()).await?;
        let skus: BTreeSet<i64> = fresh.iter().map(|count| count.sku_id).collect();
        let known = counts(tx, &skus).await?;
        let shelves = at_the_time(tx, &fresh).await?;
        let is_superseded = |count: &&Count| {
            let newest = known.get(&(count.sku_id, count.location.clone()));
            newest.is_some_and(|newest| newest.counted_at > micros(count.as_of))
        };
        let late = |count: &Count| (count.sku_id, micros(count.as_of));
        let late: Vec<_> = fresh.iter().filter(is_superseded).map(late).collect();
        let newer = Anchors::load(tx, &late, &BTreeSet::new()).await?;
        let mut posting = Posting::new(self.now());
        let mut anchors = Vec::new();
        let mut done = Counted { booked: fresh.len(), differing: 0 };
        for count in &fresh {
            let place = (count.sku_id, count.location.clone());
            let superseded = is_superseded(&count);
            let there = shelves.get(&place);
            let there = || there.into_iter().flatten();
            let aside = there().filter(|(bin, _)| bin.as_str() != MAIN && !bins.contains(bin));
            let counted = count.counted + aside.map(|(_, units)| units).sum::<i64>();
            let sum = there().map(|(_, units)| units).sum();
            let difference = ledger::count_difference(counted, sum);
            done.differing += usize::from((difference != 0 && !superseded) || !known.contains_key(&place));
            let movement = count.movement(difference);
            let id = posting.event(self, &movement, None, Some(counted));
            if superseded {
                // It holds until the next one, and moves nothing after it.
                let after = micros(count.as_of) + 1;
                self.correct(&mut posting, id, &movement, |location| newer.next(place.0, location, after));
            } else {
                anchors.push(stock_count::ActiveModel {
                    sku_id: Set(count.sku_id),
                    location: Set(count.location.clone()),
                    counted_at: Set(micros(count.as_of)),
                    quantity: Set(counted),
                    event_id: Set(id),
                });
            }
        }
        self.post(tx, posting).await?;
        for piece in anchors.chunks(ROWS_PER_STATEMENT) {
            let newer = OnConflict::columns([stock_count::Column::SkuId, stock_count::Column::Location])
                .update_columns([
                    stock_count::Column::CountedAt,
                    stock_count::Column::Quantity,
                    stock_count::Column::EventId,
                ])
                .to_owned();
            stock_count::Entity::insert_many(piece.to_vec()).on_conflict(newer).exec_without_returning(tx).await?;
        }
        Ok(done)
    }

    /// Shipments of which the core never hears. A book doesn't hold them, whenever they are heard of: only what
    /// people counted does. One from before a book therefore lowers what the book is taken for.
    pub(super) async fn book_beside_counts(&self, tx: &DatabaseTransaction, movements: Vec<Movement>) -> Result<()> {
        let skus: BTreeSet<i64> = movements.iter().map(|movement| movement.sku_id).collect();
        lock_skus(tx, &skus).await?;
        let fresh = self.not_booked(tx, movements, |movement| movement.key.clone()).await?;
        let newest = counts(tx, &skus).await?;
        let late = |movement: &Movement, entry: &Entry| {
            let anchor = newest.get(&(movement.sku_id, entry.location.clone()));
            anchor.is_some_and(|anchor| micros(movement.occurred_at) <= anchor.counted_at)
        };
        let any_late = |movement: &&Movement| movement.entries.iter().any(|entry| late(movement, entry));
        // All of a place's counts: where nobody has counted, the first book of all is taken at its word.
        let all: Vec<_> = fresh.iter().filter(any_late).map(|movement| (movement.sku_id, i64::MIN)).collect();
        let people = Anchors::load(tx, &all, &BTreeSet::new()).await?.of_people();
        let mut posting = Posting::new(self.now());
        let mut lowered: BTreeMap<Place, i64> = BTreeMap::new();
        for movement in &fresh {
            let next = |location: &str| people.next(movement.sku_id, location, micros(movement.occurred_at));
            for entry in
                movement.entries.iter().filter(|entry| late(movement, entry) && next(&entry.location).is_none())
            {
                *lowered.entry((movement.sku_id, entry.location.clone())).or_default() += entry.quantity;
            }
            let id = posting.event(self, movement, None, None);
            self.correct(&mut posting, id, movement, next);
        }
        self.post(tx, posting).await?;
        for ((sku_id, location), units) in lowered {
            use stock_count::Column;
            stock_count::Entity::update_many()
                .col_expr(Column::Quantity, Column::Quantity.into_expr().add(units))
                .filter(Column::SkuId.eq(sku_id))
                .filter(Column::Location.eq(location))
                .exec(tx)
                .await?;
        }
        Ok(())
    }
}

impl Count {
    fn movement(&self, difference: i64) -> Movement {
        Movement {
            key: self.key.clone(),
            kind: "stocktake",
            sku_id: self.sku_id,
            occurred_at: self.as_of,
            source: self.source.clone(),
            reason: self.reason.clone(),
            import_id: self.import_id,
            entries: vec![Entry { location: self.location.clone(), bin: MAIN.into(), quantity: difference }],
        }
    }
}

/// What lay in each bin of the counted places at the instants of their counts.
async fn at_the_time(tx: &DatabaseTransaction, counts: &[Count]) -> Result<HashMap<Place, HashMap<String, i64>>> {
    let mut by_instant: BTreeMap<i64, BTreeMap<&str, BTreeSet<i64>>> = BTreeMap::new();
    for count in counts {
        let places = by_instant.entry(micros(count.as_of)).or_default();
        places.entry(&count.location).or_default().insert(count.sku_id);
    }
    let mut found: HashMap<Place, HashMap<String, i64>> = HashMap::new();
    for (as_of, places) in by_instant {
        for (location, skus) in places {
            for (sku_id, bin, units) in bins_at(tx, location, &skus, as_of).await? {
                *found.entry((sku_id, location.to_owned())).or_default().entry(bin).or_default() += units;
            }
        }
    }
    Ok(found)
}

/// The bins of a location at an instant: the balances, less what came after it.
pub(super) async fn bins_at(
    tx: &DatabaseTransaction,
    location: &str,
    skus: &BTreeSet<i64>,
    as_of: i64,
) -> Result<Vec<(i64, String, i64)>> {
    let mut found = Vec::new();
    for piece in pieces(skus) {
        let now: Vec<(i64, String, i64)> = stock_balance::Entity::find()
            .select_only()
            .columns([stock_balance::Column::SkuId, stock_balance::Column::Bin, stock_balance::Column::Quantity])
            .filter(stock_balance::Column::SkuId.is_in(piece.clone()))
            .filter(stock_balance::Column::Location.eq(location))
            .into_tuple()
            .all(tx)
            .await?;
        let after: Vec<(i64, String, i64)> = stock_entry::Entity::find()
            .select_only()
            .columns([stock_entry::Column::SkuId, stock_entry::Column::Bin])
            .column_as(stock_entry::Column::Quantity.sum().cast_as("BIGINT"), "units")
            .filter(stock_entry::Column::SkuId.is_in(piece))
            .filter(stock_entry::Column::Location.eq(location))
            .filter(stock_entry::Column::OccurredAt.gt(as_of))
            .group_by(stock_entry::Column::SkuId)
            .group_by(stock_entry::Column::Bin)
            .into_tuple()
            .all(tx)
            .await?;
        found.extend(now);
        found.extend(after.into_iter().map(|(sku, bin, units)| (sku, bin, -units)));
    }
    Ok(found)
}
