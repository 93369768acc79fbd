//! Before a server that answers what a test has it answer, and shows what it was asked.

use std::sync::Arc;

use serde_json::{Value, json};
use uriba_sdk::{Applied, Class, Mall, Update, Write, fake::ManualEnv};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers};

use crate::open::{TOKEN, opened, settings, window};

async fn answering(status: u16, body: Value) -> (MockServer, Box<dyn Mall>) {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(matchers::any()).respond_with(answer).mount(&server).await;
    let mall = opened(&settings(Some(&server.uri()), TOKEN), Arc::new(ManualEnv::new(1))).unwrap();
    (server, mall)
}

async fn asked(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn update(key: &str, write: Write) -> Update {
    Update { key: key.into(), handle: None, write }
}

#[tokio::test]
async fn every_question_is_a_post_with_the_protocol_in_it_and_the_token_in_a_header_only() {
    let (server, mall) = answering(200, json!({"protocol": 1})).await;
    let key = [uriba_sdk::mall::ListingKey { key: "a".into(), handle: Some("relative:7".into()) }];
    let ids = ["1".to_owned()];
    let extras = mall.extras();
    assert!(mall.pull(&window("2026-11-20T00:00:00Z", "2026-11-20T01:00:00Z", true)).await.is_err());
    assert!(mall.by_id(&ids).await.is_err());
    assert!(mall.push(&[update("a", Write::CompareAndSet { from: 5, to: 7 })]).await.is_err());
    assert!(mall.resolve(&ids).await.is_err());
    assert!(extras.readback.unwrap().read(&key).await.is_err());
    assert!(extras.tickets.unwrap().redeem(&ids).await.is_err());
    assert!(extras.catalogue.unwrap().list(Some("x y?&#")).await.is_err());
    assert!(extras.account.unwrap().account().await.is_err());
    let asked = asked(&server).await;
    let paths: Vec<_> = asked.iter().map(|request| request.url.path().to_owned()).collect();
    assert_eq!(paths, ["/pull", "/orders", "/push", "/resolve", "/read", "/tickets", "/catalogue", "/hello"]);
    for request in &asked {
        assert_eq!(request.method.as_str(), "POST");
        assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(body(request)["protocol"], 1);
        assert!(!request.url.as_str().contains(TOKEN) && request.url.query().is_none());
        assert!(!String::from_utf8_lossy(&request.body).contains(TOKEN));
    }
    let updates = json!([{"key": "a", "write": {"compare_and_set": {"from": 5, "to": 7}}}]);
    assert_eq!(body(&asked[2]), json!({"protocol": 1, "updates": updates}));
    assert_eq!(body(&asked[4]), json!({"protocol": 1, "items": [{"key": "a", "handle": "7"}]}));
    assert_eq!(body(&asked[6])["page"], "x y?&#");
}

#[tokio::test]
async fn windows_are_asked_for_in_whole_seconds_and_no_narrower() {
    let (server, mall) = answering(200, json!({"protocol": 1, "orders": []})).await;
    mall.pull(&window("2026-11-20T00:00:00.3Z", "2026-11-20T00:00:05.000001Z", false)).await.unwrap();
    mall.pull(&window("2026-11-20T00:00:01Z", "2026-11-20T00:00:05Z", false)).await.unwrap();
    let asked: Vec<_> = asked(&server).await.iter().map(body).collect();
    assert_eq!((&asked[0]["from"], &asked[0]["to"]), (&json!("2026-11-20T00:00:00Z"), &json!("2026-11-20T00:00:06Z")));
    assert_eq!((&asked[1]["from"], &asked[1]["to"]), (&json!("2026-11-20T00:00:01Z"), &json!("2026-11-20T00:00:05Z")));
}

#[tokio::test]
async fn closed_orders_that_a_program_sends_all_the_same_are_left_out() {
    let order = |id: &str, shipped: u32| {
        let line = json!({"id": "1", "key": "a", "ordered": 2, "shipped": shipped});
        json!({"id": id, "placed_at": "2026-11-20T00:00:00Z", "lines": [line]})
    };
    let (_server, mall) = answering(200, json!({"protocol": 1, "orders": [order("1", 2), order("2", 1)]})).await;
    let page = mall.pull(&window("2026-11-20T00:00:00Z", "2026-11-20T01:00:00Z", true)).await.unwrap();
    assert_eq!(page.orders.iter().map(|order| order.id.as_str()).collect::<Vec<_>>(), ["2"]);
    let all = mall.pull(&window("2026-11-20T00:00:00Z", "2026-11-20T01:00:00Z", false)).await.unwrap();
    assert_eq!(all.orders.len(), 2);
}

#[tokio::test]
async fn a_program_that_repeats_the_token_does_not_have_it_written_down() {
    let echo = format!("you sent Authorization: Bearer {TOKEN}");
    for (status, answer) in [
        (500, json!({"protocol": 1, "error": {"class": "transient", "message": echo, "code": TOKEN}})),
        (200, json!({"debug": echo})),
        (200, json!({"protocol": 1, "outcomes": [{"key": TOKEN, "outcome": "applied"}]})),
    ] {
        let (_server, mall) = answering(status, answer).await;
        let error = mall.push(&[update("a", Write::Absolute(1))]).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(TOKEN), "{error:?}");
    }
    let order = json!({"id": "1", "placed_at": echo, "lines": []});
    let (_server, mall) = answering(200, json!({"protocol": 1, "orders": [order]})).await;
    let page = mall.pull(&window("2026-11-20T00:00:00Z", "2026-11-20T01:00:00Z", false)).await.unwrap();
    assert_eq!(page.unread.len(), 1);
    assert!(!format!("{page:?}").contains(TOKEN), "{page:?}");
}

