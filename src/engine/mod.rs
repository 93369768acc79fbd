//! The imperative shell: steps, one file each, and what drives them.
//!
//! A step is one bounded piece of work: at most one transaction before and one after a network call. It holds
//! no state that the database lacks and owns no timer; it says when it wants to be called again. The same
//! steps run in the service ([`driver`]) and in `uriba run-once` ([`once`]).
//!
//! The engine knows no mall by name: a channel brings its adapter, its card and its settings.

pub mod backfill;
pub mod braked;
mod channel;
pub mod discover;
pub mod driver;
pub mod expire;
mod holding;
pub mod import;
pub mod observe;
pub mod once;
pub mod outline;
pub mod poll;
pub mod push;
pub mod snapshot;
pub mod teller;
mod tickets;
pub mod watch;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{Timestamp, civil::Time, tz::TimeZone};
use uriba_sdk::{
    Card, Env, MallEntry, Settings,
    mall::SettingsError,
    wire::{Gates, Rate, Vault},
};

pub use channel::{Channel, Line, SettingsSource};
use holding::QuotaKeeper;

use crate::{
    domain::{brake::Brake, business_day::BusinessDays, drift::OnDrift, intake::Manner, plan},
    store::{Store, StoreError, balance::Pace, intake::Intake, safe::StoreSafe},
};
use braked::Guard;
use import::{OrderReader, Terms};
use watch::Watched;

/// From a fact to its answer on a mall, as a rule: computed, claimed, sent.
const ANSWERED: Duration = Duration::from_secs(5);

/// When a step wants to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    Now,
    /// At this instant, or when something is known to have changed.
    At(Timestamp),
}

/// A channel as the configuration has it, with its mall.
#[derive(Clone)]
pub struct ChannelPlan {
    pub id: String,
    pub pool: String,
    pub mall: &'static MallEntry,
    pub settings: Settings,
    pub poll_interval: std::time::Duration,
    pub initial_lookback: std::time::Duration,
    pub review: bool,
    pub on_drift: OnDrift,
    pub units_max: u32,
    pub quotas: Vec<(String, Rate)>,
    pub timing: Timing,
}

impl ChannelPlan {
    pub fn intake(&self) -> Intake {
        let orders = self.mall.card.orders.clone();
        let manner = Manner { families: orders.families, units_max: self.units_max };
        let (channel, pool) = (self.id.clone(), self.pool.clone());
        Intake { channel, pool, manner, orders: Some(orders), review: self.review }
    }
}

/// Overrides of the card's times; `None`: as the card says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    pub visibility_lag: Option<std::time::Duration>,
    pub overlap: Option<std::time::Duration>,
    pub effect_typical: Option<std::time::Duration>,
    pub effect_max: Option<std::time::Duration>,
    pub late_apply: Option<std::time::Duration>,
    pub unseen_for_at_most: Option<std::time::Duration>,
    pub blind_after: Option<std::time::Duration>,
}

/// A channel that was polled so often in vain is blind.
const BLIND_POLLS: u32 = 3;

/// How listings of a mall with this card can be moved.
pub fn pace(card: &Card, poll_interval: Duration, timing: Timing) -> Pace {
    let ways = plan::common_ways(card);
    let lag = timing.visibility_lag.unwrap_or(card.orders.visibility_lag);
    let effect = card.times.effect_lag.as_ref().map_or(Duration::ZERO, |lag| timing.effect_max.unwrap_or(lag.max));
    let known = poll_interval + lag;
    let direct = ways.relative || ways.compare_and_set;
    let turn = if direct { ANSWERED } else { effect + known + ANSWERED };
    // Orders that the mall doesn't show yet are nobody's silence.
    let blind_after = timing.blind_after.unwrap_or(poll_interval * BLIND_POLLS + lag);
    Pace { direct, blind: known + ANSWERED, turn, blind_after }
}

