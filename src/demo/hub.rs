//! The real hub between the malls: its own database in a temporary directory, the engine, the seller's files.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use jiff::{Timestamp, civil::Time, tz::TimeZone};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uriba_sdk::{Env, card::EffectLag};

use super::{
    DemoError, goods::GOODS, screen::put, sheet::sheet, shoppers::HIDDEN_AT_MOST, street::Shop, traffic::Traffic,
};
use crate::{
    api::{self, ApiState, Core},
    domain::{business_day::BusinessDays, drift::OnDrift, ledger::CountsShipments},
    engine::{
        ChannelPlan, Engine, Timing,
        braked::Guard,
        driver::chain,
        import::{CoreFile, FileKind, ImportReport, ImportState, Profile, Terms, import_file},
        outline, pace,
    },
    store::{
        Store, StoreError,
        channels::{ChannelSetup, PoolSetup},
        core_files::CoreRules,
        migrate,
        movements::{Move, MoveKind},
        recompute::Allowance,
        sheets::Outlines,
        verify::VerifyReport,
    },
};

const POOL: &str = "online";
const LOCATION: &str = "warehouse-1";
/// Who books, maps and creates, in the hub's log.
const WHO: &str = "demo";
/// The configuration's default; malls that allow fewer searches say so on their card.
const POLL_INTERVAL: Duration = Duration::from_secs(60);
/// The malls' clocks run much faster than requests are answered here: what is a moment for the hub is minutes there.
const BLIND_AFTER: Duration = Duration::from_secs(1_800);
const LOOKBACK: Duration = Duration::from_secs(90 * 86_400);
/// The core's stock falls when the hub's orders ship, and its book is the warehouse's own count.
const COUNTS: CountsShipments = CountsShipments::AtOnce;
/// What the demo's token may do.
const SCOPES: [&str; 2] = ["read", "operate"];
const UNITS_MAX: u32 = 10_000;
/// The longest after its usual time that a fake puts a figure on sale.
const AFTER_THE_USUAL: Duration = Duration::from_secs(600);

