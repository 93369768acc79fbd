//! Status, headers and body of a failed answer → [`MallError`].
//!
//! Three envelopes exist: `MessageModelList` (order functions), `errors[]` (inventory functions) and `Results` (the
//! gateway in front of both). The gateway's own codes are looked for under any status, because which status
//! goes with them is not documented.

use serde_json::Value;
use uriba_sdk::{Answer, Applied, Class, MallError, Refusal, RefusedWhy, Update, Write, wire::excerpt};

use crate::card::{CARD, GET, LICENSE, LIST, PUSH, READ, SEARCH, SHOP};

/// Error bodies beyond this size are not read: 400 entries with some errors each stay far below.
const SAID_BYTES_MAX: usize = 1 << 20;

/// What an answer means that is not a success. `updates` are the entries of the push that it answers.
pub fn failure(operation: &'static str, answer: &Answer, updates: &[Update]) -> MallError {
    let said = Said::read(&answer.body);
    let code = said.code().map(str::to_owned);
    let class = class(operation, answer, &said, updates);
    let message = match (&class, code.as_deref()) {
        (Class::Auth { .. }, code) => advice(operation, code),
        _ => said.0.first().map_or_else(|| excerpt(&answer.body), |first| first.message.clone()),
    };
    MallError { class, mall: CARD.mall, operation, status: Some(answer.status), code, message }
}

/// A 200 whose body is not what the function answers: a known failure in disguise, or not understood.
pub fn misread(operation: &'static str, answer: &Answer, what: String) -> MallError {
    let mut error = failure(operation, answer, &[]);
    if let Class::Malformed { what: general } = &mut error.class {
        *general = what;
        error.message = excerpt(&answer.body);
    }
    error
}

fn class(operation: &str, answer: &Answer, said: &Said, updates: &[Update]) -> Class {
    let writes = operation == PUSH;
    match (answer.status, said.code()) {
        // ES04-01: function not ticked, or a key that the gateway doesn't know yet. IE1105: the shop isn't on the
        // SKU model. Nothing but a person helps against any of these.
        (_, Some("GA0001" | "ES04-01" | "IE1105")) | (401 | 403, _) => Class::Auth { renewable: false },
        (429, _) => Class::Throttled { retry_after: answer.retry_after() },
        (503, _) if speaks_of_maintenance(&answer.body) => Class::Maintenance {
            until: answer.retry_after().and_then(|wait| answer.answered_at.checked_add(wait).ok()),
        },
        (500.., _) => Class::Transient { applied: if writes { Applied::Unknown } else { Applied::No } },
        (409, Some("CE0001")) => Class::Transient { applied: Applied::No },
        (400, _) if writes => said
            .refused(updates)
            .map_or_else(|| Class::Malformed { what: said.what(answer.status) }, |refused| Class::Rejected { refused }),
        (status, _) => Class::Malformed { what: said.what(status) },
    }
}

fn speaks_of_maintenance(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&body[..body.len().min(20_000)]);
    text.contains("メンテナンス") || text.to_ascii_lowercase().contains("maintenance")
}

/// A 200 that is not understood and may name people: nothing of it is quoted.
pub fn unquoted(operation: &'static str, answer: &Answer, what: String) -> MallError {
    let mut error = misread(operation, answer, what);
    error.message = String::new();
    error
}

/// The mall says that this function is not ticked in RMS.
pub fn is_off(error: &MallError) -> bool {
    error.code.as_deref() == Some("ES04-01")
}

/// What a person must do.
pub fn advice(operation: &str, code: Option<&str>) -> String {
    let function = match operation {
        SEARCH => "楽天ペイ受注API rpay.order.searchOrder",
        GET => "楽天ペイ受注API rpay.order.getOrder",
        PUSH => "在庫API 2.1 inventories.bulk.upsert",
        READ => "在庫API 2.1 inventories.bulk.get",
        LIST => "商品API 2.0 items.search",
        SHOP => "店舗API shop.shopMaster.get",
        LICENSE => "ライセンス管理API license.expiryDate.get",
        other => other,
    };
    match code {
        Some("ES04-01") => format!(
            "tick {function} in RMS (店舗様向け情報・サービス > WEB APIサービス > 利用機能編集); if it is ticked, the \
             licenseKey has expired or was issued less than 30 minutes ago"
        ),
        Some("IE1105") => "the shop has not moved to the SKU model, which InventoryAPI 2.1 needs".to_owned(),
        _ => "RMS does not accept serviceSecret and licenseKey: a licenseKey lives 90 days, and a new one works 10 to \
              30 minutes after it was issued"
            .to_owned(),
    }
}

/// The errors that a body tells, in any of the envelopes.
struct Said(Vec<Told>);

