//! orderList: the requests of a search, and the rows of an answer.
//!
//! Pages are taken by time and not by offset alone: the next page begins at the last second seen, less the
//! orders of that second that were seen. An order that leaves the filter between two pages would otherwise
//! pull its successors forward, and one of them would be in no page.
//!
//! A family has no search of its own. Its members are found by three conditions: the order that was split, by
//! its id; what names it as parent; and what names it as the order that was first placed, for splits of splits.
//! The mall wants an order id or a span of time in each search, so the last two walk in windows from the
//! order's time of placing to now. Families are small, so all of it is one page.

use std::collections::BTreeSet;

use jiff::Timestamp;
use quick_xml::escape::escape;
use uriba_sdk::{Head, Unread, card::days};

use crate::{
    card::{REACH, SPAN_MAX},
    jst,
    xml::{self, Element},
};

/// Rows per page. No upper limit is documented; clients ask for up to 2,000.
pub const PAGE: usize = 1_000;
/// Only what is named is returned.
const FIELDS: &str = "OrderId,OrderTime,LastUpdateTime";
/// 予約中, 処理中, 保留.
const OPEN: &str = "1,2,3";
/// 出荷不可, 出荷可, 出荷処理中.
const UNSHIPPED: &str = "0,1,2";
/// 分割元注文ID, 受注時注文ID.
const KINSHIP: [&str; 2] = ["ParentOrderId", "OriginalOrderId"];

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// One order.
    Id(&'a str),
    /// Orders placed up to `to`, all or only open ones.
    Placed { to: Timestamp, open_only: bool },
    /// Orders placed up to `to` that name `id` in the field `by`.
    Kin { by: &'static str, id: &'a str, to: Timestamp },
}

/// Where a page begins; travels as the page token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    from: Timestamp,
    /// Rows of the second `from` that earlier pages had.
    skip: usize,
}

impl Step {
    pub fn begin(from: Timestamp) -> Self {
        Self { from: jst::second(from), skip: 0 }
    }

    /// The request body of this page.
    pub fn request(&self, condition: Condition<'_>, seller_id: &str) -> String {
        let (own, to) = match condition {
            Condition::Id(id) => (element("OrderId", id), None),
            Condition::Placed { to, open_only: false } => (String::new(), Some(to)),
            Condition::Placed { to, open_only: true } => {
                (element("OrderStatus", OPEN) + &element("ShipStatus", UNSHIPPED), Some(to))
            }
            Condition::Kin { by, id, to } => (element(by, id), Some(to)),
        };
        let span = to
            .map(|to| element("OrderTimeFrom", &jst::compact(self.from)) + &element("OrderTimeTo", &jst::compact(to)));
        format!(
            "<Req><Search><Result>{PAGE}</Result><Start>{}</Start><Sort>+order_time</Sort>\
             <Condition>{}{own}</Condition><Field>{FIELDS}</Field></Search>{}</Req>",
            self.skip + 1,
            span.unwrap_or_default(),
            element("SellerId", seller_id)
        )
    }

    /// The page after the one that had these rows.
    pub fn next(self, rows: &Rows) -> Option<Self> {
        let count = rows.heads.len() + rows.unread.len();
        if count == 0 || self.skip + count >= rows.total {
            return None;
        }
        let times: Vec<Timestamp> = rows.heads.iter().filter_map(|head| head.placed_at).collect();
        Some(match times.iter().max().filter(|last| **last > self.from && times.len() == count) {
            Some(last) => Self { from: *last, skip: times.iter().filter(|time| *time == last).count() },
            None => Self { from: self.from, skip: self.skip + count },
        })
    }

    pub fn token(&self) -> String {
        format!("{}+{}", self.from.as_second(), self.skip)
    }

    pub fn from_token(token: &str) -> Option<Self> {
        let (from, skip) = token.split_once('+')?;
        let skip = skip.parse().ok().filter(|skip| *skip < usize::MAX / 2)?;
        Some(Self { from: Timestamp::from_second(from.parse().ok()?).ok()?, skip })
    }
}

/// The searches for the kin of an order, given what the search for itself found.
pub fn kin<'a>(id: &'a str, itself: &Rows, now: Timestamp) -> Vec<(Step, Condition<'a>)> {
    let placed_at = itself.heads.iter().filter_map(|head| head.placed_at).min();
    // The clocks of the mall's own machines may differ a little; a day is plenty.
    let mut from = placed_at.map_or(jst::earlier(now, REACH), |at| jst::earlier(at, days(1)));
    let mut searches = Vec::new();
    while from < now {
        let to = jst::later(from, SPAN_MAX).min(now);
        searches.extend(KINSHIP.map(|by| (Step::begin(from), Condition::Kin { by, id, to })));
        from = to;
    }
    searches
}

/// What one page holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Orders that match, from the page's begin on.
    pub total: usize,
    pub heads: Vec<Head>,
    pub unread: Vec<Unread>,
}

impl Rows {
    /// Takes in the rows of another search, each order once.
    pub fn add(&mut self, more: Self) {
        let known: BTreeSet<String> = self.heads.iter().map(|head| head.id.clone()).collect();
        self.heads.extend(more.heads.into_iter().filter(|head| !known.contains(&head.id)));
        self.unread.extend(more.unread);
    }
}

