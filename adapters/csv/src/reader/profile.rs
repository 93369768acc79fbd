//! How a file says what an order is: which column holds what, and which words mean what.

use jiff::tz::TimeZone;

use super::{Encoding, consoles};

/// One kind of file. [`Profile::default`] is the hub's own: the columns of the file kind `orders`.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub encoding: Encoding,
    /// The byte between cells.
    pub delimiter: u8,
    /// Whose order it is, where one file holds those of several channels.
    pub channel: Option<Column>,
    pub order_id: Column,
    /// What tells an order's lines apart, joined by `/`. Without it the rows of one listing are added up.
    pub line: Vec<Column>,
    /// The parts of the listing's key, joined by `key`.
    pub mall_key: Vec<Column>,
    pub key: KeyForm,
    /// A row that names no listing can't be read. Otherwise it is a line of none.
    pub needs_key: bool,
    pub ordered: Column,
    pub cancelled: Option<Column>,
    pub shipped: Option<Column>,
    /// One column, or date and time of day in two.
    pub ordered_at: Vec<Column>,
    pub shipped_at: Option<Column>,
    pub updated_at: Option<Column>,
    /// Asked in turn, as far as quantities don't say it: the first that knows its word decides.
    pub statuses: Vec<Status>,
    /// Of times without an offset.
    pub zone: TimeZone,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            encoding: Encoding::Auto,
            delimiter: b',',
            channel: Some(Column::optional("channel")),
            order_id: Column::required("order_id"),
            line: vec![Column::optional("line")],
            mall_key: vec![Column::required("mall_key")],
            key: KeyForm::default(),
            needs_key: false,
            ordered: Column::required("ordered"),
            cancelled: Some(Column::optional("cancelled")),
            shipped: Some(Column::optional("shipped")),
            ordered_at: vec![Column::required("ordered_at")],
            shipped_at: Some(Column::optional("shipped_at")),
            updated_at: Some(Column::optional("updated_at")),
            statuses: Vec::new(),
            zone: super::times::tokyo(),
        }
    }
}

/// Our names of the columns that a file may name otherwise.
pub const COLUMNS: [&str; 11] = [
    "channel",
    "order_id",
    "line",
    "mall_key",
    "ordered",
    "cancelled",
    "shipped",
    "ordered_at",
    "shipped_at",
    "updated_at",
    "status",
];

impl Profile {
    /// One of [`COLUMNS`] as the file names it, and must have it. What tells lines apart, the listing, and the time of
    /// ordering may stand in several, with `+` between them. A status has the words that the profile knows, and Ponpare
    /// Mall's where it knows none. Other names are left alone.
    pub fn rename(&mut self, ours: &str, theirs: &str) {
        let column = Column::required(theirs);
        let several =
            || theirs.split('+').map(str::trim).filter(|name| !name.is_empty()).map(Column::required).collect();
        match ours {
            "channel" => self.channel = Some(column),
            "order_id" => self.order_id = column,
            "line" => self.line = several(),
            "mall_key" => self.mall_key = several(),
            "ordered" => self.ordered = column,
            "cancelled" => self.cancelled = Some(column),
            "shipped" => self.shipped = Some(column),
            "ordered_at" => self.ordered_at = several(),
            "shipped_at" => self.shipped_at = Some(column),
            "updated_at" => self.updated_at = Some(column),
            "status" => match self.statuses.last_mut() {
                Some(status) => status.column = column,
                None => self.statuses.push(consoles::ponpare(theirs)),
            },
            _ => {}
        }
    }

    /// Other words in the column `status`.
    pub fn reword(&mut self, cancelled: Option<Vec<String>>, shipped: Option<Vec<String>>) {
        if let Some(status) = self.statuses.last_mut() {
            status.cancelled = cancelled.unwrap_or_else(|| status.cancelled.clone());
            status.shipped = shipped.unwrap_or_else(|| status.shipped.clone());
        }
    }
}

/// A column by its name in the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// A file without it can't be read.
    pub required: bool,
}

impl Column {
    pub fn required(name: impl Into<String>) -> Self {
        Self { name: name.into(), required: true }
    }

    pub fn optional(name: impl Into<String>) -> Self {
        Self { name: name.into(), required: false }
    }
}

/// A column with a word for how far an order (or its line) is. Words that are in neither list hold stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub column: Column,
    pub cancelled: Vec<String>,
    pub shipped: Vec<String>,
}

/// How the parts of a listing's key become the key that the hub knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// The parts that are there, with this between them.
    Joined { separator: String, lower_case: bool },
    /// 商品管理番号 in lower case, `/`, SKU管理番号 as it stands.
    Rakuten,
    /// `item:sub` in lower case, `item` where there is no sub code.
    Yahoo,
    /// Both codes in one word: lower case, half width, no doubled hyphens and none at the end.
    AuPay,
}

impl Default for KeyForm {
    fn default() -> Self {
        Self::Joined { separator: "/".into(), lower_case: false }
    }
}

impl KeyForm {
    /// `None`: the file names no listing.
    pub fn key(&self, parts: &[&str]) -> Option<String> {
        let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            return None;
        }
        let key = match self {
            Self::Joined { separator, lower_case } => {
                let key = parts.join(separator);
                if *lower_case { key.to_lowercase() } else { key }
            }
            // Before the shop had SKUs there is no second part, and no listing that it could mean.
            Self::Rakuten => match parts.as_slice() {
                [item, sku, ..] => format!("{}/{sku}", item.to_ascii_lowercase()),
                _ => return None,
            },
            Self::Yahoo => parts.join(":").to_lowercase(),
            Self::AuPay => one_word(&parts.concat()),
        };
        Some(key)
    }

    /// The key that a person means, who writes it in one word. `None`: nothing is written.
    pub fn spelled(&self, given: &str) -> Option<String> {
        match (self, given.trim().split_once('/')) {
            (Self::Rakuten, Some((item, sku))) => self.key(&[item, sku]),
            (Self::Rakuten, None) => None,
            _ => self.key(&[given]),
        }
    }
}

fn one_word(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for c in text.chars().map(narrow).flat_map(char::to_lowercase) {
        if c != '-' || !word.ends_with('-') {
            word.push(c);
        }
    }
    let length = word.trim_end_matches('-').len();
    word.truncate(length);
    word
}

/// The half-width form of a full-width letter, digit or sign.
pub(super) fn narrow(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}
