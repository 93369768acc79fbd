//! What customers and the shop do on the mall itself. The counter moves with the order, at once; searches see a
//! change when it is published.

use std::time::Duration;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use uriba_sdk::{Family, FulfilledBy, Line, Order, Restored, card::FoundBy};

use super::{Kept, Mall};
use crate::{domain::time::later, sim::Lie};

impl Mall {
    /// Buys, unless the counter says sold out; searches find the order after `hidden`.
    pub fn buy(&mut self, wanted: &[(String, u32)], now: Timestamp, hidden: Duration) -> Option<String> {
        self.settle(now);
        let past_zero = self.lie == Some(Lie::SellsPastZero);
        let enough =
            |(key, units): &(String, u32)| self.counter(key).is_some_and(|left| past_zero || left >= i64::from(*units));
        if wanted.is_empty() || !wanted.iter().all(enough) {
            return None;
        }
        for (key, units) in wanted {
            let left = self.counter(key).unwrap_or_default() - i64::from(*units);
            self.set(key, left, "sold");
        }
        let lines = wanted.iter().enumerate().map(|(n, (key, units))| Line {
            id: (n + 1).to_string(),
            mall_key: Some(key.clone()),
            ordered: *units,
            cancelled: 0,
            shipped: 0,
            returned: 0,
            restored: Restored::Unknown,
            shipped_at: None,
            original: None,
        });
        let (id, placed_at) = (self.next_id(), to_the_second(now));
        let order = Order {
            id: id.clone(),
            family: None,
            revision: self.nature.revises.then_some(1),
            placed_at,
            updated_at: (self.nature.card().orders.found_by == FoundBy::Updated).then_some(placed_at),
            fulfilled_by: FulfilledBy::Seller,
            lines: lines.collect(),
        };
        self.orders.insert(id.clone(), Kept { order, before: None, published_at: later(now, hidden) });
        Some(id)
    }

    fn next_id(&mut self) -> String {
        self.number += 1;
        format!("{}-{:05}", self.id, self.number)
    }

    /// What is left to ship is cancelled.
    pub fn cancel(&mut self, id: &str, now: Timestamp, hidden: Duration) -> bool {
        self.settle(now);
        let Some(kept) = self.orders.get(id) else { return false };
        let tells = self.nature.tells_restored;
        let mut back = Vec::new();
        let mut order = kept.order.clone();
        for line in &mut order.lines {
            let units = line.unshipped();
            line.cancelled += units;
            let Some(key) = line.mall_key.as_ref().filter(|_| units > 0) else { continue };
            let restores = self.items.get(key).is_some_and(|item| item.restores);
            line.restored = match (tells, restores) {
                (false, _) => Restored::Unknown,
                (true, true) => Restored::Yes,
                (true, false) => Restored::No,
            };
            if restores {
                back.push((key.clone(), units));
            }
        }
        for (key, units) in back {
            let figure = self.counter(&key).unwrap_or_default() + i64::from(units);
            self.set(&key, figure, "put back");
        }
        self.publish(order, now, hidden)
    }

    /// The first line gets more units, if the counter still has them.
    pub fn raise(&mut self, id: &str, units: u32, now: Timestamp, hidden: Duration) -> bool {
        self.settle(now);
        let Some(mut order) = self.orders.get(id).map(|kept| kept.order.clone()) else { return false };
        let split = order.family.is_some();
        let Some(line) = order.lines.first_mut().filter(|line| line.unshipped() > 0 && !split) else { return false };
        let Some(key) = line.mall_key.clone() else { return false };
        let left = self.counter(&key).unwrap_or_default() - i64::from(units);
        if left < 0 {
            return false;
        }
        line.ordered += units;
        self.set(&key, left, "sold");
        self.publish(order, now, hidden)
    }

    /// Everything that is left leaves the warehouse; returns what, by key.
    pub fn ship(&mut self, id: &str, now: Timestamp, hidden: Duration) -> Vec<(String, u32)> {
        self.settle(now);
        let Some(mut order) = self.orders.get(id).map(|kept| kept.order.clone()) else { return Vec::new() };
        let mut left = Vec::new();
        for line in order.lines.iter_mut().filter(|line| line.unshipped() > 0) {
            let units = line.unshipped();
            line.shipped += units;
            line.shipped_at = Some(now);
            left.extend(line.mall_key.clone().map(|key| (key, units)));
        }
        if !left.is_empty() {
            self.publish(order, now, hidden);
        }
        left
    }

    /// What has shipped is sent back, by the mall's word; the goods themselves are on their way for ever.
    pub fn send_back(&mut self, id: &str, now: Timestamp, hidden: Duration) -> bool {
        let Some(mut order) = self.orders.get(id).map(|kept| kept.order.clone()) else { return false };
        order.lines.iter_mut().for_each(|line| line.returned = line.shipped);
        order.lines.iter().any(|line| line.returned > 0) && self.publish(order, now, hidden)
    }

    /// Cuts a unit of the first line off into an order of its own. No counter moves.
    pub fn split(&mut self, id: &str, now: Timestamp, hidden: Duration) -> bool {
        self.settle(now);
        let Some(mut order) = self.orders.get(id).map(|kept| kept.order.clone()) else { return false };
        let root = order.family.as_ref().map_or_else(|| order.id.clone(), |family| family.id.clone());
        order.family = Some(Family { id: root.clone(), original: root == order.id });
        let Some(line) = order.lines.first_mut().filter(|line| line.unshipped() >= 2) else { return false };
        line.original.get_or_insert(line.ordered);
        line.ordered -= 1;
        let cut = Line { ordered: 1, shipped: 0, cancelled: 0, original: Some(1), ..line.clone() };
        let child = Order {
            id: self.next_id(),
            family: Some(Family { id: root, original: false }),
            revision: self.nature.revises.then_some(1),
            lines: vec![cut],
            ..order.clone()
        };
        self.orders.insert(child.id.clone(), Kept { order: child, before: None, published_at: later(now, hidden) });
        self.publish(order, now, hidden)
    }

    fn publish(&mut self, mut order: Order, now: Timestamp, hidden: Duration) -> bool {
        let Some(kept) = self.orders.get_mut(&order.id) else { return false };
        order.revision = order.revision.map(|revision| revision + 1);
        if order.updated_at.is_some() {
            order.updated_at = Some(to_the_second(now));
        }
        // What was never published appears in its newest state, at its first time.
        if kept.published_at <= now {
            kept.before = Some(std::mem::replace(&mut kept.order, order));
            kept.published_at = later(now, hidden);
        } else {
            kept.order = order;
        }
        true
    }
}

/// Malls write whole seconds.
fn to_the_second(now: Timestamp) -> Timestamp {
    let whole = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Floor);
    now.round(whole).unwrap_or(now)
}
