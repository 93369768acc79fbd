//! No request above a quota, whatever the malls answer and whatever happens to this process.

use std::time::Duration;

use jiff::SignedDuration;
use uriba::{
    engine::{Engine, once::Done, push::perform},
    store::publications::Performed,
};
use uriba_sdk::{
    Env, Query, Span,
    fake::{Fault, Times},
};

use crate::hub::Hub;

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

#[tokio::test]
async fn a_restart_never_spends_what_the_last_run_spent_already() {
    let mut hub = Hub::open(&[&uriba_rakuten::MALL]).await;
    for n in 0..5 {
        hub.list(n, &format!("sku-{n}"), 1, 0).await;
        hub.stock(&format!("sku-{n}"), 3).await;
    }
    for units in 4..24 {
        hub.stock("sku-0", units).await;
        hub.engine.run_once(None, None).await.unwrap();
        hub.restart().await;
        hub.engine.run_once(None, None).await.unwrap();
        hub.env.advance(Duration::from_millis(400));
    }
    assert_eq!(hub.meters.violations(), Vec::<String>::new());
    hub.run_until("it converges all the same", minutes(20), |hub| hub.counter("rakuten", 0) == 23).await;
}

#[tokio::test]
async fn a_throttled_channel_waits_as_long_as_the_mall_said_and_then_goes_on() {
    let hub = Hub::open(&[&uriba_rakuten::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 5).await;
    hub.run_until("it shows 5", minutes(10), |hub| hub.counter("rakuten", 0) == 5).await;
    hub.book("rakuten").fault("stock.push", Fault::Throttle { retry_after: Some(120) }, Times::Next(1));
    hub.stock("tea", 9).await;
    hub.env.advance(Duration::from_secs(5));
    let before = hub.env.elapsed();
    hub.engine.run_once(None, None).await.unwrap();
    let stored = hub.store.quotas().await.unwrap();
    let push = stored.iter().find(|(key, _)| key.name == "stock.push").unwrap().1;
    let wait = push.not_before.unwrap().duration_since(hub.env.now()).as_secs();
    assert!((119..=120).contains(&wait), "the wait outlives this process: {push:?}");
    hub.run_until("it shows 9", minutes(10), |hub| hub.counter("rakuten", 0) == 9).await;
    let waited = hub.env.elapsed() - before;
    assert!(waited >= Duration::from_secs(120), "nothing is sent before the time the mall named: {waited:?}");
    assert!(waited < Duration::from_secs(180), "and it doesn't wait for long after it: {waited:?}");
}

#[tokio::test]
async fn a_throttle_without_a_time_is_answered_by_growing_waits() {
    let hub = Hub::open(&[&uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 5).await;
    hub.run_until("it shows 5", minutes(10), |hub| hub.counter("yahoo", 0) == 5).await;
    hub.book("yahoo").fault("stock.push", Fault::Throttle { retry_after: None }, Times::Next(4));
    hub.stock("tea", 9).await;
    hub.run_until("it shows 9", minutes(20), |hub| hub.counter("yahoo", 0) == 9).await;
    assert_eq!(hub.meters.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn zeros_go_before_decreases_and_decreases_before_raises() {
    let hub = Hub::open_with(&[&uriba_amazon::MALL], |_| {}).await;
    for n in 0..3 {
        hub.list(n, &format!("sku-{n}"), 1, 10).await;
        hub.stock(&format!("sku-{n}"), 10).await;
    }
    hub.run_for(minutes(10)).await;
    for (sku, units) in [("sku-0", 50), ("sku-1", 4), ("sku-2", 0)] {
        hub.stock(sku, units).await;
    }
    hub.engine.recompute_all().await.unwrap();
    let here = hub.engine.channel("amazon").unwrap();
    let mut told = Vec::new();
    for _ in 0..3 {
        let claim = hub.store.claim(&here.lease().unwrap(), &here.outlet, hub.store.now()).await.unwrap();
        told.extend(claim.map(|claim| claim.updates()[0].key.clone()));
    }
    assert_eq!(told, [hub.key("amazon", 2), hub.key("amazon", 1), hub.key("amazon", 0)]);
}

#[tokio::test]
async fn newer_targets_replace_older_ones_and_the_last_is_sent_once() {
    let hub = Hub::open(&[&uriba_rakuten::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 5).await;
    hub.run_until("it shows 5", minutes(10), |hub| hub.counter("rakuten", 0) == 5).await;
    for units in [8, 2, 19, 7] {
        hub.env.advance(Duration::from_secs(1));
        hub.stock("tea", units).await;
        hub.engine.recompute_all().await.unwrap();
    }
    let done = hub.engine.run_once(Some("push"), None).await.unwrap();
    assert_eq!(done.push, 1, "one request");
    assert_eq!(hub.counter("rakuten", 0), 7);
}

#[tokio::test]
async fn a_standby_that_takes_over_knows_what_the_last_holder_spent() {
    let hub = Hub::open(&[&uriba_amazon::MALL]).await;
    let standby = hub.standby().await;
    // By now twenty searches may leave at once, and then one every three minutes.
    hub.env.advance(minutes(120));
    assert_eq!(searches(&hub, &hub.engine).await, 20);
    hub.lapse().await;
    standby.take_leases(minutes(120)).await.unwrap();
    assert_eq!(searches(&hub, &standby).await, 0);
    hub.env.advance(minutes(7));
    assert_eq!(searches(&hub, &standby).await, 2);
    assert_eq!(hub.meters.violations(), Vec::<String>::new());
}

/// Searches for orders until none may leave, and says how many did.
async fn searches(hub: &Hub, engine: &Engine) -> usize {
    let line = engine.channel("amazon").unwrap().line();
    let to = hub.env.now() - SignedDuration::from_mins(5);
    let span = Span::Window { from: to - SignedDuration::from_mins(5), to };
    let mut sent = 0;
    while line.wire.ready_at("orders.search") <= hub.env.now() {
        line.mall.pull(&Query { span: span.clone(), open_only: false, token: None }).await.unwrap();
        sent += 1;
    }
    sent
}

#[tokio::test]
async fn nothing_leaves_for_a_mall_once_the_lease_has_ended() {
    let hub = Hub::open(&[&uriba_rakuten::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 5).await;
    hub.run_until("it shows 5", minutes(10), |hub| hub.counter("rakuten", 0) == 5).await;
    hub.stock("tea", 2).await;
    hub.engine.recompute_all().await.unwrap();
    hub.engine.take_leases(Duration::from_secs(30)).await.unwrap();
    let here = hub.engine.channel("rakuten").unwrap();
    let (lease, outlet) = (here.lease().unwrap(), here.outlet.clone());
    let claim = hub.store.claim(&lease, &outlet, hub.store.now()).await.unwrap().unwrap();
    hub.env.advance(Duration::from_secs(31));
    let (performed, error) = perform(here.line().mall.as_ref(), &claim.updates()).await;
    assert!(matches!(performed, Performed::NotApplied), "{performed:?}");
    assert!(error.unwrap().to_string().contains("lease"));
    assert_eq!(hub.engine.run_once(None, None).await.unwrap(), Done::default());
    assert_eq!(hub.counter("rakuten", 0), 5);
}
