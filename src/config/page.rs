//! A TOML file read key by key, so that every problem has its line and none hides the next.
//!
//! Deserialising into structs would stop at the first mistake. Here a [`Section`] hands out its keys by name
//! and remembers which were asked for; what is left when it is closed is unknown, and is reported with the
//! nearest name that exists.

use std::{cell::RefCell, ops::Range, path::Path, time::Duration};

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    duration,
    problem::{Problem, Problems},
};

/// The file, and what was found wrong with it so far.
pub(super) struct Page<'a> {
    file: &'a Path,
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
}

/// A table of the file.
pub(super) struct Section<'a> {
    page: &'a Page<'a>,
    path: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

/// The value of one key.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    page: &'a Page<'a>,
    pub path: String,
    value: &'a DeValue<'a>,
    span: Range<usize>,
}

impl<'a> Page<'a> {
    pub fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text, problems: RefCell::default() }
    }

    /// The file as a table; syntax errors are problems like all others.
    pub fn parse(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or_default();
            self.report(Some(&span), "", format!("this is not TOML: {}", error.message()));
        }
        table
    }

    pub fn section(&'a self, table: &'a Spanned<DeTable<'a>>) -> Section<'a> {
        let (path, span) = (String::new(), 0..0);
        Section { page: self, path, table: table.get_ref(), span, asked: RefCell::default() }
    }

    pub fn line(&self, span: &Range<usize>) -> usize {
        let end = span.start.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub fn report(&self, span: Option<&Range<usize>>, path: &str, message: impl Into<String>) {
        let line = span.map(|span| self.line(span));
        self.problems.borrow_mut().push(Problem { line, key: path.to_owned(), message: message.into() });
    }

    pub fn problems(&self) -> Problems {
        Problems { file: self.file.to_owned(), all: self.problems.take() }
    }
}

impl<'a> Section<'a> {
    /// The value of a key that may be there.
    pub fn key(&self, name: &'static str) -> Option<Entry<'a>> {
        self.asked.borrow_mut().push(name);
        let (_, value) = self.table.iter().find(|(key, _)| key.get_ref() == name)?;
        Some(self.entry(name, value))
    }

    /// The value of a key that must be there.
    pub fn required(&self, name: &'static str, what: &str) -> Option<Entry<'a>> {
        let found = self.key(name);
        if found.is_none() {
            self.lacks(name, &format!("is required: {what}"));
        }
        found
    }

    /// All keys, for tables whose keys are the user's own names.
    pub fn all(&self) -> Vec<(&'a str, Entry<'a>)> {
        let table = self.table;
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), self.entry(key.get_ref(), value))).collect()
    }

    pub fn refuse(&self, message: &str) {
        self.page.report(Some(&self.span), &self.path, message);
    }

    /// A key that should stand here and doesn't.
    pub fn lacks(&self, name: &str, message: &str) {
        self.page.report(Some(&self.span), &joined(&self.path, name), message);
    }

    /// Whatever nobody asked for is not known here.
    pub fn close(self) {
        let asked = self.asked.borrow();
        for (key, _) in self.table.iter().filter(|(key, _)| !asked.contains(&key.get_ref().as_ref())) {
            let path = joined(&self.path, key.get_ref());
            let what = format!("is not a key here{}", hint(key.get_ref(), &asked));
            self.page.report(Some(&key.span()), &path, what);
        }
    }

    /// The same table under another path, which names its place better.
    pub fn named(mut self, path: String) -> Self {
        self.path = path;
        self
    }

    fn entry(&self, name: &str, value: &'a Spanned<DeValue<'a>>) -> Entry<'a> {
        Entry { page: self.page, path: joined(&self.path, name), value: value.get_ref(), span: value.span() }
    }
}

impl<'a> Entry<'a> {
    pub fn refuse(&self, message: impl Into<String>) {
        self.page.report(Some(&self.span), &self.path, message);
    }

    pub fn line(&self) -> usize {
        self.page.line(&self.span)
    }

    pub fn is_text(&self) -> bool {
        self.value.is_str()
    }

    pub fn is_list(&self) -> bool {
        self.value.as_array().is_some()
    }

    pub fn is_empty_list(&self) -> bool {
        self.value.as_array().is_some_and(|array| array.is_empty())
    }

    pub fn text(&self) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.refuse(format!("must be text in quotes, not {}", self.kind()));
        }
        text
    }

    /// Text that says something.
    pub fn words(&self) -> Option<&'a str> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.refuse("must not be empty");
            return None;
        }
        Some(text)
    }

    pub fn whole(&self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let number = self.value.as_integer();
        let number = number.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        let fits = number.filter(|number| range.contains(number));
        if fits.is_none() {
            let (from, to) = range.into_inner();
            let upper = if to == i64::MAX { String::new() } else { format!(" and at most {to}") };
            self.refuse(format!("must be a whole number, at least {from}{upper}"));
        }
        fits
    }

    pub fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.refuse(format!("must be true or false, not {}", self.kind()));
        }
        flag
    }

    /// A number above zero, at most `most`.
    pub fn positive(&self, most: f64) -> Option<f64> {
        let number = match self.value {
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n as f64),
            _ => None,
        };
        let fits = number.filter(|number| *number > 0.0 && *number <= most);
        if fits.is_none() {
            self.refuse(format!("must be a number above 0 and at most {most}"));
        }
        fits
    }

    pub fn duration(&self, least: Duration) -> Option<Duration> {
        let text = self.text()?;
        let Some(length) = duration::parse(text) else {
            self.refuse(format!(
                "{text:?} is not a duration: write whole numbers with d, h, m, s or ms, as in \"90s\" or \"1h30m\""
            ));
            return None;
        };
        if length < least {
            self.refuse(format!("{text:?} is too short: at least {}", duration::spell(least)));
            return None;
        }
        Some(length)
    }

    /// One of a few words.
    pub fn choice(&self, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text()?;
        let found = allowed.iter().find(|word| **word == text);
        if found.is_none() {
            self.refuse(format!("{text:?} is not known here{}", hint(text, allowed)));
        }
        found.copied()
    }

    pub fn section(&self) -> Option<Section<'a>> {
        let Some(table) = self.value.as_table() else {
            self.refuse(format!("must be a table, not {}", self.kind()));
            return None;
        };
        let (page, path, span) = (self.page, self.path.clone(), self.span.clone());
        Some(Section { page, path, table, span, asked: RefCell::default() })
    }

    pub fn list(&self) -> Vec<Entry<'a>> {
        let Some(array) = self.value.as_array() else {
            self.refuse(format!("must be a list, not {}", self.kind()));
            return Vec::new();
        };
        let here = |(index, item): (usize, &'a Spanned<DeValue<'a>>)| Entry {
            page: self.page,
            path: format!("{}[{index}]", self.path),
            value: item.get_ref(),
            span: item.span(),
        };
        array.iter().enumerate().map(here).collect()
    }

    fn kind(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }
}

/// What is allowed, led by the nearest to what was written.
pub(super) fn hint(written: &str, allowed: &[&str]) -> String {
    if allowed.is_empty() {
        return String::from("; nothing is allowed here");
    }
    let mut names: Vec<&str> = allowed.to_vec();
    names.sort_unstable();
    names.dedup();
    let nearest = names.iter().max_by(|a, b| closeness(written, a).total_cmp(&closeness(written, b)));
    let meant = nearest.filter(|name| closeness(written, name) > 0.8);
    let meant = meant.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default();
    format!("{meant}; allowed: {}", names.join(", "))
}

fn closeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(&a.to_lowercase(), b)
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
