//! Every failed answer, named by what the hub does next.
//!
//! The mall fails in two ways: by HTTP status, and by `errors` in an answer of status 200, whose words are those of
//! gRPC. Whether a word stands in `extensions.code` or in the message was not seen, so both are looked at.

use std::time::Duration;

use jiff::Timestamp;
use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::graphql::{Fault, Told};

/// The longest wait that a header may ask for: the budget's window is an hour.
const WAIT_MAX: Duration = Duration::from_secs(86_400);
/// Smaller numbers in `X-Ratelimit-Reset` are seconds to wait, larger ones are seconds since 1970.
const EPOCH_SECONDS_LEAST: f64 = 1e9;
const EPOCH_MILLIS_LEAST: f64 = 1e12;

const UNREGISTERED: &str = "IP not registered? The mall answers 404 to every address that isn't registered for the API \
                            (each environment has its own list), whatever the token; a wrong base_url looks the same";
const BAD_TOKEN: &str = "the token was refused: deleted in the shop's console, or of the other environment (sandbox)?";
const BAD_CLIENT: &str = "refused: is client_name the API_CLIENT_NAME of the contract?";
const NOT_ALLOWED: &str = "the mall doesn't allow this to the token";

/// What an entry of `errors` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    NotFound,
    FailedPrecondition,
    PermissionDenied,
    InvalidArgument,
    /// The document isn't of the mall's schema: nothing of it was done.
    InvalidDocument,
    DeadlineExceeded,
    Throttled,
    Unauthenticated,
    Unavailable,
    Other,
}

const WORDS: [(&str, Word); 16] = [
    ("NOT_FOUND", Word::NotFound),
    ("FAILED_PRECONDITION", Word::FailedPrecondition),
    ("PERMISSION_DENIED", Word::PermissionDenied),
    ("INVALID_ARGUMENT", Word::InvalidArgument),
    ("BAD_USER_INPUT", Word::InvalidArgument),
    ("OUT_OF_RANGE", Word::InvalidArgument),
    ("GRAPHQL_VALIDATION_FAILED", Word::InvalidDocument),
    ("GRAPHQL_PARSE_FAILED", Word::InvalidDocument),
    ("DEADLINE_EXCEEDED", Word::DeadlineExceeded),
    ("RESOURCE_EXHAUSTED", Word::Throttled),
    ("RATE_LIMIT", Word::Throttled),
    ("TOO_MANY_REQUESTS", Word::Throttled),
    ("UNAUTHENTICATED", Word::Unauthenticated),
    ("UNAVAILABLE", Word::Unavailable),
    ("INTERNAL", Word::Unavailable),
    ("ABORTED", Word::Unavailable),
];

impl Word {
    /// The code decides; without one that is known, the message.
    pub fn of(code: Option<&str>, message: &str) -> Self {
        let find = |text: &str| {
            let text: String = text.chars().take(300).collect::<String>().to_ascii_uppercase();
            let text = text.replace([' ', '-'], "_");
            WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, word)| *word)
        };
        code.and_then(find).or_else(|| find(message)).unwrap_or(Self::Other)
    }
}

/// An answer whose status isn't 200.
pub fn refusal(wire: &Wire, operation: &'static str, writes: bool, answer: &Answer) -> MallError {
    let fault = Told::read(&answer.body).ok().and_then(|told| told.errors.into_iter().next());
    let text = fault.as_ref().map_or_else(|| excerpt(&answer.body), |fault| excerpt(fault.message.as_bytes()));
    let (class, advice) = by_status(answer, writes, &text);
    let message = match advice {
        "" => text,
        _ if answer.status == 404 || text.trim().is_empty() => advice.to_owned(),
        _ => format!("{advice} ({})", text.trim()),
    };
    let code = fault.and_then(|fault| fault.code).map(|code| excerpt(code.as_bytes()));
    MallError { status: Some(answer.status), code, ..wire.error(operation, class, message) }
}

fn by_status(answer: &Answer, writes: bool, text: &str) -> (Class, &'static str) {
    let lower = text.to_lowercase();
    let dead = Class::Auth { renewable: false };
    match answer.status {
        401 => (dead, BAD_TOKEN),
        403 => (dead, BAD_CLIENT),
        404 => (dead, UNREGISTERED),
        // A token of the other environment and a malformed header are 400, like a document that isn't understood.
        400 if lower.contains("authoriz") || lower.contains("token") => (dead, BAD_TOKEN),
        429 => (Class::Throttled { retry_after: wait(answer) }, ""),
        503 if lower.contains("maintenance") || lower.contains("メンテナンス") => {
            let until = answer.retry_after().and_then(|wait| later(answer.answered_at, wait));
            (Class::Maintenance { until }, "")
        }
        500..=599 => (Class::Transient { applied: applied(writes) }, ""),
        status => (Class::Malformed { what: format!("HTTP {status}") }, ""),
    }
}

/// An entry of `errors` that concerns the whole request.
pub fn told(wire: &Wire, operation: &'static str, writes: bool, answer: &Answer, fault: &Fault) -> MallError {
    let dead = Class::Auth { renewable: false };
    let (class, advice) = match fault.word {
        Word::DeadlineExceeded | Word::Unavailable => (Class::Transient { applied: applied(writes) }, ""),
        Word::Throttled => (Class::Throttled { retry_after: wait(answer) }, ""),
        Word::Unauthenticated => (dead, BAD_TOKEN),
        Word::PermissionDenied => (dead, NOT_ALLOWED),
        _ => (Class::Malformed { what: "an error that this request should not have".into() }, ""),
    };
    let text = excerpt(fault.message.as_bytes());
    let message = if advice.is_empty() { text } else { format!("{advice} ({text})") };
    let code = fault.code.as_ref().map(|code| excerpt(code.as_bytes()));
    MallError { status: Some(answer.status), code, ..wire.error(operation, class, message) }
}

