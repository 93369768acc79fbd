//! What au PAY マーケット can do, as constants with their sources.

use uriba_sdk::{
    Card,
    card::{
        Batch, BelowZero, CredentialCard, Figure, FoundBy, OperationCard, OptionCard, OrdersCard, QuotaCard, ReadWay,
        Scope, Source, Times, WriteMode, WriteWay, days, minutes, seconds,
    },
};

use crate::keys;

/// Updates per push. One request takes 200 items by an old transcript of the reference; the option lowers it.
pub const ITEMS_MAX: usize = 50;
/// Clients never write more to a choice. A plain item is said to hold 99,999, but a card has one maximum.
pub const QUANTITY_MAX: i64 = 999;
/// Keys per read-back: at the most so many requests, one for each item.
pub const READS_MAX: usize = 10;

pub static CARD: Card = Card {
    mall: "aupay",
    name: "au PAY マーケット",
    zone: "Asia/Tokyo",
    writes: &[write(keys::ITEM), write(keys::CHOICES)],
    kind_of: keys::kind_of,
    reads: Some(ReadWay { operation: "stock.read", batch_max: READS_MAX, figure: Figure::Effective }),
    orders: OrdersCard {
        search: "orders.search",
        by_id: "orders.get",
        found_by: FoundBy::Placed,
        open_filter: true,
        heads_carry_revision: false,
        pages_carry_orders: true,
        by_id_max: 1,
        // No longest span is known; clients ask for months at once.
        span_max: days(30),
        reach: days(90),
        edge: seconds(0),
        // Order times have no seconds, so within their minute an order can't be told from one that was there before.
        visibility_lag: minutes(1),
        overlap: minutes(10),
        precision: minutes(1),
        families: false,
    },
    times: Times {
        effect_lag: None,
        late_apply: seconds(60),
        unseen_for_at_most: minutes(10),
        poll_interval: seconds(60),
    },
    quantity_max: QUANTITY_MAX,
    quotas: &[QuotaCard { name: "calls", per_second: 1.0, burst: 1, per_day: None, scope: Scope::Channel }],
    operations: &[
        OperationCard::counted("orders.search", &["calls"]),
        OperationCard::counted("orders.get", &["calls"]),
        OperationCard::counted("stock.push", &["calls"]),
        OperationCard::counted("stock.read", &["calls"]),
        OperationCard::counted("items.read", &["calls"]),
    ],
    credentials: &[
        CredentialCard {
            key: "api_key",
            required: true,
            life: Some(days(90)),
            what: "the API key from Wow!manager, 各種お申し込み > API利用申請; renew it there before its 90 days are over",
        },
        CredentialCard { key: "shop_id", required: true, life: None, what: "the shop's number (店舗ID)" },
    ],
    options: &[
        OptionCard {
            key: "push_items_max",
            what: "how many items one updateStock may carry, 1 to 50 (50 when absent); a push of more is sent in parts",
        },
        OptionCard {
            key: "own_statuses",
            what: "the shop's own order statuses, with commas between, or `none`; a search for open orders can then \
                   name what it wants instead of reading all",
        },
    ],
    sources: SOURCES,
};

const SOURCES: &[Source] = &[
    source("calls, fields, status names, HTTP 200 for failures", "public clients of wmshopapi (README, Sources)"),
    source("key life of 90 days, registered addresses", "https://alishoppe-members.pages.dev/aupay/ (API申請方法)"),
    source(
        "200 items per updateStock, 500 rows per searchStocks, figures of five digits",
        "https://qol-kk.com/wp2/blog/2018/09/24/post-658/ and post-653: a transcript of 2018, not the mall's own page",
    ),
    source("no request rate is published; clients wait 0.9 to 1 second between calls", "public clients of wmshopapi"),
    source("at most 999 per choice", "public clients of wmshopapi cap it there; the mall's own limit is not known"),
];

const fn source(fact: &'static str, source: &'static str) -> Source {
    Source { fact, source, read_on: "2026-11-27" }
}

const fn write(kind: &'static str) -> WriteWay {
    WriteWay {
        operation: "stock.push",
        kind,
        mode: WriteMode::Absolute,
        batch_max: ITEMS_MAX,
        batch: Batch::PerItem,
        below_zero: BelowZero::NotApplicable,
    }
}
