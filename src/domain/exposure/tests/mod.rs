//! Exposure as arithmetic, the traces of escrow with their numbers, and a small world in which nothing that the hub
//! does may ever expose more than there is.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    balance::Because,
    blind::{blind, counted, least_rate},
    mode::*,
    reach::Standing,
    *,
};
use crate::domain::demand::Forecast;

mod blind;
mod reach;
mod traces;
mod world;

pub(super) const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) const ESCROW: Policy = Policy { wish: Wish::Escrow, eps: 0.01, dwell: Duration::from_secs(600) };
pub(super) const AUTO: Policy = Policy { wish: Wish::Auto, ..ESCROW };

/// One an hour, settled at its share.
pub(super) fn listing(name: &'static str, share: i64) -> Listing<&'static str> {
    Listing {
        listing: name,
        units: 1,
        ceiling: Some(share),
        share: Some(share),
        reach: Reach::Direct,
        fixed: None,
        priority: 0,
        most: 10_000,
        forecast: Forecast::certain(1.0 / 3_600.0),
        silent: Duration::ZERO,
        unheard: None,
        missing: 0,
        blind: MINUTE,
        turn: MINUTE,
    }
}

pub(super) fn figures_only(name: &'static str, share: i64) -> Listing<&'static str> {
    Listing { reach: Reach::ThroughZero, blind: MINUTE * 5, turn: MINUTE * 5, ..listing(name, share) }
}

pub(super) fn selling(orders_per_hour: f64, listing: Listing<&'static str>) -> Listing<&'static str> {
    Listing { forecast: Forecast::certain(orders_per_hour / 3_600.0), ..listing }
}

pub(super) fn stock(sellable: i64) -> Stock {
    Stock { sellable, storefront: None, recalled: 0, recalled_until: None }
}

pub(super) fn shares(balance: &Balance<&'static str>) -> Vec<Option<i64>> {
    balance.shares.iter().map(|share| share.units).collect()
}

#[test]
fn who_enters_escrow_with_less_than_its_part_and_knows_figures_only_keeps_that() {
    let enters = |listing| Listing { share: None, ..listing };
    let (slow, fast) = (enters(figures_only("s", 3)), enters(listing("f", 3)));
    let decided = balance(&stock(12), &[slow.clone(), fast.clone()], &ESCROW, None, at(0));
    assert_eq!(shares(&decided), [Some(3), Some(9)], "more would go there only through zero");
    let emptied = Listing { ceiling: Some(0), ..slow };
    let decided = balance(&stock(12), &[emptied, fast], &ESCROW, None, at(0));
    assert_eq!(shares(&decided), [Some(6), Some(6)]);
}

#[test]
fn what_checkouts_and_raises_may_take_is_what_no_mall_can_sell() {
    assert_eq!(free(7, 10), 3);
    assert_eq!(room(7, 10, 0, 1), 3);
    assert_eq!(room(7, 10, 0, 2), 1, "whole sales only");
    assert_eq!(room(7, 10, 2, 1), 1, "a recall is obeyed");
    assert_eq!(room(12, 3, 0, 1), -9, "nothing rises until exposure has come down");
}

#[test]
fn the_bound_counts_checkouts_where_everything_is_shared() {
    assert_eq!(bound(30, 10, Mode::Shared, false), 20);
    assert_eq!(bound(30, 10, Mode::Shared, true), 30);
    assert_eq!(bound(10, 10, Mode::Escrow, true), 0);
    assert_eq!(bound(4, -2, Mode::Escrow, false), 4, "oversold already: what is on show comes on top");
}

#[test]
fn shares_follow_demand_and_the_last_units_go_where_they_sell_soonest() {
    let four = [
        selling(4.0, listing("r", 0)),
        selling(3.0, listing("a", 0)),
        selling(2.0, listing("y", 0)),
        selling(1.0, listing("s", 0)),
    ];
    assert_eq!(shares(&balance(&stock(10), &four, &ESCROW, None, at(0))), [Some(4), Some(3), Some(2), Some(1)]);
    assert_eq!(shares(&balance(&stock(1), &four, &ESCROW, None, at(0))), [Some(1), Some(0), Some(0), Some(0)]);
}

#[test]
fn a_listing_that_sells_all_there_is_covers_it() {
    let one = [listing("r", 2)];
    let decided = balance(&stock(2), &one, &AUTO, None, at(0));
    assert_eq!(decided.mode, Mode::Escrow);
    assert_eq!(shares(&decided), [Some(2)]);
}

#[test]
fn plenty_is_escrow_and_a_sale_stays_in_it_to_the_end() {
    let hot = |share| selling(180.0, listing("r", share));
    let plenty = balance(&stock(300), &[hot(150), Listing { listing: "y", ..hot(150) }], &AUTO, None, at(0));
    assert_eq!((plenty.mode, plenty.why), (Mode::Escrow, Why::Covered));
    let last = balance(&stock(2), &[hot(1), Listing { listing: "y", ..hot(1) }], &AUTO, None, at(0));
    assert!(matches!((last.mode, last.why), (Mode::Escrow, Why::Thin { risk }) if risk > 0.5), "{last:?}");
}

#[test]
fn escrow_is_entered_at_once_and_left_after_its_dwell_time() {
    let calm = [selling(0.001, listing("r", 1)), selling(0.001, listing("y", 1))];
    let since = |second| Some(InForce { mode: Mode::Escrow, since: at(second) });
    let a_moment_ago = balance(&stock(2), &calm, &Policy { eps: 0.0, ..AUTO }, since(0), at(60));
    assert_eq!(a_moment_ago.mode, Mode::Escrow);
    let dwells = balance(&stock(1), &calm, &AUTO, since(0), at(60));
    assert_eq!(dwells.why, Why::Dwells { until: at(600) });
    let left = balance(&stock(1), &calm, &AUTO, since(0), at(601));
    assert_eq!(left.mode, Mode::Shared);
}

#[test]
fn a_listing_of_figures_keeps_nothing_that_it_can_show_only_by_being_emptied() {
    // It was to show 2, and there was room for 1 when it was raised.
    let a = Listing { ceiling: Some(1), ..figures_only("a", 2) };
    let decided = balance(&stock(10), &[a, listing("r", 8)], &ESCROW, None, at(0));
    assert_eq!(shares(&decided), [Some(1), Some(9)], "the other one can show it now");
    assert_eq!(decided.shares[0].because, Because::Trimmed);
    let dark = Listing { ceiling: Some(0), ..figures_only("a", 2) };
    assert_eq!(
        shares(&balance(&stock(10), &[dark, listing("r", 8)], &ESCROW, None, at(0)))[0],
        Some(2),
        "from zero it goes"
    );
}

#[test]
fn a_share_set_by_hand_is_kept() {
    let two = [Listing { fixed: Some(3), ..listing("r", 0) }, listing("y", 0)];
    assert_eq!(shares(&balance(&stock(10), &two, &ESCROW, None, at(0))), [Some(3), Some(7)]);
    assert_eq!(shares(&balance(&stock(2), &two, &ESCROW, None, at(0))), [Some(2), Some(0)], "as far as there is stock");
}

#[test]
fn the_last_units_go_by_priority_first() {
    let two = [listing("r", 0), Listing { priority: 1, ..selling(0.5, listing("y", 0)) }];
    assert_eq!(shares(&balance(&stock(1), &two, &ESCROW, None, at(0))), [Some(0), Some(1)]);
}

#[test]
fn a_channel_that_has_not_begun_is_told_what_it_would_get_and_takes_nothing() {
    let shadow = |shows, said| Listing { reach: Reach::Shadow, ceiling: Some(shows), share: said, ..listing("s", 0) };
    let decided = balance(&stock(10), &[listing("r", 10), shadow(0, Some(5))], &ESCROW, None, at(0));
    assert_eq!(shares(&decided), [Some(10), Some(5)], "half of it, were it live; the other one keeps all");
    assert_eq!((decided.shares[1].because, decided.unshared, decided.settled), (Because::Shadow, 0, true));
    let again = balance(&stock(10), &[listing("r", 10), shadow(0, None)], &ESCROW, None, at(0));
    assert_eq!(shares(&again), shares(&decided), "whatever was said before");
    // What its mall shows is somebody else's doing, and may be sold.
    let showing = balance(&stock(10), &[listing("r", 6), shadow(4, Some(5))], &ESCROW, None, at(0));
    assert_eq!(shares(&showing), [Some(6), Some(5)]);
    let none_is_live = balance(&stock(10), &[shadow(0, None), shadow(0, None)], &ESCROW, None, at(0));
    assert_eq!(shares(&none_is_live), [Some(5), Some(5)]);
    assert!(none_is_live.shares.iter().all(|share| share.because == Because::Shadow));
    let by_hand = Listing { fixed: Some(2), ..shadow(0, None) };
    assert_eq!(shares(&balance(&stock(10), &[listing("r", 10), by_hand], &ESCROW, None, at(0))), [Some(10), Some(2)]);
}
