//! The sample mall dressed up: its fake with a second server that gives tokens, and all that a mall may have and the
//! sample mall lacks. What no format carries, adapter and fake tell each other backstage.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use uriba_sample::{CARD as SAMPLE, MALL as SAMPLE_MALL};
use uriba_sdk::{
    Card, Listed, MallEntry, Order, Outcome, Settings,
    card::{Batch, BelowZero, CredentialCard, OperationCard, QuotaCard, Scope, WriteMode, WriteWay},
    fake::{Book, Dialect, FakeMall, FakeOptions, FakeServer, Notification, Reply, Stage, Visit},
};

pub const TOKEN: &str = "auth.token";
/// Items of this kind have a colour, by a handle that says so.
pub const RED: &str = "red";

const fn way(kind: &'static str, mode: WriteMode) -> WriteWay {
    let below_zero = if matches!(mode, WriteMode::Relative) { BelowZero::Refused } else { BelowZero::NotApplicable };
    WriteWay { operation: "stock.push", kind, mode, batch_max: 50, batch: Batch::PerItem, below_zero }
}

const WRITES: &[WriteWay] = &[
    way("", WriteMode::CompareAndSet),
    way("", WriteMode::Absolute),
    way(RED, WriteMode::Relative),
    way(RED, WriteMode::Absolute),
];

const fn credential(key: &'static str, what: &'static str) -> CredentialCard {
    CredentialCard { key, required: true, life: None, what }
}

pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    let mut quotas = SAMPLE.quotas.to_vec();
    quotas.push(QuotaCard { name: TOKEN, per_second: 2.0, burst: 5, per_day: None, scope: Scope::Channel });
    let mut operations = SAMPLE.operations.to_vec();
    operations.push(OperationCard::counted(TOKEN, &[TOKEN]));
    let mut credentials = SAMPLE.credentials.to_vec();
    credentials.push(credential("refresh", "what a token is fetched with; another one comes with each"));
    let mut orders = SAMPLE.orders.clone();
    orders.families = true;
    Card {
        writes: WRITES,
        kind_of: |_, handle| if handle == Some(RED) { RED } else { "" },
        orders,
        quotas: Vec::leak(quotas),
        operations: Vec::leak(operations),
        credentials: Vec::leak(credentials),
        ..SAMPLE.clone()
    }
});

pub static DRESSED: LazyLock<MallEntry> =
    LazyLock::new(|| MallEntry { id: SAMPLE.mall, card: &CARD, open: super::bends::open, fake: start });

/// What adapters and fakes of one shop share, beside the requests.
pub struct Backstage {
    pub book: Book,
    pub right: Mutex<Settings>,
    pub tickets: Mutex<BTreeMap<String, (Outcome, Timestamp)>>,
    pub codes: Mutex<BTreeSet<String>>,
    pub is_switched: AtomicBool,
    tokens: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    given: u32,
    are_refused: bool,
}

static SHOPS: Mutex<BTreeMap<String, Arc<Backstage>>> = Mutex::new(BTreeMap::new());

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Backstage {
    /// Of the shop at this address, if it is one of ours.
    pub fn at(address: &str) -> Option<Arc<Self>> {
        lock(&SHOPS).get(address).cloned()
    }

    /// The refresh token that is in force after so many.
    fn refresh(&self, given: u32) -> String {
        let shop = lock(&self.right).channel.clone();
        format!("refresh-{shop}-{given:06}")
    }

    /// A token for the refresh token in force, or for the one before it: the answer to that may have been lost.
    fn token(&self, visit: &Visit<'_>) -> Reply {
        let asked: Value = serde_json::from_slice(&visit.request.body).unwrap_or_default();
        let mut tokens = lock(&self.tokens);
        let given = tokens.given;
        let known = |n: u32| asked["refresh"] == self.refresh(n).as_str();
        if tokens.are_refused || !(known(given) || (given > 0 && known(given - 1))) {
            return refused(401, "bad_refresh");
        }
        if known(given) {
            tokens.given += 1;
        }
        let fresh = self.refresh(tokens.given);
        Reply::json(200, &json!({"access_token": format!("access-{fresh}"), "refresh_token": fresh}))
    }
}

