//! An open channel against its own fake, or against one answer, on a clock that moves when told to.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use uriba_dynamodb::MALL;
use uriba_sdk::{
    Env, Found, Mall, Outcome, Page, Query, Result, Settings, Span, Update, Wire, Write,
    fake::{Book, FakeMall, FakeOptions, Item, ManualEnv},
    mall::ListingKey,
    wire::{Gates, Vault},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

pub struct Bench {
    pub env: Arc<ManualEnv>,
    pub fake: Box<dyn FakeMall>,
    pub settings: Settings,
    pub mall: Box<dyn Mall>,
}

impl Bench {
    pub async fn open() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(options: &[(&str, &str)]) -> Self {
        let env = Arc::new(ManualEnv::new(7));
        let shared: Arc<dyn Env> = env.clone();
        let fake = (MALL.fake)(FakeOptions::new(shared, Arc::default(), "a")).await;
        let mut settings = fake.settings("hands");
        settings.options = options.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let mall = mall(&env, &settings);
        Self { env, fake, settings, mall }
    }

    pub fn book(&self) -> &Book {
        self.fake.book()
    }

    pub fn pass(&self, seconds: u64) {
        self.env.advance(Duration::from_secs(seconds));
    }

    pub fn list(&self, n: usize, figure: i64) -> String {
        let key = self.fake.mall_key(n);
        self.book().list(&key, Item::new(figure));
        key
    }

    pub fn figure(&self, key: &str) -> i64 {
        self.book().item(key).unwrap().counter
    }

    pub async fn push(&self, writes: &[(&str, Write)]) -> Result<Vec<Outcome>> {
        push(self.mall.as_ref(), writes).await
    }

    pub async fn by_id(&self, ids: &[String]) -> Found {
        self.mall.by_id(ids).await.unwrap()
    }

    /// All pages of the hours up to now.
    pub async fn pages(&self, hours: i64) -> Vec<Page> {
        let to = self.env.now();
        let from = to - jiff::SignedDuration::from_hours(hours);
        let mut query = Query { span: Span::Window { from, to }, open_only: false, token: None };
        let mut pages = Vec::new();
        loop {
            let page = self.mall.pull(&query).await.unwrap();
            query.token = page.next.clone();
            pages.push(page);
            if query.token.is_none() {
                return pages;
            }
        }
    }
}

pub fn mall(env: &Arc<ManualEnv>, settings: &Settings) -> Box<dyn Mall> {
    let shared: Arc<dyn Env> = env.clone();
    let wire = Wire::new(shared, Arc::new(Gates::fresh()), Arc::new(Vault::default()), MALL.card, settings);
    (MALL.open)(settings, wire).unwrap()
}

pub async fn push(mall: &dyn Mall, writes: &[(&str, Write)]) -> Result<Vec<Outcome>> {
    let update = |(key, write): &(&str, Write)| Update { key: (*key).into(), handle: None, write: *write };
    mall.push(&writes.iter().map(update).collect::<Vec<_>>()).await
}

pub fn key(key: &str) -> ListingKey {
    ListingKey { key: key.into(), handle: None }
}

/// A channel whose server answers everything with this.
pub async fn answering(status: u16, body: Value) -> (MockServer, Box<dyn Mall>) {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.0");
    Mock::given(matchers::any()).respond_with(answer).mount(&server).await;
    let credentials =
        [("access_key_id", "AKIDEXAMPLE"), ("secret_access_key", "k"), ("session_token", "S3SSION+t0ken")];
    let settings = Settings {
        channel: "hands".into(),
        base_url: Some(server.uri()),
        credentials: credentials.map(|(key, text)| (key.into(), text.to_owned().into())).into(),
        ..Settings::default()
    };
    let mall = mall(&Arc::new(ManualEnv::new(7)), &settings);
    (server, mall)
}
