//! searchOrder: order numbers of a window, and how a window with more hits than can be reached is cut.
//!
//! The mall shows the first 15,000 hits of a search and no more. A [`Cut`] is the part of the window that is
//! being paged, and the page token is its text. A cut with too many hits is halved *before* any of its pages
//! counts, and reading goes on with the rest of the window after its last page, so no order is lost and the
//! engine sees nothing but pages. Neighbouring cuts share the second at which they meet: whether the mall
//! compares whole seconds is not documented, and an order read twice costs nothing. Pages are sorted by the
//! time of placing, so that orders placed meanwhile come last.

use serde_json::{Value, json};
use uriba_sdk::{Query, Span, Unread};

use crate::time;

/// Hits that a search can reach, and rows of a page (RakutenPayOrderAPI searchOrder).
const REACH: u64 = 15_000;
const ROWS: u64 = 1_000;
/// A page holds 1,000 numbers of some 30 bytes.
const BYTES_MAX: usize = 1 << 20;
/// Statuses whose orders hold stock: not confirmed, in the mall's hands, to ship, change or cancel unsettled.
pub const OPEN: [i64; 5] = [100, 200, 300, 400, 800];

/// Whole seconds since the epoch, both ends included, and a page of what lies between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    from: i64,
    to: i64,
    page: u64,
}

#[derive(Debug, Default)]
pub struct Hits {
    pub ids: Vec<String>,
    pub unread: Vec<Unread>,
    total: u64,
    pages: u64,
}

/// Where reading goes on.
#[derive(Debug, PartialEq, Eq)]
pub enum Onward {
    /// This answer holds nothing to keep: ask for that one instead.
    Instead(Cut),
    /// Keep this page; the next one, if any, is that.
    Then(Option<Cut>),
}

impl Cut {
    /// The cut that a query asks for: the one its token names, else the whole window.
    pub fn of(query: &Query) -> Result<Self, String> {
        let Span::Window { from, to } = &query.span else {
            return Err("Rakuten has no split orders to search by family".into());
        };
        let window = Self { from: from.as_second(), to: to.as_second(), page: 1 };
        let Some(token) = &query.token else { return Ok(window) };
        let cut = Self::parse(token).filter(|cut| window.from <= cut.from && cut.from <= cut.to && cut.to <= window.to);
        cut.ok_or_else(|| format!("the page token {token:?} is not of this window"))
    }

    pub fn token(self) -> String {
        format!("{}-{}/{}", self.from, self.to, self.page)
    }

    fn parse(token: &str) -> Option<Self> {
        let (cut, page) = token.split_once('/')?;
        let (from, to) = cut.split_once('-')?;
        Some(Self { from: from.parse().ok()?, to: to.parse().ok()?, page: page.parse().ok()? })
    }

    pub fn request(self, open_only: bool) -> Result<Value, String> {
        let written = |second| time::written(second).ok_or("the window is outside the calendar");
        let mut body = json!({
            "dateType": 1,
            "startDatetime": written(self.from)?,
            "endDatetime": written(self.to)?,
            "PaginationRequestModel": {
                "requestRecordsAmount": ROWS,
                "requestPage": self.page,
                "SortModelList": [{"sortColumn": 1, "sortDirection": 1}],
            },
        });
        if open_only {
            body["orderProgressList"] = json!(OPEN);
        }
        Ok(body)
    }

    /// What follows `hits`, which answered this cut of a window that ends at `end`.
    pub fn onward(self, hits: &Hits, query: &Query) -> Result<Onward, String> {
        let Span::Window { to: end, .. } = &query.span else { return Ok(Onward::Then(None)) };
        if hits.total > REACH {
            if self.to - self.from < 2 {
                return Err(format!("{} orders at {}, and {REACH} can be reached", hits.total, self.token()));
            }
            return Ok(Onward::Instead(Self { to: self.from.midpoint(self.to), page: 1, ..self }));
        }
        if self.page < hits.pages {
            return Ok(Onward::Then(Some(Self { page: self.page + 1, ..self })));
        }
        let rest = (self.to < end.as_second()).then_some(Self { from: self.to, to: end.as_second(), page: 1 });
        match rest {
            // An empty page in the middle of a window would look like its end.
            Some(rest) if hits.is_empty() => Ok(Onward::Instead(rest)),
            rest => Ok(Onward::Then(rest)),
        }
    }