pub struct Hub {
    pub engine: Arc<Engine>,
    pub store: Store,
    pub outlines: Outlines,
    /// Counts what the engine asks of the malls.
    pub traffic: Arc<Traffic>,
    directory: PathBuf,
    stop: CancellationToken,
    running: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Hub {
    /// A hub that knows the shops, their listings and what the warehouse counted; not running yet. Its database
    /// lies in `directory`, which must not be there yet: what another run left would be taken for its own.
    pub async fn open(shops: &[Shop], env: Arc<dyn Env>, hides: bool, directory: PathBuf) -> Result<Self, DemoError> {
        std::fs::create_dir(&directory).map_err(|source| DemoError::Directory(directory.clone(), source))?;
        let traffic = Arc::new(Traffic::new(env));
        let url = format!("sqlite://{}", directory.join("uriba.db").display());
        let store = Store::open(&url, traffic.clone()).await?;
        migrate(&store).await?;
        let pool = PoolSetup { id: POOL.into(), locations: vec![LOCATION.into()], exposure: None, epsilon: None };
        let channels: Vec<ChannelSetup> = shops.iter().map(setup).collect();
        store.configure(&[pool], &channels, "uriba demo").await?;
        take_files(&store, shops).await?;
        let plans: Vec<ChannelPlan> = shops.iter().map(|shop| plan(shop, hides)).collect();
        let outlines = outline::outlines(&plans, store.env());
        let days = BusinessDays { zone: japan(), starts: Time::midnight() };
        let engine = Arc::new(Engine::open(store.clone(), plans).await?.on_days(days));
        Ok(Self { engine, store, outlines, traffic, directory, stop: CancellationToken::new(), running: None })
    }

    pub fn run(&mut self) {
        self.running = Some(tokio::spawn(self.engine.clone().run(self.stop.clone())));
    }

    /// Serves the API beside the engine; says where, and with which token.
    pub async fn serve(&self, address: SocketAddr) -> Result<String, DemoError> {
        let listener = api::listen(address).await?;
        let token = self.store.create_token(WHO, &SCOPES, WHO).await?;
        let core = Core { history_days: 400, ..Core::default() };
        let state = ApiState::new(self.store.clone(), self.outlines.clone(), core, api::install_metrics());
        let stop = self.stop.clone();
        tokio::spawn(async move {
            if let Err(error) = api::serve_on(listener, state, stop).await {
                tracing::error!(error = %chain(&error), "the API is no longer served");
            }
        });
        let reached = format!("API: http://{address}/docs with the token {token}");
        put(&format!("{reached}\n"));
        Ok(reached)
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
        let receipt = Move {
            key: self.store.env().id().to_string(),
            kind: MoveKind::Receipt,
            sku: GOODS[good].code.into(),
            location: LOCATION.into(),
            bin: None,
            to: None,
            to_bin: None,
            quantity: units,
            occurred_at: Some(at),
            reason: None,
        };
        self.store.move_stock(&receipt, WHO).await?;
        Ok(())
    }

    /// The invariants that the database can prove by itself.
    pub async fn verify(&self) -> Result<VerifyReport, DemoError> {
        Ok(self.store.verify(&self.store.allowances().await?).await?)
    }
}

fn japan() -> TimeZone {
    TimeZone::fixed(jiff::tz::offset(9))
}

fn setup(shop: &Shop) -> ChannelSetup {
    let timing = Timing { blind_after: Some(BLIND_AFTER), ..Timing::default() };
    ChannelSetup {
        id: shop.channel.clone(),
        mall: shop.entry.id.into(),
        name: shop.name().into(),
        pool: POOL.into(),
        live: true,
        review: false,
        allowance: Allowance {
            quantity_max: shop.entry.card.quantity_max,
            pace: pace(shop.entry.card, shop.entry.card.times.poll_interval, timing),
            ..Allowance::default()
        },
    }
}

/// A fake puts an accepted figure on sale when its mall usually does.
pub fn effect_max(shop: &Shop) -> Option<Duration> {
    let late = |lag: EffectLag| lag.max.min(lag.typical * 4).min(lag.typical + AFTER_THE_USUAL);
    shop.entry.card.times.effect_lag.map(late)
}

fn plan(shop: &Shop, hides: bool) -> ChannelPlan {
    let card = shop.entry.card;
    // A seller who sees orders come late says so; and the fakes put accepted figures on sale within minutes.
    let visibility_lag = hides.then(|| HIDDEN_AT_MOST.max(card.orders.visibility_lag));
    let effect_max = effect_max(shop);
    ChannelPlan {
        id: shop.channel.clone(),
        pool: POOL.into(),
        mall: shop.entry,
        settings: shop.settings.clone(),
        poll_interval: POLL_INTERVAL.max(card.times.poll_interval),
        initial_lookback: LOOKBACK,
        review: false,
        on_drift: OnDrift::Correct,
        units_max: UNITS_MAX,
        quotas: Vec::new(),
        timing: Timing { visibility_lag, effect_max, ..Timing::default() },
    }
}

/// The seller begins with two files: the core's book of the warehouse, and what is listed where.
async fn take_files(store: &Store, shops: &[Shop]) -> Result<(), DemoError> {
    let (profile, guard) = (Profile::default(), Guard::default());
    let rules = CoreRules { days: BusinessDays { zone: japan(), starts: Time::midnight() }, counts: Some(COUNTS) };
    store.set_core(&rules).await?;
    let book = CoreFile {
        kind: FileKind::Book,
        name: "book.csv",
        bytes: &book(),
        as_of: None,
        date: None,
        profile: &profile,
        channel: None,
        guard: &guard,
        dry_run: false,
        skip_invalid: false,
        create_skus: false,
        by: WHO,
        terms: &Terms::default(),
        progress: None,
    };
    taken(import_file(store, &book).await?)?;
    let listings = CoreFile { kind: FileKind::Listings, name: "listings.csv", bytes: &listings(shops), ..book };
    taken(import_file(store, &listings).await?)
}

fn taken(report: ImportReport) -> Result<(), DemoError> {
    match report.rejected.into_iter().next() {
        Some(row) => Err(DemoError::File(row.message)),
        None if report.state == ImportState::Booked => Ok(()),
        None => Err(DemoError::File("they were booked before".into())),
    }
}

fn book() -> Vec<u8> {
    let rows = GOODS
        .iter()
        .map(|good| vec![LOCATION.to_owned(), good.code.into(), good.opening.to_string(), good.name.into()]);
    sheet(&["location", "sku", "quantity", "name"], rows)
}

fn listings(shops: &[Shop]) -> Vec<u8> {
    let rows = shops.iter().flat_map(|shop| {
        shop.listings.iter().zip(&GOODS).map(|(shelf, good)| {
            vec![shop.channel.clone(), shelf.typed.clone(), good.code.into(), shelf.units.to_string()]
        })
    });
    sheet(&["channel", "mall_key", "sku", "units"], rows)
}
