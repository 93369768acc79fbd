//! A hub to measure: a database in a temporary folder, fake malls over loopback HTTP, the real engine.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{ConnectionTrait, Statement};
use tempfile::TempDir;
use uriba::{
    domain::drift::OnDrift,
    engine::{ChannelPlan, Engine, Timing},
    store::{
        Store,
        catalogue::Mapping,
        channels::{ChannelSetup, PoolSetup},
        migrate,
        recompute::Allowance,
        stock::Count,
    },
};
use uriba_sdk::{
    Env, MallEntry,
    env::{HttpAnswer, HttpRequest, TransportError},
    fake::{FakeMall, FakeOptions, Item, Meters},
    wire::Rate,
};

pub const POOL: &str = "online";
pub const SHOP: &str = "shinjuku";

/// A folder that disappears with the measurement.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir().context("there is no place for temporary files")?))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn url(&self, name: &str) -> String {
        format!("sqlite://{}", self.path(name).display())
    }
}

/// How the malls are played.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As strict as the malls are, and the hub keeps to it.
    Strict,
    /// No quota on either side.
    Unlimited,
}

pub struct Setting {
    pub env: Arc<dyn Env>,
    pub store: Store,
    pub engine: Arc<Engine>,
    pub shops: Vec<Box<dyn FakeMall>>,
    pub meters: Arc<Meters>,
}

impl Setting {
    /// Opens a database, new or not, with one live channel per mall, named after it; a second one of a mall gets a number.
    pub async fn open(
        url: &str,
        env: Arc<dyn Env>,
        malls: &[&'static MallEntry],
        pace: Pace,
        poll_interval: Duration,
    ) -> Result<Self> {
        let meters: Arc<Meters> = Arc::default();
        let (mut shops, mut plans) = (Vec::new(), Vec::new());
        for (n, mall) in malls.iter().enumerate() {
            let before = malls[..n].iter().filter(|other| other.id == mall.id).count();
            let id = if before == 0 { mall.id.to_owned() } else { format!("{}-{}", mall.id, before + 1) };
            let env: Arc<dyn Env> = if pace == Pace::Strict { env.clone() } else { Arc::new(Unmetered(env.clone())) };
            let options = FakeOptions::new(env, meters.clone(), "a");
            let shop = (mall.fake)(options).await;
            plans.push(plan(id, mall, shop.as_ref(), pace, poll_interval));
            shops.push(shop);
        }
        let store = Store::open(url, env.clone()).await?;
        migrate(&store).await?;
        let pools = [PoolSetup { id: POOL.into(), locations: vec![SHOP.into()], exposure: None, epsilon: None }];
        let channels: Vec<ChannelSetup> = plans.iter().map(setup).collect();
        store.configure(&pools, &channels, "benchmark").await?;
        let engine = Arc::new(Engine::open(store.clone(), plans).await?);
        engine.take_leases(Duration::from_secs(3_600)).await?;
        Ok(Self { env, store, engine, shops, meters })
    }

    /// Lists the first items of each mall, each with a SKU of its own that is counted in the shop: the malls
    /// show what the hub wants.
    pub async fn list(&self, items: usize, units: i64) -> Result<()> {
        let mut mappings = Vec::new();
        for (here, shop) in self.engine.channels.iter().zip(&self.shops) {
            for n in 0..items {
                let mall_key = shop.mall_key(n);
                shop.book().list(&mall_key, Item::new(units));
                mappings.push(Mapping { channel: here.id().into(), mall_key, sku: sku(n), ..Mapping::default() });
            }
        }
        self.store.map_listings(&mappings, true, "benchmark").await?;
        self.count(items, units).await?;
        Ok(())
    }

    /// Counts the first SKUs, in one transaction. Returns when that was durable, by the clock of the setting.
    pub async fn count(&self, items: usize, units: i64) -> Result<Duration> {
        let as_of = self.env.now();
        let mut counts = Vec::new();
        for n in 0..items {
            let sku_id = self.store.sku(self.store.reader(), &sku(n)).await?.id;
            let (key, source) = (format!("count/{n}/{as_of}"), "benchmark".to_owned());
            let location = SHOP.to_owned();
            counts.push(Count { key, sku_id, location, counted: units, as_of, source, reason: None, import_id: None });
        }
        let transaction = self.store.begin().await?;
        self.store.count(&transaction, counts).await?;
        transaction.commit().await?;
        let durable = self.env.elapsed();
        self.store.bells.facts.notify_waiters();
        Ok(durable)
    }

    /// Waits until nothing is left to read, compute or write.
    pub async fn settled(&self, most: Duration) -> Result<()> {
        const OPEN: &str = "SELECT (SELECT count(*) FROM publication WHERE NOT checked OR wants OR open_writes > 0) \
             + (SELECT count(*) FROM stock WHERE due) + (SELECT count(*) FROM channel WHERE baseline <> 'done')";
        let began = Instant::now();
        while self.number(OPEN).await? > 0 {
            if began.elapsed() > most {
                bail!("the hub did not come to rest within {most:?}: {:?}", self.store.channels().await?);
            }
            self.env.sleep(TICK).await;
        }
        Ok(())
    }

    /// One number out of the database.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        let reader = self.store.reader();
        let row = reader.query_one_raw(Statement::from_string(reader.get_database_backend(), sql)).await?;
        Ok(row.context("a query for one number gave none")?.try_get_by_index(0)?)
    }
}

/// How often a waiting measurement looks.
const TICK: Duration = Duration::from_millis(10);

pub fn sku(n: usize) -> String {
    format!("sku-{n:06}")
}

fn plan(id: String, mall: &'static MallEntry, shop: &dyn FakeMall, pace: Pace, poll_interval: Duration) -> ChannelPlan {
    let unlimited = Rate { per_second: 10_000.0, burst: 10_000, per_day: None };
    let quotas = mall.card.quotas.iter().filter(|_| pace == Pace::Unlimited);
    ChannelPlan {
        settings: shop.settings(&id),
        id,
        pool: POOL.into(),
        mall,
        poll_interval,
        initial_lookback: Duration::from_secs(86_400),
        review: false,
        on_drift: OnDrift::Correct,
        units_max: 10_000,
        quotas: quotas.map(|quota| (quota.name.to_owned(), unlimited)).collect(),
        timing: Timing::default(),
    }
}

fn setup(plan: &ChannelPlan) -> ChannelSetup {
    ChannelSetup {
        id: plan.id.clone(),
        mall: plan.mall.id.to_owned(),
        name: plan.id.clone(),
        pool: POOL.into(),
        live: true,
        review: false,
        allowance: Allowance { quantity_max: plan.mall.card.quantity_max, ..Allowance::default() },
    }
}

/// Fakes count every request against the mall's real quota and forgive jitter in proportion to the clock's
/// speed: with this one they forgive everything.
struct Unmetered(Arc<dyn Env>);

#[async_trait]
impl Env for Unmetered {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        self.0.sleep(length).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn speed(&self) -> f64 {
        1e9
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        self.0.send(request).await
    }
}
