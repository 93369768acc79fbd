//! orderInfo: the request for one order, and the reader that makes a canonical order of it.
//!
//! The mall has no cancelled and no shipped quantity. What is cancelled in part shows as a smaller `Quantity`;
//! shipping, cancelling and completing are states of the whole order; a partial shipment is made by splitting
//! the order. See README, Quirks.

use jiff::Timestamp;
use uriba_sdk::{Family, FulfilledBy, Line, Order, Restored, Unread};

use crate::{
    card::QUANTITY_MAX,
    jst,
    search::element,
    stock,
    xml::{self, Element},
};

/// Only what is named is returned, and nothing of it is about people. `Field` names are bare.
const FIELDS: [&str; 14] = [
    "OrderId",
    "ParentOrderId",
    "ChildOrderId",
    "IsSplit",
    "OrderTime",
    "LastUpdateTime",
    "OrderStatus",
    "ShipStatus",
    "ShipDate",
    "LineId",
    "ItemId",
    "SubCode",
    "Quantity",
    "OriginalNum",
];
const GROUPS: [&str; 3] = ["OrderInfo", "Ship", "Item"];

/// What an answer says about the order that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    Order(Order),
    Unread(Unread),
    /// The answer is well, and holds no order.
    Nothing,
}

pub fn request(order_id: &str, seller_id: &str) -> String {
    let target = element("OrderId", order_id) + &element("Field", &FIELDS.join(","));
    format!("<Req><Target>{target}</Target>{}</Req>", element("SellerId", seller_id))
}

/// The order `asked` for, or what the answer lacks.
pub fn read(body: &[u8], asked: &str) -> Result<Reading, String> {
    let root = xml::parse(body)?;
    let well = matches!(root.name.as_str(), "ResultSet" | "Result") && root.find("Error").is_none();
    let result = root.find("Result").filter(|_| well).ok_or("the answer holds no result")?;
    let mut orders = result.all("OrderInfo");
    let Some(stated) = orders.next() else { return Ok(Reading::Nothing) };
    if orders.any(|other| other != stated) {
        return Err("the answer holds several orders".into());
    }
    if stated.value("OrderId").is_some_and(|id| !id.eq_ignore_ascii_case(asked)) {
        return Err("the answer holds another order than was asked for".into());
    }
    Ok(match order(stated, asked) {
        Ok(order) => Reading::Order(order),
        Err(what) => Reading::Unread(Unread {
            order_id: Some(asked.to_owned()),
            mall_keys: stated.all("Item").filter_map(mall_key).collect(),
            what,
            redacted: stated.only(&[FIELDS.as_slice(), &GROUPS].concat()).chars().take(4_000).collect(),
        }),
    })
}

fn order(stated: &Element, id: &str) -> Result<Order, String> {
    let placed_at = stated.value("OrderTime").ok_or("OrderTime is missing")?;
    let placed_at = jst::parse(placed_at).ok_or_else(|| odd("OrderTime", placed_at))?;
    let updated_at = stated.value("LastUpdateTime").and_then(jst::parse);
    let split = Split::of(stated);
    let state = State::of(stated);
    let shipped_at = field(stated, "ShipDate").and_then(jst::parse_end);
    let mut lines: Vec<Line> = Vec::new();
    for (index, item) in stated.all("Item").enumerate() {
        let line = line(item, index, state, split.was_split(), shipped_at)?;
        if lines.iter().any(|known| known.id == line.id) {
            return Err(odd("LineId (twice)", &line.id));
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return Err("Item is missing".into());
    }
    Ok(Order {
        id: id.to_owned(),
        family: split.family(id),
        revision: updated_at.map(Timestamp::as_second),
        placed_at,
        updated_at,
        fulfilled_by: FulfilledBy::Seller,
        lines,
    })
}

/// Where the whole order stands, as far as stock is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Holds stock: pre-ordered, unpaid, in progress, on hold, or in a state that nobody knows.
    Open,
    Shipped,
    Cancelled,
}

impl State {
    fn of(stated: &Element) -> Self {
        let order_status = field(stated, "OrderStatus");
        // 出荷済み, 着荷済み. Goods that left have left, also of an order that was cancelled later.
        let left = matches!(field(stated, "ShipStatus"), Some("3" | "4"));
        match order_status {
            _ if left => Self::Shipped,
            Some("5") => Self::Shipped,
            Some("4") => Self::Cancelled,
            _ => Self::Open,
        }
    }
}

/// What an order says about splitting. Which member carries `IsSplit` is not established, so it counts only
/// where nothing else tells parents from children.
struct Split<'a> {
    parent: Option<&'a str>,
    has_children: bool,
    flag: bool,
}

impl<'a> Split<'a> {
    fn of(stated: &'a Element) -> Self {
        Self {
            parent: stated.value("ParentOrderId"),
            has_children: stated.value("ChildOrderId").is_some(),
            flag: matches!(stated.value("IsSplit"), Some("true" | "1")),
        }
    }

    fn was_split(&self) -> bool {
        self.has_children || (self.flag && self.parent.is_none())
    }

    fn family(&self, id: &str) -> Option<Family> {
        match self.parent {
            Some(parent) => Some(Family { id: parent.to_owned(), original: false }),
            None => self.was_split().then(|| Family { id: id.to_owned(), original: true }),
        }
    }
}

fn line(
    item: &Element,
    index: usize,
    state: State,
    was_split: bool,
    shipped_at: Option<Timestamp>,
) -> Result<Line, String> {
    let id = item.value("LineId").map_or_else(|| (index + 1).to_string(), str::to_owned);
    let quantity = item.value("Quantity").ok_or_else(|| format!("Quantity of line {id} is missing"))?;
    let ordered = units(quantity).ok_or_else(|| odd("Quantity", quantity))?;
    let original = item.value("OriginalNum").and_then(units);
    let line = Line {
        id,
        mall_key: mall_key(item),
        ordered,
        cancelled: 0,
        shipped: 0,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original,
    };
    Ok(match state {
        State::Open => line,
        State::Shipped => Line { shipped: ordered, shipped_at, ..line },
        // The units moved to the orders that replace this one: a line that shrinks, not one that is cancelled.
        State::Cancelled if was_split => Line { ordered: 0, original: original.max(Some(ordered)), ..line },
        State::Cancelled => Line { cancelled: ordered, ..line },
    })
}

fn units(text: &str) -> Option<u32> {
    text.parse().ok().filter(|units| i64::from(*units) <= QUANTITY_MAX)
}

fn mall_key(item: &Element) -> Option<String> {
    Some(stock::key(item.value("ItemId")?, item.value("SubCode").unwrap_or_default()))
}

/// A field of the order itself or of one of its groups (`Ship`, `Pay`), but never of an item.
fn field<'a>(stated: &'a Element, name: &str) -> Option<&'a str> {
    let groups = stated.children.iter().filter(|child| child.name != "Item");
    stated.value(name).or_else(|| groups.filter_map(|group| group.value(name)).next())
}

fn odd(field: &str, value: &str) -> String {
    format!("{field} is odd: {}", uriba_sdk::wire::excerpt(value.as_bytes()))
}
