//! getOrders, getOrder and getShippingFulfillments over the book. What is not paid for is not there.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uriba_sdk::{
    Line, Order,
    fake::{BookOrder, Fault, Reply, Stage, Visit},
};

use super::{
    reply::{Refused, error, invalid},
    shop::{Shop, Switch},
};
use crate::card::{IDS, PAGE};

const PATH: &str = "/sell/fulfillment/v1/order";
/// Without a filter orders of the last 90 days are found, with one those of two years.
const UNFILTERED: SignedDuration = SignedDuration::from_hours(90 * 24);
const REACH: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

type Answered = Result<Reply, Refused>;

pub fn search(shop: &Shop, visit: &Visit<'_>) -> Reply {
    searched(shop, visit).unwrap_or_else(|refused| refused.0)
}

pub fn by_ids(shop: &Shop, visit: &Visit<'_>) -> Reply {
    found(shop, visit).unwrap_or_else(|refused| refused.0)
}

pub fn single(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let id = visit.request.url.path().rsplit('/').next().unwrap_or_default();
    match one(shop, visit, id) {
        Ok(found) => Reply::json(200, &encode(shop, &found, visit.fault.as_ref())),
        Err(Refused(reply)) => reply,
    }
}

pub fn shipments(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let id = visit.request.url.path().rsplit('/').nth(1).unwrap_or_default();
    match one(shop, visit, id) {
        Ok(found) => {
            let parcels = parcels(shop, &found.order);
            Reply::json(200, &json!({ "fulfillments": parcels, "total": parcels.len() }))
        }
        Err(Refused(reply)) => reply,
    }
}

/// Closed by a cancel: eBay cancels orders as a whole.
pub fn is_cancelled(order: &Order) -> bool {
    order.is_closed() && order.lines.iter().any(|line| line.cancelled > 0)
}

/// Orders that are paid for, oldest first.
fn paid(shop: &Shop) -> impl Iterator<Item = BookOrder> {
    shop.book.visible().into_iter().filter(|found| found.stage != Stage::Unpaid)
}

fn one(shop: &Shop, visit: &Visit<'_>, id: &str) -> Result<BookOrder, Refused> {
    shop.admit(visit.request, "fulfillment")?;
    let found = paid(shop).find(|found| found.order.id == id);
    found.ok_or_else(|| error(404, 32100, "Invalid order ID").into())
}

fn found(shop: &Shop, visit: &Visit<'_>) -> Answered {
    shop.admit(visit.request, "fulfillment")?;
    let query = pairs(visit)?;
    let ids: Vec<&str> = query.get("orderIds").map(|ids| ids.split(',').collect()).unwrap_or_default();
    if ids.len() > IDS {
        return Err(invalid(30900, "The number of order IDs exceeds 50"));
    }
    let mut orders: Vec<_> = paid(shop).filter(|found| ids.contains(&found.order.id.as_str())).collect();
    if shop.is_on(Switch::UnknownIdFailsTheCall) && orders.len() < ids.len() {
        return Err(invalid(32100, "Invalid order ID"));
    }
    let total = orders.len();
    stale(visit, &mut orders);
    Ok(Reply::json(200, &json!({ "href": PATH, "total": total, "orders": rows(shop, visit, &orders) })))
}

fn searched(shop: &Shop, visit: &Visit<'_>) -> Answered {
    shop.admit(visit.request, "fulfillment")?;
    let query = pairs(visit)?;
    let number = |name: &str, default: usize| query.get(name).map_or(Ok(default), |text| text.parse::<usize>());
    let Ok(limit @ 1..=PAGE) = number("limit", 50) else { return Err(invalid(31100, "Invalid limit")) };
    let Ok(offset) = number("offset", 0) else { return Err(invalid(31000, "Invalid offset")) };
    let filter = Filter::read(query.get("filter").map(String::as_str), shop.book.now())?;
    let mut orders: Vec<_> = paid(shop).filter(|found| filter.wants(found)).collect();
    let total = orders.len();
    orders = orders.into_iter().skip(offset).take(limit).collect();
    stale(visit, &mut orders);
    let mut body = json!({
        "href": format!("{PATH}?offset={offset}&limit={limit}"), "total": total, "limit": limit, "offset": offset,
        "orders": rows(shop, visit, &orders),
    });
    if offset + limit < total {
        body["next"] = json!(format!("{PATH}?offset={}&limit={limit}", offset + limit));
    }
    Ok(Reply::json(200, &body))
}

