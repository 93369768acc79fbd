//! Stock → the file that is uploaded. Pure.

use std::collections::BTreeMap;

use encoding_rs::SHIFT_JIS;
use jiff::{Timestamp, fmt::strtime, tz::TimeZone};
use serde::{Deserialize, Serialize};
use uriba_sdk::{Class, Outcome, Refusal, RefusedWhy, Update, Write};

use crate::card::{QUANTITY_MAX, WRITES_MAX};

/// Where the hub remembers what a full file has to repeat.
pub const MEMORY: &str = ".uriba-stock.json";

/// How a stock file is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Header and value; see [`Layout::columns`].
    pub columns: Vec<(String, String)>,
    pub name: String,
    pub zone: TimeZone,
    /// Between `{item}` and `{variation}` of a key.
    pub separator: String,
    pub is_full: bool,
    pub cp932: bool,
    /// UTF-8's byte order mark, without which Excel takes UTF-8 for CP932.
    pub mark: bool,
    pub line_end: &'static str,
}

const PLACEHOLDERS: [&str; 4] = ["{key}", "{quantity}", "{item}", "{variation}"];

impl Layout {
    /// `header=value,header=value`: values hold `{key}`, `{quantity}`, or the key's parts `{item}` and `{variation}`,
    /// and whatever else stays the same.
    pub fn columns(text: &str) -> Result<Vec<(String, String)>, String> {
        let column = |part: &str| {
            let (header, value) = part.split_once('=').ok_or_else(|| format!("{part:?} has no ="))?;
            let mut rest = value.trim().to_owned();
            PLACEHOLDERS.iter().for_each(|known| rest = rest.replace(known, ""));
            match rest.contains(['{', '}']) {
                true => Err(format!("{value:?} has braces around something else than {}", PLACEHOLDERS.join(", "))),
                false => Ok((header.trim().to_owned(), value.trim().to_owned())),
            }
        };
        let columns: Vec<(String, String)> = text.split(',').map(column).collect::<Result<_, _>>()?;
        let has = |name: &str| columns.iter().any(|(_, value)| value.contains(name));
        if !has("{quantity}") || !(has("{key}") || has("{item}")) {
            return Err("needs a value with {key} or {item}, and one with {quantity}".into());
        }
        Ok(columns)
    }

    /// The file. Errs with what can't be written in its encoding.
    pub fn encode(&self, rows: &[(String, i64)]) -> Result<Vec<u8>, String> {
        let line = |cells: Vec<String>| format!("{}{}", cells.join(","), self.line_end);
        let mut text = line(self.columns.iter().map(|(header, _)| quoted(header)).collect());
        for (key, quantity) in rows {
            text.push_str(&line(
                self.columns.iter().map(|(_, value)| quoted(&self.cell(value, key, *quantity))).collect(),
            ));
        }
        if self.cp932 {
            let (bytes, _, lossy) = SHIFT_JIS.encode(&text);
            return if lossy {
                Err(format!("CP932 has no letter for one in {}", text.trim()))
            } else {
                Ok(bytes.into_owned())
            };
        }
        Ok(if self.mark { format!("\u{feff}{text}") } else { text }.into_bytes())
    }

    fn cell(&self, value: &str, key: &str, quantity: i64) -> String {
        let (item, variation) = key.split_once(self.separator.as_str()).unwrap_or((key, ""));
        // The quantity first: a key may hold whatever it likes.
        let value = value.replace("{quantity}", &quantity.to_string());
        match value.as_str() {
            "{key}" => key.to_owned(),
            "{item}" => item.to_owned(),
            "{variation}" => variation.to_owned(),
            mixed => mixed.replace("{variation}", variation).replace("{item}", item).replace("{key}", key),
        }
    }

    fn writable(&self, key: &str) -> bool {
        !self.cp932 || !SHIFT_JIS.encode(key).2
    }

    /// The file's name; with a time in it, the `n`-th of that time.
    pub fn file_name(&self, now: Timestamp, n: u32) -> String {
        let name = strtime::format(&self.name, &now.to_zoned(self.zone.clone())).unwrap_or_else(|_| self.name.clone());
        if !self.is_dated() {
            return name;
        }
        match name.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem}-{n:03}.{extension}"),
            None => format!("{name}-{n:03}"),
        }
    }

    /// Several files may wait for their upload.
    pub fn is_dated(&self) -> bool {
        self.name.contains('%')
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

/// What a push comes to: its rows, and what is said of each update once they are written.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub rows: Vec<(String, i64)>,
    pub outcomes: Vec<Outcome>,
}

pub fn plan(updates: &[Update], layout: &Layout) -> Result<Plan, Class> {
    if updates.len() > WRITES_MAX {
        return Err(Class::Rejected { refused: Vec::new() });
    }
    let refused = |why, message: &str| Outcome::Refused(Refusal { why, code: None, message: message.into() });
    let (mut rows, mut outcomes) = (BTreeMap::new(), Vec::new());
    for (place, update) in updates.iter().enumerate() {
        let Write::Absolute(figure) = update.write else { return Err(Class::Rejected { refused: Vec::new() }) };
        if !(0..=QUANTITY_MAX).contains(&figure) {
            outcomes.push(refused(RefusedWhy::OutOfRange, "the card's range ends before that"));
        } else if !layout.writable(&update.key) {
            outcomes.push(refused(RefusedWhy::Other, "CP932 has no letter for one of this key: set stock_encoding"));
        } else {
            // One row for each listing, in the place of the last that is about it.
            rows.insert(update.key.clone(), (place, figure));
            outcomes.push(Outcome::Applied { now: None });
        }
    }
    let mut rows: Vec<_> = rows.into_iter().map(|(key, (place, figure))| (place, (key, figure))).collect();
    rows.sort_by_key(|(place, _)| *place);
    Ok(Plan { rows: rows.into_iter().map(|(_, row)| row).collect(), outcomes })
}

/// What was pushed so far, for files that state all of the stock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub listings: BTreeMap<String, Kept>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub quantity: i64,
    pub at: Timestamp,
}

impl Memory {
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    pub fn keep(&mut self, rows: &[(String, i64)], at: Timestamp) {
        let kept = rows.iter().map(|(key, quantity)| (key.clone(), Kept { quantity: *quantity, at }));
        self.listings.extend(kept);
    }

    /// Every row of a full file. An old figure is repeated less what the mall has sold since: the file must not put
    /// units back that are gone.
    pub fn rows(&self, sold_since: impl Fn(&str, Timestamp) -> i64) -> Vec<(String, i64)> {
        let row = |(key, kept): (&String, &Kept)| (key.clone(), (kept.quantity - sold_since(key, kept.at)).max(0));
        self.listings.iter().map(row).collect()
    }

    /// When the oldest figure was pushed.
    pub fn since(&self) -> Option<Timestamp> {
        self.listings.values().map(|kept| kept.at).min()
    }
}
