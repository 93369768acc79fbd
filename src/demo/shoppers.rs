//! Who buys, cancels and ships. A seeded generator decides; the malls' own counters say what can be had.
//!
//! Shoppers know nothing of the hub: they see what a mall shows. The seller's people ship from the warehouse
//! what really lies there, cancel what can't be shipped, and take in deliveries when something runs low.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use uriba_sdk::{
    FulfilledBy,
    fake::{BookOrder, Stage},
};

use super::{
    goods::{GOODS, LOW},
    street::Shop,
    warehouse::Warehouse,
};

/// With faults on, an order stays hidden from searches for less than this (of the malls' time).
pub const HIDDEN_AT_MOST: Duration = Duration::from_secs(120);

pub struct Shoppers {
    rng: StdRng,
    hides: bool,
    pub warehouse: Warehouse,
    /// Orders with something left to ship, oldest first: shop and id.
    open: Vec<(usize, String)>,
    pub placed: Vec<u64>,
    pub turned_away: u64,
    pub cancelled: u64,
    pub split: u64,
}

/// What the rest of the demo hears of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    Sold { shop: usize, id: String, good: usize, units: i64, at: Timestamp },
    Delivered { good: usize, units: i64, at: Timestamp },
}

impl Shoppers {
    pub fn new(seed: u64, shops: usize, hides: bool) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            hides,
            warehouse: Warehouse::new(),
            open: Vec::new(),
            placed: vec![0; shops],
            turned_away: 0,
            cancelled: 0,
            split: 0,
        }
    }

    /// The part of a mean gap until the next shopper comes.
    pub fn gap(&mut self) -> f64 {
        gap(&mut self.rng)
    }

    /// One shopper, and whatever the seller's people do meanwhile.
    pub fn step(&mut self, shops: &[Shop]) -> Vec<Happening> {
        let mut happened = Vec::new();
        happened.extend(self.buy(shops));
        if self.rng.random_bool(0.7) {
            self.ship(shops);
        }
        if self.rng.random_bool(0.1) {
            self.cancel(shops);
        }
        if self.rng.random_bool(0.15) {
            self.cut(shops);
        }
        if self.rng.random_bool(0.25) {
            happened.extend(self.deliver(shops));
        }
        happened
    }

    pub fn buy(&mut self, shops: &[Shop]) -> Option<Happening> {
        let index = self.rng.random_range(0..shops.len());
        let shop = &shops[index];
        let first = self.choose();
        let mut basket = vec![(first, self.quantity())];
        let second = self.choose();
        if second != first && self.rng.random_bool(0.25) {
            basket.push((second, self.quantity()));
        }
        let stage = match self.rng.random_bool(0.2) {
            true => shop.fake.stages().choose(&mut self.rng).copied().unwrap_or(Stage::Ready),
            false => Stage::Ready,
        };
        let wanted: Vec<(&str, u32)> =
            basket.iter().map(|(good, quantity)| (shop.listings[*good].key.as_str(), *quantity)).collect();
        let Ok(id) = shop.book().place_as(&wanted, stage, FulfilledBy::Seller) else {
            self.turned_away += 1;
            return None;
        };
        let at = shop.book().now();
        if self.hides && self.rng.random_bool(0.05) {
            let hidden = HIDDEN_AT_MOST.mul_f64(self.rng.random_range(0.1..1.0));
            let hidden = SignedDuration::try_from(hidden).unwrap_or_default();
            shop.book().hide_until(&id, at.saturating_add(hidden).unwrap_or(at));
        }
        self.placed[index] += 1;
        self.open.push((index, id.clone()));
        let (good, quantity) = basket[0];
        Some(Happening::Sold { shop: index, id, good, units: i64::from(quantity) * shop.listings[good].units, at })
    }

    fn choose(&mut self) -> usize {
        let total: u32 = GOODS.iter().map(|good| good.weight).sum();
        let mut drawn = self.rng.random_range(0..total);
        for (index, good) in GOODS.iter().enumerate() {
            if drawn < good.weight {
                return index;
            }
            drawn -= good.weight;
        }
        0
    }

    fn quantity(&mut self) -> u32 {
        match self.rng.random_range(0..100) {
            0..65 => 1,
            65..88 => 2,
            _ => 3,
        }
    }

    /// An order that still has something to ship; what was finished meanwhile is forgotten.
    fn pick(&mut self, shops: &[Shop], fits: impl Fn(&Shop) -> bool) -> Option<(usize, BookOrder)> {
        self.open.retain(|(shop, id)| shops[*shop].book().order(id).is_some_and(|found| !found.order.is_closed()));
        let fitting: Vec<&(usize, String)> = self.open.iter().filter(|(shop, _)| fits(&shops[*shop])).collect();
        let (shop, id) = fitting.choose(&mut self.rng)?;
        Some((*shop, shops[*shop].book().order(id)?))
    }

    fn ship(&mut self, shops: &[Shop]) {
        let Some((index, found)) = self.pick(shops, |_| true) else { return };
        let (shop, order) = (&shops[index], &found.order);
        if found.stage != Stage::Ready {
            shop.book().set_stage(&order.id, Stage::Ready);
        }
        let mut parcel: Vec<(String, usize, u32)> = order
            .lines
            .iter()
            .filter(|line| line.unshipped() > 0)
            .filter_map(|line| Some((line.id.clone(), shop.good_of(line.mall_key.as_deref()?)?, line.unshipped())))
            .collect();
        if shop.ships_parts && self.rng.random_bool(0.4) {
            parcel.truncate(1);
            for (_, _, units) in &mut parcel {
                *units = self.rng.random_range(1..=*units);
            }
        }
        let goods: Vec<(usize, i64)> =
            parcel.iter().map(|(_, good, units)| (*good, i64::from(*units) * shop.listings[*good].units)).collect();
        if self.warehouse.ship(&goods) {
            for (line, _, units) in parcel {
                shop.book().ship_units(&order.id, &line, units);
            }
        } else if self.rng.random_bool(0.3) {
            // Oversold: the seller apologises.
            self.cancelled += 1;
            shop.book().cancel(&order.id);
        }
    }

    fn cancel(&mut self, shops: &[Shop]) {
        let Some((index, found)) = self.pick(shops, |_| true) else { return };
        let (book, order) = (shops[index].book(), &found.order);
        self.cancelled += 1;
        let Some(line) = order.lines.iter().find(|line| line.unshipped() > 1).filter(|_| self.rng.random_bool(0.4))
        else {
            return book.cancel(&order.id);
        };
        book.cancel_units(&order.id, &line.id, self.rng.random_range(1..line.unshipped()));
    }

    /// Splits an order, where the mall does such things: part of it leaves later.
    fn cut(&mut self, shops: &[Shop]) {
        let Some((index, found)) = self.pick(shops, |shop| shop.entry.card.orders.families) else { return };
        let Some(line) = found.order.lines.iter().find(|line| line.unshipped() > 1) else { return };
        let units = self.rng.random_range(1..line.unshipped());
        if let Some(child) = shops[index].book().split(&found.order.id, &line.id, units) {
            self.split += 1;
            self.open.push((index, child));
        }
    }

    /// Something that runs low is delivered.
    fn deliver(&mut self, shops: &[Shop]) -> Option<Happening> {
        let ordered = ordered(shops);
        let free: Vec<i64> = (0..GOODS.len()).map(|good| self.warehouse.on_hand(good) - ordered[good]).collect();
        let good = (0..GOODS.len()).filter(|good| free[*good] <= LOW).min_by_key(|good| free[*good])?;
        let units = self.rng.random_range(6..=24);
        self.warehouse.deliver(good, units);
        Some(Happening::Delivered { good, units, at: shops.first()?.book().now() })
    }
}

/// A part of a mean gap, of 1 in the mean: exponential, as independent arrivals are.
pub fn gap(rng: &mut StdRng) -> f64 {
    -(1.0 - rng.random::<f64>()).ln()
}

/// Units of each good that are ordered anywhere and have not left.
pub fn ordered(shops: &[Shop]) -> Vec<i64> {
    let mut units = vec![0; GOODS.len()];
    for shop in shops {
        for line in shop.book().orders().into_iter().flat_map(|found| found.order.lines) {
            if let Some(good) = line.mall_key.as_deref().and_then(|key| shop.good_of(key)) {
                units[good] += i64::from(line.unshipped()) * shop.listings[good].units;
            }
        }
    }
    units
}
