//! One quota: a rate and a burst, an instant that the mall named, a cap per day, and caution after throttles.
//!
//! governor does the arithmetic of the rate. What it has no notion of stands around it.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    day::{self, day_of},
    gates::{QuotaState, Rate, Taking},
};
use crate::env::Env;

/// We aim a little below the rate: two clocks never agree exactly.
const MARGIN: f64 = 0.995;
/// governor's clock is this far ahead of ours, so that a limiter can be begun in the past: a token that is half
/// grown when the rate changes stays half grown. Longer than the slowest rate's period.
const HEAD_START: Duration = Duration::from_secs(30 * 86_400);
/// After a throttle the rate falls by this factor, never below a quarter; each quiet minute gives a twentieth of the
/// declared one back, and never more than that one (additive increase, multiplicative decrease: Chiu and Jain, 1989).
const SLOWER: f64 = 0.8;
const SLOWEST: f64 = 0.25;
const RECOVERY: Duration = Duration::from_secs(60);
const RECOVERED: f64 = 0.05;
/// No mall is asked less often than once in eleven days.
const SLOWEST_PER_SECOND: f64 = 1e-6;
/// The longest back-off of our own making.
const BACKOFF_MAX: Duration = Duration::from_secs(900);

type Limiter = RateLimiter<NotKeyed, InMemoryState, EnvClock, StateInformationMiddleware>;

pub(super) struct Gate {
    declared: Rate,
    /// What the mall named instead of the declared rate.
    observed: Option<f64>,
    /// Our own caution after throttles, in (0, 1].
    factor: f64,
    throttles: u32,
    eased_at: Duration,
    limiter: Limiter,
    clock: EnvClock,
    /// Tokens left when last taken, and when that was: what remains now follows from them.
    left: f64,
    left_at: Duration,
    not_before: Option<Timestamp>,
    day: i64,
    used_today: u32,
    /// Tokens that may still be taken before the shelf must hear again.
    pub covered: u32,
    pub telling: Arc<tokio::sync::Mutex<()>>,
    /// Tokens that somebody spoke for.
    pub booked: u32,
}

impl Gate {
    pub fn new(rate: Rate, known: Option<&QuotaState>, env: &dyn Env) -> Self {
        let (left, not_before, day, used_today) = match known {
            Some(state) => (left_of(state, rate, env), state.not_before, state.day, state.used_today),
            None => (1.0, None, day_of(env.now()), 0),
        };
        let clock = EnvClock::default();
        let mut gate = Self {
            declared: rate,
            observed: None,
            factor: known.map_or(1.0, |state| state.caution).clamp(SLOWEST, 1.0),
            throttles: 0,
            eased_at: env.elapsed(),
            limiter: limiter(rate, clock.clone()),
            clock,
            left,
            left_at: env.elapsed(),
            not_before,
            day,
            used_today,
            covered: 0,
            telling: Arc::default(),
            booked: 0,
        };
        gate.refill(env);
        gate
    }

    /// Begins again from what is known; those who wait here go on waiting here.
    pub fn renew(&mut self, known: Option<&QuotaState>, env: &dyn Env) {
        let (telling, booked) = (self.telling.clone(), self.booked);
        *self = Self { telling, booked, ..Self::new(self.declared, known, env) };
    }

    pub fn redeclare(&mut self, rate: Rate, env: &dyn Env) {
        if self.declared != rate {
            self.retune(env, |gate| gate.declared = rate);
        }
    }

    pub fn per_second(&self) -> f64 {
        self.observed.unwrap_or(self.declared.per_second) * self.factor * MARGIN
    }

    fn left(&self, env: &dyn Env) -> f64 {
        let passed = env.elapsed().saturating_sub(self.left_at).as_secs_f64();
        (self.left + passed * self.per_second()).min(f64::from(self.declared.burst))
    }

    pub fn ready_at(&self, tokens: u32, taking: Taking, env: &dyn Env) -> Timestamp {
        let now = env.now();
        let booked = if taking.booked { 0 } else { self.booked };
        // More than there can ever be is asked for when everything is there.
        let needed = f64::from(self.at_most(tokens.saturating_add(booked)));
        let missing = needed - self.left(env);
        let mut at = Timestamp::MIN;
        if missing > 1e-6 {
            at = later(now, Duration::from_secs_f64(missing / self.per_second()));
        }
        if let Some(not_before) = self.not_before.filter(|instant| *instant > now) {
            at = at.max(not_before);
        }
        if let Some(per_day) = self.declared.per_day {
            let used = if self.day == day_of(now) { self.used_today } else { 0 };
            at = at.max(day::free_at(per_day, used, taking.worth, now));
        }
        at
    }

