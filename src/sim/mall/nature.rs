//! What kinds of malls there are: each nature is a card that the hub plans with, and how the mall behaves beside it.
//! They are made up, so that every way of writing, reading and listing that a card can state is met by some.
//!
//! Polls are slower than in earnest and lags longer, in proportion: a day costs less that way and no race is lost.

use std::time::Duration;

use uriba_sdk::{
    MallEntry,
    card::{
        Batch, BelowZero, Card, EffectLag, Figure, FoundBy, OperationCard, OrdersCard, QuotaCard, ReadWay, Scope,
        Times, WriteMode, WriteWay, days, minutes, one_kind, seconds,
    },
};

use super::{
    adapter,
    letters::{BY_ID, PUSH, READ, SEARCH},
};

/// A kind of mall.
pub struct Nature {
    pub entry: MallEntry,
    /// Answers to writes carry the figure after them.
    pub tells_figure: bool,
    /// Orders carry a number that grows with each change.
    pub revises: bool,
    /// Says whether it put cancelled units back.
    pub tells_restored: bool,
    /// Accepts writes for items that it doesn't have.
    pub accepts_anything: bool,
}

impl Nature {
    pub fn card(&self) -> &'static Card {
        self.entry.card
    }
}

pub const QUANTITY_MAX: i64 = 9_999;
pub const POLL_INTERVAL: Duration = minutes(3);

const fn quota(name: &'static str, per_second: f64, burst: u32) -> QuotaCard {
    QuotaCard { name, per_second, burst, per_day: None, scope: Scope::Channel }
}

const QUOTAS: &[QuotaCard] = &[quota(SEARCH, 1.0, 2), quota(BY_ID, 1.0, 1), quota(PUSH, 0.5, 1), quota(READ, 1.0, 1)];
const SCARCE: &[QuotaCard] = &[quota(SEARCH, 0.1, 5), quota(BY_ID, 0.5, 5), quota(PUSH, 0.05, 2), quota(READ, 0.1, 3)];

const OPERATIONS: &[OperationCard] = &[
    OperationCard::counted(SEARCH, &[SEARCH]),
    OperationCard::counted(BY_ID, &[BY_ID]),
    OperationCard::counted(PUSH, &[PUSH]),
    OperationCard::counted(READ, &[READ]),
];

const fn write(mode: WriteMode, batch: Batch, below_zero: BelowZero) -> WriteWay {
    WriteWay { operation: PUSH, kind: "", mode, batch_max: 20, batch, below_zero }
}

const ABSOLUTE: WriteWay = write(WriteMode::Absolute, Batch::PerItem, BelowZero::NotApplicable);
const READABLE: Option<ReadWay> = Some(ReadWay { operation: READ, batch_max: 50, figure: Figure::Effective });

const ORDERS: OrdersCard = OrdersCard {
    search: SEARCH,
    by_id: BY_ID,
    found_by: FoundBy::Placed,
    open_filter: false,
    heads_carry_revision: false,
    pages_carry_orders: false,
    by_id_max: 20,
    span_max: days(7),
    reach: days(60),
    edge: seconds(0),
    visibility_lag: seconds(0),
    overlap: minutes(5),
    precision: seconds(1),
    families: false,
};

const TIMES: Times =
    Times { effect_lag: None, late_apply: seconds(60), unseen_for_at_most: minutes(15), poll_interval: POLL_INTERVAL };

const PLAIN: Card = Card {
    mall: "plain",
    name: "",
    zone: "Asia/Tokyo",
    writes: &[],
    kind_of: one_kind,
    reads: READABLE,
    orders: ORDERS,
    times: TIMES,
    quantity_max: QUANTITY_MAX,
    quotas: QUOTAS,
    operations: OPERATIONS,
    credentials: &[],
    options: &[],
    sources: &[],
};