struct DressedFake {
    plain: Box<dyn FakeMall>,
    backstage: Arc<Backstage>,
    tokens: FakeServer,
}

fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move {
        let plain = (SAMPLE_MALL.fake)(options.clone()).await;
        let book = plain.book().clone();
        let backstage = Arc::new(Backstage {
            book: book.clone(),
            right: Mutex::default(),
            tickets: Mutex::default(),
            codes: Mutex::default(),
            is_switched: AtomicBool::new(false),
            tokens: Mutex::default(),
        });
        let tokens = FakeServer::start(book, &options, &CARD, "", &options.shop, Box::new(Words)).await;
        let at = backstage.clone();
        tokens.endpoint(TOKEN, "POST", "^/token$", move |visit| at.token(visit)).await;
        let fake = DressedFake { plain, backstage, tokens };
        lock(&fake.backstage.right).channel.clone_from(&options.shop);
        let settings = fake.settings(&options.shop);
        lock(&SHOPS).insert(settings.base_url.clone().unwrap(), fake.backstage.clone());
        *lock(&fake.backstage.right) = settings;
        Box::new(fake) as Box<dyn FakeMall>
    })
}

struct Words;

impl Dialect for Words {
    fn throttled(&self, _operation: &str, retry_after: Option<u64>) -> Reply {
        let reply = refused(429, "too_many_requests");
        retry_after.iter().fold(reply, |reply, seconds| reply.with_header("retry-after", seconds.to_string()))
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        refused(503, "closed")
    }

    fn expired(&self, _operation: &str) -> Reply {
        refused(401, "bad_refresh")
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        refused(status, "our_fault")
    }
}

fn refused(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"code": code}))
}

impl FakeMall for DressedFake {
    fn book(&self) -> &Book {
        self.plain.book()
    }

    fn settings(&self, channel: &str) -> Settings {
        let mut settings = self.plain.settings(channel);
        settings.auth_url = Some(self.tokens.uri());
        let shop = lock(&self.backstage.right).channel.clone();
        let first = format!("refresh-{shop}-000000");
        settings.credentials.insert("refresh".into(), SecretString::from(first));
        settings
    }

    fn mall_key(&self, n: usize) -> String {
        self.plain.mall_key(n)
    }

    fn spelling(&self, key: &str) -> String {
        self.plain.spelling(key)
    }

    fn stages(&self) -> &'static [Stage] {
        self.plain.stages()
    }

    fn expressible(&self, order: Order) -> Order {
        let family = order.family.clone();
        Order { family, ..self.plain.expressible(order) }
    }

    fn siblings(&self) -> BTreeMap<String, String> {
        [("lead_days".to_owned(), "3".to_owned())].into()
    }

    fn shop_name(&self) -> Option<String> {
        self.plain.shop_name()
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        self.plain.listed(key)
    }

    fn notification(&self, order: &str) -> Option<Notification> {
        self.plain.notification(order)
    }

    fn notification_of(&self, body: &[u8]) -> Option<Notification> {
        self.plain.notification_of(body)
    }

    fn consent_code(&self, redirect: &str) -> Option<String> {
        let mut codes = lock(&self.backstage.codes);
        let code = format!("code-{}-{}", codes.len(), redirect.len());
        codes.insert(code.clone());
        Some(code)
    }

    fn expire_credentials(&self) {
        self.plain.expire_credentials();
        lock(&self.backstage.tokens).are_refused = true;
    }

    fn renew_credentials(&self) {
        self.plain.renew_credentials();
        lock(&self.backstage.tokens).are_refused = false;
    }

    fn switches(&self) -> &'static [&'static str] {
        &["moody"]
    }

    fn set_switch(&self, _name: &str, on: bool) {
        self.backstage.is_switched.store(on, Ordering::Relaxed);
    }
}
