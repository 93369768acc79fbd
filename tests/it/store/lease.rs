//! Who was superseded can write nothing; what was claimed is found by the successor.

use uriba::{
    domain::{health::Lane, settle::Exchange},
    store::{
        Result, Store, StoreError,
        attention::Call,
        channels::LaneName,
        entity::poll_window,
        intake::Page,
        lease::Lease,
        polling::Progress,
        publications::{Claim, Performed},
    },
};
use uriba_sdk::{
    Counter, Env, Outcome, Reading, Resolved,
    mall::ListingKey,
    wire::{QuotaKey, QuotaState, Rate},
};

use crate::support::{CARD, TestBase, intake, line, on_every_database, order, outlet, seconds, unread};

#[tokio::test]
async fn a_superseded_holder_can_write_nothing() {
    on_every_database(async |base| {
        ready_to_raise(base).await;
        let known = base.env.now().as_microsecond() - 3_600_000_000;
        base.execute(&format!("UPDATE channel SET watermark = {known}")).await.unwrap();
        let lease = base.lease("a").await;
        let row = base.store.channel("a").await.unwrap();
        base.store.begin_cycle(&lease, &row, &CARD.orders, base.env.now(), seconds(60), seconds(60)).await.unwrap();
        let claim = base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap().unwrap();
        base.execute("UPDATE publication SET waiting = 3, waiting_from = 0, waiting_to = 0").await.unwrap();
        supersede(base).await;
        let before = base.everything().await;
        for (what, result) in every_step(base, &lease, claim).await {
            assert!(matches!(result, Err(StoreError::Superseded { .. })), "{what}: {result:?}");
            assert_eq!(base.everything().await, before, "{what} wrote something");
        }
    })
    .await;
}

/// Each write that a step can make, with what came of it.
async fn every_step(base: &TestBase, lease: &Lease, claim: Claim) -> Vec<(&'static str, Result<()>)> {
    let (store, now) = (&base.store, base.env.now());
    let (outlet, orders) = (outlet("a"), &CARD.orders);
    let row = store.channel("a").await.unwrap();
    let id = base.listing("a", "tea").await.id;
    let window = window(store).await;
    let exchange = Exchange::new(now, now);
    let progress = Progress::Page { window: window.id, heads: Vec::new(), next: None, read_to: None };
    let (orders_read, odd) = ([order("1", &[line("tea", 1)])], [unread("9", &["tea"])]);
    let page = Page { orders: &orders_read, unread: &odd, read_at: now, progress, ..Page::default() };
    let counter = Counter { quantity: Some(2), sells_past_zero: false, not_ours: false };
    let readings = [(id, Reading { key: "tea".into(), found: Some(counter) })];
    let key = ListingKey { key: "TEA".into(), handle: None };
    let keys = vec![(id, Resolved { given: "tea".into(), key: Ok(key) })];
    let tripped = Lane::default().tripped(now, "the mall is gone".into());
    let call = Call { kind: "lane", subject: "a/stock".into(), ..Call::default() };
    let rate = Rate { per_second: 1.0, burst: 1, per_day: None };
    let quota = QuotaState { rate, available: 1, at: now, not_before: None, day: 1, used_today: 0, caution: 1.0 };
    let answered = Performed::Answered(vec![Outcome::Applied { now: None }]);
    vec![
        ("take_in", store.take_in(lease, &intake("a"), page).await.map(drop)),
        ("plan_anew", store.plan_anew(lease, "a", &window).await),
        ("begin_cycle", store.begin_cycle(lease, &row, orders, now, seconds(60), seconds(60)).await),
        ("claim", store.claim(lease, &outlet, now).await.map(drop)),
        ("settle", store.settle(lease, &outlet, claim, answered, exchange).await.map(drop)),
        ("take_readings", store.take_readings(lease, &outlet, &readings, exchange).await.map(drop)),
        ("judge_waiting", store.judge_waiting(lease, &outlet, now).await.map(drop)),
        ("expire_doubts", store.expire_doubts(lease, &outlet, seconds(0)).await.map(drop)),
        ("keys_resolved", store.keys_resolved(lease, "a", keys).await),
        ("set_lane", store.set_lane(lease, "a", LaneName::Stock, &tripped, Some(call)).await),
        ("set_lane", store.set_lane(lease, "a", LaneName::Orders, &Lane::succeeded(), None).await),
        ("save_quota", store.save_quota(lease, &QuotaKey::new("a", "stock.push"), &quota).await),
        ("note_clock", store.note_clock(lease, "a", jiff::SignedDuration::from_secs(60)).await),
        ("inherit", store.inherit(lease, &outlet).await.map(drop)),
    ]
}

