//! A shop on the fake, and a channel that talks to it over HTTP.

mod gotchas;
mod listed;
mod orders;
mod payloads;
mod stock;
mod strict;

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use uriba_rakuten::MALL;
use uriba_sdk::{
    Class, Env, Mall, MallError, Query, Reading, Span, Update, Wire, Write,
    env::{HeaderValue, HttpAnswer, HttpRequest, Method},
    fake::{FakeMall, FakeOptions, Item, ManualEnv},
    mall::ListingKey,
    wire::{Gates, Vault},
};

pub struct World {
    pub env: Arc<ManualEnv>,
    pub fake: Box<dyn FakeMall>,
    pub mall: Box<dyn Mall>,
}

pub async fn world() -> World {
    let env = Arc::new(ManualEnv::new(7));
    let options = FakeOptions::new(env.clone(), Arc::default(), "a");
    let fake = (MALL.fake)(options).await;
    let settings = fake.settings("rakuten-main");
    let gates = Arc::new(Gates::fresh());
    let wire = Wire::new(env.clone(), gates, Arc::new(Vault::default()), MALL.card, &settings);
    let mall = (MALL.open)(&settings, wire).expect("the fake's settings are complete");
    World { env, fake, mall }
}

impl World {
    /// Lists the fake's `n`-th item and gives its key.
    pub fn list(&self, n: usize, figure: i64) -> String {
        let key = self.fake.mall_key(n);
        self.fake.book().list(&key, Item::new(figure));
        key
    }

    pub fn figure(&self, key: &str) -> i64 {
        self.fake.book().item(key).expect("a listed item").counter
    }

    /// The window of the last `days` days.
    pub fn query(&self, days: i64, open_only: bool) -> Query {
        let to = self.fake.book().now();
        let from = to - jiff::SignedDuration::from_hours(24 * days);
        Query { span: Span::Window { from, to }, open_only, token: None }
    }

    /// All order numbers of the last `days` days, page by page.
    pub async fn search(&self, days: i64, open_only: bool) -> Vec<String> {
        let mut query = self.query(days, open_only);
        let mut ids = Vec::new();
        loop {
            let page = self.mall.pull(&query).await.expect("a page");
            assert_eq!(page.unread, []);
            ids.extend(page.heads.into_iter().map(|head| head.id));
            query.token = page.next;
            if query.token.is_none() {
                return ids;
            }
        }
    }

    pub async fn try_read(&self, keys: &[&str]) -> Result<Vec<Reading>, MallError> {
        let keys: Vec<_> = keys.iter().map(|key| ListingKey { key: (*key).to_owned(), handle: None }).collect();
        self.mall.extras().readback.expect("Rakuten reads back").read(&keys).await
    }

    pub async fn read(&self, keys: &[&str]) -> Vec<Option<i64>> {
        let figure = |reading: Reading| reading.found.and_then(|counter| counter.quantity);
        self.try_read(keys).await.expect("readings").into_iter().map(figure).collect()
    }

    /// A request as another program of the same shop would send it.
    pub async fn post(&self, path: &str, mime: &str, body: &str) -> HttpAnswer {
        let settings = self.fake.settings("other");
        let part = |key: &str| settings.credentials[key].expose_secret();
        let keys = STANDARD.encode(format!("{}:{}", part("service_secret"), part("license_key")));
        let url = format!("{}{path}", settings.base_url.as_deref().expect("the fake has an address"));
        let header = |text: &str| HeaderValue::from_str(text).expect("plain text");
        let mut request = HttpRequest::new(Method::POST, url);
        request.headers.insert("authorization", header(&format!("ESA {keys}")));
        request.headers.insert("content-type", header(mime));
        request.body = body.as_bytes().to_vec();
        self.env.advance(Duration::from_secs(1));
        self.env.send(request).await.expect("an answer")
    }
}

pub fn update(key: &str, write: Write) -> Update {
    Update { key: key.to_owned(), handle: None, write }
}

pub fn is_malformed(error: &MallError) -> bool {
    matches!(error.class, Class::Malformed { .. })
}
