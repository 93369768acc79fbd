//! The common book of every fake: stock per key, orders, clock and faults.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    faults::{Fault, Faults, Times},
    item::Item,
};
use crate::{
    env::Env,
    order::{Family, FulfilledBy, Line, Order, Restored},
};

/// Makes the `n`-th order id of a shop, as the mall would spell it.
pub type IdMaker = fn(n: u64, placed_at: Timestamp) -> String;

/// Where an order stands while nothing of it is shipped or cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Placed, payment outstanding.
    Unpaid,
    /// To be shipped.
    Ready,
    /// Kept back by the shop.
    OnHold,
    /// Pre-ordered.
    PreOrder,
    /// Being screened by the mall.
    Screening,
    /// A change or cancel was asked for and is not settled.
    Requested,
}

/// An order as the mall keeps it, with what it was before its last change.
#[derive(Clone, Debug, PartialEq)]
pub struct BookOrder {
    pub order: Order,
    pub stage: Stage,
    /// Not found by searches before this instant.
    pub visible_at: Timestamp,
    pub before: Option<Box<Order>>,
    /// Placing order among all orders of the shop.
    pub number: u64,
}

/// One request, as the mall answered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub at: Timestamp,
    /// The operation, or method and path where the mall has none there.
    pub what: String,
    /// `None`: the connection was broken off.
    pub status: Option<u16>,
}

type Listener = Arc<dyn Fn(Answered) + Send + Sync>;

/// The mall would not sell so many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoldOut;

#[derive(Clone)]
pub struct Book {
    env: Arc<dyn Env>,
    ids: IdMaker,
    state: Arc<Mutex<State>>,
}

struct State {
    items: BTreeMap<String, Item>,
    orders: BTreeMap<String, BookOrder>,
    faults: Faults,
    placed: u64,
    visibility_lag: Duration,
    one_line_orders: bool,
    page_lags: bool,
    listener: Option<Listener>,
}

impl Book {
    pub fn new(env: Arc<dyn Env>, ids: IdMaker, visibility_lag: Duration) -> Self {
        let faults = Faults::new(env.random());
        let (items, orders) = (BTreeMap::new(), BTreeMap::new());
        let (one_line_orders, page_lags) = (false, false);
        let state =
            State { items, orders, faults, placed: 0, visibility_lag, one_line_orders, page_lags, listener: None };
        Self { env, ids, state: Arc::new(Mutex::new(state)) }
    }

    pub fn env(&self) -> &dyn Env {
        self.env.as_ref()
    }

    pub fn now(&self) -> Timestamp {
        self.env.now()
    }

    /// The mall makes an order of each line of a cart. Of what shoppers want they get the first line.
    pub fn one_line_orders(&self) {
        self.lock().one_line_orders = true;
    }

    /// The mall keeps one figure, and what it sells by follows late: what is bought is taken from what was written,
    /// too. To be said before anything is listed.
    pub fn page_lags(&self) {
        self.lock().page_lags = true;
    }

    /// Lists an item, or changes one by hand in the mall's console.
    pub fn list(&self, key: &str, mut item: Item) {
        let mut state = self.lock();
        item.page_lags = state.page_lags;
        state.items.insert(key.to_owned(), item);
    }

    /// Takes an item out of the shop.
    pub fn unlist(&self, key: &str) {
        self.lock().items.remove(key);
    }

    pub fn item(&self, key: &str) -> Option<Item> {
        let now = self.now();
        let mut state = self.lock();
        let item = state.items.get_mut(key)?;
        item.settle_due(now);
        Some(item.clone())
    }

    pub fn items(&self) -> Vec<(String, Item)> {
        let now = self.now();
        let mut state = self.lock();
        state.items.values_mut().for_each(|item| item.settle_due(now));
        state.items.iter().map(|(key, item)| (key.clone(), item.clone())).collect()
    }

    /// Changes an item in place; `None` when the shop doesn't list it.
    pub fn with_item<T>(&self, key: &str, change: impl FnOnce(&mut Item) -> T) -> Option<T> {
        let now = self.now();
        let mut state = self.lock();
        let item = state.items.get_mut(key)?;
        item.settle_due(now);
        Some(change(item))
    }

    /// Writes a figure now.
    pub fn set(&self, key: &str, figure: i64) -> bool {
        self.with_item(key, |item| item.set(figure)).is_some()
    }

