//! The fake refuses what the mall refuses: otherwise it would prove nothing about the adapter.

use serde_json::{Value, json};

use super::world;

const SEARCH: &str = "/es/2.0/order/searchOrder/";
const GET: &str = "/es/2.0/order/getOrder/";
const BULK_GET: &str = "/es/2.1/inventories/bulk-get";
const BULK_UPSERT: &str = "/es/2.1/inventories/bulk-upsert";
const JSON: &str = "application/json; charset=utf-8";

/// The code of an answer in any of the envelopes.
fn code(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let places =
        [&body["errors"][0]["code"], &body["Results"]["errorCode"], &body["MessageModelList"][0]["messageCode"]];
    let code = places.into_iter().find_map(Value::as_str).unwrap_or_default();
    code.replace("ORDER_EXT_API_", "")
}

fn search(change: impl Fn(&mut Value)) -> Value {
    let mut body = json!({
        "dateType": 1,
        "startDatetime": "2026-11-01T00:00:00+0900",
        "endDatetime": "2026-11-20T00:00:00+0900",
        "PaginationRequestModel": {"requestRecordsAmount": 1_000, "requestPage": 1},
    });
    change(&mut body);
    body
}

#[tokio::test]
async fn a_search_must_be_exactly_as_the_mall_wants_it() {
    let world = world().await;
    let with = |name: &'static str, value: Value| search(|body| body[name] = value.clone());
    let paging = |rows: u32, page: u32| {
        with("PaginationRequestModel", json!({"requestRecordsAmount": rows, "requestPage": page}))
    };
    let absent = search(|body| drop(body.as_object_mut().and_then(|fields| fields.remove("dateType"))));
    let table = [
        (200, "SEARCH_ORDER_INFO_102", search(|_| ())),
        (400, "SEARCH_ORDER_ERROR_009", absent),
        (400, "SEARCH_ORDER_ERROR_010", with("startDatetime", "".into())),
        (400, "SEARCH_ORDER_ERROR_011", with("startDatetime", "2026-11-01T00:00:00+09:00".into())),
        (400, "SEARCH_ORDER_ERROR_011", with("startDatetime", "2026-11-01T00:00:00Z".into())),
        (400, "SEARCH_ORDER_ERROR_011", with("startDatetime", "2026-11-01T00:00:00+0000".into())),
        (400, "SEARCH_ORDER_ERROR_011", with("startDatetime", "2026-11-01 00:00:00".into())),
        (400, "SEARCH_ORDER_ERROR_011", with("startDatetime", "2026-09-01T00:00:00+0900".into())),
        (400, "SEARCH_ORDER_ERROR_011", with("startDatetime", "2026-11-21T00:00:00+0900".into())),
        (400, "SEARCH_ORDER_ERROR_011", with("dateType", "1".into())),
        (400, "SEARCH_ORDER_ERROR_011", with("orderProgressList", json!([100, 150]))),
        (400, "SEARCH_ORDER_ERROR_011", paging(1_001, 1)),
        (400, "SEARCH_ORDER_ERROR_011", paging(1_000, 0)),
    ];
    for (status, expected, body) in table {
        let answer = world.post(SEARCH, JSON, &body.to_string()).await;
        assert_eq!((answer.status, code(&answer.body).as_str()), (status, expected), "{body}");
    }
}

#[tokio::test]
async fn an_order_request_must_have_a_version_a_charset_and_at_most_a_hundred_numbers() {
    let world = world().await;
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    let table = [
        (200, "GET_ORDER_INFO_102", JSON, json!({"orderNumberList": ["1"], "version": "10"})),
        (200, "GET_ORDER_INFO_102", "application/json;charset=UTF-8", json!({"orderNumberList": ["1"], "version": 7})),
        (415, "ES04-03", "application/json", json!({"orderNumberList": ["1"], "version": 10})),
        (400, "GET_ORDER_ERROR_009", JSON, json!({"orderNumberList": ["1"]})),
        (400, "GET_ORDER_ERROR_011", JSON, json!({"orderNumberList": ["1"], "version": 2})),
        (400, "GET_ORDER_ERROR_011", JSON, json!({"orderNumberList": [1], "version": 10})),
        (400, "GET_ORDER_ERROR_011", JSON, json!({"orderNumberList": [], "version": 10})),
        (400, "GET_ORDER_ERROR_011", JSON, json!({"orderNumberList": many, "version": 10})),
    ];
    for (status, expected, mime, body) in table {
        let answer = world.post(GET, mime, &body.to_string()).await;
        assert_eq!((answer.status, code(&answer.body).as_str()), (status, expected), "{body}");
    }
    let slashless = world.post(SEARCH.trim_end_matches('/'), JSON, &search(|_| ()).to_string()).await;
    world.fake.set_switch("slashless_order_paths_accepted", false);
    let refused = world.post(SEARCH.trim_end_matches('/'), JSON, &search(|_| ()).to_string()).await;
    assert_eq!((slashless.status, refused.status), (200, 404));
}

#[tokio::test]
async fn stock_requests_are_checked_entry_by_entry() {
    let world = world().await;
    let key = world.list(0, 5);
    let (item, variant) = key.split_once('/').expect("a pair");
    let entry = |mode: &str, quantity: Value| json!({"manageNumber": item, "variantId": variant, "mode": mode, "quantity": quantity});
    let pair = |item: &str, variant: Value| json!({"manageNumber": item, "variantId": variant});
    let many = |n: usize| (0..n).map(|n| pair("many", n.to_string().into())).collect::<Vec<_>>();
    let orphan = json!({"manageNumber": "gone", "variantId": "x", "mode": "RELATIVE", "quantity": 1});
    let table = [
        (BULK_GET, "IE1101", many(1_001)),
        (BULK_GET, "IE1102", vec![pair("TEA", "x".into()), pair("tea", "x".into())]),
        (BULK_GET, "IE0001", vec![]),
        (BULK_GET, "IE0001", vec![pair("tea", Value::Null)]),
        (BULK_GET, "IE0002", vec![pair("tea", "赤".into())]),
        (BULK_GET, "IE0004", vec![pair(&"t".repeat(33), "x".into())]),
        (BULK_UPSERT, "IE1101", many(401)),
        (BULK_UPSERT, "IE1102", vec![entry("ABSOLUTE", 1.into()), entry("ABSOLUTE", 1.into())]),
        (BULK_UPSERT, "IE0001", vec![entry("ABSOLUTE", Value::Null)]),
        (BULK_UPSERT, "IE0002", vec![entry("ABSOLUTE", "1".into())]),
        (BULK_UPSERT, "IE0002", vec![entry("absolute", 1.into())]),
        (BULK_UPSERT, "IE0003", vec![entry("ABSOLUTE", 100_000.into())]),
        (BULK_UPSERT, "IE0117", vec![entry("RELATIVE", (-6).into())]),
        (BULK_UPSERT, "IE0500", vec![orphan]),
    ];
    for (path, expected, entries) in table {
        let answer = world.post(path, JSON, &json!({"inventories": entries}).to_string()).await;
        assert_eq!((answer.status, code(&answer.body).as_str()), (400, expected), "{path}");
    }
    let answer = world.post(BULK_UPSERT, JSON, "").await;
    assert_eq!((answer.status, code(&answer.body).as_str()), (400, "GE0011"));
    assert_eq!(world.figure(&key), 5);
}
