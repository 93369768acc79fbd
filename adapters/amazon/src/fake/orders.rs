//! searchOrders and getOrder over the book.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uriba_sdk::{
    FulfilledBy, Line, Order,
    fake::{BookOrder, Fault, Reply, Stage, Visit},
};

use super::{
    reply::{Refused, error, invalid_input, ok},
    second,
    shop::{Shop, Switch},
};
use crate::card::{JAPAN, MALL_EDGE, ORDER, PAGE, SEARCH};

const INCLUDED: [&str; 11] = [
    "BUYER",
    "RECIPIENT",
    "PROCEEDS",
    "EXPENSE",
    "PROMOTION",
    "CANCELLATION",
    "FULFILLMENT",
    "PACKAGES",
    "TAX",
    "PAYMENT",
    "FULFILLMENT_ORDERS",
];
const STATUSES: [&str; 7] =
    ["PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED", "UNFULFILLABLE"];
/// A page token's life (the model file).
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// Parameters that may differ from page to page.
const FREE: [&str; 3] = ["paginationToken", "maxResultsPerPage", "includedData"];

type Answered = Result<Reply, Refused>;

pub fn search(shop: &Shop, visit: &Visit<'_>) -> Reply {
    searched(shop, visit).unwrap_or_else(|refused| refused.0)
}

pub fn single(shop: &Shop, visit: &Visit<'_>) -> Reply {
    found(shop, visit).unwrap_or_else(|refused| refused.0)
}

/// Where an order stands, by its quantities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Waiting(&'static str),
    PartiallyShipped,
    Shipped,
    Cancelled,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Waiting(name) => name,
            Self::PartiallyShipped => "PARTIALLY_SHIPPED",
            Self::Shipped => "SHIPPED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

pub fn state(order: &Order, stage: Stage) -> State {
    let shipped = order.lines.iter().any(|line| line.shipped > 0);
    match (order.is_closed(), shipped, stage) {
        (true, true, _) => State::Shipped,
        (true, false, _) => State::Cancelled,
        (false, true, _) => State::PartiallyShipped,
        (false, false, Stage::PreOrder) => State::Waiting("PENDING_AVAILABILITY"),
        (false, false, Stage::Unpaid | Stage::Screening) => State::Waiting("PENDING"),
        (false, false, Stage::Ready | Stage::OnHold | Stage::Requested) => State::Waiting("UNSHIPPED"),
    }
}

