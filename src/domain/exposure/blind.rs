//! Channels whose orders nobody has heard of for too long.
//!
//! In `shared` mode every mall shows everything, and what one of them sells leaves the others once its orders are
//! read. While they can't be read the others go on showing units that may be gone. So what a silent channel sells in
//! that time, but for a chance of ε, is withheld from the others: at most what it may sell at all, and never the last
//! sale, for a channel that stays silent must not stop the others for good. What that unit risks stands in the bound.
//!
//! Silence grows every second. What is withheld for it is looked at in steps, each half as long again as the one
//! before, and counted to the end of its step: a night takes a dozen of them.

use std::time::Duration;

use super::Listing;

const STEP: f64 = 1.5;
/// Silence is counted no further.
const SILENCE_MAX: Duration = Duration::from_secs(400 * 86_400);

/// For how long nobody has heard of a channel, as it is counted; `None`: not longer than `after`.
pub fn counted(silent: Duration, after: Duration) -> Option<Duration> {
    if silent <= after {
        return None;
    }
    let mut counted = after.max(Duration::from_secs(1)).mul_f64(STEP);
    while counted < silent && counted < SILENCE_MAX {
        counted = counted.mul_f64(STEP);
    }
    Some(counted.min(SILENCE_MAX))
}

/// What a listing may have sold in a time, but for a chance of `eps`, beside what is known to be missing. At most its
/// ceiling.
pub fn blind<K>(listing: &Listing<K>, within: Duration, eps: f64) -> i64 {
    let sold = listing.forecast.quantile(within, eps, listing.exposed() + listing.missing);
    (sold - listing.missing).max(0)
}

/// Streams of fewer orders a second than this sell nothing within the time, but for a chance of `eps`: of a gamma of
/// *a* orders in *b* seconds, 1 − (b / (b + t))^a ≤ a t / b.
pub fn least_rate(within: Duration, eps: f64) -> f64 {
    -(1.0 - eps).ln() / within.as_secs_f64().max(1.0)
}
