//! eBay's card. Figures are those of eBay's own API descriptions where it publishes them; what is inferred says so in
//! the sources below and, with its reasons, in the README.

use std::time::Duration;

use uriba_sdk::card::{
    Batch, BelowZero, Card, CredentialCard, Figure, FoundBy, OperationCard, OptionCard, OrdersCard, QuotaCard, ReadWay,
    Scope, Source, Times, WriteMode, WriteWay, days, minutes, one_kind, seconds,
};

pub const SEARCH: &str = "orders.search";
pub const ORDER: &str = "orders.get";
/// One order alone, where a call for several is refused because of one of them.
pub const SINGLE: &str = "orders.single";
pub const SHIPMENTS: &str = "orders.shipments";
pub const PUSH: &str = "stock.push";
pub const READ: &str = "stock.read";
pub const OFFERS: &str = "stock.offers";
pub const ITEMS: &str = "catalogue.list";
pub const TOKEN: &str = "auth.token";
pub const USER: &str = "account.user";
pub const PROGRAMS: &str = "account.programs";
pub const RATES: &str = "account.rates";

pub const FULFILLMENT: &str = "fulfillment";
pub const INVENTORY: &str = "inventory";
const OTHER: &str = "other";

/// The largest page of getOrders and of getInventoryItems, and the most ids and SKUs of one call.
pub const PAGE: usize = 200;
pub const IDS: usize = 50;
pub const SKUS: usize = 25;
/// A SKU has at most so many characters in the Inventory API.
pub const SKU_CHARS_MAX: usize = 50;

/// eBay publishes no largest quantity; six digits is our own bound, far above any shelf.
pub const QUANTITY_MAX: i64 = 999_999;

/// Calls a second that an account's daily numbers have room for. The numbers themselves are read at run time.
pub const FULFILLMENT_PER_SECOND: f64 = 1.0;
pub const INVENTORY_PER_SECOND: f64 = 5.0;

pub static CARD: Card = Card {
    mall: "ebay",
    name: "eBay",
    // Days, of quotas and of revisions, end at midnight there. Times in answers are UTC and say so.
    zone: "America/Los_Angeles",
    writes: &[WriteWay {
        operation: PUSH,
        kind: "",
        mode: WriteMode::Absolute,
        batch_max: SKUS,
        batch: Batch::PerItem,
        below_zero: BelowZero::NotApplicable,
    }],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: READ, batch_max: SKUS, figure: Figure::Effective }),
    orders: OrdersCard {
        search: SEARCH,
        by_id: ORDER,
        found_by: FoundBy::Updated,
        open_filter: true,
        heads_carry_revision: true,
        // All but those that are partly shipped: what of a line has left is told elsewhere.
        pages_carry_orders: false,
        by_id_max: IDS,
        // eBay names no longest window. A month keeps a failed window cheap to read again.
        span_max: days(30),
        reach: days(720),
        // A window that ends after eBay's own now is refused; so much may clocks differ.
        edge: seconds(5),
        visibility_lag: minutes(2),
        overlap: minutes(5),
        precision: seconds(1),
        families: false,
    },
    times: Times {
        effect_lag: None,
        late_apply: seconds(60),
        // Purchases that are not paid yet hold a unit and show in no order: buyers have four days to pay.
        unseen_for_at_most: days(5),
        poll_interval: seconds(60),
    },
    quantity_max: QUANTITY_MAX,
    quotas: &[
        quota(FULFILLMENT, FULFILLMENT_PER_SECOND, 60),
        quota(INVENTORY, INVENTORY_PER_SECOND, 60),
        quota(OTHER, 1.0, 10),
    ],
    operations: &[
        OperationCard::counted(SEARCH, &[FULFILLMENT]),
        OperationCard::counted(ORDER, &[FULFILLMENT]),
        OperationCard::counted(SINGLE, &[FULFILLMENT]),
        OperationCard::counted(SHIPMENTS, &[FULFILLMENT]),
        OperationCard::counted(PUSH, &[INVENTORY]),
        OperationCard::counted(READ, &[INVENTORY]),
        OperationCard::counted(OFFERS, &[INVENTORY]),
        OperationCard::counted(ITEMS, &[INVENTORY]),
        OperationCard::counted(USER, &[OTHER]),
        OperationCard::counted(PROGRAMS, &[OTHER]),
        OperationCard::counted(RATES, &[OTHER]),
        OperationCard::counted(TOKEN, &[]),
    ],
    credentials: &[
        credential("client_id", true, None, "the application's App ID"),
        credential("client_secret", true, None, "the application's Cert ID"),
        credential("refresh_token", false, Some(seconds(47_304_000)), "the seller's refresh token, from the consent"),
        credential("refresh_token_ends", false, None, "when it ends, from the same consent (an instant in UTC)"),
    ],
    options: &[
        OptionCard {
            key: "ru_name",
            what: "the application's RuName, under which eBay keeps where consent returns to",
        },
        OptionCard {
            key: "batch_skus",
            what: "SKUs in one write: 25, or 1 where eBay takes no more (found out anyway)",
        },
    ],
    sources: SOURCES,
};

const fn quota(name: &'static str, per_second: f64, burst: u32) -> QuotaCard {
    // eBay counts per application, whoever's shop is asked about.
    QuotaCard { name, per_second, burst, per_day: None, scope: Scope::Credential("client_id") }
}

const fn credential(key: &'static str, required: bool, life: Option<Duration>, what: &'static str) -> CredentialCard {
    CredentialCard { key, required, life, what }
}

const SOURCES: &[Source] = &[
    Source {
        fact: "getOrders: filters, page of 200, 50 ids, two years; statuses of orders and lines; shipping fulfillments",
        source: "Sell Fulfillment OpenAPI v1.20.7 (github.com/hendt/ebay-api af51f9f, specs)",
        read_on: "2026-11-27",
    },
    Source {
        fact: "both levels of quantity, 207 per entry, offers of a SKU, 25 SKUs, 250 revisions per listing and day",
        source: "Sell Inventory OpenAPI v1.18.0 (github.com/hendt/ebay-api af51f9f, specs)",
        read_on: "2026-11-27",
    },
    Source {
        fact: "both levels are written together; up to 25 SKUs in one call",
        source: "developer.ebay.com/api-docs/sell/static/inventory/bulk-updates.html",
        read_on: "2026-11-24",
    },
    Source {
        fact: "a quantity of zero ends the listing unless out-of-stock control is on",
        source: "developer.ebay.com/api-docs/user-guides/static/trading-user-guide/out-of-stock-enable.html",
        read_on: "2026-11-24",
    },
    Source {
        fact: "windows end two minutes before now and overlap by two (for the older API; inferred here)",
        source: "developer.ebay.com/support/knowledge-base/1788",
        read_on: "2026-11-24",
    },
    Source {
        fact: "access tokens live two hours; refresh tokens 18 months (seen in answers)",
        source: "developer.ebay.com/api-docs/static/oauth-refresh-token-request.html",
        read_on: "2026-11-24",
    },
    Source {
        fact: "daily numbers per application and API are told by getRateLimits",
        source: "Developer Analytics OpenAPI v1_beta (github.com/hendt/ebay-api af51f9f, specs)",
        read_on: "2026-11-27",
    },
    Source {
        fact: "the paces are ours: a day of them stays below the daily numbers that were seen (100,000 and 2,000,000)",
        source: "developer.ebay.com/develop/api/sell/api_call_limits (the figures themselves are inferred)",
        read_on: "2026-11-24",
    },
];
