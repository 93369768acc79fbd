//! Reservations as a shop's checkout sees them.

use serde_json::json;

use super::Api;
use crate::support::{SHOP, TestBase, on_every_database, seconds};

const PATH: &str = "/v1/reservations";

fn cart(id: &str, tea: i64) -> String {
    let lines = json!([{ "sku": "tea", "quantity": tea }]);
    json!({ "id": id, "channel": "web", "lines": lines, "ttl_seconds": 900 }).to_string()
}

#[tokio::test]
async fn a_checkout_reserves_confirms_and_finds_its_order() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 5).await;
        let api = Api::over(base).await;
        let held = api.post(PATH, &cart("c1", 2)).await.json(201);
        assert_eq!((&held["id"], &held["state"], &held["order_id"]), (&json!("c1"), &json!("held"), &json!(null)));
        assert_eq!(held["lines"], json!([{ "sku": "tea", "quantity": 2 }]));
        assert_eq!(api.post(PATH, &cart("c1", 2)).await.json(200), held);
        assert_eq!(api.get("/v1/reservations/c1").await.json(200), held);
        api.post(PATH, &cart("c1", 3)).await.problem(422, "id-reused");
        let confirmed = api.post("/v1/reservations/c1/confirm", r#"{"order_id":"A1"}"#).await.json(200);
        assert_eq!((&confirmed["state"], &confirmed["order_id"]), (&json!("confirmed"), &json!("A1")));
        assert_eq!(api.post("/v1/reservations/c1/confirm", r#"{"order_id":"A1"}"#).await.json(200), confirmed);
        let problem = api.post("/v1/reservations/c1/confirm", r#"{"order_id":"A2"}"#).await.problem(409, "confirmed");
        assert_eq!(problem["order_id"], "A1");
        api.ask("DELETE", "/v1/reservations/c1", &[], "").await.problem(409, "confirmed");
        assert_eq!(api.get("/v1/orders/web/A1").await.json(200)["unshipped"], 2);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_refused_with_what_is() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 5).await;
        let api = Api::over(base).await;
        let problem = api.post(PATH, &cart("c1", 6)).await.problem(409, "not-enough");
        assert_eq!(problem["lines"], json!([{ "sku": "tea", "quantity": 6, "available": 5 }]));
        assert_eq!(problem["detail"], "tea: 6 asked, 5 available");
        api.get("/v1/reservations/c1").await.problem(404, "not-found");
        api.post(PATH, &cart("c1", 5)).await.json(201);
    })
    .await;
}

#[tokio::test]
async fn a_release_ends_the_hold_once_and_for_good() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 5).await;
        let api = Api::over(base).await;
        api.post(PATH, &cart("c1", 5)).await.json(201);
        for _ in 0..3 {
            let reply = api.ask("DELETE", "/v1/reservations/c1?reason=3ds_failed", &[], "").await;
            assert_eq!(reply.status, 204, "{}", reply.text);
        }
        assert_eq!(api.get("/v1/reservations/c1").await.json(200)["reason"], "3ds_failed");
        let problem = api.post(PATH, &cart("c1", 5)).await.problem(409, "reservation-ended");
        assert_eq!(problem["state"], "released");
        api.post(PATH, &cart("c2", 5)).await.json(201);
        // It overtook its reserve.
        assert_eq!(api.ask("DELETE", "/v1/reservations/c3", &[], "").await.status, 204);
        api.post(PATH, &cart("c3", 1)).await.problem(409, "reservation-ended");
        api.ask("DELETE", "/v1/reservations/c2?reason=No+idea!", &[], "").await.problem(400, "bad-query");
    })
    .await;
}

