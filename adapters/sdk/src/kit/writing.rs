//! Single writes: each way that the card offers, for each kind of listing, at its limits, and when a write shows.

use std::sync::Arc;

use super::{Finding, Miss, Planned, Shop, cannot, check, ensure, failed, listings::update, tickets::decided};
use crate::{
    card::{BelowZero, Figure, WriteMode, WriteWay},
    error::Class,
    mall::ListingKey,
    stock::{Outcome, RefusedWhy, Write},
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "absolute writes are right at their limits",
            "`Write::Absolute`: shows exactly this many, zero and `Card::quantity_max` included",
            absolute,
        ),
        check(
            "relative writes are right at their limits",
            "`Write::Relative`, `WriteWay::below_zero`: adds so many, and below zero does what the card says",
            relative,
        ),
        check(
            "compare-and-set writes what is true and tells what isn't",
            "`Outcome::Conflict`: the mall shows another figure, which it tells, and nothing was written",
            compare_and_set,
        ),
        check(
            "a figure outside the mall's range is never written",
            "`Card::quantity_max`, `RefusedWhy::OutOfRange`: refused, or cut down and told so",
            out_of_range,
        ),
        check(
            "a write shows when the card says",
            "`Times::effect_lag`, `ReadWay::figure`: accepted now, effective later, and which of both a read gives",
            effect,
        ),
        check(
            "a push leaves an item's other fields alone",
            "`Mall::push`: sibling fields that a write would erase are read and sent along",
            siblings,
        ),
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

/// The outcome of one write alone, as it was first told. An all-or-nothing refusal is a refusal of the entry.
async fn first_told(shop: &Shop, listing: &ListingKey, write: Write) -> Result<Outcome, Miss> {
    match shop.push(&[update(listing, write)]).await {
        Ok(outcomes) => {
            let one = <[Outcome; 1]>::try_from(outcomes);
            let [outcome] = one.map_err(|outcomes| failed("one outcome for one update", format!("{outcomes:?}")))?;
            Ok(outcome)
        }
        Err(error) => match &error.class {
            Class::Rejected { refused } => match refused.as_slice() {
                [(0, refusal)] => Ok(Outcome::Refused(refusal.clone())),
                _ => Err(error.into()),
            },
            _ => Err(error.into()),
        },
    }
}

/// What a write came to in the end.
async fn one(shop: &Shop, listing: &ListingKey, write: Write) -> Result<Outcome, Miss> {
    let told = first_told(shop, listing, write).await?;
    let mut in_the_end = decided(shop, vec![told]).await?;
    Ok(in_the_end.pop().unwrap_or(Outcome::Unknown))
}

/// Writes step by step, and looks at the mall's own counter after each.
async fn steps(shop: &Shop, way: &WriteWay, figures: &[i64]) -> Finding {
    let listing = shop.list_kind(way.kind, 0, figures[0]).await?;
    for step in figures.windows(2) {
        let (shown, target) = (step[0], step[1]);
        let write = write(way.mode, shown, target);
        let outcome = one(shop, &listing, write).await?;
        let applied = matches!(outcome, Outcome::Applied { now } if now.is_none_or(|now| now == target));
        ensure(applied, || (format!("{write:?} on {shown} applied, to show {target}"), format!("{outcome:?}")))?;
        shop.take_effect();
        let figure = shop.figure(&listing.key);
        let expected = || format!("{target} for sale after {write:?} on {shown}");
        ensure(figure == target, || (expected(), format!("the mall sells {figure}")))?;
    }
    Ok(())
}

/// The card's ways of this mode that take one update, one per kind. What goes in bulk is a matter of batches.
fn ways(shop: &Shop, mode: WriteMode) -> Result<Vec<&'static WriteWay>, Miss> {
    let ways: Vec<_> = single(shop).filter(|way| way.mode == mode).collect();
    if ways.is_empty() {
        return Err(Miss::CannotDo("the card offers no such write".into()));
    }
    Ok(ways)
}

