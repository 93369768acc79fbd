//! The mall's orders, from bytes to canonical values. Pure: no request, no clock.
//!
//! Only what the hub needs is read, so new fields and odd values elsewhere can't break anything. Each order is
//! parsed by itself: one that makes no sense becomes an [`Unread`] and its neighbours are still returned.

// scaffold+ #![expect(unused, reason = "not all of it is written yet")]

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use uriba_sdk::{
    Class, Found, FulfilledBy, Line, Order, Page, Query, Restored, Span, Unread,
    wire::{excerpt, redact_json},
};

/// Japan has one offset and no summer time.
const OFFSET: Offset = Offset::constant(9);
/// How the mall writes instants: its own local time, in whole seconds.
const FORMAT: &str = "%Y-%m-%dT%H:%M:%S";

/// The search's parameters. A fraction of a second is cut off at both ends, as the mall cuts it off its own
/// instants: an order of 10:00:00.6 is stored as 10:00:00 and found from 10:00:00.3 on.
pub fn search(query: &Query) -> Result<String, Class> {
    // scaffold: Err(Class::Malformed { what: "not written yet: orders::search".into() })
    let Span::Window { from, to } = &query.span else {
        return Err(Class::Malformed { what: "Sample Mall does not split orders".into() });
    };
    let open = if query.open_only { "&open=1" } else { "" };
    // The mall's tokens need no escapes; its documentation says so.
    let page = query.token.as_ref().map(|token| format!("&page={token}")).unwrap_or_default();
    Ok(format!("?from={}&to={}{open}{page}", local(*from), local(*to)))
}

pub fn lookup(ids: &[String]) -> Value {
    // scaffold: json!({"not written yet": "orders::lookup"})
    json!({"numbers": ids})
}

pub fn page(body: &[u8]) -> Result<Page, String> {
    // scaffold: Err("not written yet: orders::page".into())
    let answer: WireOrders<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let (orders, unread) = read_each(&answer.orders);
    Ok(Page { orders, unread, next: answer.next, ..Page::default() })
}

/// Every id asked for ends up in one of the three: an answer that leaves one out is not understood.
pub fn found(body: &[u8], ids: &[String]) -> Result<Found, String> {
    // scaffold: Err("not written yet: orders::found".into())
    let answer: WireOrders<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let (orders, unread) = read_each(&answer.orders);
    let missing = answer.unknown.unwrap_or_default();
    let told = |id: &String| {
        missing.contains(id)
            || orders.iter().any(|order| order.id == *id)
            || unread.iter().any(|odd| odd.order_id.as_ref().is_none_or(|known| known == id))
    };
    match ids.iter().find(|id| !told(id)) {
        Some(id) => Err(format!("the answer says nothing about {id}")),
        None => Ok(Found { orders, unread, missing, ..Found::default() }),
    }
}

/// The mall's spelling of an instant.
pub fn local(instant: Timestamp) -> String {
    OFFSET.to_datetime(instant).strftime(FORMAT).to_string()
}

pub fn instant(text: &str) -> Result<Timestamp, String> {
    DateTime::strptime(FORMAT, text)
        .and_then(|time| OFFSET.to_timestamp(time))
        .map_err(|_| format!("not a time: {}", excerpt(text.as_bytes())))
}

fn read_each(raw: &[&RawValue]) -> (Vec<Order>, Vec<Unread>) {
    let (mut orders, mut unread) = (Vec::new(), Vec::new());
    for text in raw.iter().map(|raw| raw.get()) {
        match read(text) {
            Ok(order) => orders.push(order),
            Err(what) => unread.push(odd(text, what)),
        }
    }
    (orders, unread)
}

fn read(text: &str) -> Result<Order, String> {
    // scaffold: Err("not written yet: orders::read".into())
    let order: WireOrder = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(Order {
        id: order.number,
        family: None,
        revision: order.version,
        placed_at: instant(&order.placed)?,
        updated_at: order.changed.as_deref().map(instant).transpose()?,
        // A warehouse that nobody knows: the shop's, since that holds stock.
        fulfilled_by: if order.ships_from.as_deref() == Some("mall") { FulfilledBy::Mall } else { FulfilledBy::Seller },
        lines: order.lines.into_iter().map(line).collect::<Result<_, _>>()?,
    })
}

/// What can still be said of an order that makes no sense, so that sales of its items can be held back.
fn odd(text: &str, what: String) -> Unread {
    // scaffold: Unread { order_id: None, mall_keys: Vec::new(), what, redacted: "not written yet: orders::odd".into() }
    let mut body: Value = serde_json::from_str(text).unwrap_or_default();
    redact_json(&mut body);
    let items = body["lines"].as_array().into_iter().flatten().filter_map(|line| line["item"].as_str());
    Unread {
        order_id: body["number"].as_str().map(str::to_owned),
        mall_keys: items.map(str::to_lowercase).collect(),
        what,
        redacted: body.to_string(),
    }
}

// scaffold:
fn line(line: WireLine) -> Result<Line, String> {
    if u64::from(line.cancelled) + u64::from(line.sent) > u64::from(line.units) {
        return Err(format!(
            "line {}: {} units, {} cancelled, {} sent",
            line.line, line.units, line.cancelled, line.sent
        ));
    }
    Ok(Line {
        id: line.line,
        mall_key: line.item.map(|item| item.to_lowercase()),
        ordered: line.units,
        cancelled: line.cancelled,
        shipped: line.sent,
        returned: line.came_back,
        // The mall doesn't say whether a cancel put the units back on its counter; a read-back will tell.
        restored: Restored::Unknown,
        shipped_at: line.sent_on.as_deref().map(instant).transpose()?,
        original: None,
    })
}

#[derive(Deserialize)]
struct WireOrders<'a> {
    #[serde(borrow)]
    orders: Vec<&'a RawValue>,
    /// Searches: the next page.
    next: Option<String>,
    /// Look-ups: numbers that the mall doesn't know.
    unknown: Option<Vec<String>>,
}

/// The mall's `state` is not among the fields: the lines' figures say all that it could.
#[derive(Deserialize)]
struct WireOrder {
    number: String,
    version: Option<i64>,
    placed: String,
    changed: Option<String>,
    ships_from: Option<String>,
    lines: Vec<WireLine>,
}

/// `units` is all that a line must have. What else is absent means none.
#[derive(Deserialize)]
struct WireLine {
    line: String,
    item: Option<String>,
    units: u32,
    #[serde(default)]
    cancelled: u32,
    #[serde(default)]
    sent: u32,
    #[serde(default)]
    came_back: u32,
    sent_on: Option<String>,
}
