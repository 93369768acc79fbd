//! One channel with its adapter opened: what every step of it needs.

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use secrecy::ExposeSecret;
use uriba_sdk::{
    Card, Class, Env, Mall, MallError, Settings, Wire,
    card::OrdersCard,
    mall::SettingsError,
    wire::{ClockOff, Gates, QuotaKey, Term, Vault},
};

use super::ChannelPlan;
use crate::{
    domain::{
        drift::Cause,
        health::{Lane, LaneState},
        plan::{self, Carrier, backlog::Flow},
        reaction::{Reaction, react},
        settle::{Exchange, Times},
    },
    store::{
        Result, Store,
        attention::Call,
        channels::{LaneName, lane},
        entity::channel::Model as Row,
        intake::Intake,
        lease::Lease,
        publications::Outlet,
    },
};

/// On the machine's clock: so long may lie between the decision what to write and the writing of it.
const LEAD_MAX: Duration = Duration::from_millis(250);

/// On the machine's clock: a renewed file is found within this time.
const CREDENTIALS_EVERY: Duration = Duration::from_secs(60);

/// A request that gives a ticket is carried out within so many times what it usually takes, or never.
const LATE_TICKETS: u32 = 12;

/// So long nobody tries a mall's way for many listings at once after it was of no use.
const SINGLY_FOR: Duration = Duration::from_secs(60);

/// After so many polls a backfill has its turn, also where they leave no quota.
const POLLS_BEFORE_BACKFILL: u32 = 10;

/// Gives a channel's settings afresh: a renewed key in a file is found without a restart.
pub type SettingsSource = Arc<dyn Fn(&str) -> Option<Settings> + Send + Sync>;

/// The adapter as it was opened with one set of credentials.
pub struct Line {
    pub mall: Box<dyn Mall>,
    pub wire: Wire,
    /// The same for who writes, in turns.
    pub writer: Box<dyn Mall>,
    pub turns: Wire,
    settings: Settings,
}

impl Line {
    /// Operations whose quotas a push takes from.
    pub fn of_push(&self, by: Carrier) -> Vec<&'static str> {
        let ways = plan::operations(self.writer.card(), by);
        let before = ways.iter().flat_map(|way| self.writer.before(way));
        let mut operations: Vec<_> = ways.iter().chain(before).copied().collect();
        operations.sort_unstable();
        operations.dedup();
        operations
    }

    /// What requests of these operations are taken from.
    pub fn flows(&self, operations: &[&str]) -> Vec<Flow> {
        let (card, states) = (self.turns.card(), self.turns.quotas());
        let taken = operations.iter().filter_map(|name| card.operation(name)).flat_map(|operation| {
            operation.quotas.iter().map(|quota| (*quota, 1)).chain(operation.costs.iter().copied())
        });
        let flow = |(name, tokens): (&str, u32)| {
            let (.., state) = states.iter().find(|(quota, ..)| *quota == name)?;
            Some(Flow {
                per_second: state.rate.per_second / f64::from(tokens.max(1)),
                available: state.available / tokens.max(1),
                not_before: state.not_before,
                per_day: state.rate.per_day.map(|most| (most, state.used_today)),
            })
        };
        taken.filter_map(flow).collect()
    }
}

pub struct Channel {
    pub plan: ChannelPlan,
    line: RwLock<Arc<Line>>,
    source: RwLock<Option<SettingsSource>>,
    outside: Outside,
    pub orders: OrdersCard,
    pub outlet: Outlet,
    pub intake: Intake,
    lease: RwLock<Option<Lease>>,
    /// How long the last claim took, in microseconds.
    claim_us: AtomicU64,
    /// On the machine's clock, when credentials are looked at next.
    credentials_due_us: AtomicU64,
    /// On the machine's clock: until then writes go one request at a time, since a bulk request found nothing to carry.
    singly_until_us: AtomicU64,
    /// Polls since a backfill last had its turn.
    polls: AtomicU32,
    /// Of the last holder's words some are still to be taken up as its successor does.
    pub(super) inherits: AtomicBool,
}

struct Outside {
    env: Arc<dyn Env>,
    gates: Arc<Gates>,
    vault: Arc<Vault>,
    /// The lease's end: no request is under way beyond it.
    term: Term,
}

impl Outside {
    fn line(&self, plan: &ChannelPlan, settings: &Settings) -> std::result::Result<Line, SettingsError> {
        let (env, gates, vault) = (self.env.clone(), self.gates.clone(), self.vault.clone());
        let wire = Wire::new(env, gates, vault, plan.mall.card, settings).within(self.term.clone());
        for (name, rate) in &plan.quotas {
            wire.override_quota(name, *rate);
        }
        let turns = wire.in_turns();
        let open = |wire: &Wire| (plan.mall.open)(settings, wire.clone());
        Ok(Line { mall: open(&wire)?, writer: open(&turns)?, wire, turns, settings: settings.clone() })
    }
}

