//! The operator's switch as it is kept: who threw it, what is due while nothing runs, what a push may claim.

use jiff::Timestamp;
use sea_orm::ConnectionTrait;
use uriba::{
    domain::suspend::Mode,
    store::{StoreError, switch::Suspension},
};
use uriba_sdk::{Env, Write};

use crate::support::{TestBase, clock, line, on_every_database, on_postgres, order, outlet, seconds};

fn zero() -> Suspension {
    Suspension { mode: Mode::Zero, reason: Some("sale".into()), from: None, until: None, poll: true }
}

fn freeze() -> Suspension {
    Suspension { mode: Mode::Freeze, ..zero() }
}

#[tokio::test]
async fn zero_drains_until_each_listing_reads_zero_and_resume_waits_for_orders() {
    on_every_database(async |base| {
        ready(base).await;
        assert_eq!(suspend(base, &zero()).await, "draining");
        assert!(!base.store.move_switches().await.unwrap(), "the mall still shows ten");
        assert_eq!(claimed(base).await, Some(Write::Absolute(0)));
        settle_at_zero(base).await;
        assert!(base.store.move_switches().await.unwrap());
        assert_eq!(state(base).await, "suspended");
        base.env.advance(seconds(60));
        assert_eq!(resume(base).await, "resuming");
        base.store.move_switches().await.unwrap();
        assert_eq!(state(base).await, "resuming", "orders come first");
        assert_eq!(claimed(base).await, None, "and nothing is raised before them");
        base.read("a", &[order("1", &[line("tea", 4)])]).await;
        polled(base).await;
        base.store.move_switches().await.unwrap();
        assert_eq!(state(base).await, "resuming", "what they take is not counted yet");
        base.recompute(&["a"]).await;
        base.store.move_switches().await.unwrap();
        assert_eq!(state(base).await, "active");
        assert_eq!(claimed(base).await, Some(Write::Relative(6)));
    })
    .await;
}

#[tokio::test]
async fn a_suspended_channel_gets_zeros_a_frozen_or_shadow_one_nothing() {
    on_every_database(async |base| {
        ready(base).await;
        base.read("a", &[order("1", &[line("tea", 4)])]).await;
        base.recompute(&["a"]).await;
        suspend(base, &freeze()).await;
        assert_eq!(claimed(base).await, None, "frozen at ten, with a target of six");
        resume(base).await;
        polled(base).await;
        base.store.move_switches().await.unwrap();
        base.store.set_mode("a", false, "somebody").await.unwrap();
        assert_eq!(claimed(base).await, None, "a shadow");
        base.store.set_mode("a", true, "somebody").await.unwrap();
        assert_eq!(claimed(base).await, Some(Write::Relative(-4)));
        suspend(base, &zero()).await;
        assert_eq!(claimed(base).await, Some(Write::Absolute(0)), "also over a write of unknown outcome");
    })
    .await;
}

#[tokio::test]
async fn the_switch_goes_where_the_last_word_sends_it() {
    on_every_database(async |base| {
        ready(base).await;
        assert_eq!(resume(base).await, "active", "nothing to resume");
        assert_eq!(
            base.store.log(None, 100).await.unwrap().iter().filter(|row| row.what == "channel.resume").count(),
            0
        );
        assert_eq!(suspend(base, &freeze()).await, "suspended");
        assert_eq!(suspend(base, &zero()).await, "draining", "zero after freeze");
        assert_eq!(suspend(base, &freeze()).await, "draining", "freeze after zero stays at zero");
        assert_eq!(base.store.channel("a").await.unwrap().suspend_mode.as_deref(), Some("zero"));
        assert_eq!(resume(base).await, "resuming");
        assert_eq!(suspend(base, &zero()).await, "draining", "again");
        settle_at_zero(base).await;
        base.store.move_switches().await.unwrap();
        let before = base.store.channel("a").await.unwrap();
        assert_eq!(suspend(base, &zero()).await, "suspended", "it is already");
        assert_eq!(base.store.channel("a").await.unwrap().suspended_at, before.suspended_at);
    })
    .await;
}

#[tokio::test]
async fn several_channels_are_suspended_together_or_not_at_all() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        let before = base.everything().await;
        let names = ["a".to_owned(), "nowhere".to_owned(), "b".to_owned()];
        let error = base.store.suspend(&names, &zero(), "somebody").await.expect_err("one of them is unknown");
        assert!(matches!(error, StoreError::Missing { kind: "channel", .. }), "{error}");
        assert_eq!(base.everything().await, before);
        base.store.suspend(&["a".into(), "b".into()], &zero(), "somebody").await.unwrap();
        assert_eq!(base.store.channel("b").await.unwrap().state, "draining");
    })
    .await;
}

