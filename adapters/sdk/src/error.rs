//! Failures of a mall call, named by what the hub does next.

use std::{fmt, time::Duration};

use jiff::Timestamp;

use crate::stock::Refusal;

pub type Result<T> = std::result::Result<T, MallError>;

/// A mall call that failed. Carries no secret: adapters build it from status, code and a redacted excerpt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct MallError {
    pub class: Class,
    pub mall: &'static str,
    pub operation: &'static str,
    pub status: Option<u16>,
    /// The mall's own error code.
    pub code: Option<String>,
    pub message: String,
}

/// Exhaustive on purpose: a new class breaks the one `match` that reacts to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// The credentials don't work. `renewable`: a fresh access token may; otherwise a person must act.
    Auth { renewable: bool },
    /// Too fast for the mall, or for our own quota (then nothing was sent).
    Throttled { retry_after: Option<Duration> },
    /// The mall is closed for a while.
    Maintenance { until: Option<Timestamp> },
    /// Worth trying again. For a write, `applied` says whether it may have taken effect.
    Transient { applied: Applied },
    /// An all-or-nothing batch was refused because of these entries (by index); nothing was written.
    Rejected { refused: Vec<(usize, Refusal)> },
    /// The mall answered something that the adapter doesn't understand. Never guessed at.
    Malformed { what: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applied {
    No,
    Unknown,
}

impl Class {
    /// A short stable word for tables, logs and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Auth { .. } => "auth",
            Self::Throttled { .. } => "throttled",
            Self::Maintenance { .. } => "maintenance",
            Self::Transient { .. } => "transient",
            Self::Rejected { .. } => "rejected",
            Self::Malformed { .. } => "malformed",
        }
    }
}

impl fmt::Display for MallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.mall, self.operation, self.class.word())?;
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(f, " (HTTP {status}, {code})")?,
            (Some(status), None) => write!(f, " (HTTP {status})")?,
            (None, Some(code)) => write!(f, " ({code})")?,
            (None, None) => {}
        }
        if let Class::Malformed { what } = &self.class {
            write!(f, ": {what}")?;
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}
