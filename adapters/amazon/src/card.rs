//! Amazon's card. Figures are those of Amazon's own model files where it publishes them; what is inferred says so
//! in the sources below and, with its reasons, in the README.

use std::time::Duration;

use uriba_sdk::card::{
    Batch, BelowZero, Card, CredentialCard, EffectLag, Figure, FoundBy, OperationCard, OrdersCard, QuotaCard, ReadWay,
    Scope, Source, Times, WriteMode, WriteWay, days, minutes, one_kind, seconds,
};

pub const SEARCH: &str = "orders.search";
pub const ORDER: &str = "orders.get";
pub const PUSH: &str = "stock.push";
pub const READ: &str = "stock.read";
pub const TOKEN: &str = "auth.token";
pub const LIST: &str = "catalogue.list";
pub const ACCOUNT: &str = "account.read";

/// The steps of a feed: a place for its document, the document, the feed itself.
pub const FEED_PLACE: &str = "stock.feed_place";
pub const FEED_UPLOAD: &str = "stock.feed_upload";
pub const FEED: &str = "stock.feed";
/// What became of it: its state, where its report is, the report.
pub const FEED_STATE: &str = "stock.feed_state";
pub const FEED_REPORT: &str = "stock.feed_report";
pub const FEED_DOWNLOAD: &str = "stock.feed_download";

/// Amazon.co.jp (developer-docs.amazon.com/sp-api/docs/marketplace-ids).
pub const JAPAN: &str = "A1VC38T7YXB528";

/// The largest page of searchOrders (its model file).
pub const PAGE: usize = 100;
/// The most identifiers that searchListingsItems takes, and its largest page (its model file).
pub const READ_BATCH: usize = 20;

/// Amazon takes 25,000 messages in a feed. With fewer, the document (2 MB) and its report are through well within the
/// time that a request has, and a feed that goes wrong leaves less in doubt.
pub const FEED_BATCH: usize = 10_000;

/// searchOrders refuses a window that ends less than two minutes before its own clock.
pub const MALL_EDGE: Duration = seconds(120);
/// Clocks differ: without this, a hub that is one second ahead of Amazon would have every poll refused.
const CLOCKS: Duration = seconds(5);

/// Amazon publishes no largest quantity; six digits is our own bound, far above any shelf.
pub const QUANTITY_MAX: i64 = 999_999;

pub static CARD: Card = Card {
    mall: "amazon",
    name: "Amazon.co.jp",
    zone: "Asia/Tokyo",
    writes: &[write(PUSH, 1), write(FEED, FEED_BATCH)],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: READ, batch_max: READ_BATCH, figure: Figure::Effective }),
    orders: OrdersCard {
        search: SEARCH,
        by_id: ORDER,
        found_by: FoundBy::Updated,
        open_filter: true,
        heads_carry_revision: true,
        pages_carry_orders: true,
        by_id_max: 1,
        // Amazon names no longest window. A month keeps a failed window cheap to read again.
        span_max: days(30),
        reach: days(730),
        edge: Duration::from_secs(MALL_EDGE.as_secs() + CLOCKS.as_secs()),
        visibility_lag: Duration::ZERO,
        overlap: minutes(5),
        precision: seconds(1),
        families: false,
    },
    times: Times {
        effect_lag: Some(EffectLag { typical: minutes(4), max: minutes(60), readable: true }),
        late_apply: seconds(60),
        unseen_for_at_most: minutes(30),
        poll_interval: seconds(180),
    },
    quantity_max: QUANTITY_MAX,
    quotas: &[
        quota(SEARCH, 0.0056, 20),
        quota(ORDER, 0.5, 30),
        quota(PUSH, 5.0, 5),
        quota(READ, 5.0, 5),
        quota(FEED_PLACE, 0.5, 15),
        quota(FEED, 0.0083, 15),
        quota(FEED_STATE, 2.0, 15),
        quota(FEED_REPORT, 0.0222, 10),
        quota(ACCOUNT, 0.016, 15),
    ],
    operations: &[
        OperationCard::counted(SEARCH, &[SEARCH]),
        OperationCard::counted(ORDER, &[ORDER]),
        OperationCard::counted(PUSH, &[PUSH]),
        OperationCard::counted(READ, &[READ]),
        // The same operation of Amazon's as the read-back.
        OperationCard::counted(LIST, &[READ]),
        OperationCard::counted(ACCOUNT, &[ACCOUNT]),
        OperationCard::counted(FEED_PLACE, &[FEED_PLACE]),
        OperationCard::counted(FEED_UPLOAD, &[]),
        OperationCard { takes: minutes(10), ..OperationCard::counted(FEED, &[FEED]) },
        OperationCard::counted(FEED_STATE, &[FEED_STATE]),
        OperationCard::counted(FEED_REPORT, &[FEED_REPORT]),
        OperationCard::counted(FEED_DOWNLOAD, &[]),
        OperationCard::counted(TOKEN, &[]),
    ],
    credentials: &[
        credential("client_id", true, None, "the application's LWA client id (amzn1.application-oa2-client…)"),
        credential("client_secret", true, Some(days(180)), "the application's LWA client secret"),
        credential("refresh_token", true, Some(days(365)), "the seller's LWA refresh token (Atzr|…)"),
        credential("seller_id", true, None, "the seller's merchant token"),
        credential("marketplace_id", false, None, "the marketplace; Amazon.co.jp when absent"),
        credential("hook_secret", false, None, "shared with whoever forwards notifications (see the README)"),
    ],
    options: &[],
    sources: SOURCES,
};

