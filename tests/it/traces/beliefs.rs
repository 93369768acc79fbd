//! What a mall shows, as arithmetic.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uriba::domain::{
    allocation::{Rules, target},
    drift::{Cause, Deviation, OnDrift},
    publication::{Look, Next, Outstanding, Publication, Situation, Standing, Urgency, Ways, WriteState},
    settle::{self, Exchange, Note, Sale, Times},
};
use uriba_sdk::{Outcome, Refusal, RefusedWhy, Write, wire::ClockOff};

const RELATIVE: Ways = Ways { relative: true, compare_and_set: false };
const ABSOLUTE: Ways = Ways { relative: false, compare_and_set: false };
const COMPARE: Ways = Ways { relative: false, compare_and_set: true };

/// Seconds after 10:00:00.
fn at(seconds: i64) -> Timestamp {
    "2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn look(value: i64, seconds: i64) -> Look {
    Look { value, from: at(seconds - 1), to: at(seconds) }
}

fn sale(units: i64, seconds: i64) -> Sale {
    Sale { placed_at: at(seconds), units }
}

fn asked(sent: i64, answered: i64) -> Exchange {
    Exchange::new(at(sent), at(answered))
}

/// A mall whose writes take effect at once.
fn prompt() -> Times {
    Times {
        precision: Duration::from_secs(1),
        late_apply: Duration::from_secs(60),
        effect_max: None,
        effect_typical: Duration::ZERO,
        readable: true,
    }
}

/// A mall that accepts now and applies minutes later.
fn lagging() -> Times {
    Times { effect_max: Some(Duration::from_secs(3_600)), effect_typical: Duration::from_secs(240), ..prompt() }
}

fn situation(now: i64, watermark: i64) -> Situation {
    Situation {
        now: at(now),
        watermark: Some(at(watermark)),
        live: true,
        switch: None,
        baseline_done: true,
        stop_raise: false,
        outdated: false,
        not_ours: false,
        room: None,
    }
}

/// A listing that was read at 10:00:00.
fn showing(value: i64) -> Publication {
    Publication { anchor: Some(look(value, 0)), target: Some(value), checked: true, ..Publication::default() }
}

fn claimed(publication: &mut Publication, id: i64, write: Write, sent: i64, times: &Times) {
    let (sent_at, horizon) = (at(sent), settle::horizon(at(sent), times));
    publication.claim(Outstanding { id, write, sent_at, horizon, state: WriteState::Unknown });
}

fn applied(publication: &mut Publication, id: i64, exchange: Exchange, times: &Times, sales: &[Sale]) -> Vec<Note> {
    settle::outcome(publication, id, &Outcome::Applied { now: None }, exchange, times, sales, 0)
}

fn mid(publication: &Publication) -> i64 {
    publication.shown().unwrap().mid
}

#[test]
fn open_orders_at_first_sync_dont_come_back() {
    let mut listing = Publication { checked: true, ..Publication::default() };
    settle::reading(&mut listing, look(7, 0), None, &[], &prompt());
    listing.sold(3, at(-86_400));
    listing.target = Some(7);
    assert_eq!(mid(&listing), 7);
    assert_eq!(listing.next(RELATIVE, &situation(60, 30)), Next::Rest(Standing::InSync));

    let yesterday = [sale(3, -86_400)];
    let notes = settle::reading(&mut listing, look(7, 600), Some(at(590)), &yesterday, &prompt());
    assert_eq!(notes, [Note::Settled { shown: 7 }], "and the same after every later reading");
}

#[test]
fn an_order_bears_the_time_of_its_malls_clock_and_so_does_the_look() {
    // The mall's clock is 40 s behind; read at 30 by ours, ordered at 35 by ours.
    let behind = ClockOff { least: SignedDuration::from_secs(-41), most: SignedDuration::from_secs(-39) };
    let look = Exchange { clock: Some(behind), ..asked(30, 30) }.look(7, prompt().precision);
    assert_eq!((look.from, look.to), (at(-12), at(-9)));
    let mut listing = Publication { checked: true, ..Publication::default() };
    settle::reading(&mut listing, look, None, &[], &prompt());
    listing.sold(1, at(-5));
    assert_eq!(mid(&listing), 6, "it was placed after the look, whatever our clock says");
    // Ahead by 30 s: ordered at 20 by ours, and the look has it already.
    let ahead = ClockOff { least: SignedDuration::from_secs(29), most: SignedDuration::from_secs(31) };
    let look = Exchange { clock: Some(ahead), ..asked(30, 30) }.look(7, prompt().precision);
    settle::reading(&mut listing, look, None, &[], &prompt());
    listing.sold(1, at(50));
    assert_eq!(mid(&listing), 7, "at most a doubt, which the next look removes");
    // Clocks that may agree move nothing.
    let equal = ClockOff { least: SignedDuration::from_secs(-1), most: SignedDuration::from_secs(1) };
    let look = Exchange { clock: Some(equal), ..asked(30, 31) }.look(7, prompt().precision);
    assert_eq!((look.from, look.to), (at(29), at(31)));
}

