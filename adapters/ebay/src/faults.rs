//! Every answer that is not a success, turned into the error by which the hub acts.
//!
//! REST calls answer `{"errors":[{errorId, message, longMessage, …}]}`, the token endpoint `{error,
//! error_description}`. What has neither shape came from something in between (a gateway's page) and is judged by its
//! status alone: ids are hints, the HTTP status is the authority.

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;
use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::card::TOKEN;

/// The seller is suspended: a person has to talk to eBay.
const SUSPENDED: &str = "32400";

/// One entry of an `errors` array, wherever it stands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fault {
    error_id: Value,
    message: Value,
    long_message: Value,
}

impl Fault {
    /// The id, which is a number in the description and a text in some answers.
    pub fn code(&self) -> Option<String> {
        match &self.error_id {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(excerpt(text.as_bytes())),
            _ => None,
        }
    }

    pub fn words(&self) -> String {
        let (short, long) = (self.message.as_str(), self.long_message.as_str());
        let words = match (short, long) {
            (Some(short), Some(long)) if short != long => format!("{short} {long}"),
            (one, other) => one.or(other).unwrap_or_default().to_owned(),
        };
        excerpt(words.as_bytes())
    }
}

/// A REST call that was refused.
pub fn refused(wire: &Wire, operation: &'static str, writes: bool, answer: &Answer) -> MallError {
    let body: Faults = serde_json::from_slice(&answer.body).unwrap_or_default();
    let first = body.errors.into_iter().next().unwrap_or_default();
    let code = first.code();
    let class = class(answer, code.as_deref(), writes);
    error(wire, operation, answer, class, code, first.words())
}

/// A token request that was not answered with 200.
pub fn token_refused(wire: &Wire, answer: &Answer) -> MallError {
    let body: TokenFault = serde_json::from_slice(&answer.body).unwrap_or_default();
    let class = match body.error.as_deref() {
        _ if matches!(answer.status, 429 | 503) => class(answer, None, false),
        Some("server_error" | "temporarily_unavailable") => Class::Transient { applied: Applied::No },
        // `invalid_grant`: consent was withdrawn, the password changed, or the token came to its end.
        Some(_) if matches!(answer.status, 400 | 401 | 403) => Class::Auth { renewable: false },
        _ => class(answer, None, false),
    };
    let words = excerpt(body.error_description.unwrap_or_default().as_bytes());
    error(wire, TOKEN, answer, class, body.error.map(|code| excerpt(code.as_bytes())), words)
}

/// A success that the adapter doesn't understand.
pub fn malformed(wire: &Wire, operation: &'static str, answer: &Answer, what: String) -> MallError {
    error(wire, operation, answer, Class::Malformed { what }, None, excerpt(&answer.body))
}

fn class(answer: &Answer, code: Option<&str>, writes: bool) -> Class {
    let page = code.is_none() && answer.header("content-type").is_some_and(|mime| mime.contains("html"));
    match answer.status {
        401 => Class::Auth { renewable: true },
        403 => Class::Auth { renewable: false },
        400 if code == Some(SUSPENDED) => Class::Auth { renewable: false },
        429 => Class::Throttled { retry_after: answer.retry_after() },
        // Only a page for people, or a named time, tells a closed mall from an overloaded one.
        503 if page || answer.retry_after().is_some() => {
            let wait = answer.retry_after().and_then(|wait| SignedDuration::try_from(wait).ok());
            Class::Maintenance { until: wait.and_then(|wait| answer.answered_at.checked_add(wait).ok()) }
        }
        500..=599 if writes => Class::Transient { applied: Applied::Unknown },
        408 | 500..=599 => Class::Transient { applied: Applied::No },
        status => Class::Malformed { what: format!("HTTP {status} {}", code.unwrap_or("without a code")) },
    }
}

fn error(
    wire: &Wire,
    operation: &'static str,
    answer: &Answer,
    class: Class,
    code: Option<String>,
    words: String,
) -> MallError {
    let mut error = wire.error(operation, class, words);
    error.status = Some(answer.status);
    error.code = code;
    error
}

#[derive(Default, Deserialize)]
struct Faults {
    errors: Vec<Fault>,
}

#[derive(Default, Deserialize)]
struct TokenFault {
    error: Option<String>,
    error_description: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use uriba_sdk::{
        Settings,
        env::{HeaderMap, HeaderValue},
        fake::ManualEnv,
        wire::{Gates, Vault},
    };

    use super::*;
    use crate::card::{CARD, PUSH, SEARCH};

