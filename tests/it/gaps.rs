//! What is not known for certain: keys that end, and spans of orders that nobody read.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::SignedDuration;
use uriba_sdk::{
    Env,
    fake::{Fault, Times},
};

use crate::hub::Hub;

fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

async fn told(hub: &Hub, kind: &str) -> Vec<String> {
    let items = hub.store.attention(None, 100).await.unwrap();
    items.into_iter().filter(|item| item.kind == kind).map(|item| item.message).collect()
}

#[tokio::test]
async fn a_key_that_was_renewed_in_time_is_found_within_a_minute_and_nothing_stops() {
    let hub = Hub::open(&[&uriba_rakuten::MALL]).await;
    let here = hub.engine.channel("rakuten").unwrap();
    let settings = Arc::new(Mutex::new(here.plan.settings.clone()));
    let source = settings.clone();
    here.take_settings_from(Arc::new(move |_| Some(source.lock().unwrap().clone())));
    hub.engine.run_once(Some("expire"), None).await.unwrap();
    hub.env.advance(days(69));
    hub.engine.run_once(Some("expire"), None).await.unwrap();
    let said = told(&hub, "credentials").await;
    assert!(said.len() == 1 && said[0].contains("license_key ends in 21 days at the latest"), "{said:?}");
    settings.lock().unwrap().credentials.insert("license_key".into(), "a new one".into());
    hub.engine.run_once(Some("expire"), None).await.unwrap();
    assert_eq!(told(&hub, "credentials").await.len(), 1, "it was looked at a moment ago");
    hub.env.advance(Duration::from_secs(60));
    hub.engine.run_once(Some("expire"), None).await.unwrap();
    assert_eq!(told(&hub, "credentials").await, Vec::<String>::new());
    let sheet = hub.store.channel_sheet("rakuten", &hub.outlines()).await.unwrap();
    let license = sheet.credentials.iter().find(|credential| credential.name == "license_key").unwrap();
    assert_eq!(license.since, hub.env.now());
}

async fn gaps(hub: &Hub) -> usize {
    hub.store.channel_sheet("sample", &hub.outlines()).await.unwrap().coverage.gaps.len()
}

