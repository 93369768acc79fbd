//! What is said to a mall about stock, and what it answers.

use serde::{Deserialize, Serialize};

/// One listing's write within a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The normalised mall key.
    pub key: String,
    /// The opaque handle that [`crate::Mall::resolve`] gave for this key, if any.
    pub handle: Option<String>,
    pub write: Write,
}

/// The operation, in listing units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// Show exactly this many.
    Absolute(i64),
    /// Add this many (negative: take away); commutes with the mall's own sales.
    Relative(i64),
    /// Show `to` if the mall shows `from`.
    CompareAndSet { from: i64, to: i64 },
}

/// A mall's answer for one update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted. `now` is the figure after the write where the answer carries it: a read-back for free.
    Applied { now: Option<i64> },
    /// Accepted for later: what became of it has to be asked for.
    Pending { ticket: String },
    /// A compare-and-set met another figure; nothing was written.
    Conflict { shows: i64 },
    /// Not written, and writing the same again will not help.
    Refused(Refusal),
    /// The answer doesn't tell.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub why: RefusedWhy,
    /// The mall's own code, if it gave one.
    pub code: Option<String>,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedWhy {
    /// The mall has no such item.
    NoSuchItem,
    /// A relative write would have gone below zero: the mall shows less than believed.
    BelowZero,
    /// The figure is outside what the mall can hold.
    OutOfRange,
    /// The listing is not ours to write (fulfilled by the mall, locked by it).
    NotOurs,
    /// The mall is busy with this item; the same write may work later.
    Busy,
    Other,
}

/// What a mall shows for one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub key: String,
    /// `None`: the mall has no such item.
    pub found: Option<Counter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// `None`: the mall sells it without a limit.
    pub quantity: Option<i64>,
    /// The mall goes on selling at zero (overdraft, back-order).
    pub sells_past_zero: bool,
    /// Fulfilled by the mall: never write.
    pub not_ours: bool,
}
