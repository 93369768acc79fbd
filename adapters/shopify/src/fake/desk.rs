//! What stands before any content: tokens, permissions, the bucket of points, and how failures are worded.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use uriba_sdk::fake::{Book, Dialect, Reply, Visit};

use super::{LINEAR_COSTS, OTHER_VERSION, graphql::Document, stock::Replays};
use crate::card::{POINTS, VERSION, VERSION_LEAST};

pub const CLIENT_ID: &str = "5d1f0c3a77b84e02";
/// What one query may cost.
const QUERY_MAX: u32 = 1_000;

pub struct Desk {
    pub book: Book,
    pub shop: String,
    pub switches: Mutex<BTreeSet<String>>,
    pub locked_out: AtomicBool,
    /// Permissions that the app has.
    pub scopes: Mutex<BTreeSet<String>>,
    /// Tokens granted so far, the last of which are alive, and when each was granted.
    granted: Mutex<Vec<(String, Duration)>>,
    bucket: Mutex<Option<(f64, Duration)>>,
    replays: Mutex<Replays>,
}

/// Why a document is not answered with data alone.
pub struct Fault {
    pub message: String,
    pub code: Option<&'static str>,
}

impl Fault {
    pub fn of(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Some(code), message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into() }
    }

    fn json(&self) -> Value {
        match self.code {
            Some(code) => json!({"message": self.message, "extensions": {"code": code}}),
            None => json!({"message": self.message, "locations": [{"line": 1, "column": 1}], "path": ["query"]}),
        }
    }
}

impl Desk {
    pub fn new(book: Book, shop: &str) -> Self {
        let scopes = ["read_orders", "read_all_orders", "read_products", "write_inventory", "read_locations"];
        Self {
            book,
            shop: shop.to_owned(),
            switches: Mutex::default(),
            locked_out: AtomicBool::new(false),
            scopes: Mutex::new(scopes.map(String::from).into()),
            granted: Mutex::default(),
            bucket: Mutex::default(),
            replays: Mutex::default(),
        }
    }

    pub fn is(&self, switch: &str) -> bool {
        self.switches.lock().expect("no panic happens under this lock").contains(switch)
    }

    pub fn may(&self, scope: &str) -> bool {
        let scopes = self.scopes.lock().expect("no panic happens under this lock");
        let writing = scope.replace("read_", "write_");
        scopes.contains(scope) || scopes.contains(&writing)
    }

    /// What was asked and answered with this key before.
    pub fn replay(&self, key: &str) -> Option<(Value, Value)> {
        self.replays.lock().expect("no panic happens under this lock").get(key).cloned()
    }

    pub fn keep(&self, key: String, exchange: (Value, Value)) {
        self.replays.lock().expect("no panic happens under this lock").insert(key, exchange);
    }

    pub fn secret(&self) -> String {
        secret(&self.shop)
    }

    /// The client-credentials grant.
    pub fn grant(&self, visit: &Visit<'_>) -> Reply {
        let refused =
            |code: &str| Reply::json(400, &json!({"error": code, "error_description": "see the documentation"}));
        let is_form = header(visit, "content-type") == Some("application/x-www-form-urlencoded");
        let asked = String::from_utf8_lossy(&visit.request.body).into_owned();
        let asked = uriba_sdk::env::Url::parse(&format!("http://form/?{asked}"));
        let Some(asked) = asked.ok().filter(|_| is_form) else { return refused("invalid_request") };
        let value = |name: &str| asked.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        if value("grant_type").as_deref() != Some("client_credentials") {
            return refused("unsupported_grant_type");
        }
        let known = value("client_id").as_deref() == Some(CLIENT_ID) && value("client_secret") == Some(self.secret());
        if !known || self.locked_out.load(Ordering::Relaxed) {
            return refused("invalid_client");
        }
        let mut granted = self.granted.lock().expect("no panic happens under this lock");
        let token = format!("shpca_{}_{:08}_c2f7a9d04b1e", self.shop, granted.len() + 1);
        granted.push((token.clone(), self.book.env().elapsed()));
        Reply::json(200, &json!({"access_token": token, "scope": "read_orders", "expires_in": 86_399}))
    }

    pub fn fixed_token(&self) -> String {
        format!("shpat_{}_0f9e8d7c6b5a4938", self.shop)
    }

    /// Path, headers and token are right, or the answer is this one.
    pub fn turned_away(&self, visit: &Visit<'_>) -> Option<Reply> {
        let version = visit.request.url.path().split('/').nth(3).unwrap_or_default();
        if version < VERSION_LEAST {
            return Some(Reply::json(404, &json!({"errors": "Not Found"})));
        }
        if header(visit, "content-type") != Some("application/json") {
            return Some(Reply::json(415, &json!({"errors": "Unsupported Media Type"})));
        }
        let token = header(visit, "x-shopify-access-token").unwrap_or_default();
        let now = self.book.env().elapsed();
        let granted = self.granted.lock().expect("no panic happens under this lock");
        let alive = granted.iter().any(|(known, at)| known == token && now < *at + Duration::from_secs(86_399));
        let admitted = (alive || token == self.fixed_token()) && !self.locked_out.load(Ordering::Relaxed);
        (!admitted).then(unknown_token)
    }

