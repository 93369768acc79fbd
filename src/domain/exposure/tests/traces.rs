//! Traces 12 to 19.

use uriba_sdk::{Outcome, Write};

use super::*;
use crate::domain::{
    publication::{Look, Next, Outstanding, Publication, Situation, Standing, Urgency, Ways, WriteState},
    settle::{self, Exchange, Sale, Times},
};

const RELATIVE: Ways = Ways { relative: true, compare_and_set: false };
const ABSOLUTE: Ways = Ways { relative: false, compare_and_set: false };

fn times() -> Times {
    Times {
        precision: Duration::from_secs(1),
        late_apply: Duration::from_secs(60),
        effect_max: None,
        effect_typical: Duration::ZERO,
        readable: true,
    }
}

fn showing(value: i64, target: i64) -> Publication {
    let anchor = Some(Look { value, from: at(-1), to: at(0) });
    Publication { anchor, target: Some(target), checked: true, ..Publication::default() }
}

fn here(now: i64, watermark: i64, room: i64) -> Situation {
    Situation {
        now: at(now),
        watermark: Some(at(watermark)),
        live: true,
        switch: None,
        baseline_done: true,
        stop_raise: false,
        outdated: false,
        not_ours: false,
        room: Some(room),
    }
}

fn sent(publication: &mut Publication, write: Write, second: i64) {
    let (sent_at, horizon) = (at(second), settle::horizon(at(second), &times()));
    publication.claim(Outstanding { id: second, write, sent_at, horizon, state: WriteState::Unknown });
}

fn applied(publication: &mut Publication, id: i64, now: Option<i64>, sales: &[Sale]) {
    let exchange = Exchange::new(at(id), at(id + 2));
    settle::outcome(publication, id, &Outcome::Applied { now }, exchange, &times(), sales, 0);
}

#[test]
fn trace_12_lowering_an_absolute_only_listing() {
    let (mut amazon, rakuten) = (showing(5, 3), showing(5, 7));
    let mut direct = amazon.clone();
    sent(&mut direct, Write::Absolute(3), 10);
    assert_eq!(direct.ceiling().unwrap() + rakuten.ceiling().unwrap(), 13, "five sold unseen and three more on show");

    let Next::Write { write, urgency, .. } = amazon.next(ABSOLUTE, &here(10, 0, room(10, 10, 0, 1))) else { panic!() };
    assert_eq!((write, urgency), (Write::Absolute(0), Urgency::Zero));
    sent(&mut amazon, write, 10);
    assert_eq!(amazon.ceiling(), Some(5), "through zero: never above what it was");
    applied(&mut amazon, 10, None, &[]);
    assert_eq!(amazon.ceiling(), Some(5), "what it sold before isn't known yet");
    amazon.sold(2, at(5));
    assert_eq!(amazon.ceiling(), Some(5), "two are heard of, three more may be");
    assert!(!amazon.is_settled());
    amazon.orders_known(at(12));
    assert_eq!(amazon.ceiling(), Some(0));
    // S is 8 by now; Rakuten has 5, so Amazon gets back what is left of its three.
    let Next::Write { write, .. } = amazon.next(ABSOLUTE, &here(200, 100, room(5, 8, 0, 1))) else { panic!() };
    assert_eq!(write, Write::Absolute(3));
}

#[test]
fn trace_13_a_malls_own_sale_lowers_its_share() {
    assert_eq!(after_sale(5, 1), 4);
    let (rakuten, yahoo) = (listing("r", after_sale(5, 1)), listing("y", 5));
    let decided = balance(&stock(9), &[rakuten, yahoo], &ESCROW, None, at(0));
    assert_eq!(shares(&decided), [Some(4), Some(5)], "not topped up to 5, and nothing is written for it");
}

#[test]
fn trace_14_an_outside_listing() {
    let refused = Listing { reach: Reach::Outside, ..listing("r", 5) };
    let decided = balance(&stock(4), &[refused.clone(), listing("y", 0), listing("s", 0)], &ESCROW, None, at(0));
    assert_eq!((decided.mode, decided.why), (Mode::Shared, Why::Outside { units: 5 }));
    assert_eq!(decided.bound, 1);
    let away = Listing { reach: Reach::Away, ..refused.clone() };
    let waits = balance(&stock(4), &[away, listing("y", 0), listing("s", 0)], &ESCROW, None, at(0));
    assert_eq!(shares(&waits), [Some(5), Some(0), Some(0)], "a mall that is down for an hour is waited for");
    let enough = balance(&stock(9), &[refused, listing("y", 0), listing("s", 0)], &ESCROW, None, at(0));
    assert_eq!(enough.mode, Mode::Escrow);
    assert_eq!(shares(&enough), [Some(5), Some(2), Some(2)], "the others share what it can't sell");
}

