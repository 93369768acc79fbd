//! Orders of a past span that somebody asks for.

use std::time::Duration;

use jiff::SignedDuration;
use uriba::{domain::windows::Window, store::backfills::BackfillSheet};
use uriba_sdk::{
    Env,
    fake::{Fault, Times},
};

use crate::hub::Hub;

fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

async fn ask(hub: &Hub, channel: &str, days_ago: (i64, i64), per_minute: u32) -> i64 {
    let ago = |days: i64| hub.env.now() - SignedDuration::from_hours(days * 24);
    let span = Window { from: ago(days_ago.0), to: ago(days_ago.1), open_only: false };
    hub.store.ask_backfill(channel, span, per_minute, "maria").await.unwrap()
}

async fn sheet(hub: &Hub, id: i64) -> BackfillSheet {
    hub.store.backfill_sheet(id).await.unwrap()
}

#[tokio::test]
async fn an_order_from_before_the_channel_was_connected_is_read_and_counts_like_any() {
    // The one's list has whole orders, the other's only their numbers.
    for (mall, requests) in [(&uriba_sample::MALL, 1), (&uriba_rakuten::MALL, 2)] {
        let hub = Hub::open(&[mall]).await;
        hub.list(0, "tea", 1, 10).await;
        let order = hub.buy(mall.id, 0, 1);
        hub.env.advance(days(60));
        hub.stock("tea", 10).await;
        hub.run_for(Duration::from_secs(120)).await;
        assert!(hub.store.order_sheet(mall.id, &order).await.is_err(), "the look-back is thirty days");
        let id = ask(&hub, mall.id, (61, 59), 60).await;
        hub.run_for(Duration::from_secs(300)).await;
        let done = sheet(&hub, id).await;
        assert_eq!((done.state.as_str(), done.orders, done.requests), ("done", 1, requests), "{}", mall.id);
        assert_eq!((done.read_to, done.problem), (done.until, None));
        hub.store.order_sheet(mall.id, &order).await.unwrap();
    }
}

#[tokio::test]
async fn no_more_requests_leave_than_asked_for_and_another_process_goes_on_where_it_was_left() {
    let mut hub = Hub::open(&[&uriba_sample::MALL]).await;
    hub.run_for(Duration::from_secs(60)).await;
    // Windows of 31 days.
    let id = ask(&hub, "sample", (120, 1), 1).await;
    hub.run_for(Duration::from_secs(90)).await;
    let begun = sheet(&hub, id).await;
    assert_eq!((begun.state.as_str(), begun.requests), ("open", 2));
    assert_eq!(begun.read_to, begun.from + SignedDuration::from_hours(2 * 31 * 24));
    hub.restart().await;
    hub.run_for(Duration::from_secs(150)).await;
    let done = sheet(&hub, id).await;
    assert_eq!((done.state.as_str(), done.requests, done.read_to), ("done", 4, done.until));
}

#[tokio::test]
async fn a_mall_that_can_t_be_read_ends_it_with_the_reason_and_the_same_asked_again_goes_on() {
    let hub = Hub::open(&[&uriba_sample::MALL]).await;
    hub.run_for(Duration::from_secs(60)).await;
    let id = ask(&hub, "sample", (120, 1), 1).await;
    hub.run_for(Duration::from_secs(30)).await;
    hub.book("sample").fault("orders.search", Fault::Status(503), Times::Probability(1.0));
    hub.run_for(Duration::from_secs(3_600)).await;
    let failed = sheet(&hub, id).await;
    assert_eq!((failed.state.as_str(), failed.requests), ("failed", 1));
    assert!(failed.problem.as_deref().unwrap().contains("503"), "{:?}", failed.problem);
    hub.book("sample").clear_faults();
    hub.run_for(Duration::from_secs(600)).await;
    let span = Window { from: failed.from, to: failed.until, open_only: false };
    assert_eq!(hub.store.ask_backfill("sample", span, 60, "maria").await.unwrap(), id);
    hub.run_for(Duration::from_secs(60)).await;
    let done = sheet(&hub, id).await;
    assert_eq!((done.state.as_str(), done.requests, done.problem), ("done", 4, None));
}
