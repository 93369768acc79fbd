//! The real hub between the malls: its own database in a temporary directory, the engine, the core's bookings.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uriba_sdk::Env;

use super::{DemoError, goods::GOODS, screen::put, shoppers::HIDDEN_AT_MOST, street::Shop, traffic::Traffic};
use crate::{
    domain::{
        allocation::Rules,
        ledger::{Entry, MAIN},
    },
    engine::{ChannelPlan, Engine, Timing},
    store::{
        Store, StoreError,
        catalogue::Mapping,
        channels::{ChannelSetup, PoolSetup},
        migrate,
        stock::{Count, Movement},
    },
};

pub const POOL: &str = "online";
pub const LOCATION: &str = "warehouse-1";
/// The configuration's default; malls that allow fewer searches say so on their card.
const POLL_INTERVAL: Duration = Duration::from_secs(60);
const LOOKBACK: Duration = Duration::from_secs(90 * 86_400);
const UNITS_MAX: u32 = 10_000;

pub struct Hub {
    pub engine: Arc<Engine>,
    pub store: Store,
    /// The database's id of each good.
    pub skus: Vec<i64>,
    /// Counts what the engine asks of the malls.
    pub traffic: Arc<Traffic>,
    directory: PathBuf,
    stop: CancellationToken,
    running: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Hub {
    /// A hub that knows the shops, their listings and what the warehouse counted; not running yet.
    pub async fn open(shops: &[Shop], env: Arc<dyn Env>, hides: bool) -> Result<Self, DemoError> {
        let directory = std::env::temp_dir().join(format!("uriba-demo-{}", env.id()));
        std::fs::create_dir_all(&directory).map_err(|source| DemoError::Directory(directory.clone(), source))?;
        let traffic = Arc::new(Traffic::new(env));
        let url = format!("sqlite://{}", directory.join("uriba.db").display());
        let store = Store::open(&url, traffic.clone()).await?;
        migrate(&store).await?;
        let pool = PoolSetup { id: POOL.into(), locations: vec![LOCATION.into()] };
        let channels: Vec<ChannelSetup> = shops.iter().map(setup).collect();
        store.configure(&[pool], &channels, "uriba demo").await?;
        let mappings: Vec<Mapping> = shops.iter().flat_map(mappings).collect();
        store.map_listings(&mappings, true, "demo").await?;
        let skus = count_all(&store).await?;
        let plans = shops.iter().map(|shop| plan(shop, hides)).collect();
        let engine = Arc::new(Engine::open(store.clone(), plans).await?);
        Ok(Self { engine, store, skus, traffic, directory, stop: CancellationToken::new(), running: None })
    }

    pub fn run(&mut self) {
        self.running = Some(tokio::spawn(self.engine.clone().run(self.stop.clone())));
    }

    /// Lets every step that has begun end.
    pub async fn stop(&mut self) -> Result<(), DemoError> {
        self.stop.cancel();
        match self.running.take() {
            Some(running) => Ok(running.await.map_err(|panicked| DemoError::Panicked(panicked.to_string()))??),
            None => Ok(()),
        }
    }

    /// Ended by itself, which it never does while all is well.
    pub fn has_died(&self) -> bool {
        self.running.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Removes the database, unless somebody will want to look at it.
    pub fn clear(&self, keep: bool) {
        if keep {
            put(&format!("The hub's database is kept: {}\n", self.directory.display()));
        } else if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            tracing::warn!(%error, directory = %self.directory.display(), "the demo's directory is left behind");
        }
    }

    /// The core system takes goods in.
    pub async fn receive(&self, good: usize, units: i64, at: Timestamp) -> Result<(), DemoError> {
        let tx = self.store.begin().await?;
        let movement = Movement {
            key: format!("delivery/{}", self.store.id()),
            kind: "receipt",
            sku_id: self.skus[good],
            occurred_at: at,
            source: "the demo's core system".into(),
            reason: None,
            import_id: None,
            entries: vec![Entry { location: LOCATION.into(), bin: MAIN.into(), quantity: units }],
        };
        self.store.book(&tx, vec![movement]).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.store.bells.facts.notify_waiters();
        Ok(())
    }
}

fn setup(shop: &Shop) -> ChannelSetup {
    ChannelSetup {
        id: shop.channel.clone(),
        mall: shop.entry.id.into(),
        name: shop.name().into(),
        pool: POOL.into(),
        live: true,
    }
}

fn mappings(shop: &Shop) -> impl Iterator<Item = Mapping> {
    shop.listings.iter().zip(&GOODS).map(|(shelf, good)| Mapping {
        channel: shop.channel.clone(),
        mall_key: shelf.typed.clone(),
        sku: good.code.into(),
        units: Some(shelf.units),
        ..Mapping::default()
    })
}

fn plan(shop: &Shop, hides: bool) -> ChannelPlan {
    let card = shop.entry.card;
    // A seller who sees orders come late says so; and the fakes put accepted figures on sale within minutes.
    let visibility_lag = hides.then(|| HIDDEN_AT_MOST.max(card.orders.visibility_lag));
    let effect_max = card.times.effect_lag.map(|lag| lag.max.min(lag.typical * 4));
    ChannelPlan {
        id: shop.channel.clone(),
        pool: POOL.into(),
        mall: shop.entry,
        settings: shop.settings.clone(),
        poll_interval: POLL_INTERVAL.max(card.times.poll_interval),
        initial_lookback: LOOKBACK,
        review: false,
        units_max: UNITS_MAX,
        rules: Rules::default(),
        quotas: Vec::new(),
        timing: Timing { visibility_lag, effect_max, ..Timing::default() },
    }
}

/// The opening count of the warehouse, before anything ships.
async fn count_all(store: &Store) -> Result<Vec<i64>, DemoError> {
    let tx = store.begin().await?;
    let mut skus = Vec::new();
    let mut counts = Vec::new();
    for good in &GOODS {
        let sku = store.sku(&tx, good.code).await?;
        skus.push(sku.id);
        counts.push(Count {
            key: format!("opening/{}", good.code),
            sku_id: sku.id,
            location: LOCATION.into(),
            counted: good.opening,
            as_of: store.now(),
            source: "the demo's core system".into(),
            reason: None,
            import_id: None,
        });
    }
    store.count(&tx, counts).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(skus)
}
