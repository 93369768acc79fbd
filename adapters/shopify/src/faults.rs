//! Every failed answer, named by what the hub does next. GraphQL tells most failures with status 200.

use serde_json::Value;
use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::{
    card::TOKEN,
    graphql::{Cost, Envelope},
};

/// An answer whose status isn't 200. `renews`: another access token can be fetched.
pub fn refused(wire: &Wire, operation: &'static str, writes: bool, renews: bool, answer: &Answer) -> MallError {
    // The body may be HTML from something in front of the mall: then the status alone speaks.
    let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
    let cost = Envelope::read(&answer.body).ok().and_then(|envelope| envelope.cost);
    let class = class(answer, cost, writes, renews);
    let message = match answer.status {
        402 => "the shop is frozen until its bill is paid".into(),
        423 => "the shop is locked; its owner must talk to Shopify".into(),
        404 => "no such shop, or no such version: are options.shop and options.api_version right?".into(),
        _ => excerpt(body["errors"].as_str().unwrap_or_default().as_bytes()),
    };
    MallError { status: Some(answer.status), ..wire.error(operation, class, message) }
}

/// Status 200 with errors.
pub fn told(wire: &Wire, operation: &'static str, writes: bool, answer: &Answer, envelope: &Envelope) -> MallError {
    let codes = envelope.errors.iter().filter_map(|error| error["extensions"]["code"].as_str());
    let code = codes.clone().find(|code| is_known(code)).or_else(|| codes.clone().next()).map(str::to_owned);
    let message = envelope.errors.iter().find_map(|error| error["message"].as_str()).unwrap_or_default();
    let lost = if writes { Applied::Unknown } else { Applied::No };
    let class = match code.as_deref() {
        // What it was asked to write may be written, and only the telling failed.
        _ if writes && envelope.has_result() => Class::Transient { applied: Applied::Unknown },
        Some("THROTTLED") => Class::Throttled { retry_after: envelope.cost.as_ref().and_then(Cost::wait) },
        // No token brings a permission that the app doesn't have: a person must grant it.
        Some("ACCESS_DENIED") => Class::Auth { renewable: false },
        Some("SHOP_INACTIVE") => Class::Maintenance { until: None },
        Some("INTERNAL_SERVER_ERROR" | "TIMEOUT") => Class::Transient { applied: lost },
        _ => Class::Malformed { what: "errors that this adapter doesn't know".into() },
    };
    let code = code.map(|code| excerpt(code.as_bytes()));
    MallError { status: Some(answer.status), code, ..wire.error(operation, class, excerpt(message.as_bytes())) }
}

/// A good status with a body that isn't understood.
pub fn malformed(wire: &Wire, operation: &'static str, answer: &Answer, what: String) -> MallError {
    let class = Class::Malformed { what };
    MallError { status: Some(answer.status), ..wire.error(operation, class, excerpt(&answer.body)) }
}

pub fn token_refused(wire: &Wire, answer: &Answer) -> MallError {
    let class = match answer.status {
        400 | 401 | 403 | 404 => Class::Auth { renewable: false },
        _ => class(answer, None, false, false),
    };
    let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
    let code = body["error"].as_str().map(|code| excerpt(code.as_bytes()));
    let message = "no access token is granted: are client_id and client_secret right, and is the app installed?";
    MallError { status: Some(answer.status), code, ..wire.error(TOKEN, class, message) }
}

fn is_known(code: &str) -> bool {
    matches!(code, "THROTTLED" | "ACCESS_DENIED" | "SHOP_INACTIVE" | "INTERNAL_SERVER_ERROR" | "TIMEOUT")
}

