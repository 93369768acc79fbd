//! What a run says: one line per check, and everything needed to see why one failed.

use std::{fmt, io, path::Path};

use jiff::Timestamp;
use serde::Serialize;

/// Grows whenever a check is added or holds adapters to something else than before. Results of different suites are
/// not to be compared by their counts.
pub const SUITE: u32 = 2;

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The [`SUITE`] that was run.
    pub suite: u32,
    pub mall: &'static str,
    /// Of the adapter's crate, where whoever ran the kit said it.
    pub version: Option<String>,
    pub at: Timestamp,
    pub seconds: f64,
    pub checks: Vec<Check>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// A sentence that is true of every adapter that passes.
    pub name: &'static str,
    /// The rule behind it, and the item of this crate that states it.
    pub says: &'static str,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What the words of a failed check are made of.
    #[serde(flatten)]
    pub failure: Option<Failure>,
    /// Of the machine's time, beside others.
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "why", rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    /// What was expected, what was seen, and the last exchanges before it.
    Failed(String),
    /// The mall has nothing that this check is about.
    CannotDo(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub expected: String,
    pub seen: String,
    /// The last ones before it was seen, oldest first.
    pub exchanges: Vec<Exchange>,
}

/// One request and its answer, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    pub at: Timestamp,
    pub method: String,
    /// With its query.
    pub path: String,
    /// The beginning of the request's body.
    pub asked: String,
    /// `None`: there was no whole answer.
    pub status: Option<u16>,
    /// The beginning of the answer's body, or what went wrong.
    pub answered: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected: {}\nseen:     {}", self.expected, self.seen)?;
        self.exchanges.iter().try_for_each(|exchange| write!(f, "\n{exchange}"))
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {} {}", self.at, self.method, self.path)?;
        if !self.asked.is_empty() {
            write!(f, "\n  {}", self.asked)?;
        }
        match self.status {
            Some(status) => write!(f, "\n  → {status} {}", self.answered),
            None => write!(f, "\n  → {}", self.answered),
        }
    }
}

impl Report {
    /// Says which version of the adapter was run: `env!("CARGO_PKG_VERSION")` in the adapter's own tests.
    #[must_use]
    pub fn of_version(self, version: &str) -> Self {
        Self { version: Some(version.to_owned()), ..self }
    }

    /// Panics with the whole table when a check failed.
    pub fn assert_green(&self) {
        assert!(self.failed() == 0, "\n{self}");
    }

    pub fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    /// Writes the result as JSON, in a folder that is made where it is missing.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(self)? + "\n")
    }

    fn count(&self, counts: impl Fn(&Verdict) -> bool) -> usize {
        self.checks.iter().filter(|check| counts(&check.verdict)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
        for Check { name, says, verdict, .. } in &self.checks {
            match verdict {
                Verdict::Passed => writeln!(f, "  passed     {name}")?,
                Verdict::CannotDo(why) => writeln!(f, "  cannot do  {name:width$}  {why}")?,
                Verdict::Failed(why) => {
                    writeln!(f, "  FAILED     {name}\n             | rule:     {says}")?;
                    for line in why.lines() {
                        writeln!(f, "             | {line}")?;
                    }
                }
            }
        }
        let passed = self.count(|verdict| *verdict == Verdict::Passed);
        let cannot = self.count(|verdict| matches!(verdict, Verdict::CannotDo(_)));
        write!(f, "{}: {passed} passed, {} failed, {cannot} that the mall can't do", self.mall, self.failed())
    }
}
