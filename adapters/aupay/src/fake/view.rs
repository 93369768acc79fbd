//! How the mall shows orders and listings of the book, and what of them survives that.

use jiff::Timestamp;
use uriba_sdk::{
    FulfilledBy, Line, Order, Restored,
    fake::{BookOrder, Stage},
};

use super::{AXIS_IN_LINES, EMPTY_AXIS, OWN_STATUS, SHIP_DATES_HAVE_TIMES, service::Service};
use crate::{jst, xml::element};

/// A status that only this shop has.
pub const OWN: &str = "取り寄せ中";

/// The mall's console, with its uncertain habits fixed for one request.
pub struct View {
    own_status: bool,
    empty_axis: bool,
    axis_in_lines: bool,
    ship_format: &'static str,
}

/// The item behind a key of the book, with its pair of codes where it is a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub item: String,
    pub pair: Option<(String, String)>,
}

/// The book's keys have the fake's own shape (`mall_key`), or the one that tests give them: `item|horizontal|vertical`.
pub fn listed(key: &str) -> Listed {
    if let [item, horizontal, vertical] = key.split('|').collect::<Vec<_>>()[..] {
        return Listed { item: item.into(), pair: Some((horizontal.into(), vertical.into())) };
    }
    let code = key.char_indices().filter(|(_, c)| *c == '-').nth(1).map(|(at, _)| key.split_at(at));
    match code {
        Some((item, "-wt" | "-bk")) => Listed { item: item.into(), pair: Some((code_of(key, item), String::new())) },
        Some((item, "-l-red")) => Listed { item: item.into(), pair: Some(("-l".into(), "-red".into())) },
        _ => Listed { item: key.into(), pair: None },
    }
}

