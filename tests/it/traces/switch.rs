//! The suspend switch while things go wrong.

use std::time::Duration;

use uriba::{domain::suspend::Mode, store::switch::Suspension};
use uriba_sdk::fake::{Fault, Times};

use crate::hub::{Hub, seconds_later};

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

fn zero() -> Suspension {
    Suspension { mode: Mode::Zero, reason: Some("sale".into()), from: None, until: None, poll: true }
}

async fn live_hub() -> Hub {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL]).await;
    for n in 0..3 {
        hub.list(n, &format!("sku-{n}"), 1, 0).await;
        hub.stock(&format!("sku-{n}"), 10).await;
    }
    hub.run_until("all show 10", minutes(15), |hub| (0..3).all(|n| hub.shows(n, 10))).await;
    hub
}

async fn state(hub: &Hub, channel: &str) -> String {
    hub.store.channel(channel).await.unwrap().state
}

#[tokio::test]
async fn suspending_to_zero_empties_one_mall_and_leaves_the_others_open() {
    let hub = live_hub().await;
    hub.store.suspend(&["rakuten".into()], &zero(), "test").await.unwrap();
    assert_eq!(state(&hub, "rakuten").await, "draining");
    hub.run_for(minutes(5)).await;
    assert_eq!(state(&hub, "rakuten").await, "suspended");
    assert!((0..3).all(|n| hub.counter("rakuten", n) == 0 && hub.counter("yahoo", n) == 10));
    hub.store.resume(&["rakuten".into()], None, "test").await.unwrap();
    hub.run_for(minutes(10)).await;
    assert_eq!(state(&hub, "rakuten").await, "active");
    assert!((0..3).all(|n| hub.shows(n, 10)));
}

#[tokio::test]
async fn a_late_write_that_lands_after_the_zero_is_zeroed_again() {
    let hub = live_hub().await;
    // "Set to 12" hangs and is applied, the answer lost; the zero follows while it is in doubt.
    hub.book("rakuten").fault("stock.push", Fault::HangAfter, Times::Next(1));
    hub.stock("sku-0", 12).await;
    hub.engine.run_once(None, None).await.unwrap();
    hub.store.suspend(&["rakuten".into()], &zero(), "test").await.unwrap();
    hub.engine.run_once(None, None).await.unwrap();
    hub.book("rakuten").set(&hub.key("rakuten", 0), 2);
    hub.run_for(minutes(30)).await;
    assert_eq!(hub.counter("rakuten", 0), 0);
    assert_eq!(state(&hub, "rakuten").await, "suspended");
}

#[tokio::test]
async fn a_cancel_that_the_mall_restores_while_suspended_is_zeroed_again() {
    let hub = live_hub().await;
    let order = hub.buy("rakuten", 0, 2);
    hub.run_for(minutes(5)).await;
    hub.store.suspend(&["rakuten".into()], &zero(), "test").await.unwrap();
    hub.run_for(minutes(5)).await;
    hub.book("rakuten").cancel(&order);
    assert_eq!(hub.counter("rakuten", 0), 2, "the mall put them back");
    hub.run_until("zero again", minutes(30), |hub| hub.counter("rakuten", 0) == 0).await;
    assert_eq!(state(&hub, "rakuten").await, "suspended");
}

#[tokio::test]
async fn a_frozen_channel_keeps_what_it_shows_and_gets_no_write() {
    let hub = live_hub().await;
    let freeze = Suspension { mode: Mode::Freeze, ..zero() };
    hub.store.suspend(&["yahoo".into()], &freeze, "test").await.unwrap();
    hub.stock("sku-1", 3).await;
    hub.run_for(minutes(5)).await;
    assert_eq!((hub.counter("yahoo", 1), hub.counter("rakuten", 1)), (10, 3));
    assert_eq!(state(&hub, "yahoo").await, "suspended");
}

#[tokio::test]
async fn the_switch_survives_a_restart_and_its_end_is_obeyed_although_it_passed_meanwhile() {
    let mut hub = live_hub().await;
    let until = Some(seconds_later(hub.store.now(), 3_600));
    hub.store.suspend(&["rakuten".into()], &Suspension { until, ..zero() }, "test").await.unwrap();
    hub.run_for(minutes(5)).await;
    hub.restart().await;
    assert_eq!(state(&hub, "rakuten").await, "suspended");
    hub.env.advance(Duration::from_secs(7_200));
    hub.run_for(minutes(15)).await;
    assert_eq!(state(&hub, "rakuten").await, "active");
    assert!((0..3).all(|n| hub.shows(n, 10)));
}

#[tokio::test]
async fn an_end_that_passes_while_draining_resumes() {
    let hub = live_hub().await;
    hub.book("rakuten").fault("stock.push", Fault::Status(503), Times::Probability(1.0));
    let until = Some(seconds_later(hub.store.now(), 120));
    hub.store.suspend(&["rakuten".into()], &Suspension { until, ..zero() }, "test").await.unwrap();
    hub.run_for(minutes(1)).await;
    assert_eq!(state(&hub, "rakuten").await, "draining");
    hub.book("rakuten").clear_faults();
    hub.run_for(minutes(20)).await;
    assert_eq!(state(&hub, "rakuten").await, "active");
    assert!((0..3).all(|n| hub.shows(n, 10)));
}