#[tokio::test]
async fn a_year_away_is_a_gap_behind_which_orders_are_read_and_nothing_is_raised() {
    let hub = Hub::open(&[&uriba_sample::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("the mall shows 10", days(1), |hub| hub.shows(0, 10)).await;
    hub.env.advance(days(400));
    hub.run_for(Duration::from_secs(900)).await;
    assert_eq!(gaps(&hub).await, 1);
    let said = told(&hub, "gap").await;
    assert!(said.len() == 1 && said[0].contains("uriba stock import orders FILE"), "{said:?}");
    hub.stock("tea", 12).await;
    hub.buy("sample", 0, 1);
    hub.run_for(Duration::from_secs(300)).await;
    assert_eq!(hub.counter("sample", 0), 9, "the sale is known, the two more are not shown");
    let item = hub.store.attention(None, 100).await.unwrap().into_iter().find(|item| item.kind == "gap").unwrap();
    hub.store.resolve_attention(item.id, None, "maria").await.unwrap();
    hub.run_until("the mall shows what there is", days(1), |hub| hub.shows(0, 11)).await;
    assert_eq!(gaps(&hub).await, 0);
}

#[tokio::test]
async fn a_window_that_waited_for_longer_than_the_mall_remembers_is_planned_anew() {
    let hub = Hub::open(&[&uriba_sample::MALL]).await;
    hub.run_for(Duration::from_secs(120)).await;
    hub.book("sample").fault("orders.search", Fault::Status(503), Times::Probability(1.0));
    hub.run_for(Duration::from_secs(120)).await;
    hub.env.advance(days(400));
    hub.book("sample").clear_faults();
    hub.run_for(Duration::from_secs(900)).await;
    let sheet = hub.store.channel_sheet("sample", &hub.outlines()).await.unwrap();
    assert_eq!(sheet.coverage.gaps.len(), 1);
    assert!(sheet.coverage.until.unwrap() > hub.env.now() - SignedDuration::from_mins(5), "{:?}", sheet.coverage);
}

#[tokio::test]
async fn an_order_that_is_shown_too_late_has_its_time_read_again_and_the_lag_reckoned_with() {
    let hub = Hub::open(&[&uriba_sample::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("the mall shows 10", days(1), |hub| hub.shows(0, 10)).await;
    let id = hub.buy("sample", 0, 1);
    hub.book("sample").hide_until(&id, hub.env.now() + SignedDuration::from_secs(58));
    hub.run_for(Duration::from_secs(180)).await;
    let sheet = hub.store.channel_sheet("sample", &hub.outlines()).await.unwrap();
    assert!(sheet.coverage.lag_s.is_some_and(|lag| (30..=60).contains(&lag)), "{:?}", sheet.coverage);
    assert_eq!((gaps(&hub).await, told(&hub, "gap").await.len()), (0, 0), "it is read again, and closed");
    let log = hub.store.log(None, 100).await.unwrap();
    assert_eq!(log.iter().filter(|entry| entry.what == "gap.close").count(), 1);
    hub.stock("tea", 12).await;
    hub.run_until("raises go on", days(1), |hub| hub.shows(0, 11)).await;
}

#[cfg(feature = "dynamodb")]
#[tokio::test]
async fn an_order_whose_row_the_storefront_deletes_gives_its_units_back_once() {
    let mut hub = Hub::open_with(&[&uriba_dynamodb::MALL], |plan| plan.poll_interval = Duration::from_secs(60)).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("the counter is filled", days(1), |hub| hub.shows(0, 10)).await;
    let id = hub.buy("dynamodb", 0, 3);
    hub.run_for(Duration::from_secs(120)).await;
    assert_eq!((hub.counter("dynamodb", 0), sellable(&hub).await), (7, 7));
    // The payment failed: the storefront puts the units back on its counter and deletes the checkout's row.
    hub.book("dynamodb").cancel(&id);
    hub.book("dynamodb").hide_until(&id, jiff::Timestamp::MAX);
    hub.run_for(Duration::from_secs(40 * 60)).await;
    assert_eq!((hub.counter("dynamodb", 0), sellable(&hub).await), (7, 7), "it is seen twice first");
    hub.restart().await;
    hub.run_for(Duration::from_secs(50 * 60)).await;
    assert_eq!((hub.counter("dynamodb", 0), sellable(&hub).await), (10, 10));
    let order = hub.store.order_sheet("dynamodb", &id).await.unwrap();
    let lately = hub.env.now() - SignedDuration::from_hours(3);
    assert!(order.ordered_at.is_some_and(|at| at > lately), "it keeps its time: {order:?}");
    hub.run_for(Duration::from_secs(3 * 3_600)).await;
    assert_eq!((hub.counter("dynamodb", 0), sellable(&hub).await), (10, 10), "once");
}

#[cfg(feature = "dynamodb")]
#[tokio::test]
async fn an_order_whose_row_is_merely_missing_holds_its_units_and_is_named() {
    let hub = Hub::open_with(&[&uriba_dynamodb::MALL], |plan| {
        plan.poll_interval = Duration::from_secs(60);
        plan.settings.options.insert("deleted_rows".into(), "missing".into());
    })
    .await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("the counter is filled", days(1), |hub| hub.shows(0, 10)).await;
    let id = hub.buy("dynamodb", 0, 3);
    hub.run_for(Duration::from_secs(120)).await;
    hub.book("dynamodb").hide_until(&id, jiff::Timestamp::MAX);
    hub.run_for(Duration::from_secs(35 * 60)).await;
    let said = told(&hub, "order_missing").await;
    assert!(said.len() == 1 && said[0].contains(&id) && said[0].contains("3 of tea"), "{said:?}");
    assert_eq!(sellable(&hub).await, 7);
    hub.book("dynamodb").hide_until(&id, hub.env.now());
    hub.run_for(Duration::from_secs(35 * 60)).await;
    assert_eq!((told(&hub, "order_missing").await.len(), sellable(&hub).await), (0, 7), "it was seen again");
}

#[tokio::test]
async fn an_order_that_a_program_calls_gone_gives_its_units_back_once() {
    let mut hub = Hub::open_with(&[&uriba_sidecar::MALL], |plan| plan.poll_interval = Duration::from_secs(60)).await;
    hub.shops["sidecar"].set_switch("deletes_cancelled", true);
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("the shop shows 10", days(1), |hub| hub.shows(0, 10)).await;
    let id = hub.buy("sidecar", 0, 3);
    hub.run_for(Duration::from_secs(180)).await;
    assert_eq!((hub.counter("sidecar", 0), sellable(&hub).await), (7, 7));
    hub.book("sidecar").cancel(&id);
    hub.book("sidecar").hide_until(&id, jiff::Timestamp::MAX);
    for _ in 0..3 {
        hub.run_for(Duration::from_secs(35 * 60)).await;
        hub.restart().await;
    }
    assert_eq!((hub.counter("sidecar", 0), sellable(&hub).await), (10, 10));
}

async fn sellable(hub: &Hub) -> i64 {
    let sheet = hub.store.sku_sheet("tea", &hub.outlines()).await.unwrap();
    sheet.pools.iter().filter_map(|pool| pool.sellable).sum()
}
