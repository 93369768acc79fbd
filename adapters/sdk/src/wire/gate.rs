//! Quotas: named, scoped, composable, adaptive, and remembered across restarts.
//!
//! governor does the arithmetic of one rate. Around it stand what it has no notion of: an instant that the
//! mall named, a cap per day, a rate that the mall changes, and a memory. State is saved *ahead* of use:
//! the shelf is told of more tokens than were spent, so a process that dies never finds more than it left.
//! Each request is covered by such a word before it leaves, also when many leave at once.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use jiff::{SignedDuration, Timestamp};

use crate::env::Env;

/// We aim a little below the rate: two clocks never agree exactly.
const MARGIN: f64 = 0.995;
/// governor's clock is this far ahead of ours, so that a limiter can be begun in the past: a token that is half
/// grown when the rate changes stays half grown. Longer than the slowest rate's period.
const HEAD_START: Duration = Duration::from_secs(30 * 86_400);
/// After a throttle the rate falls by this factor, never below a quarter, and recovers slowly.
const SLOWER: f64 = 0.8;
const SLOWEST: f64 = 0.25;
const RECOVERY: Duration = Duration::from_secs(60);
const RECOVERED: f64 = 1.1;
/// No mall is asked less often than once in eleven days.
const SLOWEST_PER_SECOND: f64 = 1e-6;
/// The longest back-off of our own making.
const BACKOFF_MAX: Duration = Duration::from_secs(900);

/// Who shares it, and its declared name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuotaKey {
    pub scope: String,
    pub name: String,
}

impl QuotaKey {
    pub fn new(scope: impl Into<String>, name: impl Into<String>) -> Self {
        Self { scope: scope.into(), name: name.into() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: u32,
    pub per_day: Option<u32>,
}

/// A quota as it is shown and stored.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaState {
    pub rate: Rate,
    /// Whole requests that could leave at `at`.
    pub available: u32,
    pub at: Timestamp,
    pub not_before: Option<Timestamp>,
    /// Days since the epoch (UTC) that `used_today` counts.
    pub day: i64,
    pub used_today: u32,
}

/// Where quota states outlive the process.
#[async_trait]
pub trait QuotaShelf: Send + Sync {
    /// Durable when it returns. A failure only costs pace after a crash, so it is not an error here.
    async fn save(&self, key: &QuotaKey, state: &QuotaState);
}

/// Forgets everything: for tools that start with one token anyway.
pub struct QuotaMemory;

#[async_trait]
impl QuotaShelf for QuotaMemory {
    async fn save(&self, _key: &QuotaKey, _state: &QuotaState) {}
}

/// All quotas of one hub. One lock: taking from several quotas is one act.
pub struct Gates {
    gates: Mutex<HashMap<QuotaKey, Gate>>,
    known: HashMap<QuotaKey, QuotaState>,
    shelf: Arc<dyn QuotaShelf>,
}

impl Gates {
    /// `known`: the states that the last run left. A quota not among them begins with one token.
    pub fn new(shelf: Arc<dyn QuotaShelf>, known: HashMap<QuotaKey, QuotaState>) -> Self {
        Self { gates: Mutex::default(), known, shelf }
    }

    /// Gates that know nothing, begin with one token and forget: for the kit and for tests of adapters.
    pub fn fresh() -> Self {
        Self::new(Arc::new(QuotaMemory), HashMap::new())
    }

    pub fn declare(&self, key: QuotaKey, rate: Rate, env: &dyn Env) {
        let known = self.known.get(&key);
        self.lock().entry(key).or_insert_with(|| Gate::new(rate, known, env));
    }

    /// Whoever kept these quotas until now left them so. One of which nothing is known begins with one token again.
    pub fn resume(&self, keys: &[QuotaKey], known: &HashMap<QuotaKey, QuotaState>, env: &dyn Env) {
        let mut gates = self.lock();
        for key in keys {
            if let Some(gate) = gates.get_mut(key) {
                *gate = Gate { telling: gate.telling.clone(), ..Gate::new(gate.declared, known.get(key), env) };
            }
        }
    }

