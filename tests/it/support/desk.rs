//! What a seller, a mall and the steps do, in one call each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uriba::{
    domain::{
        allocation::Rules,
        ledger::{CountsShipments, Entry, MAIN},
        settle::Exchange,
    },
    store::{
        StoreError,
        bundles::Packed,
        catalogue::Mapping,
        channels::{ChannelSetup, PoolSetup},
        configuration::Configuration,
        intake::{Intake, Page, Taken},
        lease::Lease,
        polling::Progress,
        recompute::Allowance,
        stock::{Count, Movement},
    },
};
use uriba_sdk::{Counter, Env, Order, Reading, Unread};

use super::{POOL, SHOP, TestBase, WAREHOUSE, files::core_rules, intake, outlet, seconds};

impl TestBase {
    /// One pool of two locations, and live channels on it.
    pub async fn open_channels(&self, channels: &[&str]) {
        self.configure(channels, "test").await;
    }

    /// The same, with the words of the configuration's file.
    pub async fn configure(&self, channels: &[&str], words: &str) {
        let wanted = configuration(channels, &Rules::default(), words);
        self.store.configure(&wanted.pools, &wanted.channels, &wanted.body).await.unwrap();
        self.core(CountsShipments::AtOnce).await;
    }

    /// Puts these rules in force on the channels, and no others are there.
    pub async fn rule(&self, channels: &[&str], rules: &Rules) {
        let wanted = configuration(channels, rules, &format!("{rules:?}"));
        self.store.configure(&wanted.pools, &wanted.channels, &wanted.body).await.unwrap();
    }

    /// Lists the SKU's code as the key on each channel.
    pub async fn list(&self, channels: &[&str], sku: &str) {
        for channel in channels {
            self.map(channel, sku, sku, 1).await;
        }
    }

    pub async fn map(&self, channel: &str, key: &str, sku: &str, units: i64) {
        let (channel, mall_key) = (channel.to_owned(), key.to_owned());
        let mapping = Mapping { channel, mall_key, sku: sku.into(), units: Some(units), ..Mapping::default() };
        self.store.map_listings(&[mapping], true, "test").await.unwrap();
    }

    /// A running shop: the channels live, the SKU listed on each, so many units received in the shop.
    pub async fn trade(&self, channels: &[&str], sku: &str, units: i64) {
        self.open_channels(channels).await;
        self.list(channels, sku).await;
        self.receive(sku, SHOP, units).await;
        self.recompute(channels).await;
    }

    pub async fn movement(&self, kind: &'static str, key: &str, sku: &str, entries: &[(&str, &str, i64)]) -> Movement {
        let entry = |(location, bin, quantity): &(&str, &str, i64)| Entry {
            location: (*location).into(),
            bin: (*bin).into(),
            quantity: *quantity,
        };
        Movement {
            key: key.into(),
            kind,
            sku_id: self.sku(sku).await,
            occurred_at: self.env.now(),
            source: "test".into(),
            reason: None,
            import_id: None,
            entries: entries.iter().map(entry).collect(),
        }
    }

    pub async fn book(&self, movement: Movement) -> usize {
        let tx = self.store.begin().await.unwrap();
        let booked = self.store.book(&tx, vec![movement]).await.unwrap();
        tx.commit().await.unwrap();
        booked
    }

    pub async fn receive(&self, sku: &str, location: &str, units: i64) {
        let key = format!("receipt/{}", self.store.id());
        let movement = self.movement("receipt", &key, sku, &[(location, MAIN, units)]).await;
        self.book(movement).await;
    }

    pub async fn count(&self, sku: &str, location: &str, counted: i64, as_of: Timestamp) -> usize {
        self.count_as(&format!("count/{sku}/{location}/{as_of}"), sku, location, counted, as_of).await
    }

    pub async fn count_as(&self, key: &str, sku: &str, location: &str, counted: i64, as_of: Timestamp) -> usize {
        let count = Count {
            key: key.into(),
            sku_id: self.sku(sku).await,
            location: location.into(),
            counted,
            as_of,
            source: "test".into(),
            reason: None,
            import_id: None,
        };
        let tx = self.store.begin().await.unwrap();
        let booked = self.store.count(&tx, vec![count]).await.unwrap();
        tx.commit().await.unwrap();
        booked
    }