#[tokio::test]
async fn what_the_last_holder_was_saying_may_have_left_until_its_lease_ended() {
    on_every_database(async |base| {
        ready_to_raise(base).await;
        let lease = base.lease("a").await;
        base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap().unwrap();
        base.env.advance(seconds(600));
        base.execute("UPDATE lease SET expires_at = 0").await.unwrap();
        let successor = base.another().await;
        let lease = successor.take_lease("a", "successor", seconds(3_600)).await.unwrap().unwrap();
        assert!(lease.is_taken_over(), "nobody gave it back");
        assert_eq!(successor.inherit(&lease, &outlet("a")).await.unwrap(), 1);
        base.env.advance(seconds(30));
        base.observe_under(&lease, "a", "tea", 3).await;
        assert_eq!(base.publication("a", "tea").await.open_writes, 1, "a late one may still land");
        base.env.advance(seconds(60));
        base.observe_under(&lease, "a", "tea", 3).await;
        assert_eq!(base.publication("a", "tea").await.open_writes, 0, "by now it would have");
        assert_eq!(successor.inherit(&lease, &outlet("a")).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_was_given_back_leaves_nothing_on_its_way() {
    on_every_database(async |base| {
        base.lease("a").await;
        base.store.release_lease("a", "test").await.unwrap();
        let lease = base.store.take_lease("a", "successor", seconds(60)).await.unwrap().unwrap();
        let renewed = base.store.take_lease("a", "successor", seconds(60)).await.unwrap().unwrap();
        assert_eq!((lease.is_taken_over(), renewed.is_taken_over(), renewed.is_same(&lease)), (false, false, true));
        let asked = base.env.elapsed();
        assert_eq!(renewed.until(), asked + seconds(60), "counted from before it was asked for");
    })
    .await;
}

#[tokio::test]
async fn a_successor_finds_the_claims_that_its_predecessor_left() {
    on_every_database(async |base| {
        ready_to_raise(base).await;
        let lease = base.lease("a").await;
        let claim = base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap().unwrap();
        assert_eq!(claim.len(), 1);
        supersede(base).await;
        let successor = base.another().await;
        let lease = successor.take_lease("a", "successor", seconds(3_600)).await.unwrap().unwrap();
        let row = base.publication("a", "tea").await;
        assert_eq!((row.open_writes, row.told), (1, Some(10)), "what it said is known, what came of it is not");
        let next = successor.claim(&lease, &outlet("a"), base.env.now()).await.unwrap();
        assert!(next.is_none(), "nothing is said again before the first is settled");
    })
    .await;
}

#[tokio::test]
async fn a_fence_can_not_move_while_a_step_writes_under_it() {
    crate::support::on_postgres(async |base| {
        base.open_channels(&["a"]).await;
        let lease = base.lease("a").await;
        let tx = base.store.begin().await.unwrap();
        lease.confirm(&tx).await.unwrap();
        let successor = base.another().await;
        let taking = tokio::spawn(async move {
            successor.release_lease("a", "test").await.unwrap();
            successor.take_lease("a", "successor", seconds(3_600)).await.unwrap().unwrap();
        });
        base.wait_for_a_blocked_session().await;
        lease.confirm(&tx).await.unwrap();
        tx.commit().await.unwrap();
        taking.await.unwrap();
        let tx = base.store.begin().await.unwrap();
        assert!(lease.confirm(&tx).await.is_err());
    })
    .await;
}

/// The mall shows 3 of 10.
async fn ready_to_raise(base: &TestBase) {
    base.trade(&["a"], "tea", 10).await;
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    base.observe("a", "tea", 3).await;
}

async fn supersede(base: &TestBase) {
    base.store.release_lease("a", "test").await.unwrap();
    base.store.take_lease("a", "successor", seconds(3_600)).await.unwrap().expect("it is free");
}

async fn window(store: &Store) -> poll_window::Model {
    use sea_orm::EntityTrait;
    poll_window::Entity::find().one(store.reader()).await.unwrap().expect("a cycle has begun")
}