    /// Writes a figure that takes effect at `at`; what is submitted shows at once.
    pub fn set_later(&self, key: &str, figure: i64, at: Timestamp) -> bool {
        self.with_item(key, |item| {
            item.submitted = figure;
            item.pending.push((at, figure));
        })
        .is_some()
    }

    /// Buys, unless the mall's counter says sold out. The counter falls at once, paid or not.
    pub fn place(&self, wanted: &[(&str, u32)]) -> Result<String, SoldOut> {
        self.place_as(wanted, Stage::Ready, FulfilledBy::Seller)
    }

    pub fn place_as(&self, wanted: &[(&str, u32)], stage: Stage, by: FulfilledBy) -> Result<String, SoldOut> {
        let now = self.now();
        let mut state = self.lock();
        let wanted = if state.one_line_orders { &wanted[..wanted.len().min(1)] } else { wanted };
        for (key, _) in wanted {
            let item = state.items.get_mut(*key).ok_or(SoldOut)?;
            item.settle_due(now);
            // The same item may be in several lines.
            let quantity: i64 = wanted.iter().filter(|(other, _)| other == key).map(|(_, n)| i64::from(*n)).sum();
            if !item.unlimited && !item.sells_past_zero && item.counter < quantity {
                return Err(SoldOut);
            }
        }
        for (key, quantity) in wanted {
            if let Some(item) = state.items.get_mut(*key).filter(|item| !item.unlimited) {
                item.take(i64::from(*quantity));
            }
        }
        state.placed += 1;
        let number = state.placed;
        let id = (self.ids)(number, now);
        let lines = wanted.iter().enumerate().map(|(n, (key, quantity))| line(n, key, *quantity)).collect();
        let order = Order {
            id: id.clone(),
            family: None,
            revision: Some(1),
            placed_at: now,
            updated_at: Some(now),
            fulfilled_by: by,
            lines,
        };
        let visible_at = later(now, state.visibility_lag);
        state.orders.insert(id.clone(), BookOrder { order, stage, visible_at, before: None, number });
        Ok(id)
    }

    /// Puts an order into the book as it is, without touching any counter.
    pub fn insert(&self, order: Order, stage: Stage) {
        let mut state = self.lock();
        state.placed += 1;
        let number = state.placed;
        let visible_at = order.placed_at;
        state.orders.insert(order.id.clone(), BookOrder { order, stage, visible_at, before: None, number });
    }

    /// Cancels what is still unshipped; the counter follows the item's own setting.
    pub fn cancel(&self, id: &str) {
        for line in self.order(id).map(|found| found.order.lines).unwrap_or_default() {
            self.cancel_units(id, &line.id, line.unshipped());
        }
    }

    /// Cancels so many units of a line, at most what is still unshipped.
    pub fn cancel_units(&self, id: &str, line: &str, units: u32) {
        let cancelled = self.change(id, |order| {
            let line = order.lines.iter_mut().find(|found| found.id == line)?;
            let units = units.min(line.unshipped());
            line.cancelled += units;
            (units > 0).then(|| (line.mall_key.clone(), units))
        });
        if let Some((Some(key), units)) = cancelled {
            self.with_item(&key, |item| {
                if item.restores_on_cancel && !item.unlimited {
                    item.take(-i64::from(units));
                }
            });
        }
    }

    pub fn ship(&self, id: &str) {
        for line in self.order(id).map(|found| found.order.lines).unwrap_or_default() {
            self.ship_units(id, &line.id, line.unshipped());
        }
    }

    /// Ships so many units of a line, at most what is still unshipped.
    pub fn ship_units(&self, id: &str, line: &str, units: u32) {
        let now = self.now();
        self.change(id, |order| {
            let line = order.lines.iter_mut().find(|found| found.id == line)?;
            let units = units.min(line.unshipped());
            line.shipped += units;
            line.shipped_at = Some(now);
            (units > 0).then_some(())
        });
    }

    /// The shop changes a line's quantity by hand; the counter moves with it.
    pub fn edit(&self, id: &str, line: &str, ordered: u32) {
        let moved = self.change(id, |order| {
            let line = order.lines.iter_mut().find(|found| found.id == line)?;
            let more = i64::from(ordered) - i64::from(line.ordered);
            line.ordered = ordered;
            Some((line.mall_key.clone(), more))
        });
        if let Some((Some(key), more)) = moved {
            self.with_item(&key, |item| item.take(more));
        }
    }

