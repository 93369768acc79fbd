//! What is said of a seed: the last events before a violation, how to replay it, and a fingerprint of all events by
//! which two runs are compared.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt::{self, Write},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// Events that a failing seed prints.
const KEPT: usize = 40;

/// Everything that happened, in order.
pub struct Log {
    last: VecDeque<String>,
    all: Option<Vec<String>>,
    events: u64,
    digest: DefaultHasher,
}

impl Log {
    /// `whole`: every event is kept, for whoever wants to read them.
    pub fn new(whole: bool) -> Self {
        Self { last: VecDeque::new(), all: whole.then(Vec::new), events: 0, digest: DefaultHasher::new() }
    }

    pub fn note(&mut self, at: Duration, text: &str) {
        self.events += 1;
        (at, text).hash(&mut self.digest);
        let line = format!("{} {text}", stamp(at));
        if let Some(all) = &mut self.all {
            all.push(line.clone());
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    pub fn last(&self) -> impl Iterator<Item = &String> {
        self.last.iter()
    }

    pub fn all(&mut self) -> Vec<String> {
        self.all.take().unwrap_or_default()
    }

    /// The same in two runs whose every event was the same.
    pub fn fingerprint(&self) -> u64 {
        self.digest.finish()
    }
}

/// `1d 02:03:04.567`, since the world began.
fn stamp(at: Duration) -> String {
    let (s, ms) = (at.as_secs(), at.subsec_millis());
    format!("{}d {:02}:{:02}:{:02}.{ms:03}", s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60)
}

/// Something that must not be, with where and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its number in the list of invariants, where it has one.
    pub invariant: Option<u8>,
    pub what: String,
}

impl Violation {
    pub fn of(invariant: u8, what: impl Into<String>) -> Self {
        Self { invariant: Some(invariant), what: what.into() }
    }

    pub fn new(what: impl Into<String>) -> Self {
        Self { invariant: None, what: what.into() }
    }
}

/// How one seed went.
#[derive(Clone, Debug)]
pub struct Report {
    pub seed: u64,
    pub days: f64,
    /// How stock is shown, and what else is of note.
    pub kind: String,
    pub malls: Vec<&'static str>,
    pub troubles: Vec<String>,
    pub violations: Vec<Violation>,
    pub last: Vec<String>,
    /// Every event, if they were asked for.
    pub events: Vec<String>,
    /// What the hub had its database run, without values, if that was asked for.
    pub statements: BTreeSet<String>,
    pub scenes: u64,
    pub fingerprint: u64,
    pub tally: Tally,
    /// How long the liveness phase took; `None`: it never came to rest.
    pub rested_after: Option<Duration>,
}

/// What happened, in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub orders: u64,
    pub turned_away: u64,
    pub requests: u64,
    pub kills: u64,
    /// Units ordered beyond what there was, at the worst moment of each SKU: shared stock oversells, and says so.
    pub oversold: i64,
}

impl Report {
    pub fn failed(&self) -> bool {
        !self.violations.is_empty()
    }

    /// One line for whoever runs many.
    pub fn line(&self) -> String {
        let Tally { orders, turned_away, requests, kills, oversold } = self.tally;
        let rest = self.rested_after.map_or("never".to_owned(), |rest| format!("{} min", rest.as_secs() / 60));
        let result = if self.failed() { "FAILED" } else { "ok" };
        format!(
            "seed {:<6} {result:<6} {orders:>5} orders, {turned_away:>4} turned away, {oversold:>3} oversold, \
             {requests:>6} requests, {kills:>2} kills, at rest after {rest}: {} on {}",
            self.seed,
            self.kind,
            self.malls.join(" "),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        writeln!(text, "{}", self.line())?;
        writeln!(text, "  troubles: {}", self.troubles.join(" "))?;
        for line in &self.last {
            writeln!(text, "  {line}")?;
        }
        for violation in &self.violations {
            let number = violation.invariant.map_or(String::new(), |number| format!(" of invariant {number}"));
            writeln!(text, "  VIOLATION{number}: {}", violation.what)?;
        }
        writeln!(text, "  again: uriba sim --seed {} --days {} --events", self.seed, self.days)?;
        f.write_str(&text)
    }
}
