//! Single writes: each way that the card offers, at its limits, and when a write shows.

use std::sync::Arc;

use super::{Finding, Miss, Planned, Shop, cannot, check, ensure};
use crate::{
    card::{BelowZero, Figure, WriteMode, WriteWay},
    error::Class,
    stock::{Outcome, RefusedWhy, Write},
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("absolute writes are right at their limits", absolute),
        check("relative writes are right at their limits", relative),
        check("compare-and-set writes what is true and tells what isn't", compare_and_set),
        check("a figure outside the mall's range is never written", out_of_range),
        check("a write shows when the card says", effect),
        check("a push leaves an item's other fields alone", siblings),
    ]
}

/// The write of this mode that takes an item from `shown` to `target`.
pub(super) fn write(mode: WriteMode, shown: i64, target: i64) -> Write {
    match mode {
        WriteMode::Absolute => Write::Absolute(target),
        WriteMode::Relative => Write::Relative(target - shown),
        WriteMode::CompareAndSet => Write::CompareAndSet { from: shown, to: target },
    }
}

/// The outcome of one write alone. An all-or-nothing refusal is told like a refusal of the entry.
pub(super) async fn one(shop: &Shop, key: &str, write: Write) -> Result<Outcome, Miss> {
    let updates = shop.updates(&[(key.to_owned(), write)]).await?;
    match shop.push(&updates).await {
        Ok(outcomes) => match <[Outcome; 1]>::try_from(outcomes) {
            Ok([outcome]) => Ok(outcome),
            Err(outcomes) => Err(Miss::Failed(format!("{} outcomes for one update", outcomes.len()))),
        },
        Err(error) => match &error.class {
            Class::Rejected { refused } => match refused.as_slice() {
                [(0, refusal)] => Ok(Outcome::Refused(refusal.clone())),
                _ => Err(error.into()),
            },
            _ => Err(error.into()),
        },
    }
}

/// Writes step by step, and looks at the mall's own counter after each.
async fn steps(shop: &Shop, mode: WriteMode, figures: &[i64]) -> Finding {
    let key = shop.list(0, figures[0]);
    for step in figures.windows(2) {
        let (shown, target) = (step[0], step[1]);
        let write = write(mode, shown, target);
        let outcome = one(shop, &key, write).await?;
        let now = match outcome {
            Outcome::Applied { now } => now,
            Outcome::Pending { .. } => None,
            other => return ensure(false, || format!("{write:?} on {shown}: {other:?}")),
        };
        ensure(now.is_none_or(|now| now == target), || format!("{write:?} on {shown}: now {now:?}"))?;
        shop.take_effect();
        let figure = shop.figure(&key);
        ensure(figure == target, || format!("after {write:?} on {shown} the mall sells {figure}"))?;
    }
    Ok(())
}

fn way(shop: &Shop, mode: WriteMode) -> Result<&'static WriteWay, Miss> {
    shop.card()
        .writes
        .iter()
        .find(|way| way.mode == mode)
        .ok_or_else(|| Miss::CannotDo("the card offers no such write".into()))
}

async fn absolute(shop: Arc<Shop>) -> Finding {
    way(&shop, WriteMode::Absolute)?;
    let max = shop.card().quantity_max;
    if shop.fake.raises_absolutely() {
        return steps(&shop, WriteMode::Absolute, &[5, 0, 1, max, 0, 0, max.min(7), 1]).await;
    }
    steps(&shop, WriteMode::Absolute, &[max, max.min(7), 1, 1, 0, 0]).await?;
    let key = shop.list(1, 2);
    let outcome = one(&shop, &key, Write::Absolute(3)).await?;
    shop.take_effect();
    let refused = matches!(outcome, Outcome::Refused(_)) && shop.figure(&key) == 2;
    ensure(refused, || format!("3 where 2 are shown: {outcome:?}, and the mall sells {}", shop.figure(&key)))
}

async fn relative(shop: Arc<Shop>) -> Finding {
    let below_zero = way(&shop, WriteMode::Relative)?.below_zero;
    let max = shop.card().quantity_max;
    steps(&shop, WriteMode::Relative, &[5, 8, 7, 0, 1, max, max - 1, 0]).await?;
    let key = shop.list(1, 2);
    let outcome = one(&shop, &key, Write::Relative(-3)).await?;
    shop.take_effect();
    let figure = shop.figure(&key);
    let refused = matches!(&outcome, Outcome::Refused(refusal) if refusal.why == RefusedWhy::BelowZero);
    let applied = matches!(outcome, Outcome::Applied { now } if now.is_none_or(|now| now == figure));
    let as_said = match below_zero {
        BelowZero::Refused => refused && figure == 2,
        BelowZero::Negative => applied && figure == -1,
        BelowZero::Clamped => applied && figure == 0,
        BelowZero::Unknown => {
            if refused {
                figure == 2
            } else {
                applied
            }
        }
        BelowZero::NotApplicable => false,
    };
    ensure(as_said, || format!("2 less 3 is {below_zero:?} by the card; it was {outcome:?} and shows {figure}"))
}

