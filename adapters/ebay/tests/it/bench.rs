//! An open channel against its own fake, on a clock that moves when told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use uriba_ebay::MALL;
use uriba_sdk::{
    Counter, Env, Mall, Order, Outcome, Page, Query, Refusal, Result, Settings, Span, Update, Wire, Write,
    fake::{FakeMall, FakeOptions, Item, ManualEnv},
    mall::ListingKey,
    wire::{Gates, Vault},
};

pub struct Bench {
    pub env: Arc<ManualEnv>,
    pub fake: Box<dyn FakeMall>,
    pub settings: Settings,
    pub wire: Wire,
    pub mall: Box<dyn Mall>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    pub async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let env = Arc::new(ManualEnv::new(7));
        let shared: Arc<dyn Env> = env.clone();
        let options = FakeOptions::new(shared.clone(), Arc::default(), "a");
        let fake = (MALL.fake)(options).await;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let heard = calls.clone();
        fake.book().listen(move |answered| heard.lock().unwrap().push(answered.what));
        let mut settings = fake.settings("ebay-main");
        change(&mut settings);
        let wire = Wire::new(shared, Arc::new(Gates::fresh()), Arc::new(Vault::default()), MALL.card, &settings);
        let mall = (MALL.open)(&settings, wire.clone()).unwrap();
        Self { env, fake, settings, wire, mall, calls }
    }

    /// Lists plain items of so many units.
    pub fn list(&self, items: &[(&str, i64)]) {
        for (key, figure) in items {
            self.fake.book().list(key, Item::new(*figure));
        }
    }

    /// A listing that differs from a plain one by this sibling.
    pub fn list_odd(&self, key: &str, figure: i64, sibling: (&str, &str)) {
        let mut item = Item::new(figure);
        item.siblings.insert(sibling.0.into(), sibling.1.into());
        self.fake.book().list(key, item);
    }

    pub fn now(&self) -> Timestamp {
        self.env.now()
    }

    pub fn minutes_ago(&self, minutes: i64) -> Timestamp {
        self.now() - SignedDuration::from_mins(minutes)
    }

    pub fn pass(&self, minutes: u64) {
        self.env.advance(Duration::from_secs(minutes * 60));
    }

    /// How often an operation was called since this was asked last.
    pub fn called(&self, operation: &str) -> usize {
        let mut calls = self.calls.lock().unwrap();
        let before = calls.len();
        calls.retain(|what| what != operation);
        before - calls.len()
    }

    pub async fn page(&self, from: Timestamp, to: Timestamp, open_only: bool, token: Option<String>) -> Result<Page> {
        self.mall.pull(&Query { span: Span::Window { from, to }, open_only, token }).await
    }

    /// All orders of the day up to now, by id; heads are looked up.
    pub async fn orders(&self, open_only: bool) -> BTreeMap<String, Order> {
        let (from, to) = (self.minutes_ago(24 * 60), self.now());
        let (mut orders, mut token) = (BTreeMap::new(), None);
        loop {
            let page = self.page(from, to, open_only, token).await.unwrap();
            assert_eq!(page.unread, []);
            for head in page.heads {
                orders.insert(head.id.clone(), self.by_id(&head.id).await);
            }
            orders.extend(page.orders.into_iter().map(|order| (order.id.clone(), order)));
            token = page.next;
            if token.is_none() {
                return orders;
            }
        }
    }

    pub async fn by_id(&self, id: &str) -> Order {
        let mut found = self.mall.by_id(&[id.to_owned()]).await.unwrap();
        assert_eq!((found.orders.len(), found.unread.len(), found.missing.len()), (1, 0, 0));
        found.orders.remove(0)
    }

    pub async fn handle(&self, key: &str) -> Option<String> {
        self.mall.resolve(&[key.to_owned()]).await.unwrap().remove(0).key.unwrap().handle
    }

    pub async fn push_all(&self, writes: &[(&str, i64)]) -> Vec<Outcome> {
        let keys: Vec<_> = writes.iter().map(|(key, _)| (*key).to_owned()).collect();
        let resolved = self.mall.resolve(&keys).await.unwrap();
        let updates: Vec<_> = resolved
            .into_iter()
            .zip(writes)
            .map(|(resolved, (_, figure))| {
                let listing = resolved.key.unwrap();
                Update { key: listing.key, handle: listing.handle, write: Write::Absolute(*figure) }
            })
            .collect();
        self.mall.push(&updates).await.unwrap()
    }

    pub async fn push(&self, key: &str, figure: i64) -> Outcome {
        self.push_all(&[(key, figure)]).await.remove(0)
    }

    /// With this handle, whatever eBay has by now.
    pub async fn push_as(&self, key: &str, handle: Option<&str>, figure: i64) -> Outcome {
        let handle = handle.map(str::to_owned);
        let update = Update { key: key.into(), handle, write: Write::Absolute(figure) };
        self.mall.push(&[update]).await.unwrap().remove(0)
    }

    pub async fn read(&self, keys: &[&str]) -> Vec<Option<Counter>> {
        let keys: Vec<_> = keys.iter().map(|key| ListingKey { key: (*key).into(), handle: None }).collect();
        let readings = self.mall.extras().readback.unwrap().read(&keys).await.unwrap();
        readings.into_iter().map(|reading| reading.found).collect()
    }

    pub async fn shown(&self, key: &str) -> i64 {
        self.read(&[key]).await[0].unwrap().quantity.unwrap()
    }

    pub fn figure(&self, key: &str) -> i64 {
        self.fake.book().item(key).unwrap().counter
    }
}

pub const APPLIED: Outcome = Outcome::Applied { now: None };

pub fn refused(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}
