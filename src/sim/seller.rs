//! The seller: what truly lies in the warehouse, and the programs that tell the hub of it. They run beside the hub on
//! the same database, as a command line or a core system does, and try again until they are answered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{Ground, Trouble, report::Violation};
use crate::{
    domain::{
        reservation::{Ask, Line, Wish},
        suspend::Mode,
    },
    store::{
        Result, Store, StoreError,
        attention::actions,
        movements::{Move, MoveKind},
        reservations::Request,
        switch::Suspension,
    },
};

pub const POOL: &str = "online";
pub const WAREHOUSE: &str = "warehouse";
pub const STOREFRONT: &str = "own";
const WHO: &str = "seller";
const HOLD_S: i64 = 600;

/// What a mall sells under a key: the SKU, and how many of it a piece takes.
#[derive(Clone, Debug)]
pub struct Listing {
    pub mall: String,
    pub key: String,
    pub sku: String,
    pub units: i64,
}

pub struct Seller {
    pub store: Store,
    pub listings: Vec<Listing>,
    ground: Arc<Ground>,
    truth: Mutex<Truth>,
}

#[derive(Default)]
struct Truth {
    /// By SKU.
    on_hand: BTreeMap<String, i64>,
    /// Units of the storefront's orders.
    own: BTreeMap<String, i64>,
    held: BTreeMap<String, (String, i64)>,
    worst: BTreeMap<String, i64>,
    number: u64,
}

impl Seller {
    pub fn new(store: Store, ground: Arc<Ground>, listings: Vec<Listing>) -> Self {
        Self { store, listings, ground, truth: Mutex::default() }
    }

    fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().expect("no panic happens under this lock")
    }

    /// Mall, key and units of everything that is sold.
    pub fn shelves(&self) -> Vec<(String, String, i64)> {
        self.listings.iter().map(|listing| (listing.mall.clone(), listing.key.clone(), listing.units)).collect()
    }

    pub fn skus(&self) -> Vec<String> {
        self.truth().on_hand.keys().cloned().collect()
    }

    pub fn on_hand(&self, sku: &str) -> i64 {
        self.truth().on_hand.get(sku).copied().unwrap_or_default()
    }

    pub fn held(&self, sku: &str) -> i64 {
        self.truth().held.values().filter(|(held, _)| held == sku).map(|(_, units)| units).sum()
    }

    /// Units that are ordered and not shipped, on all malls and in the own shop.
    pub fn unshipped(&self, sku: &str) -> i64 {
        let malls = self.ground.malls();
        let lines = malls.values().flat_map(|mall| {
            mall.orders().flat_map(|order| &order.lines).filter_map(|line| {
                let key = line.mall_key.as_ref()?;
                let listing = self.listing(&mall.id, key).filter(|listing| listing.sku == sku)?;
                Some(i64::from(line.unshipped()) * listing.units)
            })
        });
        lines.sum::<i64>() + self.truth().own.get(sku).copied().unwrap_or_default()
    }

    pub fn sellable(&self, sku: &str) -> i64 {
        self.on_hand(sku) - self.unshipped(sku) - self.held(sku)
    }

    fn listing(&self, mall: &str, key: &str) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.mall == mall && listing.key == key)
    }

    /// Remembers how far each SKU was ever sold beyond what there was.
    pub fn look_at_worst(&self) {
        for sku in self.skus() {
            let below = (-self.sellable(&sku)).max(0);
            let mut truth = self.truth();
            let worst = truth.worst.entry(sku).or_default();
            *worst = below.max(*worst);
        }
        self.ground.tally().oversold = self.truth().worst.values().sum();
    }

    /// What is there leaves; an order that can't be served waits.
    pub fn ship(&self, mall: &str, order: &str, hidden: Duration) -> bool {
        let left: Vec<(String, i64)> = {
            let malls = self.ground.malls();
            let found = malls.get(mall).and_then(|mall| mall.orders().find(|known| known.id == order));
            let lines = found.map(|order| order.lines.clone()).unwrap_or_default();
            let line = |line: &uriba_sdk::Line| {
                let listing = self.listing(mall, line.mall_key.as_ref()?)?;
                Some((listing.sku.clone(), i64::from(line.unshipped()) * listing.units))
            };
            lines.iter().filter_map(line).collect()
        };
        let mut wanted: BTreeMap<&String, i64> = BTreeMap::new();
        left.iter().for_each(|(sku, units)| *wanted.entry(sku).or_default() += units);
        if wanted.iter().any(|(sku, units)| self.on_hand(sku) < *units) {
            return false;
        }
        let now = self.ground.clock.now();
        let shipped = self.ground.with(mall, |mall| mall.ship(order, now, hidden)).unwrap_or_default();
        for (sku, units) in &left {
            *self.truth().on_hand.entry(sku.clone()).or_default() -= units;
        }
        !shipped.is_empty()
    }

    fn key(&self, what: &str) -> String {
        let mut truth = self.truth();
        truth.number += 1;
        format!("{what}-{}", truth.number)
    }

    /// Asks until the database answers.
    async fn insist<T>(&self, what: &str, ask: impl AsyncFn() -> Result<T>) -> Option<T> {
        loop {
            match ask().await {
                Ok(done) => return Some(done),
                Err(StoreError::Database(_) | StoreError::Unreachable(_)) => {
                    self.ground.clock.rest(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    self.ground.broken(Violation::new(format!("{what} was refused: {error}")));
                    return None;
                }
            }
        }
    }

    pub async fn count_at_first(&self, sku: &str, units: i64) {
        self.truth().on_hand.insert(sku.to_owned(), units);
        let count = self.movement(MoveKind::Stocktake, sku, units);
        self.insist("the first count", async || self.store.move_stock(&count, WHO).await).await;
    }

    /// Nobody tells the hub.
    pub fn receive_secretly(&self) {
        self.truth().on_hand.values_mut().for_each(|units| *units += 1);
    }

    fn movement(&self, kind: MoveKind, sku: &str, quantity: i64) -> Move {
        Move {
            key: self.key("movement"),
            kind,
            sku: sku.to_owned(),
            location: WAREHOUSE.into(),
            bin: None,
            to: None,
            to_bin: None,
            quantity,
            occurred_at: Some(self.ground.clock.now()),
            reason: None,
        }
    }

    /// Goods come in where they run out, and somebody counts now and then; word of it reaches the hub later.
    pub async fn keep_warehouse(self: Arc<Self>, seed: u64, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        let skus = self.skus();
        loop {
            self.ground.clock.rest(Duration::from_micros(dice.random_range(60_000_000..4_000_000_000))).await;
            if self.ground.clock.elapsed() >= until {
                return;
            }
            let sku = &skus[dice.random_range(0..skus.len())];
            let movement = if dice.random_bool(0.3) {
                self.movement(MoveKind::Stocktake, sku, self.on_hand(sku))
            } else if self.on_hand(sku) > 60 {
                let units = dice.random_range(1..=10);
                *self.truth().on_hand.entry(sku.clone()).or_default() -= units;
                self.movement(MoveKind::Issue, sku, units)
            } else {
                let units = dice.random_range(1..=20);
                *self.truth().on_hand.entry(sku.clone()).or_default() += units;
                self.movement(MoveKind::Receipt, sku, units)
            };
            self.look_at_worst();
            self.ground.note(|| format!("{:?} {sku} {}", movement.kind, movement.quantity));
            self.ground.clock.rest(Duration::from_micros(dice.random_range(0..1_800_000_000))).await;
            self.insist("a movement", async || self.store.move_stock(&movement, WHO).await).await;
        }
    }

    /// The own shop's checkouts: reserved, then confirmed, released or forgotten.
    pub async fn keep_storefront(self: Arc<Self>, seed: u64, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        let skus = self.skus();
        loop {
            self.ground.clock.rest(Duration::from_micros(dice.random_range(10_000_000..3_000_000_000))).await;
            if self.ground.clock.elapsed() >= until {
                return;
            }
            let (sku, quantity) = (skus[dice.random_range(0..skus.len())].clone(), dice.random_range(1..=3));
            let id = self.key("cart");
            let lines = vec![Line { sku: sku.clone(), quantity }];
            let wish = Wish { channel: STOREFRONT.into(), lines, ttl_s: HOLD_S, holder: None };
            if !self.ask(&id, Ask::Reserve(wish)).await {
                self.ground.tally().turned_away += 1;
                continue;
            }
            self.truth().held.insert(id.clone(), (sku.clone(), quantity));
            self.ground.note(|| format!("{STOREFRONT} holds {quantity} {sku} as {id}"));
            self.ground.clock.rest(Duration::from_micros(dice.random_range(1_000_000..500_000_000))).await;
            self.end_checkout(&mut dice, &id, &sku, quantity).await;
        }
    }

    async fn end_checkout(&self, dice: &mut StdRng, id: &str, sku: &str, quantity: i64) {
        match dice.random_range(0..10) {
            0..7 => {
                let order = format!("order-{id}");
                if self.ask(id, Ask::Confirm { order }).await {
                    *self.truth().own.entry(sku.to_owned()).or_default() += quantity;
                    self.ground.tally().orders += 1;
                } else {
                    self.ground.broken(Violation::of(8, format!("{id} was held and its confirmation refused")));
                }
            }
            7..9 => {
                self.ask(id, Ask::Release { reason: None }).await;
            }
            // Whoever forgets it lets it run out.
            _ => {
                let left = Duration::from_secs(HOLD_S.unsigned_abs() + 120);
                self.ground.clock.rest(left).await;
            }
        }
        self.truth().held.remove(id);
        self.ground.note(|| format!("{STOREFRONT} has ended {id}"));
    }

    /// Whether it was granted.
    async fn ask(&self, id: &str, ask: Ask) -> bool {
        let request = [Request { id: id.to_owned(), ask }];
        let asked = self.insist("a reservation", async || self.store.reserve(&request, i64::MAX).await).await;
        let granted = asked.and_then(|answers| answers.into_iter().next()).is_some_and(|answer| answer.is_ok());
        self.look_at_worst();
        granted
    }

    /// Malls are switched off and on again, to zero or as they stand.
    pub async fn keep_switching(self: Arc<Self>, seed: u64, malls: Vec<String>, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        loop {
            self.ground.clock.rest(Duration::from_micros(dice.random_range(1..30_000_000_000))).await;
            if self.ground.clock.elapsed() >= until {
                return;
            }
            let mall = malls[dice.random_range(0..malls.len())].clone();
            let mode = if dice.random_bool(0.7) { Mode::Zero } else { Mode::Freeze };
            let wanted = Suspension { mode, reason: None, from: None, until: None, poll: true };
            let ids = [mall.clone()];
            self.insist("a suspension", async || self.store.suspend(&ids, &wanted, WHO).await).await;
            let since = self.ground.clock.now();
            self.ground.switch_off(&mall, since, mode == Mode::Zero);
            self.ground.clock.rest(Duration::from_micros(dice.random_range(60_000_000..10_000_000_000))).await;
            self.ground.switch_on(&mall);
            self.insist("a resumption", async || self.store.resume(&ids, None, WHO).await).await;
        }
    }

    /// Somebody looks at what needs a person, twice an hour, and says yes to what is asked.
    pub async fn keep_looking(self: Arc<Self>) {
        loop {
            self.ground.clock.rest(Duration::from_secs(1_800)).await;
            let open = self.insist("attention", async || self.store.attention(None, 500).await).await;
            for item in open.unwrap_or_default() {
                let action = actions(&item.kind).first().copied();
                self.ground.note(|| format!("a person resolves: {}", item.message));
                let resolved = async || match self.store.resolve_attention(item.id, action, WHO).await {
                    // The hub itself was quicker.
                    Err(StoreError::Refused(_)) => Ok(()),
                    resolved => resolved.map(drop),
                };
                self.insist("an answer", resolved).await;
            }
        }
    }

    /// Somebody writes figures into the malls' consoles.
    pub async fn keep_meddling(self: Arc<Self>, seed: u64, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        loop {
            self.ground.clock.rest(Duration::from_micros(dice.random_range(600_000_000..9_000_000_000))).await;
            if self.ground.clock.elapsed() >= until || !self.ground.faults().knows(Trouble::HandEdit) {
                return;
            }
            let listing = &self.listings[dice.random_range(0..self.listings.len())];
            let figure = dice.random_range(0..15);
            // What nobody can read, nobody can put right.
            let edit = |mall: &mut super::mall::Mall| {
                let readable = mall.nature.card().reads.is_some();
                if readable {
                    mall.set_by_hand(&listing.key, figure);
                }
            };
            self.ground.with(&listing.mall, edit);
            self.ground.note_effects(&listing.mall);
        }
    }
}
