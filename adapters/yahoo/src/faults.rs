//! What a failed answer means: status, headers and body → [`MallError`].
//!
//! Errors come as XML, seen once as JSON, and from the token endpoint as OAuth's JSON; the code decides before
//! the status does. What is not in the tables of the documentation stays `Malformed`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::{jst, xml};

/// Errors are short. What is longer is not searched for words: a hostile body must not cost more than this.
const ERROR_BYTES_MAX: usize = 16_384;

/// The token endpoint's operation. Its answers are never quoted: they are where the secrets are.
pub const TOKEN_OPERATION: &str = "auth.token";

/// Which call an answer belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub operation: &'static str,
    pub writes: bool,
}

/// The mall's own words about a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub code: Option<String>,
    pub message: String,
}

/// `what`: what the caller missed in this answer, for the case that it is no known failure.
pub fn fault(wire: &Wire, context: Context, answer: &Answer, what: String) -> MallError {
    let words = Words::read(&answer.body);
    let wait = answer.retry_after();
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let class = classify(context, answer.status, challenge, wait, &words, answer.answered_at)
        .or_else(|| maintenance_page(&answer.body).then_some(Class::Maintenance { until: None }))
        .or_else(|| by_status(context, answer.status, wait))
        .unwrap_or(Class::Malformed { what });
    let message = match advice(words.code.as_deref(), &words.message, challenge) {
        Some(advice) => advice.to_owned(),
        None if context.operation == TOKEN_OPERATION => String::new(),
        None if words.message.is_empty() => excerpt(&answer.body),
        None => excerpt(words.message.as_bytes()),
    };
    MallError { status: Some(answer.status), code: words.code, ..wire.error(context.operation, class, message) }
}

impl Words {
    pub fn read(body: &[u8]) -> Self {
        let short = Some(body).filter(|body| body.len() <= ERROR_BYTES_MAX);
        short.and_then(|body| Self::from_xml(body).or_else(|| Self::from_json(body))).unwrap_or_default()
    }

    fn from_xml(body: &[u8]) -> Option<Self> {
        let root = xml::parse(body).ok()?;
        let error = root.find("Error").or_else(|| root.find("Warning")).unwrap_or(&root);
        let text = |name| error.value(name).unwrap_or_default();
        Some(Self { code: word(text("Code")), message: text("Message").to_owned() })
    }

    fn from_json(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let error = body.get("Error").unwrap_or(&body);
        let code = first(error, "Code").or_else(|| first(error, "error")).unwrap_or_default();
        let message = first(error, "Message").or_else(|| first(error, "error_description")).unwrap_or_default();
        Some(Self { code: word(&code), message })
    }
}

/// The value of a field, or the first of a list of them.
fn first(value: &Value, name: &str) -> Option<String> {
    let field = value.get(name)?;
    match field.as_array().and_then(|list| list.first()).unwrap_or(field) {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A code as the mall writes them; anything longer or odder is not one.
fn word(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!text.is_empty() && text.len() <= 32 && text.chars().all(plain)).then(|| text.to_owned())
}

fn classify(
    context: Context,
    status: u16,
    challenge: &str,
    wait: Option<Duration>,
    words: &Words,
    now: Timestamp,
) -> Option<Class> {
    let code = words.code.as_deref().unwrap_or_default();
    let says = |part: &str| words.message.contains(part);
    Some(match code {
        "ed-00002" | "st-01000" | "st-02000" => maintenance(wait, now),
        _ if says("API_MAINTENANCE") => maintenance(wait, now),
        "px-04102" => Class::Auth { renewable: true },
        "px-04303"
        | "px-04306"
        | "ed-00003"
        | "invalid_grant"
        | "invalid_client"
        | "unauthorized_client"
        | "insufficient_scope" => Class::Auth { renewable: false },
        "d91151" => Class::Throttled { retry_after: wait },
        _ if says("Request was Forbidden") => Class::Throttled { retry_after: wait },
        // Refused before anything was done: the store is being published or a file uploaded.
        _ if says("反映またはアップロード中") => Class::Transient { applied: Applied::No },
        "ed-00001" | "ed-00006" | "st-02999" => transient(context),
        _ if status == 401 && challenge.contains("insufficient_scope") => Class::Auth { renewable: false },
        _ if status == 401 && context.operation != TOKEN_OPERATION => Class::Auth { renewable: true },
        _ => return None,
    })
}

fn by_status(context: Context, status: u16, wait: Option<Duration>) -> Option<Class> {
    match status {
        429 => Some(Class::Throttled { retry_after: wait }),
        503 if wait.is_some() => Some(Class::Throttled { retry_after: wait }),
        500..=599 => Some(transient(context)),
        _ => None,
    }
}

fn maintenance(wait: Option<Duration>, now: Timestamp) -> Class {
    Class::Maintenance { until: wait.map(|wait| jst::later(now, wait)) }
}

fn transient(context: Context) -> Class {
    Class::Transient { applied: if context.writes { Applied::Unknown } else { Applied::No } }
}

/// A page for people instead of an answer.
fn maintenance_page(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(ERROR_BYTES_MAX)]);
    let head = start.trim_start().to_ascii_lowercase();
    (head.starts_with("<!doctype html") || head.starts_with("<html")) && start.contains("メンテナンス")
}

