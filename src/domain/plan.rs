//! Which of the waiting writes go into the next request: zeros first, then other decreases, the largest before the
//! smaller, then raises, those that their seller put first before the others.

use std::{cmp::Reverse, time::Duration};

use jiff::Timestamp;
use uriba_sdk::{
    Write,
    card::{Card, WriteMode, WriteWay},
};

use super::{
    publication::{Urgency, Ways},
    time::later,
};

/// A wish that has waited so long goes before larger ones of its kind; a raise only before those of its priority …
pub const AGED: Duration = Duration::from_secs(300);
/// … and after so long before every raise, so that none starves.
const STARVING: Duration = Duration::from_secs(3_600);

/// Units of one wish, as far as its rank tells them apart.
const UNITS_MAX: i64 = i32::MAX as i64;

/// A listing's wish to write, as read from its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish<T> {
    pub listing: T,
    pub write: Write,
    pub urgency: Urgency,
    pub units: i64,
    pub priority: i64,
    pub since: Option<Timestamp>,
}

/// The most urgent first.
pub fn urgent_first<T>(wishes: &mut [Wish<T>], now: Timestamp) {
    wishes.sort_by_key(|wish| {
        let waited = |length| wish.since.filter(|since| later(*since, length) <= now).map(Reverse);
        Reverse(match wish.urgency {
            Urgency::Raise => (wish.urgency, waited(STARVING), wish.priority, waited(AGED), wish.units),
            Urgency::Decrease | Urgency::Zero => (wish.urgency, waited(AGED), wish.units, None, wish.priority),
        })
    });
}

/// The same order in one figure, age aside: among wishes of one urgency the largest goes first. Priorities are
/// smaller than [`UNITS_MAX`] either way.
pub fn rank(urgency: Urgency, units: i64, priority: i64) -> i64 {
    let units = units.clamp(0, UNITS_MAX);
    match urgency {
        Urgency::Raise => (priority << 32) + units,
        Urgency::Decrease | Urgency::Zero => (units << 32) + priority,
    }
}

/// What the card offers for this mall's listings.
pub fn ways(card: &Card) -> Ways {
    Ways {
        relative: card.write_way(WriteMode::Relative).is_some() && card.reads.is_some(),
        compare_and_set: card.write_way(WriteMode::CompareAndSet).is_some(),
    }
}

/// The first batch of the wishes, which come most urgent first: those that the first one's operation takes
/// together, in their order, as many as one request may carry.
pub fn batch<T>(card: &Card, wishes: Vec<Wish<T>>) -> Vec<Wish<T>> {
    let Some(first) = wishes.first().and_then(|wish| way(card, wish.write)) else { return Vec::new() };
    let most = first.batch_max;
    let operation = first.operation;
    wishes
        .into_iter()
        .filter(|wish| way(card, wish.write).is_some_and(|way| way.operation == operation && way.batch_max >= most))
        .take(most)
        .collect()
}

fn way(card: &Card, write: Write) -> Option<&WriteWay> {
    card.write_way(match write {
        Write::Absolute(_) => WriteMode::Absolute,
        Write::Relative(_) => WriteMode::Relative,
        Write::CompareAndSet { .. } => WriteMode::CompareAndSet,
    })
}

#[cfg(test)]
mod tests {
    use uriba_sdk::Write;

    use super::{Urgency, Wish, rank, urgent_first};

    fn wish(name: &'static str, urgency: Urgency, units: i64, priority: i64, since: &str) -> Wish<&'static str> {
        let since = format!("2026-11-20T{since}:00+09:00").parse().ok();
        Wish { listing: name, write: Write::Absolute(0), urgency, units, priority, since }
    }

    fn ordered(mut wishes: Vec<Wish<&'static str>>) -> Vec<&'static str> {
        urgent_first(&mut wishes, "2026-11-20T12:00:00+09:00".parse().expect("a constant instant"));
        wishes.into_iter().map(|wish| wish.listing).collect()
    }

    #[test]
    fn raises_go_by_priority_and_decreases_by_what_is_at_risk() {
        use Urgency::{Decrease, Raise, Zero};
        let wishes = vec![
            wish("a large raise", Raise, 900, 0, "11:59"),
            wish("an unwanted raise", Raise, 999, -1, "11:59"),
            wish("a preferred raise", Raise, 1, 2, "11:59"),
            wish("a small decrease", Decrease, 1, 9, "11:59"),
            wish("a large decrease", Decrease, 5, 0, "11:59"),
            wish("as large, and preferred", Decrease, 5, 1, "11:59"),
            wish("a zero", Zero, 1, -5, "11:59"),
        ];
        let sorted = [
            "a zero",
            "as large, and preferred",
            "a large decrease",
            "a small decrease",
            "a preferred raise",
            "a large raise",
            "an unwanted raise",
        ];
        assert_eq!(ordered(wishes.clone()), sorted);
        let mut by_rank = wishes;
        by_rank.sort_by_key(|wish| std::cmp::Reverse((wish.urgency, rank(wish.urgency, wish.units, wish.priority))));
        assert_eq!(by_rank.iter().map(|wish| wish.listing).collect::<Vec<_>>(), sorted);
    }

    #[test]
    fn whoever_waited_long_goes_before_larger_ones_and_after_very_long_before_preferred_ones() {
        use Urgency::{Decrease, Raise};
        let wishes = vec![
            wish("new and preferred", Raise, 9, 7, "11:59"),
            wish("new", Raise, 9, 0, "11:59"),
            wish("waits since ten to", Raise, 1, 0, "11:50"),
            wish("waits since half past ten", Raise, 1, -7, "10:30"),
            wish("new decrease", Decrease, 9, 0, "11:59"),
            wish("old decrease", Decrease, 1, 0, "11:50"),
        ];
        let sorted = [
            "old decrease",
            "new decrease",
            "waits since half past ten",
            "new and preferred",
            "waits since ten to",
            "new",
        ];
        assert_eq!(ordered(wishes), sorted);
    }
}
