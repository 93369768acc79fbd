//! Inventory items, their offers, and the bulk calls over the book.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use uriba_sdk::fake::{Fault, Item, Reply, Visit};

use super::{
    reply::{Refused, error, fault, invalid},
    shop::{AUCTION, Shop, Switch, number},
};
use crate::card::{PAGE, QUANTITY_MAX, SKUS};

pub fn offers(shop: &Shop, visit: &Visit<'_>) -> Reply {
    offered(shop, visit).unwrap_or_else(|refused| refused.0)
}

pub fn bulk_get(shop: &Shop, visit: &Visit<'_>) -> Reply {
    got(shop, visit).unwrap_or_else(|refused| refused.0)
}

pub fn bulk_update(shop: &Shop, visit: &Visit<'_>) -> Reply {
    updated(shop, visit).unwrap_or_else(|refused| refused.0)
}

pub fn items(shop: &Shop, visit: &Visit<'_>) -> Reply {
    listed(shop, visit).unwrap_or_else(|refused| refused.0)
}

fn offered(shop: &Shop, visit: &Visit<'_>) -> Result<Reply, Refused> {
    shop.admit(visit.request, "inventory")?;
    let query = pairs(visit);
    let sku = query.get("sku").filter(|sku| !sku.is_empty() && sku.chars().count() <= 50);
    let sku = sku.ok_or_else(|| invalid(25709, "Invalid value for sku."))?;
    let Some(item) = shop.record(sku) else {
        if shop.is_on(Switch::NoOffersIsAnEmptyList) {
            return Ok(Reply::json(200, &json!({ "total": 0, "size": 0, "offers": [] })));
        }
        let message = format!("{sku} could not be found or is not available in the system.");
        let status = if shop.is_on(Switch::UnknownSkuIs400) { 400 } else { 404 };
        return Err(error(status, if status == 400 { 25702 } else { 25713 }, &message).into());
    };
    let listed = Shop::is_listed(&item);
    let offer = |auction: bool, available: i64| {
        let mut offer = json!({
            "offerId": shop.offer_id(sku, auction), "sku": sku, "marketplaceId": "EBAY_US",
            "format": if auction { "AUCTION" } else { "FIXED_PRICE" }, "availableQuantity": available,
            "status": if listed { "PUBLISHED" } else { "UNPUBLISHED" },
        });
        if listed {
            let status = if available == 0 { "OUT_OF_STOCK" } else { "ACTIVE" };
            offer["listing"] = json!({ "listingId": "110000000001", "listingStatus": status, "soldQuantity": 0 });
        }
        offer
    };
    let mut offers = Vec::new();
    if !item.not_ours {
        offers.push(offer(false, shop.levels(&item).1));
    }
    if item.not_ours || number(&item, AUCTION) > 0 {
        offers.push(offer(true, 1));
    }
    Ok(Reply::json(200, &json!({ "total": offers.len(), "size": offers.len(), "limit": 100, "offers": offers })))
}

fn record(shop: &Shop, sku: &str, item: &Item) -> Value {
    json!({
        "sku": sku, "locale": "en_US", "condition": "NEW",
        "availability": { "shipToLocationAvailability": { "quantity": shop.levels(item).0 } },
        "product": { "title": title(sku), "ean": ["4900000000016"], "upc": ["Does not apply"] },
    })
}

pub fn title(sku: &str) -> String {
    format!("Sencha 煎茶 {sku}")
}

fn got(shop: &Shop, visit: &Visit<'_>) -> Result<Reply, Refused> {
    let requests = requests(shop, visit)?;
    let skus: Vec<&str> = requests.iter().filter_map(|request| request["sku"].as_str()).collect();
    if skus.len() != requests.len() || skus.iter().any(|sku| sku.is_empty()) {
        return Err(invalid(25708, "Invalid SKU."));
    }
    let missing = skus.iter().any(|sku| shop.record(sku).is_none());
    if missing && shop.is_on(Switch::UnknownSkuFailsTheRead) {
        return Err(invalid(25702, "SKU is not available in the system"));
    }
    let one = |sku: &&str| match shop.record(sku) {
        Some(item) => json!({ "sku": sku, "statusCode": 200, "inventoryItem": record(shop, sku, &item) }),
        None => json!({ "sku": sku, "statusCode": 404, "errors": [fault(25710, "We didn't find the entity.")] }),
    };
    let responses: Vec<_> = skus.iter().map(one).collect();
    Ok(Reply::json(if missing { 207 } else { 200 }, &json!({ "responses": responses })))
}

