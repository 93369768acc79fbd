//! From the received page to the first other mall's push request leaving.
//!
//! One order line is bought on Rakuten at a time; the running engine polls it and tells Yahoo!. Both instants
//! are taken at the socket: when the answer that names the order is complete, and when the request that names
//! the other mall's item is handed to the HTTP client. In between lie facts, recompute and claim, each a
//! transaction that reaches the disk.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uriba_sdk::{
    Env,
    env::{HttpAnswer, HttpRequest, SystemEnv, TransportError},
};

use crate::{
    baseline::{Commit, Exchange},
    report::{Figure, Target, median, millis, quantile},
    setting::{Pace, Scratch, Setting},
};

const ORDERS: usize = 300;
/// Orders that warm caches and connections up and are not counted.
const WARM_UP: usize = 20;
const ITEMS: usize = 100;
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(30);
/// Paths of the request that reads whole orders on Rakuten, and of the one that writes stock on Yahoo!.
const READS: &str = "/getOrder/";
const TELLS: &str = "/setStock";

pub async fn figure() -> Result<Figure> {
    let scratch = Scratch::new()?;
    let watch = Arc::new(Watch { inner: SystemEnv::new(), awaited: Mutex::default() });
    let malls = [&uriba_rakuten::MALL, &uriba_yahoo::MALL];
    let setting = Setting::open(&scratch.url("hub.db"), watch.clone(), &malls, Pace::Unlimited, POLL_INTERVAL).await?;
    setting.list(ITEMS, 10_000).await?;
    let stop = CancellationToken::new();
    let running = tokio::spawn(setting.engine.clone().run(stop.clone()));
    setting.settled(PATIENCE).await?;
    let mut commit = Commit::open(&scratch.path("baseline.db")).await?;
    let exchange = Exchange::open(watch.clone()).await;
    let (mut took, mut commits, mut exchanges) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..WARM_UP + ORDERS {
        let sample = one_order(&setting, &watch, n % ITEMS).await?;
        // Between two orders, so that a disk that others use is as busy for one as for the other.
        let (committed, exchanged) = (commit.once().await?, exchange.once().await?);
        if n >= WARM_UP {
            took.push(sample);
            commits.push(committed);
            exchanges.push(exchanged);
        }
    }
    stop.cancel();
    running.await??;
    let baseline = median(&commits) + median(&exchanges);
    Ok(Figure {
        name: "propagation, median",
        measured: millis(median(&took)),
        baseline: millis(baseline),
        value: median(&took).as_secs_f64() / baseline.as_secs_f64(),
        target: Target::AtMost(5.0),
        notes: vec![
            format!("{ORDERS} orders; 99 of 100 within {}", millis(quantile(&took, 0.99))),
            format!(
                "one durable commit {}, 99 of 100 within {}",
                millis(median(&commits)),
                millis(quantile(&commits, 0.99))
            ),
            format!("one loopback exchange {}", millis(median(&exchanges))),
        ],
    })
}

async fn one_order(setting: &Setting, watch: &Watch, item: usize) -> Result<Duration> {
    let (seller, other) = (&setting.shops[0], &setting.shops[1]);
    let (done, passed) = oneshot::channel();
    let order = {
        // The engine may read the order as soon as it is placed: nothing is noted until the lock is given back.
        let mut awaited = watch.awaited();
        let bought = seller.book().place(&[(&seller.mall_key(item), 1)]);
        let order = bought.ok().context("the shop is sold out")?;
        let item = other.mall_key(item).replace(':', "%3A");
        *awaited = Some(Awaited { order: order.clone(), item, received: None, done });
        order
    };
    let sample = tokio::time::timeout(PATIENCE, passed).await.context("the order never reached the other mall")??;
    // A shipped order is closed, so that the next page again holds one order and no older ones.
    seller.book().ship(&order);
    while setting.number("SELECT count(*) FROM mall_order WHERE open").await? > 0 {
        setting.env.sleep(Duration::from_millis(5)).await;
    }
    setting.settled(PATIENCE).await?;
    Ok(sample)
}

/// The real environment, with an eye on the two requests that matter.
struct Watch {
    inner: SystemEnv,
    awaited: Mutex<Option<Awaited>>,
}

struct Awaited {
    order: String,
    /// The item on the other mall, as a form spells it.
    item: String,
    received: Option<Instant>,
    done: oneshot::Sender<Duration>,
}

impl Watch {
    fn awaited(&self) -> MutexGuard<'_, Option<Awaited>> {
        self.awaited.lock().expect("no panic happens under this lock")
    }

    fn leaves(&self, request: &HttpRequest, at: Instant) {
        let mut slot = self.awaited();
        let named = slot.as_ref().filter(|awaited| names(&request.body, &awaited.item));
        let Some(received) = named.and_then(|awaited| awaited.received) else { return };
        if let Some(awaited) = slot.take() {
            // Nobody listens any more only when the measurement has failed already.
            let _ = awaited.done.send(at.duration_since(received));
        }
    }

    fn arrives(&self, answer: &HttpAnswer, at: Instant) {
        if let Some(awaited) = self.awaited().as_mut().filter(|awaited| names(&answer.body, &awaited.order)) {
            awaited.received.get_or_insert(at);
        }
    }
}

fn names(body: &[u8], word: &str) -> bool {
    body.windows(word.len()).any(|found| found == word.as_bytes())
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

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        if request.url.ends_with(TELLS) {
            self.leaves(&request, Instant::now());
        }
        let reads = request.url.ends_with(READS);
        let answer = self.inner.send(request).await;
        let at = Instant::now();
        if let Some(answer) = answer.as_ref().ok().filter(|_| reads) {
            self.arrives(answer, at);
        }
        answer
    }
}
