//! What the seller's own shop does.

use uriba::{
    domain::reservation::{Ask, Line, Wish},
    store::{
        Store,
        channels::{ChannelSetup, PoolSetup},
        reservations::{Answer, Request},
    },
};

use super::{POOL, SHOP, TestBase, WAREHOUSE};

/// The storefront's channel.
pub const WEB: &str = "web";

impl TestBase {
    /// A storefront beside the channels that there are.
    pub async fn open_storefront(&self) {
        let pools = [PoolSetup {
            id: POOL.into(),
            locations: vec![SHOP.into(), WAREHOUSE.into()],
            exposure: None,
            epsilon: None,
        }];
        let known = self.store.channels().await.unwrap();
        let mut setups: Vec<ChannelSetup> = known.iter().map(|row| setup(&row.id, &row.mall)).collect();
        setups.push(setup(WEB, "storefront"));
        self.store.configure(&pools, &setups, "test").await.unwrap();
    }

    /// A storefront with so many units of one SKU in the shop, and the channels that sell it too.
    pub async fn open_till(&self, channels: &[&str], sku: &str, units: i64) {
        self.open_channels(channels).await;
        self.open_storefront().await;
        if channels.is_empty() {
            self.found(sku).await;
        }
        self.list(channels, sku).await;
        self.receive(sku, SHOP, units).await;
        self.recompute(channels).await;
    }

    pub async fn ask(&self, id: &str, ask: Ask) -> Answer {
        ask_at(&self.store, id, ask).await
    }

    /// Reserves for ten minutes, which must succeed.
    pub async fn hold(&self, id: &str, lines: &[(&str, i64)]) {
        self.ask(id, reserve(lines)).await.unwrap();
    }

    pub async fn release(&self, id: &str) {
        self.ask(id, Ask::Release { reason: None }).await.unwrap();
    }

    pub async fn confirm(&self, id: &str, order: &str) -> Answer {
        self.ask(id, Ask::Confirm { order: order.into() }).await
    }

    /// Units held in the pool, by the running sum.
    pub async fn held(&self, sku: &str) -> i64 {
        let sku = self.sku(sku).await;
        let rows = self.rows(&format!("SELECT quantity FROM held WHERE sku_id = {sku}")).await;
        rows.iter().filter_map(|row| row["quantity"].as_i64()).sum()
    }
}

pub async fn ask_at(store: &Store, id: &str, ask: Ask) -> Answer {
    store.reserve(&[Request { id: id.into(), ask }], 0).await.unwrap().remove(0)
}

pub fn reserve(lines: &[(&str, i64)]) -> Ask {
    Ask::Reserve(wish(lines))
}

pub fn wish(lines: &[(&str, i64)]) -> Wish {
    let lines = lines.iter().map(|(sku, quantity)| Line { sku: (*sku).into(), quantity: *quantity }).collect();
    Wish { channel: WEB.into(), lines: Wish::tidy(lines), ttl_s: 600, holder: None }
}

fn setup(id: &str, mall: &str) -> ChannelSetup {
    let (id, mall, pool) = (id.to_owned(), mall.to_owned(), POOL.to_owned());
    ChannelSetup { name: id.clone(), id, mall, pool, live: true, review: false, allowance: Default::default() }
}
