//! Sale plans, the schedule and a SKU's own switch over HTTP.

use serde_json::json;

use super::Api;
use crate::support::{TestBase, on_every_database};

fn plan() -> serde_json::Value {
    json!({
        "name": "autumn", "from": "2026-11-20T12:00:00Z", "until": "2026-11-20T14:00:00Z",
        "skus": ["tea"], "cap": 2, "buffer": 1
    })
}

#[tokio::test]
async fn a_plan_is_tried_made_listed_and_deleted() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 5).await;
        let api = Api::over(base).await;
        let trial = api.post("/v1/plans?dry_run=true", &plan().to_string()).await.json(200);
        assert_eq!((&trial["state"], &trial["changes"]["total"]), (&json!("trial"), &json!(2)));
        assert_eq!(trial["changes"]["listings"][0]["then"], 2);
        assert_eq!(api.get("/v1/plans").await.json(200)["items"], json!([]));
        let key = [("idempotency-key", "p-1")];
        let made = api.ask("POST", "/v1/plans", &key, &plan().to_string()).await.json(201);
        assert_eq!((&made["state"], &made["by"]), (&json!("scheduled"), &json!("token chief")));
        assert_eq!(api.ask("POST", "/v1/plans", &key, &plan().to_string()).await.json(201), made);
        let problem = api.post("/v1/plans", &plan().to_string()).await.problem(409, "refused");
        assert!(problem["detail"].as_str().unwrap().contains("there is a plan \"autumn\" already"), "{problem}");
        let sheet = api.get("/v1/plans/autumn").await.json(200);
        assert_eq!((&sheet["skus"], &sheet["cap"], &sheet["exposure"]), (&json!(["tea"]), &json!(2), &json!(null)));
        assert_eq!(api.ask("DELETE", "/v1/plans/autumn", &[], "").await.status, 204);
        api.ask("DELETE", "/v1/plans/autumn", &[], "").await.problem(409, "refused");
        api.ask("DELETE", "/v1/plans/winter", &[], "").await.problem(404, "not-found");
        assert_eq!(api.get("/v1/plans").await.json(200)["items"], json!([]));
        assert_eq!(api.get("/v1/plans?past=true").await.json(200)["items"][0]["state"], "deleted");
        api.get("/v1/plans/winter").await.problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_plan_is_named_by_its_field() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 5).await;
    let api = Api::over(&base).await;
    let wrong = [
        ("until", json!("2026-11-20T11:00:00Z")),
        ("skus", json!(["nope", "tea"])),
        ("skus", json!([])),
        ("exposure", json!("open")),
        ("cap", json!(-1)),
        ("buffer", json!(2_000_000_000_000_i64)),
        ("name", json!("")),
    ];
    for (field, value) in wrong {
        let mut body = plan();
        body[field] = value;
        let problem = api.post("/v1/plans", &body.to_string()).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let mut more = plan();
    more["colour"] = json!("red");
    api.post("/v1/plans", &more.to_string()).await.problem(422, "invalid");
    assert_eq!(api.get("/v1/plans?past=true").await.json(200)["items"], json!([]));
}

#[tokio::test]
async fn the_schedule_has_switches_ends_and_plans_and_each_can_be_taken_back() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 5).await;
        let api = Api::over(base).await;
        let later = json!({ "from": "2026-11-20T13:00:00Z", "mode": "freeze", "reason": "move" }).to_string();
        api.post("/v1/channels/a/suspend", &later).await.json(202);
        api.post("/v1/channels/b/suspend", &json!({ "until": "2026-11-20T11:00:00Z" }).to_string()).await.json(202);
        api.post("/v1/plans", &plan().to_string()).await.json(201);
        let due = api.get("/v1/schedule").await.json(200);
        let told: Vec<_> = due["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|due| (due["action"].as_str().unwrap(), due["channel"].as_str().or(due["plan"].as_str()).unwrap()))
            .collect();
        assert_eq!(told, [("resume", "b"), ("plan_begin", "autumn"), ("suspend", "a")]);
        assert_eq!((&due["items"][0]["id"], &due["items"][2]["reason"]), (&json!("until:b"), &json!("move")));
        let first = api.get("/v1/schedule?limit=1").await.json(200);
        let next = format!("/v1/schedule?limit=5&cursor={}", first["next_cursor"].as_str().unwrap());
        assert_eq!(
            api.get(&next).await.json(200)["items"].as_array().unwrap()[..],
            due["items"].as_array().unwrap()[1..]
        );
        for due in due["items"].as_array().unwrap() {
            let path = format!("/v1/schedule/{}", due["id"].as_str().unwrap());
            assert_eq!(api.ask("DELETE", &path, &[], "").await.status, 204, "{path}");
            let again = api.ask("DELETE", &path, &[], "").await.status;
            assert!(again == 404 || again == 409, "{path}: {again}");
        }
        assert_eq!(api.get("/v1/schedule").await.json(200)["items"], json!([]));
        assert_eq!(api.get("/v1/channels/b").await.json(200)["suspend"]["until"], json!(null));
        let mut begun = plan();
        begun["from"] = json!("2026-11-19T12:00:00Z");
        api.post("/v1/plans", &begun.to_string()).await.json(201);
        let due = api.get("/v1/schedule").await.json(200);
        assert_eq!((&due["items"][0]["action"], &due["items"][0]["id"]), (&json!("plan_end"), &json!(null)));
        api.ask("DELETE", "/v1/schedule/plan:autumn", &[], "").await.problem(409, "refused");
    })
    .await;
}

#[tokio::test]
async fn a_sku_is_stopped_and_resumed_and_says_so_itself() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 5).await;
        let api = Api::over(base).await;
        let freeze = json!({ "mode": "freeze" }).to_string();
        api.post("/v1/channels/a/suspend", &freeze).await.json(202);
        let answer = api.post("/v1/skus/tea/stop", r#"{"reason":"recall"}"#).await.json(202);
        let stopped = &answer["stopped"];
        assert_eq!((&stopped["by"], &stopped["reason"]), (&json!("token chief"), &json!("recall")));
        assert_eq!(answer["not_done"][0]["state"], "frozen");
        let hold =
            json!({ "id": "c-1", "channel": "web", "ttl_seconds": 60, "lines": [{ "sku": "tea", "quantity": 1 }] });
        let problem = api.post("/v1/reservations", &hold.to_string()).await.problem(409, "refused");
        assert_eq!(problem["detail"], "SKU \"tea\" is stopped: nothing of it is sold until it is resumed");
        let items = api.get("/v1/availability?channel=web&sku=tea").await.json(200)["items"].clone();
        let expected =
            json!([{ "sku": "tea", "sellable": 5, "available": 0, "offered": 5, "taken": 0, "stopped": true }]);
        assert_eq!(items, expected);
        assert_eq!(api.get("/v1/skus/tea").await.json(200)["stopped"]["sku"], "tea");
        let answer = api.post("/v1/skus/tea/resume", "").await.json(202);
        assert_eq!((&answer["stopped"], &answer["not_done"]), (&json!(null), &json!([])));
        api.post("/v1/reservations", &hold.to_string()).await.json(201);
        api.post("/v1/skus/nope/stop", "").await.problem(404, "not-found");
        let log = api.get("/v1/log?limit=5").await.json(200);
        let line = log["items"].as_array().unwrap().iter().find(|line| line["what"] == "sku.stop").unwrap().clone();
        assert_eq!((&line["who"], &line["why"]), (&json!("token chief"), &json!("recall")));
    })
    .await;
}
