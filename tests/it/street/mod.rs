//! Made-up malls that do what a test tells them, without a socket: for what no fake would do, and for what happens
//! between two requests of one push.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use uriba::{
    domain::drift::OnDrift,
    engine::{ChannelPlan, Engine, Timing, pace},
    store::{
        Store,
        catalogue::Mapping,
        channels::{ChannelSetup, PoolSetup},
        recompute::Allowance,
        stock::Count,
    },
};
use uriba_sdk::{
    Call, Card, Class, Counter, Extras, Found, Line, Mall, MallEntry, Outcome, Page, Query, Readback, Reading,
    Resolved, Result, Settings, Update, Wire, Write,
    card::{
        Batch, BelowZero, Figure, FoundBy, OperationCard, OrdersCard, QuotaCard, ReadWay, Scope, Times, WriteMode,
        WriteWay, days, minutes, one_kind, seconds,
    },
    env::{Env, HeaderMap, HttpAnswer, HttpRequest, Method, TransportError},
    fake::ManualEnv,
    mall::{ListingKey, SettingsError},
};

use crate::{
    hub::{POOL, Pace, SHOP},
    support::order,
};

pub const SEARCH: &str = "orders.search";
pub const READ: &str = "stock.read";
pub const PUSH: &str = "stock.push";

const fn quota(name: &'static str, per_second: f64) -> QuotaCard {
    QuotaCard { name, per_second, burst: 1, per_day: None, scope: Scope::Channel }
}

const fn way(mode: WriteMode) -> WriteWay {
    WriteWay { operation: PUSH, kind: "", mode, batch_max: 10, batch: Batch::PerItem, below_zero: BelowZero::Negative }
}

static CARD: Card = PLAIN;

pub const PLAIN: Card = Card {
    mall: "street",
    name: "Street",
    zone: "Asia/Tokyo",
    writes: &[way(WriteMode::Absolute), way(WriteMode::Relative)],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: READ, batch_max: 10, figure: Figure::Effective }),
    orders: OrdersCard {
        search: SEARCH,
        by_id: "orders.get",
        found_by: FoundBy::Updated,
        open_filter: false,
        heads_carry_revision: false,
        pages_carry_orders: true,
        by_id_max: 10,
        span_max: days(30),
        reach: days(60),
        edge: seconds(0),
        visibility_lag: seconds(0),
        overlap: minutes(1),
        precision: seconds(1),
        families: false,
    },
    times: Times {
        effect_lag: None,
        late_apply: seconds(60),
        unseen_for_at_most: minutes(15),
        poll_interval: seconds(60),
    },
    quantity_max: 9_999,
    quotas: &[quota(SEARCH, 5.0), quota(PUSH, 1.0), quota(READ, 1.0)],
    operations: &[
        OperationCard::counted(SEARCH, &[SEARCH]),
        OperationCard::counted(PUSH, &[PUSH]),
        OperationCard::counted(READ, &[READ]),
    ],
    credentials: &[],
    options: &[],
    sources: &[],
};

static MALL: MallEntry = MallEntry { id: "street", card: &CARD, open, fake: |_| Box::pin(std::future::pending()) };

pub fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    Ok(Box::new(Adapter { channel: settings.channel.clone(), wire }))
}

/// Reads what it is about to overwrite before each write, as some real ones must.
struct Adapter {
    channel: String,
    wire: Wire,
}

impl Adapter {
    async fn ask(&self, operation: &'static str, body: Value) -> Result<Value> {
        let mut request = HttpRequest::new(Method::POST, format!("street://{}/{operation}", self.channel));
        request.body = body.to_string().into_bytes();
        let call = if operation == PUSH { Call::write(operation, request) } else { Call::read(operation, request) };
        let answer = self.wire.call(call).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.wire.error(operation, Class::Malformed { what: error.to_string() }, ""))
    }
}

#[async_trait]
impl Mall for Adapter {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let said = self.ask(SEARCH, json!({ "token": query.token })).await?;
        let ids = said["ids"].as_array().unwrap();
        let orders = ids.iter().map(|id| order(id.as_str().unwrap(), &[] as &[Line])).collect();
        Ok(Page { orders, next: said["next"].as_str().map(str::to_owned), ..Page::default() })
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        Ok(Found { missing: ids.to_vec(), ..Found::default() })
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        self.ask(READ, json!([])).await?;
        let words = |update: &Update| match update.write {
            Write::Absolute(figure) => json!([update.key, "=", figure]),
            Write::Relative(delta) => json!([update.key, "+", delta]),
            Write::CompareAndSet { to, .. } => json!([update.key, "?", to]),
        };
        self.ask(PUSH, updates.iter().map(words).collect()).await?;
        Ok(vec![Outcome::Applied { now: None }; updates.len()])
    }

    fn before_push(&self) -> &'static [&'static str] {
        &[READ]
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let key = |given: &String| Ok(ListingKey { key: given.clone(), handle: None });
        Ok(keys.iter().map(|given| Resolved { given: given.clone(), key: key(given) }).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras { readback: Some(self), ..Extras::default() }
    }
}

