//! searchListingsItems and patchListingsItem over the book.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use uriba_sdk::{
    env::Url,
    fake::{Fault, Item, Reply, Visit},
};

use super::{
    orders::{listed, pairs},
    reply::{Refused, error, invalid_input, ok},
    shop::{Shop, Switch},
};
use crate::card::{JAPAN, LIST, PUSH, QUANTITY_MAX, READ, READ_BATCH};

const INCLUDED: [&str; 8] = [
    "summaries",
    "attributes",
    "issues",
    "offers",
    "fulfillmentAvailability",
    "procurement",
    "relationships",
    "productTypes",
];
pub const TITLE: &str = "煎茶 100g";
/// The last listing of a search that can be had.
const REACHABLE: usize = 1_000;
const AVAILABILITY: &str = "/attributes/fulfillment_availability";
/// The sibling under which an FBA listing keeps a merchant's quantity that it should never have been given.
const SECOND_ENTRY: &str = "second entry";

pub fn search(shop: &Shop, visit: &Visit<'_>) -> Reply {
    searched(shop, visit).unwrap_or_else(|refused| refused.0)
}

pub fn patch(shop: &Shop, visit: &Visit<'_>) -> Reply {
    patched(shop, visit).unwrap_or_else(|refused| refused.0)
}

fn searched(shop: &Shop, visit: &Visit<'_>) -> Result<Reply, Refused> {
    shop.admit(visit.request)?;
    let known =
        ["marketplaceIds", "issueLocale", "includedData", "identifiers", "identifiersType", "pageSize", "pageToken"];
    let query = pairs(visit.request, &known)?;
    check_account(shop, &visit.request.url, query.get("marketplaceIds"))?;
    let included = listed(&query, "includedData", &INCLUDED)?.unwrap_or_else(|| vec!["summaries".into()]);
    let number = |name: &str, default: usize| query.get(name).map_or(Ok(default), |text| text.parse::<usize>());
    let (Ok(size @ 1..=READ_BATCH), Ok(skip)) = (number("pageSize", 10), number("pageToken", 0)) else {
        return Err(bad_request("pageSize must be between 1 and 20"));
    };
    if query.get("identifiersType").map(String::as_str) != Some("SKU") {
        return Err(bad_request("identifiersType is required with identifiers"));
    }
    let text = query.get("identifiers").filter(|text| !text.is_empty()).ok_or_else(|| bad_request("identifiers"))?;
    let mut skus: Vec<&str> = text.split(',').collect();
    if skus.len() > READ_BATCH {
        return Err(bad_request("Too many 'identifiers' provided"));
    }
    // One SKU with commas is also tried as a whole.
    skus.push(text);
    let mut items: Vec<Value> = shop
        .book
        .items()
        .into_iter()
        .filter(|(sku, _)| skus.contains(&sku.as_str()))
        .map(|(sku, item)| listing(&sku, &item, &included))
        .collect();
    let total = items.len();
    items = items.into_iter().skip(skip).take(size).collect();
    match &visit.fault {
        Some(Fault::DuplicateRows) => items = items.into_iter().flat_map(|row| [row.clone(), row]).collect(),
        Some(Fault::ShuffleRows) => items.reverse(),
        _ => {}
    }
    let mut body = json!({ "numberOfResults": total, "items": items });
    if skip + size < total {
        body["pagination"] = json!({ "nextToken": (skip + size).to_string() });
    }
    Ok(ok(READ, &body))
}

fn listing(sku: &str, item: &Item, included: &[String]) -> Value {
    let has = |name: &str| included.iter().any(|asked| asked == name);
    let mut body = json!({ "sku": sku });
    if has("fulfillmentAvailability") {
        let code = if item.not_ours { "AMAZON_JP" } else { "DEFAULT" };
        let mut entry = json!({ "fulfillmentChannelCode": code });
        if !item.unlimited {
            entry["quantity"] = json!(item.counter.max(0));
        }
        let second = item.siblings.get(SECOND_ENTRY).and_then(|text| text.parse::<i64>().ok());
        let second = second.map(|quantity| json!({ "fulfillmentChannelCode": "DEFAULT", "quantity": quantity }));
        body["fulfillmentAvailability"] = [Some(entry), second].into_iter().flatten().collect();
    }
    if has("attributes") {
        let mut entry = json!({ "fulfillment_channel_code": "DEFAULT", "quantity": item.submitted });
        for (name, text) in &item.siblings {
            entry[name] = json!(text);
        }
        body["attributes"] = json!({ "fulfillment_availability": [entry] });
        if let Some(jan) = jan(sku) {
            let codes = json!([{ "type": "ean", "value": jan, "marketplace_id": JAPAN }]);
            body["attributes"]["externally_assigned_product_identifier"] = codes;
        }
    }
    if has("summaries") {
        let at = created(sku).to_string();
        body["summaries"] = json!([{
            "marketplaceId": JAPAN, "asin": "B000000000", "productType": "TEA", "status": ["BUYABLE"],
            "itemName": TITLE, "createdDate": at, "lastUpdatedDate": at,
        }]);
    }
    body
}