    /// Cuts `units` of a line off into a new order of the same family. No counter moves.
    pub fn split(&self, id: &str, line: &str, units: u32) -> Option<String> {
        let now = self.now();
        let cut = self.change(id, |order| {
            let root = order.family.as_ref().map_or_else(|| order.id.clone(), |family| family.id.clone());
            let original = root == order.id;
            order.family = Some(Family { id: root.clone(), original });
            let line = order.lines.iter_mut().find(|found| found.id == line)?;
            line.original.get_or_insert(line.ordered);
            line.ordered = line.ordered.checked_sub(units).filter(|_| units > 0)?;
            let mut cut = line.clone();
            (cut.ordered, cut.shipped, cut.cancelled, cut.original) = (units, 0, 0, Some(units));
            Some((root, cut, order.placed_at, order.fulfilled_by))
        })?;
        let (root, line, placed_at, fulfilled_by) = cut;
        let mut state = self.lock();
        state.placed += 1;
        let number = state.placed;
        let child = (self.ids)(number, now);
        let family = Some(Family { id: root, original: false });
        let (revision, updated_at) = (Some(1), Some(now));
        let order =
            Order { id: child.clone(), family, revision, placed_at, updated_at, fulfilled_by, lines: vec![line] };
        let stage = state.orders.get(id).map_or(Stage::Ready, |parent| parent.stage);
        state.orders.insert(child.clone(), BookOrder { order, stage, visible_at: now, before: None, number });
        Some(child)
    }

    pub fn set_stage(&self, id: &str, stage: Stage) {
        self.change(id, |_| Some(()));
        if let Some(found) = self.lock().orders.get_mut(id) {
            found.stage = stage;
        }
    }

    /// The order is found by searches only from `at` on.
    pub fn hide_until(&self, id: &str, at: Timestamp) {
        if let Some(found) = self.lock().orders.get_mut(id) {
            found.visible_at = at;
        }
    }

    pub fn order(&self, id: &str) -> Option<BookOrder> {
        self.lock().orders.get(id).cloned()
    }

    /// All orders in the order of their placing.
    pub fn orders(&self) -> Vec<BookOrder> {
        let mut orders: Vec<_> = self.lock().orders.values().cloned().collect();
        orders.sort_by_key(|found| found.number);
        orders
    }

    /// Orders that searches can find by now.
    pub fn visible(&self) -> Vec<BookOrder> {
        let now = self.now();
        self.orders().into_iter().filter(|found| found.visible_at <= now).collect()
    }

    /// The next `n` requests of `operation` go wrong, or each with a probability.
    pub fn fault(&self, operation: &str, fault: Fault, times: Times) {
        self.lock().faults.add(operation, fault, times);
    }

    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Somebody wants to hear of every request.
    pub fn listen(&self, listener: impl Fn(Answered) + Send + Sync + 'static) {
        self.lock().listener = Some(Arc::new(listener));
    }

    pub(super) fn answered(&self, what: &str, status: Option<u16>) {
        let Some(listener) = self.lock().listener.clone() else { return };
        listener(Answered { at: self.now(), what: what.to_owned(), status });
    }

    /// What is to go wrong with the next request of this operation. Fakes behind a [`super::FakeServer`] are told by
    /// that; others ask, and act it out as far as they can.
    pub fn next_fault(&self, operation: &str) -> Option<Fault> {
        self.lock().faults.next(operation)
    }

    /// Changes an order, moving its revision and update time; leaves it alone where the change comes to nothing.
    fn change<T>(&self, id: &str, act: impl FnOnce(&mut Order) -> Option<T>) -> Option<T> {
        let now = self.now();
        let mut state = self.lock();
        let found = state.orders.get_mut(id)?;
        let mut changed = found.order.clone();
        let result = act(&mut changed)?;
        changed.revision = changed.revision.map(|revision| revision + 1);
        changed.updated_at = Some(now);
        found.before = Some(Box::new(std::mem::replace(&mut found.order, changed)));
        Some(result)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }
}

fn line(n: usize, key: &str, quantity: u32) -> Line {
    Line {
        id: (n + 1).to_string(),
        mall_key: Some(key.to_owned()),
        ordered: quantity,
        cancelled: 0,
        shipped: 0,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
