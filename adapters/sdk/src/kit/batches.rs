//! Many writes in one push: full batches, over-full ones, bad entries among good ones, and broken answers.

use std::{sync::Arc, time::Duration};

use super::{
    Finding, Miss, Planned, Shop, cannot, check, ensure, failed, listings::update, tickets::decided, writing::write,
};
use crate::{
    card::{Batch, WriteMode, WriteWay},
    error::{Applied, Class, Result as Called},
    fake::Fault,
    mall::ListingKey,
    stock::{Outcome, RefusedWhy, Write},
};

/// Where each item of a batch begins. Not zero, so that a write to zero is seen.
const BEGIN: i64 = 5;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "a batch at its maximum is applied once",
            "`WriteWay::batch_max`: the most updates that one push may carry; one outcome per update, in order",
            full,
        ),
        check(
            "a batch over its maximum is refused, or split soundly",
            "`Mall::push`: more than batch_max is an error with nothing written, or is split so that each is right",
            overfull,
        ),
        check(
            "an unknown item does to its batch what the card says",
            "`Batch`: what becomes of good entries beside bad ones; `Class::Rejected` names the bad ones by index",
            unknown_item,
        ),
        check(
            "modes that share an operation can share a batch",
            "`WriteWay::operation`: a push holds updates of every mode that the operation has",
            mixed_modes,
        ),
        check(
            "what a push says is what happened",
            "`Outcome`: Applied was written, a refusal was not, and whoever doesn't know says Unknown",
            honest,
        ),
    ]
}

pub(super) struct Entry {
    pub(super) listing: ListingKey,
    pub(super) write: Write,
    /// The figure that it leads to.
    pub(super) target: i64,
}

/// `count` listed items of the way's kind, or as many as it takes for that way, and a write for each.
pub(super) async fn batch(shop: &Shop, way: &WriteWay, count: usize) -> Result<Vec<Entry>, Miss> {
    let listings = shop.list_many(way.kind, count.max(shop.least(way)), BEGIN).await?;
    let absolute = shop.card().offers(WriteMode::Absolute);
    let targets = if absolute && !shop.fake.raises_absolutely() { [0_i64, 4, 3, 1] } else { [0, 7, 3, 12] };
    let entry = |(n, listing): (usize, ListingKey)| {
        let target = targets[n % 4].min(shop.card().quantity_max);
        Entry { listing, write: write(way.mode, BEGIN, target), target }
    };
    Ok(listings.into_iter().enumerate().map(entry).collect())
}

/// As the push was answered at first.
pub(super) async fn push(shop: &Shop, batch: &[Entry]) -> Called<Vec<Outcome>> {
    let updates: Vec<_> = batch.iter().map(|entry| update(&entry.listing, entry.write)).collect();
    shop.push(&updates).await
}

/// What it came to in the end, when every fault is over.
pub(super) async fn in_the_end(
    shop: &Shop,
    batch: &[Entry],
    told: Called<Vec<Outcome>>,
) -> Result<Called<Vec<Outcome>>, Miss> {
    match told {
        Ok(outcomes) => {
            one_each(batch, &outcomes)?;
            Ok(Ok(decided(shop, outcomes).await?))
        }
        Err(error) => Ok(Err(error)),
    }
}

fn one_each(batch: &[Entry], outcomes: &[Outcome]) -> Finding {
    let expected = || format!("{} outcomes for as many updates", batch.len());
    ensure(outcomes.len() == batch.len(), || (expected(), outcomes.len().to_string()))
}

/// Every entry was applied, and the mall's counters say so too.
fn applied(shop: &Shop, batch: &[&Entry], outcomes: &[Outcome]) -> Finding {
    shop.take_effect();
    for (Entry { listing, write, target }, outcome) in batch.iter().copied().zip(outcomes) {
        let key = &listing.key;
        let good = matches!(outcome, Outcome::Applied { now } if now.is_none_or(|now| now == *target));
        ensure(good, || (format!("{write:?} of {key} applied, to show {target}"), format!("{outcome:?}")))?;
        let figure = shop.figure(key);
        ensure(figure == *target, || {
            (format!("{target} for sale of {key} after {write:?} on {BEGIN}"), figure.to_string())
        })?;
    }
    Ok(())
}

