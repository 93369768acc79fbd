//! The conformance kit: the contract of an adapter, as checks that any adapter can be run against.
//!
//! [`run`] takes a line of the list of malls. Each check opens the adapter before a fresh fake of its mall, over
//! real HTTP and on a clock that jumps instead of waiting, lets shoppers and clerks act on the fake's book, and
//! compares what the adapter says with what the book knows. What the kit holds every adapter to, beyond the
//! contract's own words:
//!
//! * A batch beyond the card's maximum is an error with nothing written, or is split so that each entry is
//!   right; and an empty call is an empty answer.
//! * What a push says is what happened: `Applied` was written, a refusal was not, and whoever doesn't know says
//!   `Unknown`. `Pending` is redeemed, and decided within a day.
//! * An answer that isn't understood is `Malformed`, an empty JSON object included: "no orders" is never
//!   guessed. Only a page for people may also count as `Maintenance` or `Transient`.
//! * No credential, access token or signature shows in an error, in an unread order, in settings or in traces.
//! * No check makes a request above a quota or a budget of points, as the fake counts.
//! * What the hub stores outlives the adapter: handles, page tokens, tickets and replaced credentials are good for
//!   an adapter that is opened later.
//!
//! Checks are written against the card and against what the fake says that its format can express, so a mall
//! fails none of them for what it doesn't have: such a check says *cannot do*, and why. Each names the rule that it
//! stands for, and a failed one what was expected, what was seen, and the exchanges before it.

mod access;
mod account;
mod batches;
mod capture;
mod catalogue;
mod changes;
mod consent;
mod declared;
mod duty;
mod faults;
mod finding;
mod hostile;
mod listings;
mod orders;
mod pace;
mod pages;
mod reading;
mod report;
mod requests;
mod safekeeping;
mod secrets;
mod shop;
mod spy;
mod switches;
mod texts;
mod tickets;
mod wakeup;
mod windows;
mod writing;

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Instant};

use futures_util::{FutureExt, StreamExt, stream};

pub use report::{Check, Exchange, Failure, Report, SUITE, Verdict};
use shop::Shop;

use crate::{error::MallError, mall::MallEntry};

/// Checks under way at once: most of them wait for a fake's answer.
const AT_ONCE: usize = 4;

/// Runs every check against one mall's adapter and fake.
pub async fn run(entry: &'static MallEntry) -> Report {
    run_only(entry, |_| true).await
}

/// Runs the checks whose names are wanted.
#[expect(clippy::disallowed_methods, reason = "a result names the day of the run, whatever day its fakes live in")]
pub async fn run_only(entry: &'static MallEntry, wanted: impl Fn(&str) -> bool) -> Report {
    let (at, started) = (jiff::Timestamp::now(), Instant::now());
    let planned: Vec<_> = all().into_iter().filter(|planned| wanted(planned.name)).collect();
    let checks = planned.into_iter().map(|planned| async move {
        let begun = Instant::now();
        let (verdict, failure) = verdict(entry, planned.run).await;
        Check { name: planned.name, says: planned.says, verdict, failure, seconds: since(begun) }
    });
    let checks = stream::iter(checks).buffered(AT_ONCE).collect().await;
    Report { suite: SUITE, mall: entry.id, version: None, at, seconds: since(started), checks }
}

/// In milliseconds of the machine's time, as seconds.
fn since(begun: Instant) -> f64 {
    (begun.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// The name of every check, and the rule behind it.
pub fn rules() -> Vec<(&'static str, &'static str)> {
    all().into_iter().map(|planned| (planned.name, planned.says)).collect()
}

fn all() -> Vec<Planned> {
    [
        declared::all(),
        requests::all(),
        finding::all(),
        pages::all(),
        windows::all(),
        orders::all(),
        texts::all(),
        changes::all(),
        writing::all(),
        batches::all(),
        tickets::all(),
        reading::all(),
        catalogue::all(),
        account::all(),
        wakeup::all(),
        consent::all(),
        faults::all(),
        hostile::all(),
        access::all(),
        safekeeping::all(),
        secrets::all(),
        pace::all(),
        switches::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a check comes to when it doesn't pass.
#[derive(Debug)]
enum Miss {
    Failed { expected: String, seen: String },
    CannotDo(String),
}

impl Miss {
    /// The same, told of a part of the check.
    fn within(self, what: impl std::fmt::Display) -> Self {
        match self {
            Self::Failed { expected, seen } => Self::Failed { expected, seen: format!("{what}: {seen}") },
            other => other,
        }
    }
}

type Finding = Result<(), Miss>;

impl From<MallError> for Miss {
    fn from(error: MallError) -> Self {
        failed("the call works: nothing went wrong at the mall", error.to_string())
    }
}

fn failed(expected: impl Into<String>, seen: impl Into<String>) -> Miss {
    Miss::Failed { expected: expected.into(), seen: seen.into() }
}

/// Passes if it holds. What was expected is said in words that are true of an adapter that is right; what was seen,
/// with the values that show it.
fn ensure<E: Into<String>, S: Into<String>>(holds: bool, otherwise: impl FnOnce() -> (E, S)) -> Finding {
    if holds {
        return Ok(());
    }
    let (expected, seen) = otherwise();
    Err(failed(expected, seen))
}

fn cannot(why: impl Into<String>) -> Finding {
    Err(Miss::CannotDo(why.into()))
}

type Running = Pin<Box<dyn Future<Output = Finding> + Send>>;

struct Planned {
    name: &'static str,
    says: &'static str,
    run: Box<dyn Fn(Arc<Shop>) -> Running + Send>,
}

fn check<F, Fut>(name: &'static str, says: &'static str, run: F) -> Planned
where
    F: Fn(Arc<Shop>) -> Fut + Send + 'static,
    Fut: Future<Output = Finding> + Send + 'static,
{
    Planned { name, says, run: Box::new(move |shop| Box::pin(run(shop))) }
}

async fn verdict(entry: &'static MallEntry, run: impl Fn(Arc<Shop>) -> Running) -> (Verdict, Option<Failure>) {
    let opened = AssertUnwindSafe(Shop::open(entry)).catch_unwind().await;
    let opened = opened.unwrap_or_else(|panic| Err(failed("the fake starts", words_of(&panic))));
    let shop = match opened {
        Ok(shop) => Arc::new(shop),
        Err(Miss::Failed { expected, seen }) => return told(Failure { expected, seen, exchanges: Vec::new() }),
        Err(Miss::CannotDo(why)) => return (Verdict::CannotDo(why), None),
    };
    let outcome = AssertUnwindSafe(run(shop.clone())).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| Err(failed("no panic", format!("a panic: {}", words_of(&panic)))));
    let violations = shop.meters.violations();
    let too_early = violations.join("\n");
    let (expected, seen) = match outcome {
        Err(Miss::Failed { expected, seen }) if violations.is_empty() => (expected, seen),
        Err(Miss::Failed { expected, seen }) => (expected, format!("{seen}\nthe mall counted: {too_early}")),
        _ if !violations.is_empty() => ("no request above a quota, as the fake counts".into(), too_early),
        Ok(()) => return (Verdict::Passed, None),
        Err(Miss::CannotDo(why)) => return (Verdict::CannotDo(why), None),
    };
    told(Failure { expected, seen, exchanges: shop.spy.recent() })
}

fn told(failure: Failure) -> (Verdict, Option<Failure>) {
    (Verdict::Failed(failure.to_string()), Some(failure))
}

fn words_of(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}
