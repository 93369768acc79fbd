//! orderList: where a search stands, the request for its next page, and the rows of an answer.
//!
//! Pages are taken by time and not by offset alone: the next page begins at the last second seen, less the
//! orders of that second that were seen. An order that leaves the filter between two pages would otherwise
//! pull its successors forward, and one of them would be in no page.
//!
//! A family has no search of its own. Its members are found in three stages: the order that was split, by
//! [`Stage::Root`]; what names it as parent; and what names it as the order that was first placed, for splits
//! of splits. The mall wants an order id or a span of time in each search, so the last two walk in windows
//! from the root's time of placing to now.

use jiff::Timestamp;
use quick_xml::escape::escape;
use uriba_sdk::{Head, Query, Span, Unread, card::days};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Window,
    Root,
    Children,
    Descendants,
}

/// Where a search stands; travels as the page token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    stage: Stage,
    /// Begin of the window that is being walked.
    start: Timestamp,
    /// Begin of this page, within the window.
    from: Timestamp,
    /// Rows of the second `from` that earlier pages had.
    skip: usize,
}

impl Step {
    /// The step that a query asks for; `None` when its token is not one of ours.
    pub fn of(query: &Query) -> Option<Self> {
        match (&query.token, &query.span) {
            (Some(token), span) => Self::from_token(token).filter(|step| step.fits(span)),
            (None, Span::Window { from, .. }) => Some(Self::begin(Stage::Window, *from)),
            (None, Span::Family(_)) => Some(Self::begin(Stage::Root, Timestamp::UNIX_EPOCH)),
        }
    }

    /// The request body of this page.
    pub fn request(&self, query: &Query, seller_id: &str, now: Timestamp) -> String {
        let mut condition = match (self.stage, &query.span) {
            (Stage::Root, Span::Family(id)) => element("OrderId", id),
            (Stage::Children, Span::Family(id)) => element("ParentOrderId", id),
            (Stage::Descendants, Span::Family(id)) => element("OriginalOrderId", id),
            _ => String::new(),
        };
        if self.stage != Stage::Root {
            condition += &element("OrderTimeFrom", &jst::compact(self.from));
            condition += &element("OrderTimeTo", &jst::compact(self.until(&query.span, now)));
        }
        if self.stage == Stage::Window && query.open_only {
            condition += &(element("OrderStatus", OPEN) + &element("ShipStatus", UNSHIPPED));
        }
        format!(
            "<Req><Search><Result>{PAGE}</Result><Start>{}</Start><Sort>+order_time</Sort>\
             <Condition>{condition}</Condition><Field>{FIELDS}</Field></Search>{}</Req>",
            self.skip + 1,
            element("SellerId", seller_id)
        )
    }

    /// The step after the page that had these rows.
    pub fn next(self, rows: &Rows, query: &Query, now: Timestamp) -> Option<Self> {
        let count = rows.heads.len() + rows.unread.len();
        if self.stage != Stage::Root && count > 0 && self.skip + count < rows.total {
            return Some(self.further(rows, count));
        }
        match self.stage {
            Stage::Window => None,
            Stage::Root => {
                // The clocks of the mall's own machines may differ a little; a day is plenty.
                let placed_at = rows.heads.iter().filter_map(|head| head.placed_at).min();
                let start = placed_at.map_or(jst::earlier(now, REACH), |at| jst::earlier(at, days(1)));
                Some(Self::begin(Stage::Children, start))
            }
            Stage::Children => Some(Self::begin(Stage::Descendants, self.start)),
            Stage::Descendants => {
                let end = self.until(&query.span, now);
                (end < jst::second(now)).then(|| Self::begin(Stage::Children, end))
            }
        }
    }

    pub fn token(&self) -> String {
        let letter = match self.stage {
            Stage::Window => 'w',
            Stage::Root => 'r',
            Stage::Children => 'c',
            Stage::Descendants => 'd',
        };
        format!("{letter}.{}.{}.{}", self.start.as_second(), self.from.as_second(), self.skip)
    }

    fn from_token(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let stage = match parts.next()? {
            "w" => Stage::Window,
            "r" => Stage::Root,
            "c" => Stage::Children,
            "d" => Stage::Descendants,
            _ => return None,
        };
        let start = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
        let from = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
        let skip = parts.next()?.parse().ok().filter(|skip| *skip < usize::MAX / 2)?;
        parts.next().is_none().then_some(Self { stage, start, from, skip })
    }

    fn fits(&self, span: &Span) -> bool {
        (self.stage == Stage::Window) == matches!(span, Span::Window { .. })
    }