fn stale(visit: &Visit<'_>, orders: &mut [BookOrder]) {
    if visit.has(&Fault::StaleRows) {
        for found in orders {
            if let Some(before) = found.before.take() {
                found.order = *before;
            }
        }
    }
}

fn rows(shop: &Shop, visit: &Visit<'_>, orders: &[BookOrder]) -> Vec<Value> {
    let rows = orders.iter().map(|found| encode(shop, found, visit.fault.as_ref()));
    match &visit.fault {
        Some(Fault::DuplicateRows) => rows.flat_map(|row| [row.clone(), row]).collect(),
        Some(Fault::ShuffleRows) => rows.rev().collect(),
        _ => rows.collect(),
    }
}

fn encode(shop: &Shop, found: &BookOrder, fault: Option<&Fault>) -> Value {
    let order = &found.order;
    let unknown = fault == Some(&Fault::UnknownStatus);
    let status = |status: &'static str| if unknown { "AWAITING_DRONE" } else { status };
    let whole = match order {
        order if is_cancelled(order) && shipped(order) => "IN_PROGRESS",
        order if is_cancelled(order) || !shipped(order) => "NOT_STARTED",
        order if order.is_closed() => "FULFILLED",
        _ => "IN_PROGRESS",
    };
    let cancel = match found.stage {
        _ if is_cancelled(order) => "CANCELED",
        Stage::Requested => "IN_PROGRESS",
        _ => "NONE_REQUESTED",
    };
    let lines: Vec<_> = order.lines.iter().map(|line| item(shop, line, &status)).collect();
    json!({
        "orderId": order.id,
        "sellerId": shop.seller(),
        "buyer": { "username": "a_buyer", "buyerRegistrationAddress": { "fullName": "Somebody" } },
        "creationDate": spelled(shop.stated(order.placed_at)),
        "lastModifiedDate": spelled(shop.stated(modified_at(order))),
        "orderFulfillmentStatus": status(whole),
        "orderPaymentStatus": "PAID",
        "cancelStatus": { "cancelState": status(cancel), "cancelRequests": [] },
        "lineItems": lines,
    })
}