fn listed(shop: &Shop, visit: &Visit<'_>) -> Result<Reply, Refused> {
    shop.admit(visit.request, "inventory")?;
    let query = pairs(visit);
    let number = |name: &str, default: usize| query.get(name).map_or(Ok(default), |text| text.parse::<usize>());
    let (Ok(limit @ 1..=PAGE), Ok(page)) = (number("limit", 25), number("offset", 0)) else {
        return Err(invalid(25706, "You have provided invalid pagination values."));
    };
    let all: Vec<_> =
        shop.book.items().into_iter().filter_map(|(sku, _)| shop.record(&sku).map(|item| (sku, item))).collect();
    let rows: Vec<_> = all.iter().skip(page * limit).take(limit).map(|(sku, item)| record(shop, sku, item)).collect();
    let mut body = json!({ "href": "/sell/inventory/v1/inventory_item", "total": all.len(), "limit": limit });
    if !rows.is_empty() {
        body["inventoryItems"] = rows.into();
    }
    if (page + 1) * limit < all.len() {
        body["next"] = json!(format!("/sell/inventory/v1/inventory_item?limit={limit}&offset={}", page + 1));
    }
    Ok(Reply::json(200, &body))
}

fn updated(shop: &Shop, visit: &Visit<'_>) -> Result<Reply, Refused> {
    let requests = requests(shop, visit)?;
    if requests.len() > 1 && shop.is_on(Switch::OneSkuPerCall) {
        return Err(invalid(25002, "Any User error. Only one SKU can be updated per call."));
    }
    let mut responses = Vec::new();
    for (n, request) in requests.iter().enumerate() {
        let change = Change::read(request)?;
        let beyond = n > 0 && shop.is_on(Switch::OneSkuPerCallByEntry);
        let verdict = match (beyond, n == 0 && visit.has(&Fault::Partial)) {
            (true, _) => Err(fault(25002, "Any User error. Only one SKU can be updated per call.")),
            (false, true) => {
                if shop.is_on(Switch::LevelsFailApart) {
                    shop.write(&change.sku, change.total, None);
                    responses.push(json!({ "sku": change.sku, "statusCode": 200 }));
                }
                Err(fault(25709, "Invalid value, by order of the test."))
            }
            (false, false) => change.verdict(shop),
        };
        if verdict.is_ok() && !visit.has(&Fault::Silent) {
            shop.write(&change.sku, change.total, change.offers.first().map(|(_, available)| *available));
        }
        responses.extend(change.told(shop, &verdict));
    }
    let good = |response: &&Value| response["statusCode"] == 200;
    let status = match responses.iter().filter(good).count() {
        0 if shop.is_on(Switch::AllRefusedIs400) => 400,
        good if good == responses.len() => 200,
        _ => 207,
    };
    Ok(Reply::json(status, &json!({ "responses": responses })))
}

/// One SKU's part of a bulk write that is well formed.
struct Change {
    sku: String,
    /// `None`: the item's figure is left alone. Without its quantity that container takes the figure away.
    total: Option<i64>,
    offers: Vec<(String, i64)>,
}

impl Change {
    fn read(request: &Map<String, Value>) -> Result<Self, Refused> {
        let odd = || invalid(25709, "Invalid value for requests.");
        let known = request.keys().all(|name| matches!(name.as_str(), "sku" | "shipToLocationAvailability" | "offers"));
        let sku = request.get("sku").and_then(Value::as_str).filter(|sku| !sku.is_empty());
        let (Some(sku), true) = (sku, known) else { return Err(odd()) };
        let total = match request.get("shipToLocationAvailability") {
            None => None,
            Some(Value::Object(levels)) => match levels.get("quantity") {
                None => Some(0),
                Some(quantity) => Some(quantity.as_i64().ok_or_else(odd)?),
            },
            Some(_) => return Err(odd()),
        };
        let offers = match request.get("offers") {
            None => &[][..],
            Some(Value::Array(offers)) => offers,
            Some(_) => return Err(odd()),
        };
        let offer = |offer: &Value| Some((offer["offerId"].as_str()?.to_owned(), offer["availableQuantity"].as_i64()?));
        let offers = offers.iter().map(|one| offer(one).ok_or_else(odd)).collect::<Result<_, _>>()?;
        Ok(Self { sku: sku.to_owned(), total, offers })
    }