    const EXPIRED: &str = r#"{"errors":[{"errorId":1001,"domain":"OAuth","message":"Invalid access token"}]}"#;
    const NO_SCOPE: &str = r#"{"errors":[{"errorId":1100,"domain":"ACCESS","message":"Access denied"}]}"#;
    const QUOTA: &str = r#"{"errors":[{"errorId":2001,"domain":"ACCESS","message":"Too many requests."}]}"#;
    const FILTER: &str = r#"{"errors":[{"errorId":"30850","message":"x","longMessage":"a date in the future"}]}"#;
    const SUSPENDED: &str = r#"{"errors":[{"errorId":32400,"message":"x"}]}"#;
    const SYSTEM: &str = r#"{"errors":[{"errorId":25001,"message":"x"}]}"#;
    const PAGE: &str = "<html><body>We'll be right back</body></html>";

    fn wire() -> Wire {
        let (env, gates, vault) = (Arc::new(ManualEnv::new(1)), Arc::new(Gates::fresh()), Arc::new(Vault::default()));
        Wire::new(env, gates, vault, &CARD, &Settings::default())
    }

    fn answer(status: u16, mime: &'static str, retry_after: Option<&'static str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(mime));
        if let Some(seconds) = retry_after {
            headers.insert("retry-after", HeaderValue::from_static(seconds));
        }
        let at = "2026-11-20T01:00:00Z".parse().unwrap();
        Answer { status, headers, body: body.into(), sent_at: at, answered_at: at }
    }

    #[test]
    fn every_refusal_has_its_class() {
        let no = Class::Transient { applied: Applied::No };
        let unknown = Class::Transient { applied: Applied::Unknown };
        let malformed = |what: &str| Class::Malformed { what: what.into() };
        let in_a_minute = "2026-11-20T01:01:00Z".parse().unwrap();
        let cases = [
            (401, "json", None, EXPIRED, Class::Auth { renewable: true }, None),
            (403, "json", None, NO_SCOPE, Class::Auth { renewable: false }, None),
            (400, "json", None, SUSPENDED, Class::Auth { renewable: false }, None),
            (429, "json", None, QUOTA, Class::Throttled { retry_after: None }, None),
            (429, "html", Some("7"), "", Class::Throttled { retry_after: Some(Duration::from_secs(7)) }, None),
            (503, "html", None, PAGE, Class::Maintenance { until: None }, None),
            (503, "json", Some("60"), SYSTEM, Class::Maintenance { until: Some(in_a_minute) }, None),
            (503, "json", None, SYSTEM, no.clone(), Some(unknown.clone())),
            (500, "json", None, SYSTEM, no.clone(), Some(unknown.clone())),
            (504, "html", None, "", no, Some(unknown)),
            (400, "json", None, FILTER, malformed("HTTP 400 30850"), None),
            (404, "json", None, "{}", malformed("HTTP 404 without a code"), None),
            (301, "html", None, "", malformed("HTTP 301 without a code"), None),
        ];
        for (status, mime, retry_after, body, read, written) in cases {
            let mime = if mime == "json" { "application/json" } else { "text/html; charset=UTF-8" };
            let answer = answer(status, mime, retry_after, body);
            assert_eq!(refused(&wire(), SEARCH, false, &answer).class, read, "{status} {body}");
            assert_eq!(refused(&wire(), PUSH, true, &answer).class, written.unwrap_or(read), "{status} {body}");
        }
    }

    #[test]
    fn an_error_says_what_ebay_said() {
        let error = refused(&wire(), SEARCH, false, &answer(400, "application/json", None, FILTER));
        let text = "ebay orders.search: malformed (HTTP 400, 30850): HTTP 400 30850: x a date in the future";
        assert_eq!(error.to_string().trim_end(), text);
    }

    #[test]
    fn a_dead_credential_is_told_from_a_token_service_that_is_down() {
        let dead = Class::Auth { renewable: false };
        let down = Class::Transient { applied: Applied::No };
        let cases = [
            (400, r#"{"error":"invalid_grant","error_description":"x"}"#, dead.clone()),
            (401, r#"{"error":"invalid_client"}"#, dead),
            (500, r#"{"error":"server_error"}"#, down.clone()),
            (400, r#"{"error":"temporarily_unavailable"}"#, down.clone()),
            (502, "", down),
            (429, "", Class::Throttled { retry_after: None }),
            (400, "<html>", Class::Malformed { what: "HTTP 400 without a code".into() }),
        ];
        for (status, body, class) in cases {
            let error = token_refused(&wire(), &answer(status, "application/json", None, body));
            assert_eq!((error.class, error.operation), (class, TOKEN), "{status} {body}");
        }
    }
}
