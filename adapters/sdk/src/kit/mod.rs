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
//!   `Unknown`.
//! * An answer that isn't understood is `Malformed`, an empty JSON object included: "no orders" is never
//!   guessed. Only a page for people may also count as `Maintenance` or `Transient`.
//! * No credential, access token or signature shows in an error, in an unread order, in settings or in traces.
//! * No check makes a request above a quota, as the fake counts.
//!
//! Checks are written against the card and against what the fake says that its format can express, so a mall
//! fails none of them for what it doesn't have: such a check says *cannot do*, and why.

mod access;
mod batches;
mod capture;
mod changes;
mod declared;
mod duty;
mod faults;
mod finding;
mod hostile;
mod orders;
mod pace;
mod reading;
mod report;
mod secrets;
mod shop;
mod spy;
mod switches;
mod windows;
mod writing;

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::{FutureExt, StreamExt, stream};

pub use report::{Check, Report, Verdict};
use shop::Shop;

use crate::{error::MallError, mall::MallEntry};

/// Checks under way at once: most of them wait for a fake's answer.
const AT_ONCE: usize = 4;

/// Runs every check against one mall's adapter and fake.
pub async fn run(entry: &'static MallEntry) -> Report {
    run_only(entry, |_| true).await
}

/// Runs the checks whose names are wanted.
pub async fn run_only(entry: &'static MallEntry, wanted: impl Fn(&str) -> bool) -> Report {
    let planned: Vec<_> = all().into_iter().filter(|planned| wanted(planned.name)).collect();
    let verdicts = planned.into_iter().map(|planned| async move {
        let verdict = verdict(entry, planned.run).await;
        Check { name: planned.name, verdict }
    });
    let checks = stream::iter(verdicts).buffered(AT_ONCE).collect().await;
    Report { mall: entry.id, checks }
}

fn all() -> Vec<Planned> {
    [
        declared::all(),
        finding::all(),
        windows::all(),
        orders::all(),
        changes::all(),
        writing::all(),
        batches::all(),
        reading::all(),
        faults::all(),
        hostile::all(),
        access::all(),
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
    Failed(String),
    CannotDo(String),
}

type Finding = Result<(), Miss>;

impl From<MallError> for Miss {
    fn from(error: MallError) -> Self {
        Self::Failed(format!("an unexpected error: {error}"))
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Finding {
    if holds { Ok(()) } else { Err(Miss::Failed(otherwise())) }
}

fn cannot(why: impl Into<String>) -> Finding {
    Err(Miss::CannotDo(why.into()))
}

/// For checks that bend what goes over the wire.
fn over_http(shop: &Shop) -> Finding {
    if shop.fake.speaks_http() { Ok(()) } else { cannot("the mall is reached without requests") }
}

type Running = Pin<Box<dyn Future<Output = Finding> + Send>>;

struct Planned {
    name: &'static str,
    run: Box<dyn Fn(Arc<Shop>) -> Running + Send>,
}

fn check<F, Fut>(name: &'static str, run: F) -> Planned
where
    F: Fn(Arc<Shop>) -> Fut + Send + 'static,
    Fut: Future<Output = Finding> + Send + 'static,
{
    Planned { name, run: Box::new(move |shop| Box::pin(run(shop))) }
}

async fn verdict(entry: &'static MallEntry, run: impl Fn(Arc<Shop>) -> Running) -> Verdict {
    let shop = match AssertUnwindSafe(Shop::open(entry)).catch_unwind().await {
        Ok(Ok(shop)) => Arc::new(shop),
        Ok(Err(Miss::Failed(why) | Miss::CannotDo(why))) => return Verdict::Failed(why),
        Err(panic) => return Verdict::Failed(format!("the fake could not be started: {}", words_of(&panic))),
    };
    let outcome = AssertUnwindSafe(run(shop.clone())).catch_unwind().await;
    let violations = shop.meters.violations();
    match outcome {
        Ok(Ok(())) if !violations.is_empty() => Verdict::Failed(violations.join("\n")),
        Ok(Ok(())) => Verdict::Passed,
        Ok(Err(Miss::CannotDo(why))) => Verdict::CannotDo(why),
        Ok(Err(Miss::Failed(why))) => Verdict::Failed(format!("{why}{}", shop.spy.recent())),
        Err(panic) => Verdict::Failed(format!("a panic: {}{}", words_of(&panic), shop.spy.recent())),
    }
}

fn words_of(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}
