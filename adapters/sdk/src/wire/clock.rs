//! The mall's clock against ours, as far as the `Date` of an answer tells.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How far the mall's clock is ahead of ours (negative: behind): certainly between these two. An answer's `Date` is
/// of some moment while it was under way, and of whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOff {
    pub least: SignedDuration,
    pub most: SignedDuration,
}

impl ClockOff {
    pub fn seen(date: Timestamp, sent_at: Timestamp, answered_at: Timestamp) -> Self {
        Self {
            least: date.duration_since(answered_at),
            most: date.duration_since(sent_at) + SignedDuration::from_secs(1),
        }
    }

    /// By how much the clocks differ at least; zero where they may agree.
    pub fn certain(self) -> SignedDuration {
        self.least.max(SignedDuration::ZERO) + self.most.min(SignedDuration::ZERO)
    }

    /// So far back the mall's present may lie; zero where the clocks may agree.
    pub fn behind(self) -> Duration {
        let is_behind = self.most < SignedDuration::ZERO;
        if is_behind { self.least.unsigned_abs() } else { Duration::ZERO }
    }
}
