//! Text → records of cells, by RFC 4180 and no more: a quote is where it belongs, or the record is broken.
//!
//! Readers that forgive a stray quote swallow the rows up to the next one, and nobody hears of the orders in them.
//! Here such a record is told as broken, and reading goes on with the next line of the file.

use std::borrow::Cow;

/// No row of an export is longer; an open quote is found out by this.
const RECORD_BYTES_MAX: usize = 64 << 10;

pub(super) struct Record<'a> {
    /// Where it begins; the first line is 1.
    pub line: u64,
    /// Without blanks around them.
    pub cells: Vec<Cow<'a, str>>,
}

#[derive(Debug)]
pub(super) struct Broken {
    pub line: u64,
    pub message: &'static str,
}

pub(super) struct Records<'a> {
    text: &'a str,
    delimiter: u8,
    at: usize,
    line: u64,
}

impl<'a> Records<'a> {
    pub fn new(text: &'a str, delimiter: u8) -> Self {
        Self { text, delimiter, at: 0, line: 1 }
    }

    /// The record's cells and where it ends, or why it has none.
    fn record(&self) -> Result<(Vec<Cow<'a, str>>, usize), &'static str> {
        let bytes = self.text.as_bytes();
        let (mut cells, mut at) = (Vec::new(), self.at);
        loop {
            let (cell, end) = if bytes.get(at) == Some(&b'"') { self.quoted(at)? } else { self.plain(at) };
            if end - self.at > RECORD_BYTES_MAX {
                return Err("is longer than any row: a quote may be missing");
            }
            cells.push(cell);
            match bytes.get(end) {
                Some(byte) if *byte == self.delimiter => at = end + 1,
                _ => return Ok((cells, after_break(bytes, end))),
            }
        }
    }

    fn plain(&self, from: usize) -> (Cow<'a, str>, usize) {
        let rest = &self.text.as_bytes()[from..];
        let ends = |byte: &u8| *byte == self.delimiter || matches!(byte, b'\n' | b'\r');
        let end = from + rest.iter().position(ends).unwrap_or(rest.len());
        (Cow::Borrowed(self.text[from..end].trim()), end)
    }

    fn quoted(&self, from: usize) -> Result<(Cow<'a, str>, usize), &'static str> {
        let bytes = self.text.as_bytes();
        let (mut at, mut doubled) = (from + 1, false);
        let close = loop {
            let most = bytes.len().min(self.at + RECORD_BYTES_MAX);
            match bytes.get(at..most).unwrap_or_default().iter().position(|byte| *byte == b'"') {
                None => return Err("has a quote that is never closed"),
                Some(found) if bytes.get(at + found + 1) == Some(&b'"') => {
                    doubled = true;
                    at += found + 2;
                }
                Some(found) => break at + found,
            }
        };
        let is_end = |byte: &u8| *byte == self.delimiter || matches!(byte, b'\n' | b'\r');
        if bytes.get(close + 1).is_some_and(|byte| !is_end(byte)) {
            return Err("has text behind a closing quote");
        }
        let inner = self.text[from + 1..close].trim();
        Ok((if doubled { Cow::Owned(inner.replace("\"\"", "\"")) } else { Cow::Borrowed(inner) }, close + 1))
    }

    fn go_to(&mut self, end: usize) {
        let passed = &self.text.as_bytes()[self.at..end];
        let lone = passed.windows(2).filter(|pair| pair[0] == b'\r' && pair[1] != b'\n').count();
        let last = usize::from(passed.last() == Some(&b'\r'));
        self.line += (passed.iter().filter(|byte| **byte == b'\n').count() + lone + last) as u64;
        self.at = end;
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.text.len() {
            return None;
        }
        let line = self.line;
        match self.record() {
            Ok((cells, end)) => {
                self.go_to(end);
                Some(Ok(Record { line, cells }))
            }
            Err(message) => {
                let rest = &self.text.as_bytes()[self.at..];
                let line_end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
                self.go_to(after_break(self.text.as_bytes(), self.at + line_end));
                Some(Err(Broken { line, message }))
            }
        }
    }
}

fn after_break(bytes: &[u8], at: usize) -> usize {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => at + 2,
        (Some(_), _) => at + 1,
        (None, _) => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Result<(u64, Vec<String>), u64>> {
        let told = |record: Result<Record<'_>, Broken>| match record {
            Ok(record) => Ok((record.line, record.cells.iter().map(ToString::to_string).collect())),
            Err(broken) => Err(broken.line),
        };
        Records::new(text, b',').map(told).collect()
    }

    fn row(line: u64, cells: &[&str]) -> Result<(u64, Vec<String>), u64> {
        Ok((line, cells.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn lines_end_in_every_way_and_quotes_hold_them() {
        let whole = "a,\"b\nc\",\"d\"\"e\"\r\n1, 2 ,3\r4,5,6\n7,,\"\"";
        let expected = [
            row(1, &["a", "b\nc", "d\"e"]),
            row(3, &["1", "2", "3"]),
            row(4, &["4", "5", "6"]),
            row(5, &["7", "", ""]),
        ];
        assert_eq!(all(whole), expected);
    }

    #[test]
    fn a_stray_quote_spoils_its_own_line_and_no_other() {
        assert_eq!(all("1,\"x\n2,y\n3,z\n"), [Err(1), row(2, &["2", "y"]), row(3, &["3", "z"])]);
        assert_eq!(all("1,\"x\n2,\"y\n3,z\n"), [Err(1), Err(2), row(3, &["3", "z"])]);
        assert_eq!(all("1,x\"\n2,y\n"), [row(1, &["1", "x\""]), row(2, &["2", "y"])]);
    }

    #[test]
    fn an_open_quote_is_looked_for_only_so_far() {
        let long = format!("1,\"{}\n2,y\n", "x".repeat(RECORD_BYTES_MAX + 10));
        assert_eq!(all(&long), [Err(1), row(2, &["2", "y"])]);
    }
}