#[tokio::test]
async fn who_threw_the_switch_when_and_why_is_in_the_log() {
    on_every_database(async |base| {
        ready(base).await;
        suspend(base, &Suspension { until: Some(clock("18:00")), ..zero() }).await;
        let row = base.store.channel("a").await.unwrap();
        assert_eq!((row.suspended_by.as_deref(), row.suspend_reason.as_deref()), (Some("somebody"), Some("sale")));
        let log = base.store.log(None, 100).await.unwrap();
        let line = log.iter().find(|row| row.what == "channel.suspend").unwrap();
        assert_eq!(
            (line.who.as_str(), line.subject.as_str(), line.why.as_deref()),
            ("somebody", "channel/a", Some("sale"))
        );
        assert!(line.detail.as_deref().is_some_and(|detail| detail.contains("until 2026-11-20T09:00:00Z")), "{line:?}");
        assert_eq!(line.at, row.suspended_at.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_end_that_passes_while_the_service_is_down_is_obeyed() {
    on_every_database(async |base| {
        ready(base).await;
        let until = Some(clock("12:00"));
        suspend(base, &Suspension { until, ..freeze() }).await;
        base.env.advance_to(clock("11:59"));
        assert!(!base.store.move_switches().await.unwrap());
        base.env.advance_to(clock("15:00"));
        let next_run = base.another().await;
        assert!(next_run.move_switches().await.unwrap());
        let row = base.store.channel("a").await.unwrap();
        assert_eq!((row.state.as_str(), row.suspend_until), ("resuming", None));
        let log = base.store.log(None, 1).await.unwrap();
        assert_eq!((log[0].who.as_str(), log[0].why.as_deref()), ("uriba", Some("the suspension's end has come")));
    })
    .await;
}

#[tokio::test]
async fn an_end_that_passes_while_draining_is_obeyed() {
    on_every_database(async |base| {
        ready(base).await;
        suspend(base, &Suspension { until: Some(clock("12:00")), ..zero() }).await;
        base.env.advance_to(clock("12:00"));
        base.store.move_switches().await.unwrap();
        assert_eq!(state(base).await, "resuming");
    })
    .await;
}

#[tokio::test]
async fn a_scheduled_suspension_begins_at_its_time_also_when_that_passed_while_down() {
    on_every_database(async |base| {
        ready(base).await;
        let wanted = Suspension { from: Some(clock("19:30")), until: Some(clock("23:00")), poll: false, ..freeze() };
        assert_eq!(suspend(base, &wanted).await, "active");
        assert_eq!(base.store.schedules("a").await.unwrap().len(), 1);
        base.env.advance_to(clock("20:00"));
        base.another().await.move_switches().await.unwrap();
        let row = base.store.channel("a").await.unwrap();
        assert_eq!((row.state.as_str(), row.poll, instant(row.suspend_until)), ("suspended", false, clock("23:00")));
        assert_eq!(row.suspended_by.as_deref(), Some("somebody"), "who asked for it, not who carried it out");
        assert!(base.store.schedules("a").await.unwrap().is_empty());
        base.env.advance_to(clock("23:00"));
        base.store.move_switches().await.unwrap();
        assert!(base.store.channel("a").await.unwrap().poll, "orders are read again");
        assert_eq!(state(base).await, "resuming");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_instances_find_due_is_carried_out_by_one() {
    on_postgres(async |base| {
        ready(base).await;
        suspend(base, &Suspension { from: Some(clock("19:30")), ..freeze() }).await;
        base.env.advance_to(clock("19:31"));
        // The first one is about to end its transaction.
        let first = base.store.begin().await.unwrap();
        first.execute_unprepared("UPDATE schedule SET done_at = 1").await.unwrap();
        let second = base.another().await;
        let second = tokio::spawn(async move { second.move_switches().await.unwrap() });
        base.wait_for_a_blocked_session().await;
        first.commit().await.unwrap();
        second.await.unwrap();
        assert_eq!(state(base).await, "active", "whoever switched it on again meanwhile is not overruled");
    })
    .await;
}

#[tokio::test]
async fn a_suspension_that_is_over_before_anybody_ran_does_nothing() {
    on_every_database(async |base| {
        ready(base).await;
        let wanted = Suspension { from: Some(clock("19:30")), until: Some(clock("23:00")), ..zero() };
        suspend(base, &wanted).await;
        base.env.advance_to(clock("23:30"));
        base.store.move_switches().await.unwrap();
        assert_eq!(state(base).await, "active");
        assert!(!base.store.move_switches().await.unwrap(), "and it is done with");
    })
    .await;
}

#[tokio::test]
async fn a_dated_suspension_does_not_end_one_that_holds_for_longer() {
    for (by_hand, planned, ends) in [
        (None, Some("23:00"), None),
        (Some("23:30"), Some("23:00"), Some("23:30")),
        (Some("22:00"), Some("23:00"), Some("23:00")),
        (Some("22:00"), None, None),
    ] {
        on_every_database(async |base| {
            ready(base).await;
            let evening = Suspension { from: Some(clock("19:30")), until: planned.map(clock), ..zero() };
            suspend(base, &evening).await;
            suspend(base, &Suspension { until: by_hand.map(clock), ..zero() }).await;
            base.env.advance_to(clock("19:31"));
            base.store.move_switches().await.unwrap();
            let row = base.store.channel("a").await.unwrap();
            assert_eq!(row.suspend_until, ends.map(|time| clock(time).as_microsecond()), "{by_hand:?} {planned:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_schedule_can_be_taken_back_until_it_is_due() {
    on_every_database(async |base| {
        ready(base).await;
        suspend(base, &Suspension { from: Some(clock("19:30")), ..zero() }).await;
        let id = base.store.schedules("a").await.unwrap()[0].id;
        base.store.unschedule(&id.to_string(), "somebody").await.unwrap();
        assert!(base.store.unschedule(&id.to_string(), "somebody").await.is_err());
        base.env.advance_to(clock("20:00"));
        assert!(!base.store.move_switches().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_schedule_of_a_channel_that_left_the_configuration_holds_up_no_other() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        let wanted = Suspension { from: Some(clock("19:30")), ..freeze() };
        base.store.suspend(&["a".into(), "b".into()], &wanted, "somebody").await.unwrap();
        base.open_channels(&["b"]).await;
        base.env.advance_to(clock("20:00"));
        base.store.move_switches().await.unwrap();
        assert_eq!(base.store.channel("b").await.unwrap().state, "suspended");
        base.open_channels(&["a", "b"]).await;
        base.store.move_switches().await.unwrap();
        assert_eq!(state(base).await, "suspended", "it is back, and so is what was asked of it");
    })
    .await;
}

/// Live, settled at ten, with nothing to do.
async fn ready(base: &TestBase) {
    base.trade(&["a"], "tea", 10).await;
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    base.observe("a", "tea", 10).await;
    assert_eq!(claimed(base).await, None);
}

async fn state(base: &TestBase) -> String {
    base.store.channel("a").await.unwrap().state
}

async fn suspend(base: &TestBase, wanted: &Suspension) -> String {
    base.store.suspend(&["a".into()], wanted, "somebody").await.unwrap();
    state(base).await
}

async fn resume(base: &TestBase) -> String {
    base.store.resume(&["a".into()], None, "somebody").await.unwrap();
    state(base).await
}

/// What the next push says of the one listing; its answer never comes.
async fn claimed(base: &TestBase) -> Option<Write> {
    let lease = base.lease("a").await;
    let claim = base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap()?;
    Some(claim.updates()[0].write)
}

/// The zero has landed, and was read after everything that might land over it.
async fn settle_at_zero(base: &TestBase) {
    base.env.advance(seconds(600));
    let now = base.env.now().as_microsecond();
    base.observe("a", "tea", 0).await;
    let lease = base.lease("a").await;
    base.execute(&format!("UPDATE channel SET watermark = {}", now + 1)).await.unwrap();
    base.store.judge_waiting(&lease, &outlet("a"), base.env.now()).await.unwrap();
}

/// A cycle of order reading has ended now.
async fn polled(base: &TestBase) {
    let now = base.env.now().as_microsecond();
    base.execute(&format!("UPDATE channel SET last_poll_at = {now}, watermark = 9000000000000000")).await.unwrap();
}

fn instant(micros: Option<i64>) -> Timestamp {
    Timestamp::from_microsecond(micros.expect("it has an end")).unwrap()
}
