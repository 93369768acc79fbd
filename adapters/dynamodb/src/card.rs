//! What the hub must know about a storefront whose counter is in DynamoDB. The storefront is the seller's own, so
//! most figures are what the README asks of it rather than what somebody grants.

use uriba_sdk::card::{
    Batch, BelowZero, Card, CredentialCard, Figure, FoundBy, OperationCard, OptionCard, OrdersCard, QuotaCard, ReadWay,
    Scope, Source, Times, WriteMode, WriteWay, days, hours, minutes, one_kind, seconds,
};

pub const SEARCH: &str = "orders.search";
pub const ORDERS: &str = "orders.get";
pub const PUSH: &str = "stock.push";
pub const READ: &str = "stock.read";
pub const LIST: &str = "stock.list";
pub const TABLES: &str = "tables.describe";

/// The most keys of one BatchGetItem.
pub const KEYS_MAX: usize = 100;
/// Updates of one push, each a request of its own: so that a failure leaves few behind it unsent.
pub const UPDATES_MAX: usize = 10;
/// DynamoDB's numbers have 38 digits; nobody stocks more than this.
pub const QUANTITY_MAX: i64 = 999_999_999;

pub static CARD: Card = Card {
    mall: "dynamodb",
    name: "DynamoDB",
    zone: "UTC",
    writes: &[way(WriteMode::Absolute, BelowZero::NotApplicable), way(WriteMode::Relative, BelowZero::Refused)],
    kind_of: one_kind,
    reads: Some(ReadWay { operation: READ, batch_max: KEYS_MAX, figure: Figure::Effective }),
    orders: OrdersCard {
        search: SEARCH,
        by_id: ORDERS,
        found_by: FoundBy::Updated,
        open_filter: false,
        heads_carry_revision: false,
        pages_carry_orders: true,
        by_id_max: KEYS_MAX,
        span_max: hours(24),
        reach: days(90),
        edge: seconds(0),
        // An index follows its table within a second, and promises nothing. What was stamped before a checkout that
        // had to be tried again also appears late.
        visibility_lag: minutes(1),
        overlap: minutes(2),
        // The stamp is a web server's and is given before the transaction that it belongs to.
        precision: seconds(2),
        families: false,
    },
    times: Times {
        effect_lag: None,
        late_apply: seconds(60),
        unseen_for_at_most: minutes(10),
        poll_interval: seconds(5),
    },
    quantity_max: QUANTITY_MAX,
    // DynamoDB has no rate of requests, only the tables' capacity, which is the storefront's before it is ours.
    quotas: &[
        quota(SEARCH, 10.0, 20),
        quota(ORDERS, 5.0, 10),
        quota(PUSH, 50.0, 50),
        quota(READ, 5.0, 10),
        quota(LIST, 1.0, 2),
        quota(TABLES, 1.0, 4),
    ],
    operations: &[
        OperationCard::counted(SEARCH, &[SEARCH]),
        OperationCard::counted(ORDERS, &[ORDERS]),
        OperationCard::counted(PUSH, &[PUSH]),
        OperationCard::counted(READ, &[READ]),
        OperationCard::counted(LIST, &[LIST]),
        OperationCard::counted(TABLES, &[TABLES]),
    ],
    credentials: &[
        credential("access_key_id", true, "the access key's id (AKIA…, or ASIA… with a session token)"),
        credential("secret_access_key", true, "the access key's secret"),
        credential("session_token", false, "the token of a temporary access key"),
    ],
    options: &[
        option("region", "AWS region, `ap-northeast-1` when not given"),
        option("stock_table", "table of the counters, `net_stock`"),
        option("item_attribute", "its partition key, `item`"),
        option("quantity_attribute", "its counter, `quantity`"),
        option("title_attribute", "its title, for suggestions, `title`"),
        option("jan_attribute", "its JAN, for suggestions, `jan`"),
        option("delta_table", "table with a row for each checkout, `net_stock_delta`"),
        option("order_attribute", "its partition key, `order_id`"),
        option("index", "its index by time of change, `by_update`"),
        option("day_attribute", "the index's partition key, `day`"),
        option("updated_attribute", "the index's sort key, `updated_at`"),
        option("times", "how the sort key is spelled: `iso` or `millis`"),
        option("shards", "into how many parts a day of the index is split, 1"),
        option("placed_attribute", "time of the checkout, `placed_at`"),
        option("state_attribute", "state of the checkout, `state`"),
        option("version_attribute", "number that grows with each change, `version`"),
        option("lines_attribute", "list of lines, `lines`"),
        option("line_item_attribute", "a line's item, `item`"),
        option("line_quantity_attribute", "a line's units, `quantity`"),
        option("cancelled_states", "states, with commas between, that hold nothing, `cancelled`"),
        option("shipped_states", "states in which all is shipped, `shipped`"),
        option("deleted_rows", "what a row that is gone was: `missing` (keep holding its units) or `cancelled`"),
    ],
    sources: &[
        source("error codes, and which of them may be tried again", "docs.aws.amazon.com, Programming.Errors"),
        source("100 keys a request, and answers in part", "docs.aws.amazon.com, API_BatchGetItem"),
        source("what UpdateItem refuses, and the row with it", "docs.rs/aws-sdk-dynamodb, update_item"),
        source("an index follows within a second, normally", "repost.aws, dynamodb-missing-table-items-gsi"),
        source("the tables, their stamps and how late they appear", "README.md: asked of the storefront"),
    ],
};

const fn way(mode: WriteMode, below_zero: BelowZero) -> WriteWay {
    WriteWay { operation: PUSH, kind: "", mode, batch_max: UPDATES_MAX, batch: Batch::PerItem, below_zero }
}

const fn quota(name: &'static str, per_second: f64, burst: u32) -> QuotaCard {
    QuotaCard { name, per_second, burst, per_day: None, scope: Scope::Channel }
}

const fn credential(key: &'static str, required: bool, what: &'static str) -> CredentialCard {
    CredentialCard { key, required, life: None, what }
}

const fn option(key: &'static str, what: &'static str) -> OptionCard {
    OptionCard { key, what }
}

const fn source(fact: &'static str, source: &'static str) -> Source {
    Source { fact, source, read_on: "2026-11-27" }
}
