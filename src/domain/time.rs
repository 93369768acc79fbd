//! Sums of instants and lengths that saturate instead of failing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub fn later(instant: Timestamp, length: Duration) -> Timestamp {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    instant.saturating_add(length).unwrap_or(Timestamp::MAX)
}

pub fn earlier(instant: Timestamp, length: Duration) -> Timestamp {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    instant.saturating_sub(length).unwrap_or(Timestamp::MIN)
}

/// How long after `from` `to` is; zero when it is before.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// From when on the past is kept, by the days of the configuration.
pub fn kept_from(now: Timestamp, days: u32) -> Timestamp {
    earlier(now, Duration::from_secs(u64::from(days) * 86_400))
}
