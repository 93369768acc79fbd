//! The suspend switch while things go wrong.

use std::time::Duration;

use uriba::{
    domain::suspend::Mode,
    store::{
        sheets::{ListingFilter, Outlines, Paging, Throw},
        switch::Suspension,
    },
};
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

#[tokio::test]
async fn a_mall_that_is_down_is_drained_when_it_is_back_and_not_before() {
    let hub = live_hub().await;
    hub.book("rakuten").fault("stock.push", Fault::Status(503), Times::Probability(1.0));
    hub.book("rakuten").fault("stock.read", Fault::Status(503), Times::Probability(1.0));
    hub.store.suspend(&["rakuten".into()], &zero(), "test").await.unwrap();
    hub.run_for(minutes(20)).await;
    assert_eq!(state(&hub, "rakuten").await, "draining", "nobody has seen a zero");
    assert!((0..3).all(|n| hub.counter("rakuten", n) == 10 && hub.counter("yahoo", n) == 10));
    hub.book("rakuten").clear_faults();
    hub.run_until("it is empty", minutes(30), |hub| (0..3).all(|n| hub.counter("rakuten", n) == 0)).await;
    hub.run_for(minutes(10)).await;
    assert_eq!(state(&hub, "rakuten").await, "suspended");
}

#[tokio::test]
async fn one_refused_listing_holds_up_nothing_and_is_named() {
    let hub = live_hub().await;
    hub.book("rakuten").fault("stock.push", Fault::Partial, Times::Next(1));
    hub.store.suspend(&["rakuten".into()], &zero(), "test").await.unwrap();
    hub.run_for(minutes(4)).await;
    assert_eq!(state(&hub, "rakuten").await, "suspended");
    let left: Vec<usize> = (0..3).filter(|n| hub.counter("rakuten", *n) == 10).collect();
    assert_eq!(left.len(), 1, "the others are at zero");
    let sheet = hub.store.channel_sheet("rakuten", &Outlines::new()).await.unwrap();
    assert_eq!(sheet.suspend.unwrap().set_aside, 1);
    let items = hub.store.attention(None, 10).await.unwrap();
    let named: Vec<_> = items.iter().filter_map(|item| Some((item.kind.as_str(), item.mall_key.as_deref()?))).collect();
    assert_eq!(named, [("set_aside", hub.key("rakuten", left[0]).as_str())]);
    hub.run_until("it is tried again", minutes(10), |hub| hub.counter("rakuten", left[0]) == 0).await;
}

