//! The mall's orders, from bytes to canonical values. Pure: no request, no clock.
//!
//! Each order is parsed by itself: one that makes no sense becomes an [`Unread`] and its neighbours are still read.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use uriba_sdk::{
    Class, FulfilledBy, Line, Order, Page, Query, Restored, Span, Unread,
    wire::{excerpt, redact_json},
};

use crate::stock;

/// Orders in these states may hold stock. `COMPLETING` has shipped everything.
const OPEN: [&str; 3] = ["WAITING_FOR_PAYMENT", "WAITING_FOR_SHIPPING", "CANCELING"];
const UNPAID: &str = "WAITING_FOR_PAYMENT";
const CANCELLED: &str = "CANCELED";

/// The search's variables. The mall's window is half open and its grain unknown, so it is widened to whole seconds.
///
/// A full search names no states: one that the mall adds later must be found too. Should the mall leave out cancelled
/// orders then, nothing is lost: what the hub holds it asks for by id.
pub fn filter(query: &Query) -> Result<Value, Class> {
    let Span::Window { from, to } = &query.span else {
        return Err(Class::Malformed { what: "the mall does not split orders".into() });
    };
    let end = to.saturating_add(SignedDuration::from_secs(1)).unwrap_or(*to);
    let mut variables = json!({"orderedDateGte": seconds(*from), "orderedDateLt": seconds(end)});
    if query.open_only {
        variables["statuses"] = json!(OPEN);
    }
    if let Some(token) = &query.token {
        variables["after"] = json!(token);
    }
    Ok(variables)
}

fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

pub fn page(data: &str) -> Result<Page, String> {
    let answer: WireAnswer = serde_json::from_str(data).map_err(|error| error.to_string())?;
    let list = answer.order_transactions;
    let mut page = Page::default();
    for edge in &list.edges {
        match edge.node.map(RawValue::get).map(one) {
            Some(Ok(order)) => page.orders.push(order),
            Some(Err(unread)) => page.unread.push(*unread),
            None => page.unread.push(nameless()),
        }
    }
    page.next = list.page_end.next()?;
    Ok(page)
}

/// One order, or what could be read of it.
pub fn one(text: &str) -> Result<Order, Box<Unread>> {
    read(text).map_err(|what| Box::new(odd(text, what)))
}

#[derive(Deserialize)]
struct WireAnswer<'a> {
    #[serde(rename = "orderTransactions", borrow)]
    order_transactions: WireList<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireList<'a> {
    #[serde(borrow)]
    edges: Vec<WireEdge<'a>>,
    #[serde(rename = "pageInfo")]
    page_end: PageEnd,
}

#[derive(Deserialize)]
struct WireEdge<'a> {
    #[serde(borrow)]
    node: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageEnd {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl PageEnd {
    pub fn next(self) -> Result<Option<String>, String> {
        match (self.has_next_page, self.end_cursor) {
            (false, _) => Ok(None),
            (true, Some(cursor)) if !cursor.is_empty() => Ok(Some(cursor)),
            (true, _) => Err("a further page without a cursor".into()),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOrder {
    id: String,
    #[serde(default)]
    status: Option<String>,
    created_at: String,
    products: Vec<WireProduct>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProduct {
    product_id: Option<String>,
    purchased_quantity: u32,
    unshipped_quantity: u32,
    unshipped_canceled_quantity: u32,
    variant: Option<WireVariant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireVariant {
    id: Option<String>,
    sku_code: Option<String>,
}

fn read(text: &str) -> Result<Order, String> {
    let order: WireOrder = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if order.products.is_empty() {
        return Err("no products".into());
    }
    let placed_at = order
        .created_at
        .parse()
        .map_err(|_| format!("createdAt is not a time with a zone: {}", excerpt(order.created_at.as_bytes())))?;
    let status = order.status.as_deref().unwrap_or_default();
    let mut lines = order.products.into_iter().map(|product| line(product, status)).collect::<Result<Vec<_>, _>>()?;
    number_twins(&mut lines);
    Ok(Order {
        id: order.id,
        family: None,
        // The mall has neither a version nor a time of the last change.
        revision: None,
        placed_at,
        updated_at: None,
        fulfilled_by: FulfilledBy::Seller,
        lines,
    })
}

/// `unshippedQuantity` says what is still to be shipped, whatever was purchased. Two states say more than it does:
/// before payment nothing can have left, and of a cancelled order nothing will leave.
fn line(product: WireProduct, status: &str) -> Result<Line, String> {
    let purchased = u64::from(product.purchased_quantity);
    let (unshipped, called_off) =
        (u64::from(product.unshipped_quantity), u64::from(product.unshipped_canceled_quantity));
    let shipped = if status == UNPAID { 0 } else { purchased.saturating_sub(unshipped + called_off) };
    let (ordered, cancelled) = match status {
        CANCELLED => (purchased, purchased - shipped),
        UNPAID => (purchased.max(unshipped + called_off), called_off),
        _ => (unshipped + called_off + shipped, called_off),
    };
    let units = |units: u64| u32::try_from(units).map_err(|_| format!("{units} units"));
    let variant = product.variant;
    let id = variant.as_ref().and_then(|variant| variant.id.clone()).or(product.product_id).unwrap_or_default();
    Ok(Line {
        id,
        mall_key: variant.and_then(|variant| stock::key_of(variant.sku_code.as_deref(), variant.id.as_deref())),
        ordered: units(ordered)?,
        cancelled: units(cancelled)?,
        shipped: units(shipped)?,
        // A cancel after shipping doesn't say whether the goods arrived.
        returned: 0,
        // Not documented, and nothing in an order shows it: a read-back will.
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    })
}

/// Lines have no id of their own: the variant's is theirs, with a number should it come twice.
fn number_twins(lines: &mut [Line]) {
    let mut seen = HashMap::<String, u32>::new();
    for line in lines {
        let count = seen.entry(line.id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            line.id = format!("{}#{count}", line.id);
        }
    }
}

/// What can still be said of an order that makes no sense, so that sales of its items can be held back.
fn odd(text: &str, what: String) -> Unread {
    let mut body: Value = serde_json::from_str(text).unwrap_or_default();
    redact_json(&mut body);
    let variants = body["products"].as_array().into_iter().flatten().map(|product| &product["variant"]);
    let keys = variants.filter_map(|variant| stock::key_of(variant["skuCode"].as_str(), variant["id"].as_str()));
    Unread {
        order_id: body["id"].as_str().map(str::to_owned),
        mall_keys: keys.collect(),
        what,
        redacted: body.to_string(),
    }
}

/// The mall answers null in the place of an order that it failed to read itself.
fn nameless() -> Unread {
    let what = "the mall left this order out of its own list".to_owned();
    Unread { order_id: None, mall_keys: Vec::new(), what, redacted: "null".into() }
}