#[test]
fn an_absolute_write_racing_an_order() {
    let mut listing = showing(10);
    listing.target = Some(9);
    claimed(&mut listing, 1, Write::Absolute(9), 30, &prompt());
    applied(&mut listing, 1, asked(30, 30), &prompt(), &[]);
    listing.sold(2, at(0));
    listing.target = Some(7);
    assert_eq!(mid(&listing), 9, "it was placed before the write");
    let next = listing.next(ABSOLUTE, &situation(180, 170));
    assert_eq!(next, Next::Write { write: Write::Absolute(7), urgency: Urgency::Decrease, units: 2 });
}

#[test]
fn a_lost_answer_with_a_sale_in_between_is_decided_by_the_orders_up_to_the_read() {
    for (sales, expected) in [(vec![], "not applied"), (vec![sale(3, 50)], "applied, and three sold")] {
        let mut listing = showing(10);
        listing.target = Some(13);
        claimed(&mut listing, 1, Write::Relative(3), 10, &prompt());
        settle::unknown(&mut listing, 1, asked(10, 40), &prompt());
        let early = settle::reading(&mut listing, look(10, 120), Some(at(60)), &sales, &prompt());
        assert_eq!(early, [Note::Open], "the orders are not known up to the read");
        assert_eq!(listing.next(RELATIVE, &situation(121, 60)), Next::Rest(Standing::Pending), "{expected}");
        let notes = settle::judge(&mut listing, at(180), Some(at(125)), &sales, &prompt());
        assert_eq!(notes, [Note::Settled { shown: 10 }], "{expected}");
        assert_eq!(mid(&listing), 10);
    }
}

#[test]
fn nothing_is_decided_before_a_late_write_can_no_longer_land() {
    let mut listing = showing(10);
    listing.target = Some(13);
    claimed(&mut listing, 1, Write::Relative(3), 10, &prompt());
    settle::unknown(&mut listing, 1, asked(10, 40), &prompt());
    settle::reading(&mut listing, look(10, 50), Some(at(60)), &[], &prompt());
    assert_eq!(listing.writes.len(), 1, "the +3 may land after this read of 10");
    settle::reading(&mut listing, look(13, 130), Some(at(140)), &[], &prompt());
    assert!(listing.writes.is_empty());
    assert_eq!(mid(&listing), 13);
}

#[test]
fn accepted_now_and_effective_later_is_settled_by_the_effective_figure() {
    let mut listing = showing(5);
    listing.target = Some(0);
    claimed(&mut listing, 1, Write::Absolute(0), 10, &lagging());
    assert_eq!(applied(&mut listing, 1, asked(10, 11), &lagging(), &[]), [Note::Open]);
    let sales = [sale(2, 190)];
    listing.sold(2, at(190));
    settle::reading(&mut listing, look(3, 200), Some(at(210)), &sales, &lagging());
    assert_eq!(listing.writes.len(), 1, "3 is the old figure less what sold");
    let notes = settle::reading(&mut listing, look(0, 260), Some(at(200)), &sales, &lagging());
    assert_eq!(notes, [Note::Open], "the orders are not yet known past the effective instant");
    let notes = settle::judge(&mut listing, at(400), Some(at(270)), &sales, &lagging());
    assert_eq!(notes, [Note::Settled { shown: 0 }]);
}

#[test]
fn a_read_of_the_old_figure_while_a_raise_is_pending_is_no_missing_stock() {
    let mut listing = showing(3);
    listing.target = Some(8);
    claimed(&mut listing, 1, Write::Absolute(8), 10, &lagging());
    applied(&mut listing, 1, asked(10, 11), &lagging(), &[]);
    let notes = settle::reading(&mut listing, look(3, 200), Some(at(210)), &[], &lagging());
    assert_eq!(notes, [Note::Open]);
    assert_eq!(listing.ceiling(), Some(11), "until it is effective both figures may sell");
}

