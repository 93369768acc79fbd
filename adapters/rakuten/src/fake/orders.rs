//! searchOrder and getOrder over the book.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde_json::{Value, json};
use uriba_sdk::fake::{BookOrder, Fault, Reply, Visit};

use super::{Shop, model};
use crate::time;

const DAY: i64 = 86_400;
/// searchOrder's own limits, written down once more: a fake that took them from the adapter would agree with it.
const SPAN: i64 = 63 * DAY;
const REACH_BACK: i64 = 730 * DAY;
const REACH: usize = 15_000;

pub fn search(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let mut check = Check::new("SEARCH_ORDER", &visit.request.body);
    check.integer("dateType", 1..=6);
    let now = shop.book.now().as_second();
    let (start, end) = (check.time("startDatetime"), check.time("endDatetime"));
    if start < now - REACH_BACK || end < start || end - start > SPAN {
        check.wrong("011", "startDatetime and endDatetime: the period");
    }
    let progress = check.progress_list();
    let (rows, page, descending) = check.paging();
    if let Some(reply) = check.complaint(&["orderNumberList", "PaginationResponseModel"]) {
        return reply;
    }
    let mut found: Vec<BookOrder> = shop.book.visible();
    found.retain(|it| {
        let at = it.order.placed_at.as_second();
        let listed = || progress.as_ref().is_none_or(|list| list.contains(&model::progress(&it.order, it)));
        start <= at && at <= end && listed()
    });
    found.sort_by_key(|it| (it.order.placed_at, it.number));
    if descending {
        found.reverse();
    }
    let total = found.len();
    let ids: Vec<String> =
        found.into_iter().take(REACH).skip((page - 1) * rows).take(rows).map(|it| it.order.id).collect();
    let ids = rows_by_fault(visit, ids);
    let number = |n: usize| if total == 0 { Value::Null } else { n.into() };
    let code = if total == 0 { "INFO_102" } else { "INFO_101" };
    Reply::json(
        200,
        &json!({
            "MessageModelList": [message("INFO", "SEARCH_ORDER", code, "検索しました")],
            "orderNumberList": ids,
            "PaginationResponseModel": {
                "totalRecordsAmount": number(total),
                "totalPages": number(total.div_ceil(rows)),
                "requestPage": number(page),
            },
        }),
    )
}

pub fn get(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let mut check = Check::new("GET_ORDER", &visit.request.body);
    check.version();
    let ids = check.order_numbers();
    if let Some(reply) = check.complaint(&["OrderModelList"]) {
        return reply;
    }
    let oldest = shop.book.now().as_second() - REACH_BACK;
    let visible = shop.book.visible();
    let (mut messages, mut models) = (Vec::new(), Vec::new());
    for (n, id) in ids.iter().enumerate() {
        let found = visible.iter().find(|it| it.order.id == *id && it.order.placed_at.as_second() >= oldest);
        let (code, text) = match found.filter(|_| n > 0 || !visit.has(&Fault::Partial)) {
            Some(found) => {
                models.push(model::encode(found, visit.has(&Fault::StaleRows), visit.has(&Fault::UnknownStatus)));
                ("INFO_101", "取得しました")
            }
            None => ("INFO_102", "取得できませんでした"),
        };
        let mut message = message("INFO", "GET_ORDER", code, text);
        message["orderNumber"] = id.as_str().into();
        messages.push(message);
    }
    let models = rows_by_fault(visit, models);
    Reply::json(200, &json!({"MessageModelList": messages, "OrderModelList": models, "version": 10}))
}

fn rows_by_fault<T: Clone>(visit: &Visit<'_>, mut rows: Vec<T>) -> Vec<T> {
    if visit.has(&Fault::DuplicateRows) {
        rows = rows.iter().flat_map(|row| [row.clone(), row.clone()]).collect();
    }
    if visit.has(&Fault::ShuffleRows) {
        rows.reverse();
    }
    rows
}

fn message(kind: &str, api: &str, code: &str, text: &str) -> Value {
    json!({"messageType": kind, "messageCode": format!("ORDER_EXT_API_{api}_{code}"), "message": text})
}