    fn verdict(&self, shop: &Shop) -> Result<(), Value> {
        let Some(item) = shop.record(&self.sku) else {
            return Err(fault(25702, "SKU could not be found or is not available in the system."));
        };
        let figures = self.total.iter().chain(self.offers.iter().map(|(_, available)| available));
        if figures.into_iter().any(|figure| !(0..=QUANTITY_MAX).contains(figure)) {
            return Err(fault(25709, "Invalid value for quantity."));
        }
        let ids: BTreeSet<_> = self.offers.iter().map(|(id, _)| id).collect();
        if ids.len() < self.offers.len() {
            return Err(fault(25002, "Any User error. Duplicate offerId."));
        }
        let own = shop.offer_id(&self.sku, false);
        if ids.iter().any(|id| **id != own) || (item.not_ours && !ids.is_empty()) {
            return Err(fault(25713, "This Offer is not available."));
        }
        if !ids.is_empty() && !Shop::is_listed(&item) {
            return Err(fault(25002, "Any User error. The offer is not published."));
        }
        if self.total.is_some_and(|total| total < number(&item, AUCTION)) {
            return Err(fault(25759, "quantity should be greater than or equal to auction allocation."));
        }
        if !ids.is_empty() && !shop.revise(&self.sku) {
            let message = "Any User error. The listing has exceeded 250 revisions in one calendar day.";
            return Err(fault(25002, message));
        }
        Ok(())
    }

    /// One entry for the item, and one for each of its offers.
    fn told(&self, shop: &Shop, verdict: &Result<(), Value>) -> Vec<Value> {
        let mut entries = vec![json!({ "sku": self.sku })];
        if shop.is_on(Switch::OneEntryPerSku) && !self.offers.is_empty() {
            entries.clear();
        }
        entries.extend(self.offers.iter().map(|(id, _)| json!({ "sku": self.sku, "offerId": id })));
        for entry in &mut entries {
            match verdict {
                Ok(()) => entry["statusCode"] = json!(200),
                Err(fault) => {
                    entry["statusCode"] = json!(400);
                    entry["errors"] = json!([fault]);
                }
            }
        }
        entries
    }
}

/// The `requests` of a bulk call, at most 25, each about another SKU.
fn requests(shop: &Shop, visit: &Visit<'_>) -> Result<Vec<Map<String, Value>>, Refused> {
    let request = visit.request;
    shop.admit(request, "inventory")?;
    let mime = request.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !mime.starts_with("application/json") {
        return Err(error(415, 2004, "Invalid request: Content-Type").into());
    }
    let odd = || invalid(25709, "Invalid request.");
    let body: Map<String, Value> = serde_json::from_slice(&request.body).map_err(|_| odd())?;
    let requests = body.get("requests").and_then(Value::as_array).filter(|_| body.len() == 1).ok_or_else(odd)?;
    let requests: Vec<_> =
        requests.iter().map(|one| one.as_object().cloned().ok_or_else(odd)).collect::<Result<_, _>>()?;
    if requests.is_empty() || requests.len() > SKUS {
        return Err(invalid(25727, "The number of InventoryItems in the request cannot exceed 25."));
    }
    let skus: BTreeSet<_> = requests.iter().map(|one| one.get("sku").and_then(Value::as_str)).collect();
    if skus.len() < requests.len() {
        return Err(invalid(25734, "SKU should be unique in the request."));
    }
    Ok(requests)
}

fn pairs(visit: &Visit<'_>) -> HashMap<String, String> {
    visit.request.url.query_pairs().into_owned().collect()
}
