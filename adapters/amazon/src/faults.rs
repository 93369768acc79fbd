//! Every answer that is not a success, turned into the error by which the hub acts.
//!
//! SP-API answers `{"errors":[{code, message, details}]}`, Login with Amazon `{error, error_description}`. What
//! has neither shape came from something in between (a gateway's page) and is judged by its status alone.

use jiff::SignedDuration;
use serde::Deserialize;
use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::card::TOKEN;

/// An API call that was not answered with 200.
pub fn refused(wire: &Wire, operation: &'static str, writes: bool, answer: &Answer) -> MallError {
    let body: Errors = serde_json::from_slice(&answer.body).unwrap_or_default();
    let first = body.errors.into_iter().next().unwrap_or_default();
    let words = [first.message, first.details].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let code = first.code.map(|code| excerpt(code.as_bytes()));
    let class = class(answer, code.as_deref(), &words, writes);
    error(wire, operation, answer, class, code, &words)
}

/// A token request that was not answered with 200.
pub fn token_refused(wire: &Wire, answer: &Answer) -> MallError {
    let body: TokenFault = serde_json::from_slice(&answer.body).unwrap_or_default();
    let class = match body.error.as_deref() {
        _ if matches!(answer.status, 429 | 503) => class(answer, None, "", false),
        Some("server_error" | "temporarily_unavailable") => Class::Transient { applied: Applied::No },
        Some(_) if matches!(answer.status, 400 | 401 | 403) => Class::Auth { renewable: false },
        _ => class(answer, None, "", false),
    };
    let words = body.error_description.unwrap_or_default();
    error(wire, TOKEN, answer, class, body.error.map(|code| excerpt(code.as_bytes())), &words)
}

/// A 200 that the adapter doesn't understand.
pub fn malformed(wire: &Wire, operation: &'static str, answer: &Answer, what: String) -> MallError {
    error(wire, operation, answer, Class::Malformed { what }, None, &String::from_utf8_lossy(&answer.body))
}

/// The same without quoting the answer: for answers that hold settings or a presigned address (whoever has that needs
/// no other key), or that come from there.
pub fn unquoted(wire: &Wire, operation: &'static str, answer: &Answer, what: &str) -> MallError {
    error(wire, operation, answer, Class::Malformed { what: what.into() }, None, "")
}

/// The storage behind a presigned address refused. Its errors repeat what was signed, so they are judged by status.
pub fn storage(wire: &Wire, operation: &'static str, answer: &Answer) -> MallError {
    let class = match answer.status {
        // The address has expired, or was never good; the next call asks for another one.
        401 | 403 => Class::Auth { renewable: true },
        _ => class(answer, None, "", false),
    };
    error(wire, operation, answer, class, None, "the storage of feed documents refused")
}

fn class(answer: &Answer, code: Option<&str>, words: &str, writes: bool) -> Class {
    let page = code.is_none() && answer.header("content-type").is_some_and(|mime| mime.contains("html"));
    match answer.status {
        401 | 403 => Class::Auth { renewable: names_the_token(words) },
        429 => Class::Throttled { retry_after: answer.retry_after() },
        // The model calls 503 "temporary overloading or maintenance". Only a page for people, or a named
        // time, tells the two apart.
        503 if page || answer.retry_after().is_some() => {
            let wait = answer.retry_after().and_then(|wait| SignedDuration::try_from(wait).ok());
            Class::Maintenance { until: wait.and_then(|wait| answer.answered_at.checked_add(wait).ok()) }
        }
        500..=599 if writes => Class::Transient { applied: Applied::Unknown },
        408 | 500..=599 => Class::Transient { applied: Applied::No },
        status => Class::Malformed { what: format!("HTTP {status} {}", code.unwrap_or("without a code")) },
    }
}

/// "The access token you provided is expired", or "… is revoked, malformed or invalid": a fresh one may do. A
/// missing role is also 403 `Unauthorized`, and says nothing of the token.
fn names_the_token(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("access token") && ["expired", "revoked", "invalid"].iter().any(|word| words.contains(word))
}

