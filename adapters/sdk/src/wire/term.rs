//! Until when a line may be used. A channel belongs to one instance at a time; when its time is over, what it
//! still has to say must not leave.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::env::Env;

/// Nanoseconds of [`Env::elapsed`], moved on by whoever holds the channel and read by all of its lines.
#[derive(Clone, Debug)]
pub struct Term(Arc<AtomicU64>);

const ENDLESS: u64 = u64::MAX;

impl Term {
    /// For those with whom nobody competes.
    pub fn endless() -> Self {
        Self(Arc::new(AtomicU64::new(ENDLESS)))
    }

    /// Nothing may leave yet.
    pub fn over() -> Self {
        Self(Arc::default())
    }

    pub fn ends_at(&self, elapsed: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(ENDLESS - 1);
        self.0.store(nanos, Ordering::Relaxed);
    }

    /// `None`: without an end.
    pub fn left(&self, env: &dyn Env) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            ENDLESS => None,
            end => Some(Duration::from_nanos(end).saturating_sub(env.elapsed())),
        }
    }
}
