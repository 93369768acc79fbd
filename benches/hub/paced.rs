//! Pushing under a quota: how close the running engine comes to what one request a second allows.
//!
//! The fake is as strict as Rakuten (400 entries a request, one request a second, and every request too early
//! is remembered), and the clock runs faster than the machine's. After a quiet minute one transaction counts
//! all SKUs anew; from its commit on every listing is wrong.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Result, ensure};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uriba_sdk::{
    Env,
    env::{HttpAnswer, HttpRequest, SystemEnv, TransportError},
};

use crate::{
    report::{Figure, Target},
    setting::{Pace, Scratch, Setting},
};

const LISTINGS: usize = 20_000;
/// Fast enough not to take minutes, slow enough that the fake's and the hub's own work is not the limit.
const SPEED: f64 = 2.0;
const QUIET: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(300);
const TELLS: &str = "/bulk-upsert";

pub async fn figure() -> Result<Figure> {
    let scratch = Scratch::new()?;
    let watch = Arc::new(Watch { inner: SystemEnv::faster(SPEED), told: Mutex::default() });
    let malls = [&uriba_rakuten::MALL];
    let interval = Duration::from_secs(60);
    let setting = Setting::open(&scratch.url("hub.db"), watch.clone(), &malls, Pace::Strict, interval).await?;
    setting.list(LISTINGS, 10).await?;
    let stop = CancellationToken::new();
    let running = tokio::spawn(setting.engine.clone().run(stop.clone()));
    setting.settled(PATIENCE).await?;
    watch.sleep(QUIET).await;
    let before = watch.told().len();
    let dirty = setting.count(LISTINGS, 7).await?;
    setting.settled(PATIENCE).await?;
    stop.cancel();
    running.await??;
    let book = setting.shops[0].book();
    ensure!(book.items().iter().all(|(_, item)| item.counter == 7), "the mall doesn't show what was counted");
    let violations = setting.meters.violations();
    ensure!(violations.is_empty(), "requests above the quota: {violations:?}");
    let told = watch.told().split_off(before);
    let last = told.last().copied().unwrap_or_default();
    let elapsed = last.saturating_sub(dirty);
    let card = setting.engine.channels[0].outlet.card;
    let batch = card.writes.iter().map(|way| way.batch_max).max().unwrap_or(1);
    let rate = card.quotas.iter().map(|quota| quota.per_second).fold(f64::INFINITY, f64::min);
    let requests = LISTINGS.div_ceil(batch);
    let least = requests as f64 / rate;
    Ok(Figure {
        name: "push under quota",
        measured: format!("{:.2} s", elapsed.as_secs_f64()),
        baseline: format!("{least:.2} s"),
        value: elapsed.as_secs_f64() / least,
        target: Target::AtMost(1.03),
        notes: vec![
            format!("{LISTINGS} listings in {} requests, of which {requests} are necessary; no violation", told.len()),
            format!("the clock ran {SPEED} times as fast as the machine's"),
        ],
    })
}

/// The real environment, noting when each push was answered.
struct Watch {
    inner: SystemEnv,
    told: Mutex<Vec<Duration>>,
}

impl Watch {
    fn told(&self) -> Vec<Duration> {
        self.told.lock().expect("no panic happens under this lock").clone()
    }
}

#[async_trait]
impl Env for Watch {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn elapsed(&self) -> Duration {
        self.inner.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        self.inner.sleep(length).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.inner.fill(bytes);
    }

    fn speed(&self) -> f64 {
        self.inner.speed()
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        let tells = request.url.ends_with(TELLS);
        let answer = self.inner.send(request).await;
        if tells && answer.is_ok() {
            self.told.lock().expect("no panic happens under this lock").push(self.elapsed());
        }
        answer
    }
}