fn error(
    wire: &Wire,
    operation: &'static str,
    answer: &Answer,
    class: Class,
    code: Option<String>,
    words: &str,
) -> MallError {
    let mut error = wire.error(operation, class, excerpt(words.as_bytes()));
    error.status = Some(answer.status);
    error.code = code;
    error
}

#[derive(Default, Deserialize)]
struct Errors {
    errors: Vec<Fault>,
}

/// `message` may be null (orders), `details` may be absent.
#[derive(Default, Deserialize)]
struct Fault {
    code: Option<String>,
    message: Option<String>,
    details: Option<String>,
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

    const EXPIRED: &str = r#"{"errors":[{"code":"Unauthorized","message":"Access to requested resource is denied.","details":"The access token you provided is expired."}]}"#;
    const REVOKED: &str = r#"{"errors":[{"code":"Unauthorized","message":"Access to requested resource is denied.","details":"The access token you provided is revoked, malformed or invalid."}]}"#;
    const NO_ROLE: &str =
        r#"{"errors":[{"code":"Unauthorized","message":"Access to requested resource is denied.","details":""}]}"#;
    const QUOTA: &str = r#"{"errors":[{"code":"QuotaExceeded","message":"You exceeded your quota for the requested resource.","details":""}]}"#;
    const INPUT: &str = r#"{"errors":[{"message":null,"code":"InvalidInput"}]}"#;
    const FAILURE: &str = r#"{"errors":[{"code":"InternalFailure","message":"x"}]}"#;
    const PAGE: &str = "<html><body>ただいまメンテナンス中です</body></html>";

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
            (403, "json", None, EXPIRED, Class::Auth { renewable: true }, None),
            (403, "json", None, REVOKED, Class::Auth { renewable: true }, None),
            (403, "json", None, NO_ROLE, Class::Auth { renewable: false }, None),
            (401, "json", None, "", Class::Auth { renewable: false }, None),
            (429, "json", None, QUOTA, Class::Throttled { retry_after: None }, None),
            (429, "html", Some("7"), "", Class::Throttled { retry_after: Some(Duration::from_secs(7)) }, None),
            (503, "html", None, PAGE, Class::Maintenance { until: None }, None),
            (503, "json", Some("60"), FAILURE, Class::Maintenance { until: Some(in_a_minute) }, None),
            (503, "json", None, FAILURE, no.clone(), Some(unknown.clone())),
            (500, "json", None, FAILURE, no.clone(), Some(unknown.clone())),
            (502, "html", None, PAGE, no.clone(), Some(unknown.clone())),
            (504, "html", None, "", no, Some(unknown)),
            (400, "json", None, INPUT, malformed("HTTP 400 InvalidInput"), None),
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
    fn an_error_says_what_amazon_said() {
        let error = refused(&wire(), PUSH, true, &answer(429, "application/json", None, QUOTA));
        let text = "amazon stock.push: throttled (HTTP 429, QuotaExceeded): You exceeded your quota for the requested resource.";
        assert_eq!(error.to_string().trim_end(), text);
    }

    #[test]
    fn the_storage_is_judged_by_its_status_and_never_quoted() {
        let no = Class::Transient { applied: Applied::No };
        let cases = [
            (403, Class::Auth { renewable: true }),
            (500, no.clone()),
            (503, no),
            (429, Class::Throttled { retry_after: None }),
            (404, Class::Malformed { what: "HTTP 404 without a code".into() }),
        ];
        for (status, class) in cases {
            let answer =
                answer(status, "application/xml", None, "<Error><SignatureProvided>s3cret</SignatureProvided>");
            let error = storage(&wire(), PUSH, &answer);
            assert_eq!(error.class, class, "{status}");
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn a_dead_credential_is_told_from_a_login_service_that_is_down() {
        let dead = Class::Auth { renewable: false };
        let down = Class::Transient { applied: Applied::No };
        let cases = [
            (400, r#"{"error":"invalid_grant","error_description":"x"}"#, dead.clone()),
            (401, r#"{"error":"invalid_client"}"#, dead.clone()),
            (400, r#"{"error":"unauthorized_client"}"#, dead.clone()),
            (400, r#"{"error":"invalid_request"}"#, dead),
            (400, r#"{"error":"temporarily_unavailable"}"#, down.clone()),
            (500, r#"{"error":"server_error"}"#, down.clone()),
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