/// The rows of an answer, or what it lacks.
pub fn read(body: &[u8]) -> Result<Rows, String> {
    let root = xml::parse(body)?;
    let search = root.find("Search").filter(|_| matches!(root.name.as_str(), "Result" | "ResultSet"));
    let search = search.ok_or("the answer holds no search result")?;
    let total = search.value("TotalCount").and_then(|count| count.parse().ok());
    let mut rows = Rows { total: total.ok_or("the answer states no TotalCount")?, ..Rows::default() };
    for row in search.all("OrderInfo") {
        match head(row) {
            Some(head) if rows.heads.iter().any(|known| known.id == head.id) => {}
            Some(head) => rows.heads.push(head),
            None => rows.unread.push(Unread {
                order_id: None,
                mall_keys: Vec::new(),
                what: "OrderId is missing from a row of the list".into(),
                redacted: row.only(&["OrderInfo", "Index", "OrderId", "OrderTime", "LastUpdateTime"]),
            }),
        }
    }
    Ok(rows)
}

fn head(row: &Element) -> Option<Head> {
    let updated_at = row.value("LastUpdateTime").and_then(jst::parse);
    Some(Head {
        id: row.value("OrderId")?.to_owned(),
        placed_at: row.value("OrderTime").and_then(jst::parse),
        revision: updated_at.map(Timestamp::as_second),
    })
}

pub fn element(name: &str, value: &str) -> String {
    format!("<{name}>{}</{name}>", escape(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn page(total: usize, seconds: &[i64]) -> Rows {
        let begin = at("2026-11-01T00:00:00Z").as_second();
        let head = |(n, second): (usize, &i64)| Head {
            id: format!("s-{second}-{n}"),
            placed_at: Timestamp::from_second(begin + second).ok(),
            revision: None,
        };
        Rows { total, heads: seconds.iter().enumerate().map(head).collect(), unread: Vec::new() }
    }

    fn first() -> Step {
        Step::begin(at("2026-11-01T00:00:00.7Z"))
    }

    #[test]
    fn a_window_is_asked_for_in_japanese_time() {
        let to = at("2026-11-02T00:00:00Z");
        let body = first().request(Condition::Placed { to, open_only: true }, "a-shop");
        assert!(
            body.contains("<OrderTimeFrom>20261101090000</OrderTimeFrom><OrderTimeTo>20261102090000</OrderTimeTo>")
        );
        assert!(body.contains("<OrderStatus>1,2,3</OrderStatus><ShipStatus>0,1,2</ShipStatus>"), "{body}");
        assert!(body.contains("<Start>1</Start>") && body.contains("<SellerId>a-shop</SellerId>"), "{body}");
        let body = first().request(Condition::Id("s-<1>"), "a-shop");
        assert!(body.contains("<Condition><OrderId>s-&lt;1&gt;</OrderId></Condition>"), "{body}");
    }

    #[test]
    fn the_next_page_begins_in_the_last_second_seen() {
        let second = first().next(&page(9, &[1, 5, 5])).unwrap();
        assert_eq!((second.from, second.skip), (at("2026-11-01T00:00:05Z"), 2));
        assert_eq!(Step::from_token(&second.token()), Some(second));
        let same_second = second.next(&page(8, &[5, 5, 5])).unwrap();
        assert_eq!((same_second.from, same_second.skip), (second.from, 5));
        assert_eq!(same_second.next(&page(8, &[5, 6, 7])), None);
        assert_eq!(first().next(&page(9, &[])), None, "an empty page ends a search");
    }

    #[test]
    fn a_row_without_a_time_falls_back_to_counting() {
        let mut rows = page(9, &[1, 5]);
        rows.heads[0].placed_at = None;
        let next = first().next(&rows).unwrap();
        assert_eq!((next.from, next.skip), (at("2026-11-01T00:00:00Z"), 2));
    }

    #[test]
    fn kin_are_searched_in_windows_up_to_now() {
        let now = at("2026-12-10T00:00:00Z");
        let searches = |itself: &Rows| {
            let searches = kin("s-1", itself, now);
            let field = |(_, condition): &(Step, Condition<'_>)| match condition {
                Condition::Kin { by, to, .. } => (*by, *to),
                other => panic!("{other:?}"),
            };
            searches.iter().map(field).collect::<Vec<_>>()
        };
        let middle = at("2026-11-30T00:00:00Z");
        let expected = [(KINSHIP[0], middle), (KINSHIP[1], middle), (KINSHIP[0], now), (KINSHIP[1], now)];
        assert_eq!(searches(&page(1, &[0])), expected);
        assert_eq!(searches(&Rows::default()).len(), 6, "as far back as a search reaches");
    }

    #[test]
    fn a_foreign_token_is_refused() {
        for token in ["", "1", "1+", "+1", "a+1", "1+-1", "1+1+1", "99999999999999+1"] {
            assert_eq!(Step::from_token(token), None, "{token}");
        }
    }
}
