//! Webhooks: signed over the raw body with the app's client secret. They come late, twice, out of order or not at all.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;
use uriba_sdk::{Hint, Notice, Wakeup};

use crate::listing::{self, ORDER};

pub struct Doorbell {
    pub secret: SecretString,
    /// One secret signs the notices of every shop that has the app.
    pub domain: String,
}

impl Wakeup for Doorbell {
    fn read(&self, notice: &Notice<'_>) -> Result<Hint, String> {
        let header = |name: &str| notice.headers.get(name).and_then(|value| value.to_str().ok());
        let signature = header("x-shopify-hmac-sha256").ok_or("it is not signed (X-Shopify-Hmac-Sha256)")?;
        let signature = STANDARD.decode(signature.trim()).map_err(|_| "its signature is not base64")?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes())
            .map_err(|_| "the client secret can't be a key")?;
        mac.update(notice.body);
        // In constant time: how long the comparison takes must not tell how much of a guess was right.
        mac.verify_slice(&signature).map_err(|_| "its signature doesn't fit: is client_secret right?")?;
        if let Some(domain) =
            header("x-shopify-shop-domain").filter(|domain| !domain.eq_ignore_ascii_case(&self.domain))
        {
            return Err(format!("it is about another shop, {}", uriba_sdk::wire::excerpt(domain.as_bytes())));
        }
        let topic = header("x-shopify-topic").ok_or("it names no topic (X-Shopify-Topic)")?;
        let body: Value = serde_json::from_slice(notice.body).map_err(|_| "its body is not JSON")?;
        Ok(hint(topic, &body))
    }
}

fn hint(topic: &str, body: &Value) -> Hint {
    match topic.split('/').next() {
        Some("orders" | "refunds" | "fulfillments") => {
            order(topic, body).map_or(Hint::Search, |id| Hint::Orders(vec![id]))
        }
        // inventory_levels/update comes after our own writes too, and a sale comes with an order.
        _ => Hint::Nothing,
    }
}

fn order(topic: &str, body: &Value) -> Option<String> {
    let id = match topic {
        "orders/edited" => &body["order_edit"]["order_id"],
        _ if topic.starts_with("orders/") => match body["admin_graphql_api_id"].as_str() {
            Some(gid) => return listing::as_gid(ORDER, gid),
            None => &body["id"],
        },
        _ => &body["order_id"],
    };
    id.as_u64().map(|number| listing::gid(ORDER, &number.to_string()))
}
