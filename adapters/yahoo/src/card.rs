//! What Yahoo!ショッピング can do, as constants with their sources.

use uriba_sdk::{
    Card,
    card::{
        Batch, BelowZero, CredentialCard, Figure, FoundBy, OperationCard, OrdersCard, QuotaCard, ReadWay, Scope,
        Source, Times, WriteMode, WriteWay, days, minutes, one_kind, seconds,
    },
};

/// Codes per stock call, read or write. Source: setStock, getStock.
pub const CODES_MAX: usize = 1_000;
/// Source: setStock, range of `quantity`.
pub const QUANTITY_MAX: i64 = 999_999_999;
/// No longest span is documented; clients use 30 days.
pub const SPAN_MAX: std::time::Duration = days(30);
/// Not documented. What the hub's baseline needs, and no client was seen to go further.
pub const REACH: std::time::Duration = days(90);

pub static CARD: Card = Card {
    mall: "yahoo",
    name: "Yahoo!ショッピング",
    zone: "Asia/Tokyo",
    writes: &[write(WriteMode::Absolute, BelowZero::NotApplicable), write(WriteMode::Relative, BelowZero::Unknown)],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: "stock.read", batch_max: CODES_MAX, figure: Figure::Effective }),
    orders: OrdersCard {
        search: "orders.search",
        by_id: "orders.get",
        found_by: FoundBy::Placed,
        open_filter: true,
        heads_carry_revision: true,
        pages_carry_orders: false,
        by_id_max: 1,
        span_max: SPAN_MAX,
        reach: REACH,
        edge: seconds(0),
        visibility_lag: seconds(0),
        overlap: minutes(5),
        precision: seconds(1),
        families: true,
    },
    times: Times {
        effect_lag: None,
        late_apply: seconds(60),
        unseen_for_at_most: minutes(10),
        poll_interval: seconds(60),
    },
    quantity_max: QUANTITY_MAX,
    quotas: &[
        per_url("orders.search"),
        per_url("orders.get"),
        per_url("stock.push"),
        per_url("stock.read"),
        per_url("account.read"),
        per_url("catalogue.order"),
        // Our own pace: the mall takes minutes to write a file, and answers at once that it is not done.
        QuotaCard { per_second: 0.2, ..per_url("catalogue.file") },
        QuotaCard {
            name: "client.daily",
            per_second: 10.0,
            burst: 10,
            per_day: Some(50_000),
            scope: Scope::Credential("client_id"),
        },
    ],
    operations: &[
        OperationCard::counted("orders.search", &["orders.search", "client.daily"]),
        OperationCard::counted("orders.get", &["orders.get", "client.daily"]),
        OperationCard::counted("stock.push", &["stock.push", "client.daily"]),
        OperationCard::counted("stock.read", &["stock.read", "client.daily"]),
        OperationCard::counted("account.read", &["account.read", "client.daily"]),
        OperationCard::counted("catalogue.order", &["catalogue.order", "client.daily"]),
        OperationCard::counted("catalogue.file", &["catalogue.file", "client.daily"]),
        OperationCard::counted("auth.token", &[]),
    ],
    credentials: &[
        credential("client_id", "the application's Client ID, with the store scope"),
        credential("client_secret", "the application's secret"),
        CredentialCard {
            key: "refresh_token",
            required: false,
            life: Some(days(28)),
            what: "from the store owner's consent; dead four weeks after it",
        },
        credential("seller_id", "the store account, as in the store's address"),
        CredentialCard {
            key: "public_key",
            required: true,
            life: Some(days(365)),
            what: "the store's public key (PEM) from ストアクリエイターPro, 暗号鍵管理",
        },
        credential("public_key_version", "the version number shown beside that key"),
    ],
    options: &[],
    sources: SOURCES,
};

const SOURCES: &[Source] = &[
    source(
        "1 query per second and URL; 50,000 a day and Client ID",
        "https://developer.yahoo.co.jp/webapi/shopping/order and …/faq.html",
    ),
    source(
        "search conditions and fields; no condition on the update time",
        "https://developer.yahoo.co.jp/webapi/shopping/orderList.html",
    ),
    source("one order per call", "https://developer.yahoo.co.jp/webapi/shopping/orderInfo.html"),
    source("a split cancels the order and makes two", "https://developer.yahoo.co.jp/webapi/shopping/orderSplit.html"),
    source(
        "1,000 codes, ±999,999,999, relative by sign, 207, unknown codes accepted",
        "https://developer.yahoo.co.jp/webapi/shopping/setStock.html",
    ),
    source("Status, empty Quantity, AllowOverdraft", "https://developer.yahoo.co.jp/webapi/shopping/getStock.html"),
    source("encrypted signature, key life", "https://developer.yahoo.co.jp/webapi/shopping/help/#aboutapipublickey"),
    source(
        "authorization endpoint, code and redirect",
        "https://developer.yahoo.co.jp/yconnect/v2/authorization_code/",
    ),
    Source {
        fact: "downloadRequest and downloadSubmit with type 2, pm-08003 while the file is written, its columns",
        source: "public clients of 2026",
        read_on: "2026-11-27",
    },
    source("token lives", "https://developer.yahoo.co.jp/yconnect/v2/"),
];

const fn write(mode: WriteMode, below_zero: BelowZero) -> WriteWay {
    WriteWay { operation: "stock.push", kind: "", mode, batch_max: CODES_MAX, batch: Batch::PerItem, below_zero }
}

/// Whether the mall counts a URL's requests per client or per store is not said; per client is the stricter.
const fn per_url(name: &'static str) -> QuotaCard {
    QuotaCard { name, per_second: 1.0, burst: 1, per_day: None, scope: Scope::Credential("client_id") }
}

const fn credential(key: &'static str, what: &'static str) -> CredentialCard {
    CredentialCard { key, required: true, life: None, what }
}

const fn source(fact: &'static str, source: &'static str) -> Source {
    Source { fact, source, read_on: "2026-11-24" }
}
