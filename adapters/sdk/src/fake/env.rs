//! A clock that moves only when told to, or when somebody sleeps.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rand::{RngCore, SeedableRng, rngs::StdRng};

use crate::env::{Env, HttpAnswer, HttpRequest, TransportError, client, exchange};

/// How long a hanging fake may hang, in the machine's time.
const DEADLINE: Duration = Duration::from_millis(400);

/// Virtual time and seeded randomness over real sockets: a quota of one request in three minutes costs a test
/// nothing, and a request takes no virtual time at all.
pub struct ManualEnv {
    origin: Timestamp,
    state: Mutex<(Duration, StdRng)>,
    http: reqwest::Client,
}

impl ManualEnv {
    /// Begins on 2026-11-20 at 10:00 in Japan.
    pub fn new(seed: u64) -> Self {
        Self::starting("2026-11-20T01:00:00Z".parse().expect("a constant instant"), seed)
    }

    pub fn starting(origin: Timestamp, seed: u64) -> Self {
        Self { origin, state: Mutex::new((Duration::ZERO, StdRng::seed_from_u64(seed))), http: client() }
    }

    pub fn advance(&self, length: Duration) {
        self.lock().0 += length;
    }

    pub fn advance_to(&self, instant: Timestamp) {
        let ahead = Duration::try_from(instant.duration_since(self.now())).unwrap_or_default();
        self.advance(ahead);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Duration, StdRng)> {
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
        self.lock().0
    }

    async fn sleep(&self, length: Duration) {
        self.advance(length);
        tokio::task::yield_now().await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.lock().1.fill_bytes(bytes);
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        exchange(&self.http, request, DEADLINE).await
    }
}
