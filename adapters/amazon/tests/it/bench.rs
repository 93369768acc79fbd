//! An open channel against its own fake, on a clock that moves when told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use uriba_amazon::MALL;
use uriba_sdk::{
    Counter, Env, Mall, Order, Outcome, Page, Query, Result, Settings, Span, Update, Wire, Write,
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
    /// The operations that were asked for, in order.
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    pub async fn open() -> Self {
        let env = Arc::new(ManualEnv::new(7));
        let shared: Arc<dyn Env> = env.clone();
        let options = FakeOptions::new(shared.clone(), Arc::default(), "a");
        let fake = (MALL.fake)(options).await;
        let settings = fake.settings("amazon-main");
        let wire = Wire::new(shared, Arc::new(Gates::fresh()), Arc::new(Vault::default()), MALL.card, &settings);
        let mall = (MALL.open)(&settings, wire.clone()).unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let hears = asked.clone();
        fake.book().listen(move |answered| hears.lock().unwrap().push(answered.what));
        Self { env, fake, settings, wire, mall, asked }
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

    /// One page, after time enough for the search's quota.
    pub async fn page(&self, from: Timestamp, to: Timestamp, open_only: bool, token: Option<String>) -> Result<Page> {
        self.pass(4);
        self.mall.pull(&Query { span: Span::Window { from, to }, open_only, token }).await
    }

    /// All orders of the hours up to now, by id.
    pub async fn orders(&self, open_only: bool) -> BTreeMap<String, Order> {
        self.pass(4);
        let (from, to) = (self.minutes_ago(24 * 60), self.minutes_ago(3));
        let (mut orders, mut token) = (BTreeMap::new(), None);
        loop {
            let page = self.page(from, to, open_only, token).await.unwrap();
            assert_eq!(page.unread, []);
            for order in page.orders {
                assert!(!orders.contains_key(&order.id), "an order came twice");
                orders.insert(order.id.clone(), order);
            }
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

    pub async fn push(&self, key: &str, figure: i64) -> Outcome {
        let update = Update { key: key.into(), handle: None, write: Write::Absolute(figure) };
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
}

/// A listing whose stock is in Amazon's warehouse.
pub fn fba(counter: i64) -> Item {
    let mut item = Item::new(counter);
    item.not_ours = true;
    item
}
