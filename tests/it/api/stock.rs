//! Stock over HTTP: SKUs, ledger, movements, files.

use serde_json::json;

use super::Api;
use crate::support::{TestBase, line, on_every_database, order};

#[tokio::test]
async fn a_sku_shows_what_there_is_and_what_every_channel_makes_of_it() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        base.map("a", "tea-3", "tea", 3).await;
        base.observe("a", "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.recompute(&["a", "b"]).await;
        let api = Api::over(base).await;
        let sheet = api.get("/v1/skus/tea").await.json(200);
        let pool = &sheet["pools"][0];
        assert_eq!(
            (&pool["pool"], &pool["on_hand"], &pool["unshipped"], &pool["sellable"]),
            (&json!("online"), &json!(10), &json!(2), &json!(8))
        );
        // Ten can still be sold unseen on a; what b shows is not known yet.
        let asked =
            json!({ "mode": "shared", "settled": false, "units": 10, "bound": 2, "wish": "shared", "by": "pool" });
        assert_eq!(pool["exposure"], asked);
        let listings = sheet["listings"].as_array().unwrap();
        let brief: Vec<_> = listings
            .iter()
            .map(|listing| {
                json!([
                    listing["channel"],
                    listing["mall_key"],
                    listing["units"],
                    listing["target"],
                    listing["ceiling"]
                ])
            })
            .collect();
        let expected =
            [json!(["a", "tea", 1, 8, 10]), json!(["a", "tea-3", 3, 2, null]), json!(["b", "tea", 1, 8, null])];
        assert_eq!(brief, expected);
        assert_eq!(listings[2]["state"], "unknown", "its key has not been looked up");
        assert_eq!(api.get("/v1/skus").await.json(200)["items"], json!([sheet]));
        api.get("/v1/skus/coffee").await.problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn a_sku_that_nobody_has_counted_has_no_figure() {
    let base = TestBase::sqlite().await;
    base.open_channels(&["a"]).await;
    base.list(&["a"], "tea").await;
    let sheet = Api::over(&base).await.get("/v1/skus/tea").await.json(200);
    assert_eq!((&sheet["pools"][0]["on_hand"], &sheet["pools"][0]["sellable"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn a_movement_is_created_once_and_stands_in_the_ledger() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 0).await;
        let api = Api::over(base).await;
        let body = json!({ "key": "r1", "kind": "receipt", "sku": "tea", "location": "shinjuku", "quantity": 4, "reason": "order 7" });
        assert_eq!(api.post("/v1/stock/movements", &body.to_string()).await.json(201)["quantity"], 4);
        api.post("/v1/stock/movements", &body.to_string()).await.json(200);
        let mut other = body.clone();
        other["quantity"] = json!(5);
        let problem = api.post("/v1/stock/movements", &other.to_string()).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "key");
        for (field, value) in
            [("sku", json!("tee")), ("location", json!("osaka")), ("quantity", json!(0)), ("bin", json!("attic"))]
        {
            let mut wrong = body.clone();
            wrong[field] = value;
            wrong["key"] = json!("r2");
            let problem = api.post("/v1/stock/movements", &wrong.to_string()).await.problem(422, "invalid");
            assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        }
        api.post("/v1/stock/movements", r#"{"key":"r3","kind":"theft"}"#).await.problem(422, "invalid");
        let page = api.get("/v1/skus/tea/ledger?limit=1").await.json(200);
        let entry = &page["items"][0];
        assert_eq!(
            (&entry["kind"], &entry["quantity"], &entry["source"], &entry["reason"]),
            (&json!("receipt"), &json!(4), &json!("by token chief"), &json!("order 7"))
        );
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = api.get(&format!("/v1/skus/tea/ledger?cursor={cursor}")).await.json(200);
        assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &json!(null)));
    })
    .await;
}

