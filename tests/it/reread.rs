//! Orders that must be read once more, because the last answer about them was not the last word.

use std::time::Duration;

use uriba_sdk::fake::{Fault, Times};

use crate::hub::Hub;

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

#[tokio::test]
async fn a_second_change_within_the_second_of_the_reading_is_read_too() {
    let hub = Hub::open(&[&uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("the mall shows 10", minutes(10), |hub| hub.shows(0, 10)).await;
    let id = hub.buy("yahoo", 0, 5);
    hub.run_for(minutes(3)).await;
    // The next cycle is due, and its requests take no time at all.
    hub.env.advance(minutes(2));
    hub.book("yahoo").edit(&id, "1", 6);
    hub.engine.run_once(Some("poll"), None).await.unwrap();
    let unshipped = async || hub.store.order_sheet("yahoo", &id).await.unwrap().unshipped;
    assert_eq!(unshipped().await, 6);
    hub.book("yahoo").edit(&id, "1", 7);
    hub.run_for(minutes(5)).await;
    assert_eq!(unshipped().await, 7);
}

#[tokio::test]
async fn a_wrong_answer_about_an_order_does_not_stand_for_ever_where_only_changes_are_listed() {
    let hub = Hub::open(&[&uriba_amazon::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("the mall shows 10", minutes(90), |hub| hub.shows(0, 10)).await;
    let id = hub.buy("amazon", 0, 4);
    hub.book("amazon").cancel(&id);
    let known = async || hub.store.order_sheet("amazon", &id).await.ok().map(|order| order.unshipped);
    while known().await.is_none() {
        hub.run_for(Duration::from_secs(5)).await;
    }
    assert_eq!(known().await, Some(0));
    // The overlap of the next window names it once more, with a status that nobody knows: it may hold stock.
    hub.book("amazon").fault("orders.search", Fault::UnknownStatus, Times::Next(1));
    hub.run_for(minutes(4)).await;
    assert_eq!(known().await, Some(4));
    hub.run_for(minutes(60)).await;
    assert_eq!(known().await, Some(0));
}

#[tokio::test]
async fn a_search_that_waited_for_its_quota_reads_up_to_when_it_is_sent() {
    let asks_too_often = |plan: &mut uriba::engine::ChannelPlan| plan.poll_interval = Duration::from_secs(60);
    let hub = Hub::open_with(&[&uriba_amazon::MALL], asks_too_often).await;
    hub.run_for(minutes(30)).await;
    let mut oldest = 0;
    for _ in 0..120 {
        hub.run_for(Duration::from_secs(5)).await;
        let watermark = hub.store.channel("amazon").await.unwrap().watermark.unwrap();
        oldest = oldest.max(hub.store.now().as_second() - watermark / 1_000_000);
    }
    // Two minutes at the mall's edge and three between searches, and the steps of this test.
    assert!(oldest < 330, "orders were last known up to {oldest} s ago");
}
