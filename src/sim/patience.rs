//! Which malls the others no longer wait for. The hub was kept from them so long, or by somebody's word, that what they
//! show may be sold elsewhere too (Outside, in `docs/model.md`): nothing that is sold twice then is held against it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use uriba_sdk::card::minutes;

use super::mall::letters::SEARCH;
use crate::domain::time::between;

/// The hub gives a mall up after an hour, counted from the instant up to which a search told of orders: that is at most
/// five minutes before its answer.
const GIVEN_UP_AFTER: Duration = minutes(60 - 5);

#[derive(Default)]
pub struct Patience {
    heard: BTreeMap<String, Timestamp>,
    lost: BTreeSet<String>,
}

impl Patience {
    /// Whether for a time or for good: what was sold twice meanwhile comes out later.
    pub fn lose(&mut self, mall: &str) {
        self.lost.insert(mall.to_owned());
    }

    pub fn answered(&mut self, mall: &str, operation: &str, status: u16, now: Timestamp) {
        // A person has to look, and the others don't wait for one.
        if status == 401 {
            self.lose(mall);
        }
        if status == 200 && operation == SEARCH {
            if self.is_lost(mall, now) {
                self.lose(mall);
            }
            self.heard.insert(mall.to_owned(), now);
        }
    }

    pub fn is_lost(&self, mall: &str, now: Timestamp) -> bool {
        let silent = self.heard.get(mall).map(|heard| between(*heard, now));
        self.lost.contains(mall) || silent.is_some_and(|silent| silent >= GIVEN_UP_AFTER)
    }
}
