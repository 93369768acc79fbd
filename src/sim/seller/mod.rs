//! The seller: what truly lies in the warehouse. [`programs`] tell the hub of it, and [`desk`] asks it for more.

mod desk;
mod programs;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, atomic::AtomicBool},
    time::Duration,
};

use super::{Ground, Kind, Violation};
use crate::store::{
    Result, Store, StoreError,
    movements::{Move, MoveKind},
};

pub const POOL: &str = "online";
pub const WAREHOUSE: &str = "warehouse";
pub const STOREFRONT: &str = "own";
/// The one SKU that is made of others.
pub const BUNDLE: &str = "set";
const WHO: &str = "seller";
const HOLD_S: i64 = 600;

/// What a mall sells under a key.
#[derive(Clone, Debug)]
pub struct Listing {
    pub mall: String,
    pub key: String,
    /// Of a bundle: its own.
    pub sku: String,
    /// Of that SKU, in a piece.
    pub units: i64,
    /// What a piece takes from the warehouse.
    pub parts: Vec<(String, i64)>,
}

impl Listing {
    pub fn takes(&self, sku: &str) -> i64 {
        self.parts.iter().find(|(part, _)| part == sku).map_or(0, |(_, units)| *units)
    }
}

pub struct Seller {
    pub store: Store,
    pub listings: Vec<Listing>,
    pub kind: Kind,
    /// It believes that it asks for switches at a set time, and doesn't.
    pub deaf: AtomicBool,
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
    /// Malls whose switch somebody minds.
    switched: BTreeSet<String>,
    /// Asked for, and not seen to have ended.
    audits: BTreeSet<i64>,
    backfills: BTreeSet<i64>,
    number: u64,
}

impl Seller {
    pub fn new(store: Store, ground: Arc<Ground>, listings: Vec<Listing>, kind: Kind) -> Self {
        Self { store, listings, kind, deaf: AtomicBool::new(false), ground, truth: Mutex::default() }
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
                let listing = self.listing(&mall.id, line.mall_key.as_ref()?)?;
                Some(i64::from(line.unshipped()) * listing.takes(sku))
            })
        });
        lines.sum::<i64>() + self.truth().own.get(sku).copied().unwrap_or_default()
    }

    pub fn sellable(&self, sku: &str) -> i64 {
        self.on_hand(sku) - self.unshipped(sku) - self.held(sku)
    }

    /// Pieces that the listing can still sell, when so many of its SKU are kept back.
    pub fn sellable_as(&self, listing: &Listing, buffer: i64) -> i64 {
        let parts = listing.parts.iter();
        let most = if listing.sku == BUNDLE {
            parts.map(|(sku, units)| self.sellable(sku).div_euclid(*units)).min().map(|bundles| bundles - buffer)
        } else {
            parts.map(|(sku, units)| (self.sellable(sku) - buffer).div_euclid(*units)).min()
        };
        most.unwrap_or_default().max(0)
    }

    /// Whether nobody else minds the mall's switch: whoever takes it leaves it again.
    fn takes_switch(&self, mall: &str) -> bool {
        self.truth().switched.insert(mall.to_owned())
    }

    fn leaves_switch(&self, mall: &str) {
        self.truth().switched.remove(mall);
    }

    pub fn audits(&self) -> Vec<i64> {
        self.truth().audits.iter().copied().collect()
    }

    pub fn backfills(&self) -> Vec<i64> {
        self.truth().backfills.iter().copied().collect()
    }

    /// It has been answered.
    pub fn has_seen(&self, id: i64) {
        let mut truth = self.truth();
        truth.audits.remove(&id);
        truth.backfills.remove(&id);
    }

    fn listing(&self, mall: &str, key: &str) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.mall == mall && listing.key == key)
    }

    /// Whether all malls that sell it could be waited for.
    fn is_guarded(&self, sku: &str) -> bool {
        let now = self.ground.clock.now();
        let patience = self.ground.patience();
        let mut of_sku = self.listings.iter().filter(|listing| listing.takes(sku) > 0);
        self.kind.quiet && of_sku.all(|listing| !patience.is_lost(&listing.mall, now))
    }

    /// Remembers how far each SKU was ever sold beyond what there was.
    pub fn look_at_worst(&self) {
        for sku in self.skus() {
            let below = (-self.sellable(&sku)).max(0);
            if below > 0 && self.is_guarded(&sku) {
                self.ground.broken(Violation::of(11, format!("{sku} is oversold by {below} in escrow")));
            }
            let mut truth = self.truth();
            let worst = truth.worst.entry(sku).or_default();
            *worst = below.max(*worst);
        }
        self.ground.tally().oversold = self.truth().worst.values().sum();
    }

    /// What is there leaves; an order that can't be served waits.
    pub fn ship(&self, mall: &str, order: &str, hidden: Duration) -> bool {
        let mut left: BTreeMap<String, i64> = BTreeMap::new();
        if let Some(found) = self.ground.malls().get(mall).and_then(|mall| mall.orders().find(|o| o.id == order)) {
            for line in &found.lines {
                let listing = line.mall_key.as_ref().and_then(|key| self.listing(mall, key));
                for (sku, units) in listing.into_iter().flat_map(|listing| &listing.parts) {
                    *left.entry(sku.clone()).or_default() += i64::from(line.unshipped()) * units;
                }
            }
        }
        if left.iter().any(|(sku, units)| self.on_hand(sku) < *units) {
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
}
