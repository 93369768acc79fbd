//! The malls of the demo: one fake shop on each, on loopback, listing every good.

use std::sync::Arc;

use uriba_sdk::{
    Env, Line, MallEntry, Order, Restored, Settings,
    fake::{Book, FakeMall, FakeOptions, Item, Meters},
};

use super::goods::GOODS;
use crate::malls::{MALLS, TEMPLATE};

pub struct Shop {
    pub entry: &'static MallEntry,
    pub fake: Box<dyn FakeMall>,
    pub meters: Arc<Meters>,
    /// The channel's id in the hub.
    pub channel: String,
    pub settings: Settings,
    /// One listing per good, in their order.
    pub listings: Vec<Shelf>,
    /// The mall has a way to say that part of an order has left.
    pub ships_parts: bool,
}

pub struct Shelf {
    /// The mall's own key.
    pub key: String,
    /// The key as a person typed it into the mapping.
    pub typed: String,
    pub units: i64,
}

impl Shop {
    async fn open(index: usize, entry: &'static MallEntry, env: Arc<dyn Env>) -> Self {
        let meters = Arc::new(Meters::default());
        let fake = (entry.fake)(FakeOptions::new(env, meters.clone(), "a")).await;
        let channel = format!("{}-main", entry.id);
        let mut listings = Vec::new();
        for (n, good) in GOODS.iter().enumerate() {
            let key = fake.mall_key(n);
            // What the seller had typed in by hand: something, but not what lies there.
            let mut item = Item::new(good.opening / good.units(index) / 3);
            item.restores_on_cancel = n % 3 != 2;
            fake.book().list(&key, item);
            let typed = if n % 4 == 3 { fake.spelling(&key) } else { key.clone() };
            listings.push(Shelf { key, typed, units: good.units(index) });
        }
        let ships_parts = says_parts(fake.as_ref(), half_shipped(fake.book(), &listings[0].key));
        let settings = fake.settings(&channel);
        Self { entry, fake, meters, channel, settings, listings, ships_parts }
    }

    pub fn book(&self) -> &Book {
        self.fake.book()
    }

    pub fn name(&self) -> &'static str {
        self.entry.card.name
    }

    /// What the mall's own counter shows now.
    pub fn counter(&self, good: usize) -> i64 {
        self.book().item(&self.listings[good].key).map_or(0, |item| item.counter)
    }

    pub fn good_of(&self, mall_key: &str) -> Option<usize> {
        self.listings.iter().position(|shelf| shelf.key == mall_key)
    }

    pub fn address(&self) -> &str {
        self.settings.base_url.as_deref().unwrap_or_default()
    }
}

/// So many malls, the first of the hub's list, are enough to see what a hub does.
const A_FEW: usize = 3;

/// A few malls of the hub's list, or all of them, open for business.
pub async fn open(env: &Arc<dyn Env>, all: bool) -> Vec<Shop> {
    let mut shops = Vec::new();
    let most = if all { usize::MAX } else { A_FEW };
    let entries = MALLS.iter().filter(|entry| entry.id != TEMPLATE).take(most);
    for (index, entry) in entries.enumerate() {
        shops.push(Shop::open(index, entry, env.clone()).await);
    }
    shops
}

/// An order of two units of which one has left.
fn half_shipped(book: &Book, key: &str) -> Order {
    let line = Line {
        id: "1".into(),
        mall_key: Some(key.to_owned()),
        ordered: 2,
        cancelled: 0,
        shipped: 1,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: Some(book.now()),
        original: None,
    };
    Order {
        id: "1".into(),
        family: None,
        revision: Some(2),
        placed_at: book.now(),
        updated_at: Some(book.now()),
        fulfilled_by: uriba_sdk::FulfilledBy::Seller,
        lines: vec![line],
    }
}

fn says_parts(fake: &dyn FakeMall, order: Order) -> bool {
    fake.expressible(order).lines.first().is_some_and(|line| line.shipped == 1)
}