#[test]
fn settled_although_it_sold_meanwhile() {
    let mut listing = showing(9);
    claimed(&mut listing, 1, Write::Absolute(5), 10, &lagging());
    applied(&mut listing, 1, asked(10, 11), &lagging(), &[]);
    let sales = [sale(1, 250)];
    listing.sold(1, at(250));
    let notes = settle::reading(&mut listing, look(4, 300), Some(at(310)), &sales, &lagging());
    assert_eq!(notes, [Note::Settled { shown: 4 }]);
}

#[test]
fn a_zero_over_an_unsettled_three_is_verified_after_the_longest_horizon() {
    let mut listing = showing(5);
    listing.target = Some(3);
    claimed(&mut listing, 1, Write::Absolute(3), 10, &prompt());
    settle::unknown(&mut listing, 1, asked(10, 40), &prompt());
    listing.target = Some(0);
    let next = listing.next(ABSOLUTE, &situation(41, 30));
    assert!(matches!(next, Next::Write { write: Write::Absolute(0), urgency: Urgency::Zero, .. }), "{next:?}");
    claimed(&mut listing, 2, Write::Absolute(0), 41, &prompt());
    applied(&mut listing, 2, asked(41, 42), &prompt(), &[]);
    assert_eq!(listing.writes.len(), 2, "the 3 may land last");
    settle::reading(&mut listing, look(0, 60), Some(at(70)), &[], &prompt());
    assert_eq!(listing.writes.len(), 2, "read before the 3's horizon");
    settle::reading(&mut listing, look(3, 110), Some(at(120)), &[], &prompt());
    let next = listing.next(ABSOLUTE, &situation(121, 120));
    assert!(matches!(next, Next::Write { write: Write::Absolute(0), .. }), "it landed last: zero again, {next:?}");
}

#[test]
fn a_relative_write_below_zero_frees_nothing_and_asks_for_a_read() {
    let mut listing = showing(3);
    listing.target = Some(1);
    claimed(&mut listing, 1, Write::Relative(-2), 10, &prompt());
    let refusal = Refusal { why: RefusedWhy::BelowZero, code: None, message: "would be below zero".into() };
    settle::outcome(&mut listing, 1, &Outcome::Refused(refusal), asked(10, 11), &prompt(), &[], 0);
    assert!(listing.writes.is_empty() && listing.set_aside_until.is_none());
    assert_eq!(mid(&listing), 3, "nothing was written, so nothing is believed to be lower");
    assert_eq!(listing.read_due, Some(at(11)));
    let notes = settle::reading(&mut listing, look(0, 12), Some(at(5)), &[], &prompt());
    assert_eq!(notes, [Note::Missing { units: 3, since: at(-1), at: at(12) }], "all three were sold unseen");
}

#[test]
fn which_orders_consume_a_provisional_hold() {
    let mut listing = showing(10);
    let notes = settle::reading(&mut listing, look(8, 60), Some(at(30)), &[], &prompt());
    assert_eq!(notes, [Note::Missing { units: 2, since: at(-1), at: at(60) }]);
    assert_eq!(mid(&listing), 8);
    // A's two were placed before the read: they are what the hold stands for, and shown knows of them.
    listing.sold(2, at(40));
    assert_eq!(mid(&listing), 8);
    // B's two were placed after it.
    listing.sold(2, at(90));
    assert_eq!(mid(&listing), 6);
}

#[test]
fn a_conflicts_figure_is_never_the_next_expected_value() {
    let mut listing = showing(10);
    listing.target = Some(9);
    let next = listing.next(COMPARE, &situation(10, 5));
    assert_eq!(
        next,
        Next::Write { write: Write::CompareAndSet { from: 10, to: 9 }, urgency: Urgency::Decrease, units: 1 }
    );
    claimed(&mut listing, 1, Write::CompareAndSet { from: 10, to: 9 }, 10, &prompt());
    let notes = settle::outcome(&mut listing, 1, &Outcome::Conflict { shows: 8 }, asked(10, 11), &prompt(), &[], 0);
    assert_eq!(notes, [Note::Missing { units: 2, since: at(-1), at: at(11) }]);
    // The hold takes the two units off sellable, so the target is at most what the mall shows.
    listing.target = Some(9 - 2);
    let next = listing.next(COMPARE, &situation(12, 5));
    assert_eq!(
        next,
        Next::Write { write: Write::CompareAndSet { from: 8, to: 7 }, urgency: Urgency::Decrease, units: 1 }
    );
}