    fn begin(stage: Stage, start: Timestamp) -> Self {
        let start = jst::second(start);
        Self { stage, start, from: start, skip: 0 }
    }

    fn until(&self, span: &Span, now: Timestamp) -> Timestamp {
        match span {
            Span::Window { to, .. } => *to,
            Span::Family(_) => jst::second(jst::later(self.start, SPAN_MAX).min(now)),
        }
    }

    fn further(self, rows: &Rows, count: usize) -> Self {
        let times: Vec<Timestamp> = rows.heads.iter().filter_map(|head| head.placed_at).collect();
        match times.iter().max().filter(|last| **last > self.from && times.len() == count) {
            Some(last) => Self { from: *last, skip: times.iter().filter(|time| *time == last).count(), ..self },
            None => Self { skip: self.skip + count, ..self },
        }
    }
}

/// What one page holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Orders that match, from the page's begin on.
    pub total: usize,
    pub heads: Vec<Head>,
    pub unread: Vec<Unread>,
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

    fn window(token: Option<String>, open_only: bool) -> Query {
        let (from, to) = (at("2026-11-01T00:00:00.7Z"), at("2026-11-02T00:00:00Z"));
        Query { span: Span::Window { from, to }, open_only, token }
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

    #[test]
    fn a_window_is_asked_for_in_japanese_time() {
        let query = window(None, true);
        let body = Step::of(&query).unwrap().request(&query, "a-shop", query_now());
        assert!(
            body.contains("<OrderTimeFrom>20261101090000</OrderTimeFrom><OrderTimeTo>20261102090000</OrderTimeTo>")
        );
        assert!(body.contains("<OrderStatus>1,2,3</OrderStatus><ShipStatus>0,1,2</ShipStatus>"), "{body}");
        assert!(body.contains("<Start>1</Start>") && body.contains("<SellerId>a-shop</SellerId>"), "{body}");
    }

    fn query_now() -> Timestamp {
        at("2026-11-20T00:00:00Z")
    }

    #[test]
    fn the_next_page_begins_in_the_last_second_seen() {
        let query = window(None, false);
        let first = Step::of(&query).unwrap();
        let second = first.next(&page(9, &[1, 5, 5]), &query, query_now()).unwrap();
        assert_eq!((second.from, second.skip), (at("2026-11-01T00:00:05Z"), 2));
        let query = window(Some(second.token()), false);
        assert_eq!(Step::of(&query), Some(second));
        let same_second = second.next(&page(8, &[5, 5, 5]), &query, query_now()).unwrap();
        assert_eq!((same_second.from, same_second.skip), (second.from, 5));
        assert_eq!(same_second.next(&page(8, &[5, 6, 7]), &query, query_now()), None);
        assert_eq!(first.next(&page(9, &[]), &query, query_now()), None, "an empty page ends a search");
    }

    #[test]
    fn a_row_without_a_time_falls_back_to_counting() {
        let query = window(None, false);
        let mut rows = page(9, &[1, 5]);
        rows.heads[0].placed_at = None;
        let next = Step::of(&query).unwrap().next(&rows, &query, query_now()).unwrap();
        assert_eq!((next.from, next.skip), (at("2026-11-01T00:00:00Z"), 2));
    }

    #[test]
    fn a_family_is_searched_in_windows_up_to_now() {
        let query = Query { span: Span::Family("s-<1>".into()), open_only: false, token: None };
        let now = at("2026-12-10T00:00:00Z");
        let mut step = Step::of(&query).unwrap();
        assert!(step.request(&query, "s", now).contains("<Condition><OrderId>s-&lt;1&gt;</OrderId></Condition>"));
        let mut asked = Vec::new();
        let mut rows = page(1, &[0]);
        while let Some(next) = step.next(&rows, &query, now) {
            let body = next.request(&query, "s", now);
            asked.push(body.split("<Condition>").nth(1).unwrap().split('>').next().unwrap().to_owned());
            (step, rows) = (next, Rows::default());
        }
        assert_eq!(asked, ["<ParentOrderId", "<OriginalOrderId", "<ParentOrderId", "<OriginalOrderId"]);
    }

    #[test]
    fn a_foreign_token_is_refused() {
        for token in
            ["", "w", "x.1.1.1", "w.1.1", "w.1.1.1.1", "w.a.1.1", "c.1.1.0", "w.1.1.-1", "w.99999999999999.1.1"]
        {
            assert_eq!(Step::of(&window(Some(token.into()), false)), None, "{token}");
        }
    }
}
