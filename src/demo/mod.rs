//! `uriba demo`: fake malls on loopback, shoppers, and the real hub between them.
//!
//! * [`street`] opens one fake shop on every mall, all on one clock that runs faster than the machine's.
//! * [`shoppers`] buy what the malls show, cancel, and have it shipped from the [`warehouse`], which the demo
//!   keeps by itself; with faults on, [`chaos`] makes the malls misbehave.
//! * [`hub`] is the hub as it always runs, on a database of its own; [`traffic`] counts its requests.
//! * [`view`] shows it all on the [`screen`], with the [`chase`] of each sale through the other malls.
//! * When trading ends, [`mod@compare`] holds every mall's own book and the warehouse against the hub.
//!
//! And `uriba adapter fake`: one of these malls alone, for a hub of somebody's own ([`stall`]).

mod chaos;
mod chase;
mod compare;
mod goods;
mod hub;
mod patience;
mod readings;
mod report;
mod screen;
mod sheet;
mod shoppers;
pub mod stall;
mod street;
#[cfg(test)]
mod tests;
mod text;
mod traffic;
mod view;
mod warehouse;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use uriba_sdk::{Env, SystemEnv};

use crate::{api::ServeError, engine::EngineError, store::StoreError};
use chase::{Chase, Kind, Sale};
use compare::{Comparison, Truth, compare};
use hub::Hub;
use patience::Patience;
use readings::{Belief, Seen};
use report::Report;
use screen::{Screen, put};
use shoppers::{Happening, Shoppers};
use street::Shop;
use view::{Clock, View};

/// Orders that are open when the hub is connected.
const EARLIER_ORDERS: usize = 6;
/// The view is drawn so often, and an end to settling looked for (of the machine's time).
const FRAME: Duration = Duration::from_millis(200);
/// What agrees must still agree after this.
const STILL: Duration = Duration::from_secs(1);
/// A look takes no longer, however busy the machine is.
const LOOK_AT_MOST: Duration = Duration::from_secs(5);
/// The hub may take so long to settle: on the machine's clock, and at least this on the malls'.
const SETTLING: Duration = Duration::from_secs(60);
const SETTLING_OF_MALLS: Duration = Duration::from_secs(3_600);

#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// Decides what shoppers do.
    pub seed: u64,
    /// On all malls together, by the machine's clock.
    pub orders_per_minute: f64,
    /// Trading time by the machine's clock; `None`: until Ctrl-C.
    pub duration: Option<Duration>,
    /// How many of the malls' seconds pass in one of the machine's.
    pub speed: f64,
    /// The malls misbehave.
    pub chaos: bool,
    /// A shop on every mall that uriba knows.
    pub all: bool,
    /// Serves the hub's API there.
    pub listen: Option<SocketAddr>,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { seed: 1, orders_per_minute: 90.0, duration: None, speed: 60.0, chaos: false, all: false, listen: None }
    }
}

/// How a demo ended; everything worth reading has been printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DemoOutcome {
    /// Somebody ended it before there was anything to compare.
    Interrupted,
    /// The malls' books, the warehouse and the hub agree.
    Agreed,
    /// They don't: one sentence per difference.
    Broken(Vec<String>),
}

impl DemoOutcome {
    fn of(comparison: Option<&Comparison>) -> Self {
        match comparison.map(report::sentences) {
            None => Self::Interrupted,
            Some(differences) if differences.is_empty() => Self::Agreed,
            Some(differences) => Self::Broken(differences),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the hub doesn't take the demo's own files: {0}")]
    File(String),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("{0} can't be made: {1}")]
    Directory(PathBuf, std::io::Error),
    #[error("the hub stopped by itself")]
    Died,
    #[error("the hub panicked: {0}")]
    Panicked(String),
}

pub async fn run(options: DemoOptions) -> Result<DemoOutcome, DemoError> {
    let interrupt = CancellationToken::new();
    let waiting = tokio::spawn(told_to_end(interrupt.clone()));
    let mut day = Day::begin(options, interrupt).await?;
    let lived = day.live().await;
    waiting.abort();
    let stopped = day.hub.stop().await;
    let comparison = lived?;
    stopped?;
    let outcome = day.close(comparison.as_ref());
    day.hub.clear(matches!(outcome, DemoOutcome::Broken(_)));
    Ok(outcome)
}

/// Ctrl-C, or a polite kill: without a handler for them they end the process, which is an end as well.
async fn told_to_end(interrupt: CancellationToken) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => if pressed.is_err() { return },
        _ = terminate.recv() => {}
    }
    interrupt.cancel();
}