#[test]
fn a_mall_that_cant_hold_the_number_is_told_its_maximum() {
    assert_eq!(target(120_000, 0, 1, &Rules::default(), 99_999, jiff::Timestamp::UNIX_EPOCH), 99_999);
}

#[test]
fn a_mall_that_takes_its_time_and_comes_to_nothing_is_drift_and_not_settled() {
    let mut listing = showing(5);
    listing.target = Some(8);
    claimed(&mut listing, 1, Write::Absolute(8), 10, &lagging());
    applied(&mut listing, 1, asked(10, 11), &lagging(), &[]);
    let late = 11 + 3_600 + 2;
    let notes = settle::reading(&mut listing, look(5, late), Some(at(late + 10)), &[], &lagging());
    assert_eq!(notes, [Note::Drift { expected: 8, read: 5 }], "its time is over, and it shows the old figure");
    assert_eq!(listing.pushed.map(|pushed| (pushed.from, pushed.to, pushed.seen)), Some((5, 8, false)));
}

#[test]
fn an_answer_that_names_the_new_figure_is_no_proof_that_the_mall_shows_it() {
    let mut listing = showing(10);
    listing.target = Some(50);
    claimed(&mut listing, 1, Write::Relative(40), 10, &prompt());
    let answer = Outcome::Applied { now: Some(50) };
    settle::outcome(&mut listing, 1, &answer, asked(10, 11), &prompt(), &[], 0);
    assert!(!listing.pushed.unwrap().seen);
    settle::reading(&mut listing, look(12, 600), Some(at(590)), &[], &prompt());
    let missing = Deviation { amount: 38, seen_at: at(600) };
    assert_eq!(listing.deviates(missing, OnDrift::Correct, at(1_200)).cause, Cause::MallDefect);
}

#[test]
fn less_than_a_kept_figure_is_written_and_more_is_not() {
    let mut listing = showing(999);
    let missing = Deviation { amount: 4_001, seen_at: at(0) };
    assert!(!listing.deviates(missing, OnDrift::Correct, at(10)).stops, "the first correction");
    let again = Deviation { seen_at: at(1_200), ..missing };
    assert!(listing.deviates(again, OnDrift::Correct, at(1_210)).stops, "the same again within the hour");
    assert_eq!(listing.kept, Some(999));
    let now = situation(1_211, 1_210);
    for (target, next) in [
        (5_000, Next::Rest(Standing::Held)),
        (999, Next::Rest(Standing::InSync)),
        (500, Next::Write { write: Write::Relative(-499), urgency: Urgency::Decrease, units: 499 }),
        (0, Next::Write { write: Write::Absolute(0), urgency: Urgency::Zero, units: 999 }),
    ] {
        listing.target = Some(target);
        assert_eq!(listing.next(RELATIVE, &now), next, "{target}");
    }
}

#[test]
fn a_figure_that_somebody_keeps_raising_is_left_alone_but_for_zero() {
    let mut listing = showing(8);
    let surplus = Deviation { amount: -3, seen_at: at(0) };
    listing.deviates(surplus, OnDrift::Correct, at(10));
    listing.deviates(Deviation { seen_at: at(600), ..surplus }, OnDrift::Correct, at(610));
    listing.target = Some(5);
    assert_eq!(listing.next(RELATIVE, &situation(700, 690)), Next::Rest(Standing::Held));
    listing.target = Some(0);
    assert!(matches!(listing.next(RELATIVE, &situation(700, 690)), Next::Write { urgency: Urgency::Zero, .. }));
}

#[test]
fn no_raise_before_a_read_when_a_cancel_may_have_been_restored() {
    for (read, next) in [
        (10, Next::Rest(Standing::InSync)),
        (7, Next::Write { write: Write::Relative(3), urgency: Urgency::Raise, units: 3 }),
    ] {
        let mut listing = showing(7);
        listing.gave_back(3, at(100));
        listing.target = Some(10);
        assert_eq!(listing.next(RELATIVE, &situation(100, 90)), Next::Read);
        settle::reading(&mut listing, look(read, 110), Some(at(100)), &[], &prompt());
        assert_eq!(listing.next(RELATIVE, &situation(111, 110)), next);
    }
}

