//! Which listings are read back next, within what the quota of reading leaves.
//!
//! Each reason to look has a deadline, and the earliest deadline goes first: what is unsettled is due when it said
//! so; what somebody asked for is due one after the other from when it was asked; a settled listing is due once its
//! *risk × time since the last reading* has come to one unit for an hour, and yields to what is unsettled for an hour
//! more. Deadlines don't move while a listing waits, and every new one lies later, so each listing is reached in
//! bounded time however much else is due. Quota that is left after that goes to what was unread for longest.

use std::{cmp::Ordering, time::Duration};

use jiff::Timestamp;

use super::time::{earlier, later};

/// Sales of this time, and not what lies there, are what a wrong figure can cost.
pub const SALES_OF: Duration = Duration::from_secs(7 * 86_400);
/// Risk × time at which a reading is due: one unit that may be sold wrongly, for an hour.
const UNIT_SECONDS: f64 = 3_600.0;
/// However risky: reading takes tokens that writing may need.
const AT_MOST_EVERY: Duration = Duration::from_secs(120);
/// However little is at risk.
const AT_LEAST_EVERY: Duration = Duration::from_secs(86_400);
/// A settled listing yields so long to those that are not.
const YIELDS: Duration = Duration::from_secs(3_600);
/// An audit is worked through at this pace at least while other readings are due.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// Spare quota reads nothing again before this time is over.
const SPARE_EVERY: Duration = Duration::from_secs(600);

/// Units that a wrong figure may sell within a week: what is shown, or sold in that time, whichever is less, and less
/// of it the further the stock reaches. Three on show of which ten sell a week are three units at risk; a thousand of
/// which ten sell are a tenth of one. A listing that shows nothing may show something by mistake: it counts as one.
pub fn at_risk(shown: i64, sold: i64) -> f64 {
    let (shown, sold) = (shown.max(1) as f64, sold.max(0) as f64);
    shown.min(sold) * (sold / shown).min(1.0)
}

/// When a listing that was read then is to be looked at again.
pub fn due(read_at: Timestamp, shown: i64, sold: i64) -> Timestamp {
    let risk = at_risk(shown, sold).max(f64::EPSILON);
    let wait = Duration::try_from_secs_f64(UNIT_SECONDS / risk).unwrap_or(AT_LEAST_EVERY);
    later(read_at, wait.clamp(AT_MOST_EVERY, AT_LEAST_EVERY))
}

/// What was last read before this may be read once more with quota that nothing else needs.
pub fn spare_before(now: Timestamp) -> Timestamp {
    earlier(now, SPARE_EVERY)
}

/// Why a listing is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Something is open that a reading settles; due since then.
    Unsettled(Timestamp),
    /// The `place`-th of what somebody asked for then.
    Asked { at: Timestamp, place: u32 },
    /// Its risk has come due.
    Unread(Timestamp),
}

impl Reason {
    fn deadline(self) -> Timestamp {
        match self {
            Self::Unsettled(due) => due,
            Self::Asked { at, place } => later(at, ASKED_EVERY.saturating_mul(place)),
            Self::Unread(due) => later(due, YIELDS),
        }
    }
}

/// The listings to read with one request, each once, the earliest deadline first.
pub fn next(mut wanted: Vec<(i64, Reason)>, most: usize) -> Vec<i64> {
    wanted.sort_by(|(a, why_a), (b, why_b)| match why_a.deadline().cmp(&why_b.deadline()) {
        Ordering::Equal => a.cmp(b),
        other => other,
    });
    let mut chosen = Vec::with_capacity(most);
    let mut known = std::collections::HashSet::with_capacity(most);
    for (listing, _) in wanted {
        if chosen.len() == most {
            break;
        }
        if known.insert(listing) {
            chosen.push(listing);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        "2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn a_thin_listing_that_sells_is_read_sooner_than_a_full_one_that_sells_as_much() {
        assert!((at_risk(3, 10) - 3.0).abs() < 1e-9);
        assert!((at_risk(1_000, 10) - 0.1).abs() < 1e-9);
        assert_eq!(due(at(0), 3, 10), at(1_200));
        assert_eq!(due(at(0), 1_000, 10), at(36_000));
    }

    #[test]
    fn the_hottest_is_not_read_more_often_than_every_two_minutes_and_the_idlest_once_a_day() {
        assert_eq!(due(at(0), 500, 4_000), at(120));
        assert_eq!(due(at(0), 5, 0), at(86_400));
    }

    #[test]
    fn a_listing_that_shows_nothing_and_used_to_sell_counts_as_one_unit() {
        assert_eq!(due(at(0), 0, 20), at(3_600));
    }

    #[test]
    fn what_is_unsettled_goes_before_what_was_only_not_read_for_long() {
        let wanted = vec![(1, Reason::Unread(at(-600))), (2, Reason::Unsettled(at(-5))), (3, Reason::Unread(at(-900)))];
        assert_eq!(next(wanted, 2), [2, 3]);
    }

    #[test]
    fn what_waited_an_hour_longer_goes_before_what_is_unsettled_now() {
        let wanted = vec![(1, Reason::Unread(at(-3_700))), (2, Reason::Unsettled(at(-5)))];
        assert_eq!(next(wanted, 1), [1]);
    }

    #[test]
    fn an_audit_of_many_leaves_every_second_a_place_for_what_is_unsettled() {
        let asked = (0..100).map(|place| (i64::from(place), Reason::Asked { at: at(0), place }));
        let unsettled = (200..210).map(|n| (n, Reason::Unsettled(at(3))));
        let chosen = next(asked.chain(unsettled).collect(), 10);
        assert_eq!(chosen[..4], [0, 1, 2, 3]);
        assert_eq!(chosen[4..], [200, 201, 202, 203, 204, 205]);
    }

    #[test]
    fn a_listing_with_several_reasons_is_read_once() {
        let wanted = vec![(1, Reason::Unsettled(at(0))), (1, Reason::Asked { at: at(0), place: 0 })];
        assert_eq!(next(wanted, 5), [1]);
    }

    /// A mall of which one listing can be read in ten seconds, and thirty that are unsettled again whenever they were.
    #[test]
    fn every_listing_is_reached_in_bounded_time_however_much_is_unsettled() {
        let mut unsettled = [at(0); 30];
        let mut read = [at(0); 20];
        let mut longest = SignedDuration::ZERO;
        for now in (0..10_000).map(|tick| at(tick * 10)) {
            let open = (100..).zip(unsettled).filter(|(_, due)| *due <= now);
            let open = open.map(|(n, due)| (n, Reason::Unsettled(due)));
            let quiet = (0..).zip(read.map(|at| due(at, 5, 3))).filter(|(_, due)| *due <= now);
            let quiet = quiet.map(|(n, due)| (n, Reason::Unread(due)));
            for chosen in next(open.chain(quiet).collect(), 1) {
                match chosen {
                    100.. => unsettled[usize::try_from(chosen - 100).unwrap()] = now,
                    quiet => {
                        let read_at = &mut read[usize::try_from(quiet).unwrap()];
                        longest = longest.max(now.duration_since(*read_at));
                        *read_at = now;
                    }
                }
            }
        }
        let over = read.map(|read_at| at(100_000).duration_since(read_at));
        assert!(over.into_iter().all(|unread| unread < SignedDuration::from_secs(7_000)), "{over:?}");
        assert!(longest < SignedDuration::from_secs(7_000), "{longest}");
    }
}
