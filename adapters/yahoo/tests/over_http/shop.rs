//! One shop, with the adapter open on it.

use std::{sync::Arc, time::Duration};

use uriba_sdk::{
    Env, Mall, MallError, Page, Query, Span, Wire,
    fake::{FakeMall, FakeOptions, ManualEnv, Meters},
    wire::{Gates, Vault},
};
use uriba_yahoo::MALL;

pub struct Shop {
    pub env: Arc<ManualEnv>,
    pub meters: Arc<Meters>,
    pub fake: Box<dyn FakeMall>,
    pub mall: Box<dyn Mall>,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub async fn open_with(switches: &[&str]) -> Self {
        let env = Arc::new(ManualEnv::new(7));
        let meters = Arc::<Meters>::default();
        let fake = fake_of(&env, &meters, "a").await;
        for switch in switches {
            fake.set_switch(switch, true);
        }
        let settings = fake.settings("yahoo-main");
        let mall = (MALL.open)(&settings, wire(&env, &settings)).unwrap();
        Self { env, meters, fake, mall }
    }

    pub fn pass(&self, seconds: u64) {
        self.env.advance(Duration::from_secs(seconds));
    }

    /// Everything placed in the last day.
    pub fn day(&self, open_only: bool) -> Query {
        let to = self.env.now();
        let from = to - jiff::SignedDuration::from_hours(24);
        Query { span: Span::Window { from, to }, open_only, token: None }
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

    pub async fn ids(&self, query: Query) -> Vec<String> {
        let pages = self.pages(query).await.unwrap();
        pages.into_iter().flat_map(|page| page.heads).map(|head| head.id).collect()
    }

    /// The order as the adapter reads it and as the book's can be expressed.
    pub async fn both(&self, id: &str) -> (uriba_sdk::Order, uriba_sdk::Order) {
        let found = self.mall.by_id(&[id.to_owned()]).await.unwrap();
        assert_eq!((found.orders.len(), found.unread.len(), found.missing.len()), (1, 0, 0), "{found:?}");
        let expressible = self.fake.expressible(self.fake.book().order(id).unwrap().order);
        (found.orders.into_iter().next().unwrap(), expressible)
    }
}

pub async fn fake_of(env: &Arc<ManualEnv>, meters: &Arc<Meters>, shop: &str) -> Box<dyn FakeMall> {
    let options = FakeOptions::new(env.clone(), meters.clone(), shop);
    (MALL.fake)(options).await
}

pub fn wire(env: &Arc<ManualEnv>, settings: &uriba_sdk::Settings) -> Wire {
    Wire::new(env.clone(), Arc::new(Gates::fresh()), Arc::new(Vault::default()), MALL.card, settings)
}
