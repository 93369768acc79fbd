//! What the hub must know about a sidecar before talking to it. Nobody knows which program that is, so every figure
//! here is a promise that the protocol asks of any program (`docs/sidecar.md`), and the figures are ones that a small
//! program in front of a slow shop can keep. What differs from listing to listing, how its stock is written, the
//! program says itself when a key is resolved: [`crate::listings::kind_of`].

use uriba_sdk::card::{
    Batch, BelowZero, Card, CredentialCard, Figure, FoundBy, OperationCard, OrdersCard, QuotaCard, ReadWay, Scope,
    Source, Times, WriteMode, WriteWay, days, hours, minutes, seconds,
};

use crate::listings::{ABSOLUTE, COMPARE_AND_SET, RELATIVE, kind_of};

pub const HELLO: &str = "hello";
pub const PULL: &str = "orders.search";
pub const ORDERS: &str = "orders.get";
pub const PUSH: &str = "stock.push";
pub const READ: &str = "stock.read";
pub const RESOLVE: &str = "listings.resolve";
pub const TICKETS: &str = "stock.tickets";
pub const CATALOGUE: &str = "listings.list";

/// The most updates, ids, keys or tickets in one request of each kind.
pub const UPDATES_MAX: usize = 20;
pub const ITEMS_MAX: usize = 50;
/// JSON's numbers are whole up to 2^53 in every language; nobody stocks more than this.
pub const QUANTITY_MAX: i64 = 999_999_999;

pub static CARD: Card = Card {
    mall: "sidecar",
    name: "Sidecar",
    zone: "UTC",
    // Every program takes figures. One that can also add to a counter, or write only over what it is told to expect,
    // says so of the listings where it can.
    writes: &[
        way(ABSOLUTE, WriteMode::Absolute, BelowZero::NotApplicable),
        way(RELATIVE, WriteMode::Absolute, BelowZero::NotApplicable),
        way(RELATIVE, WriteMode::Relative, BelowZero::Refused),
        way(COMPARE_AND_SET, WriteMode::Absolute, BelowZero::NotApplicable),
        way(COMPARE_AND_SET, WriteMode::CompareAndSet, BelowZero::NotApplicable),
    ],
    kind_of,
    reads: Some(ReadWay { operation: READ, batch_max: ITEMS_MAX, figure: Figure::Effective }),
    orders: OrdersCard {
        search: PULL,
        by_id: ORDERS,
        found_by: FoundBy::Updated,
        open_filter: true,
        // A program may have no such number.
        heads_carry_revision: false,
        pages_carry_orders: true,
        by_id_max: ITEMS_MAX,
        span_max: hours(24),
        reach: days(90),
        edge: seconds(0),
        visibility_lag: seconds(60),
        overlap: minutes(2),
        precision: seconds(1),
        families: true,
    },
    times: Times {
        effect_lag: None,
        late_apply: minutes(2),
        unseen_for_at_most: minutes(10),
        poll_interval: seconds(15),
    },
    quantity_max: QUANTITY_MAX,
    // A program with less than this behind it says `throttled`, and `[channels.quotas]` can be put lower.
    quotas: &[
        quota(HELLO, 1.0, 5),
        quota(PULL, 5.0, 10),
        quota(ORDERS, 5.0, 10),
        quota(PUSH, 5.0, 10),
        quota(READ, 5.0, 10),
        quota(RESOLVE, 5.0, 10),
        quota(TICKETS, 1.0, 5),
        quota(CATALOGUE, 1.0, 5),
    ],
    operations: &[
        OperationCard::counted(HELLO, &[HELLO]),
        OperationCard::counted(PULL, &[PULL]),
        OperationCard::counted(ORDERS, &[ORDERS]),
        OperationCard::counted(PUSH, &[PUSH]),
        OperationCard::counted(READ, &[READ]),
        OperationCard::counted(RESOLVE, &[RESOLVE]),
        OperationCard::counted(TICKETS, &[TICKETS]),
        OperationCard::counted(CATALOGUE, &[CATALOGUE]),
    ],
    credentials: &[CredentialCard {
        key: "token",
        required: true,
        life: None,
        what: "the word that the program knows the hub by, at least 16 characters; made by you",
    }],
    options: &[],
    sources: &[Source {
        fact: "everything",
        source: "the protocol, version 1: adapters/sidecar/openapi.yaml and docs/sidecar.md",
        read_on: "2026-11-27",
    }],
};

/// A program may spare the good entries of a batch or reject it as a whole: it says which in each answer.
const fn way(kind: &'static str, mode: WriteMode, below_zero: BelowZero) -> WriteWay {
    WriteWay { operation: PUSH, kind, mode, batch_max: UPDATES_MAX, batch: Batch::Unknown, below_zero }
}

const fn quota(name: &'static str, per_second: f64, burst: u32) -> QuotaCard {
    QuotaCard { name, per_second, burst, per_day: None, scope: Scope::Channel }
}
