//! The health of a channel's two lanes, orders and stock. Never confused with the operator's switch.

use std::time::Duration;

use jiff::Timestamp;

use super::time::later;

/// Repeated failures trip a lane at this count.
const FAILURES_MAX: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_secs(5);
const WAIT_MAX: Duration = Duration::from_secs(300);
/// A tripped lane is probed at this interval.
const PROBE: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    pub state: LaneState,
    /// Nothing is asked of the mall on this lane before then.
    pub until: Option<Timestamp>,
    pub cause: Option<String>,
    /// Failures in a row.
    pub failures: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LaneState {
    #[default]
    Flowing,
    /// Comes back by itself.
    Waiting,
    /// A person should look; probed carefully meanwhile.
    Tripped,
}

impl LaneState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Flowing => "flowing",
            Self::Waiting => "waiting",
            Self::Tripped => "tripped",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Flowing, Self::Waiting, Self::Tripped].into_iter().find(|state| state.word() == word)
    }
}

impl Lane {
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until <= now)
    }

    #[must_use]
    pub fn succeeded() -> Self {
        Self::default()
    }

    /// The mall said later; not counted as a failure.
    #[must_use]
    pub fn told_to_wait(&self, until: Timestamp, cause: String) -> Self {
        Self { state: LaneState::Waiting, until: Some(until), cause: Some(cause), failures: self.failures }
    }

    #[must_use]
    pub fn failed(&self, now: Timestamp, cause: String) -> Self {
        let failures = self.failures + 1;
        if failures >= FAILURES_MAX {
            return Self { failures, ..self.tripped(now, cause) };
        }
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures - 1)).min(WAIT_MAX);
        Self { state: LaneState::Waiting, until: Some(later(now, wait)), cause: Some(cause), failures }
    }

    #[must_use]
    pub fn tripped(&self, now: Timestamp, cause: String) -> Self {
        let failures = self.failures + 1;
        Self { state: LaneState::Tripped, until: Some(later(now, PROBE)), cause: Some(cause), failures }
    }
}
