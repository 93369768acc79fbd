//! What the hub must know about Mercari Shops before talking to it.

use uriba_sdk::card::{
    Batch, BelowZero, Card, CredentialCard, Figure, FoundBy, OperationCard, OrdersCard, QuotaCard, ReadWay, Scope,
    Source, Times, WriteMode, WriteWay, days, minutes, one_kind, seconds,
};

use crate::graphql::{IDS_MAX, LISTED_MAX, PAGE, VARIANTS_MAX, points};

/// The budget's name, and what the mall allows in an hour. Ours stays below it in *any* hour, since nobody knows when
/// the mall's own begins: the burst and what grows in an hour come to 8,700. The rest is for other tools of the shop.
pub const POINTS: &str = "points";
#[cfg(any(test, feature = "fake"))]
pub const POINTS_PER_HOUR: u32 = 10_000;
const PER_SECOND: f64 = 2.0;
const BURST: u32 = 1_500;

/// The largest figure that is written. The mall's own limit is not known.
pub const QUANTITY_MAX: i64 = 9_999;

pub const SEARCH: &str = "orderTransactions";
pub const ORDER: &str = "orderTransaction";
pub const WRITE: &str = "updateProductVariants";
pub const WRITE_ONE: &str = "updateProductVariant";
pub const VARIANT: &str = "productVariant";
pub const LIST: &str = "products";
pub const SHOP: &str = "shop";

pub static CARD: Card = Card {
    mall: "mercari",
    name: "メルカリShops",
    zone: "Asia/Tokyo",
    writes: &[WriteWay {
        operation: WRITE,
        kind: "",
        mode: WriteMode::Absolute,
        batch_max: VARIANTS_MAX,
        // Whatever the mall does with a batch that it refuses: its entries are then written one by one.
        batch: Batch::PerItem,
        below_zero: BelowZero::NotApplicable,
    }],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: VARIANT, batch_max: VARIANTS_MAX, figure: Figure::Effective }),
    orders: OrdersCard {
        search: SEARCH,
        by_id: ORDER,
        found_by: FoundBy::Placed,
        open_filter: true,
        heads_carry_revision: false,
        pages_carry_orders: true,
        by_id_max: IDS_MAX,
        span_max: days(31),
        reach: days(365),
        edge: seconds(0),
        visibility_lag: seconds(60),
        overlap: minutes(10),
        precision: seconds(1),
        families: false,
    },
    times: Times {
        effect_lag: None,
        late_apply: minutes(2),
        unseen_for_at_most: minutes(15),
        // A page costs by the rows that it may have, so asking every minute takes a seventh of the budget.
        poll_interval: seconds(60),
    },
    quantity_max: QUANTITY_MAX,
    quotas: &[QuotaCard {
        name: POINTS,
        per_second: PER_SECOND,
        burst: BURST,
        per_day: None,
        // All tokens of a shop share one budget, and a channel is one shop.
        scope: Scope::Channel,
    }],
    operations: &[
        priced(SEARCH, &[(POINTS, points::page(PAGE))]),
        priced(ORDER, &[(POINTS, points::orders(IDS_MAX))]),
        priced(WRITE, &[(POINTS, points::written(VARIANTS_MAX))]),
        priced(WRITE_ONE, &[(POINTS, points::written(1))]),
        priced(VARIANT, &[(POINTS, points::variants(VARIANTS_MAX))]),
        priced(LIST, &[(POINTS, points::listed(LISTED_MAX))]),
        priced(SHOP, &[(POINTS, points::SHOP)]),
    ],
    credentials: &[
        CredentialCard {
            key: "token",
            required: true,
            life: None,
            what: "a Personal API Access Token, made in the shop's console (at most ten); it lives until it is deleted",
        },
        CredentialCard {
            key: "client_name",
            required: true,
            life: None,
            what: "the API_CLIENT_NAME that the mall gave with the API contract; every request must carry it",
        },
    ],
    options: &[],
    sources: &[
        Source { fact: "operations, statuses, stock figures, errors", source: REFERENCE, read_on: "2026-11-26" },
        Source { fact: "10,000 points an hour and shop, X-Ratelimit-Reset", source: REFERENCE, read_on: "2026-11-26" },
        Source {
            fact: "tokens, client name, registered IP addresses",
            source: "https://support.mercari-shops.com/hc/ja/articles/15366795504665",
            read_on: "2026-11-26",
        },
        Source {
            fact: "404 with ten bytes for an address that isn't registered; look-up of a variant by skuCode",
            source: "reports of public clients (see README)",
            read_on: "2026-11-27",
        },
    ],
};

const REFERENCE: &str = "https://api.mercari-shops.com/docs/index.html";

const fn priced(name: &'static str, costs: &'static [(&'static str, u32)]) -> OperationCard {
    OperationCard { costs, ..OperationCard::counted(name, &[]) }
}
