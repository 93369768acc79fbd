//! Files from the core system and from people: read whole, judged whole, then booked in short pieces.
//!
//! Two passes over the text: the first finds everything that is wrong with it and keeps no row, the second
//! books. So a file is refused before anything of it counts, and memory holds the text and a few bytes a row,
//! however long it is. A file that was interrupted goes on where it stopped when it is given again. What each
//! kind of file says in a row is in [`rows`]; how often it says the same place, in [`judge`].

mod bundles;
mod file;
mod judge;
mod listings;
mod orders;
mod profile;
mod rows;
mod sheet;
mod text;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use file::{CoreFile, FileKind, Progress, Terms, import_file};
pub use listings::fault;
pub use orders::{OrderFile, OrderReader, OrderSheet, StatedOrder};
pub use profile::{Figures, Profile};
pub use rows::instant;
pub use text::Encoding;

use crate::store::{held::Held, preview::Changes, sheets::Rejection};
use sheet::Flaw;

/// Larger files are refused before they are read. A million rows of locations, SKUs and quantities are 40 to
/// 60 MB, and a file is held whole (in CP932 once more, as text) with 16 bytes a row: below 200 MB in all.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// Rejections that an answer names; the others are counted.
pub const REJECTIONS_MAX: usize = 1_000;

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// `null` for a trial, and for files that leave no import behind.
    pub id: Option<String>,
    pub state: ImportState,
    /// Rows of the file, without the header.
    pub rows: u64,
    /// Rows that changed something (in a trial: that would).
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
    /// Of a trial, or while held: what the malls would show instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

impl ImportReport {
    /// Nothing of it is done until somebody confirms it.
    fn held(self, held: Held, changes: Changes) -> Self {
        let (attention, changes) = (Some(held.attention.to_string()), Some(changes));
        Self { state: ImportState::Held, booked: 0, unchanged: 0, created: 0, attention, changes, ..self }
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

    fn flaw(&mut self, flaw: Flaw) {
        self.add(flaw.line, flaw.column.as_deref(), flaw.message);
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
            changes: None,
        }
    }
}

/// A file that can't be read at all.
fn refused(flaw: Flaw) -> ImportReport {
    let mut rejects = Rejects::default();
    rejects.flaw(flaw);
    rejects.report(ImportState::Refused, 0)
}
