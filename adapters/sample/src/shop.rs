//! What the shop says of itself: what it lists, whose it is, and what it tells without being asked. Pure like
//! [`crate::orders`].

// scaffold+ #![expect(unused, reason = "not all of it is written yet")]

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use uriba_sdk::{AccountSheet, Hint, Listed, Notice, Shelf};

use crate::orders::instant;

/// The header of a notification's signature: HMAC-SHA256 of the body with the shop's key, in hexadecimal digits.
pub const SIGNATURE: &str = "x-signature";

/// The list's parameters. Like those of orders, its tokens need no escapes.
pub fn list(token: Option<&str>) -> String {
    // scaffold: "?not_written_yet=shop::list".into()
    token.map(|token| format!("?page={token}")).unwrap_or_default()
}

pub fn shelf(body: &[u8]) -> Result<Shelf, String> {
    // scaffold: Err("not written yet: shop::shelf".into())
    let answer: WireList = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    // The mall's item is the seller's own code: there is no other.
    let listed = |item: WireItem| Listed { key: item.item, code: None, jan: item.jan, title: item.title };
    Ok(Shelf { items: answer.items.into_iter().map(listed).collect(), next: answer.next })
}

pub fn account(body: &[u8]) -> Result<AccountSheet, String> {
    // scaffold: Err("not written yet: shop::account".into())
    let shop: WireShop = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let ends = shop.key_ends.as_deref().map(instant).transpose()?;
    Ok(AccountSheet { shop: shop.shop, ends: ends.map(|ends| ("key", ends)).into_iter().collect(), notes: Vec::new() })
}

/// Believed if it is signed with the shop's key, over the bytes as they came.
pub fn hint(notice: &Notice<'_>, key: &[u8]) -> Result<Hint, String> {
    // scaffold: Err("not written yet: shop::hint".into())
    let signature = notice.headers.get(SIGNATURE).and_then(|value| bytes(value.to_str().ok()?));
    let signature = signature.ok_or("it is not signed")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(notice.body);
    mac.verify_slice(&signature).map_err(|_| "its signature doesn't fit")?;
    let told: WireNotice = serde_json::from_slice(notice.body).map_err(|error| error.to_string())?;
    // It also tells of what isn't about orders.
    Ok(told.order.map_or(Hint::Nothing, |order| Hint::Orders(vec![order])))
}

// scaffold:
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if digits.len().is_multiple_of(2) { digits.as_bytes().chunks(2).map(pair).collect() } else { None }
}

#[derive(Deserialize)]
struct WireList {
    items: Vec<WireItem>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct WireItem {
    item: String,
    jan: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
struct WireShop {
    shop: String,
    key_ends: Option<String>,
}

#[derive(Deserialize)]
struct WireNotice {
    order: Option<String>,
}
