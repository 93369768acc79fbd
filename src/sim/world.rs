//! One world from its first moment to its rest.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

use jiff::{civil::Time, tz::TimeZone};
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng, seq::SliceRandom};
use uriba_sdk::Settings;

use super::{
    Chore, Ground, Kind, Lie, Options, Report, Trouble, Violation,
    env::{Around, SimEnv},
    faults::Faults,
    hub::Instance,
    invariants::Judge,
    mall::{
        Mall,
        nature::{BLIND, NATURES, Nature},
    },
    report::Log,
    scheduler::{End, Owner, Scene, Scheduler},
    seller::{BUNDLE, Listing, POOL, STOREFRONT, Seller, WAREHOUSE},
    shoppers::Shoppers,
};
use crate::{
    domain::{business_day::BusinessDays, drift::OnDrift, exposure::mode::Wish, ledger::CountsShipments, time::later},
    engine::{ChannelPlan, EngineError, Timing, outline, pace},
    store::{
        Backup, Store, StoreError,
        catalogue::Mapping,
        channels::{self, ChannelSetup, PoolSetup},
        core_files::CoreRules,
        migrate,
        plans::NewPlan,
        recompute::Allowance,
    },
};

const LOOK_EVERY: Duration = Duration::from_secs(600);
/// So many scenes within one virtual second: somebody never comes to rest.
const SCENES_A_SECOND: u32 = 2_000;

#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the directory {0} can't be used: {1}")]
    Directory(PathBuf, std::io::Error),
    #[error("no runtime can be made: {0}")]
    Runtime(std::io::Error),
}

/// Plays one seed on this thread.
pub fn play(seed: u64, options: &Options) -> Result<Report, WorldError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WorldError::Runtime)?;
    let name = format!("uriba-sim-{}-{seed}-{:?}", std::process::id(), std::thread::current().id());
    let directory = std::env::temp_dir().join(name);
    let made = std::fs::create_dir_all(&directory).map_err(|error| WorldError::Directory(directory.clone(), error));
    let played = made.and_then(|()| runtime.block_on(play_in(&directory, seed, options)));
    drop(runtime);
    // Nothing in it is of use to anybody: the seed plays it again.
    let _ = std::fs::remove_dir_all(&directory);
    played
}

async fn play_in(directory: &Path, seed: u64, options: &Options) -> Result<Report, WorldError> {
    let mut world = World::open(directory, seed, options).await?;
    world.safety(options).await?;
    let rested_after = world.liveness(options.rest_within).await?;
    Ok(world.report(seed, options, rested_after))
}

struct World {
    ground: Arc<Ground>,
    scheduler: Scheduler,
    seller: Arc<Seller>,
    instances: Vec<Instance>,
    plans: Vec<ChannelPlan>,
    url: String,
    dice: StdRng,
    judge: Judge,
    natures: Vec<&'static str>,
    troubles: Vec<String>,
    scenes: u64,
}

impl World {
    async fn open(directory: &Path, seed: u64, options: &Options) -> Result<Self, WorldError> {
        let mut dice = StdRng::seed_from_u64(seed);
        let kind = options.kind.unwrap_or_else(|| Kind::drawn(seed));
        let mut natures: Vec<&'static Nature> = NATURES.iter().collect();
        natures.shuffle(&mut dice);
        natures.truncate(options.malls.unwrap_or_else(|| dice.random_range(1..=4)));
        natures.extend(kind.blind.then_some(&BLIND));
        let mut faults = match &options.troubles {
            Some(kept) => Faults::only(dice.next_u64(), kept),
            None => Faults::drawn(dice.next_u64()),
        };
        if kind.quiet {
            faults.leave_figures_alone();
        }
        let troubles = faults.names();
        let (malls, listings) = stock_up(&natures, kind, &mut dice);
        // Nothing goes wrong until everything stands.
        let ground = Arc::new(Ground::new(malls, Faults::none(dice.next_u64()), Log::new(options.events)));
        if options.statements {
            ground.keep_statements();
        }
        let url = database(directory).await?;
        let env = Arc::new(SimEnv::new(ground.clone(), "seller".into(), dice.next_u64()));
        let around = Arc::new(Around { ground: ground.clone(), mortal: false });
        let store = Store::open_to_try(&url, env, around).await?;
        let plans: Vec<ChannelPlan> = natures.iter().map(|nature| plan(nature)).collect();
        let outlines = outline::outlines(&plans, store.env());
        let allowances: HashMap<_, _> = plans.iter().map(|plan| (plan.id.clone(), allowance(plan))).collect();
        let seller = Arc::new(Seller::new(store, ground.clone(), listings, kind));
        let scheduler = Scheduler::new(ground.clone(), dice.next_u64());
        let mut world = Self {
            ground,
            scheduler,
            seller,
            instances: Vec::new(),
            plans,
            url,
            dice,
            judge: Judge { allowances, outlines },
            natures: natures.iter().map(|nature| nature.entry.id).collect(),
            troubles,
            scenes: 0,
        };
        world.begin(seed, options, faults).await?;
        Ok(world)
    }

