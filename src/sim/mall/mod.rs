//! A mall in memory: its own counters, its own orders, and what it does with what it is told. Everything takes the
//! true instant as an argument; whatever was to happen by then happens first.
//!
//! It is no fake of any real mall. [`nature`] lists the kinds there are, [`adapter`] is the hub's side of its made-up
//! API, whose words are [`letters`]; [`desk`] answers them, [`orders`] is what customers and the shop do.

pub mod adapter;
mod desk;
pub mod letters;
pub mod nature;
mod orders;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use uriba_sdk::Order;

use super::{Lie, faults::SKEW_MS};
use crate::domain::time::{between, later};
pub use desk::Whim;
use letters::Entry;
use nature::Nature;

pub struct Mall {
    pub id: String,
    pub nature: &'static Nature,
    items: BTreeMap<String, Item>,
    orders: BTreeMap<String, Kept>,
    /// Writes that are still on their way although their sender has given up.
    mail: Vec<(Timestamp, Vec<Entry>)>,
    quotas: BTreeMap<&'static str, Bucket>,
    /// What the mall said of an operation: not before then.
    not_before: BTreeMap<String, Told>,
    number: u64,
    /// What the hub did that it must not do.
    pub breaches: Vec<String>,
    /// Figures that took effect: key, figure, by what.
    pub effects: Vec<(String, i64, &'static str)>,
    /// It is broken on purpose.
    pub lie: Option<Lie>,
}

/// What the mall sells under a key.
#[derive(Clone, Debug)]
pub struct Item {
    pub counter: i64,
    /// A buyer's cancel puts the units back.
    pub restores: bool,
    /// Accepted, and effective later.
    pending: Vec<(Timestamp, i64)>,
}

/// An order with what is published of it.
struct Kept {
    order: Order,
    /// The state that searches still show, until then.
    before: Option<Order>,
    published_at: Timestamp,
}

struct Bucket {
    tokens: f64,
    at: Timestamp,
}

#[derive(Clone, Copy)]
struct Told {
    at: Timestamp,
    until: Timestamp,
}

impl Mall {
    pub fn new(id: &str, nature: &'static Nature) -> Self {
        Self {
            id: id.to_owned(),
            nature,
            items: BTreeMap::new(),
            orders: BTreeMap::new(),
            mail: Vec::new(),
            quotas: BTreeMap::new(),
            not_before: BTreeMap::new(),
            number: 0,
            breaches: Vec::new(),
            effects: Vec::new(),
            lie: None,
        }
    }

    pub fn list(&mut self, key: &str, counter: i64, restores: bool) {
        self.items.insert(key.to_owned(), Item { counter, restores, pending: Vec::new() });
    }

    pub fn counter(&self, key: &str) -> Option<i64> {
        self.items.get(key).map(|item| item.counter)
    }

    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().map(|kept| &kept.order)
    }

    /// Nothing that was accepted or sent is still to take effect.
    pub fn is_still(&self) -> bool {
        self.mail.is_empty() && self.items.values().all(|item| item.pending.is_empty())
    }

    /// Somebody writes a figure in the mall's own console.
    pub fn set_by_hand(&mut self, key: &str, figure: i64) {
        self.set(key, figure, "by hand");
    }

    /// What had to happen by now, in the order of its times.
    pub fn settle(&mut self, now: Timestamp) {
        self.mail.sort_by_key(|(at, _)| *at);
        while self.mail.first().is_some_and(|(at, _)| *at <= now) {
            let (at, entries) = self.mail.remove(0);
            self.take_effect(at);
            self.write(&entries, at, Duration::ZERO);
        }
        self.take_effect(now);
    }

    fn take_effect(&mut self, now: Timestamp) {
        let due: Vec<(Timestamp, String, i64)> = self
            .items
            .iter()
            .flat_map(|(key, item)| item.pending.iter().map(move |(at, figure)| (*at, key.clone(), *figure)))
            .filter(|(at, ..)| *at <= now)
            .collect();
        for item in self.items.values_mut() {
            item.pending.retain(|(at, _)| *at > now);
        }
        let mut due = due;
        due.sort_by_key(|(at, ..)| *at);
        for (_, key, figure) in due {
            self.set(&key, figure, "effective now");
        }
    }

    fn set(&mut self, key: &str, figure: i64, by: &'static str) {
        if let Some(item) = self.items.get_mut(key) {
            item.counter = figure;
            self.effects.push((key.to_owned(), figure, by));
        }
    }

    /// A request leaves for the mall: it counts against the quota now, whenever it arrives.
    pub fn meter(&mut self, operation: &str, now: Timestamp) {
        let card = self.nature.card();
        // Somebody may have set a clock right meanwhile.
        let at_most = later(now, Duration::from_millis(SKEW_MS.unsigned_abs()));
        if let Some(told) = self.not_before.get(operation).filter(|told| told.until > at_most) {
            let until = told.until;
            self.breaches.push(format!("{operation} was asked at {now} although the mall had said not before {until}"));
        }
        let names = card.operation(operation).map_or(&[][..], |operation| operation.quotas);
        for quota in card.quotas.iter().filter(|quota| names.contains(&quota.name)) {
            let most = f64::from(quota.burst);
            let per_second =
                if self.lie == Some(Lie::HalfTheQuota) { quota.per_second / 2.0 } else { quota.per_second };
            let bucket = self.quotas.entry(quota.name).or_insert(Bucket { tokens: most, at: now });
            let grown = between(bucket.at, now).as_secs_f64() * per_second;
            bucket.tokens = (bucket.tokens + grown).min(most) - 1.0;
            bucket.at = now;
            if bucket.tokens < -1e-6 {
                let early = -bucket.tokens / per_second;
                self.breaches
                    .push(format!("{operation} was asked {early:.3} s before the quota {} allows", quota.name));
                bucket.tokens = 0.0;
            }
        }
    }

    /// The sender has heard that it must wait.
    pub fn told_to_wait(&mut self, operation: &str, now: Timestamp, wait: Duration) {
        self.not_before.insert(operation.to_owned(), Told { at: now, until: later(now, wait) });
    }

    /// Whoever heard it last may have died before it could write it down.
    pub fn hearer_died(&mut self, now: Timestamp) {
        self.not_before.retain(|_, told| later(told.at, Duration::from_secs(1)) < now);
    }

    /// A write whose sender has given up arrives then.
    pub fn deliver_later(&mut self, at: Timestamp, body: &[u8]) {
        if let Ok(entries) = serde_json::from_slice(body) {
            self.mail.push((at, entries));
        }
    }
}