fn untouched<'a>(shop: &Shop, mut batch: impl Iterator<Item = &'a Entry>) -> Finding {
    shop.take_effect();
    batch.try_for_each(|entry| {
        let figure = shop.figure(&entry.listing.key);
        ensure(figure == BEGIN, || {
            let key = &entry.listing.key;
            ("nothing written by a push that failed as a whole", format!("{key} went from {BEGIN} to {figure}"))
        })
    })
}

async fn full(shop: Arc<Shop>) -> Finding {
    for way in shop.card().writes {
        let batch = batch(&shop, way, way.batch_max).await?;
        let outcomes = in_the_end(&shop, &batch, push(&shop, &batch).await).await??;
        applied(&shop, &batch.iter().collect::<Vec<_>>(), &outcomes)?;
        clear_away(&shop, &batch);
    }
    Ok(())
}

/// A shop that lists much is slow to look through, for its fake as well.
fn clear_away(shop: &Shop, batch: &[Entry]) {
    batch.iter().for_each(|entry| shop.book().unlist(&entry.listing.key));
}

/// One too many, and far too many: three batches of which the last holds one, where batches are small.
pub(super) fn over(max: usize) -> [usize; 2] {
    [max + 1, (max * 3 + 1).min(max + 150)]
}

async fn overfull(shop: Arc<Shop>) -> Finding {
    for way in shop.card().writes {
        for count in over(way.batch_max) {
            let batch = batch(&shop, way, count).await?;
            match in_the_end(&shop, &batch, push(&shop, &batch).await).await? {
                Ok(outcomes) => judge(&shop, &batch, &Ok(outcomes))?,
                Err(error) => {
                    let named = matches!(error.class, Class::Rejected { .. } | Class::Malformed { .. });
                    let expected = || format!("{count} updates, {} fit: Rejected, or split", way.batch_max);
                    ensure(named, || (expected(), error.to_string()))?;
                    untouched(&shop, batch.iter())?;
                }
            }
            clear_away(&shop, &batch);
        }
    }
    Ok(())
}

/// One that the mall has never had, and one that it had when it was mapped.
async fn unknown_item(shop: Arc<Shop>) -> Finding {
    for (at, way) in shop.card().writes.iter().enumerate() {
        for count in [way.batch_max.min(5), 1] {
            let count = count.max(shop.least(way));
            // Items of their own: a mall may keep what was written to one that it doesn't have.
            let gone = shop.list_kind(way.kind, shop.least(way).max(20) + 10 * at + count, BEGIN).await?;
            shop.book().unlist(&gone.key);
            judge_beside(&shop, way, count, gone).await?;
            // The kind of what never was can't be told.
            if shop.kinds().len() == 1 {
                let never = shop.fake.mall_key(9_000 + 10 * at + count);
                let answers = shop.resolve(&[never]).await?;
                if let Some(Ok(never)) = answers.into_iter().next().map(|answer| answer.key) {
                    judge_beside(&shop, way, count, never).await?;
                }
            }
        }
    }
    Ok(())
}

async fn judge_beside(shop: &Shop, way: &WriteWay, count: usize, unknown: ListingKey) -> Finding {
    let mut batch = batch(shop, way, count).await?;
    let bad = count / 2;
    batch[bad].listing = unknown;
    let told = push(shop, &batch).await;
    let result = in_the_end(shop, &batch, told).await?;
    judge_unknown(shop, way, &batch, bad, result)
}

fn judge_unknown(shop: &Shop, way: &WriteWay, batch: &[Entry], bad: usize, result: Called<Vec<Outcome>>) -> Finding {
    let good: Vec<_> = batch.iter().enumerate().filter(|(n, _)| *n != bad).map(|(_, entry)| entry).collect();
    match result {
        Ok(mut outcomes) => {
            let all = format!("{outcomes:?}");
            let told = outcomes.remove(bad);
            // Some malls accept a figure for an item that doesn't exist; only a read-back tells.
            let fits = match &told {
                Outcome::Refused(refusal) => matches!(refusal.why, RefusedWhy::NoSuchItem | RefusedWhy::Other),
                Outcome::Applied { .. } => way.mode != WriteMode::CompareAndSet,
                Outcome::Unknown => true,
                Outcome::Pending { .. } | Outcome::Conflict { .. } => false,
            };
            ensure(fits, || (format!("{:?} on an unknown item refused", way.mode), format!("{told:?}")))?;
            let spared = !matches!(told, Outcome::Refused(_)) || way.batch != Batch::AllOrNothing || good.is_empty();
            ensure(spared, || ("all or nothing, by the card", all))?;
            applied(shop, &good, &outcomes)
        }
        Err(error) => match &error.class {
            Class::Rejected { refused } if way.batch != Batch::PerItem || good.is_empty() => {
                let named: Vec<_> = refused.iter().map(|(index, _)| *index).collect();
                let expected = || format!("rejected for entry {bad}, which was the bad one");
                ensure(named == [bad], || (expected(), format!("{refused:?}")))?;
                untouched(shop, good.into_iter())
            }
            _ => {
                let expected = format!("{:?} by the card: the good entries spared, or the bad one named", way.batch);
                Err(failed(expected, error.to_string()))
            }
        },
    }
}

