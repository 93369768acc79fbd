//! What a run says: one line per check, and everything needed to see why one failed.

use std::fmt;

#[derive(Clone, Debug)]
pub struct Report {
    pub mall: &'static str,
    pub checks: Vec<Check>,
}

#[derive(Clone, Debug)]
pub struct Check {
    /// A sentence that is true of every adapter that passes.
    pub name: &'static str,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// The values that showed it, and the last exchanges before it.
    Failed(String),
    /// The mall has nothing that this check is about.
    CannotDo(String),
}

impl Report {
    /// Panics with the whole table when a check failed.
    pub fn assert_green(&self) {
        assert!(self.failed() == 0, "\n{self}");
    }

    pub fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    fn count(&self, counts: impl Fn(&Verdict) -> bool) -> usize {
        self.checks.iter().filter(|check| counts(&check.verdict)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
        for Check { name, verdict } in &self.checks {
            match verdict {
                Verdict::Passed => writeln!(f, "  passed     {name}")?,
                Verdict::CannotDo(why) => writeln!(f, "  cannot do  {name:width$}  {why}")?,
                Verdict::Failed(why) => {
                    writeln!(f, "  FAILED     {name}")?;
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
