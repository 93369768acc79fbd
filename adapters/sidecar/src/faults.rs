//! Every failed answer, named by what the hub does next.

use std::time::Duration;

use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::{
    card::PUSH,
    protocol::{ErrorAnswer, ErrorBody, read},
    stock::refusal as refused,
};

/// A program that repeats what it was sent (some do while they are being debugged) repeats the token too.
pub fn hide(body: &mut Vec<u8>, token: &str) {
    if body.windows(token.len()).any(|window| window == token.as_bytes()) {
        *body = String::from_utf8_lossy(body).replace(token, "…").into_bytes();
    }
}

/// An answer whose status isn't 200.
pub fn refusal(wire: &Wire, operation: &'static str, writes: bool, answer: &Answer) -> MallError {
    // The body may be HTML from something between the hub and the program: then the status speaks.
    let fault = read::<ErrorAnswer>(&answer.body).ok().map(|answer| answer.error);
    let class = class(operation, writes, answer, fault.as_ref());
    let (code, message) = fault.map(|fault| (fault.code, fault.message)).unwrap_or_default();
    MallError {
        status: Some(answer.status),
        code: code.map(|code| excerpt(code.as_bytes())),
        ..wire.error(operation, class, excerpt(message.unwrap_or_default().as_bytes()))
    }
}

/// A good status with a body that isn't understood.
pub fn unreadable(wire: &Wire, operation: &'static str, answer: &Answer, what: String) -> MallError {
    let class = Class::Malformed { what: excerpt(what.as_bytes()) };
    MallError { status: Some(answer.status), ..wire.error(operation, class, excerpt(&answer.body)) }
}

/// A batch of so many that was rejected for no entry of it, or for one that it doesn't have: nobody knows what that
/// means for the others.
pub fn sound(error: MallError, updates: usize) -> MallError {
    match &error.class {
        Class::Rejected { refused } if refused.is_empty() || refused.iter().any(|(index, _)| *index >= updates) => {
            let what = format!("a batch of {updates} rejected for other entries than its own");
            MallError { class: Class::Malformed { what }, ..error }
        }
        _ => error,
    }
}

fn class(operation: &str, writes: bool, answer: &Answer, fault: Option<&ErrorBody>) -> Class {
    let Some(fault) = fault else { return by_status(writes, answer) };
    match fault.class.as_str() {
        // The program renews what it can by itself: a person must act.
        "auth" => Class::Auth { renewable: false },
        "throttled" => Class::Throttled { retry_after: wait(fault).or_else(|| answer.retry_after()) },
        // A time that can't be read only costs the knowledge of when to come back.
        "maintenance" => Class::Maintenance { until: fault.until.as_deref().and_then(|until| until.parse().ok()) },
        "transient" => Class::Transient { applied: applied(writes && fault.applied.as_deref() != Some("no")) },
        "rejected" if operation == PUSH => Class::Rejected {
            refused: fault
                .refused
                .iter()
                .map(|bad| (bad.index, refused(bad.why.as_deref(), bad.code.clone(), bad.message.clone())))
                .collect(),
        },
        "rejected" | "malformed" => Class::Malformed { what: format!("the program says {}", fault.class) },
        _ => by_status(writes, answer),
    }
}

/// After a 5xx nobody knows whether a write was made; a read has nothing to lose.
fn by_status(writes: bool, answer: &Answer) -> Class {
    match answer.status {
        401 | 403 => Class::Auth { renewable: false },
        429 => Class::Throttled { retry_after: answer.retry_after() },
        500..=599 => Class::Transient { applied: applied(writes) },
        status => Class::Malformed { what: format!("HTTP {status}") },
    }
}

fn applied(doubtful: bool) -> Applied {
    if doubtful { Applied::Unknown } else { Applied::No }
}

/// Nonsense (the past, beyond a day) counts as absent, as in the header.
fn wait(fault: &ErrorBody) -> Option<Duration> {
    let wait = Duration::try_from_secs_f64(fault.retry_after?).ok()?;
    (wait <= Duration::from_secs(86_400)).then_some(wait)
}