    /// Reads the answer to this cut's request.
    pub fn read(self, body: &[u8]) -> Result<Hits, String> {
        if body.len() > BYTES_MAX {
            return Err(format!("a page of {} bytes", body.len()));
        }
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
        let paging = &body["PaginationResponseModel"];
        let rows = match &body["orderNumberList"] {
            Value::Array(rows) if paging.is_object() => rows.as_slice(),
            Value::Null if paging.is_object() && found_nothing(&body) => &[],
            _ => return Err("neither orderNumberList nor word that nothing was found".into()),
        };
        // With nothing found the mall writes null for all three.
        let number = |name: &str| match &paging[name] {
            Value::Null if rows.is_empty() => Ok(None),
            other => other.as_u64().map(Some).ok_or_else(|| format!("{name} is not a number")),
        };
        let total = number("totalRecordsAmount")?.unwrap_or(0);
        let pages = number("totalPages")?.unwrap_or(0);
        if number("requestPage")?.is_some_and(|page| page != self.page) {
            return Err(format!("another page than {}, which was asked for", self.page));
        }
        if total <= REACH && pages > total.div_ceil(ROWS) {
            return Err(format!("{pages} pages of {total} orders"));
        }
        let mut hits = Hits { total, pages, ..Hits::default() };
        rows.iter().for_each(|row| hits.add(row));
        Ok(hits)
    }
}

impl Hits {
    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.unread.is_empty()
    }

    fn add(&mut self, row: &Value) {
        match row.as_str().filter(|id| !id.is_empty()) {
            Some(id) => self.ids.push(id.to_owned()),
            None => self.unread.push(Unread {
                order_id: None,
                mall_keys: Vec::new(),
                what: "an order number that is not text".into(),
                redacted: row.as_i64().map(|number| number.to_string()).unwrap_or_default(),
            }),
        }
    }
}

fn found_nothing(body: &Value) -> bool {
    let messages = body["MessageModelList"].as_array();
    messages.is_some_and(|all| all.iter().any(|it| it["messageCode"] == "ORDER_EXT_API_SEARCH_ORDER_INFO_102"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(from: i64, to: i64) -> Query {
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        Query { span: Span::Window { from: at(from), to: at(to) }, open_only: false, token: None }
    }

    /// Pages a made-up mall with these placing times; returns what was kept and the number of searches.
    fn pages(placed: &[i64], from: i64, to: i64) -> Result<(Vec<usize>, usize), String> {
        let query = query(from, to);
        let (mut cut, mut kept, mut searches) = (Cut::of(&query)?, Vec::new(), 0);
        loop {
            searches += 1;
            let within = |at: &i64| cut.from <= *at && *at <= cut.to;
            let found: Vec<usize> = (0..placed.len()).filter(|n| within(&placed[*n])).collect();
            let page: Vec<usize> = found.iter().copied().skip((cut.page as usize - 1) * 1_000).take(1_000).collect();
            let total = found.len() as u64;
            let ids = page.iter().map(usize::to_string).collect();
            let hits = Hits { ids, unread: Vec::new(), total, pages: total.div_ceil(ROWS) };
            match cut.onward(&hits, &query)? {
                Onward::Instead(other) => cut = other,
                Onward::Then(next) => {
                    kept.extend(page);
                    let Some(next) = next else { break };
                    assert_eq!(Cut::parse(&next.token()), Some(next));
                    cut = next;
                }
            }
        }
        kept.sort_unstable();
        kept.dedup();
        Ok((kept, searches))
    }

    #[test]
    fn a_window_within_reach_is_paged_as_it_is() {
        let placed: Vec<i64> = (0..2_500).collect();
        assert_eq!(pages(&placed, 0, 10_000).unwrap(), ((0..2_500).collect(), 3));
    }

    #[test]
    fn a_window_beyond_reach_is_cut_until_every_order_is_read() {
        let spread: Vec<i64> = (0..40_000).map(|n| n * 100).collect();
        let (kept, searches) = pages(&spread, 0, 5_400_000).unwrap();
        assert_eq!(kept.len(), 40_000);
        assert!(searches < 55, "{searches}");
        let crowded: Vec<i64> = (0..40_000).map(|n| 5_300_000 + n / 4_000).collect();
        assert_eq!(pages(&crowded, 0, 5_400_000).unwrap().0.len(), 40_000);
    }

    #[test]
    fn a_second_with_more_orders_than_can_be_reached_is_said_to_be_so() {
        assert!(pages(&vec![77; 15_001], 0, 100).unwrap_err().contains("15001"));
    }

    #[test]
    fn a_token_of_another_window_is_refused() {
        let mut query = query(100, 200);
        for token in ["0-50/1", "150-250/1", "180-150/1", "nonsense", "100-200/x", ""] {
            query.token = Some(token.into());
            assert!(Cut::of(&query).is_err(), "{token}");
        }
    }
}
