//! What RMS WEB SERVICE can do, as constants with their sources.

use uriba_sdk::card::{
    Batch, BelowZero, Card, CredentialCard, Figure, FoundBy, OperationCard, OrdersCard, QuotaCard, ReadWay, Scope,
    Source, Times, WriteMode, WriteWay, days, minutes, one_kind, seconds,
};

pub const SEARCH: &str = "orders.search";
pub const GET: &str = "orders.get";
pub const PUSH: &str = "stock.push";
pub const READ: &str = "stock.read";
pub const LIST: &str = "catalogue.list";
pub const SHOP: &str = "account.shop";
pub const LICENSE: &str = "account.license";

/// The most entries of one bulk-upsert, one bulk-get, one getOrder.
pub const PUSH_MAX: usize = 400;
pub const READ_MAX: usize = 1_000;
pub const BY_ID_MAX: usize = 100;
/// The longest span of one searchOrder.
pub const SPAN_DAYS: u64 = 63;
/// What a stock record can hold.
pub const QUANTITY_MAX: i64 = 99_999;

pub static CARD: Card = Card {
    mall: "rakuten",
    name: "楽天市場",
    zone: "Asia/Tokyo",
    writes: &[push(WriteMode::Absolute, BelowZero::NotApplicable), push(WriteMode::Relative, BelowZero::Refused)],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: READ, batch_max: READ_MAX, figure: Figure::Effective }),
    orders: OrdersCard {
        search: SEARCH,
        by_id: GET,
        found_by: FoundBy::Placed,
        open_filter: true,
        heads_carry_revision: false,
        pages_carry_orders: false,
        by_id_max: BY_ID_MAX,
        span_max: days(SPAN_DAYS),
        reach: days(730),
        edge: seconds(0),
        visibility_lag: seconds(0),
        overlap: minutes(5),
        precision: seconds(1),
        families: false,
    },
    times: Times {
        effect_lag: None,
        late_apply: seconds(60),
        unseen_for_at_most: minutes(10),
        poll_interval: seconds(60),
    },
    quantity_max: QUANTITY_MAX,
    quotas: &[
        one_a_second(SEARCH),
        one_a_second(GET),
        one_a_second(PUSH),
        one_a_second(READ),
        one_a_second(LIST),
        one_a_second(SHOP),
        one_a_second(LICENSE),
    ],
    operations: &[
        OperationCard::counted(SEARCH, &[SEARCH]),
        OperationCard::counted(GET, &[GET]),
        OperationCard::counted(PUSH, &[PUSH]),
        OperationCard::counted(READ, &[READ]),
        OperationCard::counted(LIST, &[LIST]),
        OperationCard::counted(SHOP, &[SHOP]),
        OperationCard::counted(LICENSE, &[LICENSE]),
    ],
    credentials: &[
        CredentialCard { key: "service_secret", required: true, life: None, what: "serviceSecret of RMS WEB SERVICE" },
        CredentialCard {
            key: "license_key",
            required: true,
            life: Some(days(90)),
            what: "licenseKey of RMS WEB SERVICE, renewed by hand in RMS",
        },
    ],
    options: &[],
    sources: SOURCES,
};

const fn push(mode: WriteMode, below_zero: BelowZero) -> WriteWay {
    WriteWay { operation: PUSH, kind: "", mode, batch_max: PUSH_MAX, batch: Batch::AllOrNothing, below_zero }
}

/// Each function is paced by itself, per shop.
const fn one_a_second(name: &'static str) -> QuotaCard {
    QuotaCard { name, per_second: 1.0, burst: 1, per_day: None, scope: Scope::Channel }
}

const SOURCES: &[Source] = &[
    Source {
        fact: "searchOrder: 63 days a window, 730 days back, 1,000 a page, 15,000 reachable, no update time",
        source: "RMS WEB SERVICE, RakutenPayOrderAPI searchOrder, changelog to v8.3 of 2025-12-12",
        read_on: "2026-11-24",
    },
    Source {
        fact: "getOrder: 100 orders a call, response version 10, per-order messages",
        source: "RMS WEB SERVICE, RakutenPayOrderAPI getOrder, changelog to v8.3 of 2025-12-12",
        read_on: "2026-11-24",
    },
    Source {
        fact: "bulk-upsert 400 and bulk-get 1,000 entries, ABSOLUTE and RELATIVE, 0 to 99999, IE0117 outside",
        source: "RMS WEB SERVICE, InventoryAPI 2.1 reference and response codes",
        read_on: "2026-11-24",
    },
    Source {
        fact: "one request a second for each function of a shop",
        source: "public clients pace so (2026); InventoryAPI 2.0 v2.3 of 2026-02 states 1/s for bulk-upsert, 5/s for bulk-get",
        read_on: "2026-11-24",
    },
    Source {
        fact: "items.search: 100 a page, cursorMark until it comes back unchanged, variants with their codes",
        source: "RMS WEB SERVICE, ItemAPI 2.0, as public clients use it (2026)",
        read_on: "2026-11-27",
    },
    Source {
        fact: "shopMaster names the shop, expiry-date the end of the licenseKey (Japanese time, no offset)",
        source: "RMS WEB SERVICE, ShopAPI 1.0 and LicenseManagementAPI, as public clients use them (2026)",
        read_on: "2026-11-27",
    },
    Source {
        fact: "licenseKey lives 90 days; a new one works 10 to 30 minutes after it was issued",
        source: "https://goqsystem.com/manual/659 and three other vendors' manuals",
        read_on: "2026-11-24",
    },
    Source {
        fact: "the mall lowers its own stock when an order is placed, and orders are found at once",
        source: "common practice of vendors; no delay is documented",
        read_on: "2026-11-24",
    },
];
