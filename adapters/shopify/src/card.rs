//! What the hub must know about Shopify before talking to it.

use uriba_sdk::card::{
    Batch, BelowZero, Card, CredentialCard, Figure, FoundBy, OperationCard, OptionCard, OrdersCard, QuotaCard, ReadWay,
    Scope, Source, Times, WriteMode, WriteWay, days, minutes, one_kind, seconds,
};

pub const SEARCH: &str = "orders.search";
pub const ORDER: &str = "orders.get";
pub const PUSH: &str = "stock.push";
pub const READ: &str = "stock.read";
pub const FIND: &str = "listings.find";
pub const LOOK_UP: &str = "listings.get";
pub const LIST: &str = "listings.list";
pub const LOCATIONS: &str = "shop.locations";
pub const ACCOUNT: &str = "shop.account";
pub const TOKEN: &str = "auth.token";

/// The budget of calculated query costs.
pub const POINTS: &str = "points";

/// Arrays of more entries are refused (shopify.dev/docs/api/usage/limits).
pub const WRITES_MAX: usize = 250;
/// `nodes` costs by the node, so a page of readings is kept well below what one query may cost.
pub const READS_MAX: usize = 50;
pub const ORDERS_MAX: usize = 20;
/// INVALID_QUANTITY_TOO_HIGH above it.
pub const QUANTITY_MAX: i64 = 1_000_000_000;

/// The newest stable version that this adapter was written against.
pub const VERSION: &str = "2026-10";
/// Older ones write stock without `changeFromQuantity`.
pub const VERSION_LEAST: &str = "2026-04";

pub static CARD: Card = Card {
    mall: "shopify",
    name: "Shopify",
    zone: "UTC",
    writes: &[way(WriteMode::CompareAndSet), way(WriteMode::Absolute)],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: READ, batch_max: READS_MAX, figure: Figure::Effective }),
    orders: OrdersCard {
        search: SEARCH,
        by_id: ORDER,
        found_by: FoundBy::Updated,
        // `status:open` leaves out what was archived by hand, and that may still hold stock.
        open_filter: false,
        heads_carry_revision: true,
        pages_carry_orders: true,
        by_id_max: ORDERS_MAX,
        span_max: days(7),
        // With `read_all_orders` it is farther, and a card can't know that.
        reach: days(60),
        edge: seconds(0),
        visibility_lag: seconds(60),
        overlap: minutes(2),
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
    quotas: &[
        // The plan decides, so both figures give way to what each answer names.
        QuotaCard { name: POINTS, per_second: 100.0, burst: 2_000, per_day: None, scope: Scope::Channel },
        QuotaCard { name: TOKEN, per_second: 1.0, burst: 5, per_day: None, scope: Scope::Channel },
    ],
    operations: &[
        priced(SEARCH, &[(POINTS, 150)]),
        priced(ORDER, &[(POINTS, 400)]),
        priced(PUSH, &[(POINTS, 20)]),
        priced(READ, &[(POINTS, 300)]),
        priced(FIND, &[(POINTS, 30)]),
        priced(LOOK_UP, &[(POINTS, 100)]),
        priced(LIST, &[(POINTS, 30)]),
        priced(LOCATIONS, &[(POINTS, 15)]),
        priced(ACCOUNT, &[(POINTS, 10)]),
        OperationCard::counted(TOKEN, &[TOKEN]),
    ],
    credentials: &[
        CredentialCard { key: "client_id", required: false, life: None, what: "of the app made in the Dev Dashboard" },
        CredentialCard {
            key: "client_secret",
            required: false,
            life: None,
            what: "of the same app; webhooks are signed with it",
        },
        CredentialCard {
            key: "access_token",
            required: false,
            life: None,
            what: "shpat_…, of a custom app made in the shop's admin; instead of a client id",
        },
    ],
    options: &[
        OptionCard { key: "shop", what: "the shop's name at myshopify.com, such as my-store; required" },
        OptionCard {
            key: "location",
            what: "id of the location whose stock is written; needed where there are several",
        },
        OptionCard { key: "api_version", what: "2026-04 or newer; 2026-10 when absent" },
    ],
    sources: SOURCES,
};

const SOURCES: &[Source] = &[
    source(
        "compare-and-set, idempotency",
        "shopify.dev/changelog: making-changefromquantity-field-required",
        "2026-11-27",
    ),
    source("60 days", "shopify.dev/docs/api/usage/access-scopes", "2026-11-27"),
    source("250 entries, 25,000 rows", "shopify.dev/docs/api/usage/limits", "2026-11-27"),
    source("points", "shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits", "2026-11-27"),
];

const fn source(fact: &'static str, source: &'static str, read_on: &'static str) -> Source {
    Source { fact, source, read_on }
}

const fn priced(name: &'static str, costs: &'static [(&'static str, u32)]) -> OperationCard {
    OperationCard { costs, ..OperationCard::counted(name, &[]) }
}

/// A batch is all or nothing at Shopify, and what was not at fault is sent again within the push.
const fn way(mode: WriteMode) -> WriteWay {
    WriteWay {
        operation: PUSH,
        kind: "",
        mode,
        batch_max: WRITES_MAX,
        batch: Batch::PerItem,
        below_zero: BelowZero::NotApplicable,
    }
}
