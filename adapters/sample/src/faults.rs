//! Every failed answer, named by what the hub does next.

// scaffold+ #![expect(unused, reason = "not all of it is written yet")]

use serde::Deserialize;
use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::orders::instant;

/// An answer whose status isn't 200.
pub fn refusal(wire: &Wire, operation: &'static str, writes: bool, answer: &Answer) -> MallError {
    // The body may be HTML from something in front of the mall: then there is no code, and the status speaks.
    let fault = serde_json::from_slice::<Envelope>(&answer.body).map(|envelope| envelope.error).unwrap_or_default();
    let class = class(answer, &fault, writes);
    MallError {
        status: Some(answer.status),
        code: fault.code.map(|code| excerpt(code.as_bytes())),
        ..wire.error(operation, class, excerpt(fault.message.unwrap_or_default().as_bytes()))
    }
}

/// A good status with a body that isn't understood.
pub fn unreadable(wire: &Wire, operation: &'static str, answer: &Answer, what: String) -> MallError {
    let class = Class::Malformed { what };
    MallError { status: Some(answer.status), ..wire.error(operation, class, excerpt(&answer.body)) }
}

#[derive(Default, Deserialize)]
struct Envelope {
    error: Fault,
}

#[derive(Default, Deserialize)]
struct Fault {
    code: Option<String>,
    message: Option<String>,
    until: Option<String>,
}

fn class(answer: &Answer, fault: &Fault, writes: bool) -> Class {
    // scaffold: Class::Malformed { what: format!("not written yet: faults::class (HTTP {})", answer.status) }
    // After a 5xx nobody knows whether the write was made; a read has nothing to lose.
    let applied = if writes { Applied::Unknown } else { Applied::No };
    match (answer.status, fault.code.as_deref()) {
        // A key has no successor that the adapter could fetch: a person must act.
        (401 | 403, _) => Class::Auth { renewable: false },
        (429, _) => Class::Throttled { retry_after: answer.retry_after() },
        // A date that can't be read only costs the knowledge of when to come back.
        (503, Some("closed")) => Class::Maintenance { until: fault.until.as_deref().and_then(|at| instant(at).ok()) },
        (500..=599, _) => Class::Transient { applied },
        (status, _) => Class::Malformed { what: format!("HTTP {status}") },
    }
}

#[cfg(test)]
mod tests {
    use uriba_sdk::env::{HeaderMap, HeaderValue};

    use super::*;

    /// Status, `Retry-After`, body, whether it was a write, and what the hub must do.
    type Row = (u16, Option<&'static str>, &'static str, bool, Class);

    #[test]
    fn each_failed_answer_says_what_to_do_next() {
        for (status, retry_after, body, writes, expected) in rows() {
            let answer = answer(status, retry_after, body);
            let fault =
                serde_json::from_slice::<Envelope>(body.as_bytes()).map(|found| found.error).unwrap_or_default();
            assert_eq!(class(&answer, &fault, writes), expected, "{status} {body}");
        }
    }

    fn rows() -> Vec<Row> {
        // scaffold: vec![(401, None, "", false, Class::Auth { renewable: false })]
        let wait = |seconds| Class::Throttled { retry_after: Some(std::time::Duration::from_secs(seconds)) };
        let until = Some("2026-11-20T03:00:00Z".parse().unwrap());
        vec![
            (401, None, r#"{"error":{"code":"bad_key"}}"#, false, Class::Auth { renewable: false }),
            (403, None, "", true, Class::Auth { renewable: false }),
            (429, Some("7"), "", false, wait(7)),
            (429, Some("soon"), "<html>", true, Class::Throttled { retry_after: None }),
            (
                503,
                None,
                r#"{"error":{"code":"closed","until":"2026-11-20T12:00:00"}}"#,
                true,
                Class::Maintenance { until },
            ),
            (503, None, r#"{"error":{"code":"closed","until":"noon"}}"#, true, Class::Maintenance { until: None }),
            (503, None, "<html>closed</html>", false, Class::Transient { applied: Applied::No }),
            (500, None, "", true, Class::Transient { applied: Applied::Unknown }),
            (400, None, "{}", true, Class::Malformed { what: "HTTP 400".into() }),
        ]
    }

    fn answer(status: u16, retry_after: Option<&'static str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert("retry-after", HeaderValue::from_static(value));
        }
        let at = jiff::Timestamp::UNIX_EPOCH;
        Answer { status, headers, body: body.into(), sent_at: at, answered_at: at }
    }
}