#[tokio::test]
async fn a_book_is_taken_in_over_http_once() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let api = Api::over(base).await;
        let path = "/v1/stock/imports?kind=book&as_of=2026-11-20T00:30:00Z";
        let csv = "location,sku,quantity\nshinjuku,tea,8\nshinjuku,cup,2\n";
        let trial = api.post(&format!("{path}&dry_run=true"), csv).await.json(200);
        assert_eq!((&trial["id"], &trial["booked"], &trial["created"]), (&json!(null), &json!(2), &json!(2)));
        let report = api.post(path, csv).await.json(200);
        assert_eq!((&report["state"], &report["rows"], &report["booked"]), (&json!("booked"), &json!(2), &json!(2)));
        assert_eq!(report["rejected"], json!([]));
        assert_eq!(api.post(path, csv).await.json(200)["state"], "unchanged");
        let page = api.get("/v1/stock/imports").await.json(200);
        assert_eq!((page["items"].as_array().unwrap().len(), &page["items"][0]["id"]), (1, &report["id"]));
        let problem = api.post(path, "location,sku,quantity\nshinjuku,tea,many\n").await.problem(422, "rows-rejected");
        assert_eq!((&problem["state"], &problem["rows"]), (&json!("refused"), &json!(1)));
        assert_eq!(
            (&problem["rejected"][0]["line"], &problem["rejected"][0]["column"]),
            (&json!(2), &json!("quantity"))
        );
        assert_eq!(problem["errors"][0]["field"], "quantity");
        api.post("/v1/stock/imports?kind=sails", csv).await.problem(400, "bad-query");
        let problem = api.post("/v1/stock/imports", csv).await.problem(400, "bad-query");
        assert_eq!(problem["errors"][0]["field"], "kind");
        let problem = api.post("/v1/stock/imports?kind=book&as_of=noon", csv).await.problem(400, "bad-query");
        assert_eq!(problem["errors"][0]["field"], "as_of");
        api.post("/v1/stock/imports?kind=book&profile=core", csv).await.problem(400, "bad-query");
        api.post("/v1/stock/imports?kind=book&as_of=2030-01-01T00:00:00Z", csv).await.problem(400, "bad-query");
    })
    .await;
}

#[tokio::test]
async fn an_export_of_a_malls_orders_is_taken_in_over_http_for_the_channel_that_is_named() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.map("a", "tea-01/red", "tea", 1).await;
        let api = Api::over(base).await;
        let path = "/v1/stock/imports?kind=orders&profile=rakuten";
        let csv = "注文番号,ステータス,注文日時,送付先ID,商品明細ID,商品管理番号,個数,SKU管理番号\n\
                   1-1,300,2026-11-19 09:00:00,21,31,tea-01,2,red\n";
        let problem = api.post(path, csv).await.problem(422, "rows-rejected");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains("channel=ID"), "{problem}");
        let problem = api.post(&format!("{path}&channel=z"), csv).await.problem(400, "bad-query");
        assert_eq!(problem["errors"][0]["field"], "channel");
        let problem = api.post("/v1/stock/imports?kind=book&channel=a", csv).await.problem(400, "bad-query");
        assert_eq!(problem["errors"][0]["field"], "channel");
        let trial = api.post(&format!("{path}&channel=a&dry_run=true"), csv).await.json(200);
        let change = json!({ "channel": "a", "mall_key": "tea-01/red", "sku": "tea", "now": 10, "then": 8 });
        assert!(trial["changes"]["listings"].as_array().unwrap().contains(&change), "{trial}");
        let report = api.post(&format!("{path}&channel=a"), csv).await.json(200);
        assert_eq!((&report["state"], &report["booked"]), (&json!("booked"), &json!(1)));
        assert_eq!(base.unshipped("tea").await, 2);
        let wrong = csv.replace(",2,red", ",two,red");
        let problem = api.post(&format!("{path}&channel=a"), &wrong).await.problem(422, "rows-rejected");
        assert_eq!((&problem["errors"][0]["field"], &problem["errors"][0]["line"]), (&json!("個数"), &json!(2)));
    })
    .await;
}

