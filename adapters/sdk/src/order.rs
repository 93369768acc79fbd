//! The canonical order: quantities and instants, nothing about people or money.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One order of one channel as its mall states it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The mall's own order id.
    pub id: String,
    /// Set when the order was split, or came out of a split.
    pub family: Option<Family>,
    /// Grows with every change of the order, where the mall has such a number (a version, an update time).
    pub revision: Option<i64>,
    pub placed_at: Timestamp,
    pub updated_at: Option<Timestamp>,
    pub fulfilled_by: FulfilledBy,
    pub lines: Vec<Line>,
}

impl Order {
    /// Nothing of it is left to ship.
    pub fn is_closed(&self) -> bool {
        self.lines.iter().all(|line| line.unshipped() == 0)
    }
}

/// The orders that a mall made out of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Family {
    /// The id of the order that was split.
    pub id: String,
    /// This member is what is left of the order that was split, not something cut off from it.
    pub original: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfilledBy {
    Seller,
    /// From the mall's own warehouse (FBA, RSL): recorded, never counted against the seller's stock.
    Mall,
}

/// One line. Quantities are units of the listing, not of the SKU behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The mall's own line id, unique within the order.
    pub id: String,
    /// The listing, by its normalised mall key; `None` when the mall no longer names it.
    pub mall_key: Option<String>,
    /// What the mall states as ordered now. Malls without a cancelled quantity shrink this figure; the hub
    /// remembers the larger one and reads the difference as cancelled.
    pub ordered: u32,
    pub cancelled: u32,
    pub shipped: u32,
    /// Units that arrived back after shipping, as far as the mall knows.
    pub returned: u32,
    /// Did the mall put the cancelled units back on its own counter?
    pub restored: Restored,
    /// When the shipped units left, by the mall's word; with only a date, the end of that date.
    pub shipped_at: Option<Timestamp>,
    /// Units first ordered, before a split or change, where the mall says so.
    pub original: Option<u32>,
}

impl Line {
    /// Units that still hold stock.
    pub fn unshipped(&self) -> u32 {
        self.ordered.saturating_sub(self.cancelled).saturating_sub(self.shipped)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restored {
    Yes,
    No,
    Unknown,
}
