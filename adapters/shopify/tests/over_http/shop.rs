//! An open channel against its own fake, on a clock that moves when told to, with every request written down.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uriba_sdk::{
    Account, Counter, Env, Mall, Order, Outcome, Page, Query, Result, Settings, Span, Update, Wire, Write,
    env::{HeaderValue, HttpAnswer, HttpRequest, Method, TransportError},
    fake::{FakeMall, FakeOptions, Item, ManualEnv},
    mall::ListingKey,
    wire::{Gates, Vault},
};
use uriba_shopify::MALL;

pub struct Shop {
    pub env: Arc<Diary>,
    pub fake: Box<dyn FakeMall>,
    pub wire: Wire,
    pub mall: Box<dyn Mall>,
}

/// The manual clock, and every request that left.
pub struct Diary {
    pub clock: ManualEnv,
    sent: Mutex<Vec<(String, Value)>>,
}

#[async_trait]
impl Env for Diary {
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
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        self.sent.lock().unwrap().push((request.url.clone(), body));
        self.clock.send(request).await
    }
}

impl Diary {
    /// Bodies of the requests whose document has this name.
    pub fn sent(&self, name: &str) -> Vec<Value> {
        let named = |body: &Value| body["query"].as_str().is_some_and(|query| query.contains(&format!(" {name}")));
        self.sent.lock().unwrap().iter().map(|(_, body)| body.clone()).filter(named).collect()
    }

    pub fn addresses(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(url, _)| url.clone()).collect()
    }
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    /// With other settings than the fake's own.
    pub async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let env = Arc::new(Diary { clock: ManualEnv::new(7), sent: Mutex::default() });
        let shared: Arc<dyn Env> = env.clone();
        let options = FakeOptions::new(shared.clone(), Arc::default(), "a");
        let fake = (MALL.fake)(options).await;
        let mut settings = fake.settings("shopify-main");
        change(&mut settings);
        let wire = Wire::new(shared, Arc::new(Gates::fresh()), Arc::new(Vault::default()), MALL.card, &settings);
        let mall = (MALL.open)(&settings, wire.clone()).unwrap();
        Self { env, fake, wire, mall }
    }

    /// Asks the fake itself, as somebody would who is not the adapter.
    pub async fn raw(&self, query: &str, variables: Value) -> Value {
        let base = self.fake.settings("raw").base_url.unwrap();
        let mut request = HttpRequest::new(Method::POST, format!("{base}/admin/api/2026-10/graphql.json"));
        request.headers.insert("content-type", HeaderValue::from_static("application/json"));
        request.headers.insert("x-shopify-access-token", HeaderValue::from_static("shpat_a_0f9e8d7c6b5a4938"));
        request.body = serde_json::json!({"query": query, "variables": variables}).to_string().into_bytes();
        self.pass(60);
        serde_json::from_slice(&self.env.clock.send(request).await.unwrap().body).unwrap()
    }

    pub fn pass(&self, seconds: u64) {
        self.env.clock.advance(Duration::from_secs(seconds));
    }

    pub fn list(&self, n: usize, figure: i64) -> String {
        self.list_as(n, figure, |_| ())
    }

    pub fn list_as(&self, n: usize, figure: i64, change: impl FnOnce(&mut Item)) -> String {
        let key = self.fake.mall_key(n);
        let mut item = Item::new(figure);
        change(&mut item);
        self.fake.book().list(&key, item);
        key
    }

    pub fn place(&self, key: &str, units: u32) -> String {
        self.fake.book().place(&[(key, units)]).unwrap()
    }

    pub fn figure(&self, key: &str) -> i64 {
        self.fake.book().item(key).unwrap().counter
    }

    pub async fn listing(&self, key: &str) -> ListingKey {
        self.mall.resolve(&[key.to_owned()]).await.unwrap().remove(0).key.unwrap()
    }

    pub async fn push(&self, writes: &[(&str, Write)]) -> Result<Vec<Outcome>> {
        let mut updates = Vec::new();
        for (key, write) in writes {
            let listing = self.listing(key).await;
            updates.push(Update { key: listing.key, handle: listing.handle, write: *write });
        }
        self.mall.push(&updates).await
    }

    pub async fn read(&self, key: &str) -> Option<Counter> {
        let listing = self.listing(key).await;
        self.mall.extras().readback.unwrap().read(&[listing]).await.unwrap().remove(0).found
    }

    pub async fn shown(&self, key: &str) -> i64 {
        self.read(key).await.unwrap().quantity.unwrap()
    }

    pub fn account(&self) -> &dyn Account {
        self.mall.extras().account.unwrap()
    }

    pub async fn page(&self, hours: i64, token: Option<String>) -> Result<Page> {
        self.pass(90);
        let (from, to) = (self.env.now() - SignedDuration::from_hours(hours), self.env.now());
        self.mall.pull(&Query { span: Span::Window { from, to }, open_only: false, token }).await
    }

    pub async fn order(&self, id: &str) -> Order {
        let mut found = self.mall.by_id(&[id.to_owned()]).await.unwrap();
        assert_eq!((found.unread.len(), found.missing.len()), (0, 0), "{found:?}");
        found.orders.remove(0)
    }
}

pub fn held(order: &Order) -> u32 {
    order.lines.iter().map(uriba_sdk::Line::unshipped).sum()
}
