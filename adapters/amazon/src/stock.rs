//! Listings Items API 2021-08-01: the patch that sets a quantity, the search that reads it back, and pure readers
//! of both answers.
//!
//! `merge` is the operation that leaves lead time and restock date alone. An answer of 200 only says that Amazon
//! understood; `status` says whether it took the submission, and the figure on sale follows minutes later.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};
use uriba_sdk::{Counter, MallError, Outcome, Refusal, RefusedWhy, Write, wire::excerpt};

use crate::{
    card::{PUSH, QUANTITY_MAX, READ_BATCH},
    url,
};

pub const LISTINGS: &str = "/listings/2021-08-01/items";
/// The seller's own stock. Every other code is a warehouse of Amazon's or a store of the seller's own network.
const OWN: &str = "DEFAULT";
/// Amazon's wording for a listing that it doesn't have, on reads (`NOT_FOUND`) and in inventory reports (13013).
const NO_SUCH_SKU: [&str; 2] = ["NOT_FOUND", "13013"];

/// The figure to submit, or why this write can't be put to Amazon at all.
pub fn quantity(write: Write) -> Result<i64, Refusal> {
    match write {
        Write::Absolute(figure) if (0..=QUANTITY_MAX).contains(&figure) => Ok(figure),
        Write::Absolute(figure) => {
            Err(refusal(RefusedWhy::OutOfRange, None, format!("{figure} is not between 0 and {QUANTITY_MAX}")))
        }
        Write::Relative(_) | Write::CompareAndSet { .. } => {
            Err(refusal(RefusedWhy::Other, None, "Amazon has absolute writes only".into()))
        }
    }
}

pub fn patch(seller: &str, sku: &str, marketplace: &str) -> String {
    let query = url::pairs(&[("marketplaceIds", marketplace), ("includedData", "issues")]);
    format!("{LISTINGS}/{}/{}?{query}", url::encode(seller), url::encode(sku))
}

/// `PRODUCT` stands for any product type where only offer attributes change.
pub fn patch_body(quantity: i64) -> Vec<u8> {
    change(quantity).to_string().into_bytes()
}

/// The same change for a request and for a message of a feed.
pub fn change(quantity: i64) -> Value {
    let entry = json!({ "fulfillment_channel_code": OWN, "quantity": quantity });
    let patch = json!({ "op": "merge", "path": "/attributes/fulfillment_availability", "value": [entry] });
    json!({ "productType": "PRODUCT", "patches": [patch] })
}

/// What became of a submission that was answered with 200.
pub fn outcome(body: &[u8]) -> Result<Outcome, String> {
    let body: Submission = serde_json::from_slice(body).map_err(|error| excerpt(error.to_string().as_bytes()))?;
    let issues = body.issues.unwrap_or_default();
    let error = issues.iter().find(|issue| issue.severity.as_deref() == Some("ERROR"));
    match body.status.as_deref() {
        Some("ACCEPTED") if error.is_none() => Ok(Outcome::Applied { now: None }),
        // Taken and prevented at once: only the figure on sale can tell.
        Some("ACCEPTED") => Ok(Outcome::Unknown),
        Some("INVALID") => {
            let issue = error.or(issues.first());
            let code = issue.and_then(|issue| issue.code.as_deref());
            let message = issue.and_then(|issue| issue.message.as_deref()).unwrap_or("INVALID without an issue");
            Ok(Outcome::Refused(by_issue(code, message)))
        }
        Some(status) => Err(format!("submission status {}", excerpt(status.as_bytes()))),
        None => Err("a submission without a status".into()),
    }
}

/// The refusal that an issue of severity ERROR stands for.
pub fn by_issue(code: Option<&str>, message: &str) -> Refusal {
    let why = match code {
        Some(code) if NO_SUCH_SKU.contains(&code) => RefusedWhy::NoSuchItem,
        _ => RefusedWhy::Other,
    };
    refusal(why, code.map(|code| excerpt(code.as_bytes())), excerpt(message.as_bytes()))
}

