//! The switch over HTTP: one channel, several, all or none.

use serde_json::json;

use super::Api;
use crate::support::{TestBase, on_every_database};

#[tokio::test]
async fn a_channel_is_suspended_and_resumed_and_the_log_says_who_and_why() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 5).await;
        let api = Api::over(base).await;
        let until = "2026-11-21T00:00:00Z";
        let body = json!({ "mode": "zero", "reason": "stocktaking", "until": until }).to_string();
        let sheet = api.post("/v1/channels/a/suspend", &body).await.json(202);
        assert_eq!((&sheet["id"], &sheet["state"]), (&json!("a"), &json!("draining")));
        let suspend = &sheet["suspend"];
        assert_eq!(
            (&suspend["mode"], &suspend["by"], &suspend["until"]),
            (&json!("zero"), &json!("token chief"), &json!(until))
        );
        assert_eq!((&suspend["remaining"], &suspend["set_aside"]), (&json!(1), &json!(0)));
        assert_eq!(api.get("/v1/channels/b").await.json(200)["suspend"], json!(null));
        let sheet = api.post("/v1/channels/a/resume", "").await.json(202);
        assert_eq!(sheet["state"], "resuming");
        let log = api.get("/v1/log?limit=2").await.json(200);
        let whats: Vec<_> = log["items"].as_array().unwrap().iter().map(|line| line["what"].clone()).collect();
        assert_eq!(whats, ["channel.resume", "channel.suspend"]);
        let line = &log["items"][1];
        assert_eq!((&line["who"], &line["why"]), (&json!("token chief"), &json!("stocktaking")));
        api.post("/v1/channels/x/suspend", "{}").await.problem(404, "not-found");
        let past = json!({ "until": "2020-01-01T00:00:00Z" }).to_string();
        api.post("/v1/channels/a/suspend", &past).await.problem(422, "invalid");
    })
    .await;
}

#[tokio::test]
async fn several_channels_are_suspended_together_or_not_at_all() {
    let base = TestBase::sqlite().await;
    base.trade(&["a", "b", "c"], "tea", 5).await;
    let api = Api::over(&base).await;
    let states = async || -> Vec<String> {
        let page = api.get("/v1/channels").await.json(200);
        page["items"].as_array().unwrap().iter().map(|sheet| sheet["state"].as_str().unwrap().to_owned()).collect()
    };
    let body = json!({ "channels": ["a", "nowhere", "b"], "action": "suspend" }).to_string();
    let problem = api.post("/v1/suspensions", &body).await.problem(422, "invalid");
    assert!(problem["detail"].as_str().unwrap().contains("nowhere"), "{problem}");
    assert_eq!(states().await, ["active", "active", "active"]);
    let body = json!({ "channels": ["a", "b"], "action": "suspend", "mode": "freeze" }).to_string();
    let page = api.post("/v1/suspensions", &body).await.json(202);
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    assert_eq!(states().await, ["suspended", "suspended", "active"]);
    let body = json!({ "mall": "plain", "action": "suspend" }).to_string();
    api.post("/v1/suspensions", &body).await.json(202);
    assert_eq!(states().await, ["draining", "draining", "draining"]);
    api.post("/v1/suspensions", &json!({ "all": true, "action": "resume" }).to_string()).await.json(202);
    assert_eq!(states().await, ["resuming", "resuming", "resuming"]);
    for body in [
        json!({ "action": "suspend" }),
        json!({ "all": true, "mall": "plain", "action": "suspend" }),
        json!({ "channels": [], "action": "suspend" }),
        json!({ "mall": "nowhere", "action": "suspend" }),
        json!({ "all": true, "action": "stop" }),
        json!({ "all": true, "action": "resume", "mode": "zero" }),
    ] {
        api.post("/v1/suspensions", &body.to_string()).await.problem(422, "invalid");
    }
}

