//! Listings, orders and attention over HTTP.

use serde_json::{Value, json};
use uriba_sdk::Line;

use super::Api;
use crate::support::{TestBase, intake, line, on_every_database, order, unread};

fn ids(page: &Value, name: &str) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item[name].as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn listings_are_put_item_by_item_each_with_its_result() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 9).await;
        let api = Api::over(base).await;
        let items = json!([
            { "channel": "a", "mall_key": "tea", "sku": "tea" },
            { "channel": "a", "mall_key": "tea-3", "sku": "tea", "units": 3, "cap": 2 },
            { "channel": "b", "mall_key": "tea", "sku": "tea", "buffer": 1 },
            { "channel": "x", "mall_key": "tea", "sku": "coffee" },
            { "channel": "b", "mall_key": "pot", "sku": "tea", "units": 0 },
        ]);
        let put = async |path: &str, body: &Value| api.ask("PUT", path, &[], &body.to_string()).await;
        let words = |reply: &Value| ids(reply, "result");
        let expected = ["unchanged", "created", "changed", "refused", "refused"];
        assert_eq!(words(&put("/v1/listings?dry_run=true", &items).await.json(200)), expected);
        assert_eq!(
            api.get("/v1/listings?mall_key=tea-3").await.json(200)["items"],
            json!([]),
            "a trial leaves no trace"
        );
        let done = put("/v1/listings", &items).await.json(200);
        assert_eq!(words(&done), expected);
        let fields = |index: usize| ids(&json!({ "items": done["items"][index]["errors"] }), "field");
        assert_eq!((fields(3), fields(4)), (vec!["channel".into(), "sku".into()], vec!["units".to_owned()]));
        base.recompute(&["a", "b"]).await;
        let page = api.get("/v1/listings?channel=a").await.json(200);
        assert_eq!(ids(&page, "mall_key"), ["tea", "tea-3"]);
        let three = &page["items"][1];
        assert_eq!((&three["sku"], &three["target"], &three["cap"]), (&json!("tea"), &json!(2), &json!(2)));
        let fixed = async |share: Value| {
            let item = json!([{ "channel": "a", "mall_key": "tea-3", "sku": "tea", "share": share }]);
            put("/v1/listings", &item).await.json(200);
            api.get("/v1/listings?mall_key=tea-3").await.json(200)["items"][0]["fixed_share"].clone()
        };
        assert_eq!((fixed(json!(6)).await, fixed(Value::Null).await), (json!(6), Value::Null));
        let wrong = json!([{ "channel": "x", "mall_key": "k", "sku": "tea" }]);
        let problem = put("/v1/listings", &wrong).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "[0].channel");
        let fresh = json!([{ "channel": "a", "mall_key": "pot", "sku": "pot" }]);
        assert_eq!(words(&put("/v1/listings?create_skus=true", &fresh).await.json(200)), ["created"]);
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        let mut again = json!([{ "channel": "a", "mall_key": "tea", "sku": "pot", "units": 3 }]);
        assert_eq!(words(&put("/v1/listings", &again).await.json(200)), ["changed"]);
        assert_eq!((base.unshipped("tea").await, base.unshipped("pot").await), (2, 0));
        again[0]["open_orders"] = json!(true);
        assert_eq!(words(&put("/v1/listings?dry_run=true", &again).await.json(200)), ["changed"]);
        assert_eq!(base.unshipped("pot").await, 0);
        assert_eq!(words(&put("/v1/listings", &again).await.json(200)), ["changed"]);
        assert_eq!((base.unshipped("tea").await, base.unshipped("pot").await), (0, 6));
        put("/v1/listings", &json!([])).await.problem(422, "invalid");
        put("/v1/listings", &json!([{ "channel": "a", "mall_key": "k", "sku": "tea", "unit": 2 }]))
            .await
            .problem(422, "invalid");
    })
    .await;
}

