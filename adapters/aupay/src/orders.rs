//! The reader that makes canonical orders of `orderInfo`, as the list and the call for one order both have it.
//!
//! The mall has states for whole orders only, and their Japanese names are the codes. Shops make their own, so what no
//! table names holds its stock. There is no cancelled and no shipped quantity; what is cancelled in part shows
//! as a smaller `unit`. See README, Quirks.

use std::collections::HashSet;

use jiff::Timestamp;
use uriba_sdk::{FulfilledBy, Line, Order, Restored, Unread, wire::excerpt};

use crate::{envelope, jst, keys, xml::Element};

/// More units than any line has.
const UNITS_MAX: u32 = 1_000_000;
/// What is kept of an answer. Nothing of it is about people.
const NAMES: &[&str] = &[
    "result",
    "status",
    "resultCount",
    "orderInfo",
    "orderId",
    "orderDate",
    "orderStatus",
    "shipDate",
    "shippingDate",
    "detail",
    "orderDetailId",
    "itemManagementId",
    "itemCode",
    "unit",
];

/// States of orders that hold stock, for searches that name what they want.
pub const OPEN: &[&str] = &[
    "新規受付",
    "新規予約",
    "予約中",
    "発送前入金待ち",
    "与信待ち",
    "不正取引審査中",
    "審査保留",
    "発送待ち",
    "発送後入金待ち",
    "保留",
    "キャンセル受付中",
];

/// What one answer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Every order once, in the mall's order, with the ids of those that could not be read.
    pub ids: Vec<String>,
    pub orders: Vec<Order>,
    pub unread: Vec<Unread>,
    /// `resultCount`: the rows of this answer, or of all answers together. Nobody knows which.
    pub count: Option<usize>,
}

impl Rows {
    /// Rows that the mall counts, whether their id could be read or not.
    pub fn len(&self) -> usize {
        self.ids.len() + self.unread.iter().filter(|unread| unread.order_id.is_none()).count()
    }

    /// Leaves out what an earlier page had.
    pub fn without(&mut self, known: &[String]) {
        self.orders.retain(|order| !known.contains(&order.id));
        self.unread.retain(|unread| unread.order_id.as_ref().is_none_or(|id| !known.contains(id)));
    }
}

/// The orders of an answer, or what it lacks.
pub fn read(body: &[u8]) -> Result<Rows, String> {
    let root = envelope::well(body, NAMES)?;
    let count = root.value("resultCount").and_then(|count| count.parse().ok());
    let mut rows = Rows { count, ..Rows::default() };
    if rows.count.is_none() && root.child("orderInfo").is_none() {
        return Err("the answer holds neither orders nor their number".into());
    }
    let mut seen = HashSet::new();
    for stated in root.all("orderInfo") {
        let id = stated.value("orderId").filter(|id| is_id(id)).map(str::to_owned);
        if let Some(id) = &id {
            if !seen.insert(id.clone()) {
                continue;
            }
            rows.ids.push(id.clone());
        }
        match id.as_deref().ok_or_else(|| "orderId is missing or odd".to_owned()).and_then(|id| order(stated, id)) {
            Ok(order) => rows.orders.push(order),
            Err(what) => rows.unread.push(Unread {
                order_id: id,
                mall_keys: stated.all("detail").filter_map(mall_key).collect(),
                what,
                redacted: stated.redacted().chars().take(4_000).collect(),
            }),
        }
    }
    Ok(rows)
}

/// Order ids are whole numbers.
fn is_id(id: &str) -> bool {
    id.len() <= 20 && id.chars().all(|c| c.is_ascii_digit())
}

fn order(stated: &Element, id: &str) -> Result<Order, String> {
    let placed_at = stated.value("orderDate").ok_or("orderDate is missing")?;
    let placed_at = jst::parse(placed_at).ok_or_else(|| odd("orderDate", placed_at))?;
    let state = State::of(stated);
    let mut lines: Vec<Line> = Vec::new();
    for (index, detail) in stated.all("detail").enumerate() {
        let line = line(detail, index, state)?;
        if lines.iter().any(|known| known.id == line.id) {
            return Err(odd("orderDetailId (twice)", &line.id));
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return Err("detail is missing".into());
    }
    let fulfilled_by = FulfilledBy::Seller;
    Ok(Order { id: id.to_owned(), family: None, revision: None, placed_at, updated_at: None, fulfilled_by, lines })
}

/// Where the whole order stands, as far as stock is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Holds stock: unpaid, screened, pre-ordered, on hold, to be shipped, or in a state that nobody knows.
    Open,
    Shipped(Option<Timestamp>),
    Cancelled,
}

impl State {
    /// `shipDate` is when the mall set the order to shipped, `shippingDate` what the shop entered, perhaps ahead.
    fn of(stated: &Element) -> Self {
        let (set, entered) = (stated.value("shipDate"), stated.value("shippingDate"));
        let left_at = set.or(entered).and_then(jst::parse_end);
        let status: String = stated.value("orderStatus").unwrap_or_default().to_owned();
        match status.replace("ＮＧ", "NG").as_str() {
            "完了" => Self::Shipped(left_at),
            // Paid after shipping: the name stays the same when the goods leave.
            "発送後入金待ち" if set.or(entered).is_some() => Self::Shipped(left_at),
            // Goods that left have left; they come back with a receipt.
            "キャンセル" | "審査NG" if set.is_some() => Self::Shipped(left_at),
            "キャンセル" | "審査NG" => Self::Cancelled,
            _ => Self::Open,
        }
    }
}

fn line(detail: &Element, index: usize, state: State) -> Result<Line, String> {
    let id = detail.value("orderDetailId").map_or_else(|| (index + 1).to_string(), str::to_owned);
    let unit = detail.value("unit").ok_or_else(|| format!("unit of line {id} is missing"))?;
    let ordered = unit.parse().ok().filter(|units| *units <= UNITS_MAX).ok_or_else(|| odd("unit", unit))?;
    let line = Line {
        id,
        mall_key: mall_key(detail),
        ordered,
        cancelled: 0,
        shipped: 0,
        returned: 0,
        // Whether a cancel puts units back is a choice of the shop's tool that no answer shows.
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    };
    Ok(match state {
        State::Open => line,
        State::Shipped(shipped_at) => Line { shipped: ordered, shipped_at, ..line },
        State::Cancelled => Line { cancelled: ordered, ..line },
    })
}

fn mall_key(detail: &Element) -> Option<String> {
    Some(keys::key(detail.value("itemCode")?, detail.value("itemManagementId").unwrap_or_default()))
}

fn odd(field: &str, value: &str) -> String {
    format!("{field} is odd: {}", excerpt(value.as_bytes()))
}