struct Told {
    code: String,
    message: String,
    path: String,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        if body.len() > SAID_BYTES_MAX {
            return Self(Vec::new());
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let told = |error: &Value, code: &str| {
            let code = excerpt(error[code].as_str()?.as_bytes());
            let text = |value: &Value| excerpt(value.as_str().unwrap_or_default().as_bytes());
            Some(Told { code, message: text(&error["message"]), path: text(&error["metadata"]["propertyPath"]) })
        };
        let messages = body["MessageModelList"].as_array().into_iter().flatten();
        let errors = body["errors"].as_array().into_iter().flatten();
        let told = told(&body["Results"], "errorCode")
            .into_iter()
            .chain(errors.filter_map(|error| told(error, "code")))
            .chain(messages.filter(|it| it["messageType"] == "ERROR").filter_map(|it| told(it, "messageCode")));
        Self(told.collect())
    }

    fn code(&self) -> Option<&str> {
        self.0.first().map(|told| told.code.as_str())
    }

    fn what(&self, status: u16) -> String {
        match self.code() {
            Some(code) => format!("HTTP {status} with code {code}"),
            None => format!("HTTP {status} in a form that is not documented"),
        }
    }

    /// The entries of a bulk-upsert that the errors point at, one refusal each; `None` when one of them points
    /// at no entry that was sent.
    fn refused(&self, updates: &[Update]) -> Option<Vec<(usize, Refusal)>> {
        let mut refused: Vec<(usize, Refusal)> = Vec::new();
        for told in &self.0 {
            for index in told.entries(updates)? {
                if refused.iter().all(|(known, _)| *known != index) {
                    refused.push((index, told.refusal(updates[index].write)));
                }
            }
        }
        refused.sort_by_key(|(index, _)| *index);
        (!refused.is_empty()).then_some(refused)
    }
}

impl Told {
    /// The mall may leave the place out. An entry sent alone is meant then; and of a batch with a result out of
    /// range all that take units away are named (or, without any, all that add), so that the others go on and
    /// these are read back: nothing of the batch was written.
    fn entries(&self, updates: &[Update]) -> Option<Vec<usize>> {
        if let Some(index) = self.entry() {
            return (index < updates.len()).then(|| vec![index]);
        }
        let changes = |wanted: fn(i64) -> bool| {
            let meant = |write| matches!(write, Write::Relative(change) if wanted(change));
            let all = updates.iter().enumerate().filter(|(_, update)| meant(update.write));
            let all: Vec<usize> = all.map(|(index, _)| index).collect();
            (!all.is_empty()).then_some(all)
        };
        match self.code.as_str() {
            code if updates.len() == 1 && code.starts_with("IE0") => Some(vec![0]),
            "IE0117" => changes(|change| change < 0).or_else(|| changes(|change| change > 0)),
            _ => None,
        }
    }

    /// `inventories[12].quantity` → 12.
    fn entry(&self) -> Option<usize> {
        let (index, _) = self.path.strip_prefix("inventories[")?.split_once(']')?;
        index.parse().ok()
    }

    fn refusal(&self, write: Write) -> Refusal {
        let why = match self.code.as_str() {
            "IE0117" if matches!(write, Write::Relative(change) if change < 0) => RefusedWhy::BelowZero,
            "IE0117" | "IE0003" => RefusedWhy::OutOfRange,
            "IE0500" => RefusedWhy::NoSuchItem,
            // Not in the reference for one entry, but a conflict is a conflict.
            "CE0001" => RefusedWhy::Busy,
            _ => RefusedWhy::Other,
        };
        Refusal { why, code: Some(self.code.clone()), message: self.message.clone() }
    }
}

