//! What everybody in the world stands on: its clock, its malls, its troubles and its log.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

use super::{
    clock::{Clock, Parked},
    decrees::Decrees,
    faults::{Fate, Faults},
    mall::{
        Mall,
        letters::{Entry, PUSH},
    },
    patience::Patience,
    report::{Log, Tally, Violation},
};

pub struct Ground {
    pub clock: Clock,
    malls: Mutex<BTreeMap<String, Mall>>,
    pub faults: Mutex<Faults>,
    log: Mutex<Log>,
    tally: Mutex<Tally>,
    violations: Mutex<Vec<Violation>>,
    /// What the hub has had its database run; `None`: nobody wants to know.
    statements: Mutex<Option<BTreeSet<String>>>,
    /// Since when each switched-off mall may be told nothing but zeros (`true`), or nothing at all.
    switches: Mutex<BTreeMap<String, (jiff::Timestamp, bool)>>,
    decrees: Mutex<Decrees>,
    patience: Mutex<Patience>,
}

/// A write that was claimed before the switch may leave so long after it, no longer.
const CLAIMED_BEFORE: std::time::Duration = std::time::Duration::from_secs(1);

impl Ground {
    pub fn new(malls: Vec<Mall>, faults: Faults, log: Log) -> Self {
        let malls = malls.into_iter().map(|mall| (mall.id.clone(), mall)).collect();
        Self {
            clock: Clock::new(),
            malls: Mutex::new(malls),
            faults: Mutex::new(faults),
            log: Mutex::new(log),
            tally: Mutex::default(),
            violations: Mutex::default(),
            statements: Mutex::default(),
            switches: Mutex::default(),
            decrees: Mutex::default(),
            patience: Mutex::default(),
        }
    }

    /// `None`: there is no such mall.
    pub fn with<T>(&self, id: &str, act: impl FnOnce(&mut Mall) -> T) -> Option<T> {
        self.malls().get_mut(id).map(act)
    }

    pub fn malls(&self) -> MutexGuard<'_, BTreeMap<String, Mall>> {
        held(&self.malls)
    }

    pub fn note(&self, text: impl FnOnce() -> String) {
        held(&self.log).note(self.clock.elapsed(), &text());
    }

    /// Figures that took effect since somebody looked.
    pub fn note_effects(&self, id: &str) {
        let effects = self.with(id, |mall| std::mem::take(&mut mall.effects)).unwrap_or_default();
        for (key, figure, by) in effects {
            self.note(|| format!("    {id} {key} = {figure} ({by})"));
        }
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        held(&self.log)
    }

    pub fn tally(&self) -> MutexGuard<'_, Tally> {
        held(&self.tally)
    }

    pub fn broken(&self, violation: Violation) {
        self.note(|| format!("VIOLATION: {}", violation.what));
        held(&self.violations).push(violation);
    }

    pub fn violations(&self) -> MutexGuard<'_, Vec<Violation>> {
        held(&self.violations)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        held(&self.faults)
    }

    /// What the hub says is looked at before it leaves.
    pub fn request_leaves(&self, id: &str, operation: &str, body: &[u8]) -> Option<Fate> {
        self.tally().requests += 1;
        let now = self.clock.now();
        if operation == PUSH {
            let entries: Vec<Entry> = serde_json::from_slice(body).unwrap_or_default();
            self.note(|| format!("-> {id} {}", words(&entries)));
            self.check_switch(id, &entries);
            if let Some(fault) = self.decrees().fault(id, &entries, now) {
                self.broken(Violation::of(5, fault));
            }
        }
        let nature = self.with(id, |mall| mall.nature)?;
        Some(held(&self.faults).of_request(nature, id, operation, now))
    }

    pub fn switch_off(&self, id: &str, since: jiff::Timestamp, zeros: bool) {
        self.note(|| format!("{id} is switched off{}", if zeros { " to zero" } else { " as it stands" }));
        if !zeros {
            self.patience().lose(id);
        }
        held(&self.switches).insert(id.to_owned(), (since, zeros));
    }

    pub fn switch_on(&self, id: &str) {
        self.note(|| format!("{id} is switched on"));
        held(&self.switches).remove(id);
    }

    /// Switched off: `Some(true)` to zero.
    pub fn switched_off(&self, id: &str) -> Option<bool> {
        held(&self.switches).get(id).map(|(_, zeros)| *zeros)
    }

    /// What the seller has said of SKUs.
    pub fn decrees(&self) -> MutexGuard<'_, Decrees> {
        held(&self.decrees)
    }

    pub fn patience(&self) -> MutexGuard<'_, Patience> {
        held(&self.patience)
    }

    fn check_switch(&self, id: &str, entries: &[Entry]) {
        let Some((since, zeros)) = held(&self.switches).get(id).copied() else { return };
        let waited = crate::domain::time::between(since, self.clock.now());
        let is_zero = |entry: &Entry| zeros && entry.write == uriba_sdk::Write::Absolute(0);
        if waited > CLAIMED_BEFORE && !entries.iter().all(is_zero) {
            self.broken(Violation::of(
                5,
                format!("{id} is switched off since {since} and was told {}", words(entries)),
            ));
        }
    }

    pub fn keep_statements(&self) {
        held(&self.statements).get_or_insert_default();
    }

    pub fn heard(&self, statement: &str) {
        let mut statements = held(&self.statements);
        if let Some(known) = statements.as_mut().filter(|known| !known.contains(statement)) {
            known.insert(statement.to_owned());
        }
    }

    pub fn statements(&self) -> BTreeSet<String> {
        held(&self.statements).take().unwrap_or_default()
    }

    pub fn before_transaction(&self) -> Option<Result<(), Parked>> {
        held(&self.faults).of_transaction()
    }
}

fn words(entries: &[Entry]) -> String {
    use uriba_sdk::Write;
    let word = |entry: &Entry| match entry.write {
        Write::Absolute(figure) => format!("{}={figure}", entry.key),
        Write::Relative(delta) => format!("{}{delta:+}", entry.key),
        Write::CompareAndSet { from, to } => format!("{}={from}→{to}", entry.key),
    };
    entries.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().expect("no panic happens under this lock")
}
