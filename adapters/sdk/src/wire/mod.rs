//! All the outside that an adapter gets: paced HTTP, the time, random bytes and cached access tokens.

mod clock;
mod day;
mod gate;
mod gates;
mod redact;
mod term;
mod turn;
mod vault;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use tracing::Instrument;

pub use clock::ClockOff;
pub use day::{Worth, free_at, of_a_day};
pub use gates::{Charge, Gates, QuotaKey, QuotaMemory, QuotaShelf, QuotaState, Rate};
pub use redact::{excerpt, redact_json};
pub use term::Term;
pub use turn::{Clearance, Turn};
pub use vault::{Safe, SafeInMemory, Token, Vault};

use crate::{
    card::{Card, Scope},
    env::{Env, HttpRequest, TransportError},
    error::{Applied, Class, MallError, Result},
    mall::Settings,
};
use gates::Taking;
use turn::{Slot, Spoken};

/// The longest wait for a quota that a call takes upon itself. Beyond it the call is given back as
/// `Throttled`, unsent, so that a step never sits on a lease for minutes.
const PATIENCE: Duration = Duration::from_secs(20);
/// With less of the term left than this a request is not begun: its answer would hardly be heard.
const TERM_LEAST: Duration = Duration::from_secs(5);

/// One channel's line to its mall.
#[derive(Clone)]
pub struct Wire {
    env: Arc<dyn Env>,
    gates: Arc<Gates>,
    vault: Arc<Vault>,
    card: &'static Card,
    channel: Arc<str>,
    scopes: Arc<[(&'static str, QuotaKey)]>,
    term: Term,
    /// By operation: the last answer to each.
    clocks: Arc<Mutex<HashMap<&'static str, ClockOff>>>,
    turn: Slot,
}

/// One request of an operation that the card names.
pub struct Call {
    pub operation: &'static str,
    /// A lost answer leaves the outcome unknown. Reads have none to lose.
    pub writes: bool,
    pub request: HttpRequest,
}

impl Call {
    pub fn read(operation: &'static str, request: HttpRequest) -> Self {
        Self { operation, writes: false, request }
    }

    pub fn write(operation: &'static str, request: HttpRequest) -> Self {
        Self { operation, writes: true, request }
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub sent_at: Timestamp,
    pub answered_at: Timestamp,
}

impl Answer {
    /// A header as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `Retry-After` in seconds or as an HTTP date; nonsense (the past, beyond a day) counts as absent.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        let wait = match value.parse::<u64>() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
                Duration::try_from(at.duration_since(self.answered_at)).ok()?
            }
        };
        (wait <= Duration::from_secs(86_400)).then_some(wait)
    }
}

impl Wire {
    /// `settings` give the scope of shared quotas (a client id, say) and their overrides were put into `gates`.
    pub fn new(
        env: Arc<dyn Env>,
        gates: Arc<Gates>,
        vault: Arc<Vault>,
        card: &'static Card,
        settings: &Settings,
    ) -> Self {
        let scopes =
            card.quotas.iter().map(|quota| (quota.name, quota_key(card, quota.scope, quota.name, settings))).collect();
        let channel = settings.channel.as_str().into();
        let (term, clocks, turn) = (Term::endless(), Arc::default(), Slot::default());
        let wire = Self { env, gates, vault, card, channel, scopes, term, clocks, turn };
        for quota in card.quotas {
            let rate = Rate { per_second: quota.per_second, burst: quota.burst, per_day: quota.per_day };
            wire.gates.declare(wire.key(quota.name), rate, wire.env.as_ref());
        }
        wire
    }

    /// Nothing leaves after the term, and no answer is waited for beyond it.
    #[must_use]
    pub fn within(self, term: Term) -> Self {
        Self { term, ..self }
    }

    pub fn now(&self) -> Timestamp {
        self.env.now()
    }

    pub fn fill(&self, bytes: &mut [u8]) {
        self.env.fill(bytes);
    }

