//! How the mall shows an order of the book, and what of an order survives that.

use jiff::Timestamp;
use uriba_sdk::{
    Family, FulfilledBy, Line, Order, Restored,
    fake::{BookOrder, Stage},
};

use super::{
    CHILDREN_CARRY_IS_SPLIT, ORIGINAL_KEEPS_QUANTITY, SPLIT_REPLACES_ORIGINAL, TIMES_COMPACT, TIMES_WITHOUT_OFFSET,
    service::Service,
};
use crate::jst;

/// The mall's console, with its uncertain habits fixed for one request.
pub struct View<'a> {
    service: &'a Service,
    children_carry_is_split: bool,
    original_keeps_quantity: bool,
    split_replaces_original: bool,
    time_format: &'static str,
}

/// One order as the mall shows it.
pub struct Shown {
    pub order: Order,
    stage: Stage,
    /// Orders that were cut off from it.
    children: Vec<String>,
    state: State,
    unknown_status: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Shipped,
    Cancelled,
}

impl<'a> View<'a> {
    pub fn of(service: &'a Service) -> Self {
        let time_format = if service.is(TIMES_COMPACT) {
            "%Y%m%d%H%M%S"
        } else if service.is(TIMES_WITHOUT_OFFSET) {
            "%Y-%m-%dT%H:%M:%S"
        } else {
            "%Y-%m-%dT%H:%M:%S%:z"
        };
        Self {
            service,
            children_carry_is_split: service.is(CHILDREN_CARRY_IS_SPLIT),
            original_keeps_quantity: service.is(ORIGINAL_KEEPS_QUANTITY),
            split_replaces_original: service.is(SPLIT_REPLACES_ORIGINAL),
            time_format,
        }
    }

    /// Everything that can be found by now, in the order of placing.
    pub fn orders(&self, stale: bool, unknown_status: bool) -> Vec<Shown> {
        let visible = self.service.book.visible().into_iter();
        visible.flat_map(|found| self.show(found, stale, unknown_status)).collect()
    }

    fn show(&self, found: BookOrder, stale: bool, unknown_status: bool) -> Vec<Shown> {
        let BookOrder { order, stage, before, .. } = found;
        let order = before.filter(|_| stale).map_or(order, |before| *before);
        let was_split = order.family.as_ref().is_some_and(|family| family.original);
        let mut children = if was_split { self.children(&order.id) } else { Vec::new() };
        let state = State::of(&order);
        if !(was_split && self.split_replaces_original) {
            return vec![Shown { order, stage, children, state, unknown_status }];
        }
        let rest = replacement(&order);
        children.push(rest.id.clone());
        let replaced = Shown { order, stage, children, state: State::Cancelled, unknown_status };
        vec![replaced, Shown { order: rest, stage, children: Vec::new(), state, unknown_status }]
    }

    fn children(&self, id: &str) -> Vec<String> {
        let is_child = |family: &Family| !family.original && family.id == id;
        let orders = self.service.book.orders().into_iter().map(|found| found.order);
        orders.filter(|order| order.family.as_ref().is_some_and(is_child)).map(|order| order.id).collect()
    }

    /// A field of the order itself, by its name in the mall's API.
    pub fn field(&self, shown: &Shown, name: &str) -> Option<String> {
        let order = &shown.order;
        let parent = order.family.as_ref().filter(|family| !family.original).map(|family| family.id.clone());
        let was_split = order.family.as_ref().is_some_and(|family| family.original);
        match name {
            "OrderId" => Some(order.id.clone()),
            "OriginalOrderId" => Some(parent.unwrap_or_else(|| order.id.clone())),
            "ParentOrderId" => parent,
            "ChildOrderId" => (!shown.children.is_empty()).then(|| shown.children.join(",")),
            "IsSplit" => Some((if self.children_carry_is_split { parent.is_some() } else { was_split }).to_string()),
            "Version" => order.revision.map(|revision| revision.to_string()),
            "OrderTime" => Some(self.time(order.placed_at)),
            "LastUpdateTime" => order.updated_at.map(|at| self.time(at)),
            "OrderStatus" => Some(shown.order_status().to_owned()),
            "PayStatus" => Some(if shown.stage == Stage::Unpaid { "0" } else { "1" }.to_owned()),
            "ShipStatus" => Some(shown.ship_status().to_owned()),
            "ShipDate" if shown.state == State::Shipped => {
                let date = |at: Timestamp| at.to_zoned(jst::JST).strftime("%Y-%m-%d").to_string();
                order.lines.iter().filter_map(|line| line.shipped_at).max().map(date)
            }
            _ => None,
        }
    }

