//! Channels of which nobody hears.

use super::*;

#[test]
fn a_silent_channel_is_allowed_for_what_it_may_sell_meanwhile() {
    let busy = selling(60.0, listing("a", 50));
    // Ten minutes at one a minute: at most 18 but for one time in a hundred.
    assert_eq!(blind(&busy, MINUTE * 10, 0.01), 18);
    assert_eq!(blind(&Listing { ceiling: Some(4), ..busy.clone() }, MINUTE * 10, 0.01), 4);
    let read = Listing { missing: 5, ceiling: Some(45), ..busy };
    assert_eq!(blind(&read, MINUTE * 10, 0.01), 13, "five of them a reading has found missing");
}

#[test]
fn silence_is_counted_in_a_dozen_steps_a_night() {
    let counted = |minutes: u32| counted(MINUTE * minutes, MINUTE * 3).map(|length| length.as_secs());
    assert_eq!((counted(0), counted(3)), (None, None), "not before its time");
    assert_eq!((counted(4), counted(5)), (Some(270), Some(405)));
    let mut night: Vec<u64> = (0..=480).filter_map(counted).collect();
    assert!(night.iter().zip(0..).all(|(counted, minute)| *counted >= minute * 60), "to the end of each step");
    night.dedup();
    assert_eq!(night.len(), 13);
    assert!(super::counted(Duration::MAX, Duration::ZERO).is_some(), "and it ends");
}

#[test]
fn what_sells_too_seldom_has_sold_nothing() {
    for (per_hour, minutes) in [(0.001, 60), (0.01, 30), (0.5, 1)] {
        let slow = selling(per_hour, listing("a", 50));
        let within = MINUTE * minutes;
        assert!(slow.forecast.orders_per_second() < least_rate(within, 0.01), "{per_hour} an hour");
        assert_eq!(blind(&slow, within, 0.01), 0, "{per_hour} an hour");
    }
    assert!(1.0 / 3_600.0 > least_rate(MINUTE, 0.01), "one an hour may have come in this minute");
}

#[test]
fn in_shared_mode_the_others_hear_what_a_silent_listing_may_have_sold() {
    let silent = Listing { unheard: Some(MINUTE * 10), ..selling(60.0, listing("a", 50)) };
    let policy = Policy { wish: Wish::Shared, ..ESCROW };
    let decided = balance(&stock(50), &[silent.clone(), listing("b", 50)], &policy, None, at(0));
    assert_eq!(decided.shares.iter().map(|share| share.blind).collect::<Vec<_>>(), [18, 0]);
    let shares = balance(&stock(50), &[silent, listing("b", 0)], &ESCROW, None, at(0));
    assert!(shares.shares.iter().all(|share| share.blind == 0), "a share is nobody else's anyway");
}
