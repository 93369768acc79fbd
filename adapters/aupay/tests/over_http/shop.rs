//! One shop, with the adapter open on it.

use std::{sync::Arc, time::Duration};

use uriba_aupay::MALL;
use uriba_sdk::{
    Env, Mall, MallError, Order, Outcome, Page, Query, Reading, Settings, Span, Update, Wire, Write,
    fake::{FakeMall, FakeOptions, Item, ManualEnv, Meters},
    mall::ListingKey,
    wire::{Gates, Vault},
};

pub struct Shop {
    pub env: Arc<ManualEnv>,
    pub meters: Arc<Meters>,
    pub fake: Box<dyn FakeMall>,
    pub mall: Box<dyn Mall>,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(&[], &[]).await
    }

    pub async fn open_with(switches: &[&str], options: &[(&str, &str)]) -> Self {
        let env = Arc::new(ManualEnv::new(7));
        let meters = Arc::<Meters>::default();
        let fake = (MALL.fake)(FakeOptions::new(env.clone(), meters.clone(), "a")).await;
        for switch in switches {
            fake.set_switch(switch, true);
        }
        let mut settings = fake.settings("aupay-main");
        settings.options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mall = (MALL.open)(&settings, wire(&env, &settings)).unwrap();
        Self { env, meters, fake, mall }
    }

    pub fn pass(&self, seconds: u64) {
        self.env.advance(Duration::from_secs(seconds));
    }

    pub fn list(&self, key: &str, figure: i64) {
        self.fake.book().list(key, Item::new(figure));
    }

    pub fn figure(&self, key: &str) -> i64 {
        self.fake.book().item(key).unwrap().counter
    }

    pub fn hours(&self, hours: i64, open_only: bool) -> Query {
        let to = self.env.now();
        Query { span: Span::Window { from: to - jiff::SignedDuration::from_hours(hours), to }, open_only, token: None }
    }

    /// All pages of a query.
    pub async fn pages(&self, mut query: Query) -> Result<Vec<Page>, MallError> {
        let mut pages = Vec::new();
        loop {
            let page = self.mall.pull(&query).await?;
            query.token = page.next.clone();
            pages.push(page);
            if query.token.is_none() {
                return Ok(pages);
            }
        }
    }

    pub async fn orders(&self, query: Query) -> Vec<Order> {
        let pages = self.pages(query).await.unwrap();
        assert!(pages.iter().all(|page| page.unread.is_empty() && page.heads.is_empty()));
        pages.into_iter().flat_map(|page| page.orders).collect()
    }

    pub async fn ids(&self, query: Query) -> Vec<String> {
        self.orders(query).await.into_iter().map(|order| order.id).collect()
    }

    pub async fn resolved(&self, key: &str) -> Result<ListingKey, String> {
        self.mall.resolve(&[key.to_owned()]).await.unwrap().remove(0).key
    }

    pub async fn push(&self, writes: &[(&str, i64)]) -> Result<Vec<Outcome>, MallError> {
        let keys: Vec<String> = writes.iter().map(|(key, _)| (*key).to_owned()).collect();
        let resolved = self.mall.resolve(&keys).await?;
        let updates = resolved.into_iter().zip(writes).map(|(resolved, (_, figure))| {
            let listing = resolved.key.unwrap();
            Update { key: listing.key, handle: listing.handle, write: Write::Absolute(*figure) }
        });
        self.mall.push(&updates.collect::<Vec<_>>()).await
    }

    pub async fn read(&self, keys: &[&str]) -> Result<Vec<Option<i64>>, MallError> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let listings: Vec<_> = self.mall.resolve(&keys).await?.into_iter().map(|one| one.key.unwrap()).collect();
        let readings = self.mall.extras().readback.unwrap().read(&listings).await?;
        Ok(readings.into_iter().map(|reading: Reading| reading.found.and_then(|found| found.quantity)).collect())
    }
}

pub fn wire(env: &Arc<ManualEnv>, settings: &Settings) -> Wire {
    Wire::new(env.clone(), Arc::new(Gates::fresh()), Arc::new(Vault::default()), MALL.card, settings)
}
