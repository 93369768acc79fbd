//! "Why is it 3?": the derivation of a SKU's numbers from rows, now or at a past instant.
//!
//! One file per term. Now, each reads the rows that recomputation reads, so the tree ends at the stored target.
//! For a past instant each reads what had been *recorded* by then, which is what the hub computed with: entries
//! from the newest snapshot on, order lines by their events, holds by when they began and ended, what malls
//! showed by the anchors of that time, rules by their history, shares and what was withheld by the decision in force.
//! Mappings and pools are those of today. Each list is cut: the newest few are named, the rest is one term with their
//! sum, so that the cost does not grow with the history.

mod core;
mod exposure;
mod holds;
mod on_hand;
mod shown;
mod unshipped;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::{
    Result, Store, StoreError,
    bundles::exploded,
    entity::{channel, listing, sku, stock},
    plans,
    rules::{self, overrides},
    sheets::{Outline, Outlines},
    stops,
};
use crate::domain::{
    allocation::Overrides,
    explain::{self, Term},
};

/// Facts that are named one by one; what is older is one sum.
const NAMED: usize = 10;
/// Beyond that nobody counts how many older ones there are.
const COUNTED: usize = 100;

/// Of what, and when.
#[derive(Clone, Debug, Default)]
pub struct Question<'a> {
    pub sku: &'a str,
    /// Only this channel's listings.
    pub channel: Option<&'a str>,
    /// `None`: now.
    pub at: Option<Timestamp>,
    /// The past is kept from there on; before it, things may be missing.
    pub kept_from: Option<Timestamp>,
}

/// The rows are read as they are, or as they were in the books at an instant.
#[derive(Clone, Copy)]
enum When {
    Now,
    At(Timestamp),
}

impl Question<'_> {
    fn horizon(&self) -> Option<Term> {
        let kept_from = self.kept_from.filter(|from| self.at.is_some_and(|at| at < *from))?;
        let missing = "the past is kept from there on: before it, things may be missing here";
        Some(Term::unknown("horizon", missing).at(kept_from))
    }
}

impl Store {
    /// The whole derivation: each pool's sellable, and each listing from what its mall shows.
    pub async fn explain(&self, question: &Question<'_>, outlines: &Outlines) -> Result<Term> {
        let tx = self.snapshot().await?;
        let when = self.when(question)?;
        let wanted = self.sku(&tx, question.sku).await?;
        if let When::At(at) = when
            && wanted.created_at > super::micros(at)
        {
            let since = super::instant(wanted.created_at);
            return Ok(Term::heading("sku", Vec::new()).from(format!("{}: known since {since}", wanted.code)).at(at));
        }
        let channels = self.channels_asked(&tx, question).await?;
        let mut listings = listing::Entity::find().filter(listing::Column::SkuId.eq(wanted.id)).all(&tx).await?;
        listings.retain(|row| channels.contains_key(&row.channel));
        listings.sort_by(|a, b| (&a.channel, &a.mall_key).cmp(&(&b.channel, &b.mall_key)));
        let mut pools = HashMap::new();
        let at = question.at.unwrap_or(self.now());
        let mut terms: Vec<Term> = question.horizon().into_iter().collect();
        terms.extend(plan_term(&tx, wanted.id, at).await?);
        for pool in self.pools_asked(&tx, wanted.id, question, &channels).await? {
            let sellable = self.sellable(&tx, &pool, &wanted, when).await?;
            terms.push(sellable.clone());
            pools.insert(pool, sellable);
        }
        let mut showing = self.showing(&tx, listings.iter().map(|row| row.id).collect(), outlines).await?;
        for row in &listings {
            let (Some(channel), Some(outline)) = (channels.get(&row.channel), outlines.get(&row.channel)) else {
                continue;
            };
            let Some(sellable) = pools.get(&channel.pool).cloned() else { continue };
            let target = target(&tx, row, (channel, outline), sellable, self.now(), when).await?;
            let Some((listed, sheet)) = showing.remove(&row.id) else { continue };
            terms.push(match when {
                When::Now => shown::now(&tx, &listed, &sheet, channel, target).await?,
                When::At(at) => shown::past(&tx, row, at, target).await?,
            });
        }
        let root = Term::heading("sku", terms)
            .from(wanted.name.map_or(wanted.code.clone(), |name| format!("{} {name}", wanted.code)));
        Ok(root.at(at))
    }

    fn when(&self, question: &Question<'_>) -> Result<When> {
        match question.at {
            Some(at) if at > self.now() => {
                Err(StoreError::Invalid(format!("at: {at} lies in the future: it is {} here", self.now())))
            }
            Some(at) => Ok(When::At(at)),
            None => Ok(When::Now),
        }
    }

    async fn channels_asked(
        &self,
        tx: &DatabaseTransaction,
        question: &Question<'_>,
    ) -> Result<HashMap<String, channel::Model>> {
        let rows = channel::Entity::find().filter(channel::Column::Configured.eq(true)).all(tx).await?;
        let mut channels: HashMap<_, _> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        if let Some(only) = question.channel {
            channels.retain(|id, _| id == only);
            if channels.is_empty() {
                return Err(StoreError::Missing { kind: "channel", name: only.to_owned() });
            }
        }
        Ok(channels)
    }

