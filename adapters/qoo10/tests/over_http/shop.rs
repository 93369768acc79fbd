//! One shop, with the adapter open on it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::SignedDuration;
use uriba_qoo10::MALL;
use uriba_sdk::{
    Env, Head, Mall, Order, Outcome, Page, Query, Reading, Settings, Span, Unread, Update, Wire, Write,
    fake::{Book, FakeMall, FakeOptions, Item, ManualEnv, Meters},
    mall::ListingKey,
    wire::{Gates, Vault},
};

pub struct Shop {
    pub env: Arc<ManualEnv>,
    pub fake: Box<dyn FakeMall>,
    pub mall: Box<dyn Mall>,
    /// Operations in the order in which the mall was asked.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    pub async fn open() -> Self {
        Self::with(&[], &[]).await
    }

    pub async fn with(switches: &[&str], options: &[(&str, &str)]) -> Self {
        let env = Arc::new(ManualEnv::new(7));
        let fake = (MALL.fake)(FakeOptions::new(env.clone(), Arc::<Meters>::default(), "a")).await;
        for switch in switches {
            assert!(fake.switches().contains(switch), "{switch}");
            fake.set_switch(switch, true);
        }
        let mut settings = fake.settings("qoo10-main");
        settings.options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = asked.clone();
        fake.book().listen(move |answered| log.lock().unwrap().push(answered.what));
        let mall = opened(&env, &settings);
        Self { env, fake, mall, asked }
    }

    pub fn book(&self) -> &Book {
        self.fake.book()
    }

    /// What the mall was asked since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    pub fn pass(&self, seconds: u64) {
        self.env.advance(Duration::from_secs(seconds));
    }

    pub fn list(&self, n: usize, figure: i64) -> String {
        let key = self.fake.mall_key(n);
        self.book().list(&key, Item::new(figure));
        key
    }

    pub fn list_as(&self, n: usize, figure: i64, change: impl FnOnce(&mut Item)) -> String {
        let mut item = Item::new(figure);
        change(&mut item);
        let key = self.fake.mall_key(n);
        self.book().list(&key, item);
        key
    }

    pub async fn name(&self, key: &str) -> ListingKey {
        let resolved = self.mall.resolve(&[key.to_owned()]).await.unwrap();
        resolved[0].key.clone().unwrap()
    }

    pub async fn update(&self, key: &str, figure: i64) -> Update {
        let listing = self.name(key).await;
        Update { key: listing.key, handle: listing.handle, write: Write::Absolute(figure) }
    }

    pub async fn push(&self, key: &str, figure: i64) -> Outcome {
        let update = self.update(key, figure).await;
        self.mall.push(&[update]).await.unwrap().remove(0)
    }

    pub async fn read(&self, key: &str) -> Reading {
        let listing = self.name(key).await;
        self.mall.extras().readback.unwrap().read(&[listing]).await.unwrap().remove(0)
    }

    pub async fn figure(&self, key: &str) -> Option<i64> {
        self.read(key).await.found.and_then(|found| found.quantity)
    }

    pub fn day(&self, open_only: bool) -> Query {
        let to = self.env.now();
        Query { span: Span::Window { from: to - SignedDuration::from_hours(24), to }, open_only, token: None }
    }

    /// All pages of a query in one.
    pub async fn pages(&self, mut query: Query) -> Page {
        let mut all = Page::default();
        loop {
            let page = self.mall.pull(&query).await.unwrap();
            all.orders.extend(page.orders);
            all.heads.extend(page.heads);
            all.unread.extend(page.unread);
            query.token = page.next;
            if query.token.is_none() {
                return all;
            }
        }
    }

    /// The order as the adapter reads it by id.
    pub async fn order(&self, id: &str) -> Order {
        let found = self.mall.by_id(&[id.to_owned()]).await.unwrap();
        assert_eq!((found.unread.as_slice(), found.missing.as_slice()), (&[] as &[Unread], &[] as &[String]));
        assert_eq!(found.orders.len(), 1, "{found:?}");
        found.orders.into_iter().next().unwrap()
    }

    pub fn expected(&self, id: &str) -> Order {
        self.fake.expressible(self.book().order(id).unwrap().order)
    }
}

pub fn opened(env: &Arc<ManualEnv>, settings: &Settings) -> Box<dyn Mall> {
    let wire = Wire::new(env.clone(), Arc::new(Gates::fresh()), Arc::new(Vault::default()), MALL.card, settings);
    (MALL.open)(settings, wire).unwrap()
}

pub fn ids(orders: &[Order]) -> Vec<&str> {
    orders.iter().map(|order| order.id.as_str()).collect()
}

pub fn head_ids(heads: &[Head]) -> Vec<&str> {
    heads.iter().map(|head| head.id.as_str()).collect()
}
