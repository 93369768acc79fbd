//! Orders, from bytes to canonical values. Pure: no request, no clock.
//!
//! Nothing about the buyer is asked for, so nothing of it is answered. Each order is parsed by itself: one that makes
//! no sense becomes an [`Unread`] and its neighbours are still returned.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use uriba_sdk::{
    FulfilledBy, Head, Line, Order, Page, Restored, Unread,
    wire::{excerpt, redact_json},
};

use crate::{
    graphql::{self, Connection, Ref},
    listing::{Gid, ORDER},
};

/// A page of a search. `from` is where the window begins.
pub fn page(data: &str, from: Timestamp) -> Result<Page, String> {
    #[derive(Deserialize)]
    struct Wire {
        orders: Connection<Box<RawValue>>,
    }
    let Wire { orders } = graphql::parse(data)?;
    let mut page = Page { next: orders.page_end.next()?, ..Page::default() };
    let mut stale = !orders.nodes.is_empty();
    for text in orders.nodes.iter().map(|raw| raw.get()) {
        match WireOrder::read(text) {
            Ok(order) => {
                stale &= order.updated_at().is_some_and(|at| at < from - SignedDuration::from_secs(1));
                match order.next()? {
                    // The rest of its lines is read by id.
                    Some(_) => page.heads.push(order.head()?),
                    None => {
                        order.finish(text).map_or_else(|odd| page.unread.push(odd), |order| page.orders.push(order))
                    }
                }
            }
            Err(what) => {
                stale = false;
                page.unread.push(odd(text, what));
            }
        }
    }
    // A filter whose name Shopify doesn't know is ignored: then the shop's oldest orders come first.
    if stale && page.next.is_some() {
        return Err("the search's filter was ignored: every order of the page is older than what was asked for".into());
    }
    Ok(page)
}

/// Orders by id. Shopify answers a node for each id, in order, and nothing where it knows none.
pub fn found(data: &str, ids: &[&String]) -> Result<Vec<Result<Partial, Unread>>, String> {
    #[derive(Deserialize)]
    struct Wire {
        nodes: Vec<Option<Box<RawValue>>>,
    }
    let Wire { nodes } = graphql::parse(data)?;
    if nodes.len() < ids.len() {
        return Err(format!("{} nodes for {} ids", nodes.len(), ids.len()));
    }
    let in_order = nodes.len() == ids.len();
    let mut each = Vec::new();
    for (n, raw) in nodes.iter().enumerate() {
        let Some(text) = raw.as_ref().map(|raw| raw.get()).filter(|text| is_order(text)) else { continue };
        each.push(Partial::read(text).map_err(|what| {
            let mut odd = odd(text, what);
            if in_order && odd.order_id.is_none() {
                odd.order_id = ids.get(n).map(|id| (*id).clone());
            }
            odd
        }));
    }
    Ok(each)
}

/// An order of which some lines may still be missing.
pub struct Partial {
    /// Where its next lines begin.
    pub next: Option<String>,
    order: WireOrder,
    text: String,
}

impl Partial {
    fn read(text: &str) -> Result<Self, String> {
        let order = WireOrder::read(text)?;
        Ok(Self { next: order.next()?, order, text: text.to_owned() })
    }

    pub fn id(&self) -> &str {
        &self.order.id
    }