async fn mixed_modes(shop: Arc<Shop>) -> Finding {
    let ways = shop.card().writes;
    let Some(first) = ways.first() else { return cannot("no writes") };
    let alike = |way: &&WriteWay| way.operation == first.operation && way.kind == first.kind;
    let alike: Vec<_> = ways.iter().filter(alike).collect();
    if alike.len() < 2 || alike.iter().any(|way| way.batch_max < 4) {
        return cannot("no operation takes several modes in one batch");
    }
    let mut batch = batch(&shop, first, 4).await?;
    for (n, entry) in batch.iter_mut().enumerate() {
        entry.write = write(alike[n % alike.len()].mode, BEGIN, entry.target);
    }
    match in_the_end(&shop, &batch, push(&shop, &batch).await).await? {
        Ok(outcomes) => applied(&shop, &batch.iter().collect::<Vec<_>>(), &outcomes),
        Err(error) => {
            let named = matches!(error.class, Class::Rejected { .. });
            ensure(named, || ("mixed modes applied, or Rejected", error.to_string()))?;
            untouched(&shop, batch.iter())
        }
    }
}

/// Under every fault, on the first request of a push or the second: no outcome contradicts the counters.
async fn honest(shop: Arc<Shop>) -> Finding {
    let faults = [
        Fault::Status(500),
        Fault::StatusAfter(500),
        Fault::StatusAfter(503),
        Fault::CloseBefore,
        Fault::CloseAfter,
        Fault::Truncate,
        Fault::Throttle { retry_after: Some(3) },
        Fault::Maintenance,
        Fault::Expired,
        Fault::Partial,
        Fault::Garbage(b"{}".to_vec()),
    ];
    for way in shop.card().writes {
        for fault in &faults {
            for late in [false, true] {
                let batch = batch(&shop, way, way.batch_max.min(3)).await?;
                if late {
                    shop.fault(way.operation, Fault::Delay(Duration::ZERO));
                }
                shop.fault(way.operation, fault.clone());
                let told = push(&shop, &batch).await;
                shop.book().clear_faults();
                let result = in_the_end(&shop, &batch, told).await?;
                judge(&shop, &batch, &result).map_err(|miss| miss.within(format!("{fault:?}")))?;
                // What was sent may land while the next batch is looked at. And "too fast" asks for a wait.
                shop.land();
            }
        }
    }
    Ok(())
}

pub(super) fn judge(shop: &Shop, batch: &[Entry], result: &Called<Vec<Outcome>>) -> Finding {
    shop.take_effect();
    if let Ok(outcomes) = result {
        one_each(batch, outcomes)?;
    }
    for (n, Entry { listing, write, target }) in batch.iter().enumerate() {
        let figure = shop.figure(&listing.key);
        let (written, kept) = (figure == *target, figure == BEGIN);
        let (claim, true_to_it) = match result {
            Ok(outcomes) => match &outcomes[n] {
                Outcome::Applied { .. } => ("applied", written),
                Outcome::Refused(_) | Outcome::Conflict { .. } => ("not written", kept),
                Outcome::Pending { .. } | Outcome::Unknown => ("unknown", true),
            },
            Err(error) => match &error.class {
                Class::Transient { applied: Applied::Unknown } | Class::Malformed { .. } => ("unknown", true),
                _ => ("not written", kept),
            },
        };
        ensure(true_to_it, || {
            let seen = format!("{figure} for sale after {write:?} on {BEGIN}, told by {result:?}");
            (format!("{} {claim}, as the push says", listing.key), seen)
        })?;
    }
    Ok(())
}
