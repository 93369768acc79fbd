//! Many writes in one push: full batches, over-full ones, bad entries among good ones, and broken answers.

use std::sync::Arc;

use super::{Finding, Miss, Planned, Shop, cannot, check, ensure, writing::write};
use crate::{
    card::{Batch, WriteMode, WriteWay},
    error::{Applied, Class, Result as Called},
    fake::Fault,
    stock::{Outcome, RefusedWhy, Write},
};

/// Where each item of a batch begins. Not zero, so that a write to zero is seen.
const BEGIN: i64 = 5;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("a batch at its maximum is applied once", full),
        check("a batch over its maximum is refused, or split soundly", overfull),
        check("an unknown item does to its batch what the card says", unknown_item),
        check("modes that share an operation can share a batch", mixed_modes),
        check("what a push says is what happened", honest),
    ]
}

/// `count` listed items and a write for each, with the figure that it leads to.
pub(super) fn batch(shop: &Shop, mode: WriteMode, count: usize) -> Vec<(String, Write, i64)> {
    let entry = |n: usize| {
        let only_down = mode == WriteMode::Absolute && !shop.fake.raises_absolutely();
        let targets = if only_down { [0, 4, 3, 1] } else { [0, 7, 3, 12] };
        let target = targets[n % 4].min(shop.card().quantity_max);
        (shop.list(n, BEGIN), write(mode, BEGIN, target), target)
    };
    (0..count).map(entry).collect()
}

pub(super) async fn push(shop: &Shop, batch: &[(String, Write, i64)]) -> Result<Called<Vec<Outcome>>, Miss> {
    let writes: Vec<_> = batch.iter().map(|(key, write, _)| (key.clone(), *write)).collect();
    let updates = shop.updates(&writes).await?;
    Ok(shop.push(&updates).await)
}

/// Every entry was applied, and the mall's counters say so too.
fn applied(shop: &Shop, batch: &[(String, Write, i64)], outcomes: &[Outcome]) -> Finding {
    ensure(outcomes.len() == batch.len(), || format!("{} outcomes for {} updates", outcomes.len(), batch.len()))?;
    shop.take_effect();
    for ((key, write, target), outcome) in batch.iter().zip(outcomes) {
        let good = match outcome {
            Outcome::Applied { now } => now.is_none_or(|now| now == *target),
            Outcome::Pending { .. } => true,
            _ => false,
        };
        ensure(good, || format!("{key} {write:?}: {outcome:?}"))?;
        let figure = shop.figure(key);
        ensure(figure == *target, || format!("after {write:?} on {BEGIN}, {key} shows {figure}"))?;
    }
    Ok(())
}

fn untouched(shop: &Shop, batch: &[(String, Write, i64)]) -> Finding {
    shop.take_effect();
    for (key, ..) in batch {
        let figure = shop.figure(key);
        ensure(figure == BEGIN, || format!("the push failed as a whole, and {key} went from {BEGIN} to {figure}"))?;
    }
    Ok(())
}

async fn full(shop: Arc<Shop>) -> Finding {
    for way in shop.card().writes {
        let batch = batch(&shop, way.mode, way.batch_max);
        let outcomes = push(&shop, &batch).await??;
        applied(&shop, &batch, &outcomes)?;
    }
    Ok(())
}

async fn overfull(shop: Arc<Shop>) -> Finding {
    for way in shop.card().writes {
        for count in [way.batch_max + 1, way.batch_max * 3 + 1] {
            let batch = batch(&shop, way.mode, count);
            match push(&shop, &batch).await? {
                Ok(outcomes) => judge(&shop, &batch, &Ok(outcomes)).map_err(Miss::Failed)?,
                Err(error) => {
                    let named = matches!(error.class, Class::Rejected { .. } | Class::Malformed { .. });
                    ensure(named, || format!("{count} updates, {} fit: {error}", way.batch_max))?;
                    untouched(&shop, &batch)?;
                }
            }
        }
    }
    Ok(())
}

async fn unknown_item(shop: Arc<Shop>) -> Finding {
    for way in shop.card().writes.iter().filter(|way| way.batch_max > 1) {
        let count = way.batch_max.min(5);
        let mut batch = batch(&shop, way.mode, count);
        let bad = count / 2;
        batch[bad].0 = shop.fake.mall_key(9_000 + bad);
        let result = push(&shop, &batch).await?;
        judge_unknown(&shop, way, &batch, bad, result)?;
    }
    for way in shop.card().writes {
        let alone = [(shop.fake.mall_key(8_000), write(way.mode, BEGIN, 3), 3)];
        let result = push(&shop, &alone).await?;
        judge_unknown(&shop, way, &alone, 0, result)?;
    }
    Ok(())
}

