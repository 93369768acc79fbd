//! Quotas: named, scoped, composable, adaptive, and remembered across restarts.
//!
//! Taking from several quotas is one act. State is saved *ahead* of use: the shelf is told of more tokens than were
//! spent, so a process that dies never finds more than it left. Each request is covered by such a word before it
//! leaves, also when many leave at once; a throttle is told before anybody goes on.
//!
//! A token can be *spoken for* before it is spent ([`super::turn`]): whoever prepares a request that must not wait
//! keeps others from taking it meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{
    day::Worth,
    gate::{Gate, ahead},
};
use crate::env::Env;

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

/// What one request takes of a quota: a token, or as many points as it is reckoned to cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    pub key: QuotaKey,
    pub tokens: u32,
}

impl Charge {
    pub fn one(key: QuotaKey) -> Self {
        Self { key, tokens: 1 }
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
    /// Whole requests (or points) that could leave at `at`.
    pub available: u32,
    pub at: Timestamp,
    pub not_before: Option<Timestamp>,
    /// Days since the epoch (UTC) that `used_today` counts.
    pub day: i64,
    pub used_today: u32,
    /// Our own caution after throttles, in (0, 1]: what of the rate is used.
    pub caution: f64,
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
                gate.renew(known.get(key), env);
            }
        }
    }

    pub fn redeclare(&self, key: &QuotaKey, rate: Rate, env: &dyn Env) {
        if let Some(gate) = self.lock().get_mut(key) {
            gate.redeclare(rate, env);
        }
    }

    pub fn ready_at(&self, charges: &[Charge], env: &dyn Env) -> Timestamp {
        self.ready_for(charges, Worth::Ordinary, env)
    }

    pub fn ready_for(&self, charges: &[Charge], worth: Worth, env: &dyn Env) -> Timestamp {
        ready_at(&self.lock(), charges, Taking { worth, booked: false }, env)
    }

    /// All of it, or the instant at which to try again and nothing.
    pub async fn take(&self, charges: &[Charge], env: &dyn Env) -> Result<(), Timestamp> {
        self.take_for(charges, Worth::Ordinary, env).await
    }

    /// The same for a request that is worth so much.
    pub async fn take_for(&self, charges: &[Charge], worth: Worth, env: &dyn Env) -> Result<(), Timestamp> {
        self.take_as(charges, Taking { worth, booked: false }, env).await
    }

    pub(super) async fn take_as(&self, charges: &[Charge], taking: Taking, env: &dyn Env) -> Result<(), Timestamp> {
        self.take_all(charges, taking, env)?;
        for charge in charges {
            self.tell(charge, env).await;
        }
        Ok(())
    }

    fn take_all(&self, charges: &[Charge], taking: Taking, env: &dyn Env) -> Result<(), Timestamp> {
        let mut gates = self.lock();
        let at = ready_at(&gates, charges, taking, env);
        if at > env.now() {
            return Err(at);
        }
        for (n, charge) in charges.iter().enumerate() {
            let Some(Err(at)) = gates.get_mut(&charge.key).map(|gate| gate.take(charge.tokens, env)) else { continue };
            // governor counts whole nanoseconds and may differ by one from what we thought ready.
            for taken in &charges[..n] {
                if let Some(gate) = gates.get_mut(&taken.key) {
                    gate.give_back(taken.tokens, env);
                }
            }
            return Err(at);
        }
        if taking.booked {
            unbook(&mut gates, charges);
        }
        Ok(())
    }

    /// Speaks for all of it, once it will be there within the lead: others leave it alone.
    pub(super) fn book(
        &self,
        charges: &[Charge],
        worth: Worth,
        lead: Duration,
        env: &dyn Env,
    ) -> Result<(), Timestamp> {
        let mut gates = self.lock();
        let lead = SignedDuration::try_from(lead).unwrap_or(SignedDuration::MAX);
        let at = ready_at(&gates, charges, Taking { worth, booked: false }, env).saturating_sub(lead);
        let at = at.unwrap_or(Timestamp::MIN);
        if at > env.now() {
            return Err(at);
        }
        for charge in charges {
            if let Some(gate) = gates.get_mut(&charge.key) {
                gate.booked += charge.tokens;
            }
        }
        Ok(())
    }

    pub(super) fn unbook(&self, charges: &[Charge]) {
        unbook(&mut self.lock(), charges);
    }

    /// Returns when the shelf knows of what was just taken.
    async fn tell(&self, Charge { key, tokens }: &Charge, env: &dyn Env) {
        let covered =
            |gates: &mut HashMap<QuotaKey, Gate>| gates.get_mut(key).is_none_or(|gate| gate.is_covered(*tokens));
        if covered(&mut self.lock()) {
            return;
        }
        let telling = self.telling(key);
        let _turn = telling.lock().await;
        let (state, covers) = {
            let mut gates = self.lock();
            if covered(&mut gates) {
                return;
            }
            let Some(gate) = gates.get(key) else { return };
            let covers = ahead(gate.per_second());
            (gate.state_ahead(covers, env), covers)
        };
        self.shelf.save(key, &state).await;
        if let Some(gate) = self.lock().get_mut(key) {
            gate.covered = covers;
        }
    }

    /// One word at a time per quota, so that an older state never overwrites a newer one.
    fn telling(&self, key: &QuotaKey) -> Arc<tokio::sync::Mutex<()>> {
        self.lock().get(key).map(|gate| gate.telling.clone()).unwrap_or_default()
    }

    /// The mall said "too fast". Returns when that is known to the shelf too: a process that dies now, and comes
    /// again at once, waits all the same.
    pub async fn throttled(&self, keys: &[QuotaKey], retry_after: Option<Duration>, env: &dyn Env) -> Timestamp {
        let mut until = env.now();
        for key in keys {
            if let Some(gate) = self.lock().get_mut(key) {
                until = until.max(gate.throttled(retry_after, env));
            }
        }
        for key in keys {
            let telling = self.telling(key);
            let _turn = telling.lock().await;
            let state = self.lock().get(key).map(|gate| gate.state_ahead(gate.covered, env));
            if let Some(state) = state {
                self.shelf.save(key, &state).await;
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

    /// What was reckoned to take so many points took so many.
    pub fn correct(&self, reckoned: &Charge, took: u32, env: &dyn Env) {
        if let Some(gate) = self.lock().get_mut(&reckoned.key) {
            gate.correct(reckoned.tokens, took, env);
        }
    }

    /// By the mall's word there are no more than so many points now.
    pub fn observed_level(&self, key: &QuotaKey, available: u32, env: &dyn Env) {
        if let Some(gate) = self.lock().get_mut(key) {
            gate.observe_level(available, env);
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

/// Who takes a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taking {
    pub worth: Worth,
    /// It was spoken for.
    pub booked: bool,
}

fn ready_at(gates: &HashMap<QuotaKey, Gate>, charges: &[Charge], taking: Taking, env: &dyn Env) -> Timestamp {
    let ready = charges.iter().filter_map(|charge| Some((gates.get(&charge.key)?, charge.tokens)));
    ready.map(|(gate, tokens)| gate.ready_at(tokens, taking, env)).max().unwrap_or(Timestamp::MIN)
}

fn unbook(gates: &mut HashMap<QuotaKey, Gate>, charges: &[Charge]) {
    for charge in charges {
        if let Some(gate) = gates.get_mut(&charge.key) {
            gate.booked = gate.booked.saturating_sub(charge.tokens);
        }
    }
}