const fn write(operation: &'static str, batch_max: usize) -> WriteWay {
    let (kind, mode, below_zero) = ("", WriteMode::Absolute, BelowZero::NotApplicable);
    WriteWay { operation, kind, mode, batch_max, batch: Batch::PerItem, below_zero }
}

const fn quota(name: &'static str, per_second: f64, burst: u32) -> QuotaCard {
    // Amazon counts per application and selling account; a channel is one such pair.
    QuotaCard { name, per_second, burst, per_day: None, scope: Scope::Channel }
}

const fn credential(key: &'static str, required: bool, life: Option<Duration>, what: &'static str) -> CredentialCard {
    CredentialCard { key, required, life, what }
}

const SOURCES: &[Source] = &[
    Source {
        fact: "search parameters, page of 100, two-minute rule, statuses, token of 24 h, rates of orders operations",
        source: "github.com/amzn/selling-partner-api-models 34dc93f, orders_2026-01-01.json",
        read_on: "2026-11-24",
    },
    Source {
        fact: "patch and search of listings, batches, statuses of a submission, rates of listings operations",
        source: "github.com/amzn/selling-partner-api-models 34dc93f, listingsItems_2021-08-01.json",
        read_on: "2026-11-24",
    },
    Source {
        fact: "steps, states and rates of feeds; a feed that ended FATAL may have been applied in part",
        source: "github.com/amzn/selling-partner-api-models 34dc93f, feeds_2021-06-30.json",
        read_on: "2026-11-24",
    },
    Source {
        fact: "messages of a feed; a report names the messages that failed, and counts the others",
        source: "github.com/amzn/selling-partner-api-models 34dc93f, schemas/feeds/listings-feed-*.json",
        read_on: "2026-11-24",
    },
    Source {
        fact: "25,000 messages a feed, and one feed a minute in the long run",
        source: "developer-docs.amazon.com/sp-api/changelog, feed size and rate limit changes of 2025-05-06",
        read_on: "2026-11-24",
    },
    Source {
        fact: "3,000 messages are decided within five minutes on a quiet account, and hours later on a busy one",
        source: "qiita.com/okap_goldman/items/b329c97415749828af51; selling-partner-api-models issue 4823",
        read_on: "2026-11-24",
    },
    Source {
        fact: "marketplace participations, and their rate",
        source: "github.com/amzn/selling-partner-api-models 34dc93f, sellers.json",
        read_on: "2026-11-27",
    },
    Source {
        fact: "merge keeps the lead time and needs fulfillment_channel_code",
        source: "developer-docs.amazon.com/sp-api/docs/merge-a-listing",
        read_on: "2026-11-24",
    },
    Source {
        fact: "the effective figure follows a submission minutes later (typical and maximum are inferred)",
        source: "github.com/amzn/selling-partner-api-models issue 5327; selling-partner-api-docs issue 2167",
        read_on: "2026-11-24",
    },
    Source {
        fact: "a client secret lives 180 days (the refresh token's year is inferred)",
        source: "developer-docs.amazon.com/sp-api/docs/rotating-your-apps-lwa-credentials",
        read_on: "2026-11-24",
    },
    Source {
        fact: "quotas are per operation, application and selling account, and are named in a header",
        source: "developer-docs.amazon.com/sp-api/docs/usage-plans-and-rate-limits",
        read_on: "2026-11-24",
    },
];
