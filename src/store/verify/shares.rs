//! Invariant 11, and what modes and shares are beside it: the word of the last decision.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::IntoIden};

use super::{Check, Finding, Range, Result, ledger::codes};
use crate::{
    domain::{exposure::Mode, shelf::Shelf, suspend::State},
    store::{
        Store,
        bundles::Shelved,
        decisions::{Decision, last_decisions},
        entity::{blind, channel, share, stock},
        exposure::{Drawn, exposed},
        instant,
        retention::horizon,
    },
};

pub(super) async fn checks(store: &Store, tx: &DatabaseTransaction) -> Result<Vec<Check>> {
    let mut owned = Check::new(None, "each share is of a SKU in escrow");
    let mut decided = Check::new(None, "modes, shares and what is withheld are what was decided last");
    let mut settled = Check::new(Some(11), "in a settled escrow exposure is within sellable");
    let forgotten = horizon(tx).await?;
    let tables = [stock::Entity.into_iden(), share::Entity.into_iden(), blind::Entity.into_iden()];
    let mut after = i64::MIN;
    while let Some(range) = Range::next(tx, after, &tables).await? {
        after = range.to;
        let codes = codes(tx, range).await?;
        let rows = Rows::load(tx, range, forgotten).await?;
        let subject = |sku: i64, pool: &str| format!("{} in pool {pool}", codes.of(sku));
        rows.check_owners(&subject, &mut owned);
        rows.check_decisions(&subject, &mut decided);
        check_exposure(store, tx, &rows, &subject, &mut settled).await?;
    }
    Ok(vec![owned, decided, settled])
}

type Place = (i64, String);

/// What stands there about some SKUs.
struct Rows {
    stock: BTreeMap<Place, stock::Model>,
    shares: BTreeMap<Place, Vec<share::Model>>,
    /// By listing.
    blind: BTreeMap<Place, BTreeMap<i64, i64>>,
    last: HashMap<Place, Decision>,
    /// Decisions before it may be forgotten.
    forgotten: Option<Timestamp>,
}

impl Rows {
    async fn load(tx: &DatabaseTransaction, range: Range, forgotten: Option<Timestamp>) -> Result<Self> {
        let stock = stock::Entity::find().filter(range.holds(stock::Column::SkuId.into_expr())).all(tx).await?;
        let held = share::Entity::find().filter(range.holds(share::Column::SkuId.into_expr())).all(tx).await?;
        let kept = blind::Entity::find().filter(range.holds(blind::Column::SkuId.into_expr())).all(tx).await?;
        let mut shares: BTreeMap<Place, Vec<share::Model>> = BTreeMap::new();
        for row in held {
            shares.entry((row.sku_id, row.pool.clone())).or_default().push(row);
        }
        let mut blind: BTreeMap<Place, BTreeMap<i64, i64>> = BTreeMap::new();
        for row in kept {
            blind.entry((row.sku_id, row.pool)).or_default().insert(row.listing_id, row.units);
        }
        let named = shares.keys().chain(blind.keys()).map(|(sku, _)| *sku);
        let moded = stock.iter().filter(|row| row.mode.is_some()).map(|row| row.sku_id);
        let last = last_decisions(tx, &named.chain(moded).collect()).await?;
        let stock = stock.into_iter().map(|row| ((row.sku_id, row.pool.clone()), row)).collect();
        Ok(Self { stock, shares, blind, last, forgotten })
    }

    fn mode(&self, place: &Place) -> Mode {
        let mode = self.stock.get(place).and_then(|row| row.mode.as_deref());
        mode.and_then(Mode::parse).unwrap_or(Mode::Shared)
    }

    fn check_owners(&self, subject: &impl Fn(i64, &str) -> String, check: &mut Check) {
        for (place, shares) in &self.shares {
            check.saw(shares.len());
            if self.mode(place) == Mode::Escrow {
                continue;
            }
            for share in shares {
                check.found(|| Finding {
                    subject: subject(place.0, &place.1),
                    found: format!("listing {} has a share of {}", share.listing_id, share.units),
                    expected: "it is sold as shared, where nobody has one".into(),
                });
            }
        }
    }

    fn check_decisions(&self, subject: &impl Fn(i64, &str) -> String, check: &mut Check) {
        let places: BTreeSet<&Place> = self.stock.keys().chain(self.shares.keys()).chain(self.blind.keys()).collect();
        for place in places {
            let is_plain = self.stock.get(place).is_none_or(|row| row.mode.is_none());
            if is_plain && !self.shares.contains_key(place) && !self.blind.contains_key(place) {
                continue;
            }
            check.saw(1);
            if let Some((found, expected)) = self.difference(place) {
                check.found(|| Finding { subject: subject(place.0, &place.1), found, expected });
            }
        }
    }

