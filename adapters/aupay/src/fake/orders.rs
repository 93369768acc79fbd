//! searchTradeInfoListProc and searchTradeInfoProc.

use std::collections::{BTreeMap, BTreeSet};

use uriba_sdk::{
    Order,
    fake::{Fault, Reply, Stage, Visit},
};

use super::{
    COUNT_IS_TOTAL, NEWEST_FIRST, SMALL_PAGES, UNKNOWN_ORDER_REFUSED,
    service::{self, BAD_PARAMETER, Service, failure},
    view::{self, OWN, View},
};
use crate::{jst, xml::element};

const KNOWN: &[&str] = &["shopId", "totalCount", "startCount", "startDate", "endDate", "dateType", "orderId"];
/// Names that a search takes, beside those that the shop made.
const STATUSES: &[&str] = &[
    "新規受付",
    "新規予約",
    "予約中",
    "発送前入金待ち",
    "与信待ち",
    "不正取引審査中",
    "審査保留",
    "発送待ち",
    "発送後入金待ち",
    "保留",
    "キャンセル受付中",
    "完了",
    "キャンセル",
    "審査NG",
    OWN,
    "入荷待ち",
];

pub fn list(service: &Service, visit: &Visit<'_>) -> Reply {
    let conditions = match service.conditions(visit.request) {
        Ok(conditions) => conditions,
        Err(reply) => return reply,
    };
    match Search::read(&conditions) {
        Ok(search) => search.answer(service, visit),
        Err(name) => failure(BAD_PARAMETER, &format!("{name}が不正です。")),
    }
}

pub fn one(service: &Service, visit: &Visit<'_>) -> Reply {
    let conditions = match service.conditions(visit.request) {
        Ok(conditions) => conditions,
        Err(reply) => return reply,
    };
    let (Some(id), 2) = (conditions.get("orderId"), conditions.len()) else {
        return failure(BAD_PARAMETER, "orderIdが不正です。");
    };
    let found = service.book.visible().into_iter().find(|found| found.order.id == *id);
    match found.map(|found| view::stated(found, visit.has(&Fault::StaleRows))) {
        Some((order, stage)) => {
            let view = View::of(service);
            let row = row(&view, &order, stage, visit);
            let twice = if visit.has(&Fault::DuplicateRows) { row.clone() } else { String::new() };
            service::answer(0, "", &format!("<resultCount>1</resultCount>{row}{twice}"))
        }
        // Made up: no client has seen what an unknown id is answered with.
        None if service.is(UNKNOWN_ORDER_REFUSED) => failure("TME0001", "該当する取引情報がありません。"),
        None => service::answer(0, "", "<resultCount>0</resultCount>"),
    }
}

fn row(view: &View, order: &Order, stage: Stage, visit: &Visit<'_>) -> String {
    let status = if visit.has(&Fault::UnknownStatus) { "星待ち" } else { view.status(order, stage) };
    view.order(order, status)
}

struct Search {
    rows: usize,
    start: usize,
    days: (String, String),
    id: Option<String>,
    statuses: BTreeSet<String>,
}

impl Search {
    fn read(conditions: &BTreeMap<String, String>) -> Result<Self, &'static str> {
        let value = |name: &str| conditions.get(name).map(String::as_str);
        let is_status =
            |name: &str| name.strip_prefix("orderStatus").is_some_and(|n| n.is_empty() || n.parse::<u8>().is_ok());
        if conditions.keys().any(|name| !KNOWN.contains(&name.as_str()) && !is_status(name)) {
            return Err("パラメータ");
        }
        let statuses = conditions.iter().filter(|(name, _)| is_status(name)).map(|(_, value)| value.clone());
        let statuses: BTreeSet<String> = statuses.collect();
        if statuses.iter().any(|status| !STATUSES.contains(&status.as_str())) {
            return Err("orderStatus");
        }
        let number = |name, most: usize| match value(name) {
            None => Ok(None),
            Some(text) => text.parse().ok().filter(|number| (1..=most).contains(number)).map(Some).ok_or(name),
        };
        if value("dateType").is_some_and(|kind| kind != "0") {
            return Err("dateType");
        }
        let days = (date(value("startDate")).ok_or("startDate")?, date(value("endDate")).ok_or("endDate")?);
        if days.0 > days.1 {
            return Err("startDate");
        }
        Ok(Self {
            rows: number("totalCount", 1_000)?.unwrap_or(10),
            start: number("startCount", usize::MAX)?.unwrap_or(1),
            days,
            id: conditions.get("orderId").cloned(),
            statuses,
        })
    }

    fn answer(&self, service: &Service, visit: &Visit<'_>) -> Reply {
        let view = View::of(service);
        let stale = visit.has(&Fault::StaleRows);
        let visible = service.book.visible().into_iter().map(|found| view::stated(found, stale));
        let mut hits: Vec<_> = visible.filter(|(order, stage)| self.finds(&view, order, *stage)).collect();
        // Within a minute the mall knows no order; the number decides.
        hits.sort_by_key(|(order, _)| (view::minute(order.placed_at), order.id.clone()));
        if service.is(NEWEST_FIRST) {
            hits.reverse();
        }
        let most = if service.is(SMALL_PAGES) { self.rows.min(100) } else { self.rows };
        let mut page: Vec<_> = hits.iter().skip(self.start - 1).take(most).collect();
        let count = if service.is(COUNT_IS_TOTAL) { hits.len() } else { page.len() };
        if visit.has(&Fault::ShuffleRows) {
            page.reverse();
        }
        if visit.has(&Fault::DuplicateRows) {
            page = page.iter().flat_map(|shown| [*shown, *shown]).collect();
        }
        let rows: String = page.into_iter().map(|(order, stage)| row(&view, order, *stage, visit)).collect();
        service::answer(0, "", &(element("resultCount", &count.to_string()) + &rows))
    }

    fn finds(&self, view: &View, order: &Order, stage: Stage) -> bool {
        let day = jst::day(order.placed_at);
        (self.days.0 <= day && day <= self.days.1)
            && self.id.as_ref().is_none_or(|id| *id == order.id)
            && (self.statuses.is_empty() || self.statuses.contains(view.status(order, stage)))
    }
}

/// `YYYYMMDD` or `YYYY-MM-DD`.
fn date(text: Option<&str>) -> Option<String> {
    let text = text.filter(|text| text.len() == 8 || (text.len() == 10 && text.matches('-').count() == 2))?;
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (digits.len() == 8 && jst::parse_end(&digits).is_some()).then_some(digits)
}