/// All listings, oldest first, as far as one search reaches.
pub fn list(shop: &Shop, visit: &Visit<'_>) -> Reply {
    all(shop, visit).unwrap_or_else(|refused| refused.0)
}

fn all(shop: &Shop, visit: &Visit<'_>) -> Result<Reply, Refused> {
    shop.admit(visit.request)?;
    let known = ["marketplaceIds", "issueLocale", "includedData", "createdAfter", "sortBy", "sortOrder", "pageSize"];
    let query = pairs(visit.request, &[&known[..], &["pageToken"]].concat())?;
    check_account(shop, &visit.request.url, query.get("marketplaceIds"))?;
    let included = listed(&query, "includedData", &INCLUDED)?.unwrap_or_else(|| vec!["summaries".into()]);
    let size = query.get("pageSize").map_or(Ok(10), |text| text.parse::<usize>());
    let Ok(size @ 1..=READ_BATCH) = size else { return Err(bad_request("pageSize must be between 1 and 20")) };
    let by = ["sortBy", "sortOrder"].map(|name| query.get(name).map(String::as_str));
    if by != [Some("createdDate"), Some("ASC")] {
        return Err(bad_request("This shop is listed by createdDate, ASC."));
    }
    let after = query.get("createdAfter").map(|text| text.parse::<Timestamp>()).transpose();
    let after = after.map_err(|_| bad_request("createdAfter"))?;
    // A token stands for its search and a place in it.
    let bound = format!("{after:?}");
    let skip = match query.get("pageToken").map(|token| token.split_once('+')) {
        None => 0,
        Some(Some((search, skip))) if search == bound => skip.parse().map_err(|_| bad_request("pageToken"))?,
        Some(_) => return Err(bad_request("pageToken is not valid")),
    };
    let inclusive = shop.is_on(Switch::CreatedAfterIsInclusive);
    let mut found: Vec<_> = shop.book.items().into_iter().map(|(sku, item)| (created(&sku), sku, item)).collect();
    found.retain(|(at, ..)| after.is_none_or(|after| if inclusive { *at >= after } else { *at > after }));
    found.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let total = found.len();
    let page = found.into_iter().take(REACHABLE).skip(skip).take(size);
    let items: Vec<Value> = page.map(|(_, sku, item)| listing(&sku, &item, &included)).collect();
    let mut body = json!({ "numberOfResults": total, "items": items });
    if skip + size < total.min(REACHABLE) {
        body["pagination"] = json!({ "nextToken": format!("{bound}+{}", skip + size) });
    }
    Ok(ok(LIST, &body))
}

/// When a listing was created: some second of this year, the same whenever it is asked for.
pub fn created(sku: &str) -> Timestamp {
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a constant instant");
    begin + SignedDuration::from_secs(i64::try_from(digest(sku) % 20_000_000).unwrap_or(0))
}

/// The JAN that every other listing has.
pub fn jan(sku: &str) -> Option<String> {
    let digest = digest(sku);
    digest.is_multiple_of(2).then(|| format!("49{:011}", digest % 100_000_000_000))
}

fn digest(sku: &str) -> u64 {
    sku.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(1_000_003).wrapping_add(u64::from(byte)))
}

fn patched(shop: &Shop, visit: &Visit<'_>) -> Result<Reply, Refused> {
    let request = visit.request;
    shop.admit(request)?;
    let mime = request.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !mime.starts_with("application/json") {
        return Err(error(415, "UnsupportedMediaType", "The request's Content-Type is not supported.", "").into());
    }
    let query = pairs(request, &["marketplaceIds", "includedData", "mode", "issueLocale"])?;
    check_account(shop, &request.url, query.get("marketplaceIds"))?;
    listed(&query, "includedData", &["identifiers", "issues"])?;
    let preview = match query.get("mode").map(String::as_str) {
        None => false,
        Some("VALIDATION_PREVIEW") => true,
        Some(_) => return Err(bad_request("mode")),
    };
    let sku = decoded(request.url.path().rsplit('/').next().unwrap_or_default())?;
    let change = Change::read(&request.body)?;
    let mut verdict = change.verdict();
    if visit.has(&Fault::Partial) {
        verdict = Err(issue("90000900", "The submission was refused by order of the test."));
    }
    let item = shop.book.item(&sku);
    if verdict.is_ok() && item.is_none() {
        if shop.is_on(Switch::UnknownSkuIs404) {
            let message = format!("SKU '{sku}' not found in marketplace {JAPAN}");
            return Err(error(404, "NOT_FOUND", &message, "").into());
        }
        if !shop.is_on(Switch::UnknownSkuIsAccepted) {
            verdict = Err(issue("13013", "This SKU does not exist in the catalog."));
        }
    }
    let fba = item.is_some_and(|item| item.not_ours);
    if verdict.is_ok() && fba && !shop.is_on(Switch::FbaTakesASecondEntry) {
        verdict = Err(issue("90000900", "The listing is fulfilled by Amazon."));
    }
    let status = match &verdict {
        Err(_) => "INVALID",
        Ok(_) if preview => "VALID",
        Ok(_) => "ACCEPTED",
    };
    if let Ok(quantity) = verdict
        && !preview
        && !visit.has(&Fault::Silent)
    {
        change.apply(shop, &sku, quantity, fba, shop.book.now());
    }
    let issues: Vec<Value> = verdict.err().into_iter().collect();
    let submission = format!("{:032x}", shop.next());
    Ok(ok(PUSH, &json!({ "sku": sku, "status": status, "submissionId": submission, "issues": issues })))
}

