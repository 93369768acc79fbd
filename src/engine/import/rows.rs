//! What one row says, for each kind of file: read the same way in both passes.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{
    Figures, FileKind, Profile, bundles, listings,
    sheet::{Flaw, Known, Row, Sheet},
};
use crate::{
    domain::spelling,
    store::{core_files::CoreRules, imports::Figure, movements::QUANTITY_MAX, running::Running},
};

const fn required(name: &'static str) -> Known {
    Known { name, required: true }
}

const fn optional(name: &'static str) -> Known {
    Known { name, required: false }
}

const BOOK: &[Known] = &[
    required("location"),
    required("sku"),
    required("quantity"),
    optional("name"),
    optional("jan"),
    optional("as_of"),
];
const CUMULATIVE: &[Known] = &[required("location"), required("sku"), required("quantity"), optional("business_date")];
const INCREMENTAL: &[Known] = &[
    required("location"),
    required("sku"),
    required("quantity"),
    required("id"),
    optional("business_date"),
    optional("occurred_at"),
];
const HOLDBACKS: &[Known] = &[required("location"), required("sku"), required("quantity")];

pub(super) fn columns(kind: FileKind, figures: Figures) -> &'static [Known] {
    match (kind, figures) {
        (FileKind::Book, _) => BOOK,
        (FileKind::Sales | FileKind::Receipts, Figures::Cumulative) => CUMULATIVE,
        (FileKind::Sales | FileKind::Receipts, Figures::Incremental) => INCREMENTAL,
        (FileKind::Holdbacks, _) => HOLDBACKS,
        // They have a reader of their own.
        (FileKind::Orders, _) => &[],
        (FileKind::Bundles, _) => &bundles::COLUMNS,
        (FileKind::Listings, _) => &listings::COLUMNS,
    }
}

/// A count of the future would swallow whatever moves until then.
pub(super) const FUTURE: &str = "lies in the future: what moves until then would be lost";

/// A row that can be booked.
pub(super) enum Item {
    Figure(Figure),
    Running(Running),
}

/// How rows are read.
pub(super) struct Reader<'a> {
    pub kind: FileKind,
    pub profile: &'a Profile,
    pub rules: &'a CoreRules,
    /// When the file was made.
    pub made_at: Timestamp,
    /// The business date of rows that don't say their own.
    pub date: Option<Date>,
}

impl Reader<'_> {
    pub fn item(&self, row: &Row<'_>) -> Result<Item, Flaw> {
        match self.kind {
            FileKind::Sales | FileKind::Receipts => self.running(row).map(Item::Running),
            _ => self.figure(row).map(Item::Figure),
        }
    }

    /// What is wrong with the file as a whole.
    pub fn fault(&self, sheet: &Sheet<'_>) -> Option<Flaw> {
        let dated = matches!(self.kind, FileKind::Sales | FileKind::Receipts);
        let unknown = dated && self.date.is_none() && !sheet.has("business_date");
        unknown.then(|| {
            Flaw::whole(
                "nothing says of which business date the figures are: give a column business_date, or say when the \
                 file was made (--as-of)",
            )
        })
    }

    fn figure(&self, row: &Row<'_>) -> Result<Figure, Flaw> {
        let as_of = self.instant(row, "as_of")?;
        let text = |column| row.cell(column).map(|cell| spelling::code(cell).into_owned());
        Ok(Figure {
            line: row.line,
            location: name(row, "location")?,
            sku: name(row, "sku")?,
            name: text("name"),
            jan: text("jan"),
            quantity: quantity(row, 0)?,
            as_of,
        })
    }

    fn running(&self, row: &Row<'_>) -> Result<Running, Flaw> {
        let incremental = self.profile.figures == Figures::Incremental;
        let occurred_at = self.instant(row, "occurred_at")?;
        let date = match row.cell("business_date") {
            Some(cell) => date(cell).map_err(|message| Flaw::at(row.line, "business_date", message))?,
            None => occurred_at
                .map(|at| self.rules.days.date_of(at))
                .or(self.date)
                .ok_or_else(|| Flaw::at(row.line, "business_date", "is empty"))?,
        };
        if self.rules.days.begin(date) > self.made_at {
            let message = format!("{date} had not begun when the file was made, at {}", self.made_at);
            return Err(Flaw::at(row.line, "business_date", message));
        }
        Ok(Running {
            line: row.line,
            location: name(row, "location")?,
            sku: name(row, "sku")?,
            quantity: quantity(row, -QUANTITY_MAX)?,
            date,
            id: if incremental { Some(row.text("id")?.to_owned()) } else { None },
            occurred_at,
        })
    }

    fn instant(&self, row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, Flaw> {
        let Some(cell) = row.cell(column) else { return Ok(None) };
        let at = instant(cell, &self.rules.days.zone).map_err(|message| Flaw::at(row.line, column, message))?;
        if at > self.made_at {
            return Err(Flaw::at(row.line, column, FUTURE));
        }
        Ok(Some(at))
    }
}

pub(super) fn name(row: &Row<'_>, column: &str) -> Result<String, Flaw> {
    let code = spelling::code(row.text(column)?).into_owned();
    match spelling::fault(&code) {
        Some(fault) => Err(Flaw::at(row.line, column, fault)),
        None => Ok(code),
    }
}

fn quantity(row: &Row<'_>, least: i64) -> Result<i64, Flaw> {
    let quantity = row.number("quantity", least, QUANTITY_MAX)?;
    quantity.ok_or_else(|| Flaw::at(row.line, "quantity", "is empty"))
}

/// An instant as people and core systems write it: with an offset, or in the configured zone.
pub fn instant(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let dashed = text.replace('/', "-");
    let has_time = dashed.contains(':');
    let civil = dashed.parse::<DateTime>().ok().filter(|_| has_time);
    let instant = civil.and_then(|civil| civil.to_zoned(zone.clone()).ok());
    let wrong = || format!("{text:?} is no instant: write it as 2026-11-20T15:30:00+09:00, or 2026-11-20 15:30");
    instant.map(|zoned| zoned.timestamp()).ok_or_else(wrong)
}

fn date(text: &str) -> Result<Date, String> {
    let formats = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"];
    let date = formats.into_iter().find_map(|format| Date::strptime(format, text).ok());
    date.ok_or_else(|| format!("{text:?} is no date: write it as 2026-11-20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_an_offset_or_in_the_zone_and_never_from_a_date_alone() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let half_past_three = "2026-11-20T06:30:00Z".parse::<Timestamp>().unwrap();
        for text in ["2026-11-20T15:30:00+09:00", "2026-11-20 15:30", "2026/11/20 15:30:00", "2026-11-20T06:30Z"] {
            assert_eq!(instant(text, &tokyo), Ok(half_past_three), "{text}");
        }
        for text in ["2026-11-20", "15:30", "yesterday"] {
            assert!(instant(text, &tokyo).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_read_as_core_systems_write_them() {
        let day = jiff::civil::date(2026, 11, 20);
        for text in ["2026-11-20", "2026/11/20", "20261120"] {
            assert_eq!(date(text), Ok(day), "{text}");
        }
        for text in ["", "2026-13-01", "11/20", "2026-11-20 15:30"] {
            assert!(date(text).is_err(), "{text}");
        }
    }
}
