//! Who is looked at for the next request, however many wait.

use sea_orm::EntityTrait;
use uriba::store::{entity::stop_raise, verify::CheckState};
use uriba_sdk::{Env, Write};

use crate::support::{SHOP, TestBase, allowances, on_every_database, outlet, seconds};

/// A ready channel.
async fn ready(base: &TestBase) {
    base.open_channels(&["a"]).await;
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
}

/// So many listings that show 3 and ought to show 5, sell one a second, and may not be raised, each for a reason of its own.
async fn resting_raises(base: &TestBase, count: i64) {
    let numbers = format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
    let now = base.env.now().as_microsecond();
    let since = now - 3_600_000_000;
    for sql in [
        format!("INSERT INTO sku (id, code, created_at) {numbers} SELECT i, 'rest-' || i, {now} FROM n"),
        format!(
            "INSERT INTO listing (id, channel, mall_key, given_key, sku_id, units, state, sells_past_zero, not_ours, priority, created_at) \
             {numbers} SELECT i, 'a', 'rest-' || i, 'rest-' || i, i, 1, 'ready', FALSE, FALSE, 0, {now} FROM n"
        ),
        format!(
            "INSERT INTO publication (listing_id, channel, target, target_version, target_at, anchor, anchor_from, anchor_to, \
             applied, sold_since, slack_down, slack_up, checked, absolute_next, corrections, refusals, shown, open_writes, \
             wants, lit, urgency, rank, wants_since, queued, pace) \
             {numbers} SELECT i, 'a', 5, 1, {since}, 3, {since}, {since}, 0, 0, 0, 0, TRUE, FALSE, 0, 0, 3, 0, \
             TRUE, TRUE, 0, 687865856, {since}, TRUE, 1000000000 FROM n"
        ),
        format!(
            "INSERT INTO stop_raise (id, scope, cause, since) {numbers} SELECT i, 'sku:' || i, 'unread', {now} FROM n"
        ),
    ] {
        base.execute(&sql).await.unwrap();
    }
}

/// One that shows 8, with the write that it wants.
async fn wanting(base: &TestBase, sku: &str, units: i64) {
    base.list(&["a"], sku).await;
    base.receive(sku, SHOP, units).await;
    base.execute(&format!("UPDATE listing SET state = 'ready' WHERE mall_key = '{sku}'")).await.unwrap();
    base.observe("a", sku, 8).await;
    base.recompute(&["a"]).await;
}

async fn claimed(base: &TestBase) -> Vec<(String, Write)> {
    let lease = base.lease("a").await;
    let claim = base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap();
    let updates = claim.map(|claim| claim.updates()).unwrap_or_default();
    updates.into_iter().map(|update| (update.key, update.write)).collect()
}

#[tokio::test]
async fn five_thousand_raises_that_may_not_go_are_in_nobodys_way() {
    on_every_database(async |base| {
        ready(base).await;
        resting_raises(base, 5_000).await;
        wanting(base, "falls", 6).await;
        wanting(base, "rises", 9).await;
        assert_eq!(claimed(base).await, [("falls".to_owned(), Write::Relative(-2))]);
        assert_eq!(claimed(base).await, [("rises".to_owned(), Write::Relative(1))], "the least of 5,001 raises");
        assert_eq!(claimed(base).await, []);
        let queued = base.rows("SELECT listing_id, rank, pace, rests_until FROM publication WHERE queued").await;
        let wants = base.store.wants_writes("a").await.unwrap();
        assert!(!wants, "nobody is asked again and again: {queued:?}");
        wanting(base, "falls too", 3).await;
        assert_eq!(claimed(base).await, [("falls too".to_owned(), Write::Relative(-5))]);
        let tx = base.store.begin().await.unwrap();
        stop_raise::Entity::delete_many().exec(&tx).await.unwrap();
        tx.commit().await.unwrap();
        base.env.advance(seconds(61));
        for _ in 0..3 {
            assert_eq!(claimed(base).await.len(), 10);
        }
        let queued = base.rows("SELECT listing_id FROM publication WHERE queued").await.len();
        assert_eq!(queued, 4_970, "after a minute all are looked at again");
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        let derived = report.checks.iter().find(|check| check.name.contains("derived columns")).unwrap();
        assert_ne!(derived.state, CheckState::Broken, "{report}");
    })
    .await;
}

#[tokio::test]
async fn what_rests_comes_back_as_soon_as_its_sku_is_computed_again() {
    on_every_database(async |base| {
        ready(base).await;
        wanting(base, "tea", 9).await;
        base.execute("UPDATE publication SET queued = FALSE, rests_until = 9000000000000000").await.unwrap();
        assert_eq!(claimed(base).await, []);
        base.execute("UPDATE stock SET version = version + 1, due = TRUE").await.unwrap();
        base.recompute(&["a"]).await;
        assert_eq!(claimed(base).await, [("tea".to_owned(), Write::Relative(1))], "its target is what it was");
    })
    .await;
}

#[tokio::test]
async fn what_sells_fast_is_lowered_before_more_of_what_nobody_buys() {
    on_every_database(async |base| {
        ready(base).await;
        base.execute("INSERT INTO exposure_wish (scope, mode, at, who) VALUES ('sku:0', 'auto', 0, 'test')").await.unwrap();
        for (sku, orders) in [("slow", 1), ("fast", 100)] {
            base.list(&["a"], sku).await;
            let listing = base.rows(&format!("SELECT id FROM listing WHERE mall_key = '{sku}'")).await;
            let id = listing[0]["id"].as_i64().unwrap();
            let now = base.env.now().as_microsecond();
            base.execute(&format!("DELETE FROM demand WHERE subject = {id}")).await.unwrap();
            base.execute(&format!(
                "INSERT INTO demand (channel, subject, usual_orders, usual_shown_s, lately_orders, lately_shown_s, units, largest, at, lit) \
                 VALUES ('a', {id}, {orders}, 1000000, 0, 0, {orders}, 1, {now}, TRUE)"
            ))
            .await
            .unwrap();
        }
        wanting(base, "slow", 1).await;
        wanting(base, "fast", 6).await;
        let ranks = base.rows("SELECT rank, pace FROM publication ORDER BY listing_id").await;
        let [slow, fast] = [0, 1].map(|n| (ranks[n]["rank"].as_i64().unwrap(), ranks[n]["pace"].as_i64().unwrap()));
        assert!(fast.1 > 20 * slow.1, "{fast:?} {slow:?}");
        assert!(fast.0 > slow.0, "two units against seven: {fast:?} {slow:?}");
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}