    pub fn redeclare(&self, key: &QuotaKey, rate: Rate, env: &dyn Env) {
        if let Some(gate) = self.lock().get_mut(key).filter(|gate| gate.declared != rate) {
            gate.retune(env, |gate| gate.declared = rate);
        }
    }

    pub fn ready_at(&self, keys: &[QuotaKey], env: &dyn Env) -> Timestamp {
        let gates = self.lock();
        keys.iter().filter_map(|key| gates.get(key)).map(|gate| gate.ready_at(env)).max().unwrap_or(Timestamp::MIN)
    }

    /// One token of each, or the instant at which to try again and none of any.
    pub async fn take(&self, keys: &[QuotaKey], env: &dyn Env) -> Result<(), Timestamp> {
        self.take_all(keys, env)?;
        for key in keys {
            self.tell(key, env).await;
        }
        Ok(())
    }

    fn take_all(&self, keys: &[QuotaKey], env: &dyn Env) -> Result<(), Timestamp> {
        let mut gates = self.lock();
        let ready = keys.iter().filter_map(|key| gates.get(key)).map(|gate| gate.ready_at(env)).max();
        if let Some(at) = ready.filter(|at| *at > env.now()) {
            return Err(at);
        }
        for (n, key) in keys.iter().enumerate() {
            let Some(Err(at)) = gates.get_mut(key).map(|gate| gate.take(env)) else { continue };
            // governor counts whole nanoseconds and may differ by one from what we thought ready.
            for taken in &keys[..n] {
                if let Some(gate) = gates.get_mut(taken) {
                    gate.give_back(env);
                }
            }
            return Err(at);
        }
        Ok(())
    }

    /// Returns when the shelf knows of the token that was just taken. One word at a time per quota, so that an
    /// older state never overwrites a newer one.
    async fn tell(&self, key: &QuotaKey, env: &dyn Env) {
        let covered = |gates: &mut HashMap<QuotaKey, Gate>| gates.get_mut(key).is_none_or(Gate::is_covered);
        let telling = {
            let mut gates = self.lock();
            if covered(&mut gates) {
                return;
            }
            gates.get(key).map(|gate| gate.telling.clone()).unwrap_or_default()
        };
        let _turn = telling.lock().await;
        let (state, covers) = {
            let mut gates = self.lock();
            if covered(&mut gates) {
                return;
            }
            let Some(gate) = gates.get(key) else { return };
            (gate.state_ahead(env), ahead(gate.per_second()))
        };
        self.shelf.save(key, &state).await;
        if let Some(gate) = self.lock().get_mut(key) {
            gate.covered = covers;
        }
    }

    pub fn throttled(&self, keys: &[QuotaKey], retry_after: Option<Duration>, env: &dyn Env) -> Timestamp {
        let mut gates = self.lock();
        let mut until = env.now();
        for key in keys {
            if let Some(gate) = gates.get_mut(key) {
                until = until.max(gate.throttled(retry_after, env));
            }
        }
        until
    }

    pub fn observed_rate(&self, key: &QuotaKey, per_second: f64, env: &dyn Env) {
        let plausible = per_second.is_finite() && per_second > 0.0 && per_second < 10_000.0;
        if let Some(gate) = self.lock().get_mut(key).filter(|_| plausible) {
            gate.observe(per_second, env);
        }
    }

    pub fn state(&self, key: &QuotaKey, env: &dyn Env) -> Option<QuotaState> {
        self.lock().get(key).map(|gate| gate.state(env))
    }

