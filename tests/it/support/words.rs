//! Orders, cards and instants in as few words as a story needs.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use uriba::{
    domain::{drift::OnDrift, intake::Manner, settle::Times},
    store::{
        intake::Intake,
        publications::Outlet,
        recompute::Allowance,
        sheets::{Outline, Outlines},
    },
};
use uriba_sdk::{
    Card, Family, FulfilledBy, Line, Order, Restored, Unread,
    card::{self, Batch, BelowZero, Figure, FoundBy, OrdersCard, ReadWay, WriteMode, WriteWay, one_kind},
};

pub const POOL: &str = "online";
/// The pool's first location, from which orders ship.
pub const SHOP: &str = "shinjuku";
pub const WAREHOUSE: &str = "warehouse";

/// A time of the test's day, in Japan: `"15:30"`.
pub fn clock(time: &str) -> Timestamp {
    format!("2026-11-20T{time}:00+09:00").parse().unwrap()
}

pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// An order without a revision, placed on the day before the test's.
pub fn order(id: &str, lines: &[Line]) -> Order {
    Order {
        id: id.into(),
        family: None,
        revision: None,
        placed_at: "2026-11-19T12:00:00+09:00".parse().unwrap(),
        updated_at: None,
        fulfilled_by: FulfilledBy::Seller,
        lines: lines.to_vec(),
    }
}

/// A line whose id is the key.
pub fn line(key: &str, ordered: u32) -> Line {
    Line {
        id: key.into(),
        mall_key: Some(key.into()),
        ordered,
        cancelled: 0,
        shipped: 0,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    }
}

pub fn family(id: &str, original: bool) -> Option<Family> {
    Some(Family { id: id.into(), original })
}

pub fn unread(order: &str, keys: &[&str]) -> Unread {
    Unread {
        order_id: Some(order.into()),
        mall_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        what: "quantity is missing".into(),
        redacted: "{}".into(),
    }
}

pub fn intake(channel: &str) -> Intake {
    let manner = Manner { families: false, units_max: 10_000 };
    Intake { channel: channel.into(), pool: POOL.into(), manner, orders: Some(CARD.orders.clone()), review: false }
}

/// Plain rules for each of the channels.
pub fn allowances(channels: &[&str]) -> HashMap<String, Allowance> {
    let plain = Allowance { quantity_max: 99_999, ..Allowance::default() };
    channels.iter().map(|id| ((*id).to_owned(), plain.clone())).collect()
}

/// The same channels, as rows are read with.
pub fn outlines(channels: &[&str]) -> Outlines {
    channels.iter().map(|id| ((*id).to_owned(), Outline::of(&CARD, Vec::new()))).collect()
}

/// A mall that takes relative and absolute writes in batches of ten, and shows what it sells at once.
pub static CARD: Card = Card {
    mall: "plain",
    name: "Plain",
    zone: "Asia/Tokyo",
    writes: &[way(WriteMode::Relative), way(WriteMode::Absolute)],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: "stock.read", batch_max: 10, figure: Figure::Effective }),
    orders: OrdersCard {
        search: "orders.search",
        by_id: "orders.by_id",
        found_by: FoundBy::Placed,
        open_filter: true,
        heads_carry_revision: true,
        pages_carry_orders: true,
        by_id_max: 10,
        span_max: card::days(7),
        reach: card::days(90),
        edge: Duration::ZERO,
        visibility_lag: Duration::ZERO,
        overlap: card::minutes(10),
        precision: card::seconds(1),
        families: true,
    },
    times: card::Times {
        effect_lag: None,
        late_apply: card::seconds(60),
        unseen_for_at_most: card::minutes(30),
        poll_interval: card::seconds(60),
    },
    quantity_max: 99_999,
    quotas: &[],
    operations: &[],
    credentials: &[],
    options: &[],
    sources: &[],
};

const fn way(mode: WriteMode) -> WriteWay {
    WriteWay {
        operation: "stock.push",
        kind: "",
        mode,
        batch_max: 10,
        batch: Batch::PerItem,
        below_zero: BelowZero::Refused,
    }
}

pub fn outlet(channel: &str) -> Outlet {
    let times = Times {
        precision: CARD.orders.precision,
        late_apply: CARD.times.late_apply,
        effect_max: None,
        effect_typical: Duration::ZERO,
        readable: true,
    };
    Outlet { channel: channel.into(), pool: POOL.into(), card: &CARD, times, on_drift: OnDrift::Correct }
}
