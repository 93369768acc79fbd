//! Sell Fulfillment: the search's parameters, and pure readers from bytes to canonical orders.
//!
//! A page is split into its orders before any of them is read, so that an odd one is [`Unread`] and its neighbours are
//! not. Lines have one quantity and a status of their own, and no shipped quantity: what has left of an order that is
//! partly shipped is told by its shipments, which are asked for then and only then.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use uriba_sdk::{
    FulfilledBy, Head, Line, Order, Page, Restored, Unread,
    wire::{excerpt, redact_json},
};

use crate::{card::PAGE, url};

const ORDERS: &str = "/sell/fulfillment/v1/order";
/// More rows than ten times what was asked for is not an answer to our question.
const ROWS_MAX: usize = 10 * PAGE;
const REDACTED_CHARS_MAX: usize = 8_000;

/// A search: its window, and how far it has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    from: Timestamp,
    to: Timestamp,
    open_only: bool,
    offset: usize,
    /// How many orders the page before said there are.
    total: Option<usize>,
}

impl Search {
    /// `token` is the `next` of the page before. A window's end never moves while its pages are read, and never lies
    /// after `now`, which eBay refuses.
    pub fn new(
        from: Timestamp,
        to: Timestamp,
        open_only: bool,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, String> {
        let (offset, total) = match token {
            None => (0, None),
            Some(token) => {
                let read = token.split_once('.').and_then(|(at, of)| Some((at.parse().ok()?, of.parse().ok()?)));
                let (offset, total) = read.ok_or_else(|| format!("{token:?} is no page of a search"))?;
                (offset, Some(total))
            }
        };
        let to = to.min(now);
        // eBay's times may be whole seconds, with the fraction cut off.
        let from = Timestamp::from_second(from.as_second()).unwrap_or(from).min(to);
        Ok(Self { from, to, open_only, offset, total })
    }

    /// Never with `creationdate`, beside which eBay overlooks every other date.
    pub fn path(&self) -> String {
        let mut filter = format!("lastmodifieddate:[{:.3}..{:.3}]", floor(self.from), floor(self.to));
        if self.open_only {
            filter.push_str(",orderfulfillmentstatus:{NOT_STARTED|IN_PROGRESS}");
        }
        let (limit, offset) = (PAGE.to_string(), self.offset.to_string());
        format!("{ORDERS}?{}", url::pairs(&[("filter", &filter), ("limit", &limit), ("offset", &offset)]))
    }

    pub fn page(&self, body: &[u8]) -> Result<Page, String> {
        let body: Collection<'_> = collection(body)?;
        let rows = body.orders.len();
        let mut page = Page { read_to: Some(floor(self.to)), ..Page::default() };
        page.next = self.next(rows, body.total, body.next.is_some())?;
        for row in body.orders {
            match read(row) {
                // The filter goes by the shipping status, and a cancelled order keeps the one that it had.
                Ok(order) if self.open_only && order.is_over() => {}
                Ok(order) if order.is_partly_shipped() => page.heads.push(order.head()),
                Ok(order) => match order.canonical(&HashMap::new()) {
                    Ok(order) => page.orders.push(order),
                    Err(what) => page.unread.push(unread(row, what)),
                },
                Err(what) => page.unread.push(unread(row, what)),
            }
        }
        Ok(page)
    }

    /// Orders that change while the pages are read leave the window, and those behind them move up: as many as left
    /// may have moved from the next page onto one that was read. So many rows are read again.
    fn next(&self, rows: usize, total: Option<usize>, more: bool) -> Result<Option<String>, String> {
        let total_now = total.unwrap_or(0).max(self.offset.saturating_add(rows.min(PAGE)));
        let token = |offset: usize| format!("{offset}.{}", total.unwrap_or(total_now));
        if let (Some(before), Some(now)) = (self.total, total)
            && now < before
            && self.offset > 0
        {
            return Ok(Some(token(self.offset.saturating_sub(before - now))));
        }
        match (rows, more || total.is_some_and(|total| self.offset + rows.min(PAGE) < total)) {
            (_, false) => Ok(None),
            (0, true) => Err("a page without orders that is not the last".into()),
            (rows, true) => Ok(Some(token(self.offset + rows.min(PAGE)))),
        }
    }
}

/// Path and query that ask for these orders; any other parameter would be overlooked.
pub fn by_ids(ids: &[&str]) -> String {
    format!("{ORDERS}?{}", url::pairs(&[("orderIds", &ids.join(","))]))
}

pub fn single(id: &str) -> String {
    format!("{ORDERS}/{}", url::encode(id))
}

pub fn shipments(id: &str) -> String {
    format!("{ORDERS}/{}/shipping_fulfillment", url::encode(id))
}

/// `12-34567-89012`, or `110000000001-0` and `110000000001!220000000001` of older times. What is spelled otherwise is
/// no order of eBay's, and one such id would spoil a call for many.
pub fn is_order_id(id: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'!');
    (3..=60).contains(&id.len()) && id.bytes().all(known) && id.starts_with(|c: char| c.is_ascii_digit())
}

