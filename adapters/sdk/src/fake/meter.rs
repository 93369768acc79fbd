//! The mall's own count of requests: what makes "no request above the quota" checkable.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use crate::{card::QuotaCard, env::Env};

/// Requests travel and wait for a processor, so two that left a second apart may arrive closer together. So
/// much of that, in the machine's time, is not held against the sender.
const JITTER: Duration = Duration::from_millis(50);

/// Token buckets by scope and quota name, shared by all fakes whose channels share a quota.
#[derive(Default)]
pub struct Meters {
    buckets: Mutex<HashMap<(String, String), Bucket>>,
    violations: Mutex<Vec<String>>,
}

struct Bucket {
    tokens: f64,
    at: Duration,
}

impl Meters {
    /// Counts one request; `false` when it is above the quota, which is also remembered.
    pub fn count(&self, scope: &str, quota: &QuotaCard, env: &dyn Env) -> bool {
        let now = env.elapsed();
        let slack = quota.per_second * JITTER.as_secs_f64() * env.speed();
        let capacity = f64::from(quota.burst) + slack;
        let mut buckets = self.buckets.lock().expect("no panic happens under this lock");
        let bucket =
            buckets.entry((scope.to_owned(), quota.name.to_owned())).or_insert(Bucket { tokens: capacity, at: now });
        let passed = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * quota.per_second).min(capacity);
        bucket.at = now;
        if bucket.tokens + 1e-6 >= 1.0 {
            bucket.tokens -= 1.0;
            return true;
        }
        let missing = 1.0 - bucket.tokens;
        drop(buckets);
        self.violations.lock().expect("no panic happens under this lock").push(format!(
            "{} of {scope}: one request too early by {:.3} s",
            quota.name,
            missing / quota.per_second
        ));
        false
    }

    /// For a fake that counts by itself (points, say): a request came above its limit.
    pub fn exceeded(&self, what: String) {
        self.violations.lock().expect("no panic happens under this lock").push(what);
    }

    /// One sentence for each request that came above its quota.
    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().expect("no panic happens under this lock").clone()
    }
}
