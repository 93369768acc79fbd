//! What Qoo10 Japan can do, as constants with their sources. Guesses are marked as such in the README.

use uriba_sdk::card::{
    Batch, BelowZero, Card, CredentialCard, EffectLag, Figure, FoundBy, OperationCard, OptionCard, OrdersCard,
    QuotaCard, ReadWay, Scope, Source, Times, WriteMode, WriteWay, days, minutes, seconds,
};

use crate::key;

/// Lines of one bulk call. Source: SetGoodsPriceQtyBulk, UpdateInventoryDataBulk (ResultCode -2).
pub const LINES_MAX: usize = 500;
/// Source: UpdateInventoryQtyUnit, range of `Qty`.
pub const QUANTITY_MAX: i64 = 2_147_483_647;

pub static CARD: Card = Card {
    mall: "qoo10",
    name: "Qoo10",
    zone: "Asia/Tokyo",
    // UpdateInventoryQtyPlusUnit, which is relative, is left out on purpose: README, "Why no relative writes".
    writes: &[
        write("stock.items", key::ITEM, LINES_MAX),
        write("stock.options", key::OPTION, LINES_MAX),
        write("stock.option", key::PRICED, 1),
    ],
    kind_of: key::kind_of,
    reads: Some(ReadWay { operation: "stock.read", batch_max: 10, figure: Figure::Submitted }),
    orders: OrdersCard {
        search: "orders.search",
        by_id: "orders.get",
        found_by: FoundBy::Placed,
        open_filter: true,
        heads_carry_revision: true,
        // Those of the five shipping statuses are whole; claims lack the option, so they are heads.
        pages_carry_orders: false,
        by_id_max: 1,
        // 90 days by the mall. Windows are sent a second wider at both ends, since nobody says whether ends count.
        span_max: days(89),
        reach: days(90),
        edge: seconds(0),
        visibility_lag: seconds(60),
        overlap: minutes(10),
        precision: seconds(1),
        families: false,
    },
    times: Times {
        effect_lag: Some(EffectLag { typical: minutes(5), max: minutes(10), readable: false }),
        late_apply: minutes(2),
        unseen_for_at_most: minutes(15),
        poll_interval: seconds(60),
    },
    quantity_max: QUANTITY_MAX,
    quotas: &[QuotaCard { name: "calls", per_second: 2.5, burst: 3, per_day: None, scope: Scope::Channel }],
    operations: &[
        OperationCard::counted("orders.search", &["calls"]),
        OperationCard::counted("orders.claims", &["calls"]),
        OperationCard::counted("orders.get", &["calls"]),
        OperationCard::counted("stock.items", &["calls"]),
        OperationCard::counted("stock.options", &["calls"]),
        OperationCard::counted("stock.option", &["calls"]),
        OperationCard::counted("stock.read", &["calls"]),
        OperationCard::counted("items.list", &["calls"]),
    ],
    credentials: &[CredentialCard {
        key: "key",
        required: true,
        life: Some(days(365)),
        what: "the seller's certification key (販売者認証キー); a change of the QSM password kills it",
    }],
    options: &[OptionCard {
        key: "sale_end",
        what: "a day (YYYY-MM-DD) to send as ExpireDate with each write of an item; when absent it is left out, so \
               that each item keeps its own",
    }],
    sources: SOURCES,
};

const SOURCES: &[Source] = &[
    source("host, form posts, envelope, ResultCodes", "QSM API guide, mirrored specification set of 2026-06"),
    source("one status per search, no page parameter", "QSM API guide, GetShippingInfo_v3 (m_no 15766)"),
    source("90 days per search", "QSM API guide, GetClaimInfo_V3 (m_no 15475); measured by a public client"),
    source("claim statuses, condition 3", "QSM API guide, GetClaimInfo_V3 (m_no 15475)"),
    source("one order per look-up", "QSM API guide, GetShippingAndClaimInfoByOrderNo_V2 (m_no 15477)"),
    source("500 lines, -1, -2, ExpireDate, `unchanged`", "QSM API guide, SetGoodsPriceQtyBulk (m_no 15238)"),
    source("an option is found by name and value", "QSM API guide, UpdateInventoryDataBulk (m_no 15237)"),
    source("one option's figure, and nothing else", "QSM API guide, UpdateInventoryQtyUnit (m_no 10022)"),
    source("10 minutes until the store page shows a change", "QSM API guide, m_no 15237 and 15238"),
    source("three calls a second are borne", "a public client's 300 ms between calls, 2026-09"),
    source("500 items per page; only S1 and S2 have details", "GetAllGoodsInfo, measured by a public client, 2026-09"),
];

const fn write(operation: &'static str, kind: &'static str, batch_max: usize) -> WriteWay {
    let (mode, batch) = (WriteMode::Absolute, Batch::PerItem);
    WriteWay { operation, kind, mode, batch_max, batch, below_zero: BelowZero::NotApplicable }
}

const fn source(fact: &'static str, source: &'static str) -> Source {
    Source { fact, source, read_on: "2026-11-27" }
}
