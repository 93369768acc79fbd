//! Audits and ages over HTTP.

use serde_json::json;

use super::Api;
use crate::support::{TestBase, on_every_database};

#[tokio::test]
async fn an_audit_is_asked_for_and_looked_at_until_somebody_has_read() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 5).await;
        let api = Api::over(base).await;
        let asked = api.post("/v1/audits", r#"{"channel": "a", "limit": 10}"#).await.json(202);
        assert_eq!(asked["channels"].as_array().map(Vec::len), Some(1));
        let (channel, read) = (&asked["channels"][0]["channel"], &asked["channels"][0]["read"]);
        assert_eq!((channel, read), (&json!("a"), &json!(0)));
        let id = asked["id"].as_str().unwrap();
        assert_eq!(api.get(&format!("/v1/audits/{id}")).await.json(200), asked, "nobody has read yet");
        api.post("/v1/audits", r#"{"channel": "nobody"}"#).await.problem(422, "invalid");
        api.post("/v1/audits", r#"{"limit": 0}"#).await.problem(422, "invalid");
        api.get("/v1/audits/1").await.problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn ages_say_since_when_the_oldest_of_each_kind_waits() {
    let base = TestBase::sqlite().await;
    let api = Api::over(&base).await;
    let empty = api.get("/v1/ages").await.json(200);
    let ages = empty.as_object().unwrap();
    assert!(ages.len() >= 4 && ages.values().all(serde_json::Value::is_null), "nothing waits: {empty}");
    base.trade(&["a"], "tea", 5).await;
    let waiting = api.get("/v1/ages").await.json(200);
    assert_ne!(waiting, empty, "a listing waits to be read or written: {waiting}");
}
