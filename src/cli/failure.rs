//! How a command ends when it does not end well, and the exit code of each way.

use std::fmt;

use crate::{config::ConfigError, config::Problems, engine::EngineError, store::StoreError};

pub type Done = Result<(), Failure>;

#[derive(Debug)]
pub enum Failure {
    /// It was tried and did not work: 1.
    Failed(anyhow::Error),
    /// The command or the configuration is wrong: 2.
    Usage(String),
    /// The state of things forbids it: 3.
    Refused(String),
    /// It was done, and what was compared is not equal. The command has said what: 4.
    Differences,
}

impl Failure {
    pub fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::Differences => 4,
        }
    }

    pub fn failed(message: impl fmt::Display) -> Self {
        Self::Failed(anyhow::anyhow!("{message}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error:#}"),
            Self::Usage(message) | Self::Refused(message) => f.write_str(message),
            Self::Differences => Ok(()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(message) => Self::Refused(message),
            StoreError::Invalid(message) => Self::Usage(message),
            error @ (StoreError::Database(_)
            | StoreError::Unreachable(_)
            | StoreError::Missing { .. }
            | StoreError::Superseded { .. }) => Self::Failed(error.into()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Usage(problems.to_string())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Settings { .. } => Self::Usage(error.to_string()),
            EngineError::Store(error) => error.into(),
            EngineError::Held(_) => Self::Refused(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}
