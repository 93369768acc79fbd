//! A clock that moves only when told to, or when somebody sleeps.

use std::{
    sync::{Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rand::{RngCore, SeedableRng, rngs::StdRng};

use crate::env::{Env, Http, HttpAnswer, HttpRequest, TransportError};

/// How long an answer may take, in the machine's time: below a fake's hang, and above what a busy machine needs.
const DEADLINE: Duration = Duration::from_secs(5);

/// Virtual time and seeded randomness over real sockets: a quota of one request in three minutes costs a test
/// nothing, and a request takes no virtual time at all.
pub struct ManualEnv {
    origin: Timestamp,
    state: Mutex<State>,
    /// Made when first needed: reading the machine's certificates takes longer than most tests.
    http: OnceLock<Http>,
}

struct State {
    passed: Duration,
    random: StdRng,
    deadline: Duration,
}

impl ManualEnv {
    /// Begins on 2026-11-20 at 10:00 in Japan.
    pub fn new(seed: u64) -> Self {
        Self::starting("2026-11-20T01:00:00Z".parse().expect("a constant instant"), seed)
    }

    pub fn starting(origin: Timestamp, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let state = State { passed: Duration::ZERO, random, deadline: DEADLINE };
        Self { origin, state: Mutex::new(state), http: OnceLock::new() }
    }

    pub fn advance(&self, length: Duration) {
        self.lock().passed += length;
    }

    /// For tests of hanging answers: gives up after so long of the machine's time.
    pub fn set_deadline(&self, deadline: Duration) {
        self.lock().deadline = deadline;
    }

    pub fn advance_to(&self, instant: Timestamp) {
        let ahead = Duration::try_from(instant.duration_since(self.now())).unwrap_or_default();
        self.advance(ahead);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }
}

#[async_trait]
impl Env for ManualEnv {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.origin.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.lock().passed
    }

    async fn sleep(&self, length: Duration) {
        self.advance(length);
        tokio::task::yield_now().await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.lock().random.fill_bytes(bytes);
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        let deadline = self.lock().deadline;
        self.http.get_or_init(Http::new).exchange(request, deadline).await
    }
}
