//! What a command prints: results to standard output, everything else to standard error.

use std::io::Write;

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use serde::Serialize;

/// Prints as the user asked.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    /// The API's resources instead of words.
    pub json: bool,
}

impl Printer {
    /// A resource, or the words for it.
    pub fn item<T: Serialize>(self, item: &T, words: impl FnOnce(&T) -> String) {
        if self.json { json(item) } else { line(&words(item)) }
    }

    /// A list of resources, or a table of them; `none` is said where there is nothing.
    pub fn list<T: Serialize>(self, items: &[T], none: &str, words: impl FnOnce(&[T]) -> String) {
        if self.json {
            json(&items);
        } else if items.is_empty() {
            note(none);
        } else {
            line(&words(items));
        }
    }

    /// A sentence about what was done, for commands whose API call answers nothing.
    pub fn done(self, sentence: &str) {
        if !self.json {
            line(sentence);
        }
    }
}

/// For people who watch; never a part of the result.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One line of the result. A reader that has gone away (`| head`) ends the printing and is no error.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("resources have text keys only");
    line(&text);
}

/// Whole seconds are fine enough for people.
pub fn instant(at: Timestamp) -> String {
    const SECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
    SECONDS.timestamp_to_string(&at)
}

/// Nothing is shown as a dash.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `1 listing`, `2 listings`.
pub fn counted(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}
