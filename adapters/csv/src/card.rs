//! What the hub must know about a mall that is reached through files. The mall itself may be any: what differs
//! from one to the next is an option, or is said in `[channels.timing]`.

use uriba_sdk::card::{
    Batch, BelowZero, Card, EffectLag, FoundBy, OperationCard, OptionCard, OrdersCard, Source, Times, WriteMode,
    WriteWay, days, hours, minutes, one_kind, seconds,
};

/// Rows of one push. A file of so many is still a small one.
pub const WRITES_MAX: usize = 2_000;
/// Most malls' counters end here, or later.
pub const QUANTITY_MAX: i64 = 99_999;
pub const PAGE: usize = 500;
pub const SEARCH: &str = "orders.search";
pub const BY_ID: &str = "orders.get";
pub const PUSH: &str = "stock.push";

pub static CARD: Card = Card {
    mall: "csv",
    name: "CSV",
    zone: "Asia/Tokyo",
    writes: &[WriteWay {
        operation: PUSH,
        kind: "",
        mode: WriteMode::Absolute,
        batch_max: WRITES_MAX,
        batch: Batch::PerItem,
        below_zero: BelowZero::NotApplicable,
    }],
    kind_of: one_kind,
    // A file for upload shows nothing of what became of it.
    reads: None,
    orders: OrdersCard {
        search: SEARCH,
        by_id: BY_ID,
        found_by: FoundBy::Placed,
        open_filter: false,
        heads_carry_revision: false,
        pages_carry_orders: true,
        by_id_max: 500,
        span_max: days(92),
        // The folder shows what is in it.
        reach: days(3_650),
        edge: seconds(0),
        // How far files prove anything is said by each search: these are only what exports lag behind at least.
        visibility_lag: minutes(5),
        overlap: hours(1),
        // Excel, and some consoles, tell no seconds.
        precision: seconds(60),
        families: false,
    },
    times: Times {
        // Somebody, or a job, has to upload the file first.
        effect_lag: Some(EffectLag { typical: minutes(30), max: hours(24), readable: false }),
        late_apply: minutes(1),
        unseen_for_at_most: hours(24),
        poll_interval: seconds(60),
    },
    quantity_max: QUANTITY_MAX,
    quotas: &[],
    operations: &[
        OperationCard::counted(SEARCH, &[]),
        OperationCard::counted(BY_ID, &[]),
        OperationCard::counted(PUSH, &[]),
    ],
    credentials: &[],
    options: OPTIONS,
    sources: &[
        Source {
            fact: "times of uploads and exports",
            source: "guesses for a person or a job that works several times a day; set [channels.timing]",
            read_on: "2026-11-27",
        },
        Source {
            fact: "columns, encodings, words of status",
            source: "adapters/csv/README.md, Sources",
            read_on: "2026-11-27",
        },
    ],
};

const fn option(key: &'static str, what: &'static str) -> OptionCard {
    OptionCard { key, what }
}

const OPTIONS: &[OptionCard] = &[
    option("orders_folder", "where order files are put (an absolute path)"),
    option("stock_folder", "where stock files are written for upload (an absolute path, another one)"),
    option("profile", "the columns to begin with: hub (default), rakuten, yahoo or aupay"),
    option("encoding", "of order files: auto (default), utf-8 or cp932"),
    option("delimiter", "of order files: comma (default) or tab"),
    option("zone", "of times without an offset (default Asia/Tokyo)"),
    option("order_id_column", "the order's number"),
    option("line_column", "what tells an order's lines apart; several columns with + between them"),
    option("mall_key_column", "the listing; several columns with + between them"),
    option("key_separator", "between the parts of a listing's key (default /)"),
    option("key_case", "exact (default) or lower"),
    option("ordered_column", "units ordered"),
    option("cancelled_column", "units cancelled"),
    option("shipped_column", "units shipped"),
    option("ordered_at_column", "when it was ordered; date and time of day in two columns with + between them"),
    option("shipped_at_column", "when it was shipped"),
    option("updated_at_column", "when it last changed"),
    option("channel_column", "whose order it is; rows of other channels are left alone"),
    option("status_column", "a word instead of quantities cancelled and shipped"),
    option("cancelled_words", "words of status that mean cancelled, with commas between them"),
    option("shipped_words", "words of status that mean shipped, with commas between them"),
    option("file_time", "when a file was made, in its name: orders-%Y%m%d-%H%M%S.csv (default: when it was written)"),
    option("export_lag", "seconds that a file may be older than it says (default 300)"),
    option("covers", "days that each file goes back at least; without it, each goes back to the one before it"),
    option("settled", "seconds that a file must have been left alone (default 10)"),
    option("line_end", "required (default): a file that doesn't end with one is still being written; or optional"),
    option("stock_name", "name of stock files (default stock-%Y%m%d-%H%M%S.csv); without a time: one at once"),
    option("stock_columns", "header=value with commas between them (default mall_key={key},quantity={quantity})"),
    option("stock_file", "differential (default): rows of this push; full: all that was ever pushed"),
    option("stock_encoding", "cp932 (default), utf-8 or utf-8-mark"),
    option("stock_line_end", "crlf (default) or lf"),
];
