//! A whole hub in a test: fake malls over real HTTP, the real engine, SQLite, and a clock that moves only when
//! told to.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use sea_orm::EntityTrait;
use tempfile::TempDir;
use uriba::{
    domain::drift::OnDrift,
    engine::{ChannelPlan, Engine, Timing, once::Done, outline::outlines, pace},
    store::{
        Store,
        catalogue::Mapping,
        channels::{ChannelSetup, PoolSetup},
        entity::lease,
        recompute::Allowance,
        sheets::Outlines,
        stock::Count,
    },
};
use uriba_sdk::{
    Env, MallEntry,
    fake::{Book, FakeMall, FakeOptions, Item, ManualEnv, Meters},
};

pub const POOL: &str = "online";
pub const SHOP: &str = "shinjuku";
/// How often a story does what is due: every five seconds while that is anything, less and less often while it is
/// nothing, since a look costs a test as much as work does.
pub struct Pace(Duration);

impl Pace {
    const SHORTEST: Duration = Duration::from_secs(5);
    const LONGEST: Duration = Duration::from_secs(20);

    pub fn new() -> Self {
        Self(Self::SHORTEST)
    }

    /// How much time passes after a round that did so much.
    pub fn after(&mut self, done: Done) -> Duration {
        self.0 = if done == Done::default() { (self.0 * 2).min(Self::LONGEST) } else { Self::SHORTEST };
        self.0
    }
}

/// Longer than any story.
const LEASE: Duration = Duration::from_secs(1_000 * 86_400);

pub struct Hub {
    pub env: Arc<ManualEnv>,
    pub store: Store,
    pub engine: Engine,
    pub shops: BTreeMap<String, Arc<dyn FakeMall>>,
    pub meters: Arc<Meters>,
    plans: Vec<ChannelPlan>,
    url: String,
    _dir: TempDir,
}