/// The orders of an answer that was asked for by ids, each apart.
pub fn rows(body: &[u8]) -> Result<Vec<&RawValue>, String> {
    Ok(collection(body)?.orders)
}

/// The answer to a question for one order alone.
pub fn row(body: &[u8]) -> Result<&RawValue, String> {
    let row: &RawValue = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    if row.get().starts_with('{') { Ok(row) } else { Err("the order is not an object".into()) }
}

/// Units that have left, by line, from the answer about an order's shipments.
pub fn shipped(body: &[u8]) -> Result<HashMap<String, u32>, String> {
    let body: Shipments = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    let mut shipped = HashMap::<String, u32>::new();
    for line in body.fulfillments.into_iter().flat_map(|one| one.line_items.unwrap_or_default()) {
        // A shipment that says nothing of how much it holds releases nothing.
        if let (Some(id), Some(quantity)) = (line.line_item_id, line.quantity) {
            let sum = shipped.entry(id).or_default();
            *sum = sum.saturating_add(quantity);
        }
    }
    Ok(shipped)
}

/// What was read of one order, before its shipments are known.
pub struct Half {
    wire: WireOrder,
}

pub fn read(row: &RawValue) -> Result<Half, String> {
    let wire: WireOrder = serde_json::from_str(row.get()).map_err(|error| spoken(&error))?;
    if wire.order_id.as_ref().is_none_or(String::is_empty) {
        return Err("orderId is missing".into());
    }
    Ok(Half { wire })
}

impl Half {
    pub fn id(&self) -> &str {
        self.wire.order_id.as_deref().unwrap_or_default()
    }

    /// Whether only shipments can tell what has left. A line that is partly shipped may still say NOT_STARTED.
    pub fn is_partly_shipped(&self) -> bool {
        let lines = self.wire.line_items.as_deref().unwrap_or_default();
        let status = |status: &Option<String>| Shipping::named(status.as_deref()) == Shipping::InProgress;
        status(&self.wire.order_fulfillment_status)
            || lines.iter().any(|line| status(&line.line_item_fulfillment_status))
    }

    fn is_over(&self) -> bool {
        self.is_cancelled() || self.shipping() == Shipping::Fulfilled
    }

    fn head(&self) -> Head {
        Head { id: self.id().to_owned(), placed_at: self.wire.creation_date, revision: self.revision() }
    }

    pub fn canonical(self, shipped: &HashMap<String, u32>) -> Result<Order, String> {
        let (whole, cancelled, revision) = (self.shipping(), self.is_cancelled(), self.revision());
        let items = self.wire.line_items.ok_or("lineItems is missing")?;
        if items.is_empty() && !cancelled {
            return Err("lineItems is empty".into());
        }
        let lines = items.into_iter().map(|item| line(item, whole, cancelled, shipped));
        Ok(Order {
            lines: lines.collect::<Result<_, _>>()?,
            id: self.wire.order_id.ok_or("orderId is missing")?,
            family: None,
            revision,
            placed_at: self.wire.creation_date.ok_or("creationDate is missing")?,
            updated_at: self.wire.last_modified_date,
            fulfilled_by: FulfilledBy::Seller,
        })
    }