impl Channel {
    pub fn open(
        plan: ChannelPlan,
        env: Arc<dyn Env>,
        gates: Arc<Gates>,
        vault: Arc<Vault>,
    ) -> std::result::Result<Self, SettingsError> {
        let card: &'static Card = plan.mall.card;
        let outside = Outside { env, gates, vault, term: Term::over() };
        let line = RwLock::new(Arc::new(outside.line(&plan, &plan.settings)?));
        let mut orders = card.orders.clone();
        orders.visibility_lag = plan.timing.visibility_lag.unwrap_or(orders.visibility_lag);
        orders.overlap = plan.timing.overlap.unwrap_or(orders.overlap);
        let effect = card.times.effect_lag;
        let typical = effect.map(|lag| lag.typical).unwrap_or_default();
        let times = Times {
            precision: orders.precision,
            late_apply: plan.timing.late_apply.unwrap_or(card.times.late_apply),
            effect_max: plan.timing.effect_max.or(effect.map(|lag| lag.max)),
            effect_typical: plan.timing.effect_typical.unwrap_or(typical),
            readable: effect.is_none_or(|lag| lag.readable),
        };
        let (channel, pool, on_drift) = (plan.id.clone(), plan.pool.clone(), plan.on_drift);
        let outlet = Outlet { channel, pool, card, times, on_drift };
        let intake = Intake { orders: Some(orders.clone()), ..plan.intake() };
        let (source, lease) = (RwLock::default(), RwLock::default());
        let (claim_us, credentials_due_us, singly_until_us, polls) = Default::default();
        let inherits = AtomicBool::new(false);
        Ok(Self {
            plan,
            line,
            source,
            outside,
            orders,
            outlet,
            intake,
            lease,
            claim_us,
            credentials_due_us,
            singly_until_us,
            polls,
            inherits,
        })
    }

    pub fn id(&self) -> &str {
        &self.plan.id
    }

    /// The channel for writes that are carried so: one whose ticket was lost may still land long after others.
    pub fn outlet_by(&self, by: Carrier) -> Outlet {
        let mut outlet = self.outlet.clone();
        if by == Carrier::Ticket {
            let late = plan::takes(outlet.card, by) * LATE_TICKETS;
            outlet.times.late_apply = outlet.times.late_apply.max(late);
        }
        outlet
    }

    pub fn line(&self) -> Arc<Line> {
        self.line.read().expect("no panic happens under this lock").clone()
    }

    pub fn take_settings_from(&self, source: SettingsSource) {
        *self.source.write().expect("no panic happens under this lock") = Some(source);
    }

    /// A stopped lane is probed with the credentials as they are now, which a person may have renewed.
    pub fn before_probe(&self, lane: &Lane) {
        if lane.state != LaneState::Tripped {
            return;
        }
        if let Some(settings) = self.settings_now() {
            self.reopen(&settings);
        }
    }

    /// Now and then: the settings in use. What was renewed meanwhile is in use from here on.
    pub(super) fn look_at_credentials(&self) -> Option<Settings> {
        let now = u64::try_from(self.outside.env.elapsed().as_micros()).unwrap_or(u64::MAX);
        let due_us = self.credentials_due_us.load(Ordering::Relaxed);
        if now < due_us {
            return None;
        }
        let pace = u64::try_from(CREDENTIALS_EVERY.as_micros()).unwrap_or(u64::MAX);
        self.credentials_due_us.store(now.saturating_add(pace), Ordering::Relaxed);
        if let Some(settings) = self.settings_now().filter(|now| !same_credentials(now, &self.line().settings)) {
            tracing::info!(channel = self.id(), "credentials were renewed");
            self.reopen(&settings);
        }
        Some(self.line().settings.clone())
    }

    fn settings_now(&self) -> Option<Settings> {
        let source = self.source.read().expect("no panic happens under this lock").clone();
        source.and_then(|source| source(self.id()))
    }

    fn reopen(&self, settings: &Settings) {
        match self.outside.line(&self.plan, settings) {
            Ok(line) => {
                self.outside.vault.forget_all_of(self.id());
                *self.line.write().expect("no panic happens under this lock") = Arc::new(line);
            }
            Err(error) => tracing::warn!(channel = self.id(), %error, "the renewed settings can't be used"),
        }
    }

    /// So long before the quota is free may a batch be planned: as long as the last one took, and never so long
    /// that a switch thrown meanwhile would come too late by more than that.
    pub fn lead(&self) -> Duration {
        Duration::from_micros(self.claim_us.load(Ordering::Relaxed)).min(self.lead_max())
    }

    /// The longest that a batch may wait for its quota once it is planned.
    pub fn lead_max(&self) -> Duration {
        LEAD_MAX.mul_f64(self.outside.env.speed())
    }

