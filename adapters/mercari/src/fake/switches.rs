//! What nobody is sure of, and states that a shop can be in.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
};

/// Facts that the mall doesn't document.
pub const UNCERTAIN: &[&str] = &[
    // A look-up that finds nothing takes the whole answer away.
    "missing-takes-all",
    "missing-without-path",
    // The words of errors stand in the message instead of `extensions.code`.
    "words-in-messages",
    // The mall calls the batch's arguments otherwise.
    "batch-unknown",
    // Of a batch with a bad entry the good ones are written.
    "batch-per-entry",
    "throttles-with-an-error",
    "reset-since-1970",
    // Lists inside a row count by the rows that they may hold.
    "lists-cost-more",
    "unpaid-is-not-unshipped",
    "cancelled-stays-unshipped",
    "newest-first",
    // Without named states a search leaves out cancelled orders.
    "cancelled-only-if-named",
    "names-what-is-left",
    // A page of more than 20 orders takes the mall too long.
    "slow-pages",
];

/// States, not doubts: `unregistered-ip`, `unpublished-shop`, `other-environment`, `other-tools`.
#[derive(Default)]
pub struct Switches(Mutex<BTreeSet<String>>);

impl Switches {
    pub fn is_on(&self, name: &str) -> bool {
        self.lock().contains(name)
    }

    pub fn set(&self, name: &str, on: bool) {
        if on {
            self.lock().insert(name.to_owned());
        } else {
            self.lock().remove(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().expect("no panic happens under this lock")
    }
}