/// The card's ways that take one update.
pub(super) fn single(shop: &Shop) -> impl Iterator<Item = &'static WriteWay> {
    shop.card().writes.iter().filter(|way| shop.least(way) == 1)
}

async fn absolute(shop: Arc<Shop>) -> Finding {
    let max = shop.card().quantity_max;
    for way in ways(&shop, WriteMode::Absolute)? {
        if shop.fake.raises_absolutely() {
            steps(&shop, way, &[5, 0, 1, max, 0, 0, max.min(7), 1]).await?;
            continue;
        }
        steps(&shop, way, &[max, max.min(7), 1, 1, 0, 0]).await?;
        let listing = shop.list_kind(way.kind, 1, 2).await?;
        let outcome = one(&shop, &listing, Write::Absolute(3)).await?;
        shop.take_effect();
        let figure = shop.figure(&listing.key);
        ensure(matches!(outcome, Outcome::Refused(_)) && figure == 2, || {
            ("3 where 2 are shown refused: this mall only lowers so", format!("{outcome:?}, and it sells {figure}"))
        })?;
    }
    Ok(())
}

async fn relative(shop: Arc<Shop>) -> Finding {
    let max = shop.card().quantity_max;
    for way in ways(&shop, WriteMode::Relative)? {
        steps(&shop, way, &[5, 8, 7, 0, 1, max, max - 1, 0]).await?;
        let listing = shop.list_kind(way.kind, 1, 2).await?;
        let outcome = one(&shop, &listing, Write::Relative(-3)).await?;
        shop.take_effect();
        let figure = shop.figure(&listing.key);
        let refused = matches!(&outcome, Outcome::Refused(refusal) if refusal.why == RefusedWhy::BelowZero);
        let applied = matches!(outcome, Outcome::Applied { now } if now.is_none_or(|now| now == figure));
        let as_said = match way.below_zero {
            BelowZero::Refused => refused && figure == 2,
            BelowZero::Negative => applied && figure == -1,
            BelowZero::Clamped => applied && figure == 0,
            BelowZero::Unknown => (refused && figure == 2) || (!refused && applied),
            BelowZero::NotApplicable => false,
        };
        ensure(as_said, || {
            (
                format!("2 less 3: {:?}, by the card", way.below_zero),
                format!("{outcome:?}, and the mall sells {figure}"),
            )
        })?;
    }
    Ok(())
}

async fn compare_and_set(shop: Arc<Shop>) -> Finding {
    let max = shop.card().quantity_max;
    for way in ways(&shop, WriteMode::CompareAndSet)? {
        steps(&shop, way, &[5, 0, 1, max, 0, 0, 3]).await?;
        let listing = shop.list_kind(way.kind, 1, 4).await?;
        // Somebody bought one since we last looked.
        shop.place(&[(&listing.key, 1)])?;
        let outcome = one(&shop, &listing, Write::CompareAndSet { from: 4, to: 9 }).await?;
        let expected = Outcome::Conflict { shows: 3 };
        ensure(outcome == expected, || (format!("{expected:?}: 4 was believed"), format!("{outcome:?}")))?;
        shop.take_effect();
        let figure = shop.figure(&listing.key);
        ensure(figure == 3, || ("3 still for sale after a conflict", format!("the mall sells {figure}")))?;
    }
    Ok(())
}

async fn out_of_range(shop: Arc<Shop>) -> Finding {
    let max = shop.card().quantity_max;
    for way in single(&shop) {
        let targets: &[i64] = if way.mode == WriteMode::Relative { &[max + 5] } else { &[max + 5, -1] };
        for target in targets {
            let listing = shop.list_kind(way.kind, 0, 5).await?;
            let write = write(way.mode, 5, *target);
            let outcome = one(&shop, &listing, write).await?;
            shop.take_effect();
            let figure = shop.figure(&listing.key);
            let fits = match outcome {
                Outcome::Refused(_) => figure == 5,
                // A mall that cuts the figure down to its range says what it shows instead.
                Outcome::Applied { now } => now == Some(figure) && (0..=max).contains(&figure),
                _ => false,
            };
            ensure(fits, || {
                let seen = format!("{outcome:?}, and the mall sells {figure}");
                (format!("{write:?} on 5 refused, or cut into 0..={max} and told so"), seen)
            })?;
        }
    }
    Ok(())
}