fn searched(shop: &Shop, visit: &Visit<'_>) -> Answered {
    shop.admit(visit.request)?;
    let query = Query::read(visit.request, shop)?;
    let mut rows: Vec<((i64, String), BookOrder)> = Vec::new();
    for mut found in shop.book.visible() {
        // An old state is found by its new time: an index that lags is what the visibility lag is for.
        let updated = updated_at(&found.order).as_millisecond();
        if visit.has(&Fault::StaleRows)
            && let Some(before) = found.before.take()
        {
            found.order = *before;
        }
        if query.wants(updated, &found) {
            rows.push(((updated, found.order.id.clone()), found));
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(after) = &query.after {
        rows.retain(|(place, _)| place > after);
    }
    let more = rows.len() > query.page;
    rows.truncate(query.page);
    let last = rows.last().map(|(place, _)| place.clone());
    let mut orders: Vec<Value> =
        rows.iter().map(|(_, found)| encode(shop, found, &query.included, visit.fault.as_ref())).collect();
    match &visit.fault {
        Some(Fault::DuplicateRows) => orders = orders.into_iter().flat_map(|row| [row.clone(), row]).collect(),
        Some(Fault::ShuffleRows) => orders.reverse(),
        _ => {}
    }
    let mut body = json!({ "orders": orders, "lastUpdatedBefore": query.before.to_string() });
    if let Some(after) = last.filter(|_| more) {
        body["pagination"] = json!({ "nextToken": shop.issue_page(query.bound, after) });
    }
    Ok(ok(SEARCH, &body))
}

fn found(shop: &Shop, visit: &Visit<'_>) -> Answered {
    shop.admit(visit.request)?;
    let query = pairs(visit.request, &["includedData"])?;
    let included = listed(&query, "includedData", &INCLUDED)?.unwrap_or_default();
    let id = visit.request.url.path().rsplit('/').next().unwrap_or_default();
    let groups: Vec<&str> = id.split('-').collect();
    let digits = groups.concat().bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !groups.iter().map(|group| group.len()).eq([3, 7, 7]) {
        return Err(invalid_input("orderId is not of the form 3-7-7"));
    }
    // Also one that no search shows (models issue 3945).
    let Some(mut found) = shop.book.order(id) else {
        return Err(error(404, "NotFound", "The resource specified does not exist.", "").into());
    };
    if visit.has(&Fault::StaleRows)
        && let Some(before) = found.before.take()
    {
        found.order = *before;
    }
    Ok(ok(ORDER, &json!({ "order": encode(shop, &found, &included, visit.fault.as_ref()) })))
}

fn encode(shop: &Shop, found: &BookOrder, included: &[String], fault: Option<&Fault>) -> Value {
    let (order, stage) = (&found.order, found.stage);
    let state = state(order, stage);
    let has = |name: &str| included.iter().any(|asked| asked == name);
    let items = order.lines.iter().map(|line| item(shop, line, state, stage, &has)).collect::<Vec<_>>();
    let mut body = json!({
        "orderId": order.id,
        "createdTime": second(order.placed_at).to_string(),
        "lastUpdatedTime": updated_second(order).to_string(),
        "programs": [],
        "associatedOrders": [],
        "salesChannel": { "channelName": "AMAZON", "marketplaceId": JAPAN, "marketplaceName": "Amazon.co.jp" },
        "orderItems": items,
    });
    if has("FULFILLMENT") {
        let status = if fault == Some(&Fault::UnknownStatus) { "AWAITING_DRONE" } else { state.name() };
        let by = if order.fulfilled_by == FulfilledBy::Mall { "AMAZON" } else { "MERCHANT" };
        body["fulfillment"] = json!({
            "fulfillmentStatus": status, "fulfilledBy": by, "fulfillmentServiceLevel": "STANDARD",
        });
    }
    body
}

fn item(shop: &Shop, line: &Line, state: State, stage: Stage, has: &dyn Fn(&str) -> bool) -> Value {
    let keeps = state == State::Cancelled || shop.is_on(Switch::PartialCancelKeepsOrdered);
    let ordered = if keeps { line.ordered } else { line.ordered - line.cancelled };
    let mut product = json!({ "asin": "B000000000", "title": "煎茶 100g", "condition": { "conditionType": "NEW" } });
    if let Some(key) = &line.mall_key {
        product["sellerSku"] = json!(key);
    }
    // Before payment Amazon names SKU and quantity, and no price.
    if !matches!(state, State::Waiting(name) if name != "UNSHIPPED") {
        product["price"] = json!({ "unitPrice": { "amount": "1080", "currencyCode": "JPY" } });
    }
    let mut item = json!({ "orderItemId": line.id, "quantityOrdered": ordered, "product": product });
    if has("FULFILLMENT") {
        item["fulfillment"] = json!({ "quantityUnfulfilled": line.unshipped() });
        if !shop.is_on(Switch::OmitsQuantityFulfilled) {
            item["fulfillment"]["quantityFulfilled"] = json!(line.shipped);
        }
    }
    if has("CANCELLATION") && state == State::Cancelled {
        item["cancellation"] = json!({ "cancellationExecution": { "cancelledBy": "BUYER" } });
    } else if has("CANCELLATION") && stage == Stage::Requested {
        item["cancellation"] = json!({ "cancellationRequest": { "requester": "BUYER" } });
    }
    item
}

struct Query {
    from: Timestamp,
    before: Timestamp,
    statuses: Option<Vec<String>>,
    fulfilled_by: Option<Vec<String>>,
    included: Vec<String>,
    page: usize,
    after: Option<(i64, String)>,
    /// What a page token is bound to.
    bound: Vec<(String, String)>,
}

impl Query {
    fn read(request: &wiremock::Request, shop: &Shop) -> Result<Self, Refused> {
        const KNOWN: [&str; 10] = [
            "createdAfter",
            "createdBefore",
            "lastUpdatedAfter",
            "lastUpdatedBefore",
            "fulfillmentStatuses",
            "marketplaceIds",
            "fulfilledBy",
            "maxResultsPerPage",
            "paginationToken",
            "includedData",
        ];
        let query = pairs(request, &KNOWN)?;
        if query.contains_key("createdAfter") || query.contains_key("createdBefore") {
            return Err(invalid_input("This shop is searched by lastUpdatedAfter."));
        }
        let now = shop.book.now();
        let newest = now.saturating_sub(SignedDuration::try_from(MALL_EDGE).unwrap_or_default()).unwrap_or(now);
        let from = time(&query, "lastUpdatedAfter")?.ok_or_else(|| invalid_input("lastUpdatedAfter is missing"))?;
        let before = time(&query, "lastUpdatedBefore")?.unwrap_or(newest);
        if before > newest || before < from {
            return Err(invalid_input(
                "lastUpdatedBefore must be two minutes before now and not before lastUpdatedAfter",
            ));
        }
        if query.get("marketplaceIds").is_some_and(|ids| ids.split(',').all(|id| id != JAPAN)) {
            return Err(invalid_input("Application do not have access to some or all requested resource"));
        }
        let page = match query.get("maxResultsPerPage").map(|text| text.parse::<usize>()) {
            None => PAGE,
            Some(Ok(size)) if (1..=PAGE).contains(&size) => size,
            Some(_) => return Err(invalid_input("maxResultsPerPage must be between 1 and 100")),
        };
        let mut bound: Vec<_> = query.clone().into_iter().filter(|(name, _)| !FREE.contains(&name.as_str())).collect();
        bound.sort();
        let after = match query.get("paginationToken") {
            None => None,
            Some(token) => {
                let known = shop.page(token).ok_or_else(|| invalid_input("paginationToken is not valid"))?;
                if known.parameters != bound || now.duration_since(known.issued_at) >= TOKEN_LIFE {
                    return Err(invalid_input("paginationToken is expired or belongs to another search"));
                }
                Some(known.after)
            }
        };
        let statuses = listed(&query, "fulfillmentStatuses", &STATUSES)?;
        let fulfilled_by = listed(&query, "fulfilledBy", &["MERCHANT", "AMAZON"])?;
        let included = listed(&query, "includedData", &INCLUDED)?.unwrap_or_default();
        Ok(Self { from, before, statuses, fulfilled_by, included, page, after, bound })
    }

    fn wants(&self, updated_ms: i64, found: &BookOrder) -> bool {
        let status = state(&found.order, found.stage).name();
        let by = if found.order.fulfilled_by == FulfilledBy::Mall { "AMAZON" } else { "MERCHANT" };
        let named = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|listed| listed == name))
        };
        (self.from.as_millisecond()..=self.before.as_millisecond()).contains(&updated_ms)
            && named(&self.statuses, status)
            && named(&self.fulfilled_by, by)
    }
}

