//! How a core system writes its files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Encoding;
use crate::domain::ledger::BINS;

/// The default is what the manual calls for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub encoding: Encoding,
    pub figures: Figures,
    /// A book begins the day's sales and receipts anew.
    pub book_resets_sales: bool,
    /// The bins that a book counts beside the main one.
    pub book_includes: Vec<String>,
    /// Our column name → the one in the file, where they differ.
    pub columns: BTreeMap<String, String>,
    /// Orders: the mall whose console exported them, with columns of its own.
    #[serde(default)]
    pub export: Option<String>,
    /// Orders: words of the column `status` that mean cancelled. `None`: those that are known of the file.
    #[serde(default)]
    pub cancelled_words: Option<Vec<String>>,
    /// Orders: words of the column `status` that mean shipped.
    #[serde(default)]
    pub shipped_words: Option<Vec<String>>,
}

/// What the rows of sales and receipts say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Figures {
    /// The business date's figure so far.
    #[default]
    Cumulative,
    /// One movement each, under an id of its own.
    Incremental,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            encoding: Encoding::default(),
            figures: Figures::default(),
            book_resets_sales: false,
            book_includes: BINS.map(str::to_owned).to_vec(),
            columns: BTreeMap::new(),
            export: None,
            cancelled_words: None,
            shipped_words: None,
        }
    }
}
