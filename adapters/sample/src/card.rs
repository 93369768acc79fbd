//! What the hub must know about Sample Mall before talking to it. Every number here is one that the engine
//! plans with, so each needs a source that a reader can open; a guess is marked as one in the README.

use uriba_sdk::card::{
    Batch, BelowZero, Card, CredentialCard, Figure, FoundBy, OperationCard, OrdersCard, QuotaCard, ReadWay, Scope,
    Source, Times, WriteMode, WriteWay, days, minutes, one_kind, seconds,
};

/// The most writes in one request.
pub const WRITES_MAX: usize = 50;
/// The most items on one page of the shop's list, at one point each.
pub const ITEMS_MAX: u32 = 50;
/// The largest figure that the mall's counter holds.
pub const QUANTITY_MAX: i64 = 99_999;

pub static CARD: Card = Card {
    mall: "sample",
    name: "Sample Mall",
    // The mall's times have no offset: they are Japan's.
    zone: "Asia/Tokyo",
    // Two ways to write by the same operation. The engine prefers compare-and-set where it knows what is shown:
    // a sale that it has not seen yet then shows up as a conflict instead of being written over.
    writes: &[way(WriteMode::CompareAndSet), way(WriteMode::Absolute)],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: "stock.read", batch_max: 100, figure: Figure::Effective }),
    orders: OrdersCard {
        search: "orders.search",
        by_id: "orders.get",
        found_by: FoundBy::Updated,
        open_filter: true,
        heads_carry_revision: true,
        pages_carry_orders: true,
        by_id_max: 50,
        span_max: days(31),
        reach: days(365),
        edge: seconds(0),
        visibility_lag: seconds(5),
        overlap: seconds(60),
        precision: seconds(1),
        families: false,
    },
    times: Times {
        effect_lag: None,
        late_apply: seconds(60),
        unseen_for_at_most: minutes(10),
        poll_interval: seconds(15),
    },
    quantity_max: QUANTITY_MAX,
    // Every request takes a token of its own operation's quota and one of the application's, which all shops
    // that use the same application share.
    quotas: &[
        quota("orders.search", 1.0, 5),
        quota("orders.get", 2.0, 5),
        quota("stock.push", 2.0, 5),
        quota("stock.read", 2.0, 5),
        quota("shop.get", 2.0, 5),
        // A budget: pages of the list are paid by what they show, so that looking through a large shop takes time.
        quota("points", 10.0, 200),
        QuotaCard { name: "app", per_second: 4.0, burst: 8, per_day: Some(50_000), scope: Scope::Credential("app") },
    ],
    operations: &[
        OperationCard::counted("orders.search", &["orders.search", "app"]),
        OperationCard::counted("orders.get", &["orders.get", "app"]),
        OperationCard::counted("stock.push", &["stock.push", "app"]),
        OperationCard::counted("stock.read", &["stock.read", "app"]),
        OperationCard::counted("shop.get", &["shop.get", "app"]),
        // Reckoned as a full page; what it really took is told to the wire by the answer.
        OperationCard { costs: &[("points", ITEMS_MAX)], ..OperationCard::counted("items.list", &["app"]) },
    ],
    credentials: &[
        CredentialCard { key: "app", required: true, life: None, what: "the application's id" },
        CredentialCard { key: "key", required: true, life: Some(days(365)), what: "the shop's key" },
    ],
    options: &[],
    sources: &[Source {
        // scaffold: fact: "nothing yet",
        // scaffold: source: "not read yet: the figures are the template's",
        // scaffold: read_on: "2026-11-20",
        fact: "everything",
        source: "made up with this adapter; adapters/sample/README.md is the mall's whole documentation",
        read_on: "2026-11-20",
    }],
};

const fn way(mode: WriteMode) -> WriteWay {
    WriteWay {
        operation: "stock.push",
        kind: "",
        mode,
        batch_max: WRITES_MAX,
        batch: Batch::PerItem,
        below_zero: BelowZero::NotApplicable,
    }
}

const fn quota(name: &'static str, per_second: f64, burst: u32) -> QuotaCard {
    QuotaCard { name, per_second, burst, per_day: None, scope: Scope::Channel }
}