    /// Exact states, for a clean stop.
    pub async fn save_all(&self, env: &dyn Env) {
        let states: Vec<_> = self.lock().iter().map(|(key, gate)| (key.clone(), gate.state(env))).collect();
        for (key, state) in states {
            self.shelf.save(&key, &state).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<QuotaKey, Gate>> {
        self.gates.lock().expect("no panic happens under this lock")
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, EnvClock, StateInformationMiddleware>;

struct Gate {
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
    /// Requests that may still leave before the shelf must hear again.
    covered: u32,
    telling: Arc<tokio::sync::Mutex<()>>,
}

impl Gate {
    fn new(rate: Rate, known: Option<&QuotaState>, env: &dyn Env) -> Self {
        let (left, not_before, day, used_today) = match known {
            Some(state) => (left_of(state, rate, env), state.not_before, state.day, state.used_today),
            None => (1.0, None, day_of(env.now()), 0),
        };
        let clock = EnvClock::default();
        let mut gate = Self {
            declared: rate,
            observed: None,
            factor: 1.0,
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
        };
        gate.refill(env);
        gate
    }

    fn per_second(&self) -> f64 {
        self.observed.unwrap_or(self.declared.per_second) * self.factor * MARGIN
    }

    fn left(&self, env: &dyn Env) -> f64 {
        let passed = env.elapsed().saturating_sub(self.left_at).as_secs_f64();
        (self.left + passed * self.per_second()).min(f64::from(self.declared.burst))
    }

    fn ready_at(&self, env: &dyn Env) -> Timestamp {
        let now = env.now();
        let missing = 1.0 - self.left(env);
        let mut at = Timestamp::MIN;
        if missing > 1e-6 {
            at = later(now, Duration::from_secs_f64(missing / self.per_second()));
        }
        if let Some(not_before) = self.not_before.filter(|instant| *instant > now) {
            at = at.max(not_before);
        }
        if let Some(per_day) = self.declared.per_day
            && self.day == day_of(now)
            && self.used_today >= per_day
        {
            let midnight = Timestamp::from_second((self.day + 1) * 86_400).unwrap_or(Timestamp::MAX);
            at = at.max(midnight);
        }
        at
    }

    fn take(&mut self, env: &dyn Env) -> Result<(), Timestamp> {
        self.ease(env);
        self.clock.set(env.elapsed() + HEAD_START);
        let remaining = match self.limiter.check() {
            Ok(snapshot) => snapshot.remaining_burst_capacity(),
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                return Err(later(env.now(), wait.max(Duration::from_millis(1))));
            }
        };
        self.left = (self.left(env) - 1.0).clamp(0.0, f64::from(remaining) + 0.999);
        self.left_at = env.elapsed();
        let today = day_of(env.now());
        if self.day != today {
            // What the shelf was told covers yesterday's requests only.
            (self.day, self.used_today, self.covered) = (today, 0, 0);
        }
        self.used_today += 1;
        Ok(())
    }

    fn give_back(&mut self, env: &dyn Env) {
        self.used_today = self.used_today.saturating_sub(1);
        self.retune(env, |gate| gate.left += 1.0);
    }

    /// Whether the shelf was told of this request ahead; it counts as one of those then.
    fn is_covered(&mut self) -> bool {
        let covered = self.covered > 0;
        self.covered = self.covered.saturating_sub(1);
        covered
    }

    fn throttled(&mut self, retry_after: Option<Duration>, env: &dyn Env) -> Timestamp {
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
            if retry_after.is_none() {
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
            self.retune(env, |gate| gate.factor = (gate.factor * RECOVERED).min(1.0));
        }
    }

    fn observe(&mut self, per_second: f64, env: &dyn Env) {
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

    /// The state for the shelf: as if all requests that this word is to cover had left at once. What they lack
    /// is written as an instant to come at which nothing is left.
    fn state_ahead(&self, env: &dyn Env) -> QuotaState {
        let ahead = ahead(self.per_second());
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

    fn state(&self, env: &dyn Env) -> QuotaState {
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
        }
    }
}

/// How many requests one word to the shelf covers beside the one it is said for: about a second's worth.
fn ahead(per_second: f64) -> u32 {
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

fn day_of(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(86_400)
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
