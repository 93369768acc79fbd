//! How long it takes until the other malls follow a sale.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::{
    readings::{Belief, Seen},
    street::Shop,
};
use crate::domain::time::between;

/// Events kept for the view.
const KEPT: usize = 64;
/// Sales whose followers are still watched: enough for the view, little work for the database.
const WATCHED: usize = 24;

pub struct Event {
    pub at: Timestamp,
    pub kind: Kind,
}

pub enum Kind {
    Sold(Sale),
    Delivered { good: usize, units: i64 },
}

pub struct Sale {
    pub shop: usize,
    pub id: String,
    pub good: usize,
    /// SKU units.
    pub units: i64,
    /// The hub has read the order.
    pub seen: bool,
    /// Malls that still offer as much as before.
    pub behind: Vec<usize>,
    /// When the last of them was lowered.
    pub followed: Option<Duration>,
}

#[derive(Default)]
pub struct Chase {
    /// Newest first.
    pub events: VecDeque<Event>,
    /// How long the others took, of all sales that were watched to their end.
    pub times: Vec<Duration>,
}

impl Chase {
    pub fn add(&mut self, at: Timestamp, kind: Kind) {
        self.events.push_front(Event { at, kind });
        self.events.truncate(KEPT);
    }

    /// A mall follows a sale once the hub knows the order, has computed with it, and the mall's own counter
    /// offers no more than the hub wants it to.
    pub fn watch(&mut self, shops: &[Shop], belief: &Belief, seen: &Seen, now: Timestamp) {
        for event in self.events.iter_mut().take(WATCHED) {
            let Kind::Sold(sale) = &mut event.kind else { continue };
            if sale.followed.is_some() {
                continue;
            }
            // What is known of only now was perhaps not known to the belief: it is judged the next time.
            let was_seen = std::mem::replace(&mut sale.seen, seen.has(&shops[sale.shop].channel, &sale.id));
            let good = sale.good;
            if !was_seen || !belief.is_computed(shops, good) {
                continue;
            }
            let offered = |shop: usize| Some(shops[shop].counter(good));
            sale.behind.retain(|shop| offered(*shop) > belief.listings[*shop][good].target);
            if sale.behind.is_empty() {
                let took = between(event.at, now);
                sale.followed = Some(took);
                self.times.push(took);
            }
        }
    }
}