/// One run of the demo.
struct Day {
    options: DemoOptions,
    env: Arc<dyn Env>,
    interrupt: CancellationToken,
    shops: Vec<Shop>,
    shoppers: Shoppers,
    hub: Hub,
    chase: Chase,
    belief: Belief,
    seen: Seen,
    /// How the hub's API is reached.
    address: Option<String>,
    screen: Option<Screen>,
    /// The phase, and when it began and ends, on the malls' clock.
    phase: (&'static str, Duration, Option<Duration>),
    /// How long trading took, once it is over.
    traded: Option<Duration>,
}

impl Day {
    async fn begin(options: DemoOptions, interrupt: CancellationToken) -> Result<Self, DemoError> {
        let env: Arc<dyn Env> = Arc::new(SystemEnv::faster(options.speed));
        let shops = street::open(&env, options.all).await;
        let mut shoppers = Shoppers::new(options.seed, shops.len(), options.chaos);
        for _ in 0..EARLIER_ORDERS {
            shoppers.buy(&shops);
        }
        let directory = std::env::temp_dir().join(format!("uriba-demo-{}", env.id()));
        let mut hub = Hub::open(&shops, env.clone(), options.chaos, directory).await?;
        let mut seen = Seen::default();
        let belief = hub.belief(&shops, &mut seen).await?;
        if options.chaos {
            chaos::begin(&shops);
        }
        let address = match options.listen {
            Some(address) => Some(hub.serve(address).await?),
            None => None,
        };
        hub.run();
        let screen = Some(Screen::open());
        let phase = ("trading", env.elapsed(), options.duration.map(|length| length.mul_f64(options.speed)));
        let chase = Chase::default();
        Ok(Self {
            options,
            env,
            interrupt,
            shops,
            shoppers,
            hub,
            chase,
            belief,
            seen,
            address,
            screen,
            phase,
            traded: None,
        })
    }

    /// Trading and settling; `None` when interrupted before the end.
    async fn live(&mut self) -> Result<Option<Comparison>, DemoError> {
        if !self.trade().await? {
            return Ok(None);
        }
        chaos::end(&self.shops);
        self.traded = Some(self.env.elapsed().saturating_sub(self.phase.1));
        self.settle().await
    }

    /// Until the trading time is over (true) or somebody has had enough (false).
    async fn trade(&mut self) -> Result<bool, DemoError> {
        let end = self.phase.2.map_or(Duration::MAX, |length| self.phase.1 + length);
        let mean_gap = self.of_machine(Duration::from_secs(60)).div_f64(self.options.orders_per_minute.max(1e-6));
        let mut shopper = self.env.elapsed();
        let mut frame = shopper;
        loop {
            let now = self.env.elapsed();
            if now >= end {
                return Ok(true);
            }
            if now >= shopper {
                shopper += mean_gap.mul_f64(self.shoppers.gap());
                let happened = self.shoppers.step(&self.shops);
                self.take_note(happened).await?;
            }
            if now >= frame {
                frame = now + self.of_machine(FRAME);
                self.look().await?;
            }
            if !self.wait_until(shopper.min(frame).min(end)).await {
                return Ok(false);
            }
        }
    }

    async fn take_note(&mut self, happened: Vec<Happening>) -> Result<(), DemoError> {
        for happening in happened {
            match happening {
                Happening::Sold { shop, id, good, units, at } => {
                    let behind = (0..self.shops.len()).filter(|other| *other != shop).collect();
                    let sale = Sale { shop, id, good, units, seen: false, behind, followed: None };
                    self.chase.add(at, Kind::Sold(sale));
                }
                Happening::Delivered { good, units, at } => {
                    self.hub.receive(good, units, at).await?;
                    self.chase.add(at, Kind::Delivered { good, units });
                }
            }
        }
        Ok(())
    }