#[async_trait]
impl Readback for Adapter {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let asked = keys.iter().map(|key| key.key.as_str()).collect::<Vec<_>>();
        let said = self.ask(READ, json!(asked)).await?;
        let reading = |key: &ListingKey| {
            let quantity = said[&key.key].as_i64();
            let found =
                quantity.map(|quantity| Counter { quantity: Some(quantity), sells_past_zero: false, not_ours: false });
            Reading { key: key.key.clone(), found }
        };
        Ok(keys.iter().map(reading).collect())
    }
}

/// Which orders are on the page of a token, and the next one's.
pub type Pages = Box<dyn Fn(&str, Option<&str>) -> (Vec<String>, Option<String>) + Send + Sync>;
/// What happens when a request of this operation has arrived, before it is answered.
pub type Meanwhile = Box<dyn Fn(&str) -> BoxFuture<'static, ()> + Send + Sync>;

/// The outside: a clock that moves only when told to, and the malls of the street.
pub struct Outside {
    pub clock: ManualEnv,
    /// What each mall was told, in order.
    pub told: Mutex<Vec<String>>,
    counters: Mutex<BTreeMap<(String, String), i64>>,
    pages: OnceLock<Pages>,
    meanwhile: Mutex<Option<Arc<Meanwhile>>>,
}

impl Outside {
    fn answer(&self, channel: &str, operation: &str, body: &Value) -> Value {
        let mut counters = self.counters.lock().unwrap();
        match operation {
            SEARCH => {
                let (ids, next) =
                    self.pages.get().map_or_else(Default::default, |pages| pages(channel, body["token"].as_str()));
                json!({ "ids": ids, "next": next })
            }
            READ => counters
                .iter()
                .filter(|((of, _), _)| of == channel)
                .map(|((_, key), n)| (key.clone(), json!(n)))
                .collect(),
            _ => {
                for entry in body.as_array().unwrap() {
                    let (key, figure) = (entry[0].as_str().unwrap(), entry[2].as_i64().unwrap());
                    let counter = counters.entry((channel.to_owned(), key.to_owned())).or_default();
                    *counter = if entry[1] == "+" { *counter + figure } else { figure };
                    let sign = if entry[1] == "+" { format!("{figure:+}") } else { format!("={figure}") };
                    self.told.lock().unwrap().push(format!("{channel} {key}{sign}"));
                }
                json!({})
            }
        }
    }
}

#[async_trait]
impl Env for Outside {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        self.clock.sleep(length).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.clock.fill(bytes);
    }

    async fn send(&self, request: HttpRequest) -> std::result::Result<HttpAnswer, TransportError> {
        let (channel, operation) = request.url.strip_prefix("street://").unwrap().split_once('/').unwrap();
        let meanwhile = self.meanwhile.lock().unwrap().clone();
        if let Some(meanwhile) = meanwhile {
            meanwhile(operation).await;
        }
        let said = self.answer(channel, operation, &serde_json::from_slice(&request.body).unwrap());
        Ok(HttpAnswer { status: 200, headers: HeaderMap::new(), body: said.to_string().into_bytes() })
    }
}

pub struct Street {
    pub outside: Arc<Outside>,
    pub store: Store,
    pub engine: Engine,
    _dir: TempDir,
}

