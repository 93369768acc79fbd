//! ORDER_CHANGE notifications, forwarded to the hub by a small function behind EventBridge or SQS that signs them with
//! a secret it shares with the channel. They come late, twice, out of order or not at all.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;
use uriba_sdk::{Hint, Notice, Settings, Wakeup, mall::SettingsError};

use crate::{orders::is_order_id, setting};

const SIGNATURE: &str = "x-uriba-signature";
const SECRET: &str = "hook_secret";
/// A shorter secret could be guessed.
const SECRET_CHARS_MIN: usize = 16;
/// SQS hands out ten messages at once unless told otherwise. With more, a search is cheaper than asking for each.
const ORDERS_MAX: usize = 100;

pub struct Doorbell {
    secret: SecretString,
    seller: String,
}

impl Doorbell {
    /// `None` where nobody forwards anything.
    pub fn open(settings: &Settings, seller: &str) -> Result<Option<Self>, SettingsError> {
        if !settings.credentials.contains_key(SECRET) {
            return Ok(None);
        }
        let secret = setting(settings, SECRET)?;
        if secret.expose_secret().chars().count() < SECRET_CHARS_MIN {
            let message = format!("must have at least {SECRET_CHARS_MIN} characters");
            return Err(SettingsError { key: format!("credentials.{SECRET}"), message });
        }
        Ok(Some(Self { secret, seller: seller.to_owned() }))
    }

    /// The orders of one notification that are new or changed and ours to ship; `None`: some order, it doesn't say.
    fn changed(&self, notification: &Value) -> Option<Vec<String>> {
        let change = &notification["Payload"]["OrderChangeNotification"];
        let other = |field: &Value, ours: &str| field.as_str().is_some_and(|text| text != ours);
        if other(&notification["NotificationType"], "ORDER_CHANGE")
            || other(&change["SellerId"], &self.seller)
            || other(&change["Summary"]["FulfillmentType"], "MFN")
        {
            return Some(Vec::new());
        }
        change["AmazonOrderId"].as_str().filter(|id| is_order_id(id)).map(|id| vec![id.to_owned()])
    }
}

impl Wakeup for Doorbell {
    fn read(&self, notice: &Notice<'_>) -> Result<Hint, String> {
        let signature = notice.headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
        let signature = signature.ok_or("it is not signed (X-Uriba-Signature)")?;
        let signature = bytes(signature.trim()).ok_or("its signature is not hexadecimal")?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes())
            .map_err(|_| "hook_secret can't be a key")?;
        mac.update(notice.body);
        // In constant time: how long the comparison takes must not tell how much of a guess was right.
        mac.verify_slice(&signature).map_err(|_| "its signature doesn't fit: is hook_secret right?")?;
        let body: Value = serde_json::from_slice(notice.body).map_err(|_| "its body is not JSON")?;
        let mut orders: Vec<String> = Vec::new();
        for notification in notifications(&body)? {
            match self.changed(&notification) {
                None => return Ok(Hint::Search),
                Some(changed) => orders.extend(changed),
            }
        }
        orders.sort_unstable();
        orders.dedup();
        Ok(match orders.len() {
            0 => Hint::Nothing,
            n if n > ORDERS_MAX => Hint::Search,
            _ => Hint::Orders(orders),
        })
    }
}

/// The notification itself, an event of EventBridge around it, or the records of a function that SQS called.
fn notifications(body: &Value) -> Result<Vec<Value>, String> {
    if let Some(records) = body["Records"].as_array() {
        let inner = |record: &Value| -> Option<Value> { serde_json::from_str(record["body"].as_str()?).ok() };
        let read: Option<Vec<_>> = records.iter().map(inner).collect();
        let read = read.ok_or("a record whose body is not JSON")?;
        return read.iter().map(single).collect();
    }
    Ok(vec![single(body)?])
}

fn single(body: &Value) -> Result<Value, String> {
    let detail = if body["detail"].is_object() { &body["detail"] } else { body };
    if detail["NotificationType"].is_string() { Ok(detail.clone()) } else { Err("it is no notification".into()) }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    // A sign would pass for a digit.
    let plain = digits.iter().all(u8::is_ascii_hexdigit) && digits.len() == 64;
    plain.then(|| digits.chunks(2).map(pair).collect()).flatten()
}
