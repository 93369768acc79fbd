//! Failures: what the mall's answer means for what the hub does next.
//!
//! Most failures come with HTTP 200 and `result/status` 1, and with one or several codes. Few codes are known, so the
//! Japanese message decides where the code doesn't. What neither tells stays `Malformed`: after a write nobody knows
//! then what was written, and people see the code.

use std::time::Duration;

use jiff::Timestamp;
use uriba_sdk::{Answer, Applied, Class, MallError, Wire, wire::excerpt};

use crate::{
    jst,
    xml::{self, Element},
};

/// Errors are short. What is longer is not searched for words: a hostile body must not cost more than this.
const ERROR_BYTES_MAX: usize = 65_536;
const NAMES: &[&str] = &["result", "status", "error", "code", "message"];

/// Which call an answer belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub operation: &'static str,
    pub writes: bool,
}

/// The mall's own words about a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub codes: Vec<String>,
    pub message: String,
}

impl Words {
    fn read(body: &[u8]) -> Self {
        let short = Some(body).filter(|body| body.len() <= ERROR_BYTES_MAX);
        let root = short.and_then(|body| xml::parse(body, NAMES).ok());
        root.and_then(|root| root.child("result").map(Self::of)).unwrap_or_default()
    }

    /// All `error` elements of a result; each may hold several codes.
    pub fn of(result: &Element) -> Self {
        let texts = |name| {
            let errors = result.all("error").flat_map(move |error| error.all(name));
            errors.map(|part| part.text().to_owned()).filter(|text| !text.is_empty()).collect::<Vec<_>>()
        };
        Self {
            codes: texts("code").iter().filter_map(|code| word(code)).collect(),
            message: texts("message").join(" "),
        }
    }

    pub fn code(&self) -> Option<String> {
        (!self.codes.is_empty()).then(|| self.codes.iter().take(4).cloned().collect::<Vec<_>>().join(","))
    }

    fn says(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.message.contains(part))
    }
}

/// A code as the mall writes them; anything longer or odder is not one.
fn word(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= 16 && text.chars().all(|c| c.is_ascii_alphanumeric())).then(|| text.to_owned())
}

/// `what`: what the caller missed in this answer, for the case that it is no known failure.
pub fn fault(wire: &Wire, context: Context, answer: &Answer, what: String) -> MallError {
    let words = Words::read(&answer.body);
    let wait = answer.retry_after();
    let class = classify(context, answer.status, wait, &words, answer.answered_at)
        .or_else(|| maintenance_page(&answer.body).then_some(Class::Maintenance { until: None }))
        .or_else(|| by_status(context, answer.status, wait))
        .unwrap_or(Class::Malformed { what });
    let message = match advice(&class, &words) {
        Some(advice) => advice.to_owned(),
        // An answer that is not an error may be about people: it is never quoted.
        None if words.message.is_empty() && answer.status == 200 => String::new(),
        None if words.message.is_empty() => excerpt(&answer.body),
        None => excerpt(words.message.as_bytes()),
    };
    MallError { status: Some(answer.status), code: words.code(), ..wire.error(context.operation, class, message) }
}

