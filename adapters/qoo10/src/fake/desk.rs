//! What every request goes through: the key, the form, the envelope.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};
use uriba_sdk::{
    env::Url,
    fake::{Book, Dialect, Fault, Reply, Visit},
};

use super::{NOTHING_IS_NULL, NUMBERS_AS_TEXT, REFUSES_IN_ERROR_FORM, THROTTLES_WITH_503};

pub struct Desk {
    pub book: Book,
    pub shop: String,
    pub key: String,
    is_key_dead: AtomicBool,
    switches: Mutex<BTreeSet<&'static str>>,
}

/// A refusal: code and message.
pub type Refused = (i64, &'static str);

pub const BAD_DATE: Refused = (-10_002, "Please check the search date.");
pub const TOO_LONG: Refused = (-10_003, "The search period is over 90 days.");
pub const NO_ITEM: Refused = (-10_001, "Fail to find Item information with 'ItemCode','SellerCode'.");
pub const NOT_ON_SALE: Refused = (-10_009, "[Trade Status] S1(Standby), S2(Active) only you can search.");

pub fn processing(what: &'static str) -> Refused {
    (-10_101, what)
}

impl Desk {
    pub fn new(book: Book, shop: &str) -> Self {
        let key = format!("qk3-{shop}-81fe8bf0c4e2b7a9d05c");
        Self { book, shop: shop.to_owned(), key, is_key_dead: AtomicBool::default(), switches: Mutex::default() }
    }

    pub fn is(&self, switch: &str) -> bool {
        self.switches.lock().expect("no panic happens under this lock").contains(switch)
    }

    pub fn set(&self, switch: &'static str, on: bool) {
        let mut switches = self.switches.lock().expect("no panic happens under this lock");
        if on {
            switches.insert(switch);
        } else {
            switches.remove(switch);
        }
    }

    pub fn kill_key(&self, dead: bool) {
        self.is_key_dead.store(dead, Ordering::Relaxed);
    }

    /// The answer to a request that is let in; its form must have these fields and no others.
    pub fn serve(
        &self,
        visit: &Visit<'_>,
        known: &[&str],
        answer: impl FnOnce(&BTreeMap<String, String>) -> Result<Value, Refused>,
    ) -> Reply {
        let form = match self.form(visit, known) {
            Ok(form) => form,
            Err(refused) => return self.refuse(refused),
        };
        match answer(&form) {
            Ok(object) => self.say(0, "SUCCESS", object),
            Err(refused) => self.refuse(refused),
        }
    }

    fn form(&self, visit: &Visit<'_>, known: &[&str]) -> Result<BTreeMap<String, String>, Refused> {
        let header = |name: &str| visit.request.headers.get(name).and_then(|value| value.to_str().ok());
        if header("giosiscertificationkey") != Some(&self.key) {
            return Err((-10_000, "Please check the Seller Authorization Key."));
        }
        if self.is_key_dead.load(Ordering::Relaxed) {
            return Err((-90_005, "Seller authorization key is expired. Use a new key."));
        }
        if !matches!(header("qapiversion"), Some("1.0" | "1.1" | "1.2")) {
            return Err((-90_001, "The API does not exist"));
        }
        let is_form = header("content-type").is_some_and(|mime| mime.starts_with("application/x-www-form-urlencoded"));
        let body = std::str::from_utf8(&visit.request.body).ok().filter(|_| is_form).ok_or(processing("form"))?;
        let mut url = Url::parse("form:").map_err(|_| processing("form"))?;
        url.set_query(Some(body));
        let mut form = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            if !known.contains(&name.as_ref()) && name != "returnType" {
                return Err(processing("Processing Error - unknown parameter"));
            }
            if form.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(processing("Processing Error - a parameter twice"));
            }
        }
        // Without it the answer would be XML.
        match form.remove("returnType").as_deref() {
            Some("application/json" | "json") => Ok(form),
            _ => Err(processing("Processing Error - returnType")),
        }
    }

    pub fn say(&self, code: i64, message: &str, object: Value) -> Reply {
        let is_nothing = object.as_array().is_some_and(Vec::is_empty);
        let object = if is_nothing && self.is(NOTHING_IS_NULL) { Value::Null } else { object };
        let object = if self.is(NUMBERS_AS_TEXT) { as_text(object) } else { object };
        Reply::json(200, &json!({"ResultCode": code, "ResultMsg": message, "ResultObject": object}))
    }

    pub fn refuse(&self, (code, message): Refused) -> Reply {
        let of_key = code == -10_000 || code <= -90_001;
        if code == -90_001 || (of_key && self.is(REFUSES_IN_ERROR_FORM)) {
            return Reply::json(200, &json!({"ErrorCode": code, "ErrorMsg": message}));
        }
        self.say(code, message, Value::Null)
    }
}

/// Rows as a fault about content wants them.
pub fn bent(mut rows: Vec<Value>, visit: &Visit<'_>) -> Value {
    match visit.fault {
        Some(Fault::DuplicateRows) => rows = rows.into_iter().flat_map(|row| [row.clone(), row]).collect(),
        Some(Fault::ShuffleRows) => rows.reverse(),
        _ => {}
    }
    Value::Array(rows)
}

pub fn seller_id(shop: &str) -> String {
    format!("chaya_{shop}")
}

fn as_text(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(items) => Value::Array(items.into_iter().map(as_text).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, as_text(value))).collect())
        }
        other => other,
    }
}

/// How the mall words what every mall has.
pub struct Words(pub Arc<Desk>);

impl Dialect for Words {
    fn throttled(&self, _operation: &str, retry_after: Option<u64>) -> Reply {
        let in_doubt = self.0.is(THROTTLES_WITH_503);
        let reply = Reply::html(if in_doubt { 503 } else { 429 }, "<html><body>Too many requests</body></html>");
        let seconds = retry_after.or(in_doubt.then_some(1));
        seconds.iter().fold(reply, |reply, seconds| reply.with_header("retry-after", seconds.to_string()))
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        Reply::html(200, "<!DOCTYPE html><html><body>システムメンテナンスのお知らせ</body></html>")
    }

    fn expired(&self, _operation: &str) -> Reply {
        self.0.refuse((-90_004, "Seller authorization key is expired. Use a new key."))
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        Reply::html(status, "<html><body>Server Error</body></html>")
    }
}
