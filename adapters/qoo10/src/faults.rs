//! Every failed answer, named by what the hub does next.

use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::qapi::{Method, Reply};

/// An answer that is no envelope: from something in front of the mall, or not to be understood.
pub fn unreadable(wire: &Wire, method: &Method, answer: &Answer, what: String) -> MallError {
    let class = class(answer, method.writes, what);
    MallError { status: Some(answer.status), ..wire.error(method.operation, class, excerpt(&answer.body)) }
}

/// An envelope that says that it failed.
pub fn refused(wire: &Wire, method: &Method, reply: &Reply) -> MallError {
    let message = match reply.code {
        -90_004 | -90_005 => {
            format!("{}: the key has expired or the QSM password was changed; make a new one", reply.message)
        }
        _ => reply.message.clone(),
    };
    MallError {
        status: Some(200),
        code: Some(reply.code.to_string()),
        ..wire.error(method.operation, coded(reply.code, method), message)
    }
}

fn class(answer: &Answer, writes: bool, what: String) -> Class {
    // Nobody knows what became of a write whose answer is lost; a read has nothing to lose.
    let applied = if writes { Applied::Unknown } else { Applied::No };
    let page = page(&answer.body);
    match (answer.status, page) {
        (_, Some(page)) if page.contains("メンテナンス") || page.contains("maintenance") => {
            Class::Maintenance { until: None }
        }
        (429, _) => Class::Throttled { retry_after: answer.retry_after() },
        (503, _) if answer.retry_after().is_some() => Class::Throttled { retry_after: answer.retry_after() },
        (401 | 403, _) => Class::Auth { renewable: false },
        (500..=599, _) | (200, Some(_)) => Class::Transient { applied },
        (200, None) => Class::Malformed { what },
        (status, _) => Class::Malformed { what: format!("HTTP {status}") },
    }
}

/// The start of a page for people, in lower case.
fn page(body: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(&body[..body.len().min(4_000)]).trim_start_matches('\u{feff}').to_lowercase();
    let html = ["<!doctype html", "<html"].iter().any(|tag| start.trim_start().starts_with(tag));
    html.then_some(start)
}

/// A code that is not an answer of its method.
fn coded(code: i64, method: &Method) -> Class {
    let of_orders = method.operation.starts_with("orders.");
    match code {
        // A key has no successor that the adapter could fetch: making one takes the seller's password.
        -10_000 | -90_005..=-90_002 => Class::Auth { renewable: false },
        // Searches: "seller not found".
        -10_001 if of_orders => Class::Auth { renewable: false },
        // "Processing error", and three that a method page names without a word. Whether a write was made isn't told.
        -10_101 | -999 | -990 | -101 => {
            Class::Transient { applied: if method.writes { Applied::Unknown } else { Applied::No } }
        }
        code => Class::Malformed { what: format!("ResultCode {code}") },
    }
}

#[cfg(test)]
mod tests {
    use uriba_sdk::env::{HeaderMap, HeaderValue};

    use super::*;
    use crate::qapi;

    fn answer(status: u16, retry_after: Option<&'static str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert("retry-after", HeaderValue::from_static(value));
        }
        let at = jiff::Timestamp::UNIX_EPOCH;
        Answer { status, headers, body: body.into(), sent_at: at, answered_at: at }
    }

    #[test]
    fn what_is_no_envelope_says_what_to_do_next() {
        let (closed, plain) = ("<!DOCTYPE html><p>ただいまメンテナンス中です</p>", "<html>Bad Gateway</html>");
        let wait = Some(std::time::Duration::from_secs(7));
        let rows = [
            (200, None, closed, true, Class::Maintenance { until: None }),
            (503, None, "\u{feff} <HTML>Maintenance</HTML>", false, Class::Maintenance { until: None }),
            (200, None, plain, true, Class::Transient { applied: Applied::Unknown }),
            (502, None, plain, false, Class::Transient { applied: Applied::No }),
            (500, None, "", true, Class::Transient { applied: Applied::Unknown }),
            (429, Some("7"), "", true, Class::Throttled { retry_after: wait }),
            (429, None, "", false, Class::Throttled { retry_after: None }),
            (503, Some("7"), "", false, Class::Throttled { retry_after: wait }),
            (403, None, plain, false, Class::Auth { renewable: false }),
            (404, None, plain, true, Class::Malformed { what: "HTTP 404".into() }),
            (200, None, "<?xml version=\"1.0\"?><a/>", false, Class::Malformed { what: "odd".into() }),
        ];
        for (status, retry_after, body, writes, expected) in rows {
            assert_eq!(class(&answer(status, retry_after, body), writes, "odd".into()), expected, "{status} {body}");
        }
    }

    #[test]
    fn each_code_says_what_to_do_next() {
        let unknown = Class::Transient { applied: Applied::Unknown };
        let rows = [
            (-10_000, &qapi::LIST, Class::Auth { renewable: false }),
            (-90_002, &qapi::LIST, Class::Auth { renewable: false }),
            (-90_004, &qapi::SEARCH, Class::Auth { renewable: false }),
            (-90_005, &qapi::SET_ITEMS, Class::Auth { renewable: false }),
            (-10_001, &qapi::SEARCH, Class::Auth { renewable: false }),
            (-10_001, &qapi::LIST, Class::Malformed { what: "ResultCode -10001".into() }),
            (-90_001, &qapi::SEARCH, Class::Malformed { what: "ResultCode -90001".into() }),
            (-10_003, &qapi::CLAIMS, Class::Malformed { what: "ResultCode -10003".into() }),
            (-10_101, &qapi::SEARCH, Class::Transient { applied: Applied::No }),
            (-10_101, &qapi::SET_OPTIONS, unknown.clone()),
            (-999, &qapi::SET_ITEMS, unknown),
        ];
        for (code, method, expected) in rows {
            assert_eq!(coded(code, method), expected, "{code} of {}", method.name);
        }
    }
}