    fn shipping(&self) -> Shipping {
        Shipping::named(self.wire.order_fulfillment_status.as_deref())
    }

    /// A request still holds stock, whoever asked; so does a state that nobody knows.
    fn is_cancelled(&self) -> bool {
        let state = self.wire.cancel_status.as_ref().and_then(|status| status.cancel_state.as_deref());
        matches!(state, Some("CANCELED" | "CANCELLED"))
    }

    fn revision(&self) -> Option<i64> {
        self.wire.last_modified_date.map(Timestamp::as_millisecond)
    }
}

fn line(item: WireLine, whole: Shipping, cancelled: bool, shipped: &HashMap<String, u32>) -> Result<Line, String> {
    let ordered = item.quantity.ok_or("quantity is missing")?;
    let id = item.line_item_id.filter(|id| !id.is_empty()).ok_or("lineItemId is missing")?;
    let own = Shipping::named(item.line_item_fulfillment_status.as_deref());
    let shipped = match (whole, own) {
        (Shipping::Fulfilled, _) | (_, Shipping::Fulfilled) => ordered,
        _ => shipped.get(&id).copied().unwrap_or(0).min(ordered),
    };
    Ok(Line {
        id,
        mall_key: item.sku.map(|sku| sku.trim().to_owned()).filter(|sku| !sku.is_empty()),
        ordered,
        // Orders are cancelled as a whole. A refund alone gives no unit back.
        cancelled: if cancelled { ordered - shipped } else { 0 },
        shipped,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    })
}

/// What can still be said of an order that can't be read.
pub fn unread(row: &RawValue, what: String) -> Unread {
    let mut body: Value = serde_json::from_str(row.get()).unwrap_or_default();
    let order_id = body["orderId"].as_str().map(str::to_owned);
    let items = body["lineItems"].as_array().map_or(&[][..], Vec::as_slice);
    let skus = items.iter().filter_map(|item| item["sku"].as_str());
    let mall_keys = skus.map(|sku| sku.trim().to_owned()).filter(|sku| !sku.is_empty()).collect();
    redact_json(&mut body);
    let redacted = body.to_string().chars().take(REDACTED_CHARS_MAX).collect();
    Unread { order_id, mall_keys, what, redacted }
}

fn collection(body: &[u8]) -> Result<Collection<'_>, String> {
    let body: Collection<'_> = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    if body.orders.len() > ROWS_MAX {
        return Err(format!("{} orders in one page", body.orders.len()));
    }
    Ok(body)
}

/// Milliseconds, as eBay's own times have.
fn floor(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).unwrap_or(instant)
}

/// serde's messages quote what they met.
pub fn spoken(error: &serde_json::Error) -> String {
    excerpt(error.to_string().as_bytes())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shipping {
    InProgress,
    Fulfilled,
    /// Nothing has left, as far as this status tells: NOT_STARTED, none, or one that nobody knows.
    Other,
}

impl Shipping {
    fn named(name: Option<&str>) -> Self {
        match name {
            Some("IN_PROGRESS") => Self::InProgress,
            Some("FULFILLED") => Self::Fulfilled,
            _ => Self::Other,
        }
    }
}

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(borrow)]
    orders: Vec<&'a RawValue>,
    total: Option<usize>,
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOrder {
    order_id: Option<String>,
    creation_date: Option<Timestamp>,
    last_modified_date: Option<Timestamp>,
    order_fulfillment_status: Option<String>,
    cancel_status: Option<CancelStatus>,
    line_items: Option<Vec<WireLine>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelStatus {
    cancel_state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLine {
    line_item_id: Option<String>,
    sku: Option<String>,
    quantity: Option<u32>,
    line_item_fulfillment_status: Option<String>,
}

#[derive(Deserialize)]
struct Shipments {
    fulfillments: Vec<Shipment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shipment {
    line_items: Option<Vec<ShippedLine>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShippedLine {
    line_item_id: Option<String>,
    quantity: Option<u32>,
}
