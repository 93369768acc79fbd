//! At the end: every mall's own book and the warehouse's shelves against what the hub says.
//!
//! The malls' books are seen through the mall's own format, as the hub sees them: what a format has no word for
//! (part of an order shipped, say) nobody can know. Everything else must agree to the unit.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uriba_sdk::Order;

use super::{
    DemoError,
    goods::GOODS,
    hub::Hub,
    readings::{Belief, Net, Orders},
    street::Shop,
    warehouse::Warehouse,
};

#[derive(Default)]
pub struct Comparison {
    /// One sentence each; none: all agree.
    pub differences: Vec<String>,
    /// Listings that the hub leaves alone and says so.
    pub excused: Vec<String>,
    /// What has not come to rest yet.
    pub restless: Vec<String>,
    pub orders: usize,
    pub lines: usize,
    pub listings: usize,
    /// Units that are ordered beyond what there is.
    pub oversold: Vec<(usize, i64)>,
}

impl Comparison {
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.restless.is_empty()
    }
}

/// `ended_at`: when trading ended; the hub must have read all orders up to then.
pub async fn compare(
    shops: &[Shop],
    warehouse: &Warehouse,
    hub: &Hub,
    ended_at: Timestamp,
) -> Result<Comparison, DemoError> {
    let mut found = Comparison::default();
    let belief = hub.belief(shops).await?;
    let mut unshipped = vec![0; GOODS.len()];
    for shop in shops {
        let truth: Vec<Order> =
            shop.book().orders().into_iter().map(|known| shop.fake.expressible(known.order)).collect();
        for line in truth.iter().flat_map(|order| &order.lines) {
            if let Some(good) = line.mall_key.as_deref().and_then(|key| shop.good_of(key)) {
                unshipped[good] += i64::from(line.unshipped()) * shop.listings[good].units;
            }
        }
        let known = hub.orders(&shop.channel).await?;
        found.orders(shop, &truth, &known);
        for violation in shop.meters.violations() {
            found.differences.push(format!("{}: {violation}", shop.name()));
        }
    }
    let by_lines = hub.unshipped_by_lines().await?;
    for (good, truth) in unshipped.iter().enumerate() {
        found.shelf(good, *truth, by_lines[good], warehouse.on_hand(good), &belief);
    }
    found.listings(shops, &belief);
    found.rest(shops, &belief, hub.open_writes().await?, ended_at);
    Ok(found)
}

impl Comparison {
    fn differs(&mut self, what: String) {
        self.differences.push(what);
    }

    fn orders(&mut self, shop: &Shop, truth: &[Order], known: &Orders) {
        let ids: BTreeSet<&str> = truth.iter().map(|order| order.id.as_str()).collect();
        for unknown in known.keys().filter(|id| !ids.contains(id.as_str())) {
            self.differs(format!("{}: the hub knows order {unknown}, the mall doesn't", shop.name()));
        }
        let mut families: BTreeMap<&str, Vec<&Order>> = BTreeMap::new();
        for order in truth {
            self.orders += 1;
            self.lines += order.lines.len();
            match &order.family {
                Some(family) => families.entry(&family.id).or_default().push(order),
                None => self.order(shop, order, known),
            }
        }
        for (family, members) in families {
            self.family(shop, family, &members, known);
        }
    }

    fn order(&mut self, shop: &Shop, order: &Order, known: &Orders) {
        let Some(lines) = known.get(&order.id) else {
            return self.differs(format!("{}: the hub doesn't know order {}", shop.name(), order.id));
        };
        let stated: BTreeMap<String, (String, Net)> = order
            .lines
            .iter()
            .map(|line| (line.id.clone(), (line.mall_key.clone().unwrap_or_default(), net(line))))
            .collect();
        if stated != *lines {
            self.differs(format!("{}: order {}: the mall has {stated:?}, the hub {lines:?}", shop.name(), order.id));
        }
    }

