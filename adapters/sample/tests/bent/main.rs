//! Is the kit worth anything? Adapters with one fault each, put around a good one: each fault must be seen by the
//! check that is about it, and each check must see some fault. One that no bent adapter can fail might as well be
//! absent.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod bends;
mod dressed;
mod extras;
mod seen;
mod stage;

use std::collections::BTreeSet;

use uriba_sdk::{
    Card, MallEntry,
    card::{OperationCard, QuotaCard, Scope, WriteWay},
    kit::{self, Report, Verdict},
};

use bends::{BEND, Bend};
use seen::SEEN;
use stage::DRESSED;

/// Cards that are bent, and not the adapter behind them.
type CardBend = (&'static str, &'static str, fn(&Card) -> Card);

const CARDS: [CardBend; 9] = [
    ("names no source", "the card agrees with itself", |card| Card { sources: &[], ..card.clone() }),
    ("prices in an unknown budget", "the card agrees with itself", |card| {
        with_operations(card, |operation| operation.costs = &[("favours", 1)])
    }),
    ("prices beyond the burst", "the card agrees with itself", |card| {
        with_operations(card, |operation| operation.costs = &[("points", 10_000)])
    }),
    ("writes twice alike", "the card agrees with itself", |card| {
        let writes: Vec<WriteWay> = card.writes.iter().chain(card.writes).cloned().collect();
        Card { writes: Vec::leak(writes), ..card.clone() }
    }),
    (
        "gives a kind that has no way",
        "each kind of listing in the card is some item's, and no item is of another",
        |card| Card { kind_of: |_, handle| if handle.is_some() { "blue" } else { "" }, ..card.clone() },
    ),
    (
        "has ways for a kind that nothing is of",
        "each kind of listing in the card is some item's, and no item is of another",
        |card| Card { kind_of: |_, _| "", ..card.clone() },
    ),
    ("leaves an operation out", "every request is of an operation that the card counts", |card| {
        let operations: Vec<_> =
            card.operations.iter().filter(|operation| operation.name != "items.list").cloned().collect();
        Card { operations: Vec::leak(operations), ..card.clone() }
    }),
    ("keeps no pace", "a burst of calls never exceeds a quota or a budget", |card| {
        with_operations(card, |operation| *operation = OperationCard::counted(operation.name, &[]))
    }),
    ("shares no quota", "two shops that share a quota never exceed it together", |card| {
        let own = |quota: &QuotaCard| QuotaCard { scope: Scope::Channel, ..quota.clone() };
        Card { quotas: Vec::leak(card.quotas.iter().map(own).collect()), ..card.clone() }
    }),
];

fn with_operations(card: &Card, change: fn(&mut OperationCard)) -> Card {
    let mut operations = card.operations.to_vec();
    operations.iter_mut().for_each(change);
    Card { operations: Vec::leak(operations), ..card.clone() }
}

fn run(entry: &'static MallEntry, bend: Option<Bend>, wanted: impl Fn(&str) -> bool) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(BEND.scope(bend, kit::run_only(entry, wanted)))
}

#[test]
fn unbent_the_dressed_up_adapter_passes_every_check() {
    let report = run(&DRESSED, None, |_| true);
    let missed = report.checks.iter().filter(|check| check.verdict != Verdict::Passed).count();
    assert_eq!(missed, 0, "\n{report}");
}

#[test]
fn each_bend_is_seen_by_the_check_that_is_about_it() {
    // Two at a time: that many processors are always there.
    let (one, other) = SEEN.split_at(SEEN.len() / 2);
    std::thread::scope(|threads| {
        for part in [one, other] {
            threads.spawn(move || {
                for (bend, check) in part {
                    let report = run(&DRESSED, Some(*bend), |name| name == *check);
                    assert_eq!((report.checks.len(), report.failed()), (1, 1), "{bend:?} was not seen: {report}");
                    assert!(std::panic::catch_unwind(|| report.assert_green()).is_err(), "{bend:?} passed as green");
                }
            });
        }
    });
}

#[test]
fn a_bent_card_is_seen_by_the_check_that_is_about_it() {
    for (what, check, bend) in CARDS {
        let card: &'static Card = Box::leak(Box::new(bend(DRESSED.card)));
        let entry = Box::leak(Box::new(MallEntry { id: DRESSED.id, card, open: DRESSED.open, fake: DRESSED.fake }));
        let report = run(entry, None, |name| name == check);
        assert_eq!((report.checks.len(), report.failed()), (1, 1), "a card that {what} was not seen: {report}");
    }
}

#[test]
fn each_check_is_failed_by_some_bend() {
    let bent: BTreeSet<&str> =
        SEEN.iter().map(|(_, check)| *check).chain(CARDS.iter().map(|(_, check, _)| *check)).collect();
    let rules = kit::rules();
    let never: Vec<_> = rules.iter().map(|(name, _)| *name).filter(|name| !bent.contains(name)).collect();
    assert!(never.is_empty(), "checks that nothing fails: {never:#?}");
    let unknown: Vec<_> = bent.iter().filter(|name| !rules.iter().any(|(known, _)| known == *name)).collect();
    assert!(unknown.is_empty(), "no such checks: {unknown:#?}");
}

#[test]
fn a_failure_says_what_was_expected_and_seen_and_shows_the_exchange_without_secrets() {
    let check = "a failed search says what to do next";
    let report = run(&DRESSED, Some(Bend::HidesTheWait), |name| name == check).of_version("1.2.3");
    let text = report.to_string();
    for part in [
        "rule:     `Class`: failures are named",
        "expected: Throttled for 7 s",
        "seen:     orders.search, Throttle",
        "GET /v1/orders?from=2026-11-19T",
        "→ 429 {\"error\"",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance/bent.json");
    report.write(&path).unwrap();
    let written = std::fs::read_to_string(path).unwrap();
    let json: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!((&json["mall"], &json["version"]), (&"sample".into(), &"1.2.3".into()));
    assert_eq!(json["suite"], kit::SUITE);
    let told = &json["checks"][0];
    assert_eq!((&told["name"], &told["verdict"]), (&check.into(), &"failed".into()));
    assert_eq!(told["expected"], "Throttled for 7 s");
    let last = told["exchanges"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["method"], &last["status"]), (&"GET".into(), &429.into()));
    for secret in ["8f14e45fceea167a", "refresh-a-", "access-refresh"] {
        assert!(!text.contains(secret) && !written.contains(secret), "{secret} in\n{written}");
    }
}