    /// Takes in further lines; `false` when the order has changed since its first were read.
    pub fn extend(&mut self, data: &str) -> Result<bool, String> {
        #[derive(Deserialize)]
        struct Wire {
            node: Option<More>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct More {
            updated_at: Option<String>,
            line_items: Connection<WireLine>,
        }
        let wire: Wire = graphql::parse(data)?;
        let Some(more) = wire.node.filter(|more| more.updated_at == self.order.updated_at) else { return Ok(false) };
        self.order.line_items.nodes.extend(more.line_items.nodes);
        self.next = more.line_items.page_end.next()?;
        Ok(true)
    }

    pub fn finish(self) -> Result<Order, Unread> {
        self.order.finish(&self.text)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOrder {
    id: String,
    created_at: String,
    updated_at: Option<String>,
    cancelled_at: Option<String>,
    display_fulfillment_status: Option<String>,
    line_items: Connection<WireLine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLine {
    id: String,
    /// Units first ordered, refunded and removed ones included.
    quantity: u32,
    /// Less what was refunded or removed.
    current_quantity: u32,
    unfulfilled_quantity: u32,
    /// Refunded before they were shipped.
    non_fulfillable_quantity: Option<u32>,
    variant: Option<WireVariant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireVariant {
    inventory_item: Option<Ref>,
}

impl WireOrder {
    fn read(text: &str) -> Result<Self, String> {
        let order: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        instant(&order.created_at)?;
        order.updated_at.as_deref().map(instant).transpose()?;
        Ok(order)
    }

    fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at.as_deref().and_then(|at| instant(at).ok())
    }

    fn next(&self) -> Result<Option<String>, String> {
        self.line_items.page_end.next()
    }

    fn head(&self) -> Result<Head, String> {
        let placed_at = Some(instant(&self.created_at)?);
        Ok(Head { id: self.id.clone(), placed_at, revision: revision(self.updated_at()) })
    }

    fn finish(self, text: &str) -> Result<Order, Unread> {
        self.order().map_err(|what| odd(text, what))
    }

    fn order(self) -> Result<Order, String> {
        let updated_at = self.updated_at();
        // An order of which something was shipped can be cancelled only in part.
        let shipped = self.display_fulfillment_status.as_deref();
        let shipped = matches!(shipped, Some("FULFILLED" | "PARTIALLY_FULFILLED"));
        let cancelled = self.cancelled_at.is_some().then_some(Cancelled { shipped });
        Ok(Order {
            placed_at: instant(&self.created_at)?,
            id: self.id,
            family: None,
            revision: revision(updated_at),
            updated_at,
            fulfilled_by: FulfilledBy::Seller,
            lines: self.line_items.nodes.into_iter().map(|line| line.line(cancelled)).collect::<Result<_, _>>()?,
        })
    }
}

/// The whole order was cancelled.
#[derive(Clone, Copy)]
struct Cancelled {
    /// Something of it had left before.
    shipped: bool,
}

impl WireLine {
    fn line(self, cancelled: Option<Cancelled>) -> Result<Line, String> {
        let (ordered, current, unfulfilled) = (self.quantity, self.current_quantity, self.unfulfilled_quantity);
        if current > ordered || unfulfilled > ordered {
            return Err(format!("line {}: {ordered} units, {current} current, {unfulfilled} unfulfilled", self.id));
        }
        let never_left = self.non_fulfillable_quantity.unwrap_or(0);
        let (cancelled, shipped) = match cancelled {
            None => {
                // A unit holds stock while it is neither fulfilled nor refunded: the smaller figure, as a refund
                // may or may not have left the unfulfilled ones.
                let held = unfulfilled.min(current);
                let cancelled = never_left.min(ordered - held);
                (cancelled, ordered - held - cancelled)
            }
            Some(Cancelled { shipped: true }) => {
                let shipped = ordered.saturating_sub(unfulfilled).saturating_sub(never_left);
                (ordered - shipped, shipped)
            }
            Some(Cancelled { shipped: false }) => (ordered, 0),
        };
        let item = self.variant.and_then(|variant| variant.inventory_item);
        Ok(Line {
            id: self.id.rsplit('/').next().unwrap_or_default().to_owned(),
            mall_key: item.map(|item| item.id),
            ordered,
            cancelled,
            shipped,
            // A refund after shipping says nothing about goods that came back.
            returned: 0,
            // Restocking is the merchant's choice at each cancel and refund; a read-back tells.
            restored: Restored::Unknown,
            shipped_at: None,
            original: None,
        })
    }
}

fn revision(updated_at: Option<Timestamp>) -> Option<i64> {
    updated_at.map(Timestamp::as_millisecond)
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("not a time: {}", excerpt(text.as_bytes())))
}

fn is_order(text: &str) -> bool {
    let node: Value = serde_json::from_str(text).unwrap_or_default();
    node["__typename"].as_str().is_none_or(|name| name == "Order")
}

pub fn is_order_id(id: &str) -> bool {
    Gid::parse(id).is_some_and(|gid| gid.kind == ORDER)
}

/// What can still be said of an order that makes no sense, so that sales of its items can be held back.
fn odd(text: &str, what: String) -> Unread {
    let mut body: Value = serde_json::from_str(text).unwrap_or_default();
    redact_json(&mut body);
    let lines = body["lineItems"]["nodes"].as_array().into_iter().flatten();
    let items = lines.filter_map(|line| line["variant"]["inventoryItem"]["id"].as_str());
    Unread {
        order_id: body["id"].as_str().map(str::to_owned),
        mall_keys: items.map(str::to_owned).collect(),
        what,
        redacted: body.to_string(),
    }
}
