//! A clock that is not ours.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use uriba_sdk::{
    Env,
    env::{HttpAnswer, HttpRequest, TransportError},
    fake::ManualEnv,
};

/// Ahead of another by so many seconds, or behind it.
pub struct Off {
    clock: Arc<ManualEnv>,
    seconds: AtomicI64,
}

impl Off {
    pub fn by(clock: Arc<ManualEnv>, seconds: i64) -> Self {
        Self { clock, seconds: AtomicI64::new(seconds) }
    }

    pub fn set(&self, seconds: i64) {
        self.seconds.store(seconds, Ordering::Relaxed);
    }
}

#[async_trait]
impl Env for Off {
    fn now(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_secs(self.seconds.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        self.clock.sleep(length).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.clock.fill(bytes);
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        self.clock.send(request).await
    }
}