#[test]
fn trace_15_two_listings_and_a_bundle_of_one_sku() {
    let single = selling(3.0, listing("single", 0));
    let pack = Listing { units: 3, ceiling: Some(0), ..selling(1.0, listing("pack", 0)) };
    // A set takes two of this SKU, and its other component lasts for one set.
    let set = Listing { units: 2, ceiling: Some(0), most: 1, ..selling(3.0, listing("set", 0)) };
    let decided = balance(&stock(20), &[single, pack.clone(), set.clone()], &ESCROW, None, at(0));
    let given: Vec<i64> = decided.shares.iter().map(|share| share.units.unwrap()).collect();
    assert_eq!(given[1] % 3, 0, "{given:?}");
    assert_eq!(given[2], 2);
    assert!(given.iter().sum::<i64>() <= 20, "{given:?}");

    let on_show = [listing("single", 8), Listing { ceiling: Some(3), ..pack }, Listing { ceiling: Some(1), ..set }];
    assert_eq!(exposure(&on_show), 8 + 9 + 2);
    assert_eq!(room(19, 20, 0, 3), 0, "one unit is no pack");
}

#[test]
fn trace_16_storefront() {
    let shop = Some(Forecast::certain(1.0 / 36_000.0));
    let full = [listing("r", 5), listing("y", 4)];
    assert_eq!(free(exposure(&full), 10), 1, "a reservation of two is refused, with 1 available");
    let recall = Stock { storefront: shop, recalled: 2, recalled_until: Some(at(60)), ..stock(10) };
    let decided = balance(&recall, &full, &ESCROW, None, at(0));
    assert_eq!(shares(&decided), [Some(4), Some(4)]);
    assert_eq!(decided.unshared, 1, "until it is lowered for certain");
    let lowered = [listing("r", 4), listing("y", 4)];
    assert_eq!(free(exposure(&lowered), 10), 2, "and the same id succeeds");
    let after = balance(&recall, &lowered, &ESCROW, None, at(2));
    assert_eq!(shares(&after), [Some(4), Some(4)], "what was recalled isn't handed out again");
}

#[test]
fn trace_17_reserve_against_claim() {
    let mut rakuten = showing(2, 5);
    let Next::Write { write, .. } = rakuten.next(RELATIVE, &here(5, 0, room(2, 5, 0, 1))) else { panic!() };
    assert_eq!(write, Write::Relative(3));
    // The reservation of three came first: sellable is 2, and the raise waits.
    assert_eq!(rakuten.next(RELATIVE, &here(5, 0, room(2, 2, 0, 1))), Next::Rest(Standing::Pending));
    // The raise came first: its ceiling is there as soon as it is claimed, and the reservation finds nothing.
    sent(&mut rakuten, write, 5);
    assert_eq!(free(rakuten.ceiling().unwrap(), 5), 0);
}

#[test]
fn trace_18_slow_seller() {
    let malls = [
        selling(0.000_7, listing("r", 1)),
        selling(0.000_7, figures_only("a", 1)),
        selling(0.000_7, listing("y", 0)),
        selling(0.000_7, listing("s", 0)),
    ];
    let escrow = balance(&stock(2), &malls, &ESCROW, None, at(0));
    assert_eq!(
        shares(&escrow).iter().filter(|share| **share == Some(0)).count(),
        2,
        "two malls show nothing for weeks"
    );
    let auto = balance(&stock(2), &malls, &AUTO, None, at(0));
    assert!(matches!(auto.why, Why::Rare { risk } if risk < 0.000_1), "{auto:?}");
    assert_eq!(shares(&auto), [None; 4]);
}

#[test]
fn trace_19_shared_to_escrow_at_3_with_an_unsettled_amazon_write() {
    let mut amazon = showing(4, 1);
    sent(&mut amazon, Write::Absolute(3), 10);
    let mut others = [showing(3, 1), showing(3, 1)];
    let exposed = |amazon: &Publication, others: &[Publication]| {
        amazon.ceiling().unwrap() + others.iter().map(|other| other.ceiling().unwrap()).sum::<i64>()
    };
    assert_eq!(exposed(&amazon, &others), 13);
    for other in &mut others {
        let room = room(13, 3, 0, 1);
        assert!(room < 0);
        let Next::Write { write, .. } = other.next(RELATIVE, &here(11, 0, room)) else { panic!() };
        assert_eq!(write, Write::Relative(-2));
        sent(other, write, 11);
        applied(other, 11, Some(1), &[]);
    }
    assert_eq!(exposed(&amazon, &others), 9);
    // Amazon: only a zero goes over its open write.
    assert_eq!(amazon.next(ABSOLUTE, &here(12, 0, room(9, 3, 0, 1))), Next::Rest(Standing::Pending));
    amazon.target = Some(0);
    let Next::Write { write, .. } = amazon.next(ABSOLUTE, &here(12, 0, room(9, 3, 0, 1))) else { panic!() };
    assert_eq!(write, Write::Absolute(0));
    sent(&mut amazon, write, 12);
    assert_eq!(amazon.ceiling(), Some(7));
    // Nothing rises until exposure has come down to 3.
    others[0].target = Some(2);
    assert_eq!(others[0].next(RELATIVE, &here(20, 0, room(9, 3, 0, 1))), Next::Rest(Standing::Pending));
}