/// An update that Amazon turned away as a request. It stands alone in its request, so the refusal is its outcome.
pub fn turned_away(error: MallError) -> Result<Outcome, MallError> {
    // The same status of the token endpoint says nothing about a listing.
    let why = match (error.operation, error.status) {
        (PUSH, Some(404)) => RefusedWhy::NoSuchItem,
        // Without Amazon's own code the 400 came from something in between.
        (PUSH, Some(400)) if error.code.is_some() => RefusedWhy::Other,
        _ => return Err(error),
    };
    Ok(Outcome::Refused(refusal(why, error.code, error.message)))
}

pub fn search(seller: &str, skus: &[&str], marketplace: &str) -> String {
    // The default page is half of what one search may ask for.
    let (skus, page) = (skus.join(","), READ_BATCH.to_string());
    let query = url::pairs(&[
        ("marketplaceIds", marketplace),
        ("identifiersType", "SKU"),
        ("identifiers", &skus),
        ("includedData", "fulfillmentAvailability"),
        ("pageSize", &page),
    ]);
    format!("{LISTINGS}/{}?{query}", url::encode(seller))
}

/// SKUs as they can be asked for together. Amazon can't tell an encoded comma from one between two SKUs, so a SKU
/// with a comma is searched for alone (developer-docs.amazon.com/sp-api/docs/search-for-listings-items-by-id).
pub fn searches<'a>(skus: impl Iterator<Item = &'a str>) -> Vec<Vec<&'a str>> {
    let (alone, together): (Vec<&str>, Vec<&str>) = skus.partition(|sku| sku.contains(','));
    let together = together.chunks(READ_BATCH).map(<[&str]>::to_vec);
    together.chain(alone.into_iter().map(|sku| vec![sku])).collect()
}

/// What the search for these SKUs found. A SKU that is in no entry is not listed.
pub fn counters(body: &[u8], skus: &[&str]) -> Result<HashMap<String, Counter>, String> {
    let body: Listings = serde_json::from_slice(body).map_err(|error| excerpt(error.to_string().as_bytes()))?;
    let mut found = HashMap::new();
    for item in body.items {
        let sku = item.sku.ok_or("a listing without sku")?;
        if skus.contains(&sku.as_str()) {
            let counter = counter(&item.fulfillment_availability.unwrap_or_default())?;
            found.entry(sku).or_insert(counter);
        }
    }
    let more = body.pagination.and_then(|pagination| pagination.next_token).is_some();
    if more && found.len() < skus.len() {
        return Err("further pages of a search that fits on one".into());
    }
    Ok(found)
}

fn counter(entries: &[Availability]) -> Result<Counter, String> {
    if entries.iter().any(|entry| entry.quantity.is_some_and(i64::is_negative)) {
        return Err("a negative quantity".into());
    }
    let code = |entry: &Availability| entry.fulfillment_channel_code.clone().unwrap_or_default();
    let own = entries.iter().find(|entry| code(entry) == OWN);
    let other = entries.iter().find(|entry| code(entry) != OWN);
    let quantity = match (own, other) {
        // "Always available" listings have an entry without a figure.
        (Some(own), _) => own.quantity,
        (None, Some(other)) => Some(other.quantity.unwrap_or(0)),
        // Listed, and nothing of it was ever offered.
        (None, None) => Some(0),
    };
    Ok(Counter { quantity, sells_past_zero: false, not_ours: other.is_some() })
}

pub fn refusal(why: RefusedWhy, code: Option<String>, message: String) -> Refusal {
    Refusal { why, code, message }
}

#[derive(Deserialize)]
struct Submission {
    status: Option<String>,
    issues: Option<Vec<Issue>>,
}

#[derive(Deserialize)]
struct Issue {
    code: Option<String>,
    message: Option<String>,
    severity: Option<String>,
}

#[derive(Deserialize)]
struct Listings {
    items: Vec<Listing>,
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    sku: Option<String>,
    fulfillment_availability: Option<Vec<Availability>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Availability {
    fulfillment_channel_code: Option<String>,
    quantity: Option<i64>,
}