/// What a person must do, where only a person can.
fn advice(code: Option<&str>, message: &str, challenge: &str) -> Option<&'static str> {
    match code.unwrap_or_default() {
        "px-04306" => Some("this machine's IP address is not registered for the order API (register it at the mall)"),
        "px-04303" => Some("this Client ID may not use the order API (apply for it at the mall)"),
        "px-04102" => {
            Some("the session was cut to twelve hours, as it is when order calls lack a good signature: consent again")
        }
        "ed-00003" => Some("the mall knows no such store account (seller_id)"),
        "invalid_grant" => Some("the refresh token is dead (28 days, or a changed password): consent again"),
        "invalid_client" | "unauthorized_client" => Some("the mall refuses the Client ID or its secret"),
        "insufficient_scope" => Some("the Client ID lacks the store scope"),
        _ if challenge.contains("insufficient_scope") => Some("the Client ID lacks the store scope"),
        _ if message.contains("Request was Forbidden") => {
            Some("forbidden: the day's 50,000 requests are used up, or the Client ID is not allowed here")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Context = Context { operation: "orders.search", writes: false };
    const WRITE: Context = Context { operation: "stock.push", writes: true };
    const ASK: Context = Context { operation: TOKEN_OPERATION, writes: false };

    fn class(context: Context, status: u16, header: &str, body: &str) -> Option<Class> {
        let words = Words::read(body.as_bytes());
        let wait = header.parse().ok().map(Duration::from_secs);
        classify(context, status, header, wait, &words, Timestamp::UNIX_EPOCH)
            .or_else(|| maintenance_page(body.as_bytes()).then_some(Class::Maintenance { until: None }))
            .or_else(|| by_status(context, status, wait))
    }

    fn xml(code: &str, message: &str) -> String {
        format!("<?xml version='1.0' encoding='utf-8'?><Error><Message>{message}</Message><Code>{code}</Code></Error>")
    }

    #[test]
    fn each_known_failure_has_its_class() {
        let no = Class::Transient { applied: Applied::No };
        let unknown = Class::Transient { applied: Applied::Unknown };
        let renew = Class::Auth { renewable: true };
        let person = Class::Auth { renewable: false };
        let slow = Class::Throttled { retry_after: None };
        let closed = Class::Maintenance { until: None };
        let json = r#"{"Error":{"Message":["The request's IP address is not registered"],"Code":["px-04306"]}}"#;
        let challenge = r#"Bearer realm="yahooapis.jp", error="invalid_token", error_description="expired token""#;
        let scope = r#"Bearer realm="yahooapis.jp", error="insufficient_scope""#;
        let credentials = "<Error><Message>Please provide valid credentials.</Message></Error>";
        let html = "<!DOCTYPE html><html><body>ただいまメンテナンス中です</body></html>";
        let table = [
            (READ, 401, challenge, credentials.to_owned(), renew.clone()),
            (WRITE, 401, scope, credentials.to_owned(), person.clone()),
            (READ, 401, "", xml("px-04102", "AccessToken has been expired."), renew),
            (READ, 403, "", json.to_owned(), person.clone()),
            (READ, 403, "", xml("px-04303", "This application ID is not registered"), person.clone()),
            (WRITE, 400, "", xml("ed-00003", "no such seller"), person.clone()),
            (ASK, 400, "", r#"{"error":"invalid_grant","error_code":1001}"#.to_owned(), person.clone()),
            (ASK, 401, "", r#"{"error":"invalid_client"}"#.to_owned(), person),
            (READ, 403, "", xml("", "Your Request was Forbidden"), slow.clone()),
            (READ, 400, "", xml("d91151", "volume cap"), slow.clone()),
            (READ, 429, "", String::new(), slow),
            (WRITE, 503, "7", String::new(), Class::Throttled { retry_after: Some(Duration::from_secs(7)) }),
            (READ, 503, "", xml("503", "API_MAINTENANCE"), closed.clone()),
            (WRITE, 400, "", xml("ed-00002", "maintenance"), closed.clone()),
            (WRITE, 400, "", xml("st-02000", "maintenance"), closed.clone()),
            (WRITE, 503, "", html.to_owned(), closed),
            (WRITE, 400, "", xml("", "反映またはアップロード中のため更新ができません。"), no.clone()),
            (READ, 500, "", xml("ed-00001", "system error"), no.clone()),
            (WRITE, 500, "", xml("st-02999", "system error"), unknown.clone()),
            (WRITE, 502, "", "<html>Bad Gateway</html>".to_owned(), unknown),
            (READ, 504, "", String::new(), no),
        ];
        for (context, status, header, body, expected) in table {
            assert_eq!(class(context, status, header, &body), Some(expected), "{status} {header} {body}");
        }
    }

    #[test]
    fn what_no_table_names_is_left_to_the_caller() {
        for (status, body) in [
            (200, "<ResultSet/>".to_owned()),
            (400, xml("od90101", "Request Parameter Error : Field")),
            (400, xml("st-02104", "quantity")),
            (403, "<html>denied</html>".to_owned()),
            (404, xml("px-04400", "no such URL")),
            (302, String::new()),
        ] {
            assert_eq!(class(WRITE, status, "", &body), None, "{status} {body}");
        }
    }

    #[test]
    fn codes_that_are_no_codes_are_dropped() {
        let long = "x".repeat(100);
        assert_eq!(Words::read(xml(&long, "m").as_bytes()), Words { code: None, message: "m".into() });
        assert_eq!(Words::read(b"{\"Error\":{\"Code\":[{\"a\":1}]}}").code, None);
        assert_eq!(Words::read(b"\xff\x00"), Words::default());
    }
}
