//! The API on a real socket.

use std::time::Duration;

use jiff::tz::TimeZone;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio_util::sync::CancellationToken;
use uriba::api::{ApiState, Core, listen, serve_on};
use uriba_sdk::{
    Env, SystemEnv,
    env::{HttpRequest, Method},
};

use super::outlines;
use crate::support::TestBase;

fn state(base: &TestBase) -> ApiState {
    let core = Core {
        zone: TimeZone::UTC,
        counts: None,
        profiles: Default::default(),
        history_days: 400,
        guard: Default::default(),
    };
    ApiState::new(base.store.clone(), outlines(&["a"]), core, PrometheusBuilder::new().build_recorder().handle())
}

#[tokio::test]
async fn it_answers_on_its_address_until_it_is_stopped() {
    let base = TestBase::sqlite().await;
    base.open_channels(&["a"]).await;
    let secret = base.store.create_token("t", &["read"], "test").await.unwrap();
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve_on(listener, state(&base), stop.clone()));
    let outside = SystemEnv::new();
    let asked = |path: &str| HttpRequest::new(Method::GET, format!("http://{address}{path}"));
    let mut request = asked("/v1/channels/a");
    request.headers.insert("authorization", format!("Bearer {secret}").parse().unwrap());
    let answer = outside.send(request).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let sheet: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(sheet["id"], "a");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), serving).await.expect("it ends").unwrap().unwrap();
    assert!(outside.send(asked("/healthz")).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = listen(taken.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("can't listen on {}", taken.local_addr().unwrap()));
}
