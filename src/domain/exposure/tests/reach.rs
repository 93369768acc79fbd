//! Who can be moved, who is waited for, and for how long.

use super::*;
use crate::domain::{
    health::{Lane, LaneState},
    suspend::State,
};

const WELL: Standing = Standing {
    live: true,
    switch: Some(State::Active),
    emptied: false,
    covered: true,
    absence: None,
    direct: true,
    refused: None,
    known: true,
};

#[test]
fn only_what_can_be_written_now_takes_part() {
    assert_eq!(Reach::of(&WELL), Reach::Direct);
    assert_eq!(Reach::of(&Standing { direct: false, ..WELL }), Reach::ThroughZero);
    assert_eq!(Reach::of(&Standing { switch: None, ..WELL }), Reach::Direct);
    for outside in [
        Standing { switch: Some(State::Suspended), ..WELL },
        Standing { switch: Some(State::Resuming), ..WELL },
        Standing { refused: Some(Absence::Gone), ..WELL },
        Standing { known: false, ..WELL },
        Standing { absence: Some(Absence::Gone), ..WELL },
    ] {
        assert_eq!(Reach::of(&outside), Reach::Outside, "{outside:?}");
    }
    assert_eq!(Reach::of(&Standing { absence: Some(Absence::Away), ..WELL }), Reach::Away);
    assert_eq!(Reach::of(&Standing { live: false, ..WELL }), Reach::Shadow);
    assert_eq!(Reach::of(&Standing { covered: false, ..WELL }), Reach::Shadow, "its open orders are still being read");
    assert_eq!(Reach::of(&Standing { refused: Some(Absence::Away), ..WELL }), Reach::Away);
    let draining = Standing { switch: Some(State::Draining), emptied: true, ..WELL };
    assert_eq!(Reach::of(&draining), Reach::Away, "its zeros are on their way");
    let stuck = Standing { absence: Some(Absence::Gone), ..draining };
    assert_eq!(Reach::of(&stuck), Reach::Outside, "and never get there");
    let refused = Standing { absence: Some(Absence::Away), refused: Some(Absence::Gone), ..WELL };
    assert_eq!(Reach::of(&refused), Reach::Outside, "its mall's return would not help it");
}

#[test]
fn in_shadow_the_shares_that_each_would_get_are_said_and_follow_the_stock() {
    let shadow = |name, shown, share| Listing { reach: Reach::Shadow, ceiling: Some(shown), share, ..listing(name, 0) };
    let begins = balance(&stock(10), &[shadow("r", 10, None), shadow("y", 7, None)], &ESCROW, None, at(0));
    assert_eq!(shares(&begins), [Some(5), Some(5)]);
    assert_eq!((begins.exposure, begins.bound, begins.settled), (17, 7, false), "what is on show is not ours");
    let follows = balance(&stock(4), &[shadow("r", 10, Some(5)), shadow("y", 7, Some(5))], &ESCROW, None, at(0));
    assert_eq!(shares(&follows), [Some(2), Some(2)]);
    let one_began = balance(&stock(10), &[listing("r", 0), shadow("y", 7, None)], &ESCROW, None, at(0));
    assert_eq!(
        shares(&one_began),
        [Some(3), Some(5)],
        "what a mall in shadow sells is not for others, what it would is"
    );
}

fn waiting(until: i64) -> Lane {
    Lane { state: LaneState::Waiting, until: Some(at(until)), ..Lane::default() }
}

#[test]
fn trace_37_a_mall_is_waited_for_an_hour_and_not_for_a_night() {
    let down = |second| Absence::of(&waiting(second + 30), Some(at(0)), None, at(second));
    assert_eq!(down(59), None, "a pause that a mall asks for is no absence");
    assert_eq!(down(60), Some(Absence::Away));
    assert_eq!(down(3_599), Some(Absence::Away));
    assert_eq!(down(3_600), Some(Absence::Gone));
    let tripped = |second| {
        let lane = Lane { state: LaneState::Tripped, ..waiting(second + 30) };
        Absence::of(&lane, Some(at(0)), None, at(second))
    };
    assert_eq!((tripped(899), tripped(900)), (Some(Absence::Away), Some(Absence::Gone)), "somebody has to look");
    assert_eq!(Absence::of(&Lane::default(), None, None, at(9_000)), None);
}

#[test]
fn a_listing_that_is_refused_is_waited_for_as_long_as_a_lane_that_somebody_has_to_look_at() {
    assert_eq!(Absence::of_refusals(0), None, "the mall was busy with it for a moment");
    assert_eq!((Absence::of_refusals(1), Absence::of_refusals(2)), (Some(Absence::Away), Some(Absence::Away)));
    assert_eq!(Absence::of_refusals(3), Some(Absence::Gone), "after 300 and 600 seconds");
}

#[test]
fn a_lane_that_nobody_has_tried_again_is_not_known_to_be_down() {
    let waited = waiting(10);
    assert_eq!(Absence::of(&waited, Some(at(0)), None, at(69)), Some(Absence::Away));
    assert_eq!(Absence::of(&waited, Some(at(0)), None, at(4_000)), None);
}

#[test]
fn where_only_orders_settle_a_lowering_silence_is_an_absence_too() {
    let silent = |length| Absence::of(&Lane::default(), None, length, at(0));
    assert_eq!(silent(None), None);
    assert_eq!(silent(Some(MINUTE * 10)), Some(Absence::Away));
    assert_eq!(silent(Some(MINUTE * 60)), Some(Absence::Gone));
}
