//! The malls, as they are: counters that fall by themselves, orders that can be found after a while.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::street::{CHANNELS, SHOP, Scenario, Shopper};

/// How a mall is polled, and what it can.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub poll_ms: i64,
    /// Orders can be found so long after they were placed.
    pub lag_ms: i64,
    pub relative: bool,
    /// Items of one request; requests follow each other.
    pub batch: usize,
}

pub const MANNERS: [Manner; SHOP] = [
    Manner { poll_ms: 60_000, lag_ms: 0, relative: true, batch: 400 },
    Manner { poll_ms: 180_000, lag_ms: 120_000, relative: false, batch: 10 },
    Manner { poll_ms: 60_000, lag_ms: 0, relative: true, batch: 100 },
];
/// A write arrives after half of this and is answered after all of it.
pub const PUSH_MS: i64 = 2_000;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Units sold on all channels, of each SKU.
    pub sold: Vec<i64>,
    pub turned_away: i64,
    pub pushes: i64,
    /// When each unit was sold, in order.
    pub sold_ms: Vec<i64>,
}

/// Events in the order of their time, and of their making.
pub struct Agenda<E> {
    heap: BinaryHeap<Reverse<(i64, u64, E)>>,
    made: u64,
}

impl<E: Ord> Agenda<E> {
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), made: 0 }
    }

    pub fn add(&mut self, ms: i64, event: E) {
        self.made += 1;
        self.heap.push(Reverse((ms, self.made, event)));
    }

    /// The next event before the instant.
    pub fn before(&mut self, ms: i64) -> Option<(i64, E)> {
        if self.heap.peek()?.0.0 > ms {
            return None;
        }
        self.heap.pop().map(|Reverse((ms, _, event))| (ms, event))
    }
}

/// An order that the hub may find: when, of what.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    pub ms: i64,
    pub sku: usize,
}

pub struct Malls {
    /// What each mall shows of each SKU.
    pub shows: [Vec<i64>; CHANNELS],
    pub unread: [Vec<Placed>; CHANNELS],
    pub tally: Tally,
    stock: Vec<i64>,
}

impl Malls {
    pub fn new(scenario: &Scenario) -> Self {
        let none = vec![0; scenario.stock.len()];
        let tally = Tally { sold: none.clone(), ..Tally::default() };
        let shows = [none.clone(), none.clone(), none.clone(), none];
        Self { shows, unread: Default::default(), tally, stock: scenario.stock.clone() }
    }

    /// A shopper buys one if the channel shows one.
    pub fn visit(&mut self, shopper: &Shopper) -> bool {
        let shows = &mut self.shows[shopper.channel][shopper.sku];
        let has = *shows > 0;
        if has {
            *shows -= 1;
            self.unread[shopper.channel].push(Placed { ms: shopper.ms, sku: shopper.sku });
        }
        self.count(shopper, has);
        has
    }

    pub fn count(&mut self, shopper: &Shopper, bought: bool) {
        let sold = &mut self.tally.sold[shopper.sku];
        if bought {
            *sold += 1;
            self.tally.sold_ms.push(shopper.ms);
        } else if *sold < self.stock[shopper.sku] {
            self.tally.turned_away += 1;
        }
    }

    /// Orders that can be found by now.
    pub fn found(&mut self, channel: usize, until_ms: i64) -> Vec<Placed> {
        let (found, unread) = self.unread[channel].iter().partition(|placed| placed.ms <= until_ms);
        self.unread[channel] = unread;
        found
    }
}
