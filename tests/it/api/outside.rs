//! What machines and browsers ask for without a token.

use uriba::{api::openapi::description, store::sheets::Paging};

use super::Api;
use crate::support::{SHOP, TestBase, line, on_every_database, order};

#[tokio::test]
async fn the_description_is_openapi_3_1_and_every_answer_in_it_has_a_shape() {
    let base = TestBase::sqlite().await;
    let document = Api::over(&base).await.send("GET", "/openapi.json", &[], "").await.json(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is named and not described");
    }
    let mut names = Vec::new();
    for operation in document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        names.push(operation["operationId"].as_str().unwrap().to_owned());
        assert!(operation["summary"].is_string(), "{operation}");
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "operations have names of their own");
    assert_eq!(document, serde_json::to_value(description()).unwrap());
}

#[tokio::test]
async fn the_browser_of_the_api_asks_nobody_outside() {
    let base = TestBase::sqlite().await;
    let api = Api::over(&base).await;
    let page = api.send("GET", "/docs/", &[], "").await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    for asset in page.text.split(['"', '\'']).filter(|text| text.contains("//")) {
        assert!(asset.starts_with("http://www.w3.org/"), "{asset} is outside");
    }
    let start = api.send("GET", "/docs/swagger-initializer.js", &[], "").await;
    assert!(start.text.contains("/openapi.json"), "{}", start.text);
    assert!(start.text.contains("\"validatorUrl\": \"none\""), "{}", start.text);
}

#[tokio::test]
async fn health_says_that_the_process_is_there_and_readiness_that_it_can_serve() {
    on_every_database(async |base| {
        let api = Api::over(base).await;
        let health = api.send("GET", "/healthz", &[], "").await;
        assert_eq!(health.json(200)["status"], "ok");
        assert!(health.headers.contains_key("x-request-id"));
        assert_eq!(api.send("GET", "/readyz", &[], "").await.json(200)["status"], "ready");
    })
    .await;
}

#[tokio::test]
async fn a_database_without_its_tables_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let base = TestBase::sqlite().await;
    let url = format!("sqlite://{}", dir.path().join("empty.db").display());
    let empty = uriba::store::Store::open(&url, base.env.clone()).await.unwrap();
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
    let core = uriba::api::Core::default();
    let state = uriba::api::ApiState::new(empty, super::outlines(&[]), core, metrics);
    let api = Api { router: uriba::api::router(state), admin: String::new() };
    let problem = api.send("GET", "/readyz", &[], "").await.problem(503, "not-ready");
    assert!(problem["detail"].as_str().unwrap().contains("uriba db migrate"), "{problem}");
}

#[tokio::test]
async fn the_gauges_are_what_the_database_says_and_name_no_sku() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 4).await;
        base.observe("a", "tea", 4).await;
        base.observe("b", "tea", 3).await;
        base.read("a", &[order("1", &[line("tea", 6)])]).await;
        base.list(&["a"], "cup").await;
        let api = Api::over(base).await;
        let text = api.send("GET", "/metrics", &[], "").await.text;
        let value = |series: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{series} is not in\n{text}")).to_owned()
        };
        assert_eq!(value("uriba_channel_state{channel=\"a\",state=\"active\"}"), "1");
        assert_eq!(value("uriba_channel_state{channel=\"a\",state=\"suspended\"}"), "0");
        assert_eq!(value("uriba_lane_state{channel=\"b\",lane=\"stock\",state=\"flowing\"}"), "1");
        assert_eq!(value("uriba_oversold_units{pool=\"online\"}"), "2");
        assert_eq!(value("uriba_push_backlog{channel=\"b\"}"), "1");
        assert_eq!(value("uriba_push_backlog_seconds{channel=\"a\"}"), "0");
        assert!(!text.contains("tea") && !text.contains("cup"), "{text}");
        // The sums that the database makes are those that the sheets show.
        let (outlines, all) = (super::outlines(&["a", "b"]), Paging::new(None, None));
        let sheets = base.store.sku_sheets(&outlines, &all).await.unwrap();
        let bound: i64 = sheets.items.iter().map(|sheet| sheet.pools[0].exposure.bound).sum();
        assert!(bound > 0);
        assert_eq!(value("uriba_exposure_bound_units{pool=\"online\"}"), bound.to_string());
        assert_eq!(base.in_shop("tea").await, 4, "in {SHOP}");
    })
    .await;
}