/// Reads a request as strictly as the mall, and collects what is wrong with it.
struct Check {
    api: &'static str,
    body: Value,
    errors: Vec<Value>,
}

impl Check {
    fn new(api: &'static str, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut check = Self { api, body, errors: Vec::new() };
        if !check.body.is_object() {
            check.wrong("011", "the body");
        }
        check
    }

    fn wrong(&mut self, code: &str, what: &str) {
        let text = format!("{what} が正しくありません");
        self.errors.push(message("ERROR", self.api, &format!("ERROR_{code}"), &text));
    }

    /// A field that must be there and have a value.
    fn required(&mut self, name: &str) -> Option<Value> {
        match self.body.get(name) {
            None => self.wrong("009", name),
            Some(value) if value.is_null() || *value == "" => self.wrong("010", name),
            Some(value) => return Some(value.clone()),
        }
        None
    }

    fn integer(&mut self, name: &str, range: RangeInclusive<i64>) {
        let value = self.required(name);
        if value.is_some_and(|value| !value.as_i64().is_some_and(|n| range.contains(&n))) {
            self.wrong("011", name);
        }
    }

    /// Exactly `2026-11-20T10:00:00+0900`.
    fn time(&mut self, name: &str) -> i64 {
        let Some(value) = self.required(name) else { return 0 };
        let text = value.as_str().filter(|text| text.len() == 24 && text.ends_with("+0900")).unwrap_or_default();
        let read = Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text).ok();
        match read.filter(|at| time::written(at.as_second()).as_deref() == Some(text)) {
            Some(at) => at.as_second(),
            None => {
                self.wrong("011", name);
                0
            }
        }
    }

    fn progress_list(&mut self) -> Option<Vec<i64>> {
        let list = self.body.get("orderProgressList")?.clone();
        let codes: Vec<i64> = list.as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        let known = |code: &i64| code % 100 == 0 && (100..=900).contains(code);
        if list.as_array().is_none_or(|list| list.len() != codes.len()) || !codes.iter().all(known) {
            self.wrong("011", "orderProgressList");
        }
        Some(codes)
    }

    /// Rows of a page, its number, and whether the newest order comes first.
    fn paging(&mut self) -> (usize, usize, bool) {
        let paging = self.body["PaginationRequestModel"].clone();
        if paging.is_null() {
            return (30, 1, false);
        }
        let number = |name: &str| paging[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let (rows, page) = (number("requestRecordsAmount"), number("requestPage"));
        let sort = &paging["SortModelList"][0];
        let sorted =
            sort.is_null() || (sort["sortColumn"] == 1 && matches!(sort["sortDirection"].as_i64(), Some(1 | 2)));
        if !(1..=1_000).contains(&rows) || !(1..=REACH).contains(&page) || !sorted {
            self.wrong("011", "PaginationRequestModel");
            return (30, 1, false);
        }
        (rows, page, sort["sortDirection"] == 2)
    }

    /// Asked for as a number by the reference; one public client sends text and is understood.
    fn version(&mut self) {
        let Some(version) = self.required("version") else { return };
        let number = version.as_u64().or_else(|| version.as_str()?.parse().ok());
        if !number.is_some_and(|number| (3..=10).contains(&number)) {
            self.wrong("011", "version");
        }
    }

    fn order_numbers(&mut self) -> Vec<String> {
        let list = self.required("orderNumberList");
        let given = list.as_ref().and_then(Value::as_array).map_or(0, Vec::len);
        let texts = list.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
        let ids: Vec<String> = texts.filter(|id| !id.is_empty()).map(str::to_owned).collect();
        if list.is_some() && (ids.len() != given || !(1..=100).contains(&given)) {
            self.wrong("011", "orderNumberList");
        }
        ids
    }

    /// 400 with everything that is wrong; what would hold the result is null.
    fn complaint(self, empty: &[&str]) -> Option<Reply> {
        if self.errors.is_empty() {
            return None;
        }
        let mut body = json!({"MessageModelList": self.errors});
        for name in empty {
            body[*name] = Value::Null;
        }
        Some(Reply::json(400, &body))
    }
}
