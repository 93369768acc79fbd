//! Watches what leaves and comes back: the exchange behind a failed check, and every secret that was in use.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::report::Exchange;
use crate::{
    env::{Env, HttpAnswer, HttpRequest, TransportError, Url},
    fake::ManualEnv,
    mall::Settings,
    wire::excerpt,
};

/// Exchanges shown with a failure.
const RECENT: usize = 4;
/// Shorter values are words (`1`, `none`) that may stand anywhere.
const SECRET_CHARS_MIN: usize = 6;
/// Headers whose name contains one of these carry secrets.
const SECRET_HEADERS: [&str; 5] = ["auth", "token", "key", "secret", "signature"];
/// Fields of an answer that carry secrets.
const SECRET_FIELDS: [&str; 3] = ["access_token", "refresh_token", "id_token"];

/// The adapter's environment: a [`ManualEnv`] that remembers.
pub(super) struct Spy {
    clock: Arc<ManualEnv>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    recent: VecDeque<Exchange>,
    secrets: BTreeSet<String>,
    /// Some answer had a byte beyond ASCII.
    beyond_ascii: bool,
}

impl Spy {
    pub(super) fn new(clock: Arc<ManualEnv>) -> Self {
        Self { clock, seen: Mutex::default() }
    }

    /// Everything that must never be written down.
    pub(super) fn secrets(&self) -> Vec<String> {
        self.lock().secrets.iter().cloned().collect()
    }

    pub(super) fn learn(&self, settings: &Settings) {
        let mut seen = self.lock();
        for secret in settings.credentials.values() {
            seen.keep(secret.expose_secret());
        }
    }

    /// Whether an answer since the last question had a character beyond ASCII.
    pub(super) fn saw_beyond_ascii(&self) -> bool {
        std::mem::take(&mut self.lock().beyond_ascii)
    }

    /// The last exchanges, oldest first, without their secrets.
    pub(super) fn recent(&self) -> Vec<Exchange> {
        let seen = self.lock();
        // The longest first: one secret may begin with another.
        let mut secrets: Vec<_> = seen.secrets.iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let masked = |text: &str| secrets.iter().fold(text.to_owned(), |text, secret| text.replace(*secret, "…"));
        let shown = seen.recent.iter().map(|exchange| Exchange {
            path: masked(&exchange.path),
            asked: masked(&exchange.asked),
            answered: masked(&exchange.answered),
            ..exchange.clone()
        });
        shown.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic happens under this lock")
    }
}

impl Seen {
    fn keep(&mut self, secret: &str) {
        if secret.chars().count() >= SECRET_CHARS_MIN {
            self.secrets.insert(secret.to_owned());
            self.secrets.insert(in_a_form(secret));
        }
    }

    fn keep_those_of(&mut self, request: &HttpRequest) {
        for (name, value) in &request.headers {
            let secret = SECRET_HEADERS.iter().any(|part| name.as_str().contains(part));
            if let Some(value) = value.to_str().ok().filter(|_| secret) {
                self.keep(value.rsplit(' ').next().unwrap_or(value));
            }
        }
    }

    fn keep_those_in(&mut self, answer: &HttpAnswer) {
        // Only a token endpoint's answer is this small, and only it has such fields.
        let body = Some(&answer.body).filter(|body| body.len() < 10_000);
        let fields = body.and_then(|body| serde_json::from_slice::<serde_json::Value>(body).ok()).unwrap_or_default();
        for field in SECRET_FIELDS {
            if let Some(token) = fields[field].as_str() {
                self.keep(token);
            }
        }
    }
}

/// The secret as it stands in a query or in a form's body.
fn in_a_form(secret: &str) -> String {
    let query =
        Url::parse_with_params("http://any/", [("", secret)]).ok().and_then(|url| url.query().map(str::to_owned));
    query.map_or_else(|| secret.to_owned(), |query| query.trim_start_matches('=').to_owned())
}

/// The address without the host, which is always the fake's.
fn path(url: &str) -> String {
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    url.find('/').map_or_else(String::new, |at| url[at..].chars().take(600).collect())
}

#[async_trait]
impl Env for Spy {
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

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        let (at, method, path) = (self.now(), request.method.to_string(), path(&request.url));
        let asked = excerpt(&request.body);
        self.lock().keep_those_of(&request);
        let answer = self.clock.send(request).await;
        let (status, answered) = match &answer {
            Ok(answer) => (Some(answer.status), excerpt(&answer.body)),
            Err(error) => (None, error.to_string()),
        };
        let mut seen = self.lock();
        if let Ok(answer) = &answer {
            seen.keep_those_in(answer);
            seen.beyond_ascii |= !answer.body.is_ascii();
        }
        if seen.recent.len() == RECENT {
            seen.recent.pop_front();
        }
        seen.recent.push_back(Exchange { at, method, path, asked, status, answered });
        answer
    }
}