/// Relative writes in batches that are refused whole, below zero refused; orders found by their placing, open ones
/// read again one by one.
static BULK: Card = Card {
    mall: "bulk",
    writes: &[
        write(WriteMode::Absolute, Batch::AllOrNothing, BelowZero::NotApplicable),
        write(WriteMode::Relative, Batch::AllOrNothing, BelowZero::Refused),
    ],
    orders: OrdersCard { open_filter: true, ..ORDERS },
    ..PLAIN
};

/// Relative writes one by one, below zero negative, with the figure in the answer; numbered orders that may split.
static FAMILY: Card = Card {
    mall: "family",
    writes: &[ABSOLUTE, write(WriteMode::Relative, Batch::PerItem, BelowZero::Negative)],
    orders: OrdersCard {
        open_filter: true,
        heads_carry_revision: true,
        families: true,
        visibility_lag: seconds(20),
        ..ORDERS
    },
    ..PLAIN
};

/// Absolute writes only, accepted now and effective later; orders are seen late; scarce quotas.
static SLOW: Card = Card {
    mall: "slow",
    writes: &[ABSOLUTE],
    orders: OrdersCard {
        found_by: FoundBy::Updated,
        pages_carry_orders: true,
        edge: minutes(2),
        visibility_lag: minutes(2),
        ..ORDERS
    },
    times: Times {
        effect_lag: Some(EffectLag { typical: minutes(3), max: minutes(15), readable: true }),
        late_apply: minutes(2),
        unseen_for_at_most: minutes(30),
        poll_interval: minutes(5),
    },
    quotas: SCARCE,
    ..PLAIN
};

/// Compare and set; pages carry whole orders, found by their last change and numbered.
static COMPARING: Card = Card {
    mall: "comparing",
    writes: &[ABSOLUTE, write(WriteMode::CompareAndSet, Batch::PerItem, BelowZero::NotApplicable)],
    orders: OrdersCard { found_by: FoundBy::Updated, pages_carry_orders: true, visibility_lag: seconds(5), ..ORDERS },
    ..PLAIN
};

/// Relative writes that stop at zero without a word; no revisions, no filter.
static CLAMPING: Card = Card {
    mall: "clamping",
    writes: &[ABSOLUTE, write(WriteMode::Relative, Batch::PerItem, BelowZero::Clamped)],
    orders: OrdersCard { visibility_lag: seconds(30), ..ORDERS },
    ..PLAIN
};

/// Absolute writes to whatever key, effective at once; orders found by their last change, without numbers, so that a
/// state that gives units back needs a second read.
static SILENT: Card = Card {
    mall: "silent",
    writes: &[ABSOLUTE],
    orders: OrdersCard { found_by: FoundBy::Updated, visibility_lag: seconds(10), ..ORDERS },
    ..PLAIN
};

/// Absolute writes, effective some minutes later; shows its stock to nobody.
static UNREADABLE: Card = Card {
    mall: "blind",
    writes: &[ABSOLUTE],
    reads: None,
    orders: OrdersCard { visibility_lag: seconds(10), ..ORDERS },
    times: Times {
        effect_lag: Some(EffectLag { typical: minutes(2), max: minutes(10), readable: false }),
        late_apply: minutes(2),
        ..TIMES
    },
    ..PLAIN
};

pub static NATURES: [Nature; 6] = [
    nature(&BULK, "bulk", [false, false, false, false]),
    nature(&FAMILY, "family", [true, true, true, false]),
    nature(&SLOW, "slow", [false, false, false, true]),
    nature(&COMPARING, "comparing", [true, true, true, false]),
    nature(&CLAMPING, "clamping", [false, false, false, false]),
    nature(&SILENT, "silent", [false, false, false, true]),
];

pub static BLIND: Nature = nature(&UNREADABLE, "blind", [false, false, false, false]);

const fn nature(card: &'static Card, id: &'static str, traits: [bool; 4]) -> Nature {
    let [tells_figure, revises, tells_restored, accepts_anything] = traits;
    let entry = MallEntry { id, card, open: adapter::open, fake: |_| Box::pin(std::future::pending()) };
    Nature { entry, tells_figure, revises, tells_restored, accepts_anything }
}