/// The one patch of a request that is well formed.
pub struct Change {
    merges: bool,
    path: String,
    entries: Vec<Map<String, Value>>,
}

impl Change {
    fn read(body: &[u8]) -> Result<Self, Refused> {
        let unreadable = || invalid_input("Request has missing or invalid parameters and cannot be parsed.");
        Self::of(serde_json::from_slice(body).map_err(|_| unreadable())?)
    }

    pub fn of(body: Map<String, Value>) -> Result<Self, Refused> {
        let unreadable = || invalid_input("Request has missing or invalid parameters and cannot be parsed.");
        let known = body.keys().all(|name| matches!(name.as_str(), "productType" | "patches"));
        let product_type = body.get("productType").and_then(Value::as_str).unwrap_or_default();
        let patches = body.get("patches").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let ([patch], true, false) = (patches, known, product_type.is_empty()) else { return Err(unreadable()) };
        let text = |name: &str| patch[name].as_str().ok_or_else(unreadable);
        let merges = match text("op")? {
            "merge" => true,
            "add" | "replace" => false,
            _ => return Err(unreadable()),
        };
        let entries =
            patch["value"].as_array().ok_or_else(|| invalid_input("Value is missing for patch at index of 0."))?;
        let entries = entries.iter().map(|entry| entry.as_object().cloned().ok_or_else(unreadable));
        Ok(Self { merges, path: text("path")?.to_owned(), entries: entries.collect::<Result<_, _>>()? })
    }

    /// The quantity to set, or the issue for which nothing is set.
    pub fn verdict(&self) -> Result<i64, Value> {
        let [entry] = self.entries.as_slice() else {
            return Err(issue("90000900", "fulfillment_availability takes one entry per channel."));
        };
        if self.path != AVAILABILITY {
            return Err(issue("90000900", "The attributes are invalid."));
        }
        if entry.get("fulfillment_channel_code").and_then(Value::as_str) != Some("DEFAULT") {
            return Err(issue("90000901", "The field 'fulfillment_channel_code' does not have enough values."));
        }
        match entry.get("quantity").and_then(Value::as_i64) {
            Some(quantity) if (0..=QUANTITY_MAX).contains(&quantity) => Ok(quantity),
            _ => Err(issue("90000902", "The field 'quantity' has an invalid value.")),
        }
    }

    /// What was submitted shows at once; what is on sale follows the instant at which it was taken, over whatever was
    /// sold meanwhile.
    pub fn apply(&self, shop: &Shop, sku: &str, quantity: i64, fba: bool, taken_at: Timestamp) {
        if fba {
            shop.book.with_item(sku, |item| item.siblings.insert(SECOND_ENTRY.into(), quantity.to_string()));
            return;
        }
        shop.book.with_item(sku, |item| {
            if !self.merges {
                item.siblings.clear();
            }
            let beside = |name: &str| !matches!(name, "fulfillment_channel_code" | "quantity" | "marketplace_id");
            for (name, value) in self.entries.iter().flatten().filter(|(name, _)| beside(name)) {
                item.siblings.insert(name.clone(), value.to_string());
            }
        });
        let at = taken_at.saturating_add(shop.effect_delay()).unwrap_or(taken_at);
        if at <= shop.book.now() {
            shop.book.set(sku, quantity);
        } else {
            shop.book.set_later(sku, quantity, at);
        }
    }
}

pub fn issue(code: &str, message: &str) -> Value {
    json!({
        "code": code, "message": message, "severity": "ERROR",
        "attributeNames": ["fulfillment_availability"], "categories": ["INVALID_ATTRIBUTE"],
    })
}

fn bad_request(message: &str) -> Refused {
    error(400, "BAD_REQUEST", message, "").into()
}

/// The path names this seller, the query this marketplace.
fn check_account(shop: &Shop, url: &Url, marketplace: Option<&String>) -> Result<(), Refused> {
    let seller = url.path().split('/').nth(4).unwrap_or_default();
    if seller != shop.seller() || marketplace.map(String::as_str) != Some(JAPAN) {
        return Err(invalid_input("Invalid 'sellerId' and 'marketplaceId' combination provided."));
    }
    Ok(())
}

fn decoded(segment: &str) -> Result<String, Refused> {
    let mut bytes = Vec::new();
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let value = match byte {
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.map_or('x', char::from));
                u8::from_str_radix(&String::from_iter(digits), 16).map_err(|_| bad_request("sku"))?
            }
            other => other,
        };
        bytes.push(value);
    }
    String::from_utf8(bytes).map_err(|_| bad_request("sku"))
}