    /// Data or errors, and what it cost. What a query may cost must be there; given back is what it didn't in the end.
    pub fn answer(
        &self,
        visit: &Visit<'_>,
        document: &Document,
        ids: usize,
        act: impl FnOnce() -> Result<Value, Fault>,
    ) -> Reply {
        let old = self.is(LINEAR_COSTS);
        let requested = document.cost(ids, if old { |first| first } else { sublinear });
        let (most, rate) = if old { (1_000.0, 50.0) } else { (2_000.0, 100.0) };
        let before = if old { self.old_bucket(0, most, rate) } else { f64::from(requested) };
        let (fault, actual) = if requested > QUERY_MAX {
            let message = format!("Query cost is {requested}, which exceeds the single query max cost limit");
            (Some(Fault::of("MAX_COST_EXCEEDED", message)), None)
        } else if f64::from(requested) > before + 5.0 {
            (Some(Fault::of("THROTTLED", "Throttled")), None)
        } else {
            (None, Some(1))
        };
        let (mut body, actual) = match fault.map_or_else(act, Err) {
            Ok(data) => {
                let actual = super::graphql::objects(&data).min(requested);
                (json!({"data": data}), Some(actual))
            }
            Err(fault) if fault.code.is_none() || actual.is_none() => (json!({"errors": [fault.json()]}), actual),
            Err(fault) => (json!({"data": null, "errors": [fault.json()]}), actual),
        };
        visit.took(POINTS, actual.unwrap_or(0));
        let left = if old { self.old_bucket(actual.unwrap_or(0), most, rate) } else { f64::from(visit.left(POINTS)) };
        body["extensions"] = json!({"cost": {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": {"maximumAvailable": most, "currentlyAvailable": left.floor(), "restoreRate": rate},
        }});
        reply(body).with_header("x-shopify-api-version", if self.is(OTHER_VERSION) { "2027-07" } else { VERSION })
    }

    /// The smaller bucket of older shops, after this was taken.
    fn old_bucket(&self, taken: u32, most: f64, rate: f64) -> f64 {
        let mut bucket = self.bucket.lock().expect("no panic happens under this lock");
        let now = self.book.env().elapsed();
        let (left, at) = bucket.unwrap_or((most, now));
        let left = (left + now.saturating_sub(at).as_secs_f64() * rate).min(most) - f64::from(taken);
        *bucket = Some((left.max(0.0), now));
        left.max(0.0)
    }
}

pub fn secret(shop: &str) -> String {
    format!("shpss_{shop}_9b2e4f6a8c0d1357")
}

/// What was measured: 250 variants with their inventory items were priced at 24 points.
pub fn sublinear(first: u32) -> u32 {
    ((f64::from(first).ln() * 2.0).ceil() as u32).max(1)
}

fn reply(body: Value) -> Reply {
    Reply::json(200, &body)
}

fn unknown_token() -> Reply {
    let errors = "[API] Invalid API key or access token (unrecognized login or wrong password)";
    Reply::json(401, &json!({"errors": errors}))
}

pub fn header<'a>(visit: &'a Visit<'_>, name: &str) -> Option<&'a str> {
    visit.request.headers.get(name)?.to_str().ok()
}

/// How Shopify words what every mall has.
pub struct Words;

impl Dialect for Words {
    fn throttled(&self, operation: &str, retry_after: Option<u64>) -> Reply {
        let Some(seconds) = retry_after.filter(|_| operation != crate::card::TOKEN) else {
            let reply = Reply::json(429, &json!({"errors": "Exceeded rate limit"}));
            return retry_after.iter().fold(reply, |reply, wait| reply.with_header("retry-after", wait.to_string()));
        };
        // GraphQL names no wait: it follows from what is missing and what comes back each second.
        let cost = json!({
            "requestedQueryCost": 10 + seconds * 100,
            "actualQueryCost": null,
            "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 10, "restoreRate": 100.0},
        });
        let fault = Fault::of("THROTTLED", "Throttled");
        reply(json!({"errors": [fault.json()], "extensions": {"cost": cost}}))
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        Reply::json(423, &json!({"errors": "Locked"}))
    }

    fn expired(&self, _operation: &str) -> Reply {
        unknown_token()
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        Reply::html(status, "<html><body><h1>Something went wrong</h1></body></html>")
    }
}
