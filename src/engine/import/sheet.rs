//! A CSV with a header row, read row by row, its columns found by name.

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};

use super::{Profile, Rejects};

/// Something wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub line: u64,
    pub column: Option<String>,
    pub message: String,
}

impl Flaw {
    pub fn whole(message: impl Into<String>) -> Self {
        Self { line: 1, column: None, message: message.into() }
    }

    pub fn at(line: u64, column: &str, message: impl Into<String>) -> Self {
        Self { line, column: Some(column.to_owned()), message: message.into() }
    }
}

/// A column that a kind of file knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub name: &'static str,
    pub required: bool,
}

/// Where each known column is in this file.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    text: &'a str,
    places: Vec<(&'static str, Option<usize>)>,
}

/// One row, its cells by our names.
pub(super) struct Row<'a> {
    pub line: u64,
    record: &'a StringRecord,
    places: &'a [(&'static str, Option<usize>)],
}

impl<'a> Sheet<'a> {
    /// Reads the header. Columns that nobody asked for are left alone: core systems write many.
    pub fn open(text: &'a str, profile: &Profile, known: &[Known]) -> Result<Self, Flaw> {
        let mut reader = reader(text);
        let header = reader.headers().map_err(|error| Flaw::whole(error.to_string()))?.clone();
        if header.iter().all(str::is_empty) {
            return Err(Flaw::whole("the file is empty: its first row must name the columns"));
        }
        let mut places = Vec::new();
        for column in known {
            let name = profile.columns.get(column.name).map_or(column.name, String::as_str);
            let mut found = header.iter().enumerate().filter(|(_, cell)| *cell == name);
            let place = found.next().map(|(index, _)| index);
            if found.next().is_some() {
                return Err(Flaw::at(1, column.name, format!("two columns are named {name:?}")));
            }
            if place.is_none() && column.required {
                let names: Vec<&str> = header.iter().collect();
                let message = format!("there is no column {name:?}; the header names: {}", names.join(", "));
                return Err(Flaw::at(1, column.name, message));
            }
            places.push((column.name, place));
        }
        Ok(Self { text, places })
    }

    /// Calls `each` with every row that has the right shape, and rejects every other.
    pub fn rows(&self, rejects: &mut Rejects, mut each: impl FnMut(&Row<'_>, &mut Rejects)) -> u64 {
        let mut walk = self.walk();
        let mut rows = 0;
        while let Some(row) = walk.next() {
            rows += 1;
            match row {
                Ok(row) => each(&row, rejects),
                Err(flaw) => rejects.flaw(flaw),
            }
        }
        rows
    }

    /// Whether the file has this column.
    pub fn has(&self, name: &str) -> bool {
        self.places.iter().any(|(known, place)| *known == name && place.is_some())
    }

    /// No more rows than this.
    pub fn lines(&self) -> usize {
        self.text.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    pub fn walk(&self) -> Walk<'a, '_> {
        Walk { reader: reader(self.text), record: StringRecord::new(), sheet: self }
    }
}

/// The rows at the caller's pace.
pub(super) struct Walk<'a, 'b> {
    reader: Reader<&'a [u8]>,
    record: StringRecord,
    sheet: &'b Sheet<'a>,
}

impl Walk<'_, '_> {
    /// The next row, or what is wrong with its shape; `None` at the end.
    pub fn next(&mut self) -> Option<Result<Row<'_>, Flaw>> {
        match self.reader.read_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => {
                let line = self.record.position().map_or(0, csv::Position::line);
                Some(Ok(Row { line, record: &self.record, places: &self.sheet.places }))
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                Some(Err(Flaw { line, column: None, message: shape(error.kind()) }))
            }
        }
    }
}

impl Row<'_> {
    /// The cell, or `None` where the file has no such column or nothing stands in it.
    pub fn cell(&self, name: &str) -> Option<&str> {
        let place = self.places.iter().find(|(known, _)| *known == name)?.1?;
        self.record.get(place).filter(|cell| !cell.is_empty())
    }

    /// A cell that must hold something.
    pub fn text(&self, name: &str) -> Result<&str, Flaw> {
        self.cell(name).ok_or_else(|| Flaw::at(self.line, name, "is empty"))
    }

    /// A whole number within bounds, if the cell holds anything.
    pub fn number(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Flaw> {
        let Some(cell) = self.cell(name) else { return Ok(None) };
        let parsed = cell.parse::<i64>().ok().filter(|number| (least..=most).contains(number));
        let wrong = || Flaw::at(self.line, name, format!("{cell:?} is not a whole number from {least} to {most}"));
        parsed.map(Some).ok_or_else(wrong)
    }
}

fn reader(text: &str) -> Reader<&[u8]> {
    ReaderBuilder::new().has_headers(true).flexible(false).trim(Trim::All).from_reader(text.as_bytes())
}

fn shape(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} cells where the header has {expected_len}")
        }
        other => format!("can't be read as CSV: {other:?}"),
    }
}