#[test]
fn under_review_a_mall_that_restored_is_lowered() {
    let mut listing = showing(7);
    listing.gave_back(3, at(100));
    listing.target = Some(7);
    settle::reading(&mut listing, look(10, 110), Some(at(100)), &[], &prompt());
    let next = listing.next(RELATIVE, &situation(111, 110));
    assert_eq!(next, Next::Write { write: Write::Relative(-3), urgency: Urgency::Decrease, units: 3 });
}

#[test]
fn an_absolute_raise_waits_until_the_orders_are_known_past_the_anchor() {
    let mut listing = showing(5);
    listing.target = Some(8);
    assert_eq!(listing.next(ABSOLUTE, &situation(10, -60)), Next::Rest(Standing::Pending));
    let next = listing.next(ABSOLUTE, &situation(10, 1));
    assert_eq!(next, Next::Write { write: Write::Absolute(8), urgency: Urgency::Raise, units: 3 });
}

#[test]
fn a_sale_in_the_second_of_the_read_leaves_a_doubt_that_the_next_read_removes() {
    let mut listing = showing(10);
    let same_second = Look { value: 10, from: at(59), to: at(60) };
    settle::reading(&mut listing, same_second, Some(at(30)), &[], &prompt());
    listing.sold(2, at(60));
    let shown = listing.shown().unwrap();
    assert_eq!((shown.low, shown.mid, shown.high), (8, 10, 10));
    assert!(listing.read_due.is_some());
    let sales = [sale(2, 60)];
    let notes = settle::reading(&mut listing, look(8, 63), Some(at(62)), &sales, &prompt());
    assert_eq!(notes, [Note::Settled { shown: 8 }]);
}

#[test]
fn a_mall_that_was_read_below_zero_is_raised_from_there_and_one_that_is_believed_so_is_read_first() {
    let now = situation(100, 90);
    let read = Publication { target: Some(19), ..showing(-9) };
    let raise = Next::Write { write: Write::Relative(28), urgency: Urgency::Raise, units: 28 };
    assert_eq!(read.next(RELATIVE, &now), raise);
    let mut believed = Publication { target: Some(19), ..showing(2) };
    believed.sold(11, at(30));
    assert_eq!(believed.next(RELATIVE, &now), Next::Read);
}

/// A mall that applies later and shows its stock to nobody.
fn blind() -> Times {
    Times { effect_max: Some(Duration::from_secs(600)), readable: false, ..prompt() }
}

fn settled_by_time(listing: &mut Publication, now: i64, watermark: i64, sales: &[Sale]) -> Vec<Note> {
    settle::by_time(listing, at(now), Some(at(watermark)), sales, &blind())
}

#[test]
fn a_mall_that_nobody_can_read_is_first_written_an_absolute_figure_and_believed_by_time_alone() {
    let mut listing = Publication { target: Some(5), ..Publication::default() };
    assert_eq!(listing.next(ABSOLUTE, &situation(0, -60)), Next::Read, "nobody has looked at it yet");
    assert_eq!(settled_by_time(&mut listing, 0, -60, &[]), []);
    let first = listing.next(ABSOLUTE, &situation(0, -60));
    assert_eq!(first, Next::Write { write: Write::Absolute(5), urgency: Urgency::Raise, units: 5 });

    claimed(&mut listing, 1, Write::Absolute(5), 0, &blind());
    applied(&mut listing, 1, asked(0, 1), &blind(), &[]);
    assert_eq!(settled_by_time(&mut listing, 300, 290, &[]), [Note::Open], "it may still not show");
    assert_eq!((listing.shown(), listing.ceiling()), (None, Some(5)), "what it showed before nobody knows");
    assert_eq!(settled_by_time(&mut listing, 601, 590, &[]), [Note::Open], "the orders up to then decide");
    let sales = [sale(2, 700)];
    assert_eq!(settled_by_time(&mut listing, 800, 700, &sales), [Note::Settled { shown: 5 }]);
    assert_eq!(mid(&listing), 3);
}

