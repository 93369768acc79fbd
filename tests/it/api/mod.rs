//! The HTTP API as its callers see it: requests in, status and JSON out.

mod access;
mod audits;
mod backfills;
mod hooks;
mod lists;
mod orders;
mod outside;
mod plans;
mod reservations;
mod served;
mod stock;
mod switch;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tower::ServiceExt;
use uriba::{
    api::{ApiState, Core, hooks::Hooks, router},
    config::Config,
};

use crate::support::{TestBase, outlines, terms};

/// The API over a test's database, with a token for everything.
pub struct Api {
    router: Router,
    admin: String,
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Api {
    pub async fn over(base: &TestBase) -> Self {
        Self::with_holder_units(base, 0).await
    }

    pub async fn with_holder_units(base: &TestBase, most: u32) -> Self {
        Self::of(base, |state| state.with_holder_units(most)).await
    }

    /// The same, where notifications are read so.
    pub async fn with_hooks(base: &TestBase, hooks: Hooks) -> Self {
        Self::of(base, |state| state.with_hooks(hooks)).await
    }

    async fn of(base: &TestBase, change: impl FnOnce(ApiState) -> ApiState) -> Self {
        let admin = base.store.create_token("chief", &["admin"], "test").await.unwrap();
        // A recorder of its own: nothing of this test shows in another one.
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let profiles = Config::blank().profiles;
        let core = Core { profiles, terms: terms(&["a", "b", "c"]), history_days: 400, ..Core::default() };
        let state = ApiState::new(base.store.clone(), outlines(&["a", "b", "c"]), core, metrics);
        Self { router: router(change(state)), admin }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Reply {
        self.ask("POST", path, &[], body).await
    }

    /// As the chief, with more headers.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let admin = format!("Bearer {}", self.admin);
        let mut all = vec![("authorization", admin.as_str())];
        all.extend(headers);
        self.send(method, path, &all, body.as_bytes().to_vec()).await
    }

    /// With exactly these headers.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Reply { status: parts.status.as_u16(), headers: parts.headers, text }
    }
}

impl Reply {
    /// The body, which must be JSON under this status.
    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).expect("a JSON body")
    }

    /// A problem of this status and type; returns it.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        let body = self.json(status);
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        assert_eq!(body["type"], format!("urn:uriba:problem:{kind}"), "{}", self.text);
        assert_eq!(body["status"], status);
        assert!(body["title"].is_string() && body["detail"].is_string(), "{}", self.text);
        body
    }
}
