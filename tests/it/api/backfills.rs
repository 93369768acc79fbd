//! Backfills over HTTP.

use serde_json::json;

use super::Api;
use crate::support::{TestBase, on_every_database};

const PATH: &str = "/v1/channels/a/backfills";

#[tokio::test]
async fn a_backfill_is_asked_for_once_looked_at_and_listed() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 5).await;
        let api = Api::over(base).await;
        let span = json!({ "from": "2026-10-01T00:00:00Z", "until": "2026-11-01T00:00:00Z", "quiet": "02:00-06:00" });
        let key = [("idempotency-key", "b-1")];
        let asked = api.ask("POST", PATH, &key, &span.to_string()).await.json(202);
        let id = asked["id"].as_str().unwrap();
        assert_eq!(
            (&asked["channel"], &asked["state"], &asked["per_minute"], &asked["asked_by"]),
            (&json!("a"), &json!("open"), &json!(10), &json!("token chief"))
        );
        assert_eq!(
            (&asked["from"], &asked["read_to"]),
            (&json!("2026-10-01T00:00:00Z"), &json!("2026-10-01T00:00:00Z"))
        );
        // This hub is in Japan.
        assert_eq!((&asked["quiet"], &asked["waits_until"]), (&json!("02:00-06:00"), &json!("2026-11-20T17:00:00Z")));
        assert_eq!(api.get(&format!("/v1/backfills/{id}")).await.json(200), asked, "nobody has read yet");
        let again = api.ask("POST", PATH, &key, &span.to_string()).await;
        assert_eq!((again.json(202), again.headers["idempotent-replayed"].as_bytes()), (asked.clone(), &b"true"[..]));
        api.ask("POST", "/v1/channels/b/backfills", &key, &span.to_string()).await.problem(422, "key-reused");
        let faster = json!({ "from": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z", "per_minute": 600 });
        let other = api.post("/v1/channels/b/backfills", &faster.to_string()).await.json(202);
        assert_eq!(
            (&other["per_minute"], &other["quiet"], &other["waits_until"]),
            (&json!(600), &json!(null), &json!(null))
        );
        let first = api.get("/v1/backfills?limit=1").await.json(200);
        assert_eq!(first["items"], json!([other]), "newest first");
        let next = first["next_cursor"].as_str().unwrap();
        let last = api.get(&format!("/v1/backfills?limit=1&cursor={next}")).await.json(200);
        assert_eq!((&last["items"], &last["next_cursor"]), (&json!([asked]), &json!(null)));
        assert_eq!(api.get("/v1/backfills?channel=a").await.json(200)["items"], json!([asked]));
    })
    .await;
}

#[tokio::test]
async fn what_nobody_could_read_is_refused_with_its_field() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 5).await;
    base.open_till(&["a"], "cup", 1).await;
    let api = Api::over(&base).await;
    let wrong = [
        ("from", json!("2026-01-01T00:00:00Z")),
        ("until", json!("2026-11-21T00:00:00Z")),
        ("until", json!("2026-11-01T00:00:00Z")),
        ("per_minute", json!(0)),
        ("per_minute", json!(601)),
        ("quiet", json!("01:00")),
        ("quiet", json!("06:00-06:00")),
    ];
    for (field, value) in wrong {
        let mut body = json!({ "from": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z" });
        body[field] = value;
        let problem = api.post(PATH, &body.to_string()).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let fine = r#"{ "from": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z" }"#;
    api.post(PATH, r#"{ "from": "2026-11-01T00:00:00Z" }"#).await.problem(422, "invalid");
    api.post("/v1/channels/nobody/backfills", fine).await.problem(404, "not-found");
    let own = api.post("/v1/channels/web/backfills", fine).await.problem(422, "invalid");
    assert!(own["detail"].as_str().unwrap().contains("nothing to read"), "{own}");
    api.get("/v1/backfills/1").await.problem(404, "not-found");
    api.get("/v1/backfills/first").await.problem(404, "not-found");
    let problem = api.get("/v1/backfills?channel=nobody").await.problem(400, "bad-query");
    assert_eq!(problem["errors"][0]["field"], "channel");
    assert_eq!(api.get("/v1/backfills").await.json(200)["items"], json!([]), "nothing of that was asked for");
}