/// A good status with a body that isn't understood.
pub fn unreadable(wire: &Wire, operation: &'static str, answer: &Answer, what: String) -> MallError {
    let class = Class::Malformed { what };
    MallError { status: Some(answer.status), ..wire.error(operation, class, excerpt(&answer.body)) }
}

/// The mall refused the document itself, so nothing of it was done.
pub fn is_unknown_document(error: &MallError) -> bool {
    matches!(error.status, Some(400 | 422)) && matches!(error.class, Class::Malformed { .. })
}

fn applied(writes: bool) -> Applied {
    if writes { Applied::Unknown } else { Applied::No }
}

/// How long until the budget is whole again. The header's form is not documented: seconds to wait, seconds or
/// milliseconds since 1970, or a date.
pub fn wait(answer: &Answer) -> Option<Duration> {
    answer.retry_after().or_else(|| reset(answer.header("x-ratelimit-reset")?.trim(), answer.answered_at))
}

fn reset(text: &str, now: Timestamp) -> Option<Duration> {
    let at = match text.parse::<f64>() {
        Ok(number) if !number.is_finite() || number < 0.0 => return None,
        Ok(number) if number < EPOCH_SECONDS_LEAST => return bounded(Duration::try_from_secs_f64(number).ok()?),
        Ok(number) if number < EPOCH_MILLIS_LEAST => Timestamp::from_millisecond((number * 1e3) as i64).ok()?,
        Ok(number) => Timestamp::from_millisecond(number as i64).ok()?,
        Err(_) => {
            text.parse::<Timestamp>().or_else(|_| jiff::fmt::rfc2822::parse(text).map(|at| at.timestamp())).ok()?
        }
    };
    bounded(Duration::try_from(at.duration_since(now)).ok()?)
}

fn bounded(wait: Duration) -> Option<Duration> {
    (wait <= WAIT_MAX).then_some(wait)
}

fn later(now: Timestamp, wait: Duration) -> Option<Timestamp> {
    now.checked_add(jiff::SignedDuration::try_from(wait).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use uriba_sdk::env::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn answer(status: u16, header: Option<(&'static str, &'static str)>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let at = "2026-11-27T01:00:00Z".parse().unwrap();
        Answer { status, headers, body: body.into(), sent_at: at, answered_at: at }
    }

    fn wait_of(seconds: u64) -> Class {
        Class::Throttled { retry_after: Some(Duration::from_secs(seconds)) }
    }

    #[test]
    fn each_status_says_what_to_do_next() {
        let dead = Class::Auth { renewable: false };
        let transient = |applied| Class::Transient { applied };
        let reset = "x-ratelimit-reset";
        let rows = [
            (401, None, "", false, dead.clone()),
            (403, None, "", true, dead.clone()),
            (404, None, "Not Found\n", true, dead.clone()),
            (400, None, "malformed Authorization header", false, dead.clone()),
            (400, None, "access token is invalid", false, dead),
            (400, None, "Syntax Error: Unexpected Name", true, Class::Malformed { what: "HTTP 400".into() }),
            (429, Some(("retry-after", "7")), "", false, wait_of(7)),
            (429, Some((reset, "1800")), "", true, wait_of(1_800)),
            (429, Some((reset, "1795742700")), "", false, wait_of(1_500)),
            (429, Some((reset, "1795742700000")), "", false, wait_of(1_500)),
            (429, Some((reset, "2026-11-27T01:25:00Z")), "", false, wait_of(1_500)),
            (429, Some((reset, "Fri, 27 Nov 2026 01:25:00 GMT")), "", false, wait_of(1_500)),
            (429, Some((reset, "2026-11-26T01:25:00Z")), "", false, Class::Throttled { retry_after: None }),
            (429, Some((reset, "soon")), "<html>", true, Class::Throttled { retry_after: None }),
            (503, None, "<h1>メンテナンス中</h1>", true, Class::Maintenance { until: None }),
            (503, None, "upstream", true, transient(Applied::Unknown)),
            (500, None, "", false, transient(Applied::No)),
            (302, None, "", false, Class::Malformed { what: "HTTP 302".into() }),
        ];
        for (status, header, body, writes, expected) in rows {
            let text = excerpt(body.as_bytes());
            assert_eq!(by_status(&answer(status, header, body), writes, &text).0, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_word_is_found_in_the_code_and_in_the_message() {
        let rows = [
            (Some("NOT_FOUND"), "variant not found", Word::NotFound),
            (None, "productVariant not found", Word::NotFound),
            (None, "rpc error: code = PermissionDenied desc = permission denied", Word::PermissionDenied),
            (Some("FAILED_PRECONDITION"), "not found", Word::FailedPrecondition),
            (Some("E42"), "deadline exceeded", Word::DeadlineExceeded),
            (None, "rate limit exceeded", Word::Throttled),
            (None, "", Word::Other),
        ];
        for (code, message, expected) in rows {
            assert_eq!(Word::of(code, message), expected, "{code:?} {message}");
        }
    }
}