#[tokio::test]
async fn lists_go_on_where_the_cursor_says_and_end() {
    on_every_database(async |base| {
        base.open_channels(&["a", "b"]).await;
        for n in 0..5 {
            base.list(&["a", "b"], &format!("s{n}")).await;
        }
        let api = Api::over(base).await;
        for (path, name) in [("/v1/listings", "mall_key"), ("/v1/skus", "code")] {
            let whole = ids(&api.get(path).await.json(200), name);
            let mut pieces = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = api.get(&format!("{path}?limit=2{cursor}")).await.json(200);
                pieces.extend(ids(&page, name));
                let Some(next) = page["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(pieces, whole, "{path}");
        }
        let page = api.get("/v1/channels?limit=1").await.json(200);
        assert_eq!(ids(&page, "id"), ["a"]);
    })
    .await;
}

#[tokio::test]
async fn orders_are_found_by_channel_state_and_sku_and_the_unread_are_among_them() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 20).await;
        base.list(&["a"], "cup").await;
        let shipped = Line { shipped: 1, ..line("tea", 1) };
        let cancelled = Line { cancelled: 2, ..line("cup", 2) };
        base.read("a", &[order("1", &[line("tea", 3), line("pot", 1)]), order("2", &[shipped])]).await;
        base.read("a", &[order("3", &[cancelled])]).await;
        base.read_as(&intake("a"), &[], &[unread("4", &["tea"]), unread("1", &["tea"])]).await;
        base.read("b", &[order("5", &[line("tea", 1)])]).await;
        let api = Api::over(base).await;
        let found = async |query: &str| ids(&api.get(&format!("/v1/orders{query}")).await.json(200), "order_id");
        assert_eq!(found("").await, ["5", "4", "3", "2", "1"]);
        assert_eq!(found("?channel=b").await, ["5"]);
        assert_eq!(found("?state=open").await, ["5"]);
        assert_eq!(found("?state=shipped").await, ["2"]);
        assert_eq!(found("?state=cancelled").await, ["3"]);
        assert_eq!(found("?state=unread").await, ["4", "1"]);
        assert_eq!(found("?sku=cup").await, ["3"]);
        assert_eq!(found("?sku=tea&channel=a").await, ["4", "2", "1"]);
        let sheet = api.get("/v1/orders/a/1").await.json(200);
        assert_eq!((&sheet["state"], &sheet["unshipped"]), (&json!("unread"), &json!(4)));
        assert_eq!(sheet["reason"], "quantity is missing");
        let (tea, pot) = (&sheet["lines"][0], &sheet["lines"][1]);
        assert_eq!(
            (&tea["sku"], &tea["units"], &tea["pool"], &tea["unshipped"]),
            (&json!("tea"), &json!(1), &json!("online"), &json!(3))
        );
        assert_eq!((&pot["mall_key"], &pot["sku"]), (&json!("pot"), &json!(null)));
        let odd = api.get("/v1/orders/a/4").await.json(200);
        assert_eq!((&odd["unshipped"], &odd["lines"][0]["line"]), (&json!(1), &json!("tea")), "one of it at least");
        api.get("/v1/orders/a/99").await.problem(404, "not-found");
        let unmapped = api.get("/v1/listings/unmapped").await.json(200);
        assert_eq!(unmapped["items"].as_array().unwrap().len(), 1);
        let key = &unmapped["items"][0];
        assert_eq!((&key["mall_key"], &key["lines"], &key["unshipped"]), (&json!("pot"), &json!(1), &json!(1)));
    })
    .await;
}

#[tokio::test]
async fn an_item_that_needs_a_person_is_resolved_by_one() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 20).await;
    base.read_as(&intake("a"), &[], &[unread("4", &["tea"])]).await;
    let api = Api::over(&base).await;
    let page = api.get("/v1/attention").await.json(200);
    let item = &page["items"][0];
    assert_eq!(
        (&item["kind"], &item["channel"], &item["actions"]),
        (&json!("unread_order"), &json!("a"), &json!(["release"]))
    );
    let path = format!("/v1/attention/{}/resolve", item["id"].as_str().unwrap());
    api.post(&path, r#"{"action":"burn"}"#).await.problem(422, "invalid");
    let done = api.post(&path, r#"{"action":"release"}"#).await.json(200);
    assert_eq!(done["resolved_by"], "token chief");
    assert_eq!(api.get("/v1/attention").await.json(200)["items"], json!([]));
    assert_eq!(api.get("/v1/orders?state=unread").await.json(200)["items"], json!([]));
    api.post("/v1/attention/12/resolve", "").await.problem(404, "not-found");
    api.post("/v1/attention/first/resolve", "").await.problem(404, "not-found");
}