    /// A field of one of its lines.
    pub fn item_field(&self, shown: &Shown, line: &Line, name: &str) -> Option<String> {
        let code = line.mall_key.as_deref().unwrap_or_default();
        let (item, sub) = code.split_once(':').unwrap_or((code, ""));
        match name {
            "LineId" => Some(line.id.clone()),
            "ItemId" => Some(item.to_owned()),
            "SubCode" => Some(sub.to_owned()),
            "Quantity" => Some(self.quantity(&shown.order, line, shown.state).to_string()),
            "OriginalNum" => Some(line.original.unwrap_or(line.ordered).to_string()),
            _ => None,
        }
    }

    fn quantity(&self, order: &Order, line: &Line, state: State) -> u32 {
        let was_split = order.family.as_ref().is_some_and(|family| family.original);
        let first = line.original.unwrap_or(line.ordered).max(line.ordered);
        match state {
            _ if was_split && (self.original_keeps_quantity || self.split_replaces_original) => first,
            State::Cancelled => line.ordered,
            State::Open | State::Shipped => line.ordered.saturating_sub(line.cancelled),
        }
    }

    fn time(&self, instant: Timestamp) -> String {
        instant.to_zoned(jst::JST).strftime(self.time_format).to_string()
    }

    /// The order as an adapter can know it from this mall's answers.
    pub fn expressible(&self, order: Order) -> Order {
        let was_split = order.family.as_ref().is_some_and(|family| family.original);
        let state = if was_split && self.split_replaces_original { State::Cancelled } else { State::of(&order) };
        let left_at = order.lines.iter().filter_map(|line| line.shipped_at).max().and_then(end_of_day);
        let lines = order.lines.iter().map(|line| {
            let quantity = self.quantity(&order, line, state);
            let original = line.original.unwrap_or(line.ordered);
            let bare = Line {
                ordered: quantity,
                cancelled: 0,
                shipped: 0,
                returned: 0,
                restored: Restored::Unknown,
                shipped_at: None,
                original: Some(original),
                mall_key: line.mall_key.as_ref().map(|key| key.to_ascii_lowercase()),
                ..line.clone()
            };
            match state {
                State::Open => bare,
                State::Shipped => Line { shipped: quantity, shipped_at: left_at, ..bare },
                State::Cancelled if was_split => Line { ordered: 0, original: Some(original.max(quantity)), ..bare },
                State::Cancelled => Line { cancelled: quantity, ..bare },
            }
        });
        let updated_at = order.updated_at.map(jst::second);
        Order {
            lines: lines.collect(),
            family: self.expressible_family(&order),
            revision: updated_at.map(Timestamp::as_second),
            placed_at: jst::second(order.placed_at),
            updated_at,
            fulfilled_by: FulfilledBy::Seller,
            id: order.id,
        }
    }

    fn expressible_family(&self, order: &Order) -> Option<Family> {
        let family = order.family.clone()?;
        if !family.original {
            return Some(family);
        }
        let told =
            !self.children_carry_is_split || self.split_replaces_original || !self.children(&order.id).is_empty();
        told.then(|| Family { id: order.id.clone(), original: true })
    }
}

impl Shown {
    pub fn order_status(&self) -> &'static str {
        match (self.unknown_status, self.state, self.stage) {
            (true, ..) => "7",
            (_, State::Cancelled, _) => "4",
            (_, State::Shipped, _) => "5",
            (_, State::Open, Stage::PreOrder) => "1",
            (_, State::Open, Stage::Ready | Stage::Unpaid) => "2",
            (_, State::Open, _) => "3",
        }
    }

    pub fn ship_status(&self) -> &'static str {
        match (self.unknown_status, self.state, self.stage) {
            (true, ..) => "9",
            (_, State::Shipped, _) => "3",
            (_, State::Open, Stage::PreOrder | Stage::Unpaid) => "0",
            _ => "1",
        }
    }
}

impl State {
    /// The mall has states for whole orders only: one that is shipped in part is still open.
    fn of(order: &Order) -> Self {
        if !order.is_closed() {
            Self::Open
        } else if order.lines.iter().any(|line| line.shipped > 0) {
            Self::Shipped
        } else {
            Self::Cancelled
        }
    }
}

/// What takes the place of an order that was split, beside what was cut off from it.
fn replacement(order: &Order) -> Order {
    let family = Some(Family { id: order.id.clone(), original: false });
    let lines = order.lines.iter().map(|line| Line { original: None, ..line.clone() }).collect();
    Order { id: format!("{}9", order.id), family, lines, ..order.clone() }
}

fn end_of_day(at: Timestamp) -> Option<Timestamp> {
    let date = at.to_zoned(jst::JST).date();
    date.at(23, 59, 59, 0).to_zoned(jst::JST).ok().map(|zoned| zoned.timestamp())
}
