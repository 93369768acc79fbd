//! The mall's own count of requests and points: what makes "no request above the quota" checkable.

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
    day: i64,
    used_today: u32,
}

impl Meters {
    /// Counts one request; `false` when it is above the quota, which is also remembered.
    pub fn count(&self, scope: &str, quota: &QuotaCard, env: &dyn Env) -> bool {
        self.take(scope, quota, 1, env)
    }

    /// Counts one request that is reckoned to take so many points.
    pub fn take(&self, scope: &str, quota: &QuotaCard, points: u32, env: &dyn Env) -> bool {
        let slack = slack(quota, env);
        let verdict = self.with(scope, quota, env, |bucket| {
            // More than there can ever be is asked for when everything is there.
            let needed = f64::from(points.min(quota.burst.max(1)));
            let missing = needed - bucket.tokens;
            if missing > 1e-6 {
                let early = missing / quota.per_second;
                let what = if points == 1 { "one request".to_owned() } else { format!("a request of {points} points") };
                return Err(format!("{} of {scope}: {what} too early by {early:.3} s", quota.name));
            }
            let used = bucket.used_today.saturating_add(points);
            if quota.per_day.is_some_and(|per_day| f64::from(used) > f64::from(per_day) + slack) {
                return Err(format!("{} of {scope}: {used} in one day", quota.name));
            }
            bucket.tokens -= needed;
            bucket.used_today = used;
            Ok(())
        });
        match verdict {
            Ok(()) => true,
            Err(why) => {
                self.exceeded(why);
                false
            }
        }
    }

    /// The request for which `taken` points were taken took `took`. A debt is no violation; the next request that
    /// comes before it is grown is one.
    pub fn settle(&self, scope: &str, quota: &QuotaCard, (taken, took): (u32, u32), env: &dyn Env) {
        let held = f64::from(taken.min(quota.burst.max(1)));
        self.with(scope, quota, env, |bucket| {
            bucket.tokens = (bucket.tokens + held - f64::from(took)).min(capacity(quota, env));
            bucket.used_today = bucket.used_today.saturating_sub(taken).saturating_add(took);
        });
    }

    /// Whole points left now, as a mall that names them would.
    pub fn left(&self, scope: &str, quota: &QuotaCard, env: &dyn Env) -> u32 {
        self.with(scope, quota, env, |bucket| bucket.tokens.clamp(0.0, f64::from(quota.burst)) as u32)
    }

    /// For a fake that counts by itself (points, say): a request came above its limit.
    pub fn exceeded(&self, what: String) {
        self.violations.lock().expect("no panic happens under this lock").push(what);
    }

    /// One sentence for each request that came above its quota.
    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().expect("no panic happens under this lock").clone()
    }

    /// The bucket as it is by now.
    fn with<T>(&self, scope: &str, quota: &QuotaCard, env: &dyn Env, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let (now, day) = (env.elapsed(), env.now().as_second().div_euclid(86_400));
        let capacity = capacity(quota, env);
        let mut buckets = self.buckets.lock().expect("no panic happens under this lock");
        let fresh = Bucket { tokens: capacity, at: now, day, used_today: 0 };
        let bucket = buckets.entry((scope.to_owned(), quota.name.to_owned())).or_insert(fresh);
        let passed = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * quota.per_second).min(capacity);
        bucket.at = now;
        if bucket.day != day {
            (bucket.day, bucket.used_today) = (day, 0);
        }
        act(bucket)
    }
}

fn slack(quota: &QuotaCard, env: &dyn Env) -> f64 {
    quota.per_second * JITTER.as_secs_f64() * env.speed()
}

fn capacity(quota: &QuotaCard, env: &dyn Env) -> f64 {
    f64::from(quota.burst) + slack(quota, env)
}