fn item(shop: &Shop, line: &Line, status: &dyn Fn(&'static str) -> &'static str) -> Value {
    let own = match line.shipped {
        0 => "NOT_STARTED",
        shipped if shipped >= line.ordered => "FULFILLED",
        _ if shop.is_on(Switch::PartlyShippedLinesSayNotStarted) => "NOT_STARTED",
        _ => "IN_PROGRESS",
    };
    let auction = line.mall_key.as_ref().and_then(|key| shop.book.item(key)).is_some_and(|item| item.not_ours);
    let mut item = json!({
        "lineItemId": line.id, "legacyItemId": "110000000001", "title": "Sencha 煎茶 100 g", "quantity": line.ordered,
        "lineItemFulfillmentStatus": status(own), "soldFormat": if auction { "AUCTION" } else { "FIXED_PRICE" },
        "listingMarketplaceId": "EBAY_US", "refunds": [],
        "lineItemCost": { "value": "10.80", "currency": "USD" },
    });
    if let Some(key) = &line.mall_key {
        item["sku"] = json!(key);
    }
    item
}

/// One parcel per line, and two where more than one unit has left.
fn parcels(shop: &Shop, order: &Order) -> Vec<Value> {
    let parcel = |line: &Line, quantity: u32| {
        json!({
            "fulfillmentId": format!("94055{}", line.id), "shippedDate": spelled(shop.stated(modified_at(order))),
            "lineItems": [{ "lineItemId": line.id, "quantity": quantity }],
        })
    };
    let parcels = order.lines.iter().flat_map(|line| {
        let (first, rest) = (line.shipped.min(1), line.shipped.saturating_sub(1));
        [first, rest].into_iter().filter(|units| *units > 0).map(|units| parcel(line, units)).collect::<Vec<_>>()
    });
    parcels.collect()
}

fn shipped(order: &Order) -> bool {
    order.lines.iter().any(|line| line.shipped > 0)
}

fn modified_at(order: &Order) -> Timestamp {
    order.updated_at.unwrap_or(order.placed_at)
}

fn spelled(instant: Timestamp) -> String {
    format!("{instant:.3}")
}

type Between = (Timestamp, Option<Timestamp>);

#[derive(Default)]
struct Filter {
    created: Option<Between>,
    modified: Option<Between>,
    statuses: Option<Vec<String>>,
}

impl Filter {
    fn read(text: Option<&str>, now: Timestamp) -> Result<Self, Refused> {
        let mut filter = Self::default();
        let earliest = |reach| now.saturating_sub(reach).unwrap_or(Timestamp::MIN);
        for part in text.into_iter().flat_map(parts) {
            let (name, value) = part.split_once(':').ok_or_else(|| invalid(30700, "Invalid filter field"))?;
            match name {
                "creationdate" => filter.created = Some(between(value, now, earliest(REACH))?),
                "lastmodifieddate" => filter.modified = Some(between(value, now, earliest(REACH))?),
                "orderfulfillmentstatus" => {
                    let known = matches!(value, "{NOT_STARTED|IN_PROGRESS}" | "{FULFILLED|IN_PROGRESS}");
                    let listed = value.trim_matches(['{', '}']).split('|').map(str::to_owned).collect();
                    filter.statuses = Some(known.then_some(listed).ok_or_else(|| invalid(30800, "Invalid filter"))?);
                }
                _ => return Err(invalid(30700, "Invalid filter field")),
            }
        }
        if text.is_none() {
            filter.created = Some((earliest(UNFILTERED), None));
        }
        Ok(filter)
    }

    /// Where both dates are given only that of creation counts.
    fn wants(&self, found: &BookOrder) -> bool {
        let order = &found.order;
        // Neither filters nor orders know more than milliseconds.
        let within = |(from, to): &Between, at: Timestamp| {
            let at = at.as_millisecond();
            from.as_millisecond() <= at && to.is_none_or(|to| at <= to.as_millisecond())
        };
        let dated = match (&self.created, &self.modified) {
            (Some(window), _) => within(window, order.placed_at),
            (None, Some(window)) => within(window, modified_at(order)),
            (None, None) => true,
        };
        let status = match order {
            order if is_cancelled(order) || !shipped(order) => "NOT_STARTED",
            order if order.is_closed() => "FULFILLED",
            _ => "IN_PROGRESS",
        };
        dated && self.statuses.as_ref().is_none_or(|statuses| statuses.iter().any(|wanted| wanted == status))
    }
}

/// `a:[1,2],b:{c|d}` cut at the commas between its parts.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// `[from..to]` or `[from..]`, in UTC with milliseconds.
fn between(value: &str, now: Timestamp, earliest: Timestamp) -> Result<Between, Refused> {
    let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let (from, to) =
        inner.and_then(|inner| inner.split_once("..")).ok_or_else(|| invalid(30810, "Invalid date format"))?;
    let date = |text: &str| {
        let shaped = text.len() == "2026-11-20T00:00:00.000Z".len() && text.ends_with('Z');
        text.parse::<Timestamp>().ok().filter(|_| shaped).ok_or_else(|| invalid(30810, "Invalid date format"))
    };
    if from.is_empty() {
        return Err(invalid(30820, "The start date is missing"));
    }
    let from = date(from)?;
    let to = if to.is_empty() { None } else { Some(date(to)?) };
    if from < earliest {
        return Err(invalid(30830, "The date range goes back too far"));
    }
    if to.is_some_and(|to| to < from) {
        return Err(invalid(30840, "The start date is after the end date"));
    }
    if from > now || to.is_some_and(|to| to > now) {
        return Err(invalid(30850, "A date is in the future"));
    }
    Ok((from, to))
}

/// The query's parameters, each known and given once.
fn pairs(visit: &Visit<'_>) -> Result<HashMap<String, String>, Refused> {
    const RAW: [char; 5] = ['[', ']', '{', '}', '|'];
    let url = &visit.request.url;
    if url.query().is_some_and(|query| query.contains(RAW)) {
        return Err(invalid(30800, "The filter is not encoded"));
    }
    let mut query = HashMap::new();
    for (name, value) in url.query_pairs().into_owned() {
        let known = matches!(name.as_str(), "filter" | "limit" | "offset" | "orderIds" | "fieldGroups");
        if !known || query.insert(name, value).is_some() {
            return Err(invalid(30700, "Invalid parameter"));
        }
    }
    Ok(query)
}
