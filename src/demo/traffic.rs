//! The hub's line to the malls, with a counter on it: what was asked of each, and how often in vain.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use uriba_sdk::{
    Env,
    env::{HttpAnswer, HttpRequest, TransportError},
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub requests: u64,
    /// Answered with anything but success, or not at all.
    pub failed: u64,
    /// Of those: answered that we are too fast.
    pub throttled: u64,
}

/// The demo's clock and sockets, counting exchanges per host.
pub struct Traffic {
    env: Arc<dyn Env>,
    tallies: Mutex<HashMap<String, Tally>>,
}

impl Traffic {
    pub fn new(env: Arc<dyn Env>) -> Self {
        Self { env, tallies: Mutex::default() }
    }

    /// What went to the host of this address.
    pub fn tally(&self, address: &str) -> Tally {
        self.lock().get(host(address)).copied().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Tally>> {
        self.tallies.lock().expect("no panic happens under this lock")
    }
}

fn host(address: &str) -> &str {
    address.split('/').nth(2).unwrap_or_default()
}

/// 429, or the page with which a gateway turns away whom it thinks too fast.
fn is_throttle(answer: &HttpAnswer) -> bool {
    let forbidden = || String::from_utf8_lossy(&answer.body).contains("Request was Forbidden");
    answer.status == 429 || (answer.status == 403 && forbidden())
}

#[async_trait]
impl Env for Traffic {
    fn now(&self) -> Timestamp {
        self.env.now()
    }

    fn elapsed(&self) -> Duration {
        self.env.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        self.env.sleep(length).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.env.fill(bytes);
    }

    fn speed(&self) -> f64 {
        self.env.speed()
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        let host = host(&request.url).to_owned();
        let answer = self.env.send(request).await;
        let mut tallies = self.lock();
        let tally = tallies.entry(host).or_default();
        tally.requests += 1;
        let well = answer.as_ref().is_ok_and(|answer| (200..300).contains(&answer.status));
        tally.failed += u64::from(!well);
        tally.throttled += u64::from(answer.as_ref().is_ok_and(is_throttle));
        drop(tallies);
        answer
    }
}
