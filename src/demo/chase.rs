//! How long it takes until the other malls follow a sale.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::{DemoError, hub::Hub, readings::Belief, street::Shop};
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
    pub async fn watch(&mut self, shops: &[Shop], hub: &Hub, belief: &Belief, now: Timestamp) -> Result<(), DemoError> {
        for event in self.events.iter_mut().take(WATCHED) {
            let Kind::Sold(sale) = &mut event.kind else { continue };
            if sale.followed.is_some() || !sale.seen || !belief.computed[sale.good] {
                continue;
            }
            let good = sale.good;
            let offered = |shop: usize| Some(shops[shop].counter(good));
            sale.behind.retain(|shop| offered(*shop) > belief.listings[*shop][good].target);
            if sale.behind.is_empty() {
                let took = between(event.at, now);
                sale.followed = Some(took);
                self.times.push(took);
            }
        }
        // What is known of now was not known to this belief: it is judged the next time.
        for (index, shop) in shops.iter().enumerate() {
            let unseen: Vec<String> = self.events.iter().take(WATCHED).filter_map(|event| event.unseen(index)).collect();
            if unseen.is_empty() {
                continue;
            }
            let known = hub.knows(&shop.channel, &unseen).await?;
            for event in &mut self.events {
                if let Kind::Sold(sale) = &mut event.kind {
                    sale.seen |= sale.shop == index && known.contains(&sale.id);
                }
            }
        }
        Ok(())
    }
}

impl Event {
    fn unseen(&self, of: usize) -> Option<String> {
        match &self.kind {
            Kind::Sold(sale) if sale.shop == of && !sale.seen => Some(sale.id.clone()),
            _ => None,
        }
    }
}
