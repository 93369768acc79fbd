//! Inventory item records: the first of the two levels of a quantity, and the list of all of them.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};
use uriba_sdk::{Counter, Listed, Shelf};

use crate::{
    card::PAGE,
    faults::Fault,
    offers::{self, Offer, Standing},
    orders::spoken,
    stock::NOT_FOUND,
    url,
};

const ITEMS: &str = "/sell/inventory/v1/inventory_item";
pub const BULK: &str = "/sell/inventory/v1/bulk_get_inventory_item";

/// The item's own figure for each SKU that eBay has; `None` as a figure stands for a record that can't be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub known: HashMap<String, i64>,
    /// Records that eBay could not look up just now, with what it said.
    pub failed: Option<String>,
}

pub fn body(skus: &[&str]) -> Vec<u8> {
    let requests: Vec<_> = skus.iter().map(|sku| json!({ "sku": sku })).collect();
    json!({ "requests": requests }).to_string().into_bytes()
}

pub fn totals(body: &[u8], skus: &[&str]) -> Result<Totals, String> {
    let body: Responses = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    let mut totals = Totals::default();
    let mut answered = Vec::new();
    for response in body.responses {
        let item = response.inventory_item;
        let sku = response.sku.or_else(|| item.as_ref().and_then(|item| item.sku.clone()));
        let Some(sku) = sku.filter(|sku| skus.contains(&sku.as_str())) else { continue };
        let unknown = |fault: &Fault| fault.code().is_some_and(|code| NOT_FOUND.contains(&code.as_str()));
        let faults = response.errors.unwrap_or_default();
        match (response.status_code, item) {
            (Some(200) | None, Some(item)) => {
                totals.known.insert(sku.clone(), total(item)?);
            }
            (Some(404), _) => {}
            _ if faults.iter().any(unknown) => {}
            (status, _) => {
                let words = faults.first().map(Fault::words).unwrap_or_default();
                totals.failed = Some(format!("status {} for one SKU: {words}", status.unwrap_or_default()));
            }
        }
        answered.push(sku);
    }
    match skus.iter().find(|sku| !answered.iter().any(|answered| answered == *sku)) {
        Some(_) => Err("no answer for a SKU that was asked for".into()),
        None => Ok(totals),
    }
}

/// Without availability a listing is out of stock.
fn total(item: Item) -> Result<i64, String> {
    let levels = item.availability.and_then(|availability| availability.ship_to_location_availability);
    match levels.and_then(|levels| levels.quantity).unwrap_or(0) {
        negative if negative < 0 => Err("a negative quantity".into()),
        quantity => Ok(quantity),
    }
}

/// What a SKU sells: the smaller of its two levels, and nothing while no offer of it is published.
pub fn counter(total: i64, found: &[Offer]) -> Counter {
    let standing = offers::standing(found);
    let offered = offers::on_sale(found).filter_map(|offer| offer.available).min();
    let quantity = match standing {
        Standing::Offered(_) => total.min(offered.unwrap_or(total)),
        Standing::Auction => total,
        Standing::Unlisted => 0,
    };
    Counter { quantity: Some(quantity), sells_past_zero: false, not_ours: standing == Standing::Auction }
}

/// eBay counts pages here, not rows. The first is 0.
pub fn list(page: usize) -> String {
    format!("{ITEMS}?{}", url::pairs(&[("limit", &PAGE.to_string()), ("offset", &page.to_string())]))
}

pub fn shelf(body: &[u8], page: usize) -> Result<Shelf, String> {
    let body: Items = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    let rows = match (body.inventory_items, body.total) {
        (Some(rows), _) => rows,
        // An empty shop has a total and nothing else.
        (None, Some(0)) => Vec::new(),
        (None, _) => return Err("inventoryItems is missing".into()),
    };
    let more = body.next.is_some() && !rows.is_empty();
    Ok(Shelf {
        items: rows.into_iter().filter_map(listed).collect(),
        next: more.then(|| page.saturating_add(1).to_string()),
    })
}

fn listed(item: Item) -> Option<Listed> {
    let product = item.product.unwrap_or_default();
    let codes = [product.ean, product.upc];
    let digits =
        |code: &&Value| code.as_str().is_some_and(|code| code.len() >= 8 && code.bytes().all(|b| b.is_ascii_digit()));
    let jan = codes.iter().flat_map(|codes| codes.as_array().map_or(&[][..], Vec::as_slice)).find(digits);
    Some(Listed {
        key: item.sku.map(|sku| sku.trim().to_owned()).filter(|sku| !sku.is_empty())?,
        code: None,
        jan: jan.and_then(Value::as_str).map(str::to_owned),
        title: product.title,
    })
}

#[derive(Deserialize)]
struct Responses {
    responses: Vec<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    sku: Option<String>,
    status_code: Option<i64>,
    inventory_item: Option<Item>,
    errors: Option<Vec<Fault>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    inventory_items: Option<Vec<Item>>,
    total: Option<u64>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    sku: Option<String>,
    availability: Option<Availability>,
    product: Option<Product>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Availability {
    ship_to_location_availability: Option<Level>,
}

#[derive(Deserialize)]
struct Level {
    quantity: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Product {
    title: Option<String>,
    ean: Value,
    upc: Value,
}
