//! The common book in the mall's words.

use jiff::Timestamp;
use serde_json::{Value, json};
use uriba_sdk::{
    Line, Listed, Order,
    fake::{BookOrder, Fault, Item, Stage, Visit},
};

use super::switches::Switches;

pub const STATUSES: [&str; 6] =
    ["WAITING_FOR_PAYMENT", "WAITING_FOR_SHIPPING", "COMPLETING", "COMPLETED", "CANCELING", "CANCELED"];
/// What an order names of a product that is gone from the shop.
pub const GONE: &str = "p2JgoneGoneGoneGone";
const DIGITS: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const VARIANT: &str = "v2J";

/// Opaque ids as the mall makes them: the same text always gives the same one.
pub fn opaque(text: &str) -> String {
    let mut hash = text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    let mut id = String::from("2J");
    for _ in 0..20 {
        id.push(char::from(DIGITS[usize::try_from(hash % 57).unwrap_or(0)]));
        hash /= 57;
    }
    id
}

/// Two variants to a product, and every fifth item one that has no code.
pub fn key(shop: &str, n: usize) -> String {
    match n % 5 {
        4 => format!("{VARIANT}{}", opaque(&format!("{shop} {n}"))),
        _ => format!("{shop}-Cup{:04}-{}", n / 2, if n.is_multiple_of(2) { "wt" } else { "bk" }),
    }
}

pub fn sku_of(key: &str) -> Option<&str> {
    Some(key).filter(|key| !key.starts_with(VARIANT))
}

pub fn variant_id(key: &str) -> String {
    sku_of(key).map_or_else(|| key.to_owned(), |sku| format!("{VARIANT}{}", opaque(sku)))
}

/// Variants of one product share what stands before the last hyphen.
pub fn product_id(key: &str) -> String {
    format!("p{}", opaque(stem(key)))
}

fn stem(key: &str) -> &str {
    sku_of(key).and_then(|sku| sku.rsplit_once('-')).map_or(key, |(stem, _)| stem)
}

pub fn title(key: &str) -> String {
    format!("湯のみ {}", stem(key))
}

fn variant_name(key: &str) -> Option<&'static str> {
    match key.rsplit_once('-')?.1 {
        "wt" => Some("白"),
        "bk" => Some("黒"),
        _ => None,
    }
}

fn jan(key: &str) -> Option<String> {
    let sum: u32 = key.bytes().map(u32::from).sum();
    sku_of(key).map(|_| format!("49{:011}", sum))
}

pub fn listed(key: &str) -> Listed {
    let title = variant_name(key).map_or_else(|| title(key), |name| format!("{} {name}", title(key)));
    Listed { key: key.to_owned(), code: sku_of(key).map(str::to_owned), jan: jan(key), title: Some(title) }
}

pub fn variant(key: &str, item: &Item) -> Value {
    json!({
        "id": variant_id(key),
        "skuCode": sku_of(key),
        "janCode": jan(key),
        "name": variant_name(key),
        "stockQuantity": item.counter,
        "product": {"id": product_id(key), "name": title(key), "status": "OPENED"},
    })
}

/// Products with their variants, as the shop's list has them.
pub fn products(items: &[(String, Item)]) -> Vec<(String, Value)> {
    let mut products = Vec::<(String, Value)>::new();
    for (key, item) in items {
        let id = product_id(key);
        match products.iter_mut().find(|(known, _)| *known == id) {
            Some((_, product)) => {
                product["variants"].as_array_mut().into_iter().for_each(|rows| rows.push(variant(key, item)));
            }
            None => {
                let variants = json!([variant(key, item)]);
                let product = json!({"id": id, "name": title(key), "status": "OPENED", "variants": variants});
                products.push((id, product));
            }
        }
    }
    products
}

pub fn status(found: &BookOrder) -> &'static str {
    let lines = &found.order.lines;
    let shipped = lines.iter().any(|line| line.shipped > 0);
    if found.order.is_closed() {
        return match (shipped, found.number % 2) {
            (false, _) => "CANCELED",
            (true, 0) => "COMPLETED",
            (true, _) => "COMPLETING",
        };
    }
    match found.stage {
        Stage::Unpaid if !shipped => "WAITING_FOR_PAYMENT",
        Stage::Requested => "CANCELING",
        _ => "WAITING_FOR_SHIPPING",
    }
}

pub fn order(found: &BookOrder, visit: &Visit<'_>, switches: &Switches) -> Value {
    let before = found.before.as_deref().filter(|_| visit.has(&Fault::StaleRows));
    let shown = before.map_or_else(|| found.clone(), |order| BookOrder { order: order.clone(), ..found.clone() });
    let status = if visit.has(&Fault::UnknownStatus) { "WAITING_FOR_DRONE" } else { status(&shown) };
    let paid = (status != "WAITING_FOR_PAYMENT").then(|| seconds(shown.order.placed_at));
    let products: Vec<_> = shown.order.lines.iter().map(|line| product(line, status, switches)).collect();
    json!({
        "id": shown.order.id,
        "status": status,
        "createdAt": seconds(shown.order.placed_at),
        "paidAt": paid,
        "completedAt": null,
        "totalPrice": 1_980,
        "products": products,
    })
}

fn product(line: &Line, status: &str, switches: &Switches) -> Value {
    let key = line.mall_key.as_deref();
    let (mut unshipped, mut called_off) = (line.unshipped(), line.cancelled);
    if switches.is_on("unpaid-is-not-unshipped") && status == "WAITING_FOR_PAYMENT" {
        unshipped = 0;
    }
    if switches.is_on("cancelled-stays-unshipped") && status == "CANCELED" {
        (unshipped, called_off) = (called_off, 0);
    }
    json!({
        "productId": key.map_or_else(|| GONE.to_owned(), product_id),
        "name": key.map(title),
        "purchasedQuantity": line.ordered,
        "unshippedQuantity": unshipped,
        "shippedCanceledQuantity": line.returned,
        "unshippedCanceledQuantity": called_off,
        "unitPrice": 990,
        "variant": key.map(|key| json!({
            "id": variant_id(key), "skuCode": sku_of(key), "janCode": jan(key), "name": variant_name(key),
        })),
    })
}

/// Whole seconds, no change times, no shipping times, no returns, lines named by their variants.
pub fn expressible(mut order: Order) -> Order {
    order.family = None;
    order.revision = None;
    order.updated_at = None;
    order.fulfilled_by = uriba_sdk::FulfilledBy::Seller;
    order.placed_at = Timestamp::from_second(order.placed_at.as_second()).unwrap_or(order.placed_at);
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    for line in &mut order.lines {
        let id = line.mall_key.as_deref().map_or_else(|| GONE.to_owned(), variant_id);
        let count = seen.entry(id.clone()).or_default();
        *count += 1;
        line.id = if *count == 1 { id } else { format!("{id}#{count}") };
        (line.returned, line.original, line.shipped_at) = (0, None, None);
        line.restored = uriba_sdk::Restored::Unknown;
    }
    order
}

pub fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
