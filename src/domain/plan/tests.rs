//! Who goes first, and that nobody waits for ever.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uriba_sdk::{
    Card, Write,
    card::{Batch, BelowZero, FoundBy, OrdersCard, Times, WriteMode, WriteWay, days, minutes, one_kind, seconds},
};

use super::{AGED, Carrier, Stake, Urgency, Wish, batch};
use Urgency::{Decrease, Raise, Zero};

const ORDERS: OrdersCard = OrdersCard {
    search: "orders.search",
    by_id: "orders.get",
    found_by: FoundBy::Placed,
    open_filter: false,
    heads_carry_revision: false,
    pages_carry_orders: false,
    by_id_max: 1,
    span_max: days(1),
    reach: days(1),
    edge: seconds(0),
    visibility_lag: seconds(0),
    overlap: seconds(0),
    precision: seconds(1),
    families: false,
};

/// A mall that takes so many figures at once.
fn card(batch_max: usize) -> Card {
    let way = WriteWay {
        operation: "stock.push",
        kind: "",
        mode: WriteMode::Absolute,
        batch_max,
        batch: Batch::PerItem,
        below_zero: BelowZero::NotApplicable,
    };
    Card {
        mall: "tiny",
        name: "",
        zone: "UTC",
        writes: Vec::leak(vec![way]),
        kind_of: one_kind,
        reads: None,
        orders: ORDERS,
        times: Times {
            effect_lag: None,
            late_apply: seconds(60),
            unseen_for_at_most: minutes(1),
            poll_interval: seconds(60),
        },
        quantity_max: 9_999,
        quotas: &[],
        operations: &[],
        credentials: &[],
        options: &[],
        sources: &[],
    }
}

fn noon() -> Timestamp {
    "2026-11-20T12:00:00+09:00".parse().expect("a constant instant")
}

fn stake(urgency: Urgency, target: i64, units: i64, priority: i64, pace: Option<i64>) -> Stake {
    Stake { urgency, target, units, priority, pace }
}

fn wish<T>(listing: T, stake: Stake, waited: Duration) -> Wish<T> {
    let since = noon() - SignedDuration::try_from(waited).expect("a short time");
    Wish {
        listing,
        kind: "",
        write: Write::Absolute(0),
        urgency: stake.urgency,
        rank: stake.rank(),
        since: Some(since),
    }
}