    /// Customers come first, then the hub is set up, then it runs.
    async fn begin(&mut self, seed: u64, options: &Options, faults: Faults) -> Result<(), WorldError> {
        let length = Duration::from_secs_f64(options.days * 86_400.0);
        let seller = &self.seller;
        let mut shoppers = Shoppers::new(self.ground.clone(), seller.clone(), self.dice.next_u64(), length);
        shoppers.come_early(self.dice.random_range(0..6));
        configure(&seller.store, &self.plans, seller.kind.exposure).await?;
        let mappings: Vec<Mapping> = seller.listings.iter().map(mapping).collect();
        seller.store.map_listings(&mappings, true, "sim").await?;
        pack(seller).await?;
        for sku in goods(&seller.listings) {
            seller.count_at_first(&sku, self.dice.random_range(3..50)).await;
        }
        if let Some(lie) = options.lie {
            self.tell(lie).await?;
        }
        let ids: Vec<String> = self.plans.iter().map(|plan| plan.id.clone()).collect();
        let (scheduler, dice) = (&mut self.scheduler, &mut self.dice);
        let mut spawn = |name: &str, work: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
            scheduler.spawn(Owner::World, name, work);
        };
        spawn("shoppers", Box::pin(shoppers.live()));
        spawn("warehouse", Box::pin(seller.clone().keep_warehouse(dice.next_u64(), length)));
        spawn("storefront", Box::pin(seller.clone().keep_storefront(dice.next_u64(), length)));
        spawn("switches", Box::pin(seller.clone().keep_switching(dice.next_u64(), ids, length)));
        spawn("a person", Box::pin(seller.clone().keep_looking()));
        *self.ground.faults() = faults;
        let mut spawn = |name: &str, work: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
            self.scheduler.spawn(Owner::World, name, work);
        };
        spawn("a meddler", Box::pin(self.seller.clone().keep_meddling(self.dice.next_u64(), length)));
        spawn("another writer", Box::pin(self.seller.clone().suffer_another_writer(self.dice.next_u64(), length)));
        self.open_desk(seed, length);
        let instances = if self.ground.faults().knows(Trouble::Pause) { 2 } else { 1 };
        for number in 0..instances {
            self.start(number).await?;
        }
        Ok(())
    }

    /// Whoever asks for more than stock and orders has dice of their own, as all that came later.
    fn open_desk(&mut self, seed: u64, length: Duration) {
        let mut dice = StdRng::seed_from_u64((!seed).rotate_left(16));
        let malls: Vec<String> = self.plans.iter().map(|plan| plan.id.clone()).collect();
        for chore in Chore::ALL {
            let (seller, seed, malls) = (self.seller.clone(), dice.next_u64(), malls.clone());
            if !seller.kind.chores.has(chore) {
                continue;
            }
            let work: std::pin::Pin<Box<dyn Future<Output = ()>>> = match chore {
                Chore::Stops => Box::pin(seller.keep_stopping(seed, length)),
                Chore::Plans => Box::pin(seller.keep_planning(seed, length)),
                Chore::Schedule => Box::pin(seller.keep_schedule(seed, malls, length)),
                Chore::Audits => Box::pin(seller.keep_auditing(seed, malls, length)),
                Chore::Backfills => Box::pin(seller.keep_backfilling(seed, malls, length)),
            };
            self.scheduler.spawn(Owner::World, format!("the desk: {chore:?}"), work);
        }
    }

    /// Breaks the world.
    async fn tell(&self, lie: Lie) -> Result<(), StoreError> {
        match lie {
            Lie::LostMovement => self.seller.receive_secretly(),
            Lie::DeafSwitch => {
                let now = self.ground.clock.now();
                self.plans.iter().for_each(|plan| self.ground.switch_off(&plan.id, now, true));
            }
            Lie::DeafStop => self.seller.codes().iter().for_each(|sku| self.seller.believe_stopped(sku)),
            Lie::DeafPlan => self.seller.believe_planned(self.plan_of_nothing()),
            Lie::EndlessPlan => self.seller.store.create_plan(&self.plan_of_nothing(), "sim").await?,
            Lie::DeafSchedule => self.seller.deaf.store(true, Ordering::Relaxed),
            Lie::ForgottenOrder | Lie::FalseReading | Lie::SellsPastZero | Lie::HalfTheQuota | Lie::AlwaysBusy => {
                self.ground.malls().values_mut().for_each(|mall| mall.lie = Some(lie));
            }
        }
        Ok(())
    }

    /// For a month nothing is to be shown.
    fn plan_of_nothing(&self) -> NewPlan {
        let from = self.ground.clock.now();
        let until = later(from, Duration::from_secs(30 * 86_400));
        let (name, skus) = ("nothing".to_owned(), self.seller.codes());
        NewPlan { name, from, until, skus, exposure: None, cap: Some(0), buffer: None }
    }

    async fn start(&mut self, number: usize) -> Result<(), WorldError> {
        let (seed, plans) = (self.dice.next_u64(), self.plans.clone());
        let instance = Instance::open(&self.ground, number, seed, &self.url, plans).await?;
        instance.start(&mut self.scheduler);
        self.instances.retain(|running| running.number != number);
        self.instances.push(instance);
        Ok(())
    }

    async fn safety(&mut self, options: &Options) -> Result<(), WorldError> {
        let end = Duration::from_secs_f64(options.days * 86_400.0);
        let mut pause_at = self.pause_gap();
        while self.ground.violations().is_empty() {
            let now = self.ground.clock.elapsed();
            if now >= pause_at && self.instances.len() > 1 {
                pause_at = now + self.pause_gap();
                let sleeper = self.dice.random_range(0..self.instances.len());
                let until = now + Duration::from_secs(self.dice.random_range(5..600));
                self.ground.note(|| format!("instance {sleeper} falls asleep"));
                self.scheduler.put_to_sleep(Owner::Instance(sleeper), until);
            }
            let looks = self.dice.random_range(0..4) * LOOK_EVERY + LOOK_EVERY;
            if !self.run_to(end.min(now + looks)).await? {
                break;
            }
            self.judge.look(&self.ground, &self.seller).await?;
            if self.ground.clock.elapsed() >= end {
                break;
            }
        }
        self.ground.faults().end();
        self.ground.note(|| "all troubles end".to_owned());
        Ok(())
    }

    fn pause_gap(&mut self) -> Duration {
        Duration::from_secs(self.dice.random_range(600..14_400))
    }

    /// How long it took to come to rest; `None`: it didn't, and what is not at rest is a violation.
    async fn liveness(&mut self, within: Duration) -> Result<Option<Duration>, WorldError> {
        let began = self.ground.clock.elapsed();
        loop {
            if !self.ground.violations().is_empty() {
                return Ok(None);
            }
            let now = self.ground.clock.elapsed();
            self.run_to(now + LOOK_EVERY).await?;
            let now = self.ground.clock.now();
            self.ground.malls().values_mut().for_each(|mall| mall.settle(now));
            let unrest = self.judge.unrest(&self.ground, &self.seller).await?;
            let took = self.ground.clock.elapsed() - began;
            if unrest.is_empty() {
                return Ok(Some(took));
            }
            if took >= within {
                unrest.into_iter().for_each(|violation| self.ground.broken(violation));
                return Ok(None);
            }
        }
    }

    /// Plays scene after scene; `false`: something is broken.
    async fn run_to(&mut self, limit: Duration) -> Result<bool, WorldError> {
        let (mut second, mut scenes) = (0, 0);
        while let Some(scene) = self.scheduler.play(limit).await {
            self.scenes += 1;
            let now = self.ground.clock.elapsed().as_secs();
            scenes = if now == second { scenes + 1 } else { 0 };
            second = now;
            if scenes > SCENES_A_SECOND {
                self.ground.broken(Violation::new(format!("{} never comes to rest", scene.task)));
            }
            self.after(scene).await?;
            if !self.ground.violations().is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn after(&mut self, scene: Scene) -> Result<(), WorldError> {
        let Owner::Instance(number) = scene.owner else { return Ok(()) };
        match scene.end {
            End::Rests | End::Done => {}
            End::Lost => {
                self.ground.note(|| format!("instance {number} loses a step: {}", scene.task));
                self.forget_waits();
                let instance = self.instances.iter().find(|running| running.number == number);
                if let Some(instance) = instance {
                    instance.begin(&scene.task, &mut self.scheduler);
                }
            }
            End::Killed => {
                self.ground.note(|| format!("instance {number} is killed in {}", scene.task));
                self.ground.tally().kills += 1;
                self.scheduler.kill(scene.owner);
                self.forget_waits();
                self.start(number).await?;
            }
        }
        Ok(())
    }

    /// An answer that came a moment ago may never have been heard.
    fn forget_waits(&self) {
        let now = self.ground.clock.now();
        self.ground.malls().values_mut().for_each(|mall| mall.hearer_died(now));
    }

    fn report(self, seed: u64, options: &Options, rested_after: Option<Duration>) -> Report {
        let ground = &self.ground;
        let mut log = ground.log();
        Report {
            seed,
            days: options.days,
            kind: self.seller.kind.word(),
            malls: self.natures,
            troubles: self.troubles,
            violations: ground.violations().clone(),
            last: log.last().cloned().collect(),
            events: log.all(),
            statements: ground.statements(),
            scenes: self.scenes,
            fingerprint: log.fingerprint(),
            tally: *ground.tally(),
            rested_after,
        }
    }
}

/// A database with its schema: made once in a process, copied for each world.
async fn database(directory: &Path) -> Result<String, WorldError> {
    static SCHEMA: OnceLock<Vec<u8>> = OnceLock::new();
    let failed = |error| WorldError::Directory(directory.to_owned(), error);
    let file = directory.join("uriba.db");
    if SCHEMA.get().is_none() {
        let (first, copy) = (directory.join("first.db"), directory.join("copy.db"));
        let ground = Arc::new(Ground::new(Vec::new(), Faults::none(0), Log::new(false)));
        let env = Arc::new(SimEnv::new(ground.clone(), "schema".into(), 0));
        let around = Arc::new(Around { ground, mortal: false });
        let store = Store::open_to_try(&format!("sqlite://{}", first.display()), env, around).await?;
        migrate(&store).await?;
        Backup::write(&store, &copy).await?;
        let _ = SCHEMA.set(std::fs::read(&copy).map_err(failed)?);
    }
    std::fs::write(&file, SCHEMA.get().map(Vec::as_slice).unwrap_or_default()).map_err(failed)?;
    Ok(format!("sqlite://{}", file.display()))
}

fn code(sku: usize) -> String {
    format!("sku-{sku}")
}

/// What lies in the warehouse.
fn goods(listings: &[Listing]) -> BTreeSet<String> {
    listings.iter().flat_map(|listing| &listing.parts).map(|(sku, _)| sku.clone()).collect()
}

/// Says what bundles are made of.
async fn pack(seller: &Seller) -> Result<(), StoreError> {
    let bundles = seller.listings.iter().filter(|listing| listing.sku == BUNDLE);
    let recipes: BTreeMap<String, _> =
        bundles.map(|listing| (listing.sku.clone(), listing.parts.iter().cloned().collect())).collect();
    if !recipes.is_empty() {
        seller.store.pack(&recipes, "sim").await?;
    }
    Ok(())
}

/// What each mall lists at first: whatever it happens to show.
fn stock_up(natures: &[&'static Nature], kind: Kind, dice: &mut StdRng) -> (Vec<Mall>, Vec<Listing>) {
    let skus = dice.random_range(1..=10);
    let bundled = skus > 1 && dice.random_bool(0.5);
    let mut malls = Vec::new();
    let mut listings = Vec::new();
    for nature in natures {
        let id = nature.entry.id;
        let mut mall = Mall::new(id, nature);
        for sku in 0..skus {
            let key = format!("k{sku}");
            let units = if dice.random_bool(0.15) { 3 } else { 1 };
            let shown = dice.random_range(0..10);
            mall.list(&key, if kind.quiet { 0 } else { shown }, dice.random_bool(0.5));
            listings.push(Listing { mall: id.to_owned(), key, sku: code(sku), units, parts: vec![(code(sku), units)] });
        }
        if bundled {
            let shown = dice.random_range(0..5);
            mall.list(BUNDLE, if kind.quiet { 0 } else { shown }, dice.random_bool(0.5));
            let parts = vec![(code(0), 2), (code(1), 1)];
            listings.push(Listing { mall: id.to_owned(), key: BUNDLE.into(), sku: BUNDLE.into(), units: 1, parts });
        }
        malls.push(mall);
    }
    (malls, listings)
}

fn mapping(listing: &Listing) -> Mapping {
    Mapping {
        channel: listing.mall.clone(),
        mall_key: listing.key.clone(),
        sku: listing.sku.clone(),
        units: Some(listing.units),
        ..Mapping::default()
    }
}

async fn configure(store: &Store, plans: &[ChannelPlan], exposure: Wish) -> Result<(), StoreError> {
    let pools =
        [PoolSetup { id: POOL.into(), locations: vec![WAREHOUSE.into()], exposure: Some(exposure), epsilon: None }];
    let setup = |id: &str, mall: &str, allowance: Option<Allowance>| ChannelSetup {
        id: id.to_owned(),
        mall: mall.to_owned(),
        name: id.to_owned(),
        pool: POOL.into(),
        live: allowance.is_some(),
        review: false,
        allowance: allowance.unwrap_or_default(),
    };
    let own = setup(STOREFRONT, channels::STOREFRONT, None);
    let malls = plans.iter().map(|plan| setup(&plan.id, plan.mall.id, Some(allowance(plan))));
    store.configure(&pools, &malls.chain([own]).collect::<Vec<_>>(), "sim").await?;
    let days = BusinessDays { zone: TimeZone::UTC, starts: Time::midnight() };
    store.set_core(&CoreRules { days, counts: Some(CountsShipments::AtOnce) }).await
}

fn allowance(plan: &ChannelPlan) -> Allowance {
    let (quantity_max, pace) = (plan.mall.card.quantity_max, pace(plan.mall.card, plan.poll_interval, plan.timing));
    Allowance { quantity_max, pace, ..Allowance::default() }
}

fn plan(nature: &'static Nature) -> ChannelPlan {
    let settings = Settings { channel: nature.entry.id.to_owned(), ..Settings::default() };
    ChannelPlan {
        id: nature.entry.id.to_owned(),
        pool: POOL.into(),
        mall: &nature.entry,
        settings,
        poll_interval: nature.card().times.poll_interval,
        initial_lookback: Duration::from_secs(30 * 86_400),
        review: false,
        on_drift: OnDrift::Correct,
        units_max: 10_000,
        quotas: Vec::new(),
        timing: Timing::default(),
    }
}
