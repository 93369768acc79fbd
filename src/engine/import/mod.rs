//! Files from the core system and from people: read whole, judged whole, then booked in short pieces.
//!
//! Two passes over the text: the first finds everything that is wrong with it and keeps no row, the second
//! books. So a file is refused before anything of it counts, and memory holds the text and a few bytes a row,
//! however long it is. A file that was interrupted goes on where it stopped when it is given again.

mod book;
mod bundles;
mod listings;
mod sheet;
mod text;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use book::{BookFile, import_book, instant, preview_book};
pub use bundles::{BundlesFile, import_bundles};
pub use listings::{ListingsFile, fault, import_listings};
pub use text::Encoding;

use crate::store::{
    held::Held,
    preview::{Changes, TargetChange},
    sheets::Rejection,
};

/// Larger files are refused before they are read.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// Rejections that an answer names; the others are counted.
pub const REJECTIONS_MAX: usize = 1_000;

/// How a file is written. The default is what the manual calls for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub encoding: Encoding,
    /// Our column name → the one in the file, where they differ.
    pub columns: BTreeMap<String, String>,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// `null` for a trial, and for files that leave no import behind.
    pub id: Option<String>,
    pub state: ImportState,
    /// Rows of the file, without the header.
    pub rows: u64,
    /// Rows that changed something (in a trial: that would be booked).
    pub booked: u64,
    /// Rows that said what was known already.
    pub unchanged: u64,
    /// SKUs and locations that were new.
    pub created: u64,
    /// Rows that are wrong; `rejected` names the first of them.
    pub rejected_rows: u64,
    pub rejected: Vec<Rejection>,
    /// Of a file that is held: the item to confirm or refuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// In a trial, or while held: the first of the numbers that would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<TargetChange>,
    /// And how many there are.
    #[serde(default)]
    pub changes_total: u64,
    /// The instant that the rows themselves say, the newest of them.
    #[serde(skip)]
    pub as_of: Option<Timestamp>,
}

impl ImportReport {
    /// With the numbers that would change.
    pub fn with(self, changes: Changes) -> Self {
        Self { changes: changes.first, changes_total: changes.total, ..self }
    }

    /// Nothing of it is done until somebody confirms it.
    pub fn held(self, held: &Held) -> Self {
        let attention = Some(held.attention.to_string());
        Self { state: ImportState::Held, booked: 0, unchanged: 0, created: 0, attention, ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    Booked,
    /// The same file was booked before: nothing happened.
    Unchanged,
    /// Rows are wrong: nothing was booked.
    Refused,
    /// It would move too many numbers at once: nothing was booked, until somebody confirms it.
    Held,
}

/// Wrong rows, as many as an answer can hold, and how many there are.
#[derive(Debug, Default)]
struct Rejects {
    kept: Vec<Rejection>,
    total: u64,
}

impl Rejects {
    fn add(&mut self, line: u64, column: Option<&str>, message: impl Into<String>) {
        self.total += 1;
        if self.kept.len() < REJECTIONS_MAX {
            self.kept.push(Rejection { line, column: column.map(str::to_owned), message: message.into() });
        }
    }

    /// Sorted by line, with what is known of the file so far.
    fn report(mut self, state: ImportState, rows: u64) -> ImportReport {
        self.kept.sort_by_key(|rejection| rejection.line);
        ImportReport {
            id: None,
            state,
            rows,
            booked: 0,
            unchanged: 0,
            created: 0,
            rejected_rows: self.total,
            rejected: self.kept,
            attention: None,
            changes: Vec::new(),
            changes_total: 0,
            as_of: None,
        }
    }
}