#[tokio::test]
async fn new_and_remapped_listings_begin_at_zero_on_a_suspended_channel() {
    let hub = live_hub().await;
    hub.store.suspend(&["rakuten".into()], &zero(), "test").await.unwrap();
    hub.run_for(minutes(5)).await;
    assert_eq!(state(&hub, "rakuten").await, "suspended");
    hub.list_on("rakuten", 5, "sku-0", 1, 7).await;
    hub.list_mapping("rakuten", 1, "sku-2").await;
    hub.run_until("the new one is empty", minutes(30), |hub| hub.counter("rakuten", 5) == 0).await;
    assert_eq!((hub.counter("rakuten", 1), hub.counter("yahoo", 0)), (0, 10));
    hub.store.resume(&["rakuten".into()], None, "test").await.unwrap();
    hub.run_until("both are on sale", minutes(30), |hub| {
        hub.counter("rakuten", 5) == 10 && hub.counter("rakuten", 1) == 10
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_while_no_service_ran_is_done_when_one_does() {
    let mut hub = live_hub().await;
    let others = hub.standby().await;
    others.store.suspend(&["rakuten".into(), "yahoo".into()], &zero(), "test").await.unwrap();
    others.store.resume(&["yahoo".into()], None, "test").await.unwrap();
    others.store.stop_sku("sku-2", None, "test").await.unwrap();
    hub.env.advance(Duration::from_secs(7_200));
    hub.restart().await;
    hub.run_for(minutes(15)).await;
    assert_eq!((state(&hub, "rakuten").await, state(&hub, "yahoo").await), ("suspended".into(), "active".into()));
    assert!((0..3).all(|n| hub.counter("rakuten", n) == 0));
    assert_eq!([0, 1, 2].map(|n| hub.counter("yahoo", n)), [10, 10, 0]);
}

#[tokio::test]
async fn a_stopped_sku_leaves_every_mall_also_over_a_write_in_doubt_and_comes_back() {
    let mut hub = live_hub().await;
    hub.book("rakuten").fault("stock.push", Fault::HangAfter, Times::Next(1));
    hub.stock("sku-0", 12).await;
    hub.engine.run_once(None, None).await.unwrap();
    hub.store.stop_sku("sku-0", Some("recall"), "test").await.unwrap();
    hub.run_until("it is off every mall", minutes(30), |hub| hub.shows(0, 0)).await;
    assert!(hub.shows(1, 10) && hub.shows(2, 10), "the others are sold on");
    let order = hub.buy("yahoo", 1, 1);
    hub.run_for(minutes(5)).await;
    hub.restart().await;
    hub.book("yahoo").cancel(&order);
    hub.run_for(minutes(30)).await;
    assert!(hub.shows(0, 0), "through a restart");
    let keys: Vec<_> = ["rakuten", "yahoo"].map(|mall| (mall, hub.key(mall, 0))).into();
    let filter = ListingFilter { sku: Some("sku-0".into()), ..ListingFilter::default() };
    let sheets = hub.store.listing_sheets(&filter, &hub.outlines(), &Paging::new(None, None)).await.unwrap().items;
    let states: Vec<_> = sheets
        .iter()
        .filter(|sheet| keys.contains(&(sheet.showing.channel.as_str(), sheet.showing.mall_key.clone())))
        .map(|sheet| (sheet.showing.state.as_str(), sheet.showing.reason.as_deref()))
        .collect();
    assert_eq!(states, [("stopped", Some("test stopped sku-0: recall")); 2]);
    hub.store.resume_sku("sku-0", None, "test").await.unwrap();
    hub.run_until("it is back", minutes(30), |hub| hub.shows(0, 12)).await;
}

#[tokio::test]
async fn what_a_trial_of_the_switch_counts_is_what_happens() {
    let hub = live_hub().await;
    let throw = async |throw| {
        let ids = ["rakuten".to_owned()];
        hub.store.preview_switch(&ids, throw, &hub.outlines()).await.unwrap().remove(0)
    };
    hub.book("rakuten").fault("stock.push", Fault::Partial, Times::Next(1));
    hub.stock("sku-1", 3).await;
    hub.run_until("it is refused", minutes(2), |hub| hub.counter("yahoo", 1) == 3).await;
    hub.run_for(Duration::from_secs(10)).await;
    let preview = throw(Throw::Suspend(Mode::Zero)).await;
    assert_eq!((preview.now.as_str(), preview.then.as_str()), ("active", "draining (zero)"));
    assert_eq!((preview.to_zero, preview.to_target, preview.left_alone.set_aside), (2, 0, 1));
    assert!(preview.requests == 1 && preview.seconds.is_some_and(|seconds| seconds <= 2), "{preview:?}");
    let frozen = throw(Throw::Suspend(Mode::Freeze)).await;
    assert_eq!((frozen.to_zero, frozen.left_alone.frozen, frozen.seconds), (0, 2, None));
    let nothing = throw(Throw::Resume).await;
    assert_eq!((nothing.now.as_str(), nothing.then.as_str(), nothing.to_target), ("active", "active", 0));
    hub.store.suspend(&["rakuten".into()], &zero(), "test").await.unwrap();
    hub.run_for(minutes(2)).await;
    assert_eq!([0, 1, 2].map(|n| hub.counter("rakuten", n)), [0, 10, 0]);
    let back = throw(Throw::Resume).await;
    assert_eq!((back.now.as_str(), back.then.as_str()), ("suspended (zero)", "resuming"));
    assert_eq!((back.to_zero, back.to_target, back.left_alone.set_aside), (0, 2, 1));
}