    /// Holds the channel for an hour, as every step does.
    pub async fn lease(&self, channel: &str) -> Lease {
        let lease = self.store.take_lease(channel, "test", seconds(3_600)).await.unwrap();
        lease.expect("nobody else holds it")
    }

    /// Takes in orders that a request of this moment brought; a second passes.
    pub async fn read(&self, channel: &str, orders: &[Order]) -> Taken {
        self.read_as(&intake(channel), orders, &[]).await
    }

    pub async fn read_as(&self, intake: &Intake, orders: &[Order], unread: &[Unread]) -> Taken {
        let lease = self.lease(&intake.channel).await;
        let page = Page { orders, unread, read_at: self.env.now(), ..Page::default() };
        let taken = self.store.take_in(&lease, intake, page).await.unwrap();
        self.env.advance(seconds(1));
        taken
    }

    /// A window's last page names no orders; a second passes.
    pub async fn end_window(&self, intake: &Intake, window: i64) {
        let lease = self.lease(&intake.channel).await;
        let progress = Progress::Page { window, heads: Vec::new(), next: None, read_to: None };
        let page = Page { read_at: self.env.now(), progress, ..Page::default() };
        assert!(self.store.take_in(&lease, intake, page).await.unwrap().concluded);
        self.env.advance(seconds(1));
    }

    /// The mall shows this now; a second passes.
    pub async fn observe(&self, channel: &str, key: &str, shows: i64) {
        let lease = self.lease(channel).await;
        self.observe_under(&lease, channel, key, shows).await;
    }

    /// The same, by an instance that holds the channel already.
    pub async fn observe_under(&self, lease: &Lease, channel: &str, key: &str, shows: i64) {
        let counter = Counter { quantity: Some(shows), sells_past_zero: false, not_ours: false };
        let reading = Reading { key: key.into(), found: Some(counter) };
        let now = self.env.now();
        let exchange = Exchange::new(now, now);
        let id = self.listing(channel, key).await.id;
        self.store.take_readings(lease, &outlet(channel), &[(id, reading)], exchange).await.unwrap();
        self.env.advance(seconds(1));
    }

    /// Says what a bundle is made of; whatever is new becomes a SKU.
    pub async fn pack(&self, bundle: &str, parts: &[(&str, i64)]) {
        for code in parts.iter().map(|(part, _)| *part).chain([bundle]) {
            self.found(code).await;
        }
        self.try_pack(bundle, parts).await.unwrap();
    }

    pub async fn try_pack(&self, bundle: &str, parts: &[(&str, i64)]) -> Result<Packed, StoreError> {
        let recipe = parts.iter().map(|(part, quantity)| ((*part).to_owned(), *quantity)).collect();
        self.store.pack(&BTreeMap::from([(bundle.to_owned(), recipe)]), "test").await
    }

    /// A SKU that nobody has counted yet.
    pub async fn found(&self, code: &str) {
        let now = self.env.now().as_microsecond();
        let sql = format!(
            "INSERT INTO sku (id, code, created_at) VALUES ({}, '{code}', {now}) ON CONFLICT (code) DO NOTHING",
            self.store.id()
        );
        self.execute(&sql).await.unwrap();
    }

    pub async fn recompute(&self, channels: &[&str]) {
        let mut allowances = self.store.allowances().await.unwrap();
        allowances.retain(|id, _| channels.contains(&id.as_str()));
        while self.store.recompute(&allowances).await.unwrap().skus > 0 {}
    }
}

/// One pool of two locations, and live channels on it with these rules.
pub fn configuration(channels: &[&str], rules: &Rules, words: &str) -> Configuration {
    let pools = vec![PoolSetup {
        id: POOL.into(),
        locations: vec![SHOP.into(), WAREHOUSE.into()],
        exposure: None,
        epsilon: None,
    }];
    let ruled = |id: &&str| {
        let allowance = Allowance { rules: rules.clone(), quantity_max: 99_999, ..Allowance::default() };
        ChannelSetup { allowance, ..setup(id) }
    };
    Configuration {
        pools,
        channels: channels.iter().map(ruled).collect(),
        core: core_rules(CountsShipments::AtOnce),
        body: words.to_owned(),
    }
}

fn setup(id: &str) -> ChannelSetup {
    ChannelSetup {
        id: id.into(),
        mall: "plain".into(),
        name: id.into(),
        pool: POOL.into(),
        live: true,
        review: false,
        allowance: Allowance::default(),
    }
}
