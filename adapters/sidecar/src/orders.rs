//! Orders, from bytes to canonical values. Pure: no request, no clock.
//!
//! Each order is parsed by itself: one that makes no sense becomes an [`Unread`] and its neighbours are still returned.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde_json::{Value, value::RawValue};
use uriba_sdk::{
    Family, Found, FulfilledBy, Line, Order, Page, Query, Restored, Span, Unread,
    wire::{excerpt, redact_json},
};

use crate::protocol::{LineBody, OrderBody, OrdersAnswer, PROTOCOL, PullAnswer, PullQuestion, UnreadBody, read};

/// A window in whole seconds, and no narrower than what was asked: shops that keep seconds have cut the rest off.
pub fn pull(query: &Query) -> PullQuestion {
    let (from, to, family) = match &query.span {
        Span::Window { from, to } => {
            (Some(seconds(*from, RoundMode::Floor)), Some(seconds(*to, RoundMode::Ceil)), None)
        }
        Span::Family(id) => (None, None, Some(id.clone())),
    };
    PullQuestion { protocol: PROTOCOL, from, to, family, open_only: query.open_only, page: query.token.clone() }
}

fn seconds(instant: Timestamp, mode: RoundMode) -> Timestamp {
    instant.round(TimestampRound::new().smallest(Unit::Second).mode(mode)).unwrap_or(instant)
}

pub fn page(body: &[u8]) -> Result<Page, String> {
    let answer: PullAnswer<'_> = read(body)?;
    let (orders, unread) = read_each(&answer.orders, answer.unread);
    // A token that is empty would be asked for and give the first page again.
    let next = answer.next.filter(|next| !next.is_empty());
    Ok(Page { heads: Vec::new(), orders, unread, next, read_to: answer.read_to })
}

/// `open_only` spares a program work. One that leaves it aside has sent closed orders too.
pub fn open(mut page: Page) -> Page {
    page.orders.retain(|order| !order.is_closed());
    page
}

/// Every id asked for ends up in one of the four: an answer that leaves one out is not understood. Of ids that nobody
/// asked for nothing is believed.
pub fn found(body: &[u8], ids: &[String]) -> Result<Found, String> {
    let answer: OrdersAnswer<'_> = read(body)?;
    let (orders, unread) = read_each(&answer.orders, answer.unread);
    let asked = |told: Vec<String>| told.into_iter().filter(|id| ids.contains(id)).collect::<Vec<_>>();
    let (missing, gone) = (asked(answer.missing), asked(answer.gone));
    let told = |id: &String| {
        missing.contains(id)
            || gone.contains(id)
            || orders.iter().any(|order| order.id == *id)
            || unread.iter().any(|odd| odd.order_id.as_ref().is_none_or(|known| known == id))
    };
    match ids.iter().find(|id| !told(id)) {
        Some(id) => Err(format!("the answer says nothing about {}", excerpt(id.as_bytes()))),
        None => Ok(Found { orders, unread, missing, gone }),
    }
}

fn read_each(raw: &[&RawValue], told_unread: Vec<UnreadBody>) -> (Vec<Order>, Vec<Unread>) {
    let (mut orders, mut unread) = (Vec::new(), told_unread.into_iter().map(told_odd).collect::<Vec<_>>());
    for text in raw.iter().map(|raw| raw.get()) {
        match order(text) {
            Ok(order) => orders.push(order),
            Err(what) => unread.push(odd(text, what)),
        }
    }
    (orders, unread)
}

fn order(text: &str) -> Result<Order, String> {
    let order: OrderBody = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if order.id.is_empty() {
        return Err("an order without an id".into());
    }
    Ok(Order {
        id: order.id,
        family: order.family.map(|family| Family { id: family.id, original: family.original }),
        revision: order.revision,
        placed_at: order.placed_at,
        updated_at: order.updated_at,
        // A word that nobody knows: the seller's, since that holds stock.
        fulfilled_by: if order.fulfilled_by.as_deref() == Some("mall") {
            FulfilledBy::Mall
        } else {
            FulfilledBy::Seller
        },
        lines: order.lines.into_iter().map(line).collect::<Result<_, _>>()?,
    })
}

fn line(line: LineBody) -> Result<Line, String> {
    if u64::from(line.cancelled) + u64::from(line.shipped) > u64::from(line.ordered) {
        return Err(format!(
            "line {}: {} ordered, {} cancelled, {} shipped",
            excerpt(line.id.as_bytes()),
            line.ordered,
            line.cancelled,
            line.shipped
        ));
    }
    Ok(Line {
        id: line.id,
        mall_key: line.key,
        ordered: line.ordered,
        cancelled: line.cancelled,
        shipped: line.shipped,
        returned: line.returned,
        restored: match line.restored.as_deref() {
            Some("yes") => Restored::Yes,
            Some("no") => Restored::No,
            _ => Restored::Unknown,
        },
        shipped_at: line.shipped_at,
        original: line.original,
    })
}

/// What can still be said of an order that makes no sense, so that sales of its items can be held back.
fn odd(text: &str, what: String) -> Unread {
    let mut body: Value = serde_json::from_str(text).unwrap_or_default();
    redact_json(&mut body);
    let keys = body["lines"].as_array().into_iter().flatten().filter_map(|line| line["key"].as_str());
    Unread {
        order_id: body["id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned),
        mall_keys: keys.map(str::to_owned).collect(),
        what: excerpt(what.as_bytes()),
        redacted: body.to_string(),
    }
}

/// The program kept the order's body to itself.
fn told_odd(unread: UnreadBody) -> Unread {
    let what = excerpt(unread.what.as_bytes());
    Unread { order_id: unread.order_id, mall_keys: unread.keys, what, redacted: String::new() }
}