#[tokio::test]
async fn a_switch_can_be_set_for_later_and_taken_back() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 5).await;
    let api = Api::over(&base).await;
    let body = json!({ "from": "2026-11-20T12:00:00Z", "until": "2026-11-20T13:00:00Z" }).to_string();
    let sheet = api.post("/v1/channels/a/suspend", &body).await.json(202);
    assert_eq!(sheet["state"], "active");
    let due = &sheet["schedule"][0];
    assert_eq!((&due["action"], &due["at"]), (&json!("suspend"), &json!("2026-11-20T12:00:00Z")));
    let path = format!("/v1/schedule/{}", due["id"].as_str().unwrap());
    assert_eq!(api.ask("DELETE", &path, &[], "").await.status, 204);
    assert_eq!(api.get("/v1/channels/a").await.json(200)["schedule"], json!([]));
    api.ask("DELETE", &path, &[], "").await.problem(404, "not-found");
    api.ask("DELETE", "/v1/schedule/soon", &[], "").await.problem(404, "not-found");
}

#[tokio::test]
async fn the_same_key_is_done_once_and_answered_alike() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 5).await;
        let api = Api::over(base).await;
        let key = [("idempotency-key", "k-1")];
        let later = json!({ "from": "2026-11-20T12:00:00Z" }).to_string();
        let first = api.ask("POST", "/v1/channels/a/suspend", &key, &later).await;
        let again = api.ask("POST", "/v1/channels/a/suspend", &key, &later).await;
        assert_eq!((again.status, &again.text), (202, &first.text));
        assert_eq!(again.headers["idempotent-replayed"], "true");
        assert_eq!(api.get("/v1/channels/a").await.json(200)["schedule"].as_array().unwrap().len(), 1);
        api.ask("POST", "/v1/channels/a/suspend", &key, "{}").await.problem(422, "key-reused");
        let wrong = api.ask("POST", "/v1/channels/x/resume", &[("idempotency-key", "k-2")], "").await;
        let wrong_again = api.ask("POST", "/v1/channels/x/resume", &[("idempotency-key", "k-2")], "").await;
        assert_eq!(wrong.problem(404, "not-found"), wrong_again.problem(404, "not-found"));
        // Keys are each caller's own.
        let other = base.store.create_token("other", &["operate"], "test").await.unwrap();
        let bearer = format!("Bearer {other}");
        let headers = [("authorization", bearer.as_str()), key[0]];
        assert_eq!(api.send("POST", "/v1/channels/a/resume", &headers, "").await.status, 202);
    })
    .await;
}

#[tokio::test]
async fn a_channel_goes_live_and_back_to_shadow() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 5).await;
    let api = Api::over(&base).await;
    let sheet = api.post("/v1/channels/a/mode", r#"{"mode":"shadow"}"#).await.json(202);
    assert_eq!((&sheet["mode"], &sheet["backlog_eta_s"]), (&json!("shadow"), &json!(null)));
    assert_eq!(api.get("/v1/skus/tea").await.json(200)["listings"][0]["state"], "shadow");
    api.post("/v1/channels/a/mode", r#"{"mode":"dead"}"#).await.problem(422, "invalid");
    assert_eq!(api.post("/v1/channels/a/mode", r#"{"mode":"live"}"#).await.json(202)["mode"], "live");
}

#[tokio::test]
async fn a_trial_of_the_switch_counts_and_throws_nothing() {
    let base = TestBase::sqlite().await;
    base.trade(&["a", "b"], "tea", 5).await;
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    let api = Api::over(&base).await;
    let before = base.everything().await;
    let trial = api.post("/v1/channels/a/suspend?dry_run=true", "").await.json(200);
    assert_eq!(
        (&trial["then"], &trial["to_zero"], &trial["requests"]),
        (&json!("draining (zero)"), &json!(1), &json!(1))
    );
    let frozen = api.post("/v1/channels/a/suspend?dry_run=true", r#"{"mode":"freeze"}"#).await.json(200);
    assert_eq!((&frozen["seconds"], &frozen["left_alone"]["frozen"]), (&json!(null), &json!(1)));
    let all = json!({ "all": true, "action": "suspend" }).to_string();
    let page = api.post("/v1/suspensions?dry_run=true", &all).await.json(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    api.post("/v1/channels/x/resume?dry_run=true", "").await.problem(404, "not-found");
    let unknown = json!({ "channels": ["a", "x"], "action": "resume" }).to_string();
    api.post("/v1/suspensions?dry_run=true", &unknown).await.problem(422, "invalid");
    assert_eq!(base.everything().await, before);
}
