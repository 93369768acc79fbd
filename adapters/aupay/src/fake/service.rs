//! What the mall asks of a request before it looks at the content, and its words for refusing one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use uriba_sdk::{
    card::days,
    fake::{Book, Dialect, Reply},
};
use wiremock::Request;

use super::{BUSY_UNDER_200, REFUSALS_UNDER_200, UNREGISTERED_IP};
use crate::{jst, xml::element};

/// Made up: no client has seen the codes of these refusals.
const BAD_KEY: &str = "CME0002";
const BAD_ADDRESS: &str = "CME0003";
const BUSY: &str = "CME0090";
const CLOSED: &str = "CME0091";
/// Known from a client.
pub const NO_SHOP: &str = "CME0021";
/// Made up.
pub const BAD_PARAMETER: &str = "CME0010";

pub struct Service {
    pub book: Book,
    pub shop_id: String,
    pub api_key: String,
    state: Mutex<State>,
}

pub struct State {
    pub switches: BTreeSet<&'static str>,
    pub revoked: bool,
    issued_at: Timestamp,
}

impl State {
    /// One click in the console; the same key lives on.
    pub fn renew(&mut self, now: Timestamp) {
        self.revoked = false;
        self.issued_at = now;
    }
}

impl Service {
    pub fn new(book: Book, shop: &str) -> Self {
        let state = State { switches: BTreeSet::new(), revoked: false, issued_at: book.now() };
        let shop_id = if shop == "b" { "20000000" } else { "10000000" }.to_owned();
        Self { book, shop_id, api_key: format!("0123456789abcdef-of-shop-{shop}"), state: Mutex::new(state) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }

    pub fn is(&self, switch: &str) -> bool {
        self.state().switches.contains(switch)
    }

    /// What every call asks for.
    pub fn admit(&self, request: &Request) -> Result<(), Reply> {
        if self.is(UNREGISTERED_IP) {
            return Err(self.refuse(403, BAD_ADDRESS, "許可されていないIPアドレスからのアクセスです。"));
        }
        let good = header(request, "authorization") == format!("Bearer {}", self.api_key);
        let state = self.state();
        let over = state.revoked || self.book.now() >= jst::later(state.issued_at, days(90));
        drop(state);
        if good && !over { Ok(()) } else { Err(self.bad_key()) }
    }

    /// The conditions of a search, when they are for this shop and in the right form.
    pub fn conditions(&self, request: &Request) -> Result<BTreeMap<String, String>, Reply> {
        self.admit(request)?;
        if header(request, "content-type") != "application/x-www-form-urlencoded" {
            return Err(failure(BAD_PARAMETER, "Content-Typeが不正です。"));
        }
        let pairs = request.url.query().unwrap_or_default().split('&').map(|pair| {
            let (name, value) = pair.split_once('=')?;
            // Not as forms have it: a plus is a plus here, and what isn't UTF-8 is refused.
            Some((name.to_owned(), percent_decode_str(value).decode_utf8().ok()?.into_owned()))
        });
        let pairs =
            pairs.collect::<Option<Vec<_>>>().ok_or_else(|| failure(BAD_PARAMETER, "パラメータが不正です。"))?;
        let count = pairs.len();
        let conditions: BTreeMap<_, _> = pairs.into_iter().collect();
        if conditions.len() != count {
            return Err(failure(BAD_PARAMETER, "パラメータが重複しています。"));
        }
        self.admit_shop(conditions.get("shopId").map(String::as_str))?;
        Ok(conditions)
    }

    pub fn admit_shop(&self, shop_id: Option<&str>) -> Result<(), Reply> {
        match shop_id {
            Some(id) if id == self.shop_id => Ok(()),
            _ => Err(failure(NO_SHOP, "店舗IDを指定してください。")),
        }
    }

    fn bad_key(&self) -> Reply {
        self.refuse(401, BAD_KEY, "APIキーが正しくないか、有効期限が切れています。")
    }

    fn refuse(&self, status: u16, code: &str, message: &str) -> Reply {
        if self.is(REFUSALS_UNDER_200) { failure(code, message) } else { Reply::html(status, "<html>denied</html>") }
    }
}

/// Status 1 under HTTP 200.
pub fn failure(code: &str, message: &str) -> Reply {
    answer(1, &error(code, message), "")
}

pub fn error(code: &str, message: &str) -> String {
    format!("<error>{}{}</error>", element("code", code), element("message", message))
}

/// The envelope: `result` with its status and what follows it there, then what stands beside it.
pub fn answer(status: u8, within: &str, beside: &str) -> Reply {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
    let result = format!("<result><status>{status}</status>{within}</result>");
    Reply::xml(200, format!("{head}<response>{result}{beside}</response>"))
}

/// How this mall words what every mall has to say.
pub struct Words(pub Arc<Service>);

impl Dialect for Words {
    fn throttled(&self, _operation: &str, retry_after: Option<u64>) -> Reply {
        let reply = match self.0.is(BUSY_UNDER_200) {
            true => failure(BUSY, "アクセスが集中しています。"),
            false => Reply::html(429, "<html>Too Many Requests</html>"),
        };
        retry_after.iter().fold(reply, |reply, seconds| reply.with_header("Retry-After", seconds.to_string()))
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        match self.0.is(BUSY_UNDER_200) {
            true => failure(CLOSED, "ただいまメンテナンス中です。"),
            false => Reply::html(503, "<html><body>システムメンテナンスのため停止しています</body></html>"),
        }
    }

    fn expired(&self, _operation: &str) -> Reply {
        self.0.bad_key()
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        Reply::html(status, "<html>Internal Server Error</html>")
    }
}

pub fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