fn names(wishes: Vec<Wish<&'static str>>, turn: i64) -> Vec<&'static str> {
    batch(&card(100), wishes, Carrier::Answer, turn, noon()).into_iter().map(|wish| wish.listing).collect()
}

#[test]
fn raises_go_by_priority_and_decreases_by_what_is_at_risk() {
    let fresh = |name, urgency, units, priority| {
        wish(name, stake(urgency, 1_000, units, priority, None), Duration::from_secs(60))
    };
    let wishes = vec![
        fresh("a large raise", Raise, 900, 0),
        fresh("an unwanted raise", Raise, 999, -1),
        fresh("a preferred raise", Raise, 1, 2),
        fresh("a small decrease", Decrease, 1, 9),
        fresh("a large decrease", Decrease, 5, 0),
        fresh("as large, and preferred", Decrease, 5, 1),
        fresh("a zero", Zero, 1, -5),
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
    assert_eq!(names(wishes, 0), sorted);
}

#[test]
fn what_sells_soon_goes_before_what_lies_there_in_numbers() {
    // Once in ten minutes, once an hour, once in two months.
    let (hot, warm, cold) = (Some(1_666_667), Some(277_778), Some(193));
    let fresh = |name, stake| wish(name, stake, Duration::from_secs(60));
    let wishes = vec![
        fresh("500 that nobody wants", stake(Decrease, 1, 500, 0, cold)),
        fresh("two that sell today", stake(Decrease, 1, 2, 0, warm)),
        fresh("two that sell now", stake(Decrease, 1, 2, 0, hot)),
        fresh("two of fifty that sell now", stake(Decrease, 48, 2, 0, hot)),
        fresh("sold out and wanted", stake(Raise, 3, 3, 0, hot)),
        fresh("wanted, and 20 are there", stake(Raise, 40, 20, 0, hot)),
        fresh("sold out and unwanted", stake(Raise, 900, 900, 0, cold)),
    ];
    let sorted = [
        "two that sell now",
        "two that sell today",
        "two of fifty that sell now",
        "500 that nobody wants",
        "sold out and wanted",
        "wanted, and 20 are there",
        "sold out and unwanted",
    ];
    assert_eq!(names(wishes, 0), sorted);
}

#[test]
fn a_quarter_of_the_places_is_for_those_that_waited_for_longest() {
    let mut wishes = vec![
        wish("zero", stake(Zero, 0, 1, 0, None), Duration::ZERO),
        wish("old raise", stake(Raise, 9, 1, -7, None), Duration::from_secs(4_000)),
        wish("older decrease", stake(Decrease, 9, 1, 0, None), Duration::from_secs(5_000)),
        wish("young raise", stake(Raise, 9, 1, 0, None), Duration::from_secs(299)),
    ];
    wishes.extend((0..9).map(|_| wish("decrease", stake(Decrease, 9, 9, 0, None), Duration::ZERO)));
    let first = |most: usize, turn| -> Vec<&str> {
        batch(&card(most), wishes.clone(), Carrier::Answer, turn, noon()).into_iter().map(|wish| wish.listing).collect()
    };
    assert_eq!(first(5, 0), ["zero", "older decrease", "decrease", "decrease", "decrease"]);
    assert_eq!(first(9, 3)[..4], ["zero", "older decrease", "old raise", "decrease"]);
    wishes.remove(0);
    let first = |turn| batch(&card(1), wishes.clone(), Carrier::Answer, turn, noon())[0].listing;
    assert_eq!([0, 1, 2, 3, 4].map(first), ["decrease", "decrease", "decrease", "older decrease", "decrease"]);
}

/// A listing of the property below: since when it waits, and for what.
#[derive(Clone, Copy, Debug)]
struct Waits {
    since: Duration,
    urgency: Urgency,
    units: i64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Every listing wants something again as soon as it was written, the larger the better, and those that may go
    /// before the others are preferred whenever possible. A zero needs a raise before it.
    #[test]
    fn behind_n_others_a_wish_is_sent_within_a_bound(
        listings in 2_usize..40,
        most in prop_oneof![Just(1_usize), 2..5_usize, Just(20)],
        second_of in 1_u64..30,
        dice in prop::collection::vec((0..4_u8, 1..1_000_i64), 64),
    ) {
        let card = card(most);
        let mut dice = dice.into_iter().cycle();
        let mut was_raised = vec![true; listings];
        let mut waiting: BTreeMap<usize, Waits> = (0..listings)
            .map(|n| (n, Waits { since: Duration::ZERO, urgency: if n == 0 { Raise } else { Decrease }, units: 1 }))
            .collect();
        // By listing, the zeros that were sent since it waits.
        let mut zeros = vec![0_usize; listings];
        for turn in 0..600_u64 {
            let now = Duration::from_secs(turn * second_of);
            let wishes = waiting.iter().map(|(n, waits)| {
                wish(*n, stake(waits.urgency, 1_000, waits.units, 0, None), Duration::ZERO)
            });
            let wishes: Vec<_> = wishes
                .map(|wish| Wish { since: Some(noon() + SignedDuration::try_from(waiting[&wish.listing].since).unwrap()), ..wish })
                .collect();
            let later = noon() + SignedDuration::try_from(now).unwrap();
            let sent = batch(&card, wishes, Carrier::Answer, i64::try_from(turn).unwrap(), later);
            prop_assert!(sent.len() == most.min(listings), "places were left empty");
            let sent_zeros = sent.iter().filter(|wish| wish.urgency == Zero).count();
            zeros.iter_mut().for_each(|count| *count += sent_zeros);
            for wish in &sent {
                let n = wish.listing;
                let waited = now - waiting[&n].since;
                // Each request carries `most`, and one leaves in so many seconds.
                let others = listings - 1 + zeros[n] + 1;
                let requests = (4 * others).div_ceil(most) as u64 + 4;
                let bound = AGED + Duration::from_secs(second_of) * u32::try_from(requests).unwrap();
                prop_assert!(waited <= bound, "{n} waited for {waited:?}, more than {bound:?}");
                let (kind, units) = dice.next().unwrap();
                let urgency = match kind {
                    0 if was_raised[n] => Zero,
                    1 => Raise,
                    _ => Decrease,
                };
                was_raised[n] = if urgency == Zero { false } else { was_raised[n] || urgency == Raise };
                zeros[n] = 0;
                waiting.insert(n, Waits { since: now, urgency, units });
            }
        }
        let now = Duration::from_secs(600 * second_of);
        for (n, waits) in waiting {
            let requests = (4 * (listings + zeros[n])).div_ceil(most) as u64 + 4;
            let bound = AGED + Duration::from_secs(second_of) * u32::try_from(requests).unwrap();
            prop_assert!(now - waits.since <= bound, "{n} still waits");
        }
    }
}
