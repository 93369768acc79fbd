//! Which span of a channel's orders to read next.
//!
//! The watermark is the instant up to which all orders are certainly read. It moves only with a complete
//! window, never past what the mall can show by then, and windows overlap. `now` is the mall's present as far as
//! it is known: orders have the mall's times.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uriba_sdk::card::OrdersCard;

use super::time::{between, earlier, later};

/// A window that begins where the mall's memory ends has so long to be asked for.
const BEGUN_WITHIN: Duration = Duration::from_secs(3_600);

/// What was sold before or after a reading is told by two clocks: beyond this they must be put right.
const CLOCK_OFF_MAX: SignedDuration = SignedDuration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Only orders that still hold stock.
    pub open_only: bool,
}

/// What to tell people about a mall's clock that is so far ahead of ours (negative: behind).
pub fn clock_complaint(off: SignedDuration) -> Option<String> {
    let seconds = off.unsigned_abs().as_secs();
    let way = if off.is_negative() { "behind" } else { "ahead of" };
    (off.abs() > CLOCK_OFF_MAX).then(|| format!("the mall's clock is {seconds} s {way} this machine's"))
}

/// The windows that cover what was open before the channel was connected, oldest first.
pub fn baseline(orders: &OrdersCard, now: Timestamp, lookback: Duration) -> Vec<Window> {
    let to = newest(orders, now);
    let mut from = earlier(to, lookback).max(oldest(orders, now));
    let mut windows = Vec::new();
    while from < to {
        let end = later(from, orders.span_max).min(to);
        windows.push(Window { from, to: end, open_only: orders.open_filter });
        from = end;
    }
    windows
}

/// The next window of new or changed orders; `None` when the mall can show nothing beyond the watermark yet.
pub fn next(orders: &OrdersCard, watermark: Timestamp, now: Timestamp) -> Option<Window> {
    let to = newest(orders, now);
    if to <= watermark {
        return None;
    }
    let from = earlier(watermark, orders.overlap).max(oldest(orders, now));
    Some(Window { from, to: later(from, orders.span_max).min(to), open_only: false })
}

/// What lies between the watermark and the oldest order that the mall still shows: nobody can read it any more.
pub fn missed(orders: &OrdersCard, watermark: Timestamp, now: Timestamp) -> Option<Window> {
    let to = oldest(orders, now);
    (watermark < to).then_some(Window { from: watermark, to, open_only: false })
}

/// The mall no longer shows where the window begins: asked for, it would be refused, or answered in part.
pub fn is_outlived(orders: &OrdersCard, from: Timestamp, now: Timestamp) -> bool {
    from < earlier(now, orders.reach)
}

/// The next window of a past span that is read up to here.
pub fn of_the_past(orders: &OrdersCard, read_to: Timestamp, until: Timestamp) -> Window {
    Window { from: read_to, to: later(read_to, orders.span_max).min(until), open_only: false }
}

/// Why the orders of a past span can't be asked for: which end of it, `from` or `until`, and the reason.
pub fn past_fault(orders: &OrdersCard, span: Window, now: Timestamp) -> Option<(&'static str, String)> {
    let unseen = orders.edge.max(orders.visibility_lag).max(orders.precision);
    let (first, last) = (oldest(orders, now), earlier(now, unseen));
    if span.from >= span.to {
        return Some(("until", format!("{} is not before {}", span.from, span.to)));
    }
    if span.to > last {
        return Some(("until", format!("the mall shows all orders up to {last} by now, not to {}", span.to)));
    }
    (span.from < first).then(|| {
        let days = orders.reach.as_secs() / 86_400;
        ("from", format!("the mall shows orders of the last {days} days only: from {first} on, not from {}", span.from))
    })
}

/// What a complete window proves: no order placed up to here is unknown. `asked_at`: when its first page was
/// asked for.
pub fn watermark(orders: &OrdersCard, window: Window, asked_at: Timestamp, read_to: Option<Timestamp>) -> Timestamp {
    let end = read_to.map_or(window.to, |read_to| read_to.min(window.to));
    let visible = earlier(asked_at, orders.visibility_lag);
    // Times of the mall's grain: an order of the same second may still be on its way into the list.
    end.min(visible).min(earlier(asked_at, orders.precision))
}

/// Of so many orders, the last ones, it is looked how late they were.
pub const LATENESS_OF_LAST: i64 = 1_000;

/// Nobody reckons with more than so many times what the card says, or than what is read again anyway.
const LAG_MOST: u32 = 4;

/// The lag to reckon with: what 99.9 % of the last thousand orders kept to, and never less than the card's. `late`: how
/// late those of them were that came too late; `seen`: of how many orders in all.
pub fn lag_in_force(orders: &OrdersCard, mut late: Vec<Duration>, seen: i64) -> Duration {
    let card = orders.visibility_lag;
    late.sort_unstable_by(|one, other| other.cmp(one));
    let outside = usize::from(seen >= LATENESS_OF_LAST);
    late.get(outside).map_or(card, |lag| (*lag).clamp(card, (card * LAG_MOST).max(orders.overlap)))
}

/// The span that a search for open orders must cover, in windows of at most the mall's span, newest first.
pub fn sweep(orders: &OrdersCard, oldest_open: Timestamp, now: Timestamp) -> Vec<Window> {
    let span = between(oldest_open, now) + orders.precision;
    baseline(orders, now, span)
}

/// Where a window may begin at the earliest.
fn oldest(orders: &OrdersCard, now: Timestamp) -> Timestamp {
    later(earlier(now, orders.reach), BEGUN_WITHIN.min(orders.reach / 10))
}

fn newest(orders: &OrdersCard, now: Timestamp) -> Timestamp {
    earlier(now, orders.edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn orders(visibility_lag: u64, overlap: u64) -> OrdersCard {
        OrdersCard {
            search: "orders.search",
            by_id: "orders.get",
            found_by: uriba_sdk::card::FoundBy::Placed,
            open_filter: false,
            heads_carry_revision: false,
            pages_carry_orders: false,
            by_id_max: 1,
            span_max: Duration::from_secs(86_400),
            reach: Duration::from_secs(86_400),
            edge: Duration::ZERO,
            visibility_lag: Duration::from_secs(visibility_lag),
            overlap: Duration::from_secs(overlap),
            precision: Duration::ZERO,
            families: false,
        }
    }

    fn in_force(card: &OrdersCard, late: &[u64], seen: i64) -> u64 {
        lag_in_force(card, late.iter().map(|lag| Duration::from_secs(*lag)).collect(), seen).as_secs()
    }

    #[test]
    fn one_order_in_a_thousand_may_be_later_than_the_lag_in_force() {
        let card = orders(30, 60);
        assert_eq!(in_force(&card, &[], 5_000), 30);
        assert_eq!(in_force(&card, &[90], 999), 90, "of fewer orders none may");
        assert_eq!(in_force(&card, &[90], 1_000), 30);
        assert_eq!(in_force(&card, &[40, 90, 70], 1_000), 70);
    }

    #[test]
    fn the_lag_in_force_is_the_cards_at_least_and_four_times_that_or_the_overlap_at_most() {
        assert_eq!(in_force(&orders(30, 60), &[86_400], 10), 120);
        assert_eq!(in_force(&orders(0, 300), &[86_400], 10), 300);
        assert_eq!(in_force(&orders(30, 60), &[1], 10), 30);
    }
}
