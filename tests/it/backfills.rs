//! Orders of a past span that somebody asks for.

use std::time::Duration;

use jiff::{SignedDuration, civil::Time, tz::TimeZone};
use uriba::{
    domain::{business_day::BusinessDays, quiet::QuietHours, suspend::Mode, windows::Window},
    store::{backfills::NewBackfill, core_files::CoreRules, instant, sheets::BackfillSheet, switch::Suspension},
};
use uriba_sdk::{
    Env,
    fake::{Fault, Times},
};

use crate::hub::Hub;

fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

fn wanted(hub: &Hub, channel: &str, days_ago: (i64, i64), per_minute: u32) -> NewBackfill {
    let ago = |days: i64| hub.env.now() - SignedDuration::from_hours(days * 24);
    let span = Window { from: ago(days_ago.0), to: ago(days_ago.1), open_only: false };
    NewBackfill { channel: channel.to_owned(), span, per_minute, quiet: None }
}

async fn ask(hub: &Hub, channel: &str, days_ago: (i64, i64), per_minute: u32) -> i64 {
    hub.store.ask_backfill(&wanted(hub, channel, days_ago, per_minute), "maria").await.unwrap()
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
async fn a_channel_whose_orders_are_not_to_be_read_says_so_to_whoever_asks() {
    let hub = Hub::open(&[&uriba_sample::MALL]).await;
    hub.run_for(Duration::from_secs(60)).await;
    let unread = Suspension { mode: Mode::Freeze, reason: None, from: None, until: None, poll: false };
    hub.store.suspend(&["sample".to_owned()], &unread, "maria").await.unwrap();
    let wanted = wanted(&hub, "sample", (2, 1), 60);
    let id = hub.store.ask_backfill(&wanted, "maria").await.unwrap();
    hub.run_for(Duration::from_secs(60)).await;
    let failed = sheet(&hub, id).await;
    assert_eq!((failed.state.as_str(), failed.requests), ("failed", 0));
    assert!(failed.problem.as_ref().is_some_and(|why| why.contains("suspended")), "{failed:?}");
    hub.store.resume(&["sample".to_owned()], None, "maria").await.unwrap();
    assert_eq!(hub.store.ask_backfill(&wanted, "maria").await.unwrap(), id);
    hub.run_for(Duration::from_secs(120)).await;
    assert_eq!(sheet(&hub, id).await.state, "done");
}

#[tokio::test]
async fn polls_that_take_the_whole_quota_leave_one_request_in_ten() {
    // A request a second, and a poll every second.
    let hub = Hub::open_with(&[&uriba_sample::MALL], |plan| plan.poll_interval = Duration::from_secs(1)).await;
    hub.run_for(Duration::from_secs(60)).await;
    let id = ask(&hub, "sample", (120, 1), 600).await;
    for second in 0..60 {
        hub.engine.run_once(None, None).await.unwrap();
        hub.env.advance(Duration::from_secs(1));
        let row = hub.store.channel("sample").await.unwrap();
        let last = instant(row.last_poll_at.unwrap());
        assert!(hub.env.now() <= last + SignedDuration::from_secs(3), "no poll in second {second}");
    }
    let done = sheet(&hub, id).await;
    assert_eq!((done.state.as_str(), done.requests), ("done", 4));
    assert_eq!(hub.meters.violations(), Vec::<String>::new());
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
    let again = NewBackfill { channel: "sample".into(), span, per_minute: 60, quiet: None };
    assert_eq!(hub.store.ask_backfill(&again, "maria").await.unwrap(), id);
    hub.run_for(Duration::from_secs(60)).await;
    let done = sheet(&hub, id).await;
    assert_eq!((done.state.as_str(), done.requests, done.problem), ("done", 4, None));
}

#[tokio::test]
async fn one_with_quiet_hours_waits_for_them_and_holds_up_no_other() {
    let hub = Hub::open(&[&uriba_sample::MALL]).await;
    let zone = TimeZone::get("Asia/Tokyo").unwrap();
    let core = CoreRules { days: BusinessDays { zone, starts: Time::midnight() }, counts: None };
    hub.store.set_core(&core).await.unwrap();
    hub.run_for(Duration::from_secs(60)).await;
    // It is ten in the morning there.
    let quiet = Some(QuietHours::parse("10:10-10:40").unwrap());
    let night = NewBackfill { quiet, ..wanted(&hub, "sample", (120, 1), 1) };
    let id = hub.store.ask_backfill(&night, "maria").await.unwrap();
    let at_once = ask(&hub, "sample", (20, 10), 60).await;
    hub.run_for(Duration::from_secs(180)).await;
    let (waits, done) = (sheet(&hub, id).await, sheet(&hub, at_once).await);
    assert_eq!((waits.state.as_str(), waits.requests, waits.quiet.as_deref()), ("open", 0, Some("10:10-10:40")));
    assert_eq!(waits.waits_until.map(|at| at.to_string()).as_deref(), Some("2026-11-20T01:10:00Z"));
    assert_eq!(done.state, "done", "asked for later, and for every hour");
    // A mall that is down before is no matter of theirs.
    hub.book("sample").fault("orders.search", Fault::Status(503), Times::Probability(1.0));
    hub.run_for(Duration::from_secs(180)).await;
    assert_eq!(sheet(&hub, id).await.state, "open");
    hub.book("sample").clear_faults();
    hub.run_for(Duration::from_secs(260)).await;
    let begun = sheet(&hub, id).await;
    assert_eq!((begun.state.as_str(), begun.waits_until), ("open", None));
    assert!((1..=3).contains(&begun.requests), "{begun:?}");
    hub.run_for(Duration::from_secs(300)).await;
    assert_eq!(sheet(&hub, id).await.state, "done");
    // Asked for again without hours, it waits for none.
    let night =
        NewBackfill { quiet: Some(QuietHours::parse("01:00-06:00").unwrap()), ..wanted(&hub, "sample", (50, 40), 60) };
    let id = hub.store.ask_backfill(&night, "maria").await.unwrap();
    hub.run_for(Duration::from_secs(120)).await;
    assert_eq!(sheet(&hub, id).await.requests, 0);
    assert_eq!(hub.store.ask_backfill(&NewBackfill { quiet: None, ..night }, "maria").await.unwrap(), id);
    hub.run_for(Duration::from_secs(120)).await;
    let done = sheet(&hub, id).await;
    assert_eq!((done.state.as_str(), done.quiet), ("done", None));
}