#[tokio::test]
async fn sales_are_tried_out_taken_in_and_undone_over_http() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let api = Api::over(base).await;
        let path = "/v1/stock/imports?kind=sales&as_of=2026-11-20T00:30:00Z";
        let csv = "location,sku,quantity\nshinjuku,tea,3\n";
        let trial = api.post(&format!("{path}&dry_run=true"), csv).await.json(200);
        let change = json!({ "channel": "a", "mall_key": "tea", "sku": "tea", "now": 10, "then": 7 });
        assert_eq!(trial["changes"], json!({ "total": 1, "listings": [change] }));
        let id = api.post(path, csv).await.json(200)["id"].as_str().unwrap().to_owned();
        assert_eq!(base.in_shop("tea").await, 7);
        let undo = format!("/v1/stock/imports/{id}/undo");
        let undone = api.post(&undo, "").await.json(200);
        assert_eq!((&undone["id"], &undone["state"], &undone["kind"]), (&json!(id), &json!("undone"), &json!("sales")));
        assert_eq!(base.in_shop("tea").await, 10);
        api.post(&undo, "").await.problem(409, "refused");
        api.post("/v1/stock/imports/7/undo", "").await.problem(404, "not-found");
        api.post("/v1/stock/imports/seven/undo", "").await.problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn codes_with_slashes_and_other_letters_are_addressed_by_their_escapes() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "茶/1 b", 3).await;
    let api = Api::over(&base).await;
    let sheet = api.get("/v1/skus/%E8%8C%B6%2F1%20b").await.json(200);
    assert_eq!(sheet["code"], "茶/1 b");
    assert_eq!(api.get("/v1/skus/%E8%8C%B6%2F1%20b/ledger").await.json(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn why_and_what_happened_are_asked_over_http() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        base.observe("a", "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.recompute(&["a", "b"]).await;
        let api = Api::over(base).await;
        let tree = api.get("/v1/skus/tea/explain?channel=a").await.json(200);
        let sellable = &tree["terms"][0];
        let signed: Vec<_> = sellable["terms"].as_array().unwrap().iter().map(|term| &term["value"]).collect();
        assert_eq!(
            (&sellable["op"], signed),
            (&json!("sum"), vec![&json!(10), &json!(-2), &json!(0), &json!(0), &json!(0)])
        );
        let shown = &tree["terms"][1];
        assert_eq!(
            (&shown["name"], &shown["op"], &shown["source"], &shown["value"]),
            (&json!("shown"), &json!("follows"), &json!("a tea"), &json!(10))
        );
        assert_eq!((&shown["terms"][1]["name"], &shown["terms"][1]["terms"][0]["value"]), (&json!("told"), &json!(8)));
        api.get("/v1/skus/coffee/explain").await.problem(404, "not-found");
        api.get("/v1/skus/tea/explain?at=noon").await.problem(400, "bad-query");
        api.get("/v1/skus/tea/explain?at=2999-01-01T00:00:00Z").await.problem(400, "bad-query");
        let page = api.get("/v1/skus/tea/history?limit=2").await.json(200);
        let mut kinds: Vec<_> = page["items"].as_array().unwrap().iter().map(|line| line["kind"].clone()).collect();
        let mut cursor = page["next_cursor"].clone();
        while let Some(next) = cursor.as_str() {
            let page = api.get(&format!("/v1/skus/tea/history?limit=2&cursor={next}")).await.json(200);
            kinds.extend(page["items"].as_array().unwrap().iter().map(|line| line["kind"].clone()));
            cursor = page["next_cursor"].clone();
        }
        let whole = api.get("/v1/skus/tea/history").await.json(200);
        let all: Vec<_> = whole["items"].as_array().unwrap().iter().map(|line| line["kind"].clone()).collect();
        assert_eq!(kinds, all, "the same in pages");
        for kind in ["ledger", "order", "listing", "log"] {
            assert!(all.contains(&json!(kind)), "{kind} is missing: {all:?}");
        }
    })
    .await;
}
