//! Own orders over HTTP: posted once, shipped, cancelled, taken back.

use serde_json::{Value, json};

use super::Api;
use crate::{
    store::own_orders::open_shop,
    support::{TestBase, line, on_every_database, order},
};

const TEA: &str =
    r#"{"channel":"own","order_id":"W-1","ordered_at":"2026-11-20T00:10:00Z","lines":[{"sku":"tea","quantity":3}]}"#;

fn figures(sheet: &Value) -> Value {
    let line = &sheet["lines"][0];
    json!([sheet["state"], line["ordered"], line["cancelled"], line["shipped"], line["returned"], line["unshipped"]])
}

#[tokio::test]
async fn an_order_is_posted_once_and_lives_to_its_return() {
    on_every_database(async |base| {
        open_shop(base).await;
        let api = Api::over(base).await;
        let sheet = api.post("/v1/orders", TEA).await.json(201);
        assert_eq!(figures(&sheet), json!(["open", 3, 0, 0, 0, 3]));
        assert_eq!((&sheet["ordered_at"], &sheet["fulfilled_by"]), (&json!("2026-11-20T00:10:00Z"), &json!("seller")));
        assert_eq!(api.post("/v1/orders", TEA).await.json(200), sheet);
        let problem = api.post("/v1/orders", &TEA.replace('3', "4")).await.problem(422, "id-reused");
        assert_eq!(problem["errors"][0]["field"], "order_id");
        let at = |deed: &str| format!("/v1/orders/own/W-1/{deed}");
        let sheet = api.post(&at("ship"), r#"{"lines":[{"sku":"tea","quantity":2}]}"#).await.json(200);
        assert_eq!(figures(&sheet), json!(["open", 3, 0, 2, 0, 1]));
        let sheet = api.post(&at("cancel"), "").await.json(200);
        assert_eq!(figures(&sheet), json!(["shipped", 3, 1, 2, 0, 0]));
        assert_eq!(sheet["lines"][0]["return_expected"], 2, "what has left is expected back");
        let back = r#"{"lines":[{"line":"tea","quantity":1}],"location":"warehouse","bin":"damaged"}"#;
        assert_eq!(figures(&api.post(&at("return"), back).await.json(200)), json!(["shipped", 3, 1, 2, 1, 0]));
        let sheet = api.post(&at("return"), "{}").await.json(200);
        assert_eq!((&sheet["lines"][0]["returned"], &sheet["lines"][0]["return_expected"]), (&json!(2), &json!(0)));
        assert_eq!(api.get("/v1/orders/own/W-1").await.json(200), sheet);
        assert_eq!(base.balances("tea", "warehouse").await["damaged"], 1);
        let log = api.get("/v1/log").await.json(200);
        let deeds: Vec<&Value> = log["items"].as_array().unwrap().iter().map(|line| &line["what"]).collect();
        assert_eq!(deeds[..4], ["order.return", "order.return", "order.cancel", "order.ship"]);
        assert_eq!(log["items"][3]["detail"], "tea × 2");
    })
    .await;
}

#[tokio::test]
async fn a_deed_sent_twice_under_one_key_is_done_once() {
    let base = TestBase::sqlite().await;
    open_shop(&base).await;
    let api = Api::over(&base).await;
    api.post("/v1/orders", TEA).await.json(201);
    let key = [("idempotency-key", "ship-1")];
    let body = r#"{"lines":[{"sku":"tea","quantity":1}]}"#;
    let first = api.ask("POST", "/v1/orders/own/W-1/ship", &key, body).await.json(200);
    assert_eq!(api.ask("POST", "/v1/orders/own/W-1/ship", &key, body).await.json(200), first);
    assert_eq!(base.in_shop("tea").await, 9);
    // The process died between the work and the answer: the work itself knows that it is done.
    base.execute("DELETE FROM answer WHERE idempotency_key LIKE 'api/%'").await.unwrap();
    assert_eq!(api.ask("POST", "/v1/orders/own/W-1/ship", &key, body).await.json(200), first);
    assert_eq!(base.in_shop("tea").await, 9);
    api.ask("POST", "/v1/orders/own/W-1/ship", &key, "{}").await.problem(422, "key-reused");
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_line_and_nothing_is_done() {
    let base = TestBase::sqlite().await;
    open_shop(&base).await;
    base.read("a", &[order("9", &[line("tea", 2)])]).await;
    let api = Api::over(&base).await;
    api.post("/v1/orders", TEA).await.json(201);
    let before = base.unshipped("tea").await;
    let post = async |change: &dyn Fn(&mut Value)| {
        let mut body: Value = serde_json::from_str(TEA).unwrap();
        body["order_id"] = json!("W-2");
        change(&mut body);
        api.post("/v1/orders", &body.to_string()).await
    };
    type Case<'a> = (&'a str, &'a dyn Fn(&mut Value));
    let cases: [Case<'_>; 7] = [
        ("lines[1].sku", &|body| {
            body["lines"] = json!([{ "sku": "tea", "quantity": 1 }, { "sku": "tee", "quantity": 1 }])
        }),
        ("lines[0].quantity", &|body| body["lines"][0]["quantity"] = json!(0)),
        ("lines[0].quantity", &|body| body["lines"][0]["quantity"] = json!(10_001)),
        ("lines", &|body| body["lines"] = json!([])),
        ("order_id", &|body| body["order_id"] = json!("")),
        ("ordered_at", &|body| body["ordered_at"] = json!("2030-01-01T00:00:00Z")),
        ("channel", &|body| body["channel"] = json!("nowhere")),
    ];
    for (field, change) in cases {
        let problem = post(change).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let problem = post(&|body| body["channel"] = json!("a")).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("its orders are read from there"), "{problem}");
    for (path, body, status, kind, says) in [
        ("a/9/ship", "{}", 409, "refused", "ship the order there"),
        ("a/9/cancel", "{}", 409, "refused", "cancel the order there"),
        ("own/W-1/ship", r#"{"lines":[{"sku":"tea","quantity":4}]}"#, 409, "refused", "only 3 is left to ship"),
        ("own/W-1/ship", r#"{"lines":[{"sku":"cup","quantity":1}]}"#, 422, "invalid", "it has: tea"),
        ("own/W-1/ship", r#"{"lines":[]}"#, 422, "invalid", "leave it out for the whole order"),
        ("own/W-1/ship", r#"{"lines":[{"quantity":1}]}"#, 422, "invalid", "either sku or line"),
        ("own/W-1/ship", r#"{"bin":"main"}"#, 422, "invalid", "unknown field `bin`"),
        ("own/W-1/return", "{}", 409, "refused", "nothing of order own/W-1 has shipped"),
        ("own/W-1/return", r#"{"bin":"attic"}"#, 422, "invalid", "is no bin"),
        ("own/W-7/ship", "{}", 404, "not-found", "there is no order"),
    ] {
        let problem = api.post(&format!("/v1/orders/{path}"), body).await.problem(status, kind);
        assert!(problem["detail"].as_str().unwrap().contains(says), "{path}: {problem}");
    }
    assert_eq!(base.unshipped("tea").await, before);
}

#[tokio::test]
async fn an_order_beyond_the_stock_is_taken_and_the_sku_says_by_how_much() {
    let base = TestBase::sqlite().await;
    open_shop(&base).await;
    let api = Api::over(&base).await;
    api.post("/v1/orders", &TEA.replace(":3}", ":12}")).await.json(201);
    base.recompute(&["a"]).await;
    assert_eq!(api.get("/v1/skus/tea").await.json(200)["pools"][0]["sellable"], -2);
    let items = api.get("/v1/attention").await.json(200);
    assert_eq!((&items["items"][0]["kind"], &items["items"][0]["sku"]), (&json!("oversold"), &json!("tea")));
}

#[tokio::test]
async fn a_token_of_the_shop_may_state_orders_and_nothing_else() {
    let base = TestBase::sqlite().await;
    open_shop(&base).await;
    let api = Api::over(&base).await;
    let shop = format!("Bearer {}", base.store.create_token("shop", &["reserve"], "test").await.unwrap());
    let send = async |method: &str, path: &str, body: &str| {
        api.send(method, path, &[("authorization", &shop)], body.as_bytes().to_vec()).await
    };
    send("POST", "/v1/orders", TEA).await.json(201);
    send("POST", "/v1/orders/own/W-1/ship", "").await.json(200);
    send("GET", "/v1/orders", "").await.problem(403, "insufficient-scope");
    send("POST", "/v1/stock/movements", "{}").await.problem(403, "insufficient-scope");
}

#[tokio::test]
async fn a_storefront_is_a_channel_without_lanes_to_worry_about_and_nothing_is_listed_on_it() {
    let base = TestBase::sqlite().await;
    open_shop(&base).await;
    let api = Api::over(&base).await;
    let sheet = api.get("/v1/channels/own").await.json(200);
    assert_eq!(
        (&sheet["mall"], &sheet["baseline"], &sheet["quotas"], &sheet["backlog"], &sheet["watermark"]),
        (&json!("storefront"), &json!("done"), &json!([]), &json!(0), &json!(null))
    );
    assert_eq!(sheet["health"]["orders"]["state"], "flowing");
    let body = json!([{ "channel": "own", "mall_key": "tea", "sku": "tea" }]).to_string();
    let problem = api.ask("PUT", "/v1/listings", &[], &body).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "[0].channel", "{problem}");
}
