//! Every failed answer, named by what the hub does next.

use serde::Deserialize;
use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::auth::crc32;

/// An answer whose status isn't 200.
pub fn refusal(wire: &Wire, operation: &'static str, writes: bool, answer: &Answer) -> MallError {
    let fault = fault(&answer.body);
    let class = class(answer, fault.code(), writes);
    let message = match fault.code() {
        // It may spell out the whole request that was signed, a session's token included.
        Some("InvalidSignatureException" | "IncompleteSignatureException") => {
            "the signature is refused: is the secret right, and this machine's clock?".into()
        }
        _ => excerpt(fault.message.as_deref().unwrap_or_default().as_bytes()),
    };
    MallError {
        status: Some(answer.status),
        code: fault.code().map(|code| excerpt(code.as_bytes())),
        ..wire.error(operation, class, message)
    }
}

/// A good status with a body that isn't understood.
pub fn unreadable(wire: &Wire, operation: &'static str, answer: &Answer, what: String) -> MallError {
    let class = Class::Malformed { what };
    MallError { status: Some(answer.status), ..wire.error(operation, class, excerpt(&answer.body)) }
}

/// DynamoDB's own name of what is wrong, without the name of its API.
pub fn code(body: &[u8]) -> Option<String> {
    fault(body).code().map(str::to_owned)
}

/// The body is what was sent, by the checksum that came with it. An answer without one is taken as it is.
pub fn is_whole(answer: &Answer) -> bool {
    let told = answer.header("x-amz-crc32").and_then(|told| told.trim().parse::<u32>().ok());
    told.is_none_or(|told| told == crc32(&answer.body))
}

#[derive(Default, Deserialize)]
struct Fault {
    #[serde(rename = "__type")]
    kind: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

impl Fault {
    fn code(&self) -> Option<&str> {
        self.kind.as_deref().map(|kind| kind.rsplit('#').next().unwrap_or(kind))
    }
}

/// The body may be a page of something in front of DynamoDB: then there is no code, and the status speaks.
fn fault(body: &[u8]) -> Fault {
    serde_json::from_slice(body).unwrap_or_default()
}

fn class(answer: &Answer, code: Option<&str>, writes: bool) -> Class {
    // After a 5xx nobody knows whether the write was made; a read has nothing to lose.
    let lost = Class::Transient { applied: if writes { Applied::Unknown } else { Applied::No } };
    match (answer.status, code) {
        (
            400,
            Some(
                "ThrottlingException"
                | "Throttling"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "LimitExceededException",
            ),
        )
        | (429, _) => Class::Throttled { retry_after: answer.retry_after() },
        // Nothing here can fetch another key or session: a person (or whatever writes the secret's file) must.
        (
            400,
            Some(
                "AccessDeniedException"
                | "ExpiredToken"
                | "ExpiredTokenException"
                | "IncompleteSignatureException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "MissingAuthenticationToken"
                | "MissingAuthenticationTokenException"
                | "OptInRequired"
                | "UnrecognizedClientException",
            ),
        )
        | (401 | 403, _) => Class::Auth { renewable: false },
        // The table is being made, restored or taken away.
        (400, Some("ResourceInUseException" | "TableInUseException")) => Class::Maintenance { until: None },
        (400, Some("TransactionConflictException" | "TransactionInProgressException")) => {
            Class::Transient { applied: Applied::No }
        }
        (400, Some("ResourceNotFoundException")) => {
            Class::Malformed { what: "there is no such table or index (or it is not there yet)".into() }
        }
        (500..=599, _) => lost,
        (status, code) => Class::Malformed { what: code.map_or_else(|| format!("HTTP {status}"), str::to_owned) },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uriba_sdk::env::{HeaderMap, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| ((*name).try_into().unwrap(), HeaderValue::from_static(value)))
            .collect();
        let at = jiff::Timestamp::UNIX_EPOCH;
        Answer { status, headers, body: body.into(), sent_at: at, answered_at: at }
    }

    fn named(code: &str) -> String {
        format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"m"}}"#)
    }

    #[test]
    fn each_failed_answer_says_what_to_do_next() {
        let auth = Class::Auth { renewable: false };
        let throttled = Class::Throttled { retry_after: None };
        let (unsent, lost) = (Applied::No, Applied::Unknown);
        let rows = [
            (400, named("ProvisionedThroughputExceededException"), throttled.clone()),
            (400, named("ThrottlingException"), throttled.clone()),
            (400, named("RequestLimitExceeded"), throttled),
            (400, named("ExpiredTokenException"), auth.clone()),
            (400, named("AccessDeniedException"), auth.clone()),
            (400, r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException"}"#.into(), auth.clone()),
            (403, "<html>".into(), auth),
            (400, named("ResourceInUseException"), Class::Maintenance { until: None }),
            (400, named("TransactionConflictException"), Class::Transient { applied: unsent }),
            (400, named("ValidationException"), Class::Malformed { what: "ValidationException".into() }),
            (400, String::new(), Class::Malformed { what: "HTTP 400".into() }),
            (500, named("InternalServerError"), Class::Transient { applied: lost }),
            (503, "<html>".into(), Class::Transient { applied: lost }),
        ];
        for (status, body, expected) in rows {
            let code = code(body.as_bytes());
            assert_eq!(class(&answer(status, &[], &body), code.as_deref(), true), expected, "{status} {body}");
        }
        assert_eq!(class(&answer(500, &[], ""), None, false), Class::Transient { applied: unsent });
        let wait = Class::Throttled { retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(class(&answer(429, &[("retry-after", "7")], ""), None, true), wait);
    }

    #[test]
    fn an_answer_that_lost_a_byte_on_the_way_is_seen_by_its_checksum() {
        let crc = [("x-amz-crc32", "2745614147")];
        assert!(is_whole(&answer(200, &crc, "{}")) && is_whole(&answer(200, &[], "{")));
        assert!(!is_whole(&answer(200, &crc, "{")));
    }
}