fn code_of(key: &str, item: &str) -> String {
    key[item.len()..].to_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Shipped,
    Cancelled,
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

impl View {
    pub fn of(service: &Service) -> Self {
        let ship_format = if service.is(SHIP_DATES_HAVE_TIMES) { "%Y/%m/%d %H:%M" } else { "%Y/%m/%d" };
        Self {
            own_status: service.is(OWN_STATUS),
            empty_axis: service.is(EMPTY_AXIS),
            axis_in_lines: service.is(AXIS_IN_LINES),
            ship_format,
        }
    }

    /// The code of an axis as the mall writes it.
    pub fn axis<'a>(&self, code: &'a str) -> &'a str {
        match code {
            "" | "-" if self.empty_axis => "",
            "" => "-",
            code => code,
        }
    }

    pub fn status(&self, order: &Order, stage: Stage) -> &'static str {
        match (State::of(order), stage) {
            (State::Cancelled, Stage::Screening) => "審査NG",
            (State::Cancelled, _) => "キャンセル",
            // Paid for after it left.
            (State::Shipped, Stage::Unpaid) => "発送後入金待ち",
            (State::Shipped, _) => "完了",
            (State::Open, Stage::Ready) => "発送待ち",
            (State::Open, Stage::Unpaid) => "発送前入金待ち",
            (State::Open, Stage::OnHold) if self.own_status => OWN,
            (State::Open, Stage::OnHold) => "保留",
            (State::Open, Stage::PreOrder) => "予約中",
            (State::Open, Stage::Screening) => "不正取引審査中",
            (State::Open, Stage::Requested) => "キャンセル受付中",
        }
    }

    /// `orderInfo`, with the people that a real one names.
    pub fn order(&self, order: &Order, status: &str) -> String {
        let units: u32 = order.lines.iter().map(|line| unit(order, line)).fold(0, u32::saturating_add);
        let mut body = element("orderId", &order.id) + &element("orderDate", &minute(order.placed_at));
        body.push_str(&element("sellMethodSegment", "1"));
        body.push_str(&element("ordererName", "見本 花子"));
        body.push_str(&element("mailAddress", "hanako@example.com"));
        body.push_str(&element("orderStatus", status));
        body.push_str("<paymentStatus>Y</paymentStatus><printStatus/>");
        if State::of(order) == State::Shipped {
            let left_at = order.lines.iter().filter_map(|line| line.shipped_at).max();
            let left = left_at.map(|at| at.to_zoned(jst::JST).strftime(self.ship_format).to_string());
            body.push_str(&element("shipDate", &left.unwrap_or_default()));
        } else {
            body.push_str("<shipDate/><shippingDate></shippingDate>");
        }
        body.push_str(&element("totalSaleUnit", &units.to_string()));
        body.push_str(&order.lines.iter().map(|line| self.detail(order, line)).collect::<String>());
        format!("<orderInfo>{body}</orderInfo>")
    }

    fn detail(&self, order: &Order, line: &Line) -> String {
        let listed = line.mall_key.as_deref().map(listed);
        let mut body = element("orderDetailId", &line.id);
        if let Some(listed) = listed {
            let pair = listed.pair.unwrap_or_default();
            let code = |axis: &str| if self.axis_in_lines && axis.is_empty() { "-".into() } else { axis.to_owned() };
            let id =
                if pair.0.is_empty() && pair.1.is_empty() { String::new() } else { code(&pair.0) + &code(&pair.1) };
            body.push_str(&element("itemManagementId", &id));
            body.push_str(&element("itemCode", &listed.item));
        }
        body.push_str(&element("itemName", "お茶 & 茶器"));
        let cancelled = line.cancelled > 0 && line.cancelled == line.ordered;
        body.push_str(&element("itemCancelStatus", if cancelled { "Y" } else { "N" }));
        body.push_str(&element("unit", &unit(order, line).to_string()));
        format!("<detail>{body}</detail>")
    }

    /// The order as an adapter can know it from this mall's answers.
    pub fn expressible(&self, order: Order, stage: Stage) -> Order {
        let state = State::of(&order);
        let left_at = order.lines.iter().filter_map(|line| line.shipped_at).max();
        let shipped_at = left_at.map(|at| at.to_zoned(jst::JST).strftime(self.ship_format).to_string());
        let shipped_at = shipped_at.and_then(|text| jst::parse_end(&text));
        let later_paid = stage == Stage::Unpaid && left_at.is_none();
        let lines = order.lines.iter().map(|line| {
            let ordered = unit(&order, line);
            let bare = Line {
                id: line.id.clone(),
                mall_key: line.mall_key.clone(),
                ordered,
                cancelled: 0,
                shipped: 0,
                returned: 0,
                restored: Restored::Unknown,
                shipped_at: None,
                original: None,
            };
            match state {
                State::Open => bare,
                State::Shipped if later_paid => bare,
                State::Shipped => Line { shipped: ordered, shipped_at, ..bare },
                State::Cancelled => Line { cancelled: ordered, ..bare },
            }
        });
        Order {
            lines: lines.collect(),
            family: None,
            revision: None,
            placed_at: jst::parse(&minute(order.placed_at)).unwrap_or(order.placed_at),
            updated_at: None,
            fulfilled_by: FulfilledBy::Seller,
            id: order.id,
        }
    }
}

/// What is cancelled in part shows as a smaller figure; a line that is cancelled keeps its own.
fn unit(order: &Order, line: &Line) -> u32 {
    let whole = line.cancelled == line.ordered;
    if whole || State::of(order) == State::Cancelled { line.ordered } else { line.ordered - line.cancelled }
}

pub fn minute(at: Timestamp) -> String {
    at.to_zoned(jst::JST).strftime("%Y/%m/%d %H:%M").to_string()
}

/// The order of the book as it was before its last change, or as it is.
pub fn stated(found: BookOrder, stale: bool) -> (Order, Stage) {
    let BookOrder { order, stage, before, .. } = found;
    (before.filter(|_| stale).map_or(order, |before| *before), stage)
}