async fn effect(shop: Arc<Shop>) -> Finding {
    for way in single(&shop) {
        let listing = shop.list_kind(way.kind, 0, 5).await?;
        let lag = shop.card().times.effect_lag;
        let told = first_told(&shop, &listing, write(way.mode, 5, 3)).await?;
        let pending = matches!(told, Outcome::Pending { .. });
        let at_once = shop.figure(&listing.key);
        let early = shown(&shop, &listing).await?;
        let reading = |due: i64, seen: Option<i64>| (format!("a reading of {due}"), format!("it is {seen:?}"));
        if lag.is_some() {
            let later = || ("5 for sale at once: the card says that a write takes effect later", at_once.to_string());
            ensure(at_once == 5, later)?;
            let figure = shop.card().reads.as_ref().map(|way| way.figure);
            let due = if figure == Some(Figure::Effective) { 5 } else { 3 };
            ensure(early.is_none_or(|early| early == due), || reading(due, early))?;
        } else if !pending {
            let now = || (format!("3 for sale at once after {:?}", way.mode), format!("{at_once}, told as {told:?}"));
            ensure(at_once == 3, now)?;
            ensure(early.is_none_or(|early| early == 3), || reading(3, early))?;
        }
        decided(&shop, vec![told]).await?;
        shop.take_effect();
        let late = shown(&shop, &listing).await?;
        ensure(late.is_none_or(|late| late == 3), || reading(3, late))?;
        let figure = shop.figure(&listing.key);
        ensure(figure == 3, || ("3 for sale in the end", figure.to_string()))?;
    }
    Ok(())
}

/// The figure by read-back, where there is one.
pub(super) async fn shown(shop: &Shop, listing: &ListingKey) -> Result<Option<i64>, Miss> {
    let Some(readings) = shop.read(std::slice::from_ref(listing)).await else { return Ok(None) };
    let readings = readings?;
    let quantity = readings.first().and_then(|reading| reading.found).and_then(|found| found.quantity);
    quantity.map(Some).ok_or_else(|| failed(format!("a figure for {}", listing.key), format!("{readings:?}")))
}

async fn siblings(shop: Arc<Shop>) -> Finding {
    let siblings = shop.fake.siblings();
    if siblings.is_empty() {
        return cannot("the fake knows no field that a push could erase");
    }
    for way in shop.card().writes {
        let mut listings = Vec::new();
        for n in 0..way.batch_max.min(3).max(shop.least(way)) {
            listings.push(shop.list_kind_as(way.kind, n, 5, |item| item.siblings = siblings.clone()).await?);
        }
        for (shown, target) in [(5, 3), (3, 0)] {
            let write = write(way.mode, shown, target);
            let updates: Vec<_> = listings.iter().map(|listing| update(listing, write)).collect();
            let outcomes = decided(&shop, shop.push(&updates).await?).await?;
            shop.take_effect();
            for listing in &listings {
                let item = shop.book().item(&listing.key);
                let item = item.ok_or_else(|| failed(format!("a fake that keeps {}", listing.key), "it lost it"))?;
                let written = format!("{write:?} of {}", listing.key);
                ensure(item.counter == target, || (format!("{target} after {written}"), format!("{outcomes:?}")))?;
                let kept = item.siblings == siblings;
                ensure(kept, || (format!("{siblings:?} after {written}"), format!("{:?}", item.siblings)))?;
            }
        }
    }
    Ok(())
}