fn classify(context: Context, status: u16, wait: Option<Duration>, words: &Words, now: Timestamp) -> Option<Class> {
    let until = wait.map(|wait| jst::later(now, wait));
    Some(match () {
        () if words.codes.iter().any(|code| code == "CME0021") => Class::Auth { renewable: false },
        () if words.says(&["メンテナンス"]) => Class::Maintenance { until },
        () if words.says(&["APIキー", "ＡＰＩキー", "IPアドレス", "ＩＰアドレス", "認証"]) => {
            Class::Auth { renewable: false }
        }
        () if words.says(&["アクセス回数", "リクエスト回数", "アクセスが集中", "混み合って"]) => {
            Class::Throttled { retry_after: wait }
        }
        () if words.says(&["システムエラー"]) => transient(context),
        () if matches!(status, 401 | 403) => Class::Auth { renewable: false },
        () => return None,
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
fn advice(class: &Class, words: &Words) -> Option<&'static str> {
    match class {
        Class::Auth { .. } if words.codes.iter().any(|code| code == "CME0021") => {
            Some("the mall does not know this shop id for this key (shop_id)")
        }
        Class::Auth { .. } if words.says(&["IPアドレス", "ＩＰアドレス"]) => {
            Some("this machine's IP address is not registered with the API key: register it in Wow!manager")
        }
        Class::Auth { .. } => Some(
            "the API key is refused: its 90 days may be over (renew it in Wow!manager, API利用申請), or this \
             machine's IP address is not registered with it",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Context = Context { operation: "orders.search", writes: false };
    const WRITE: Context = Context { operation: "stock.push", writes: true };

    fn class(context: Context, status: u16, wait: Option<u64>, body: &str) -> Option<Class> {
        let wait = wait.map(Duration::from_secs);
        classify(context, status, wait, &Words::read(body.as_bytes()), Timestamp::UNIX_EPOCH)
            .or_else(|| maintenance_page(body.as_bytes()).then_some(Class::Maintenance { until: None }))
            .or_else(|| by_status(context, status, wait))
    }

    fn failed(code: &str, message: &str) -> String {
        let error = format!("<error><code>{code}</code><message>{message}</message></error>");
        format!("<?xml version='1.0'?><response><result><status>1</status>{error}</result></response>")
    }

    #[test]
    fn each_known_failure_has_its_class() {
        let no = Class::Transient { applied: Applied::No };
        let unknown = Class::Transient { applied: Applied::Unknown };
        let person = Class::Auth { renewable: false };
        let closed = Class::Maintenance { until: None };
        let slow = Class::Throttled { retry_after: None };
        let html = "<!DOCTYPE html><html><body>ただいまメンテナンス中です</body></html>";
        let table = [
            (READ, 200, None, failed("CME0021", "店舗IDを指定してください。"), person.clone()),
            (READ, 200, None, failed("", "APIキーが正しくありません。"), person.clone()),
            (WRITE, 200, None, failed("", "許可されていないIPアドレスです。"), person.clone()),
            (READ, 401, None, String::new(), person.clone()),
            (WRITE, 403, None, "<html>Forbidden</html>".into(), person),
            (WRITE, 200, None, failed("", "メンテナンス中です。"), closed.clone()),
            (READ, 503, None, html.into(), closed),
            (READ, 200, None, failed("", "アクセス回数の上限を超えました。"), slow.clone()),
            (WRITE, 429, None, String::new(), slow),
            (READ, 503, Some(7), String::new(), Class::Throttled { retry_after: Some(Duration::from_secs(7)) }),
            (READ, 200, None, failed("", "システムエラーが発生しました。"), no.clone()),
            (WRITE, 200, None, failed("", "システムエラーが発生しました。"), unknown.clone()),
            (WRITE, 502, None, "<html>Bad Gateway</html>".into(), unknown),
            (READ, 504, None, String::new(), no),
        ];
        for (context, status, wait, body, expected) in table {
            assert_eq!(class(context, status, wait, &body), Some(expected), "{status} {body}");
        }
    }

    #[test]
    fn what_no_table_names_is_left_to_the_caller() {
        for (status, body) in [
            (200, "<response><result><status>0</status></result></response>".to_owned()),
            (200, failed("PME0106", "既に登録されています。")),
            (200, failed("ZZZ9999", "新しいエラーです。")),
            (404, "<html>not found</html>".to_owned()),
            (302, String::new()),
        ] {
            assert_eq!(class(WRITE, status, None, &body), None, "{status} {body}");
        }
    }

    #[test]
    fn several_codes_are_all_named() {
        let body = "<response><result><status>1</status><error><code>CME0001</code><code>PME0002</code></error>\
                    <error><code>PME0003</code><message>だめです</message></error></result></response>";
        let words = Words::read(body.as_bytes());
        assert_eq!((words.code(), words.message.as_str()), (Some("CME0001,PME0002,PME0003".into()), "だめです"));
        assert_eq!(Words::read(b"\xff\x00"), Words::default());
        assert_eq!(Words::read(failed(&"x".repeat(99), "m").as_bytes()).code(), None);
    }
}
