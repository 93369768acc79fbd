//! `uriba sim`: seeds of the simulator, many at once or one event by event.

use std::{
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use clap::Args;

use super::{
    demo::above_zero,
    failure::{Done, Failure},
    print,
};
use crate::sim::{Options, Report, WorldError, play};

#[derive(Args, Debug)]
pub struct Sim {
    /// The first seed and the one after the last
    #[arg(long, value_name = "A..B", default_value = "1..51", value_parser = seeds)]
    seeds: (u64, u64),
    /// One seed alone
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Virtual days with customers and faults; then everything must come to rest
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = above_zero)]
    days: f64,
    /// Print every event
    #[arg(long)]
    events: bool,
    /// Seeds at the same time [default: one per processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
}

pub async fn run(asked: Sim) -> Done {
    let failed = tokio::task::spawn_blocking(move || play_all(&asked)).await;
    match failed.map_err(|panicked| Failure::Failed(panicked.into()))? {
        Ok(0) => Ok(()),
        Ok(_) => Err(Failure::Differences),
        Err(error) => Err(Failure::Failed(error.into())),
    }
}

/// How many seeds failed.
fn play_all(asked: &Sim) -> Result<u64, WorldError> {
    let options = Options { days: asked.days, events: asked.events, ..Options::default() };
    let (first, end) = asked.seed.map_or(asked.seeds, |seed| (seed, seed + 1));
    let (next, failed) = (AtomicU64::new(first), AtomicU64::new(0));
    let broken = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            match play(seed, &options) {
                Ok(report) => {
                    failed.fetch_add(u64::from(report.failed()), Ordering::Relaxed);
                    tell(&report);
                }
                Err(error) => {
                    next.store(end, Ordering::Relaxed);
                    *broken.lock().expect("no panic happens under this lock") = Some(error);
                }
            }
        }
    };
    let threads = asked.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    if let Some(error) = broken.into_inner().unwrap_or_default() {
        return Err(error);
    }
    let failed = failed.into_inner();
    print::line(&format!("{} seeds, {failed} failed", end - first));
    Ok(failed)
}

fn tell(report: &Report) {
    for event in &report.events {
        print::line(event);
    }
    if report.failed() {
        print::line(report.to_string().trim_end());
    } else {
        print::line(&report.line());
    }
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let range = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    range.filter(|(a, b)| a < b).ok_or_else(|| "write two whole numbers, the smaller first, as in 1..101".to_owned())
}
