//! At the end: every mall's own book and the warehouse's shelves against what the hub says.
//!
//! The malls' books are seen through the mall's own format, as the hub sees them: what a format has no word for
//! (part of an order shipped, say) nobody can know. Everything else must agree to the unit.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uriba_sdk::{Line, Order};

use super::{
    DemoError,
    goods::GOODS,
    hub::Hub,
    readings::{Belief, target},
    street::Shop,
    warehouse::Warehouse,
};
use crate::store::{
    sheets::{OrderLineSheet, OrderSheet},
    verify::CheckState,
};

/// A line less what was cancelled, in listing units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Net {
    ordered: i64,
    shipped: i64,
}

/// Orders of one channel as the hub knows them, by id.
type Orders = BTreeMap<String, OrderSheet>;

#[derive(Default)]
pub struct Comparison {
    /// One sentence each; none: all agree.
    pub differences: Vec<String>,
    /// Listings that the hub has given up and says so; only malls that misbehave can bring it to that.
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

/// What the hub is held against.
pub struct Truth<'a> {
    pub shops: &'a [Shop],
    pub warehouse: &'a Warehouse,
    /// When trading ended; the hub must have read all orders up to then.
    pub ended_at: Timestamp,
    /// The malls have misbehaved.
    pub chaos: bool,
}

pub async fn compare(truth: &Truth<'_>, hub: &Hub, belief: &Belief) -> Result<Comparison, DemoError> {
    let Truth { shops, warehouse, ended_at, chaos } = *truth;
    let mut found = Comparison::default();
    let mut unshipped = vec![0; GOODS.len()];
    let mut by_lines = vec![0; GOODS.len()];
    for shop in shops {
        let truth: Vec<Order> =
            shop.book().orders().into_iter().map(|known| shop.fake.expressible(known.order)).collect();
        for line in truth.iter().flat_map(|order| &order.lines) {
            if let Some(good) = line.mall_key.as_deref().and_then(|key| shop.good_of(key)) {
                unshipped[good] += i64::from(line.unshipped()) * shop.listings[good].units;
            }
        }
        let known = hub.orders(&shop.channel).await?;
        for line in known.values().flat_map(|order| &order.lines) {
            if let Some(good) = GOODS.iter().position(|good| Some(good.code) == line.sku.as_deref()) {
                by_lines[good] += line.unshipped * line.units.unwrap_or(0);
            }
        }
        found.orders(shop, &truth, &known);
        found.quotas(shop);
    }
    for good in 0..GOODS.len() {
        found.shelf(good, unshipped[good], by_lines[good], warehouse.on_hand(good), belief);
    }
    found.listings(shops, belief, chaos);
    found.rest(shops, belief, ended_at);
    if found.is_clean() {
        found.invariants(hub).await?;
    }
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
        let Some(known) = known.get(&order.id) else {
            return self.differs(format!("{}: the hub doesn't know order {}", shop.name(), order.id));
        };
        let key = |key: &Option<String>| key.clone().unwrap_or_default();
        let stated: BTreeMap<_, _> =
            order.lines.iter().map(|line| (line.id.clone(), (key(&line.mall_key), net(line)))).collect();
        let known: BTreeMap<_, _> =
            known.lines.iter().map(|line| (line.line.clone(), (key(&line.mall_key), known_net(line)))).collect();
        if stated != known {
            self.differs(format!("{}: order {}: the mall has {stated:?}, the hub {known:?}", shop.name(), order.id));
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
            let Some(known) = known.get(&member.id) else {
                let message = format!("{}: the hub doesn't know order {} of family {family}", shop.name(), member.id);
                return self.differs(message);
            };
            for line in &known.lines {
                add(believed.entry(line.mall_key.clone().unwrap_or_default()).or_default(), known_net(line));
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
            let known = figure(shelf.on_hand);
            self.differs(format!("{name}: {on_hand} lie in the warehouse, the hub says {known}"));
        }
        if shelf.provisional != 0 {
            self.restless.push(format!("{name}: {} units are held for orders not seen yet", shelf.provisional));
        }
        if unshipped > on_hand {
            self.oversold.push((good, unshipped - on_hand));
        }
    }

    fn listings(&mut self, shops: &[Shop], belief: &Belief, chaos: bool) {
        for (index, shop) in shops.iter().enumerate() {
            for (good, shelf) in shop.listings.iter().enumerate() {
                self.listings += 1;
                let listing = &belief.listings[index][good];
                let (counter, what) = (shop.counter(good), format!("{} {}", shop.name(), GOODS[good].name));
                let expected = target(&belief.shelves[good], shelf.units);
                if listing.target != expected {
                    let (target, expected) = (figure(listing.target), figure(expected));
                    self.differs(format!("{what}: target {target}, by the shelf {expected}"));
                }
                if listing.is_restless() {
                    self.restless.push(format!("{what}: {}", listing.standing()));
                }
                if listing.shown == listing.target && listing.target == Some(counter) {
                    continue;
                }
                if chaos && belief.has_given_up(shops, index, good) {
                    self.excused.push(format!("{what}: {}", listing.standing()));
                    continue;
                }
                self.differs(format!(
                    "{what}: target {}, shown {}, the mall's own counter {counter} ({})",
                    figure(listing.target),
                    figure(listing.shown),
                    listing.standing()
                ));
            }
        }
    }

    fn rest(&mut self, shops: &[Shop], belief: &Belief, ended_at: Timestamp) {
        for (shop, channel) in shops.iter().zip(&belief.channels) {
            let watermark = channel.sheet.watermark;
            if watermark.is_none_or(|watermark| watermark < ended_at) {
                let read_to = watermark.map_or_else(|| "nowhere".into(), |watermark| watermark.to_string());
                self.restless.push(format!("{}: orders are read to {read_to}, trading ended {ended_at}", shop.name()));
            }
        }
    }

    fn quotas(&mut self, shop: &Shop) {
        for violation in shop.meters.violations() {
            self.differs(format!("{}: {violation}", shop.name()));
        }
    }

    async fn invariants(&mut self, hub: &Hub) -> Result<(), DemoError> {
        for check in hub.verify().await?.checks.into_iter().filter(|check| check.state == CheckState::Broken) {
            for finding in &check.findings {
                let (name, subject) = (&check.name, &finding.subject);
                self.differs(format!("verify, {name}: {subject}: {}, but {}", finding.found, finding.expected));
            }
        }
        Ok(())
    }
}

fn net(line: &Line) -> Net {
    Net { ordered: i64::from(line.ordered) - i64::from(line.cancelled), shipped: line.shipped.into() }
}

fn known_net(line: &OrderLineSheet) -> Net {
    Net { ordered: line.ordered - line.cancelled, shipped: line.shipped }
}

fn add(sum: &mut Net, line: Net) {
    sum.ordered += line.ordered;
    sum.shipped += line.shipped;
}

/// A figure, or a dash where there is none.
pub fn figure(value: Option<i64>) -> String {
    value.map_or_else(|| "–".into(), |value| value.to_string())
}