#[cfg(test)]
mod tests {
    use uriba_sdk::{
        Refusal, RefusedWhy,
        env::{HeaderMap, HeaderValue},
    };

    use super::*;

    /// Status, body, whether it was a write, and what the hub must do.
    type Row = (u16, &'static str, bool, Class);

    #[test]
    fn each_failed_answer_says_what_to_do_next() {
        let wait = |seconds| Class::Throttled { retry_after: Some(Duration::from_secs_f64(seconds)) };
        let until = Some("2026-11-20T03:00:00Z".parse().unwrap());
        let unknown = Class::Transient { applied: Applied::Unknown };
        let not_made = Class::Transient { applied: Applied::No };
        let rows: Vec<Row> = vec![
            (401, r#"{"protocol":1,"error":{"class":"auth","code":"shop"}}"#, true, Class::Auth { renewable: false }),
            (403, "<html>", false, Class::Auth { renewable: false }),
            (429, r#"{"protocol":1,"error":{"class":"throttled","retry_after":2.5}}"#, false, wait(2.5)),
            (429, r#"{"protocol":1,"error":{"class":"throttled","retry_after":-1}}"#, false, wait(7.0)),
            (429, "", true, wait(7.0)),
            (
                503,
                r#"{"protocol":1,"error":{"class":"maintenance","until":"2026-11-20T12:00:00+09:00"}}"#,
                true,
                Class::Maintenance { until },
            ),
            (
                503,
                r#"{"protocol":1,"error":{"class":"maintenance","until":"noon"}}"#,
                true,
                Class::Maintenance { until: None },
            ),
            (503, r#"{"protocol":1,"error":{"class":"transient","applied":"no"}}"#, true, not_made.clone()),
            (503, r#"{"protocol":1,"error":{"class":"transient","applied":"unknown"}}"#, true, unknown.clone()),
            (500, r#"{"protocol":1,"error":{"class":"transient"}}"#, true, unknown.clone()),
            (500, r#"{"protocol":1,"error":{"class":"transient"}}"#, false, not_made.clone()),
            (502, "<html>bad gateway</html>", true, unknown.clone()),
            (502, r#"{"protocol":1,"error":{"class":"in_orbit"}}"#, true, unknown.clone()),
            (500, r#"{"protocol":2,"error":{"class":"rejected"}}"#, true, unknown),
            (504, "", false, not_made),
            (400, r#"{"protocol":1,"error":{"class":"malformed"}}"#, true, malformed("the program says malformed")),
            (404, "", true, malformed("HTTP 404")),
            (301, "", false, malformed("HTTP 301")),
        ];
        for (status, body, writes, expected) in rows {
            let answer = answer(status, body);
            let fault = read::<ErrorAnswer>(body.as_bytes()).ok().map(|answer| answer.error);
            assert_eq!(class(PUSH, writes, &answer, fault.as_ref()), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_rejected_batch_names_its_bad_entries_and_only_writes_are_rejected() {
        let body = r#"{"protocol":1,"error":{"class":"rejected","refused":[{"index":2,"why":"no_such_item"}]}}"#;
        let fault = read::<ErrorAnswer>(body.as_bytes()).unwrap().error;
        let message = "the program refused this write".into();
        let refused = vec![(2, Refusal { why: RefusedWhy::NoSuchItem, code: None, message })];
        assert_eq!(class(PUSH, true, &answer(409, body), Some(&fault)), Class::Rejected { refused });
        assert_eq!(
            class("stock.read", false, &answer(409, body), Some(&fault)),
            malformed("the program says rejected")
        );
    }

    fn malformed(what: &str) -> Class {
        Class::Malformed { what: what.into() }
    }

    fn answer(status: u16, body: &str) -> Answer {
        let headers = HeaderMap::from_iter([("retry-after".parse().unwrap(), HeaderValue::from_static("7"))]);
        let at = jiff::Timestamp::UNIX_EPOCH;
        Answer { status, headers, body: body.into(), sent_at: at, answered_at: at }
    }
}