/// All channels of one hub, opened.
pub struct Engine {
    pub store: Store,
    pub env: Arc<dyn Env>,
    pub channels: Vec<Arc<Channel>>,
    terms: Terms,
    watched: Vec<Watched>,
    guard: Guard,
    gates: Arc<Gates>,
    keeper: Arc<QuotaKeeper>,
    holder: String,
    days: BusinessDays,
    /// `None`: the past is kept whole.
    history: Option<Duration>,
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("channel {channel:?}: {source}")]
    Settings { channel: String, source: SettingsError },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0} is held by another instance; stop it, or wait until its lease ends")]
    Held(String),
}

impl Engine {
    /// Opens every channel's adapter. Nothing leaves before the leases are taken.
    pub async fn open(store: Store, plans: Vec<ChannelPlan>) -> Result<Self, EngineError> {
        let safe = store.safe(None);
        Self::open_with(store, plans, safe).await
    }

    /// The same with a safe for credentials that malls give.
    pub async fn open_with(store: Store, plans: Vec<ChannelPlan>, safe: Arc<StoreSafe>) -> Result<Self, EngineError> {
        let env = store.env().clone();
        let keeper = Arc::new(QuotaKeeper::new(store.clone()));
        let gates = Arc::new(Gates::new(keeper.clone(), HashMap::new()));
        let vault = Arc::new(Vault::new(safe));
        let terms = Terms::of(&plans);
        let mut channels = Vec::new();
        for plan in plans {
            let id = plan.id.clone();
            let opened = Channel::open(plan, env.clone(), gates.clone(), vault.clone());
            channels.push(Arc::new(opened.map_err(|source| EngineError::Settings { channel: id, source })?));
        }
        let holder = env.id().to_string();
        let days = BusinessDays { zone: TimeZone::UTC, starts: Time::midnight() };
        let (watched, guard) = (Vec::new(), Guard::default());
        Ok(Self { store, env, channels, terms, watched, guard, gates, keeper, holder, days, history: None })
    }

    /// Where business days end: midnight UTC, when nobody says.
    #[must_use]
    pub fn on_days(self, days: BusinessDays) -> Self {
        Self { days, ..self }
    }

    /// Forgets what is older than this.
    #[must_use]
    pub fn keeping(self, history: Duration) -> Self {
        Self { history: Some(history), ..self }
    }

    /// Holds files of watched folders that would change too many numbers at once.
    #[must_use]
    pub fn guarded(self, brake: Brake) -> Self {
        Self { guard: Guard::new(brake), ..self }
    }

    /// Reads files of orders that come into watched folders.
    #[must_use]
    pub fn reading(self, order_files: OrderReader) -> Self {
        Self { terms: self.terms.reading(order_files), ..self }
    }

    /// Takes in what comes into these folders, too.
    #[must_use]
    pub fn watching(self, watched: Vec<Watched>) -> Self {
        Self { watched, ..self }
    }

    pub fn channel(&self, id: &str) -> Option<&Arc<Channel>> {
        self.channels.iter().find(|channel| channel.plan.id == id)
    }

    /// One piece of recomputation; `Now` while there may be more.
    pub async fn recompute(&self) -> Result<Again, StoreError> {
        match self.recompute_piece().await? {
            0 => Ok(Again::At(crate::domain::time::later(self.env.now(), self.glance()))),
            _ => Ok(Again::Now),
        }
    }

    /// How many SKUs were recomputed.
    async fn recompute_piece(&self) -> Result<usize, StoreError> {
        let started = self.env.elapsed();
        let done = self.store.recompute(&self.store.allowances().await?).await?;
        if done.skus == 0 {
            return Ok(0);
        }
        let spent = self.env.elapsed().saturating_sub(started);
        metrics::histogram!("uriba_step_seconds", "step" => "recompute").record(spent.as_secs_f64());
        tracing::debug!(skus = done.skus, targets = done.targets, "recomputed");
        Ok(done.skus)
    }

    /// How often a step looks by itself for what another process changed: each second of the machine's time.
    fn glance(&self) -> std::time::Duration {
        std::time::Duration::from_secs(1).mul_f64(self.env.speed())
    }
}