    /// Until all agree and stay so, or the time for it is over; `None` when interrupted.
    async fn settle(&mut self) -> Result<Option<Comparison>, DemoError> {
        let ended_at = self.env.now();
        // What was written last must be seen, and perhaps put right, however late a mall shows it.
        let slowest = self.shops.iter().filter_map(hub::effect_max).max().unwrap_or_default();
        let limit = self.of_machine(SETTLING).max(SETTLING_OF_MALLS).max(slowest * 4);
        self.phase = ("settling", self.env.elapsed(), Some(limit));
        let mut patience = Patience::new(self.phase.1, limit, self.of_machine(LOOK_AT_MOST));
        let mut clean_since: Option<Duration> = None;
        loop {
            self.look().await?;
            let (shops, warehouse, chaos) = (&self.shops, &self.shoppers.warehouse, self.options.chaos);
            let truth = Truth { shops, warehouse, ended_at, chaos };
            let comparison = compare(&truth, &self.hub, &self.belief).await?;
            let now = self.env.elapsed();
            clean_since = comparison.is_clean().then(|| clean_since.unwrap_or(now));
            let stayed = clean_since.is_some_and(|since| now >= since + self.of_machine(STILL));
            if stayed || patience.is_over(now) {
                return Ok(Some(comparison));
            }
            if !self.wait_until(now + self.of_machine(FRAME)).await {
                return Ok(None);
            }
        }
    }

    /// Reads the hub's figures and draws.
    async fn look(&mut self) -> Result<(), DemoError> {
        if self.hub.has_died() {
            return Err(DemoError::Died);
        }
        self.belief = self.hub.belief(&self.shops, &mut self.seen).await?;
        self.chase.watch(&self.shops, &self.belief, &self.seen, self.env.now());
        let at = self.env.elapsed().div_f64(self.options.speed);
        let mut screen = self.screen.take();
        if let Some(screen) = &mut screen {
            let view = self.view();
            screen.show(at, |size| view.frame(size), || view.progress());
        }
        self.screen = screen;
        Ok(())
    }

    fn view(&self) -> View<'_> {
        let quotas = |shop: &Shop| {
            let channel = self.hub.engine.channel(&shop.channel);
            let quotas = channel.map(|channel| channel.line().wire.quotas()).unwrap_or_default();
            quotas.into_iter().map(|(name, _, state)| (last_word(name), state.available)).collect()
        };
        let options = &self.options;
        let chaos = if options.chaos { ", malls misbehave" } else { "" };
        let (phase, began, limit) = self.phase;
        let machine = |length: Duration| length.div_f64(options.speed);
        View {
            shops: &self.shops,
            belief: &self.belief,
            chase: &self.chase,
            address: self.address.as_deref(),
            tallies: self.tallies(),
            quotas: self.shops.iter().map(quotas).collect(),
            clock: Clock {
                title: format!("seed {}, {}× as fast{chaos}", options.seed, options.speed),
                phase,
                spent: machine(self.env.elapsed().saturating_sub(began)),
                limit: limit.map(machine),
                now: self.env.now(),
            },
        }
    }

    /// Gives the terminal back, and says how it went.
    fn close(&mut self, comparison: Option<&Comparison>) -> DemoOutcome {
        if let Some(screen) = self.screen.take() {
            let view = self.view();
            screen.close(|size| view.frame(size));
        }
        let machine = |length: Duration| length.div_f64(self.options.speed);
        let now = self.env.elapsed();
        let (traded, settled) = match self.traded {
            Some(traded) => (traded, now.saturating_sub(self.phase.1)),
            None => (now.saturating_sub(self.phase.1), Duration::ZERO),
        };
        let report = Report {
            shops: &self.shops,
            tallies: self.tallies(),
            shoppers: &self.shoppers,
            chase: &self.chase,
            traded: machine(traded),
            settled: machine(settled),
            comparison,
        };
        put(&report.text());
        DemoOutcome::of(comparison)
    }

    fn tallies(&self) -> Vec<traffic::Tally> {
        self.shops.iter().map(|shop| self.hub.traffic.tally(shop.address())).collect()
    }

    /// The malls' time for a length of the machine's.
    fn of_machine(&self, length: Duration) -> Duration {
        length.mul_f64(self.options.speed)
    }

    /// False when interrupted.
    async fn wait_until(&self, instant: Duration) -> bool {
        let wait = instant.saturating_sub(self.env.elapsed());
        tokio::select! {
            () = self.env.sleep(wait) => true,
            () = self.interrupt.cancelled() => false,
        }
    }
}

/// `orders.search` → `search`: a column's worth.
fn last_word(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_owned()
}