impl Street {
    /// Live channels of one pool, each on a mall of its own.
    pub async fn open(channels: &[&str], change: impl Fn(&mut ChannelPlan)) -> Self {
        let outside = Arc::new(Outside {
            clock: ManualEnv::new(7),
            told: Mutex::default(),
            counters: Mutex::default(),
            pages: OnceLock::new(),
            meanwhile: Mutex::default(),
        });
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("uriba.db").display());
        let store = Store::open(&url, outside.clone()).await.unwrap();
        uriba::store::migrate(&store).await.unwrap();
        let pools = [PoolSetup { id: POOL.into(), locations: vec![SHOP.into()], exposure: None, epsilon: None }];
        let plans: Vec<ChannelPlan> = channels.iter().map(|id| plan(id, &change)).collect();
        let setups: Vec<ChannelSetup> = plans.iter().map(setup).collect();
        store.configure(&pools, &setups, "test").await.unwrap();
        let engine = Engine::open(store.clone(), plans).await.unwrap();
        engine.take_leases(Duration::from_secs(1_000 * 86_400)).await.unwrap();
        Self { outside, store, engine, _dir: dir }
    }

    /// Lists the SKU on every channel, which shows so much of it.
    pub async fn list(&self, sku: &str, shown: i64) {
        for here in &self.engine.channels {
            let (channel, mall_key) = (here.id().to_owned(), sku.to_owned());
            self.outside.counters.lock().unwrap().insert((channel.clone(), mall_key.clone()), shown);
            let mapping = Mapping { channel, mall_key, sku: sku.into(), ..Mapping::default() };
            self.store.map_listings(&[mapping], true, "test").await.unwrap();
        }
    }

    /// Lists so many SKUs that show nothing, named by their numbers, with as many units behind each.
    pub async fn list_many(&self, skus: usize, units: i64) {
        for n in 0..skus {
            self.list(&n.to_string(), 0).await;
        }
        let tx = self.store.begin().await.unwrap();
        let mut counts = Vec::new();
        for n in 0..skus {
            let sku_id = self.store.sku(&tx, &n.to_string()).await.unwrap().id;
            counts.push(self.count(sku_id, &n.to_string(), units));
        }
        self.store.count(&tx, counts).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Counts the SKU in the shop, and computes what follows.
    pub async fn stock(&self, sku: &str, units: i64) {
        let sku_id = self.store.sku(self.store.reader(), sku).await.unwrap().id;
        let tx = self.store.begin().await.unwrap();
        self.store.count(&tx, vec![self.count(sku_id, sku, units)]).await.unwrap();
        tx.commit().await.unwrap();
        self.engine.recompute_all().await.unwrap();
    }

    fn count(&self, sku_id: i64, sku: &str, units: i64) -> Count {
        let as_of = self.outside.now();
        Count {
            key: format!("count/{sku}/{as_of}"),
            sku_id,
            location: SHOP.into(),
            counted: units,
            as_of,
            source: "test".into(),
            reason: None,
            import_id: None,
        }
    }

    /// A list of orders for every channel.
    pub fn orders(&self, pages: Pages) {
        assert!(self.outside.pages.set(pages).is_ok(), "one list is enough for a test");
    }

    pub fn meanwhile(&self, meanwhile: Option<Meanwhile>) {
        *self.outside.meanwhile.lock().unwrap() = meanwhile.map(Arc::new);
    }

    /// What the malls were told since somebody asked.
    pub fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.outside.told.lock().unwrap())
    }

    pub fn counter(&self, channel: &str, sku: &str) -> i64 {
        self.outside.counters.lock().unwrap()[&(channel.to_owned(), sku.to_owned())]
    }

    pub async fn push(&self) -> usize {
        self.engine.run_once(Some("push"), None).await.unwrap().push
    }

    pub async fn run_for(&self, length: Duration) {
        let end = self.outside.elapsed() + length;
        let mut pace = Pace::new();
        while self.outside.elapsed() < end {
            let done = self.engine.run_once(None, None).await.unwrap();
            self.outside.clock.advance(pace.after(done).min(end.saturating_sub(self.outside.elapsed())));
        }
    }
}

fn plan(id: &str, change: &impl Fn(&mut ChannelPlan)) -> ChannelPlan {
    let mut plan = ChannelPlan {
        id: id.to_owned(),
        pool: POOL.into(),
        mall: &MALL,
        settings: Settings { channel: id.to_owned(), ..Settings::default() },
        poll_interval: CARD.times.poll_interval,
        initial_lookback: Duration::from_secs(86_400),
        review: false,
        on_drift: OnDrift::Correct,
        units_max: 10_000,
        quotas: Vec::new(),
        timing: Timing::default(),
    };
    change(&mut plan);
    plan
}

fn setup(plan: &ChannelPlan) -> ChannelSetup {
    let pace = pace(plan.mall.card, plan.poll_interval, plan.timing);
    ChannelSetup {
        id: plan.id.clone(),
        mall: plan.mall.id.to_owned(),
        name: plan.id.clone(),
        pool: POOL.into(),
        live: true,
        review: false,
        allowance: Allowance { quantity_max: plan.mall.card.quantity_max, pace, ..Allowance::default() },
    }
}