#[tokio::test]
async fn a_late_confirm_is_an_order_only_while_stock_remains() {
    let base = TestBase::sqlite().await;
    base.open_till(&["a"], "tea", 5).await;
    let api = Api::over(&base).await;
    api.post(PATH, &cart("c1", 3)).await.json(201);
    base.env.advance(seconds(901));
    base.store.expire_reservations().await.unwrap();
    api.post(PATH, &cart("c2", 3)).await.json(201);
    let problem = api.post("/v1/reservations/c1/confirm", r#"{"order_id":"A1"}"#).await.problem(409, "not-enough");
    assert_eq!(problem["lines"][0]["available"], 2);
    api.ask("DELETE", "/v1/reservations/c2", &[], "").await;
    api.post("/v1/reservations/c1/confirm", r#"{"order_id":"A1"}"#).await.json(200);
    api.post("/v1/reservations/never/confirm", r#"{"order_id":"A1"}"#).await.problem(404, "not-found");
}

#[tokio::test]
async fn what_can_not_be_meant_is_refused_with_its_field() {
    let base = TestBase::sqlite().await;
    base.open_till(&["a"], "tea", 5).await;
    let api = Api::over(&base).await;
    let good: serde_json::Value = serde_json::from_str(&cart("c1", 1)).unwrap();
    let cases = [
        ("/id", json!(""), "id"),
        ("/channel", json!("nowhere"), "channel"),
        ("/channel", json!("a"), "channel"),
        ("/lines", json!([]), "lines"),
        ("/lines/0/quantity", json!(0), "lines[0].quantity"),
        ("/lines", json!([{ "sku": "tea", "quantity": 1 }, { "sku": "coffee", "quantity": 1 }]), "lines[1].sku"),
        ("/ttl_seconds", json!(0), "ttl_seconds"),
        ("/ttl_seconds", json!(5_184_001), "ttl_seconds"),
    ];
    for (pointer, value, field) in cases {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let problem = api.post(PATH, &body.to_string()).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert!(base.rows("SELECT id FROM reservation").await.is_empty());
}

#[tokio::test]
async fn a_suspended_shop_takes_no_new_checkouts_and_ends_the_old_ones() {
    let base = TestBase::sqlite().await;
    base.open_till(&["a"], "tea", 5).await;
    let api = Api::over(&base).await;
    api.post(PATH, &cart("c1", 1)).await.json(201);
    api.post("/v1/channels/web/suspend", "{}").await.json(202);
    api.post(PATH, &cart("c2", 1)).await.problem(409, "refused");
    let item = api.get("/v1/availability?sku=tea&channel=web").await.json(200)["items"][0].clone();
    assert_eq!((&item["sellable"], &item["available"]), (&json!(4), &json!(0)));
    api.post("/v1/reservations/c1/confirm", r#"{"order_id":"A1"}"#).await.json(200);
}

#[tokio::test]
async fn a_holder_gets_no_more_than_the_configuration_allows() {
    let base = TestBase::sqlite().await;
    base.open_till(&["a"], "tea", 50).await;
    let api = Api::with_holder_units(&base, 3).await;
    let by = |id: &str, tea: i64| {
        let mut body: serde_json::Value = serde_json::from_str(&cart(id, tea)).unwrap();
        body["holder"] = json!("customer-7");
        body.to_string()
    };
    api.post(PATH, &by("c1", 2)).await.json(201);
    let problem = api.post(PATH, &by("c2", 2)).await.problem(409, "holder-limit");
    assert_eq!((&problem["held"], &problem["limit"]), (&json!(2), &json!(3)));
    api.post(PATH, &cart("c3", 20)).await.json(201);
}

#[tokio::test]
async fn availability_tells_many_skus_from_one_moment() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 5).await;
        base.found("cup").await;
        base.receive("cup", SHOP, 7).await;
        base.pack("set", &[("cup", 2), ("tea", 1)]).await;
        base.found("ghost").await;
        let api = Api::over(base).await;
        api.post(PATH, &cart("c1", 2)).await.json(201);
        let path = "/v1/availability?sku=tea&sku=set&sku=cup&sku=ghost&channel=web";
        let items = api.get(path).await.json(200)["items"].clone();
        let expected = json!([
            { "sku": "tea", "sellable": 3, "available": 3, "offered": 5, "taken": 2, "stopped": false },
            { "sku": "set", "sellable": 3, "available": 3, "offered": null, "taken": null, "stopped": false },
            { "sku": "cup", "sellable": 7, "available": 7, "offered": 7, "taken": 0, "stopped": false },
            { "sku": "ghost", "sellable": null, "available": 0, "offered": null, "taken": 0, "stopped": false },
        ]);
        assert_eq!(items, expected);
        for (path, field) in [
            ("/v1/availability?channel=web", "sku"),
            ("/v1/availability?sku=tea", "channel"),
            ("/v1/availability?sku=tee&channel=web", "sku"),
            ("/v1/availability?sku=tea&channel=here", "channel"),
        ] {
            let problem = api.get(path).await.problem(400, "bad-query");
            assert_eq!(problem["errors"][0]["field"], field, "{path}");
        }
        for scope in ["read", "reserve"] {
            let secret = base.store.create_token(scope, &[scope], "test").await.unwrap();
            let bearer = format!("Bearer {secret}");
            assert_eq!(api.send("GET", path, &[("authorization", &bearer)], "").await.status, 200, "{scope}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_that_was_revoked_here_is_refused_at_once_and_elsewhere_within_a_second() {
    let base = TestBase::sqlite().await;
    base.open_till(&["a"], "tea", 5).await;
    let api = Api::over(&base).await;
    let other = base.another().await;
    for (name, revoker, wait) in [("here", &base.store, 0), ("elsewhere", &other, 1)] {
        let secret = base.store.create_token(name, &["read"], "test").await.unwrap();
        let bearer = format!("Bearer {secret}");
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(api.send("GET", "/v1/channels", &headers, "").await.status, 200);
        revoker.revoke_token(name, "test").await.unwrap();
        base.env.advance(seconds(wait));
        api.send("GET", "/v1/channels", &headers, "").await.problem(401, "unauthorized");
    }
}
