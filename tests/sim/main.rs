//! Seeds of the simulator, as many as the time allows: `URIBA_SIM_SECONDS` (20 when not given), on every processor.
//! A failing seed prints its last events and the command that plays it again.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod statements;

use std::{
    collections::BTreeSet,
    io::Write,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use uriba::{
    config::environment,
    domain::exposure::mode::Wish,
    sim::{Chore, Chores, Kind, Lie, Options, Report, Trouble, play},
};

/// Six hours with customers and faults, then rest: long enough for every lag and back-off.
const DAYS: f64 = 0.25;
/// An hour and a half: short enough for many.
const SHORT: f64 = 0.06;

const BLIND: Kind =
    Kind { exposure: Wish::Escrow, blind: true, quiet: false, chores: Chores::of(&[Chore::Stops, Chore::Backfills]) };
const BLIND_AND_QUIET: Kind =
    Kind { quiet: true, chores: Chores::of(&[Chore::Stops, Chore::Plans, Chore::Audits]), ..BLIND };

/// Seeds that have failed once, for how long and in what sort of world, with what they found. They are played before
/// any other.
const KEPT: &[(u64, f64, Kind, &str)] = &[
    (
        164,
        DAYS,
        Kind::PLAIN,
        "a shipment that a stale state took back after a count, and that was then stated again, left units behind",
    ),
    (7, DAYS, Kind::PLAIN, "a mall that was read below zero was read again for ever, and never raised"),
    (
        253,
        SHORT,
        BLIND_AND_QUIET,
        "what was told to a mall of which nothing was known counted as nothing in its ceiling",
    ),
    (429, SHORT, BLIND, "an order that grew while a mall that nobody reads applied a figure was forgotten"),
];

fn options() -> Options {
    Options { days: DAYS, ..Options::default() }
}

fn holds(report: &Report) {
    assert!(!report.failed(), "{report}");
}

#[test]
fn every_seed_holds() {
    let seconds = environment::variable("URIBA_SIM_SECONDS").map_or(20, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let (next, played, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let heard = Mutex::new(BTreeSet::new());
    let threads = thread::available_parallelism().unwrap().get();
    let work = || {
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let kept = KEPT.get(usize::try_from(turn).unwrap());
            if failed.load(Ordering::Relaxed) || (kept.is_none() && Instant::now() >= end) {
                return;
            }
            let new = || (turn + 1 - KEPT.len() as u64, SHORT, None);
            let (seed, days, kind) = kept.map_or_else(new, |(seed, days, kind, _)| (*seed, *days, Some(*kind)));
            let report = play(seed, &Options { kind, days, statements: true, ..options() }).unwrap();
            heard.lock().unwrap().extend(report.statements.iter().map(|statement| statements::shortened(statement)));
            played.fetch_add(1, Ordering::Relaxed);
            failed.fetch_or(report.failed(), Ordering::Relaxed);
            holds(&report);
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    say(&format!(
        "the simulator: {} worlds held in {seconds} s, {} of them kept ones",
        played.into_inner(),
        KEPT.len()
    ));
    statements::no_step_goes_through_a_table_that_grows(&heard.into_inner().unwrap());
}

/// Past the test runner's capture: whoever reads that all tests passed should know how much was played.
fn say(what: &str) {
    std::io::stderr().write_all(format!("\n== {what}\n").as_bytes()).expect("standard error is open");
}

/// With kills, lost steps and a second instance: nothing may depend on the machine.
#[test]
fn a_seed_plays_the_same_world_again() {
    let troubles = Some(vec![Trouble::Kill, Trouble::LostStep, Trouble::Pause, Trouble::Delay, Trouble::LostAfter]);
    // Whether it comes to rest is not asked here.
    let options = Options { troubles, malls: Some(2), days: 0.02, rest_within: Duration::ZERO, ..Options::default() };
    let (first, second) = (play(11, &options).unwrap(), play(11, &options).unwrap());
    assert_eq!((first.fingerprint, first.scenes, first.tally), (second.fingerprint, second.scenes, second.tally));
    assert!(first.tally.requests > 0 && first.scenes > 0);
    assert_ne!(first.fingerprint, play(12, &options).unwrap().fingerprint, "another seed, another world");
}

/// Two hours and a half without troubles but this one, and an hour to come to rest.
fn broken(lie: Lie) -> Report {
    broken_in(Kind::PLAIN, lie)
}

fn broken_in(kind: Kind, lie: Lie) -> Report {
    let options = Options {
        troubles: Some(Vec::new()),
        rest_within: Duration::from_secs(3_600),
        kind: Some(kind),
        lie: Some(lie),
        malls: Some(1),
        days: 0.1,
        ..Options::default()
    };
    play(3, &options).unwrap()
}

/// Played once for all who look at it.
fn forgetful() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| broken(Lie::ForgottenOrder))
}

#[test]
fn a_mall_that_forgets_an_order_for_ever_is_noticed() {
    let report = forgetful();
    assert!(report.violations.iter().any(|violation| violation.what.contains("is not known to the hub")), "{report}");
}

/// The hub believes what it is told of a write, and reads again: a reading that lies as well can't be seen through.
#[test]
fn a_mall_that_shows_one_figure_and_sells_another_is_noticed() {
    let report = broken(Lie::FalseReading);
    assert!(report.violations.iter().any(|violation| violation.invariant == Some(10)), "{report}");
}

#[test]
fn stock_that_is_sold_twice_in_escrow_is_noticed() {
    let kind = Kind { exposure: Wish::Escrow, quiet: true, ..Kind::PLAIN };
    let report = broken_in(kind, Lie::SellsPastZero);
    assert!(report.violations.iter().any(|violation| violation.invariant == Some(11)), "{report}");
}

#[test]
fn a_hub_that_asks_too_often_is_noticed() {
    let report = broken(Lie::HalfTheQuota);
    assert!(report.violations.iter().any(|violation| violation.invariant == Some(6)), "{report}");
}

#[test]
fn a_movement_that_never_reached_the_hub_is_noticed() {
    let report = broken(Lie::LostMovement);
    assert!(report.violations.iter().any(|violation| violation.invariant == Some(1)), "{report}");
}

#[test]
fn a_switch_that_is_thrown_in_the_world_alone_is_noticed() {
    let report = broken(Lie::DeafSwitch);
    assert!(report.violations.iter().any(|violation| violation.invariant == Some(5)), "{report}");
}

fn at_the_desk(chores: &[Chore], lie: Lie) -> Report {
    broken_in(Kind { chores: Chores::of(chores), ..Kind::PLAIN }, lie)
}

fn says(report: &Report, what: &str) -> bool {
    report.violations.iter().any(|violation| violation.what.contains(what))
}

#[test]
fn a_stop_that_never_reached_the_hub_is_noticed() {
    let report = at_the_desk(&[], Lie::DeafStop);
    assert!(says(&report, "is off sale since"), "{report}");
}

#[test]
fn a_plan_that_never_reached_the_hub_is_noticed() {
    let report = at_the_desk(&[], Lie::DeafPlan);
    assert!(says(&report, "follows nothing, which caps it at 0"), "{report}");
}

#[test]
fn what_stays_of_a_plan_that_is_over_is_noticed() {
    let report = at_the_desk(&[], Lie::EndlessPlan);
    assert!(says(&report, "the hub's target is 0"), "{report}");
}

#[test]
fn a_switch_that_the_schedule_forgets_is_noticed() {
    let report = at_the_desk(&[Chore::Schedule], Lie::DeafSchedule);
    assert!(says(&report, "by its schedule") || says(&report, "the schedule forgot"), "{report}");
}

#[test]
fn audits_and_backfills_that_never_end_are_noticed() {
    let report = at_the_desk(&[Chore::Audits, Chore::Backfills], Lie::AlwaysBusy);
    assert!(says(&report, "audit") && says(&report, "backfill") && says(&report, "is still open"), "{report}");
}

/// What a person who looks for the cause reads: the seed, the last events, the violation, the command.
#[test]
fn a_failing_seed_says_how_to_see_it_again() {
    let text = forgetful().to_string();
    assert!(text.contains("uriba sim --seed 3 --days 0.1 --events") && text.contains("VIOLATION"), "{text}");
    assert!(text.lines().count() > 40, "{text}");
}
