//! Windows of time: their edges, their seams, their longest span, and instants at midnight.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::{Finding, Miss, Planned, Shop, check, ensure, failed, shop::span_of};
use crate::{
    env::Env,
    fake::{ManualEnv, Stage},
    mall::Span,
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "orders at a window's edges are found",
            "`Span::Window`: orders of `from ≤ t ≤ to`, both ends included, in the grain of `OrdersCard::precision`",
            edges,
        ),
        check(
            "adjoining windows miss nothing between them",
            "`Span::Window`: the hub lays one window after the other, end to end",
            seams,
        ),
        check(
            "a window of the longest span is searched whole",
            "`OrdersCard::span_max`: the longest window that one search may span",
            longest,
        ),
        check(
            "times at midnight and at month ends survive",
            "`Card::zone`, `Order::placed_at`: the mall's times in its own zone are instants, at midnight as well",
            midnights,
        ),
    ]
}

/// The mall's grain, at least a second, since shorter ones are no likelier to be lost.
fn grain(shop: &Shop) -> Duration {
    shop.card().orders.precision.max(Duration::from_secs(1))
}

/// The instant that is `grains` after `start`.
fn after(start: Timestamp, grain: Duration, grains: f64) -> Timestamp {
    start + span_of(grain.mul_f64(grains))
}

/// Moves the clock to a full minute (or the mall's grain, if that is coarser), a while ahead.
fn round_instant(shop: &Shop) -> Timestamp {
    let step = i64::try_from(grain(shop).as_secs().max(60)).unwrap_or(60);
    let now = shop.env.now().as_second();
    let start = Timestamp::from_second((now.div_euclid(step) + 2) * step).unwrap_or(Timestamp::MAX);
    shop.env.advance_to(start);
    start
}

/// Places one order at each of these instants, which must ascend.
fn place_at(shop: &Shop, instants: &[Timestamp]) -> Result<Vec<String>, Miss> {
    let key = shop.fake.mall_key(0);
    let placed = instants.iter().map(|instant| {
        shop.env.advance_to(*instant);
        shop.place(&[(&key, 1)])
    });
    placed.collect()
}

async fn edges(shop: Arc<Shop>) -> Finding {
    shop.list(0, 500);
    let old = shop.place(&[(&shop.fake.mall_key(0), 1)])?;
    shop.env.advance(Duration::from_secs(2 * 86_400));
    let (start, grain) = (round_instant(&shop), grain(&shop));
    let at = |grains| after(start, grain, grains);
    let grains = [0.0, 1.0, 2.6, 9.0, 10.0, 10.4, 11.0, 19.0, 20.0];
    let placed = place_at(&shop, &grains.map(at))?;
    shop.settle();
    // A window that cuts through a grain holds an order of the same cut grain.
    for (from, to) in [(0.0, 10.0), (10.0, 20.0), (2.3, 2.9), (0.0, 0.0), (20.0, 20.0)] {
        let window = Span::Window { from: at(from), to: at(to) };
        let ids = shop.pull_all(window, false).await?.ids();
        let found: BTreeSet<_> = ids.iter().collect();
        let window = format!("the window {from}..{to}, in grains after {start}");
        ensure(ids.len() == found.len(), || (format!("each order once in {window}"), format!("{ids:?}")))?;
        ensure(!found.contains(&old), || (format!("{window} without {old}, of two days before"), format!("{ids:?}")))?;
        for (order, instant) in placed.iter().zip(grains).filter(|(_, instant)| from <= *instant && *instant <= to) {
            ensure(found.contains(order), || (format!("{window} with {order}, of {instant}"), format!("{ids:?}")))?;
        }
    }
    Ok(())
}

async fn seams(shop: Arc<Shop>) -> Finding {
    shop.list(0, 500);
    let (start, grain) = (round_instant(&shop), grain(&shop));
    let instants: Vec<_> = (0..40).map(|n| after(start, grain, f64::from(n) * 7.3)).collect();
    let placed = place_at(&shop, &instants)?;
    shop.settle();
    let mut found = BTreeSet::new();
    for n in 0..6 {
        let window = Span::Window {
            from: after(start, grain, f64::from(n) * 50.7),
            to: after(start, grain, f64::from(n + 1) * 50.7),
        };
        found.extend(shop.pull_all(window, false).await?.ids());
    }
    let missed: Vec<_> = placed.iter().filter(|id| !found.contains(*id)).collect();
    ensure(missed.is_empty(), || {
        (format!("{} orders in six adjoining windows", placed.len()), format!("between them fell {missed:?}"))
    })
}

async fn longest(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 500);
    let (old, new) = (shop.place(&[(&key, 1)])?, shop.place(&[(&key, 1)])?);
    shop.settle();
    let span = span_of(shop.card().orders.span_max);
    let (from, to) = (shop.edge() - span, shop.edge());
    let mut order = shop.expected(&old)?;
    order.placed_at = from + SignedDuration::from_secs(2);
    order.updated_at = order.updated_at.map(|_| order.placed_at);
    shop.book().insert(order, Stage::Ready);
    let found = shop.pull_all(Span::Window { from, to }, false).await?.ids();
    for id in [old, new] {
        ensure(found.contains(&id), || {
            (format!("{id} in the window {from}..{to}, as long as the card says"), format!("found: {found:?}"))
        })?;
    }
    Ok(())
}

async fn midnights(shop: Arc<Shop>) -> Finding {
    let zone =
        TimeZone::get(shop.card().zone).map_err(|error| failed("a date in the mall's zone", error.to_string()))?;
    // The first days of a month, of a year, and after a leap day.
    for first in [jiff::civil::date(2026, 12, 1), jiff::civil::date(2027, 1, 1), jiff::civil::date(2028, 3, 1)] {
        let mut instants = Vec::new();
        for midnight in [midnight(first, &zone)?, midnight(first, &TimeZone::UTC)?] {
            instants.extend([-1, 0, 1].map(|seconds| midnight + SignedDuration::from_secs(seconds)));
        }
        instants.sort();
        around(&shop, &instants).await?;
    }
    Ok(())
}

fn midnight(date: Date, zone: &TimeZone) -> Result<Timestamp, Miss> {
    let midnight =
        date.to_zoned(zone.clone()).map_err(|error| failed("a date in the mall's zone", error.to_string()))?;
    Ok(midnight.timestamp())
}

/// Orders are placed at each instant, and one is shipped at each.
async fn around(shop: &Shop, instants: &[Timestamp]) -> Finding {
    let begin = instants[0] - SignedDuration::from_hours(3);
    let shop = Shop::on(shop.entry, ManualEnv::starting(begin, 11)).await?;
    let key = shop.list(0, 500);
    let waiting: Vec<_> = instants.iter().map(|_| shop.place(&[(&key, 1)])).collect::<Result<_, _>>()?;
    shop.env.advance(Duration::from_secs(60));
    let mut placed = Vec::new();
    for (instant, waiting) in instants.iter().zip(&waiting) {
        placed.extend(place_at(&shop, &[*instant])?);
        shop.book().ship(waiting);
    }
    shop.settle();
    shop.reads_back(&placed).await?;
    shop.reads_back(&waiting).await?;
    for (instant, id) in instants.iter().zip(&placed) {
        let (from, to) = (*instant, *instant + span_of(grain(&shop)));
        let found = shop.pull_all(Span::Window { from, to }, false).await?.ids();
        ensure(found.contains(id), || (format!("{id} in the window {from}..{to}"), format!("found: {found:?}")))?;
    }
    shop.within_quotas()
}
