//! A mall's failure → what the channel does. The one place that reads [`Class`].

use jiff::Timestamp;
use uriba_sdk::{Applied, Class, MallError};

use super::health::Lane;

/// What a failed call means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub lane: Lane,
    /// For a write: may it have taken effect?
    pub applied: Applied,
    /// An all-or-nothing batch was refused because of some entries: go on at once without them.
    pub resend: bool,
    /// The quota of the operation must hear of it.
    pub throttled: bool,
}

/// `throttled_until`: when the quota lets the next request go, for `Throttled`.
pub fn react(error: &MallError, lane: &Lane, now: Timestamp, throttled_until: Option<Timestamp>) -> Reaction {
    let cause = error.to_string();
    let no = |lane| Reaction { lane, applied: Applied::No, resend: false, throttled: false };
    match &error.class {
        // A renewed token gets one chance at once; refused again, the lane is tripped.
        Class::Auth { renewable: true } if lane.failures == 0 => {
            no(Lane { failures: 1, cause: Some(cause), ..Lane::default() })
        }
        Class::Auth { .. } => no(lane.tripped(now, cause)),
        Class::Throttled { .. } => {
            let until = throttled_until.unwrap_or(now);
            Reaction { throttled: true, ..no(lane.told_to_wait(until, cause)) }
        }
        Class::Maintenance { until } => {
            let fallback = lane.failed(now, cause.clone());
            let until = until.filter(|until| *until > now).or(fallback.until);
            no(lane.told_to_wait(until.unwrap_or(now), cause))
        }
        Class::Transient { applied } => Reaction { applied: *applied, ..no(lane.failed(now, cause)) },
        Class::Rejected { .. } => Reaction { resend: true, ..no(Lane::succeeded()) },
        Class::Malformed { .. } => {
            let lane = lane.failed(now, cause);
            Reaction { applied: Applied::Unknown, ..no(lane) }
        }
    }
}