#[cfg(test)]
mod tests {
    use uriba_sdk::{Env, fake::ManualEnv};

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let now = ManualEnv::new(1).now();
        let (headers, body) = (Default::default(), body.as_bytes().to_vec());
        Answer { status, headers, body, sent_at: now, answered_at: now }
    }

    fn updates(writes: &[Write]) -> Vec<Update> {
        writes.iter().map(|write| Update { key: "tee/navy".into(), handle: None, write: *write }).collect()
    }

    #[test]
    fn each_answer_has_its_class() {
        let auth = Class::Auth { renewable: false };
        let lost = |applied| Class::Transient { applied };
        let gateway = |code: &str| format!(r#"{{"Results":{{"errorCode":"{code}","message":"x"}}}}"#);
        let inventory = |code: &str| format!(r#"{{"errors":[{{"code":"{code}","message":"x"}}]}}"#);
        let table = [
            (READ, 401, inventory("GA0001"), auth.clone()),
            (SEARCH, 401, gateway("GA0001"), auth.clone()),
            (SEARCH, 401, String::new(), auth.clone()),
            (SEARCH, 200, gateway("ES04-01"), auth.clone()),
            (SEARCH, 400, gateway("ES04-01"), auth.clone()),
            (PUSH, 401, gateway("ES04-01"), auth.clone()),
            (PUSH, 403, gateway("ES04-01"), auth.clone()),
            (PUSH, 400, inventory("IE1105"), auth),
            (PUSH, 409, inventory("CE0001"), lost(Applied::No)),
            (PUSH, 500, inventory("X0000"), lost(Applied::Unknown)),
            (PUSH, 502, "<html>".into(), lost(Applied::Unknown)),
            (READ, 500, inventory("GE0019"), lost(Applied::No)),
            (GET, 503, "busy".into(), lost(Applied::No)),
            (GET, 503, "<h1>システムメンテナンス中</h1>".into(), Class::Maintenance { until: None }),
            (GET, 429, String::new(), Class::Throttled { retry_after: None }),
        ];
        for (operation, status, body, expected) in table {
            let error = failure(operation, &answer(status, &body), &[]);
            assert_eq!(error.class, expected, "{operation} {status} {body}");
        }
    }

    #[test]
    fn what_is_not_documented_is_malformed() {
        let table = [
            (SEARCH, 400, r#"{"MessageModelList":[{"messageType":"ERROR","messageCode":"X_ERROR_011"}]}"#),
            (SEARCH, 415, r#"{"Results":{"errorCode":"ES04-03","message":"Unsupported Media Type"}}"#),
            (READ, 404, "not found"),
            (PUSH, 200, "{}"),
            (PUSH, 400, r#"{"errors":[{"code":"IE1101","message":"too many"}]}"#),
            (PUSH, 409, "{}"),
        ];
        for (operation, status, body) in table {
            let error = failure(operation, &answer(status, body), &updates(&[Write::Absolute(1)]));
            assert!(matches!(error.class, Class::Malformed { .. }), "{operation} {status} {body}");
        }
    }

    #[test]
    fn a_refused_batch_names_its_entries_and_why() {
        let entry = |index: usize, code: &str| serde_json::json!({"code": code, "message": "m", "metadata": {"propertyPath": format!("inventories[{index}].quantity")}});
        let body = serde_json::json!({"errors": [
            entry(3, "IE0500"), entry(0, "IE0117"), entry(1, "IE0117"), entry(2, "IE0003"), entry(0, "IE0003"), entry(4, "IE0118"),
        ]});
        let sent = updates(&[
            Write::Relative(-3),
            Write::Relative(90_000),
            Write::Absolute(-1),
            Write::Relative(1),
            Write::Absolute(1),
        ]);
        let Class::Rejected { refused } = failure(PUSH, &answer(400, &body.to_string()), &sent).class else {
            panic!("not rejected")
        };
        let why: Vec<_> = refused.iter().map(|(index, refusal)| (*index, refusal.why)).collect();
        use RefusedWhy::{BelowZero, NoSuchItem, Other, OutOfRange};
        assert_eq!(why, [(0, BelowZero), (1, OutOfRange), (2, OutOfRange), (3, NoSuchItem), (4, Other)]);
    }

    #[test]
    fn an_error_that_points_beyond_the_batch_is_not_guessed_at() {
        let body =
            r#"{"errors":[{"code":"IE0003","message":"m","metadata":{"propertyPath":"inventories[9].quantity"}}]}"#;
        let error = failure(PUSH, &answer(400, body), &updates(&[Write::Absolute(1)]));
        assert!(matches!(error.class, Class::Malformed { .. }));
    }

    #[test]
    fn an_error_without_a_place_names_the_entries_that_can_be_meant() {
        let body = r#"{"errors":[{"code":"IE0117","message":"m"}]}"#;
        let named = |writes: &[Write]| match failure(PUSH, &answer(400, body), &updates(writes)).class {
            Class::Rejected { refused } => refused.iter().map(|(index, refusal)| (*index, refusal.why)).collect(),
            _ => Vec::new(),
        };
        use RefusedWhy::{BelowZero, OutOfRange};
        let (set, up, down) = (Write::Absolute(1), Write::Relative(2), Write::Relative(-2));
        assert_eq!(named(&[down]), [(0, BelowZero)]);
        assert_eq!(named(&[set, down, up, down]), [(1, BelowZero), (3, BelowZero)]);
        assert_eq!(named(&[set, up]), [(1, OutOfRange)]);
        assert_eq!(named(&[set, set]), []);
    }

    #[test]
    fn a_missing_function_is_named_with_the_place_to_tick_it() {
        let body = r#"{"Results":{"errorCode":"ES04-01","message":"Bad Request"}}"#;
        let error = failure(SEARCH, &answer(403, body), &[]);
        assert!(error.message.contains("rpay.order.searchOrder") && error.message.contains("利用機能編集"));
    }
}
