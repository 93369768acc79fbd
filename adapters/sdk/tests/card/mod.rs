//! The smallest card that a wire can be opened with.

use uriba_sdk::card::{
    Card, FoundBy, OperationCard, OrdersCard, QuotaCard, Scope, Times, days, minutes, one_kind, seconds,
};

pub static CARD: Card = Card {
    mall: "tiny",
    name: "Tiny",
    zone: "Asia/Tokyo",
    writes: &[],
    kind_of: one_kind,
    reads: None,
    orders: OrdersCard {
        search: "orders.search",
        by_id: "orders.get",
        found_by: FoundBy::Placed,
        open_filter: false,
        heads_carry_revision: false,
        pages_carry_orders: false,
        by_id_max: 1,
        span_max: days(1),
        reach: days(1),
        edge: seconds(0),
        visibility_lag: seconds(0),
        overlap: seconds(0),
        precision: seconds(1),
        families: false,
    },
    times: Times {
        effect_lag: None,
        late_apply: seconds(60),
        unseen_for_at_most: minutes(1),
        poll_interval: seconds(1),
    },
    quantity_max: 9,
    quotas: &[
        QuotaCard { name: "orders.search", per_second: 0.1, burst: 2, per_day: None, scope: Scope::Channel },
        QuotaCard { name: "orders.get", per_second: 0.01, burst: 2, per_day: None, scope: Scope::Channel },
        QuotaCard { name: "client", per_second: 1.0, burst: 4, per_day: None, scope: Scope::Credential("client") },
    ],
    operations: &[
        OperationCard::counted("orders.search", &["orders.search"]),
        OperationCard::counted("orders.get", &["orders.get"]),
        OperationCard::counted("stock.push", &["client"]),
        OperationCard::counted("free", &[]),
    ],
    credentials: &[],
    options: &[],
    sources: &[],
};