async fn compare_and_set(shop: Arc<Shop>) -> Finding {
    way(&shop, WriteMode::CompareAndSet)?;
    let max = shop.card().quantity_max;
    steps(&shop, WriteMode::CompareAndSet, &[5, 0, 1, max, 0, 0, 3]).await?;
    let key = shop.list(1, 4);
    // Somebody bought one since we last looked.
    shop.place(&[(&key, 1)])?;
    let outcome = one(&shop, &key, Write::CompareAndSet { from: 4, to: 9 }).await?;
    ensure(outcome == Outcome::Conflict { shows: 3 }, || format!("the mall shows 3, expected was 4: {outcome:?}"))?;
    shop.take_effect();
    ensure(shop.figure(&key) == 3, || format!("a conflict wrote {}", shop.figure(&key)))
}

async fn out_of_range(shop: Arc<Shop>) -> Finding {
    let max = shop.card().quantity_max;
    for way in shop.card().writes {
        let targets: &[i64] = if way.mode == WriteMode::Relative { &[max + 5] } else { &[max + 5, -1] };
        for target in targets {
            let key = shop.list(0, 5);
            let write = write(way.mode, 5, *target);
            let outcome = one(&shop, &key, write).await?;
            shop.take_effect();
            let figure = shop.figure(&key);
            let fits = match outcome {
                Outcome::Refused(_) => figure == 5,
                // A mall that cuts the figure down to its range says what it shows instead.
                Outcome::Applied { now } => now == Some(figure) && (0..=max).contains(&figure),
                _ => false,
            };
            ensure(fits, || format!("{write:?} on 5: {outcome:?}, and the mall sells {}", shop.figure(&key)))?;
        }
    }
    Ok(())
}

async fn effect(shop: Arc<Shop>) -> Finding {
    for way in shop.card().writes {
        let key = shop.list(0, 5);
        let lag = shop.card().times.effect_lag;
        let outcome = one(&shop, &key, write(way.mode, 5, 3)).await?;
        let pending = matches!(outcome, Outcome::Pending { .. });
        let at_once = shop.figure(&key);
        let early = shown(&shop, &key).await?;
        if lag.is_some() {
            ensure(at_once == 5, || "the fake applies at once what the card says takes effect later".into())?;
            let figure = shop.card().reads.as_ref().map(|way| way.figure);
            let due = if figure == Some(Figure::Effective) { 5 } else { 3 };
            ensure(early.is_none_or(|early| early == due), || {
                format!("at once the reading is {early:?}, due was {due}")
            })?;
        } else if !pending {
            ensure(at_once == 3, || format!("{:?}: the mall sells {at_once} after {outcome:?}", way.mode))?;
            ensure(early.is_none_or(|early| early == 3), || format!("right after the write the reading is {early:?}"))?;
        }
        shop.take_effect();
        let late = shown(&shop, &key).await?;
        ensure(late.is_none_or(|late| late == 3), || format!("in the end the reading is {late:?}"))?;
        ensure(shop.figure(&key) == 3, || format!("in the end the mall sells {}", shop.figure(&key)))?;
    }
    Ok(())
}

/// The figure by read-back, where there is one.
async fn shown(shop: &Shop, key: &str) -> Result<Option<i64>, Miss> {
    let keys = shop.resolved(&[key.to_owned()]).await?;
    let Some(readings) = shop.read(&keys).await else { return Ok(None) };
    let quantity = readings?.into_iter().next().and_then(|reading| reading.found).and_then(|found| found.quantity);
    quantity.map(Some).ok_or_else(|| Miss::Failed(format!("no figure was read for {key}")))
}

async fn siblings(shop: Arc<Shop>) -> Finding {
    let siblings = shop.fake.siblings();
    if siblings.is_empty() {
        return cannot("the fake knows no field that a push could erase");
    }
    for way in shop.card().writes {
        let keys: Vec<_> =
            (0..way.batch_max.min(3)).map(|n| shop.list_as(n, 5, |item| item.siblings = siblings.clone())).collect();
        for (shown, target) in [(5, 3), (3, 0)] {
            let writes: Vec<_> = keys.iter().map(|key| (key.clone(), write(way.mode, shown, target))).collect();
            let outcomes = shop.push(&shop.updates(&writes).await?).await?;
            shop.take_effect();
            for key in &keys {
                let item = shop.book().item(key).ok_or_else(|| Miss::Failed(format!("the fake lost {key}")))?;
                ensure(item.counter == target, || format!("{:?} to {target}: {outcomes:?}", way.mode))?;
                ensure(item.siblings == siblings, || format!("{siblings:?} became {:?}", item.siblings))?;
            }
        }
    }
    Ok(())
}
