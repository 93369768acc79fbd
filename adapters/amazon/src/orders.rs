//! Orders API 2026-01-01: the search's parameters, and pure readers from bytes to canonical orders.
//!
//! A page is split into its orders before any of them is read, so that an odd one is [`Unread`] and its
//! neighbours are not. Quantities speak first and the status second: it only fills in what Amazon left out, and
//! an unknown one holds stock.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use uriba_sdk::{
    FulfilledBy, Line, Order, Page, Restored, Unread,
    wire::{excerpt, redact_json},
};

use crate::{card::PAGE, url};

/// Neither buyers nor recipients nor prices are asked for.
const INCLUDED: &str = "FULFILLMENT,CANCELLATION";
const OPEN: &str = "PENDING_AVAILABILITY,PENDING,UNSHIPPED,PARTIALLY_SHIPPED";
/// More rows than ten times what was asked for is not an answer to our question.
const ROWS_MAX: usize = 10 * PAGE;
const REDACTED_CHARS_MAX: usize = 8_000;

/// Path and query of a search. A token goes with exactly the parameters that it was given for.
pub fn search(from: Timestamp, to: Timestamp, open_only: bool, token: Option<&str>, marketplace: &str) -> String {
    let (from, to, page) = (spelled(from), spelled(to), PAGE.to_string());
    let mut pairs = vec![
        ("lastUpdatedAfter", from.as_str()),
        ("lastUpdatedBefore", &to),
        ("marketplaceIds", marketplace),
        ("maxResultsPerPage", &page),
        ("includedData", INCLUDED),
    ];
    pairs.extend(open_only.then_some(("fulfillmentStatuses", OPEN)));
    pairs.extend(token.map(|token| ("paginationToken", token)));
    format!("/orders/2026-01-01/orders?{}", url::pairs(&pairs))
}

pub fn by_id(id: &str) -> String {
    format!("/orders/2026-01-01/orders/{}?{}", url::encode(id), url::pairs(&[("includedData", INCLUDED)]))
}

/// Three, seven and seven characters. What is spelled otherwise is no order of Amazon's, and asking for it would
/// be a bad request.
pub fn is_order_id(id: &str) -> bool {
    let groups: Vec<&str> = id.split('-').collect();
    groups.iter().map(|group| group.len()).eq([3, 7, 7])
        && groups.concat().bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A page of a search that was to end at `to`.
pub fn page(body: &[u8], to: Timestamp) -> Result<Page, String> {
    let body: SearchBody<'_> = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    if body.orders.len() > ROWS_MAX {
        return Err(format!("{} orders in one page", body.orders.len()));
    }
    let mut page = Page { next: body.pagination.and_then(|pagination| pagination.next_token), ..Page::default() };
    page.next = page.next.filter(|token| !token.is_empty());
    let complete_to = body.last_updated_before.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    page.read_to = Some(complete_to.unwrap_or(to).min(floor(to)));
    for row in body.orders {
        match order(row) {
            Ok(order) => page.orders.push(order),
            Err(unread) => page.unread.push(*unread),
        }
    }
    Ok(page)
}

/// The answer to a question for one order.
pub fn single(body: &[u8]) -> Result<Result<Order, Box<Unread>>, String> {
    let body: OrderBody<'_> = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    // A list may stand for a struct in serde's eyes; in Amazon's answers it doesn't.
    if !body.order.get().starts_with('{') {
        return Err("the order is not an object".into());
    }
    Ok(order(body.order))
}

fn order(row: &RawValue) -> Result<Order, Box<Unread>> {
    serde_json::from_str::<WireOrder>(row.get())
        .map_err(|error| spoken(&error))
        .and_then(canonical)
        .map_err(|what| Box::new(unread(row, what)))
}

fn canonical(order: WireOrder) -> Result<Order, String> {
    let fulfillment = order.fulfillment.unwrap_or_default();
    let status = Status::named(fulfillment.fulfillment_status.as_deref());
    let channel = order.sales_channel.and_then(|channel| channel.channel_name);
    // An order that names no one is the seller's: a unit held too long does less harm than one sold twice.
    let mall = fulfillment.fulfilled_by.as_deref() == Some("AMAZON")
        || channel.as_deref() == Some("NON_AMAZON")
        || status == Status::Unfulfillable;
    let items = order.order_items.ok_or("orderItems is missing")?;
    if items.is_empty() && !status.is_over() {
        return Err("orderItems is empty".into());
    }
    let lines = items.into_iter().map(|item| line(item, status)).collect::<Result<Vec<_>, _>>()?;
    Ok(Order {
        id: order.order_id.filter(|id| !id.is_empty()).ok_or("orderId is missing")?,
        family: None,
        revision: order.last_updated_time.map(Timestamp::as_millisecond),
        placed_at: order.created_time.ok_or("createdTime is missing")?,
        updated_at: order.last_updated_time,
        fulfilled_by: if mall { FulfilledBy::Mall } else { FulfilledBy::Seller },
        lines,
    })
}