/// The query's parameters, each known and given once.
pub fn pairs(request: &wiremock::Request, known: &[&str]) -> Result<HashMap<String, String>, Refused> {
    let mut query = HashMap::new();
    for (name, value) in request.url.query_pairs().into_owned() {
        if !known.contains(&name.as_str()) || query.insert(name.clone(), value).is_some() {
            return Err(invalid_input(&format!("Could not match input arguments: {name}")));
        }
    }
    Ok(query)
}

/// A comma-separated parameter whose values are all allowed.
pub fn listed(query: &HashMap<String, String>, name: &str, allowed: &[&str]) -> Result<Option<Vec<String>>, Refused> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let values: Vec<String> = text.split(',').map(str::to_owned).collect();
    match values.iter().find(|value| !allowed.contains(&value.as_str())) {
        Some(odd) => Err(invalid_input(&format!("{name} holds {odd}"))),
        None => Ok(Some(values)),
    }
}

/// ISO 8601 with its zone.
fn time(query: &HashMap<String, String>, name: &str) -> Result<Option<Timestamp>, Refused> {
    let Some(text) = query.get(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| invalid_input(&format!("{name} is not an ISO 8601 date-time")))
}

fn updated_at(order: &Order) -> Timestamp {
    order.updated_at.unwrap_or(order.placed_at)
}

fn updated_second(order: &Order) -> Timestamp {
    second(updated_at(order))
}
