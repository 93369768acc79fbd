//! One shop, with the adapter open on it.

use std::{pin::Pin, sync::Arc, time::Duration};

use uriba_mercari::MALL;
use uriba_sdk::{
    Class, Counter, Env, Mall, MallError, Order, Outcome, Page, Query, Result, Settings, Span, Update, Wire, Write,
    fake::{Book, FakeMall, FakeOptions, Item, ManualEnv, Meters},
    mall::ListingKey,
    wire::{Gates, Vault},
};

pub struct Shop {
    pub env: Arc<ManualEnv>,
    pub meters: Arc<Meters>,
    pub fake: Box<dyn FakeMall>,
    pub settings: Settings,
    pub wire: Wire,
    pub mall: Box<dyn Mall>,
}

type Calling<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub async fn open_with(switches: &[&str]) -> Self {
        let env = Arc::new(ManualEnv::new(7));
        let meters = Arc::<Meters>::default();
        let fake = (MALL.fake)(FakeOptions::new(env.clone(), meters.clone(), "a")).await;
        for switch in switches {
            fake.set_switch(switch, true);
        }
        let settings = fake.settings("mercari-main");
        let wire = Wire::new(env.clone(), Arc::new(Gates::fresh()), Arc::new(Vault::default()), MALL.card, &settings);
        let mall = (MALL.open)(&settings, wire.clone()).unwrap();
        Self { env, meters, fake, settings, wire, mall }
    }

    /// The same shop asked by an adapter with other settings.
    pub fn reopened(&self, change: impl FnOnce(&mut Settings)) -> Box<dyn Mall> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        (MALL.open)(&settings, self.wire.clone()).unwrap()
    }

    pub fn book(&self) -> &Book {
        self.fake.book()
    }

    pub fn pass(&self, seconds: u64) {
        self.env.advance(Duration::from_secs(seconds));
    }

    pub fn list(&self, n: usize, figure: i64) -> String {
        let key = self.fake.mall_key(n);
        self.book().list(&key, Item::new(figure));
        key
    }

    pub fn figure(&self, key: &str) -> i64 {
        self.book().item(key).unwrap().counter
    }

    /// Calls until our own quota lets the request out, moving the clock instead of waiting.
    pub async fn patiently<'a, T>(&self, act: impl Fn() -> Calling<'a, T> + Send) -> Result<T> {
        loop {
            match act().await {
                Err(error) if error.status.is_none() => match error.class {
                    Class::Throttled { retry_after: Some(wait) } => self.env.advance(wait),
                    _ => return Err(error),
                },
                told => return told,
            }
        }
    }

    pub fn day(&self, open_only: bool) -> Query {
        let to = self.env.now();
        let from = to - jiff::SignedDuration::from_hours(24);
        Query { span: Span::Window { from, to }, open_only, token: None }
    }

    /// The first page of the last day.
    pub async fn pull(&self) -> Result<Page> {
        let query = self.day(false);
        self.patiently(|| self.mall.pull(&query)).await
    }

    /// The ids of all pages.
    pub async fn search(&self, mut query: Query) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        loop {
            let page = self.patiently(|| self.mall.pull(&query)).await?;
            assert_eq!(page.unread, []);
            ids.extend(page.orders.into_iter().map(|order| order.id));
            query.token = page.next;
            if query.token.is_none() {
                return Ok(ids);
            }
        }
    }

    pub async fn order(&self, id: &str) -> Order {
        let mut found = self.mall.by_id(&[id.to_owned()]).await.unwrap();
        assert_eq!((found.orders.len(), found.unread.len(), found.missing.len()), (1, 0, 0), "{found:?}");
        found.orders.remove(0)
    }

    pub async fn listings(&self, keys: &[String]) -> Vec<ListingKey> {
        let resolved = self.patiently(|| self.mall.resolve(keys)).await.unwrap();
        resolved.into_iter().map(|resolved| resolved.key.unwrap()).collect()
    }

    pub async fn push(&self, writes: &[(&String, i64)]) -> std::result::Result<Vec<Outcome>, MallError> {
        let keys: Vec<_> = writes.iter().map(|(key, _)| (*key).clone()).collect();
        let listings = self.listings(&keys).await;
        let update = |(listing, (_, figure)): (ListingKey, &(&String, i64))| Update {
            key: listing.key,
            handle: listing.handle,
            write: Write::Absolute(*figure),
        };
        let updates: Vec<_> = listings.into_iter().zip(writes).map(update).collect();
        self.patiently(|| self.mall.push(&updates)).await
    }

    pub async fn read(&self, key: &str) -> Option<Counter> {
        let listings = self.listings(&[key.to_owned()]).await;
        let readback = self.mall.extras().readback.unwrap();
        let readings = self.patiently(|| readback.read(&listings)).await.unwrap();
        assert_eq!(readings[0].key, key);
        readings[0].found
    }
}

pub fn now(figure: i64) -> Outcome {
    Outcome::Applied { now: Some(figure) }
}