#[test]
fn what_is_sold_while_a_blind_mall_applies_a_figure_leaves_a_doubt_that_another_write_removes() {
    let mut listing = Publication { by_time: true, ..showing(5) };
    listing.target = Some(7);
    claimed(&mut listing, 1, Write::Absolute(7), 10, &blind());
    applied(&mut listing, 1, asked(10, 11), &blind(), &[]);
    listing.target = Some(6);
    settled_by_time(&mut listing, 700, 690, &[sale(1, 60)]);
    let shown = listing.shown().unwrap();
    assert_eq!((shown.low, shown.high), (6, 7), "sold before the 7 stood, or of the 7");
    let again = listing.next(ABSOLUTE, &situation(700, 690));
    assert_eq!(again, Next::Write { write: Write::Absolute(6), urgency: Urgency::Raise, units: 0 });
    let none = Situation { room: Some(0), ..situation(700, 690) };
    let through = listing.next(ABSOLUTE, &none);
    assert!(matches!(through, Next::Write { write: Write::Absolute(0), .. }), "in escrow through zero: {through:?}");
}

#[test]
fn what_is_changed_while_a_blind_mall_applies_a_figure_may_have_been_changed_after_it() {
    for first in [Publication::default(), showing(5)] {
        let mut listing = Publication { by_time: true, checked: true, ..first };
        listing.target = Some(7);
        claimed(&mut listing, 1, Write::Absolute(7), 10, &blind());
        listing.rose(1, at(60));
        listing.gave_back(2, at(70));
        assert!(listing.ceiling() >= Some(9), "the 7 may have stood by then: {:?}", listing.ceiling());
        applied(&mut listing, 1, asked(10, 11), &blind(), &[]);
        settled_by_time(&mut listing, 700, 690, &[]);
        let shown = listing.shown().unwrap();
        assert_eq!((shown.low, shown.mid, shown.high), (6, 7, 9));
        claimed(&mut listing, 2, Write::Absolute(7), 710, &blind());
        applied(&mut listing, 2, asked(710, 711), &blind(), &[]);
        settled_by_time(&mut listing, 1_400, 1_390, &[]);
        let shown = listing.shown().unwrap();
        assert_eq!((shown.low, shown.high), (7, 7), "said once more, it is certain");
    }
}

#[test]
fn what_a_blind_mall_sells_after_nothing_was_on_show_is_of_the_new_figure() {
    let mut listing = Publication { by_time: true, ..showing(0) };
    listing.target = Some(3);
    claimed(&mut listing, 1, Write::Absolute(3), 10, &blind());
    applied(&mut listing, 1, asked(10, 11), &blind(), &[]);
    settled_by_time(&mut listing, 700, 690, &[sale(1, 60)]);
    let shown = listing.shown().unwrap();
    assert_eq!((shown.low, shown.high), (2, 2));
}

#[test]
fn what_empties_a_blind_mall_while_it_applies_a_figure_may_have_been_of_the_old_one() {
    let mut listing = Publication { by_time: true, ..showing(3) };
    listing.target = Some(27);
    claimed(&mut listing, 1, Write::Absolute(27), 10, &blind());
    applied(&mut listing, 1, asked(10, 11), &blind(), &[]);
    listing.sold(3, at(60));
    listing.target = Some(24);
    settled_by_time(&mut listing, 700, 690, &[sale(3, 60)]);
    let shown = listing.shown().unwrap();
    assert_eq!((shown.low, shown.high), (24, 27), "it showed three when the 27 left");
    let again = listing.next(ABSOLUTE, &situation(700, 690));
    assert!(matches!(again, Next::Write { write: Write::Absolute(24), .. }), "{again:?}");
}

#[test]
fn a_write_to_a_blind_mall_of_which_nobody_heard_is_made_again() {
    let mut listing = Publication { by_time: true, ..showing(5) };
    listing.target = Some(0);
    claimed(&mut listing, 1, Write::Absolute(4), 10, &blind());
    claimed(&mut listing, 2, Write::Absolute(0), 20, &blind());
    applied(&mut listing, 2, asked(20, 21), &blind(), &[]);
    assert_eq!(listing.next(ABSOLUTE, &situation(300, 290)), Next::Rest(Standing::Pending));
    assert_eq!(settled_by_time(&mut listing, 700, 690, &[]), [Note::Open], "the 4 may have landed over the 0");
    let again = listing.next(ABSOLUTE, &situation(700, 690));
    assert!(matches!(again, Next::Write { write: Write::Absolute(0), .. }), "{again:?}");
    claimed(&mut listing, 3, Write::Absolute(0), 700, &blind());
    applied(&mut listing, 3, asked(700, 701), &blind(), &[]);
    assert_eq!(settled_by_time(&mut listing, 1_400, 1_390, &[]), [Note::Settled { shown: 0 }]);
}