fn judge_unknown(
    shop: &Shop,
    way: &WriteWay,
    batch: &[(String, Write, i64)],
    bad: usize,
    result: Called<Vec<Outcome>>,
) -> Finding {
    let good: Vec<_> = batch.iter().enumerate().filter(|(n, _)| *n != bad).map(|(_, entry)| entry.clone()).collect();
    match result {
        Ok(outcomes) => {
            ensure(outcomes.len() == batch.len(), || {
                format!("{} outcomes for {} updates", outcomes.len(), batch.len())
            })?;
            // Some malls accept a figure for an item that doesn't exist; only a read-back tells.
            let fits = match &outcomes[bad] {
                Outcome::Refused(refusal) => matches!(refusal.why, RefusedWhy::NoSuchItem | RefusedWhy::Other),
                Outcome::Applied { .. } => way.mode != WriteMode::CompareAndSet,
                Outcome::Pending { .. } | Outcome::Unknown => true,
                Outcome::Conflict { .. } => false,
            };
            ensure(fits, || format!("{:?} on an unknown item: {:?}", way.mode, outcomes[bad]))?;
            let refused = matches!(outcomes[bad], Outcome::Refused(_));
            if refused && way.batch == Batch::AllOrNothing && !good.is_empty() {
                return ensure(false, || format!("all or nothing by the card, and yet: {outcomes:?}"));
            }
            let mut rest = outcomes;
            rest.remove(bad);
            applied(shop, &good, &rest)
        }
        Err(error) => match &error.class {
            Class::Rejected { refused } if way.batch != Batch::PerItem || good.is_empty() => {
                let named: Vec<_> = refused.iter().map(|(index, _)| *index).collect();
                ensure(named == [bad], || format!("entry {bad} was bad, rejected for {refused:?}"))?;
                untouched(shop, &good)
            }
            _ => ensure(false, || format!("{:?} by the card, and a bad entry gave: {error}", way.batch)),
        },
    }
}

async fn mixed_modes(shop: Arc<Shop>) -> Finding {
    let ways = shop.card().writes;
    let Some(first) = ways.first() else { return cannot("no writes") };
    let alike: Vec<_> = ways.iter().filter(|way| way.operation == first.operation).collect();
    if alike.len() < 2 || alike.iter().any(|way| way.batch_max < 4) {
        return cannot("no operation takes several modes in one batch");
    }
    let mut batch = batch(&shop, first.mode, 4);
    for (n, (_, write, target)) in batch.iter_mut().enumerate() {
        *write = self::write(alike[n % alike.len()].mode, BEGIN, *target);
    }
    match push(&shop, &batch).await? {
        Ok(outcomes) => applied(&shop, &batch, &outcomes),
        Err(error) => {
            ensure(matches!(error.class, Class::Rejected { .. }), || format!("mixed modes: {error}"))?;
            untouched(&shop, &batch)
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
                let batch = batch(&shop, way.mode, way.batch_max.min(3));
                if late {
                    shop.fault(way.operation, Fault::Delay(std::time::Duration::ZERO));
                }
                shop.fault(way.operation, fault.clone());
                let result = push(&shop, &batch).await?;
                shop.book().clear_faults();
                judge(&shop, &batch, &result).map_err(|why| Miss::Failed(format!("{fault:?}: {why}")))?;
                // After an answer that says "too fast" the gate would be told to wait.
                shop.env.advance(std::time::Duration::from_secs(5));
            }
        }
    }
    Ok(())
}

pub(super) fn judge(shop: &Shop, batch: &[(String, Write, i64)], result: &Called<Vec<Outcome>>) -> Result<(), String> {
    shop.take_effect();
    if let Ok(outcomes) = result
        && outcomes.len() != batch.len()
    {
        return Err(format!("{} outcomes for {} updates", outcomes.len(), batch.len()));
    }
    for (n, (key, write, target)) in batch.iter().enumerate() {
        let figure = shop.figure(key);
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
        if !true_to_it {
            return Err(format!("{key} {write:?} on {BEGIN} shows {figure}, told as {claim} by {result:?}"));
        }
    }
    Ok(())
}
