//! Orders out of a mall's CSV: bytes and a [`Profile`] in, canonical orders and located flaws out. Pure.
//!
//! It serves two readers of files: the channel of a mall without an API, and the closing of gaps from the export of
//! a mall's console ([`consoles`] has the profiles of some). Both want the same of it:
//!
//! * A row that can't be read spoils its own order, with line and column, and no other.
//! * Nothing of a row is kept, or quoted in a message, that is not a code, a figure or a time: whatever stands in a
//!   column of quantities may be a name when a row has slipped.
//! * Unknown words of status hold stock. What is absent and must not be guessed is a flaw.
//!
//! Rows of one order may stand anywhere in the file. A line that is stated again is stated anew: by the column of
//! changes where there is one, else by the later row. Where the file numbers no lines, those of one listing are
//! added up.

mod cells;
pub mod consoles;
mod orders;
mod profile;
mod row;
mod text;
mod times;

use jiff::Timestamp;
use uriba_sdk::Order;

pub use profile::{COLUMNS, Column, KeyForm, Profile, Status};
pub use text::Encoding;
pub(crate) use times::minute_of;
pub use times::{instant, moment_after};

/// More rows than this that can't be read: it is no file of orders, or not by this profile.
pub const FLAWS_MAX: usize = 1_000;

/// What a file states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Orders that could be read whole, in the order of their first rows.
    pub orders: Vec<Stated>,
    pub flaws: Vec<Flaw>,
    /// Rows below the header.
    pub rows: u64,
    /// The last row has its line end: otherwise the file may be cut off, or still being written.
    pub is_whole: bool,
}

/// One order as a file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The channel that the row names, where the profile has such a column.
    pub channel: Option<String>,
    pub order: Order,
    /// Of its first row; the header is line 1.
    pub line: u64,
}

/// Why an order can't be read, and what is known of it all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaw {
    pub line: u64,
    /// The file's name of the column.
    pub column: Option<String>,
    pub message: String,
    pub channel: Option<String>,
    pub order_id: Option<String>,
    /// Listings that rows of this order name.
    pub mall_keys: Vec<String>,
    pub placed_at: Option<Timestamp>,
}

/// Why a file can't be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Fault {
    pub line: u64,
    pub column: Option<String>,
    pub message: String,
}

impl Fault {
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { line: 1, column: None, message: message.into() }
    }
}

/// Reads a whole file.
pub fn read(bytes: &[u8], profile: &Profile) -> Result<Sheet, Fault> {
    let text = text::decode(bytes, profile.encoding)?;
    let mut cells = cells::Records::new(&text, profile.delimiter);
    let header = match cells.next() {
        Some(Ok(record)) if record.cells.iter().any(|cell| !cell.is_empty()) => record.cells,
        Some(Ok(_)) | None => return Err(Fault::whole("the file is empty: its first row must name the columns")),
        Some(Err(broken)) => {
            return Err(Fault { line: broken.line, column: None, message: broken.message.into() });
        }
    };
    let places = row::Places::find(&header, profile)?;
    let mut draft = orders::Draft::new(places.names(&header));
    let mut rows = 0;
    for record in cells {
        match record {
            // A blank line between rows, or below them.
            Ok(record) if record.cells.iter().all(|cell| cell.is_empty()) => continue,
            Ok(record) => draft.add(row::read(&record, &header, &places, profile)),
            Err(broken) => draft.spoil(Flaw { line: broken.line, message: broken.message.into(), ..Flaw::default() }),
        }
        rows += 1;
        if draft.flaws() > FLAWS_MAX {
            let first = draft.first_flaw();
            let message = format!("more than {FLAWS_MAX} rows can't be read; the first, line {}: {}", first.0, first.1);
            return Err(Fault { line: first.0, column: None, message });
        }
    }
    let (orders, flaws) = draft.finish();
    Ok(Sheet { orders, flaws, rows, is_whole: text.ends_with(['\n', '\r']) })
}