    fn at_most(&self, tokens: u32) -> u32 {
        tokens.min(self.declared.burst.max(1))
    }

    pub fn take(&mut self, tokens: u32, env: &dyn Env) -> Result<(), Timestamp> {
        self.ease(env);
        self.clock.set(env.elapsed() + HEAD_START);
        let tokens = self.at_most(tokens);
        let asked = NonZeroU32::new(tokens).map(|tokens| self.limiter.check_n(tokens));
        let remaining = match asked {
            Some(Ok(Ok(snapshot))) => snapshot.remaining_burst_capacity(),
            Some(Ok(Err(not_until))) => {
                let wait = not_until.wait_time_from(self.clock.now());
                return Err(later(env.now(), wait.max(Duration::from_millis(1))));
            }
            // Nothing is asked for, or more than a burst, which `at_most` rules out.
            Some(Err(_)) | None => return Ok(()),
        };
        self.left = (self.left(env) - f64::from(tokens)).clamp(0.0, f64::from(remaining) + 0.999);
        self.left_at = env.elapsed();
        let today = day_of(env.now());
        if self.day != today {
            // What the shelf was told covers yesterday's requests only.
            (self.day, self.used_today, self.covered) = (today, 0, 0);
        }
        self.used_today += tokens;
        Ok(())
    }

    pub fn give_back(&mut self, tokens: u32, env: &dyn Env) {
        let tokens = self.at_most(tokens);
        self.used_today = self.used_today.saturating_sub(tokens);
        self.retune(env, |gate| gate.left += f64::from(tokens));
    }

    /// What it took beyond what was reckoned is a debt: nothing leaves before it is grown.
    pub fn correct(&mut self, reckoned: u32, took: u32, env: &dyn Env) {
        let reckoned = self.at_most(reckoned);
        self.used_today = self.used_today.saturating_sub(reckoned).saturating_add(took);
        let more = f64::from(took) - f64::from(reckoned);
        let debt = more - self.left(env);
        self.retune(env, |gate| gate.left -= more);
        if debt > 0.0 {
            let grown = Duration::from_secs_f64(debt / self.per_second().max(SLOWEST_PER_SECOND));
            let until = later(env.now(), grown);
            self.not_before = Some(self.not_before.map_or(until, |before| before.max(until)));
        }
    }

    pub fn observe_level(&mut self, available: u32, env: &dyn Env) {
        if self.left(env) > f64::from(available) {
            self.retune(env, |gate| gate.left = f64::from(available));
        }
    }

    /// Whether the shelf was told of these tokens ahead; they count as some of those then.
    pub fn is_covered(&mut self, tokens: u32) -> bool {
        let covered = self.covered >= tokens;
        self.covered = self.covered.saturating_sub(tokens);
        covered
    }

    pub fn throttled(&mut self, retry_after: Option<Duration>, env: &dyn Env) -> Timestamp {
        self.throttles = (self.throttles + 1).min(16);
        let period = Duration::from_secs_f64(1.0 / self.per_second());
        let wait = retry_after
            .unwrap_or_else(|| period.max(Duration::from_secs(1)) * 2_u32.pow(self.throttles - 1))
            .min(BACKOFF_MAX.max(retry_after.unwrap_or_default()));
        let until = later(env.now(), wait);
        self.not_before = Some(self.not_before.map_or(until, |before| before.max(until)));
        self.eased_at = env.elapsed() + wait;
        self.retune(env, |gate| {
            gate.left = 0.0;
            // A named time is no word about the rate, unless it is named again and again.
            if retry_after.is_none() || gate.throttles > 1 {
                gate.factor = (gate.factor * SLOWER).max(SLOWEST);
            }
        });
        until
    }

    /// A quiet minute after a throttle gives some of the rate back.
    fn ease(&mut self, env: &dyn Env) {
        let disturbed = self.throttles > 0 || self.factor < 1.0;
        if disturbed && env.elapsed().saturating_sub(self.eased_at) >= RECOVERY {
            self.throttles = 0;
            self.eased_at = env.elapsed();
            self.retune(env, |gate| gate.factor = (gate.factor + RECOVERED).min(1.0));
        }
    }

    pub fn observe(&mut self, per_second: f64, env: &dyn Env) {
        let known = self.observed.unwrap_or(self.declared.per_second);
        if (per_second / known - 1.0).abs() > 0.05 {
            self.retune(env, |gate| gate.observed = Some(per_second));
        }
    }

