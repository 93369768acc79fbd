//! What is wrong with a configuration: all of it at once, each with the line to look at.

use std::{fmt, path::PathBuf};

/// One thing to put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub line: Option<usize>,
    /// The dotted path of the key; empty where the file as a whole is meant.
    pub key: String,
    /// What is wrong, and what is allowed. Never the value of a secret.
    pub message: String,
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    pub file: PathBuf,
    pub all: Vec<Problem>,
}

impl std::error::Error for Problems {}

impl Problems {
    /// `Err` if there is anything.
    pub(super) fn or<T>(mut self, fine: T) -> Result<T, Self> {
        if self.all.is_empty() {
            return Ok(fine);
        }
        self.all.sort_by_key(|problem| problem.line);
        Err(self)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.all.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file.display())?;
            if let Some(line) = problem.line {
                write!(f, ":{line}")?;
            }
            if !problem.key.is_empty() {
                write!(f, ": {}", problem.key)?;
            }
            write!(f, ": {}", problem.message)?;
        }
        Ok(())
    }
}