fn class(answer: &Answer, cost: Option<Cost>, writes: bool, renews: bool) -> Class {
    let applied = if writes { Applied::Unknown } else { Applied::No };
    match answer.status {
        401 => Class::Auth { renewable: renews },
        403 => Class::Auth { renewable: false },
        402 | 423 => Class::Maintenance { until: None },
        // 430: Shopify's guard against attacks holds us for one.
        429 | 430 => Class::Throttled { retry_after: answer.retry_after().or_else(|| cost?.wait()) },
        500..=599 => Class::Transient { applied },
        status => Class::Malformed { what: format!("HTTP {status}") },
    }
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

    fn wire() -> Wire {
        let (gates, vault) = (Arc::new(Gates::fresh()), Arc::new(Vault::default()));
        Wire::new(Arc::new(ManualEnv::new(1)), gates, vault, &CARD, &Settings::default())
    }

    fn answer(status: u16, retry_after: Option<&'static str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert("retry-after", HeaderValue::from_static(value));
        }
        let at = jiff::Timestamp::UNIX_EPOCH;
        Answer { status, headers, body: body.into(), sent_at: at, answered_at: at }
    }

    #[test]
    fn each_status_says_what_to_do_next() {
        let throttled = |seconds: Option<u64>| Class::Throttled { retry_after: seconds.map(Duration::from_secs) };
        let rows = [
            (401, None, r#"{"errors":"[API] Invalid API key or access token"}"#, Class::Auth { renewable: true }),
            (403, None, "", Class::Auth { renewable: false }),
            (402, None, "", Class::Maintenance { until: None }),
            (423, None, r#"{"errors":"Locked"}"#, Class::Maintenance { until: None }),
            (429, Some("7"), "", throttled(Some(7))),
            (430, None, "<html>", throttled(None)),
            (500, None, "", Class::Transient { applied: Applied::Unknown }),
            (503, None, "<html>back soon</html>", Class::Transient { applied: Applied::Unknown }),
            (404, None, r#"{"errors":"Not Found"}"#, Class::Malformed { what: "HTTP 404".into() }),
            (301, None, "", Class::Malformed { what: "HTTP 301".into() }),
        ];
        for (status, retry_after, body, expected) in rows {
            let error = refused(&wire(), PUSH, true, true, &answer(status, retry_after, body));
            assert_eq!(error.class, expected, "{status} {body}");
        }
        let fixed = refused(&wire(), SEARCH, false, false, &answer(401, None, ""));
        assert_eq!(fixed.class, Class::Auth { renewable: false }, "a token that never changes has no successor");
    }

    #[test]
    fn each_error_of_graphql_says_what_to_do_next() {
        let rows = [
            ("THROTTLED", Class::Throttled { retry_after: None }),
            ("ACCESS_DENIED", Class::Auth { renewable: false }),
            ("SHOP_INACTIVE", Class::Maintenance { until: None }),
            ("INTERNAL_SERVER_ERROR", Class::Transient { applied: Applied::Unknown }),
        ];
        for (code, expected) in rows {
            let body = format!(r#"{{"data":null,"errors":[{{"message":"m","extensions":{{"code":"{code}"}}}}]}}"#);
            let envelope = Envelope::read(body.as_bytes()).unwrap();
            let error = told(&wire(), PUSH, true, &answer(200, None, &body), &envelope);
            assert_eq!((error.class, error.code.as_deref()), (expected, Some(code)));
        }
        for body in [
            r#"{"errors":[{"message":"Field 'x' doesn't exist","locations":[{"line":1}]}]}"#,
            r#"{"errors":[{"message":"too costly","extensions":{"code":"MAX_COST_EXCEEDED"}}]}"#,
            r#"{"errors":"a text"}"#,
        ] {
            let envelope = Envelope::read(body.as_bytes()).unwrap();
            let error = told(&wire(), SEARCH, false, &answer(200, None, body), &envelope);
            assert!(matches!(error.class, Class::Malformed { .. }), "{body}");
        }
    }

    #[test]
    fn a_write_that_was_answered_beside_an_error_may_have_been_made() {
        let body = r#"{"data":{"inventorySetQuantities":{"userErrors":[]}},
            "errors":[{"message":"m","extensions":{"code":"ACCESS_DENIED"}}]}"#;
        let envelope = Envelope::read(body.as_bytes()).unwrap();
        let error = told(&wire(), PUSH, true, &answer(200, None, body), &envelope);
        assert_eq!(error.class, Class::Transient { applied: Applied::Unknown });
    }
}