    /// Members of a split order hold its units between them; which member a cancelled unit belongs to is not told.
    fn family(&mut self, shop: &Shop, family: &str, members: &[&Order], known: &Orders) {
        let mut stated: BTreeMap<String, Net> = BTreeMap::new();
        let mut believed: BTreeMap<String, Net> = BTreeMap::new();
        for member in members {
            for line in &member.lines {
                add(stated.entry(line.mall_key.clone().unwrap_or_default()).or_default(), net(line));
            }
            let Some(lines) = known.get(&member.id) else {
                let message = format!("{}: the hub doesn't know order {} of family {family}", shop.name(), member.id);
                return self.differs(message);
            };
            for (key, line) in lines.values() {
                add(believed.entry(key.clone()).or_default(), *line);
            }
        }
        if stated != believed {
            let ids: Vec<&str> = members.iter().map(|member| member.id.as_str()).collect();
            let name = shop.name();
            self.differs(format!("{name}: family {family} ({ids:?}): the mall has {stated:?}, the hub {believed:?}"));
        }
    }

    fn shelf(&mut self, good: usize, unshipped: i64, by_lines: i64, on_hand: i64, belief: &Belief) {
        let (name, shelf) = (GOODS[good].name, belief.shelves[good]);
        if shelf.unshipped != unshipped || by_lines != unshipped {
            self.differs(format!(
                "{name}: the malls have {unshipped} units unshipped, the hub {} ({by_lines} by its lines)",
                shelf.unshipped
            ));
        }
        if shelf.on_hand != Some(on_hand) {
            self.differs(format!("{name}: {on_hand} lie in the warehouse, the hub says {:?}", shelf.on_hand));
        }
        if shelf.provisional != 0 {
            self.restless.push(format!("{name}: {} units are held for orders not seen yet", shelf.provisional));
        }
        if !belief.computed[good] {
            self.restless.push(format!("{name}: targets are not computed yet"));
        }
        if unshipped > on_hand {
            self.oversold.push((good, unshipped - on_hand));
        }
    }

    fn listings(&mut self, shops: &[Shop], belief: &Belief) {
        for (index, shop) in shops.iter().enumerate() {
            for (good, shelf) in shop.listings.iter().enumerate() {
                self.listings += 1;
                let listing = &belief.listings[index][good];
                let (counter, what) = (shop.counter(good), format!("{} {}", shop.name(), GOODS[good].name));
                let expected = belief.shelves[good].sellable().map(|sellable| sellable.div_euclid(shelf.units).max(0));
                if listing.target != expected {
                    self.differs(format!("{what}: target {:?}, by the shelf {expected:?}", listing.target));
                }
                let agree = listing.shown == listing.target && listing.target == Some(counter);
                match &listing.excuse {
                    _ if agree => {}
                    Some(excuse) => self.excused.push(format!("{what}: {excuse}")),
                    None => self.differs(format!(
                        "{what}: target {}, shown {}, the mall's own counter {counter}",
                        figure(listing.target),
                        figure(listing.shown)
                    )),
                }
            }
        }
    }

    fn rest(&mut self, shops: &[Shop], belief: &Belief, open_writes: u64, ended_at: Timestamp) {
        if open_writes > 0 {
            self.restless.push(format!("{open_writes} writes have an open outcome"));
        }
        for (shop, channel) in shops.iter().zip(&belief.channels) {
            if channel.watermark.is_none_or(|watermark| watermark < ended_at) {
                let read_to = channel.watermark.map_or("never".into(), |watermark| watermark.to_string());
                self.restless.push(format!("{}: orders are read to {read_to}, trading ended {ended_at}", shop.name()));
            }
        }
    }
}

fn net(line: &uriba_sdk::Line) -> Net {
    Net { ordered: i64::from(line.ordered) - i64::from(line.cancelled), shipped: line.shipped.into() }
}

fn add(sum: &mut Net, line: Net) {
    sum.ordered += line.ordered;
    sum.shipped += line.shipped;
}

/// A figure, or a dash where there is none.
pub fn figure(value: Option<i64>) -> String {
    value.map_or_else(|| "–".into(), |value| value.to_string())
}