#[tokio::test]
async fn a_write_is_doubtful_unless_the_program_says_that_nothing_was_written() {
    for (applied, expected) in [("no", Applied::No), ("unknown", Applied::Unknown), ("maybe", Applied::Unknown)] {
        let (_server, mall) =
            answering(500, json!({"protocol": 1, "error": {"class": "transient", "applied": applied}})).await;
        let error = mall.push(&[update("a", Write::Relative(1))]).await.unwrap_err();
        assert_eq!(error.class, Class::Transient { applied: expected }, "{applied}");
    }
}

#[tokio::test]
async fn a_batch_rejected_for_nothing_or_for_a_stranger_is_not_understood() {
    for refused in [json!([]), json!([{"index": 1, "why": "busy"}])] {
        let (_server, mall) =
            answering(409, json!({"protocol": 1, "error": {"class": "rejected", "refused": refused}})).await;
        let error = mall.push(&[update("a", Write::Absolute(1))]).await.unwrap_err();
        assert_eq!(error.class.word(), "malformed", "{error}");
    }
}

#[tokio::test]
async fn the_address_keeps_its_path_and_plain_http_stays_on_this_machine() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"protocol": 1, "program": "p 1", "shop": "s"}));
    Mock::given(matchers::path("/shops/tea/hello")).respond_with(answer).mount(&server).await;
    let env = Arc::new(ManualEnv::new(1));
    let mall = opened(&settings(Some(&format!("{}/shops/tea/", server.uri())), TOKEN), env.clone()).unwrap();
    assert_eq!(mall.extras().account.unwrap().account().await.unwrap().shop, "s");
    let refused = |base: &str| opened(&settings(Some(base), TOKEN), env.clone()).err().map(|error| error.key);
    for base in ["http://10.0.0.7:9000", "http://sidecar.example", "ftp://127.0.0.1", "tea", "http://127.0.0.1.example"]
    {
        assert_eq!(refused(base).as_deref(), Some("base_url"), "{base}");
    }
    for base in ["https://sidecar.example/tea", "http://localhost:1", "http://[::1]:1", "http://127.0.0.2:1"] {
        assert_eq!(refused(base), None, "{base}");
    }
}

#[test]
fn a_token_is_long_enough_not_to_be_guessed_and_fits_into_a_header() {
    for token in ["fifteen-letters", "sixteen-letters\nor-two"] {
        let error = opened(&settings(None, token), Arc::new(ManualEnv::new(1))).err().expect(token);
        assert_eq!(error.key, "credentials.token");
        assert!(!error.to_string().contains(token));
    }
    assert!(opened(&settings(None, "sixteen-letters!"), Arc::new(ManualEnv::new(1))).is_ok());
}
