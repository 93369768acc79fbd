//! What the store lists: the stock file (在庫CSV), which the mall writes when asked to and hands out when it is done.
//!
//! The list of items by itself (myItemList) wants a search word or a store category, names an item once in each of its
//! categories, and leaves out what variations there are. The stock file names every code with every sub code, and no
//! titles.

use std::collections::{BTreeMap, BTreeSet};

use uriba_sdk::{Listed, Shelf};

use crate::stock;

/// The stock file, among the files that the mall writes (1 is the much larger file of items).
pub const STOCK: &str = "2";
/// The mall's word for a file that is not written yet.
pub const NOT_YET: &str = "pm-08003";
/// With one question in five seconds a quarter of an hour. Clients wait two minutes.
const ASKED_MAX: u32 = 180;

/// Where a listing stands: how often the file was asked for.
pub fn asked(token: Option<&str>) -> Result<u32, String> {
    let asked = token.map_or(Ok(0), str::parse).ok().filter(|asked| *asked <= ASKED_MAX);
    asked.ok_or_else(|| "not a page of the catalogue".into())
}

/// Nothing so far, and to be asked for again; `None` when it has been often enough.
pub fn later(asked: u32) -> Option<Shelf> {
    let next = Some(asked + 1).filter(|next| *next <= ASKED_MAX)?;
    Some(Shelf { items: Vec::new(), next: Some(next.to_string()) })
}

/// Every code of the file. It may be UTF-8 or Shift_JIS: separators and codes are the same bytes in both.
pub fn shelf(body: &[u8]) -> Result<Shelf, String> {
    // Whether the last row ends in a line's end is not known, but the names above them must.
    if !body.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Err("a file that ends in its first line".into());
    }
    let mut rows = rows(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    let head = rows.next().ok_or("an empty file")??;
    let place = |name: &str| head.iter().position(|field| field == name);
    let (code, sub) = (place("code").ok_or("a file without the column code")?, place("sub-code"));
    let mut items = BTreeMap::<String, BTreeSet<String>>::new();
    for row in rows {
        let row = row?;
        if row.len() != head.len() {
            return Err(format!("a row of {} fields under {} names", row.len(), head.len()));
        }
        let (code, sub) = (row[code].trim(), sub.map_or("", |sub| row[sub].trim()));
        if code.is_empty() {
            return Err("a row without code".into());
        }
        items.entry(code.to_owned()).or_default().insert(sub.to_owned());
    }
    let mut keys = BTreeSet::new();
    for (code, subs) in items {
        // An item with variations is sold by these only.
        let alone = subs.len() == 1;
        keys.extend(subs.iter().filter(|sub| alone || !sub.is_empty()).map(|sub| stock::key(&code, sub)));
    }
    let items = keys.into_iter().map(|key| Listed { key, ..Listed::default() }).collect();
    Ok(Shelf { items, next: None })
}

/// Rows of comma-separated fields, in quotes where they must be.
fn rows(mut rest: &[u8]) -> impl Iterator<Item = Result<Vec<String>, String>> {
    std::iter::from_fn(move || {
        while let Some(after) = rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r")) {
            rest = after;
        }
        if rest.is_empty() {
            return None;
        }
        let mut fields = vec![Vec::new()];
        let mut quoted = false;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            let field = fields.last_mut().expect("there is a first field");
            match byte {
                b'"' if quoted && rest.first() == Some(&b'"') => {
                    rest = &rest[1..];
                    field.push(b'"');
                }
                b'"' => quoted = !quoted,
                b',' if !quoted => fields.push(Vec::new()),
                b'\n' | b'\r' if !quoted => break,
                other => field.push(*other),
            }
        }
        if quoted {
            return Some(Err("a quote without an end".into()));
        }
        Some(Ok(fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(file: &[u8]) -> Result<Vec<String>, String> {
        shelf(file).map(|shelf| shelf.items.into_iter().map(|item| item.key).collect())
    }

    #[test]
    fn every_code_is_listed_once_with_its_variations_alone() {
        let file = b"code,sub-code,quantity,allow-overdraft\r\nTea-01,,5,0\r\ncup-02,,0,0\r\ncup-02,cup-02-Red,1,0\r\n\
                     cup-02,cup-02-blue,2,0\r\nTea-01,,5,0\r\n";
        assert_eq!(keys(file).unwrap(), ["cup-02:cup-02-blue", "cup-02:cup-02-red", "tea-01"]);
    }

    #[test]
    fn a_file_may_have_a_mark_quotes_other_columns_and_another_encoding() {
        let sjis = b"\x92\x83, \"\x94Z\x82\xa2\""; // 茶, "濃い"
        let escaped = sjis.iter().flat_map(|byte| vec![*byte; if *byte == b'"' { 2 } else { 1 }]);
        let escaped: Vec<u8> = escaped.collect();
        let file =
            [b"\xef\xbb\xbf\"name\",\"code\",\"new\"\n\"".as_slice(), &escaped, b"\",\"tea-01\",\"a\nb\"\n"].concat();
        assert_eq!(keys(&file).unwrap(), ["tea-01"]);
    }

    #[test]
    fn half_a_file_and_what_is_none_are_refused() {
        for file in [
            b"".as_slice(),
            b"{}",
            b"\xff\xfe",
            b"<html>",
            b"code,sub-code,quant",
            b"item,quantity\na,1\n",
            b"code,quantity\na,1\nb",
            b"code,quantity\n,1\n",
            b"code,quantity\n\"a,1\n",
        ] {
            assert!(keys(file).is_err(), "{}", String::from_utf8_lossy(file));
        }
        assert_eq!(keys(b"code,sub-code,quantity\r\n").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_never_comes_is_not_waited_for_for_ever() {
        assert_eq!(asked(None), Ok(0));
        assert_eq!(asked(later(0).unwrap().next.as_deref()), Ok(1));
        assert_eq!(later(ASKED_MAX), None);
        for token in ["", "x", "-1", "181", "+1x"] {
            assert!(asked(Some(token)).is_err(), "{token}");
        }
    }
}