    pub fn card(&self) -> &'static Card {
        self.card
    }

    /// The earliest instant at which a request of this operation may leave; now or before: at once.
    pub fn ready_at(&self, operation: &str) -> Timestamp {
        self.ready_for(operation, self.worth(operation))
    }

    /// The same for a request that is worth so much.
    pub fn ready_for(&self, operation: &str, worth: Worth) -> Timestamp {
        self.gates.ready_for(&self.charges(operation), worth, self.env.as_ref())
    }

    /// Orders are read before all else: everything follows from them.
    fn worth(&self, operation: &str) -> Worth {
        let orders = &self.card.orders;
        if [orders.search, orders.by_id].contains(&operation) { Worth::Urgent } else { Worth::Ordinary }
    }

    /// The same line for one who takes turns: what others ask through this one is none of a turn's business.
    #[must_use]
    pub fn in_turns(&self) -> Self {
        Self { turn: Slot::default(), ..self.clone() }
    }

    /// Speaks for a token of everything that these operations take, or says when to try again: so long before they
    /// are there. In a turn nothing waits until it is decided.
    pub fn turn(&self, operations: &[&str], worth: Worth, lead: Duration) -> std::result::Result<Turn, Timestamp> {
        let booked: Vec<_> = operations.iter().map(|name| ((*name).to_owned(), self.charges(name))).collect();
        let charges: Vec<_> = booked.iter().flat_map(|(_, charges)| charges.clone()).collect();
        self.gates.book(&charges, worth, lead, self.env.as_ref())?;
        let spoken = Spoken { booked, worth, until: self.env.elapsed(), clearance: None };
        Ok(Turn::begin(self.turn.clone(), self.gates.clone(), spoken))
    }

    /// Waits for the operation's quotas, sends, and gives the answer back whatever its status.
    pub async fn call(&self, call: Call) -> Result<Answer> {
        let span = tracing::debug_span!(
            "mall_call",
            channel = %self.channel,
            mall = self.card.mall,
            operation = call.operation
        );
        self.paced(call).instrument(span).await
    }

    async fn paced(&self, mut call: Call) -> Result<Answer> {
        let spoken = turn::held(&self.turn).clone();
        self.quota(call.operation, spoken.as_ref()).await?;
        if let Some(spoken) = spoken.filter(|spoken| call.writes && self.env.elapsed() > spoken.until)
            && let Some(clearance) = &spoken.clearance
            && !clearance.stands().await
        {
            let message = "not sent: it was decided otherwise meanwhile";
            return Err(self.error(call.operation, Class::Throttled { retry_after: Some(Duration::ZERO) }, message));
        }
        call.request.within = self.term.left(self.env.as_ref());
        if call.request.within.is_some_and(|left| left < TERM_LEAST) {
            let message = "not sent: this instance's lease on the channel has ended, or is about to";
            return Err(self.error(call.operation, Class::Transient { applied: Applied::No }, message));
        }
        self.exchange(call).await
    }

    /// Waits for the operation's quotas, as long as it may, and takes them.
    async fn quota(&self, operation: &'static str, spoken: Option<&Spoken>) -> Result<()> {
        let charges = self.charges(operation);
        let booked = spoken.is_some_and(|spoken| spoken.booked.iter().any(|(name, _)| name == operation));
        let worth = spoken.map_or(self.worth(operation), |spoken| spoken.worth);
        while let Err(at) = self.gates.take_as(&charges, Taking { worth, booked }, self.env.as_ref()).await {
            let wait = Duration::try_from(at.duration_since(self.env.now())).unwrap_or_default();
            let patience = spoken.map_or(PATIENCE, |spoken| spoken.until.saturating_sub(self.env.elapsed()));
            if wait > patience {
                let message = "not sent: the quota of this operation is used up for now";
                return Err(self.error(operation, Class::Throttled { retry_after: Some(wait) }, message));
            }
            self.env.sleep(wait.max(Duration::from_millis(1))).await;
        }
        if booked {
            turn::taken(&self.turn, operation);
        }
        Ok(())
    }

    async fn exchange(&self, call: Call) -> Result<Answer> {
        let sent_at = self.env.now();
        let sent = self.env.send(call.request).await;
        let answered_at = self.env.now();
        match sent {
            Ok(answer) => {
                tracing::debug!(status = answer.status, bytes = answer.body.len(), "answered");
                let (status, headers, body) = (answer.status, answer.headers, answer.body);
                let answer = Answer { status, headers, body, sent_at, answered_at };
                self.compare_clocks(call.operation, &answer);
                Ok(answer)
            }
            Err(error) => {
                let class = match &error {
                    TransportError::NoAnswer(_) if call.writes => Class::Transient { applied: Applied::Unknown },
                    TransportError::NoAnswer(_) | TransportError::NotSent(_) => {
                        Class::Transient { applied: Applied::No }
                    }
                    TransportError::TooLarge => Class::Malformed { what: error.to_string() },
                };
                Err(self.error(call.operation, class, error.to_string()))
            }
        }
    }

    fn compare_clocks(&self, operation: &'static str, answer: &Answer) {
        let date = answer.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date.trim()).ok());
        if let Some(date) = date {
            let off = ClockOff::seen(date.timestamp(), answer.sent_at, answer.answered_at);
            self.clocks.lock().expect("no panic happens under this lock").insert(operation, off);
        }
    }

    /// The mall's clock by its last answer to this operation; `None` while it has named no time.
    pub fn clock_off(&self, operation: &str) -> Option<ClockOff> {
        self.clocks.lock().expect("no panic happens under this lock").get(operation).copied()
    }

    /// The mall named another rate for this quota in its answer.
    pub fn observed_rate(&self, quota: &str, per_second: f64) {
        self.gates.observed_rate(&self.key(quota), per_second, self.env.as_ref());
    }

    /// What the last request of this operation took from a budget of points, by the mall's word. Until then it counts
    /// as what the card reckons.
    pub fn spent(&self, operation: &str, budget: &str, points: u32) {
        let key = self.key(budget);
        if let Some(reckoned) = self.charges(operation).into_iter().find(|charge| charge.key == key) {
            self.gates.correct(&reckoned, points, self.env.as_ref());
        }
    }

    /// By the mall's word no more than so many points (or requests) are left of this quota now.
    pub fn observed_level(&self, quota: &str, available: u32) {
        self.gates.observed_level(&self.key(quota), available, self.env.as_ref());
    }

    /// The mall said "too fast": nothing of this operation leaves before `retry_after`, or before a back-off
    /// of our own where the mall names no time. Returns when it may go on.
    pub async fn throttled(&self, operation: &str, retry_after: Option<Duration>) -> Timestamp {
        let keys: Vec<_> = self.charges(operation).into_iter().map(|charge| charge.key).collect();
        self.gates.throttled(&keys, retry_after, self.env.as_ref()).await
    }

    /// The cached access token, or a fresh one by `refresh`. One refresh in flight per name.
    pub async fn token<F>(&self, name: &str, refresh: F) -> Result<SecretString>
    where
        F: Future<Output = Result<Token>> + Send,
    {
        self.vault.token(&format!("{}/{name}", self.channel), self.env.now(), refresh).await
    }

    /// The mall refused the cached token before its time.
    pub async fn forget_token(&self, name: &str) {
        self.vault.forget(&format!("{}/{name}", self.channel)).await;
    }

    /// The credential in force: what the mall gave in place of the configured one, or that one. Whoever configures
    /// another one is not answered with the old one's successor.
    pub async fn in_force(
        &self,
        operation: &'static str,
        key: &str,
        configured: &SecretString,
    ) -> Result<SecretString> {
        let kept = self.vault.safe.get(&self.channel, &lineage(key, configured)).await;
        match kept {
            Ok(kept) => Ok(kept.unwrap_or_else(|| configured.clone())),
            Err(why) => Err(self.error(operation, Class::Transient { applied: Applied::No }, why)),
        }
    }

    /// The mall gave this in place of the configured credential. Durable when it returns: only then may it be used.
    pub async fn replaced(
        &self,
        operation: &'static str,
        key: &str,
        configured: &SecretString,
        fresh: &SecretString,
    ) -> Result<()> {
        let kept = self.vault.safe.put(&self.channel, &lineage(key, configured), fresh).await;
        kept.map_err(|why| self.error(operation, Class::Transient { applied: Applied::No }, why))
    }

    /// Every quota of this channel: declared name, key, state now.
    pub fn quotas(&self) -> Vec<(&'static str, QuotaKey, QuotaState)> {
        self.scopes
            .iter()
            .filter_map(|(name, key)| Some((*name, key.clone(), self.gates.state(key, self.env.as_ref())?)))
            .collect()
    }

    /// Replaces what the card declares for one quota (from configuration).
    pub fn override_quota(&self, name: &str, rate: Rate) {
        self.gates.redeclare(&self.key(name), rate, self.env.as_ref());
    }

    pub fn error(&self, operation: &'static str, class: Class, message: impl Into<String>) -> MallError {
        MallError { class, mall: self.card.mall, operation, status: None, code: None, message: message.into() }
    }

    fn charges(&self, operation: &str) -> Vec<Charge> {
        let Some(card) = self.card.operation(operation) else { return Vec::new() };
        let counted = card.quotas.iter().map(|name| Charge::one(self.key(name)));
        let priced = card.costs.iter().map(|(name, tokens)| Charge { key: self.key(name), tokens: *tokens });
        counted.chain(priced).collect()
    }

    fn key(&self, name: &str) -> QuotaKey {
        self.scopes
            .iter()
            .find(|(declared, _)| *declared == name)
            .map_or_else(|| QuotaKey::new(self.channel.as_ref(), name), |(_, key)| key.clone())
    }
}

/// A kept credential's name: its key, and which configured one it descends from.
fn lineage(key: &str, configured: &SecretString) -> String {
    use secrecy::ExposeSecret;
    format!("{key}@{}", redact::fingerprint(configured.expose_secret()))
}

fn quota_key(card: &Card, scope: Scope, name: &str, settings: &Settings) -> QuotaKey {
    match scope {
        Scope::Channel => QuotaKey::new(&settings.channel, name),
        Scope::Credential(key) => {
            use secrecy::ExposeSecret;
            let shared = settings.credentials.get(key).map_or("", |secret| secret.expose_secret());
            QuotaKey::new(format!("{}:{}", card.mall, redact::fingerprint(shared)), name)
        }
    }
}