impl Hub {
    /// A hub with one live channel per mall, named after it, and nothing else.
    pub async fn open(malls: &[&'static MallEntry]) -> Self {
        Self::open_with(malls, |_| {}).await
    }

    pub async fn open_with(malls: &[&'static MallEntry], change: impl Fn(&mut ChannelPlan)) -> Self {
        let env = Arc::new(ManualEnv::new(7));
        Self::open_on(malls, env.clone(), env, change).await
    }

    /// The malls' clock is another one than the hub's.
    pub async fn open_on(
        malls: &[&'static MallEntry],
        env: Arc<ManualEnv>,
        clock: Arc<dyn Env>,
        change: impl Fn(&mut ChannelPlan),
    ) -> Self {
        let meters: Arc<Meters> = Arc::default();
        let mut shops: BTreeMap<String, Arc<dyn FakeMall>> = BTreeMap::new();
        let mut plans = Vec::new();
        for mall in malls {
            let options = FakeOptions::new(clock.clone(), meters.clone(), "a");
            let shop: Arc<dyn FakeMall> = (mall.fake)(options).await.into();
            let mut plan = plan(mall, shop.as_ref());
            change(&mut plan);
            shops.insert(mall.id.to_owned(), shop);
            plans.push(plan);
        }
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("uriba.db").display());
        let (store, engine) = start(&url, &env, plans.clone()).await;
        Self { env, store, engine, shops, meters, plans, url, _dir: dir }
    }

    /// The process ends (whatever was in flight) and another one begins, once the lease of the first has run out.
    pub async fn restart(&mut self) {
        self.lapse().await;
        (self.store, self.engine) = start(&self.url, &self.env, self.plans.clone()).await;
    }

    /// Nobody holds a channel any more, as far as the database knows.
    pub async fn lapse(&self) {
        let tx = self.store.begin().await.unwrap();
        lease::Entity::update_many().col_expr(lease::Column::ExpiresAt, 0.into()).exec(&tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Another instance on the same database, with the same configuration, that holds nothing yet.
    pub async fn standby(&self) -> Engine {
        let store = Store::open(&self.url, self.env.clone()).await.unwrap();
        Engine::open(store, self.plans.clone()).await.unwrap()
    }

    pub fn book(&self, channel: &str) -> &Book {
        self.shops[channel].book()
    }

    pub fn key(&self, channel: &str, n: usize) -> String {
        self.shops[channel].mall_key(n)
    }

    /// Counts the SKU in the shop.
    pub async fn stock(&self, sku: &str, units: i64) {
        let mapping = Mapping {
            channel: self.plans[0].id.clone(),
            mall_key: "seed".into(),
            sku: sku.into(),
            ..Mapping::default()
        };
        if self.store.sku(self.store.reader(), sku).await.is_err() {
            self.store.map_listings(&[mapping], true, "test").await.unwrap();
        }
        let sku_id = self.store.sku(self.store.reader(), sku).await.unwrap().id;
        let tx = self.store.begin().await.unwrap();
        let count = Count {
            key: format!("count/{sku}/{}", self.env.now()),
            sku_id,
            location: SHOP.into(),
            counted: units,
            as_of: self.env.now(),
            source: "test".into(),
            reason: None,
            import_id: None,
        };
        self.store.count(&tx, vec![count]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Lists the `n`-th item on each channel with what the mall shows at first, and maps it.
    pub async fn list(&self, n: usize, sku: &str, units: i64, shown: i64) {
        for channel in self.shops.keys() {
            self.list_on(channel, n, sku, units, shown).await;
        }
    }

    pub async fn list_on(&self, channel: &str, n: usize, sku: &str, units: i64, shown: i64) {
        let mall_key = self.key(channel, n);
        self.book(channel).list(&mall_key, Item::new(shown));
        let mapping =
            Mapping { channel: channel.into(), mall_key, sku: sku.into(), units: Some(units), ..Mapping::default() };
        self.store.map_listings(&[mapping], true, "test").await.unwrap();
    }

    /// Maps an item that the shop lists already.
    pub async fn list_mapping(&self, channel: &str, n: usize, sku: &str) {
        let mall_key = self.key(channel, n);
        let mapping = Mapping { channel: channel.into(), mall_key, sku: sku.into(), ..Mapping::default() };
        self.store.map_listings(&[mapping], true, "test").await.unwrap();
    }

    /// Lets so much time pass, with every due step done at the [`Pace`] of what there is to do.
    pub async fn run_for(&self, length: Duration) {
        let end = self.env.elapsed() + length;
        let mut pace = Pace::new();
        while self.env.elapsed() < end {
            let done = self.engine.run_once(None, None).await.unwrap();
            self.env.advance(pace.after(done).min(end.saturating_sub(self.env.elapsed())));
        }
        self.engine.run_once(None, None).await.unwrap();
    }

    /// Runs until `done` holds, at most so long.
    pub async fn run_until(&self, what: &str, most: Duration, mut done: impl FnMut(&Self) -> bool) {
        let end = self.env.elapsed() + most;
        let mut pace = Pace::new();
        loop {
            let did = self.engine.run_once(None, None).await.unwrap();
            if done(self) {
                return;
            }
            assert!(self.env.elapsed() < end, "not within {most:?}: {what}\n{}", self.describe());
            self.env.advance(pace.after(did));
        }
    }

    /// What the mall itself sells now.
    pub fn counter(&self, channel: &str, n: usize) -> i64 {
        self.book(channel).item(&self.key(channel, n)).unwrap().counter
    }

    pub fn shows(&self, n: usize, figure: i64) -> bool {
        self.shops.keys().all(|channel| self.counter(channel, n) == figure)
    }

    /// As rows are read with.
    pub fn outlines(&self) -> Outlines {
        let env: Arc<dyn Env> = self.env.clone();
        outlines(&self.plans, &env)
    }

    /// Buys on the mall as a shopper would.
    pub fn buy(&self, channel: &str, n: usize, units: u32) -> String {
        self.book(channel).place(&[(&self.key(channel, n), units)]).unwrap()
    }

    fn describe(&self) -> String {
        let counters = self.shops.keys().map(|channel| format!("{channel}: {:?}\n", self.book(channel).items()));
        counters.collect()
    }
}

fn plan(mall: &'static MallEntry, shop: &dyn FakeMall) -> ChannelPlan {
    ChannelPlan {
        id: mall.id.to_owned(),
        pool: POOL.into(),
        mall,
        settings: shop.settings(mall.id),
        poll_interval: mall.card.times.poll_interval,
        initial_lookback: Duration::from_secs(30 * 86_400),
        review: false,
        on_drift: OnDrift::Correct,
        units_max: 10_000,
        quotas: Vec::new(),
        timing: Timing::default(),
    }
}

async fn start(url: &str, env: &Arc<ManualEnv>, plans: Vec<ChannelPlan>) -> (Store, Engine) {
    let store = Store::open(url, env.clone()).await.unwrap();
    uriba::store::migrate(&store).await.unwrap();
    let pools = [PoolSetup { id: POOL.into(), locations: vec![SHOP.into()], exposure: None, epsilon: None }];
    let channels: Vec<ChannelSetup> = plans
        .iter()
        .map(|plan| ChannelSetup {
            id: plan.id.clone(),
            mall: plan.mall.id.to_owned(),
            name: plan.id.clone(),
            pool: POOL.into(),
            live: true,
            review: false,
            allowance: Allowance {
                quantity_max: plan.mall.card.quantity_max,
                pace: pace(plan.mall.card, plan.poll_interval, plan.timing),
                ..Allowance::default()
            },
        })
        .collect();
    store.configure(&pools, &channels, "test").await.unwrap();
    let engine = Engine::open(store.clone(), plans).await.unwrap();
    engine.take_leases(LEASE).await.unwrap();
    (store, engine)
}

/// Instants for tests that compare.
pub fn seconds_later(instant: Timestamp, seconds: i64) -> Timestamp {
    instant + jiff::SignedDuration::from_secs(seconds)
}