    /// The first difference to what was decided: what stands there, and what was said.
    fn difference(&self, place: &Place) -> Option<(String, String)> {
        let mode = self.mode(place);
        let Some(last) = self.last.get(place) else {
            let since = self.stock.get(place).and_then(|row| row.mode_since).map(instant);
            let is_forgotten = since.zip(self.forgotten).is_some_and(|(since, horizon)| since < horizon);
            let nothing = || (format!("it is sold as {}", mode.word()), "no decision says so".to_owned());
            return (!is_forgotten).then(nothing);
        };
        if last.mode != Some(mode) {
            let said = last.mode.map_or("nothing", Mode::word);
            return Some((format!("it is sold as {}", mode.word()), format!("{said} was decided last")));
        }
        let shares = self.shares.get(place).map_or(&[][..], Vec::as_slice);
        let blind = self.blind.get(place);
        for of in &last.listings {
            let id = of.listing.parse().unwrap_or_default();
            let share = shares.iter().find(|share| share.listing_id == id);
            let given = share.map(|share| share.noted.unwrap_or(share.units));
            let word = |units: Option<i64>| units.map_or("none".to_owned(), |units| units.to_string());
            if given != of.share {
                let found = format!("listing {id} was given a share of {}", word(given));
                return Some((found, format!("{} was decided last", word(of.share))));
            }
            if let Some(share) = share.filter(|share| !(0..=given.unwrap_or(0)).contains(&share.units)) {
                let found = format!("listing {id} has {} of its share left", share.units);
                return Some((found, format!("it was given {}, which only sales lower", word(given))));
            }
            let withheld = blind.and_then(|blind| blind.get(&id)).copied().unwrap_or(0);
            if withheld != of.blind {
                let found = format!("{withheld} are withheld for what listing {id} may have sold");
                return Some((found, format!("{} was decided last", of.blind)));
            }
        }
        let total: i64 = shares.iter().map(|share| share.noted.unwrap_or(share.units)).sum();
        let said: i64 = last.listings.iter().filter_map(|of| of.share).sum();
        (total != said).then(|| (format!("the shares sum to {total}"), format!("{said} was decided last")))
    }
}

/// Where every figure is known, nothing is on its way and nothing waits to be lowered, what the malls may sell is
/// there. Facts that the hub has no part in, as a count that finds less, leave something to be lowered.
async fn check_exposure(
    store: &Store,
    tx: &DatabaseTransaction,
    rows: &Rows,
    subject: &impl Fn(i64, &str) -> String,
    check: &mut Check,
) -> Result<()> {
    let mut by_pool: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for ((sku, pool), row) in &rows.stock {
        if row.mode.as_deref() == Some(Mode::Escrow.word()) && !row.due {
            by_pool.entry(pool).or_default().insert(*sku);
        }
    }
    if by_pool.is_empty() {
        return Ok(());
    }
    let active = channel::Entity::find().filter(channel::Column::State.eq(State::Active.word()));
    let written = active.filter(channel::Column::Absence.is_null()).all(tx).await?;
    let written: BTreeSet<String> = written.into_iter().map(|row| row.id).collect();
    for (pool, skus) in by_pool {
        let shelved = Shelved::load(tx, pool, &skus).await?;
        let draws = store.draws_on(tx, pool, &skus).await?;
        for sku in &skus {
            let drawn: Vec<Drawn> =
                draws.get(sku).into_iter().flatten().filter(|drawn| drawn.counts()).cloned().collect();
            let Some(sellable) = shelved.shelves.get(sku).and_then(Shelf::sellable) else { continue };
            check.saw(1);
            let exposure = exposed(&drawn);
            // A channel that has not begun shows what somebody else has it show, and one that can't be written what it did.
            let has_begun = |drawn: &Drawn| {
                let last = rows.last.get(&(*sku, pool.to_owned()));
                last.is_none_or(|last| !last.is_plan_of(drawn.listed.id()))
            };
            let is_written = |drawn: &Drawn| {
                written.contains(&drawn.listed.listing.channel) && drawn.listed.publication.set_aside_until.is_none()
            };
            let ours = drawn.iter().all(|drawn| has_begun(drawn) && is_written(drawn));
            if ours && drawn.iter().all(rests) && exposure > sellable.max(0) {
                check.found(|| Finding {
                    subject: subject(*sku, pool),
                    found: format!("the malls may sell {exposure}"),
                    expected: format!("{sellable} are sellable, and nothing is about to be lowered"),
                });
            }
        }
    }
    Ok(())
}

/// Known, with nothing on its way, and not above what it ought to show.
fn rests(drawn: &Drawn) -> bool {
    let belief = &drawn.listed.publication;
    let known = belief.shown().filter(|shown| shown.low == shown.high && belief.is_settled());
    known.is_some_and(|shown| belief.target.is_some_and(|target| shown.high <= target))
}
