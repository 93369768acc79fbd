//! Notifications: a hint to search, and nothing more.
//!
//! The mall's reference names no signature, so anybody who knows the address can send one. Believing an order id in it
//! would let a stranger spend the shop's points on made-up ids; a search costs the same whoever asks for it, and the
//! hub asks no oftener for being told often. Nothing else of a notification is read.

use serde_json::Value;
use uriba_sdk::{Hint, Notice, Wakeup};

/// A notification is about one order; whatever is longer is something else.
const BYTES_MAX: usize = 1 << 20;

pub struct Notices;

impl Wakeup for Notices {
    fn read(&self, notice: &Notice<'_>) -> Result<Hint, String> {
        if notice.body.len() > BYTES_MAX {
            return Err(format!("{} bytes are no notification of this mall", notice.body.len()));
        }
        match serde_json::from_slice::<Value>(notice.body) {
            // Topics that are not about orders exist; a topic that isn't named may be about any.
            Ok(Value::Object(fields)) => match fields.get("topic").and_then(Value::as_str) {
                Some(topic) if !topic.to_ascii_uppercase().starts_with("ORDER") => Ok(Hint::Nothing),
                _ => Ok(Hint::Search),
            },
            _ => Err("the body is not a JSON object".into()),
        }
    }
}