fn line(item: WireItem, status: Status) -> Result<Line, String> {
    let ordered = item.quantity_ordered.ok_or("quantityOrdered is missing")?;
    let cancelled_by =
        item.cancellation.and_then(|said| said.cancellation_execution).and_then(|done| done.cancelled_by);
    let stated = item.fulfillment.unwrap_or_default();
    let rest = if cancelled_by.is_some() { 0 } else { ordered };
    let (shipped, unshipped) = match (status, stated.quantity_fulfilled, stated.quantity_unfulfilled) {
        (Status::Cancelled | Status::Unfulfillable, shipped, _) => (shipped.unwrap_or(0), 0),
        // "All items have been shipped": a figure that still says otherwise lags behind.
        (Status::Shipped, Some(shipped), waiting) => (shipped.saturating_add(waiting.unwrap_or(0)), 0),
        (Status::Shipped, None, _) => (ordered, 0),
        // Nobody knows what it means that figures don't add up under a status that nobody knows.
        (Status::Unknown, shipped, _) => (shipped.unwrap_or(0), ordered),
        (_, Some(shipped), Some(waiting)) => (shipped, waiting),
        (_, Some(shipped), None) => (shipped, rest.saturating_sub(shipped)),
        (Status::PartlyShipped, None, Some(waiting)) => (ordered.saturating_sub(waiting), waiting),
        (_, None, waiting) => (0, waiting.unwrap_or(rest)),
    };
    let shipped = shipped.min(ordered);
    let unshipped = unshipped.min(ordered - shipped);
    let sku = item.product.and_then(|product| product.seller_sku);
    Ok(Line {
        id: item.order_item_id.filter(|id| !id.is_empty()).ok_or("orderItemId is missing")?,
        mall_key: sku.map(|sku| sku.trim().to_owned()).filter(|sku| !sku.is_empty()),
        ordered,
        // What is neither shipped nor waiting was cancelled: Amazon has no figure for it.
        cancelled: ordered - shipped - unshipped,
        shipped,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    })
}

/// What can still be said of an order that can't be read.
fn unread(row: &RawValue, what: String) -> Unread {
    let mut body: Value = serde_json::from_str(row.get()).unwrap_or_default();
    let order_id = body["orderId"].as_str().map(str::to_owned);
    let items = body["orderItems"].as_array().map_or(&[][..], Vec::as_slice);
    let skus = items.iter().filter_map(|item| item["product"]["sellerSku"].as_str());
    let mall_keys = skus.map(|sku| sku.trim().to_owned()).filter(|sku| !sku.is_empty()).collect();
    redact_json(&mut body);
    let redacted = body.to_string().chars().take(REDACTED_CHARS_MAX).collect();
    Unread { order_id, mall_keys, what, redacted }
}

/// Milliseconds, as SP-API's own times have at most.
fn spelled(instant: Timestamp) -> String {
    format!("{:.3}", floor(instant))
}

fn floor(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).unwrap_or(instant)
}

/// serde's messages quote what they met.
fn spoken(error: &serde_json::Error) -> String {
    excerpt(error.to_string().as_bytes())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Pre-ordered, awaiting payment, or to be shipped: all of it holds stock.
    Waiting,
    PartlyShipped,
    Shipped,
    Cancelled,
    /// An order from elsewhere that Amazon's warehouse could not fill.
    Unfulfillable,
    /// Not in Amazon's list of November 2026, or not stated.
    Unknown,
}

impl Status {
    fn named(name: Option<&str>) -> Self {
        match name {
            Some("PENDING_AVAILABILITY" | "PENDING" | "UNSHIPPED") => Self::Waiting,
            Some("PARTIALLY_SHIPPED") => Self::PartlyShipped,
            Some("SHIPPED") => Self::Shipped,
            Some("CANCELLED") => Self::Cancelled,
            Some("UNFULFILLABLE") => Self::Unfulfillable,
            _ => Self::Unknown,
        }
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Shipped | Self::Cancelled | Self::Unfulfillable)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchBody<'a> {
    #[serde(borrow)]
    orders: Vec<&'a RawValue>,
    pagination: Option<Pagination>,
    #[serde(default)]
    last_updated_before: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct OrderBody<'a> {
    #[serde(borrow)]
    order: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOrder {
    order_id: Option<String>,
    created_time: Option<Timestamp>,
    last_updated_time: Option<Timestamp>,
    sales_channel: Option<SalesChannel>,
    fulfillment: Option<OrderFulfillment>,
    order_items: Option<Vec<WireItem>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SalesChannel {
    channel_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderFulfillment {
    fulfillment_status: Option<String>,
    fulfilled_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireItem {
    order_item_id: Option<String>,
    quantity_ordered: Option<u32>,
    product: Option<Product>,
    fulfillment: Option<ItemFulfillment>,
    cancellation: Option<Cancellation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    seller_sku: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemFulfillment {
    quantity_fulfilled: Option<u32>,
    quantity_unfulfilled: Option<u32>,
}

/// A `cancellationRequest` is only a wish; the units are still held.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancellation {
    cancellation_execution: Option<CancellationExecution>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancellationExecution {
    cancelled_by: Option<String>,
}
