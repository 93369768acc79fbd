//! What a simulated mall and its adapter write to each other. Not canonical types in the making: a made-up API of
//! plain JSON, so that answers can be cut off in the middle as any mall's can.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uriba_sdk::{Order, Write};

pub const SEARCH: &str = "orders.search";
pub const BY_ID: &str = "orders.by_id";
pub const PUSH: &str = "stock.push";
pub const READ: &str = "stock.read";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Search {
    pub from: Timestamp,
    pub to: Timestamp,
    pub family: Option<String>,
    pub open_only: bool,
    pub token: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Listed {
    pub heads: Vec<HeadLetter>,
    pub orders: Vec<Order>,
    pub next: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeadLetter {
    pub id: String,
    pub placed_at: Timestamp,
    pub revision: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Whole {
    pub orders: Vec<Order>,
    pub missing: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub key: String,
    pub write: Write,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    Applied { now: Option<i64> },
    Conflict { shows: i64 },
    BelowZero,
    NoSuchItem,
    OutOfRange,
    Busy,
}

/// One per key; `None`: no such item.
pub type Counters = Vec<Option<i64>>;
