//! searchTradeInfoListProc: its conditions, and its pages.
//!
//! The mall searches by days, so a window is asked for by the days it touches; what else was placed on these days comes
//! along and is welcome, since no search finds what changed.
//!
//! Pages are taken by offset, in an order that nobody documents and over a set that goes on living. Each page therefore
//! overlaps the one before by a few rows. When none of these shows, rows have moved, and the walk goes back a page.
//! `resultCount` may count this answer or all of them; both readings end at the same place.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    jst,
    orders::{OPEN, Rows},
};

/// Rows asked for per page. Clients ask for 100, 500 and 1,000.
pub const PAGE: usize = 500;
/// No client was answered with fewer rows than it asked for while there were more, and none asked for fewer than 100:
/// below that a page is the last one.
const PAGE_LEAST: usize = 100;
/// Rows that a page shares with the one before.
const OVERLAP: usize = 5;
/// How often one search goes back. An order of rows that is never twice the same would go back for ever.
const BACKS_MAX: u8 = 3;
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `name=value` pairs, with values in UTF-8 and everything but unreserved characters percent-encoded.
pub fn query(pairs: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

pub fn pair(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// Where a page begins; travels as the page token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The offset of the first row, from 1.
    start: usize,
    /// The last ids of the page before.
    tail: Vec<String>,
    backs: u8,
}

impl Step {
    pub fn begin() -> Self {
        Self { start: 1, tail: Vec::new(), backs: 0 }
    }

    /// The conditions of this page. With `own` statuses known, open orders can be asked for by name.
    pub fn conditions(&self, from: Timestamp, to: Timestamp, own: Option<&[String]>) -> Vec<(String, String)> {
        let mut pairs = vec![
            pair("totalCount", PAGE.to_string()),
            pair("startCount", self.start.to_string()),
            pair("startDate", jst::day(from)),
            pair("endDate", jst::day(to)),
            pair("dateType", "0"),
        ];
        let names = own.map(|own| OPEN.iter().map(|name| (*name).to_owned()).chain(own.iter().cloned()));
        for (n, name) in names.into_iter().flatten().enumerate() {
            let number = if n == 0 { String::new() } else { (n + 1).to_string() };
            pairs.push((format!("orderStatus{number}"), name));
        }
        pairs
    }

    /// What this page shares with the one before.
    pub fn known(&self) -> &[String] {
        &self.tail
    }

    /// On the first page a count without rows is right by neither reading.
    pub fn is_contradicted_by(&self, rows: &Rows) -> bool {
        self.start == 1 && rows.len() == 0 && rows.count.is_some_and(|count| count > 0)
    }

    /// The page after the one that had these rows. Ends on an empty page, on one with no new id, and where either
    /// reading of the count ends.
    pub fn next(&self, rows: &Rows) -> Option<Self> {
        let length = rows.len();
        let nothing_new = !self.tail.is_empty() && rows.ids.iter().all(|id| self.tail.contains(id));
        if length == 0 || nothing_new {
            return None;
        }
        let last = match rows.count {
            Some(total) if total > length => self.start - 1 + length >= total,
            _ => length < PAGE_LEAST,
        };
        let moved = !self.tail.is_empty() && !rows.ids.iter().any(|id| self.tail.contains(id));
        if moved && self.backs < BACKS_MAX {
            return Some(Self {
                start: self.start.saturating_sub(PAGE).max(1),
                tail: self.tail.clone(),
                backs: self.backs + 1,
            });
        }
        let shared = if length > OVERLAP { OVERLAP } else { 0 };
        let tail = rows.ids[rows.ids.len().saturating_sub(OVERLAP)..].to_vec();
        (!last).then(|| Self { start: self.start + length - shared, tail, backs: self.backs })
    }

    pub fn token(&self) -> String {
        format!("{}.{}.{}", self.start, self.backs, self.tail.join("-"))
    }

    pub fn from_token(token: &str) -> Option<Self> {
        let mut parts = token.splitn(3, '.');
        let start = parts.next()?.parse().ok().filter(|start| (1..usize::MAX / 2).contains(start))?;
        let backs = parts.next()?.parse().ok()?;
        let tail = parts.next()?.split('-').filter(|id| !id.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        (tail.len() <= OVERLAP).then_some(Self { start, tail, backs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(ids: std::ops::Range<usize>, count: usize) -> Rows {
        Rows { ids: ids.map(|n| n.to_string()).collect(), count: Some(count), ..Rows::default() }
    }

    /// Walks over `total` orders that the mall gives out `size` at a time, and says where each page began.
    fn walk(total: usize, size: usize, counts_all: bool) -> Vec<usize> {
        let (mut step, mut starts) = (Step::begin(), Vec::new());
        loop {
            let first = step.start - 1;
            starts.push(step.start);
            let ids = first.min(total)..(first + size).min(total);
            let rows = page(ids.clone(), if counts_all { total } else { ids.len() });
            match step.next(&rows) {
                Some(next) => step = Step::from_token(&next.token()).unwrap(),
                None => return starts,
            }
        }
    }

    #[test]
    fn either_reading_of_the_count_ends_after_the_last_row() {
        for counts_all in [false, true] {
            assert_eq!(walk(0, PAGE, counts_all), [1]);
            assert_eq!(walk(7, PAGE, counts_all), [1]);
            assert_eq!(walk(99, PAGE, counts_all), [1]);
            assert_eq!(walk(560, PAGE, counts_all), [1, 496]);
        }
        assert_eq!(walk(1_100, PAGE, true), [1, 496, 991]);
        // Nothing says that the last page is the last: one more shows nothing new.
        assert_eq!(walk(1_100, PAGE, false), [1, 496, 991, 1_096]);
        // A mall that gives fewer rows than were asked for.
        assert_eq!(walk(250, 100, false), [1, 96, 191]);
        assert_eq!(walk(250, 50, true), [1, 46, 91, 136, 181, 226]);
    }

    #[test]
    fn a_page_that_comes_again_ends_the_walk() {
        let full = page(0..PAGE, PAGE);
        let second = Step::begin().next(&full).unwrap();
        let again = Rows { ids: full.ids[PAGE - OVERLAP..].to_vec(), ..Rows::default() };
        assert_eq!(second.next(&again), None);
        assert!(Step::begin().is_contradicted_by(&page(0..0, 3)) && !second.is_contradicted_by(&page(0..0, 3)));
    }

    #[test]
    fn rows_that_moved_away_are_gone_back_for() {
        let second = Step::begin().next(&page(0..PAGE, PAGE)).unwrap();
        // Twenty orders left the list, so the second page begins behind the seam.
        let back = second.next(&page(PAGE + 15..2 * PAGE + 15, PAGE)).unwrap();
        assert_eq!((back.start, back.backs), (1, 1));
        assert_eq!(back.known(), second.known());
        let onward = back.next(&page(20..PAGE + 20, PAGE)).unwrap();
        assert_eq!((onward.start, onward.backs), (496, 1), "the seam shows, so the walk goes on");
        let mut lost = second;
        for turn in 0..10 {
            let Some(next) = lost.next(&page(10_000 * turn + 5_000..10_000 * turn + 5_300, 300)) else { return };
            assert!(next.backs <= BACKS_MAX);
            lost = next;
        }
    }

    #[test]
    fn a_window_is_asked_for_by_its_days_in_japan_and_names_are_encoded() {
        let (from, to) = ("2026-11-20T14:59:59Z".parse().unwrap(), "2026-11-20T15:00:00Z".parse().unwrap());
        let all = query(&Step::begin().conditions(from, to, None));
        assert_eq!(all, "totalCount=500&startCount=1&startDate=20261120&endDate=20261121&dateType=0");
        let open = query(&Step::begin().conditions(from, to, Some(&["取り寄せ中".to_owned()])));
        let first = "&orderStatus=%E6%96%B0%E8%A6%8F%E5%8F%97%E4%BB%98&orderStatus2=";
        assert!(open.contains(first), "{open}");
        assert!(open.ends_with("&orderStatus12=%E5%8F%96%E3%82%8A%E5%AF%84%E3%81%9B%E4%B8%AD"), "{open}");
    }

    #[test]
    fn a_foreign_token_is_refused() {
        for token in ["", "1", "0.0.", "x.0.", "1.-1.", "1.0", "99999999999999999999.0.", "1.0.1-2-3-4-5-6"] {
            assert_eq!(Step::from_token(token), None, "{token}");
        }
    }
}