    /// Changes the pace from now on: what has grown so far has grown at the old one.
    fn retune(&mut self, env: &dyn Env, change: impl FnOnce(&mut Self)) {
        self.left = self.left(env);
        self.left_at = env.elapsed();
        change(self);
        self.refill(env);
    }

    /// A new limiter for the present rate, with the tokens that we know to be left. (Moving governor's state
    /// between limiters is not possible: its times are relative to the old one's start.)
    fn refill(&mut self, env: &dyn Env) {
        self.left = self.left.clamp(0.0, f64::from(self.declared.burst));
        let now = env.elapsed() + HEAD_START;
        let grown = Duration::from_secs_f64(self.left.fract() / self.per_second().max(SLOWEST_PER_SECOND));
        self.clock.set(now - grown);
        self.limiter = limiter(Rate { per_second: self.per_second(), ..self.declared }, self.clock.clone());
        if let Some(spent) = NonZeroU32::new(self.declared.burst.saturating_sub(self.left as u32)) {
            // A fresh limiter holds a full burst, so taking part of it always succeeds.
            let _ = self.limiter.check_n(spent);
        }
        self.clock.set(now);
    }

    /// The state for the shelf: as if so many requests, which this word is to cover, had left at once. What they lack
    /// is written as an instant to come at which nothing is left.
    pub fn state_ahead(&self, ahead: u32, env: &dyn Env) -> QuotaState {
        let state = self.state(env);
        let (available, at) = self.as_whole(self.left(env) - f64::from(ahead), env);
        QuotaState { available, at, used_today: state.used_today + ahead, ..state }
    }

    /// Tokens as whole ones and the instant at which there were just so many. A part of a token must not be
    /// lost: whoever stops more often than one grows would never have one.
    fn as_whole(&self, left: f64, env: &dyn Env) -> (u32, Timestamp) {
        let seconds = |tokens: f64| Duration::from_secs_f64(tokens / self.per_second().max(SLOWEST_PER_SECOND));
        if left < 0.0 {
            return (0, later(env.now(), seconds(-left)));
        }
        let grown = SignedDuration::try_from(seconds(left.fract())).unwrap_or(SignedDuration::ZERO);
        (left as u32, env.now().saturating_sub(grown).unwrap_or(Timestamp::MIN))
    }

    pub fn state(&self, env: &dyn Env) -> QuotaState {
        let now = env.now();
        let today = day_of(now);
        let (available, at) = self.as_whole(self.left(env), env);
        QuotaState {
            rate: Rate { per_second: self.observed.unwrap_or(self.declared.per_second) * self.factor, ..self.declared },
            available,
            at,
            not_before: self.not_before.filter(|instant| *instant > now),
            day: today,
            used_today: if self.day == today { self.used_today } else { 0 },
            caution: self.factor,
        }
    }
}

/// How many requests one word to the shelf covers beside the one it is said for: about a second's worth.
pub(super) fn ahead(per_second: f64) -> u32 {
    per_second.clamp(1.0, 1_000.0) as u32 - 1
}

/// What is certainly left of a stored state: all requests that it covers may have left, the last one just now.
fn left_of(state: &QuotaState, rate: Rate, env: &dyn Env) -> f64 {
    let passed = Duration::try_from(env.now().duration_since(state.at)).unwrap_or_default();
    let pace = state.rate.per_second.min(rate.per_second) * MARGIN;
    let most = rate.burst.saturating_sub(ahead(state.rate.per_second.max(rate.per_second)));
    (f64::from(state.available) + passed.as_secs_f64() * pace).min(f64::from(most))
}

fn limiter(rate: Rate, clock: EnvClock) -> Limiter {
    let period = Duration::from_secs_f64(1.0 / rate.per_second.max(SLOWEST_PER_SECOND));
    let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
    RateLimiter::direct_with_clock(quota, clock).with_middleware::<StateInformationMiddleware>()
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// governor's view of [`Env::elapsed`]: set before each use, since an `Env` can't be named in its types.
#[derive(Clone, Debug, Default)]
struct EnvClock(Arc<std::sync::atomic::AtomicU64>);

impl EnvClock {
    fn set(&self, elapsed: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.0.store(nanos, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Clock for EnvClock {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(u64);

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::new(self.0.saturating_sub(earlier.0))
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64()))
    }
}

impl std::ops::Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0.saturating_add(other.as_u64()))
    }
}