    async fn pools_asked(
        &self,
        tx: &DatabaseTransaction,
        sku_id: i64,
        question: &Question<'_>,
        channels: &HashMap<String, channel::Model>,
    ) -> Result<BTreeSet<String>> {
        let rows = stock::Entity::find().filter(stock::Column::SkuId.eq(sku_id)).all(tx).await?;
        let pools = rows.into_iter().map(|row| row.pool);
        Ok(match question.channel {
            Some(_) => channels.values().map(|row| row.pool.clone()).collect(),
            None => pools.collect(),
        })
    }

    /// What can be sold: of a bundle, as much as its scarcest component gives.
    async fn sellable(&self, tx: &DatabaseTransaction, pool: &str, wanted: &sku::Model, when: When) -> Result<Term> {
        let made_of = exploded(tx, &[wanted.id].into()).await?;
        let components = made_of.get(&wanted.id).map_or(&[][..], Vec::as_slice);
        let place = format!("pool {pool}");
        if let [one] = components
            && one.sku_id == wanted.id
        {
            return Ok(stocked(tx, pool, wanted.id, when).await?.from(place));
        }
        let mut terms = Vec::new();
        for part in components {
            let code = super::catalogue::sku_code(tx, part.sku_id).await?;
            let of = stocked(tx, pool, part.sku_id, when).await?.from(format!("{code} in pool {pool}"));
            let each = Term::fact("quantity", part.quantity, format!("{code} in each {}", wanted.code));
            terms.push(Term::divided("component", of, each).from(code));
        }
        Ok(Term::min("sellable", terms).from(place))
    }
}

/// Everything that sellable is made of: one term, one file.
async fn stocked(tx: &DatabaseTransaction, pool: &str, sku_id: i64, when: When) -> Result<Term> {
    let terms = vec![
        on_hand::term(tx, pool, sku_id, when).await?,
        unshipped::term(tx, pool, sku_id, when).await?.minus(),
        holds::held(tx, pool, sku_id, when).await?.minus(),
        holds::provisional(tx, pool, sku_id, when).await?.minus(),
        core::term(tx, pool, sku_id, when).await?.minus(),
    ];
    Ok(Term::sum("sellable", terms))
}

async fn target(
    tx: &DatabaseTransaction,
    row: &listing::Model,
    (channel, outline): (&channel::Model, &Outline),
    sellable: Term,
    now: Timestamp,
    when: When,
) -> Result<Term> {
    let at = match when {
        When::Now => now,
        When::At(at) => at,
    };
    let then = rules::rules_at(tx, row, at).await?;
    let own = match (when, &then.own) {
        (When::At(_), Some(own)) => Overrides::from(&own.rules),
        _ => overrides(row),
    };
    let rules = then.channel.map(|ruled| ruled.rules.rules).unwrap_or_default();
    let units = match (when, &then.own) {
        (When::At(_), Some(own)) => own.rules.units,
        _ => row.units,
    };
    let made_of = exploded(tx, &[row.sku_id].into()).await?;
    let made_of = made_of.get(&row.sku_id).map_or(&[][..], Vec::as_slice);
    let part = exposure::part(tx, &channel.pool, row, made_of, &sellable, (when, at)).await?;
    let plan = plans::of_skus(tx, &[row.sku_id].into(), at).await?.remove(&row.sku_id);
    let terms = explain::Terms {
        channel: &row.channel,
        rules: &rules,
        own: &own,
        plan: plan.as_deref(),
        units,
        quantity_max: outline.quantity_max,
        at,
        share: part.share.as_ref().map(|(units, why)| (*units, why.as_str())),
        blind: (part.blind.0, &part.blind.1),
    };
    off_sale(tx, row.sku_id, when, explain::target(sellable, &terms)).await
}

/// A stop stands before everything that gives a target.
async fn off_sale(tx: &DatabaseTransaction, sku: i64, when: When, target: Term) -> Result<Term> {
    let at = match when {
        When::Now => None,
        When::At(at) => Some(at),
    };
    let Some(stop) = stops::stopped_among(tx, &[sku].into(), at).await?.remove(&sku) else { return Ok(target) };
    let zero = Term::fact("stopped", 0, stops::told(tx, &stop).await?).at(stops::since(&stop));
    Ok(Term::replaced("target", target, zero))
}

/// The sale plan that the SKU follows, or followed then: what it says, and whose it is.
async fn plan_term(tx: &DatabaseTransaction, sku: i64, at: Timestamp) -> Result<Option<Term>> {
    let row = plans::rows_of_skus(tx, &[sku].into(), at).await?.remove(&sku);
    Ok(row.map(|row| {
        let plan = plans::plan_of(&row);
        let says = format!("{:?} by {}: {}, until {}", plan.name, row.by, plans::says(&plan), plan.until);
        Term::unknown("plan", says).at(plan.from)
    }))
}

/// Names the newest facts and says how many more there are; `total` is what all of them come to.
fn cut(mut named: Vec<Term>, total: i64, more: Option<String>) -> Vec<Term> {
    let listed: i64 = named.iter().filter_map(Term::whole).sum();
    if let Some(more) = more {
        named.push(Term::fact("earlier", total - listed, more));
    } else if total != listed {
        named.push(Term::fact("other", total - listed, "not told apart"));
    }
    named
}
