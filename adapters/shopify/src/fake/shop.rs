//! What the shop lists, where it lies, and whose it is.

use serde_json::{Value, json};
use uriba_sdk::{Listed, fake::Item};

use super::{Asked, TWO_LOCATIONS, desk::Fault};

pub const LOCATION: &str = "gid://shopify/Location/908";
const OTHER: &str = "gid://shopify/Location/909";
/// A variant's number is so much larger than its inventory item's.
const VARIANTS: u64 = 40_000_000;

pub const NAME: &str = "見本茶舗";

pub fn name(shop: &str) -> String {
    format!("{shop}-tea")
}

/// The shop's `n`-th inventory item.
pub fn item(shop: &str, n: usize) -> String {
    let shelf = shop.bytes().fold(0_u64, |sum, letter| sum * 31 % 89 + u64::from(letter));
    format!("gid://shopify/InventoryItem/{}", 41_000_000 + shelf * 100_000 + n as u64)
}

pub fn variant(item: &str) -> String {
    format!("gid://shopify/ProductVariant/{}", VARIANTS + number(item))
}

/// The SKU that an item has unless the book says another one.
pub fn sku(item: &str) -> String {
    format!("TEA-{}", number(item))
}

fn number(gid: &str) -> u64 {
    gid.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

pub fn search(asked: &Asked<'_, '_>) -> Result<Value, Fault> {
    asked.needs("read_products")?;
    let skus = match asked.variables["search"].as_str() {
        Some(search) => skus(search),
        None => None,
    };
    let mut rows = Vec::new();
    for (key, _) in asked.desk.book.items() {
        let shown = view(asked, &key);
        let own = shown["sku"].as_str().unwrap_or_default().to_lowercase();
        if skus.as_ref().is_none_or(|skus| skus.iter().any(|sku| sku.trim().to_lowercase() == own)) {
            rows.push((variant(&key), shown));
        }
    }
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(json!({"productVariants": asked.page("productVariants", rows)?}))
}

/// SKUs of a search. A search by anything else is no search: everything is found.
fn skus(search: &str) -> Option<Vec<String>> {
    let each = search.split(" OR ").map(|condition| {
        let quoted = condition.strip_prefix("sku:\"")?.strip_suffix('"')?;
        Some(quoted.replace("\\\"", "\"").replace("\\\\", "\\"))
    });
    each.collect()
}

pub fn by_id(asked: &Asked<'_, '_>) -> Result<Value, Fault> {
    asked.needs("read_products")?;
    let found = asked.ids()?.into_iter().map(|id| {
        let key = format!("gid://shopify/InventoryItem/{}", number(id).checked_sub(VARIANTS)?);
        asked.desk.book.item(&key).map(|_| view(asked, &key))
    });
    Ok(json!({"nodes": found.collect::<Vec<_>>()}))
}

/// An item as the catalogue has it.
pub fn listed(key: &str, item: &Item) -> Listed {
    let sibling = |name: &str| item.siblings.get(name).cloned();
    let code = Some(sibling("sku").unwrap_or_else(|| sku(key))).filter(|sku| !sku.is_empty());
    Listed { key: key.to_owned(), code, jan: sibling("barcode"), title: Some(format!("煎茶 - {}", number(key))) }
}

/// A variant with its inventory item.
pub fn view(asked: &Asked<'_, '_>, key: &str) -> Value {
    let item = asked.desk.book.item(key).unwrap_or_else(|| Item::new(0));
    let listed = listed(key, &item);
    json!({
        "__typename": "ProductVariant",
        "id": variant(key),
        "sku": listed.code,
        "barcode": listed.jan,
        "displayName": listed.title,
        "inventoryPolicy": if item.sells_past_zero { "CONTINUE" } else { "DENY" },
        "requiresComponents": item.not_ours,
        "inventoryItem": {"__typename": "InventoryItem", "id": key},
    })
}

pub fn locations(asked: &Asked<'_, '_>) -> Result<Value, Fault> {
    asked.needs("read_locations")?;
    let place = |id: &str, name: &str, active: bool| json!({"id": id, "name": name, "isActive": active});
    let mut rows = vec![
        (LOCATION.into(), place(LOCATION, "本店", true)),
        ("gid://shopify/Location/910".into(), place("gid://shopify/Location/910", "旧倉庫", false)),
    ];
    if asked.desk.is(TWO_LOCATIONS) {
        rows.push((OTHER.into(), place(OTHER, "第二倉庫", true)));
    }
    rows.sort_by(|one: &(String, Value), other| one.0.cmp(&other.0));
    Ok(json!({"locations": asked.page("locations", rows)?}))
}

pub fn is_location(asked: &Asked<'_, '_>, id: &str) -> bool {
    id == LOCATION || (id == OTHER && asked.desk.is(TWO_LOCATIONS))
}

pub fn account(asked: &Asked<'_, '_>) -> Result<Value, Fault> {
    let scopes = asked.desk.scopes.lock().expect("no panic happens under this lock");
    let scopes: Vec<_> = scopes.iter().map(|handle| json!({"handle": handle, "description": ""})).collect();
    let domain = format!("{}.myshopify.com", name(&asked.desk.shop));
    Ok(json!({
        "shop": {"name": NAME, "myshopifyDomain": domain, "email": "hanako@example.com"},
        "currentAppInstallation": {"accessScopes": scopes},
    }))
}
