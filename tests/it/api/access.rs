//! Who may do what: read from the published description, and tried on every operation in it.

use serde_json::Value;

use super::Api;
use crate::support::TestBase;

/// Every operation under `/v1`: method, path with its places filled, and the scopes that it states, any of which
/// will do.
fn operations(document: &Value) -> Vec<(String, String, Vec<String>)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !path.starts_with("/v1/") {
                continue;
            }
            // A mall's notification is signed by the mall.
            if path == "/v1/hooks/{channel}" {
                assert_eq!(operation["security"], serde_json::json!([{}]));
                continue;
            }
            let choices = operation["security"].as_array().into_iter().flatten();
            let scopes: Vec<String> = choices.map(|choice| choice["token"][0].as_str().unwrap().to_owned()).collect();
            assert!(!scopes.is_empty(), "{method} {path} states no scope");
            let filled: Vec<&str> =
                path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect();
            found.push((method.to_uppercase(), filled.join("/"), scopes));
        }
    }
    assert!(found.len() >= 18, "{found:?}");
    found
}

#[tokio::test]
async fn every_operation_asks_for_a_token_and_for_the_scope_that_it_states() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 5).await;
    let api = Api::over(&base).await;
    let document = api.send("GET", "/openapi.json", &[], "").await.json(200);
    let mut tokens = Vec::new();
    for scope in ["read", "operate", "reserve"] {
        tokens.push((scope, base.store.create_token(scope, &[scope], "test").await.unwrap()));
    }
    for (method, path, needed) in operations(&document) {
        let open = api.send(&method, &path, &[], "").await;
        open.problem(401, "unauthorized");
        assert_eq!(open.headers["www-authenticate"], "Bearer", "{method} {path}");
        for (scope, secret) in &tokens {
            let bearer = format!("Bearer {secret}");
            let reply = api.send(&method, &path, &[("authorization", &bearer)], "").await;
            let allowed = needed.iter().any(|needed| scope == needed || (*scope == "operate" && needed == "read"));
            if allowed {
                assert!(![401, 403].contains(&reply.status), "{scope} may {method} {path}: {}", reply.text);
            } else {
                reply.problem(403, "insufficient-scope");
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_is_wrong_revoked_or_of_another_scheme_opens_nothing() {
    let base = TestBase::sqlite().await;
    let api = Api::over(&base).await;
    let secret = base.store.create_token("gone", &["admin"], "test").await.unwrap();
    base.store.revoke_token("gone", "test").await.unwrap();
    let revoked = format!("Bearer {secret}");
    for header in [revoked.as_str(), "Bearer urb_0000", "Bearer", "Basic dXJpYmE6", ""] {
        api.send("GET", "/v1/channels", &[("authorization", header)], "").await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn what_is_not_described_is_open_to_nobody() {
    let base = TestBase::sqlite().await;
    let api = Api::over(&base).await;
    api.get("/v1/nothing").await.problem(404, "not-found");
    let reply = api.ask("DELETE", "/v1/channels", &[], "").await;
    reply.problem(405, "method-not-allowed");
    assert_eq!(reply.headers["allow"], "GET");
}

#[tokio::test]
async fn unknown_parameters_fields_and_bodies_are_refused_with_their_place() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 5).await;
    let api = Api::over(&base).await;
    let problem = api.get("/v1/orders?chanel=a").await.problem(400, "bad-query");
    assert_eq!(problem["errors"][0]["field"], "chanel");
    assert_eq!(problem["detail"], "chanel: is no parameter here; there are: channel, cursor, limit, sku, state");
    api.get("/v1/channels/a?x=1").await.problem(400, "bad-query");
    api.get("/v1/channels?limit=0").await.problem(400, "bad-query");
    let problem = api.get("/v1/channels?limit=many").await.problem(400, "bad-query");
    assert_eq!(problem["errors"][0]["field"], "limit");
    api.get("/v1/channels?cursor=zzz").await.problem(400, "bad-query");
    api.get("/v1/orders?state=lost").await.problem(400, "bad-query");

    let path = "/v1/channels/a/suspend";
    let problem = api.post(path, "{\"mode\": \"zero\",\n  reason: 1}").await.problem(400, "not-json");
    assert_eq!((&problem["errors"][0]["line"], &problem["errors"][0]["column"]), (&2.into(), &3.into()));
    assert!(problem["detail"].as_str().unwrap().contains("line 2, column 3"), "{problem}");
    let problem = api.post(path, "{\"mood\": \"zero\"}").await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "mood");
    let problem = api.post(path, "{\"reason\": 3}").await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "reason");
    api.post(path, "{} {}").await.problem(400, "not-json");
    let problem = api.post("/v1/suspensions", "{\"all\": true}").await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "action");
    let problem = api.post(path, "{\"mode\": \"slow\"}").await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "mode");
    let much = format!("{{\"reason\": \"{}\"}}", "a".repeat(2 << 20));
    api.post(path, &much).await.problem(413, "too-large");
    assert_eq!(api.get("/v1/channels/a").await.json(200)["state"], "active", "nothing of that did anything");
}