    /// The mall's way for many listings at once has just been of no use.
    pub(super) fn write_singly_for_now(&self) {
        let until = self.outside.env.elapsed() + SINGLY_FOR;
        self.singly_until_us.store(u64::try_from(until.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn writes_singly(&self) -> bool {
        self.outside.env.elapsed().as_micros() < u128::from(self.singly_until_us.load(Ordering::Relaxed))
    }

    /// A cycle of polls has begun.
    pub(super) fn polled(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn owes_backfill(&self) -> bool {
        self.polls.load(Ordering::Relaxed) >= POLLS_BEFORE_BACKFILL
    }

    pub(super) fn backfill_had_its_turn(&self) {
        self.polls.store(0, Ordering::Relaxed);
    }

    pub fn claimed_in(&self, length: Duration) {
        self.claim_us.store(u64::try_from(length.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Channels that share a quota are one group, run by one instance.
    pub fn group(&self) -> String {
        let shared =
            self.line().wire.quotas().into_iter().map(|(_, key, _)| key.scope).find(|scope| scope != self.id());
        shared.unwrap_or_else(|| self.id().to_owned())
    }

    /// Every quota that its requests are taken from.
    pub fn quota_keys(&self) -> Vec<QuotaKey> {
        self.line().wire.quotas().into_iter().map(|(_, key, _)| key).collect()
    }

    /// How far back the mall's present may lie, by the clock that searches for orders.
    pub fn behind(&self) -> Duration {
        self.line().wire.clock_off(self.orders.search).map_or(Duration::ZERO, ClockOff::behind)
    }

    /// What was asked then, and answered then.
    pub fn exchange(&self, operation: &str, sent_at: Timestamp, answered_at: Timestamp) -> Exchange {
        Exchange { clock: self.line().wire.clock_off(operation), ..Exchange::new(sent_at, answered_at) }
    }

    /// The lease, while it lasts.
    pub fn lease(&self) -> Option<Lease> {
        self.held().filter(|lease| self.outside.env.elapsed() < lease.until())
    }

    /// The lease that was last taken and not lost since, lapsed or not.
    pub fn held(&self) -> Option<Lease> {
        self.lease.read().expect("no panic happens under this lock").clone()
    }

    pub fn hold(&self, lease: Option<Lease>) {
        self.outside.term.ends_at(lease.as_ref().map_or(Duration::ZERO, Lease::until));
        *self.lease.write().expect("no panic happens under this lock") = lease;
    }

    pub fn count_drifts(&self, causes: &[Cause]) {
        for cause in causes {
            let channel = self.id().to_owned();
            metrics::counter!("uriba_drift_total", "channel" => channel, "cause" => cause.word()).increment(1);
        }
    }

    /// The lane is well again.
    pub async fn went_well(&self, store: &Store, lease: &Lease, row: &Row, which: LaneName) -> Result<()> {
        if lane(row, which) == Lane::default() {
            return Ok(());
        }
        store.set_lane(lease, self.id(), which, &Lane::succeeded(), None).await
    }

    /// What a failed call means for the lane, written down.
    pub async fn went_wrong(
        &self,
        store: &Store,
        lease: &Lease,
        row: &Row,
        which: LaneName,
        error: &MallError,
        now: Timestamp,
    ) -> Result<Reaction> {
        let throttled = match &error.class {
            // Our own quota said so, and nothing was sent: the quota knows already.
            Class::Throttled { retry_after: Some(wait) } if error.status.is_none() => {
                Some(crate::domain::time::later(now, *wait))
            }
            Class::Throttled { retry_after } => Some(self.line().wire.throttled(error.operation, *retry_after).await),
            _ => None,
        };
        let reaction = react(error, &lane(row, which), now, throttled);
        if matches!(error.class, Class::Throttled { .. }) {
            metrics::counter!("uriba_throttled_total", "channel" => self.id().to_owned()).increment(1);
        }
        tracing::warn!(channel = self.id(), lane = ?which, state = reaction.lane.state.word(), %error, "a mall call failed");
        let call = (reaction.lane.state == LaneState::Tripped).then(|| self.stopped(which, error));
        store.set_lane(lease, self.id(), which, &reaction.lane, call).await?;
        Ok(reaction)
    }

    fn stopped(&self, which: LaneName, error: &MallError) -> Call {
        let kind = if matches!(error.class, Class::Auth { .. }) { "credentials" } else { "lane" };
        let todo = match which {
            LaneName::Orders => "orders are not read",
            LaneName::Stock => "stock is not written",
        };
        Call {
            kind,
            subject: which.subject(self.id()),
            channel: Some(self.id().to_owned()),
            message: format!("{}: the {} lane is stopped, {todo}: {error}", self.id(), which.word()),
            ..Call::default()
        }
    }
}

fn same_credentials(one: &Settings, other: &Settings) -> bool {
    let exposed =
        |settings: &Settings, key: &str| settings.credentials.get(key).map(|secret| secret.expose_secret().to_owned());
    let keys = one.credentials.keys().chain(other.credentials.keys());
    keys.into_iter().all(|key| exposed(one, key) == exposed(other, key))
}
