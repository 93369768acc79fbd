//! Many at once: nothing that was committed is lost, whoever else was writing or recomputing meanwhile.
//! SQLite takes writers one after the other; on PostgreSQL these really run side by side.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tokio::task::JoinSet;
use uriba::store::{
    Store,
    catalogue::Mapping,
    intake::Page,
    recompute::Allowance,
    stock::{Count, Movement},
};
use uriba_sdk::{Env, Line, Order};

use crate::support::{
    POOL, SHOP, TestBase, WAREHOUSE, allowances, intake, line, on_every_database, on_postgres, order, outlet, seconds,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_channels_pages_that_commit_together_both_count() {
    on_every_database(async |base| {
        let channels = ["a", "b"];
        base.trade(&channels, "tea", 10).await;
        let mut tasks = JoinSet::new();
        for channel in channels {
            let store = base.store.clone();
            tasks.spawn(async move { take_in(&store, channel, &[order("1", &[line("tea", 1)])]).await });
        }
        tasks.join_all().await;
        base.recompute(&channels).await;
        for channel in channels {
            assert_eq!(base.target(channel, "tea").await, Some(8));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_orders_of_thirty_two_channels_all_count() {
    on_every_database(async |base| {
        let names: Vec<String> = (0..32).map(|n| format!("channel-{n}")).collect();
        let channels: Vec<&str> = names.iter().map(String::as_str).collect();
        base.trade(&channels, "tea", 1_000).await;
        let mut tasks = JoinSet::new();
        for channel in names.clone() {
            let store = base.store.clone();
            tasks.spawn(async move {
                for n in 0..4 {
                    take_in(&store, &channel, &[order(&n.to_string(), &[line("tea", 2)])]).await;
                }
            });
        }
        tasks.join_all().await;
        base.recompute(&channels).await;
        assert_eq!(base.unshipped("tea").await, 256);
        for channel in channels {
            assert_eq!(base.target(channel, "tea").await, Some(744), "{channel}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn facts_that_are_committed_during_recomputation_are_not_lost() {
    on_every_database(async |base| {
        let names: Vec<String> = (0..16).map(|n| format!("channel-{n}")).collect();
        let channels: Vec<&str> = names.iter().map(String::as_str).collect();
        for sku in SKUS {
            base.trade(&channels, sku, 1_000).await;
        }
        let mut writers = JoinSet::new();
        for n in 0..64_u32 {
            let (store, channel) = (base.store.clone(), names[n as usize % names.len()].clone());
            let movement =
                base.movement("receipt", &format!("delivery-{n}"), SKUS[n as usize % 3], &[(SHOP, "main", 7)]).await;
            writers.spawn(async move { write(&store, &channel, n, movement).await });
        }
        let done = Arc::new(AtomicBool::new(false));
        let recomputing: Vec<_> = (0..2)
            .map(|_| tokio::spawn(recompute_until(base.store.clone(), allowances(&channels), done.clone())))
            .collect();
        writers.join_all().await;
        done.store(true, Ordering::Release);
        for task in recomputing {
            task.await.unwrap();
        }
        base.recompute(&channels).await;
        assert_eq!(sum_of_unshipped(base).await, 64 * 6);
        let report = base.store.verify(&allowances(&channels)).await.unwrap();
        assert!(!report.is_broken(), "{report}");
        let targets = report.checks.iter().find(|check| check.invariant == Some(4)).unwrap();
        assert_eq!(targets.examined, 48, "each target was computed again from scratch:\n{report}");
    })
    .await;
}

const SKUS: [&str; 3] = ["cup", "pot", "tea"];

/// An order of all SKUs (in an order of its own), a delivery, and a part of the order shipped.
async fn write(store: &Store, channel: &str, n: u32, movement: Movement) {
    let mut lines: Vec<Line> = SKUS.iter().map(|sku| line(sku, 3)).collect();
    lines.rotate_left(n as usize % 3);
    let id = n.to_string();
    take_in(store, channel, &[Order { revision: Some(1), ..order(&id, &lines) }]).await;
    let tx = store.begin().await.unwrap();
    store.book(&tx, vec![movement]).await.unwrap();
    tx.commit().await.unwrap();
    let shipped = lines.into_iter().map(|line| Line { shipped: 1, ..line }).collect();
    take_in(store, channel, &[Order { revision: Some(2), lines: shipped, ..order(&id, &[]) }]).await;
}

async fn recompute_until(store: Store, allowances: HashMap<String, Allowance>, done: Arc<AtomicBool>) {
    while !done.load(Ordering::Acquire) {
        store.recompute(&allowances).await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_count_and_the_movements_of_its_moment_agree_whoever_commits_first() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 1_000).await;
        for round in 0..8 {
            base.env.advance(seconds(600));
            let mut tasks = JoinSet::new();
            for (n, place) in [SHOP, WAREHOUSE, "elsewhere"].into_iter().cycle().take(12).enumerate() {
                let key = format!("{round}/{n}");
                let mut movement = base.movement("issue", &key, "tea", &[(place, "main", -1)]).await;
                movement.occurred_at = base.env.now() - jiff::SignedDuration::from_secs(n as i64 * 30);
                let store = base.store.clone();
                tasks.spawn(async move { book(&store, movement).await });
            }
            for place in [SHOP, WAREHOUSE, "elsewhere"] {
                let (store, count) = (base.store.clone(), count(base, place, round).await);
                tasks.spawn(async move {
                    let tx = store.begin().await.unwrap();
                    let booked = store.count(&tx, vec![count]).await.unwrap();
                    tx.commit().await.unwrap();
                    booked
                });
            }
            tasks.join_all().await;
            let report = base.store.verify(&allowances(&["a"])).await.unwrap();
            assert!(!report.is_broken(), "round {round}:\n{report}");
        }
    })
    .await;
}

async fn count(base: &TestBase, location: &str, round: i64) -> Count {
    Count {
        key: format!("count/{location}/{round}"),
        sku_id: base.sku("tea").await,
        location: location.into(),
        counted: 900 + round,
        as_of: base.env.now() - jiff::SignedDuration::from_secs(150),
        source: "test".into(),
        reason: None,
        import_id: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_movement_sent_by_sixteen_at_once_is_booked_once() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        for place in [SHOP, "elsewhere"] {
            let movement = base.movement("receipt", &format!("to {place}"), "tea", &[(place, "main", 5)]).await;
            let mut tasks = JoinSet::new();
            for _ in 0..16 {
                let (store, movement) = (base.store.clone(), movement.clone());
                tasks.spawn(async move { book(&store, movement).await });
            }
            let booked: usize = tasks.join_all().await.into_iter().sum();
            assert_eq!(booked, 1, "in {place}");
        }
        assert_eq!((base.in_shop("tea").await, base.on_hand("tea", "elsewhere").await), (15, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_line_that_arrives_while_its_item_is_mapped_counts() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        for round in 0..16 {
            let key = format!("new-{round}");
            let mapping =
                Mapping { channel: "a".into(), mall_key: key.clone(), sku: "tea".into(), ..Mapping::default() };
            let (mapper, reader) = (base.store.clone(), base.store.clone());
            let (one, two) = tokio::join!(
                tokio::spawn(async move { mapper.map_listings(&[mapping], false, "test").await.map(drop) }),
                tokio::spawn(async move { take_in(&reader, "a", &[order(&key, &[line(&key, 1)])]).await }),
            );
            one.unwrap().unwrap();
            two.unwrap();
            assert_eq!(base.unshipped("tea").await, round + 1);
        }
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

async fn book(store: &Store, movement: Movement) -> usize {
    let tx = store.begin().await.unwrap();
    let booked = store.book(&tx, vec![movement]).await.unwrap();
    tx.commit().await.unwrap();
    booked
}

async fn take_in(store: &Store, channel: &str, orders: &[Order]) {
    let lease = store.take_lease(channel, "test", seconds(3_600)).await.unwrap().expect("one holder");
    let page = Page { orders, read_at: store.now(), ..Page::default() };
    store.take_in(&lease, &intake(channel), page).await.unwrap();
}

async fn sum_of_unshipped(base: &TestBase) -> i64 {
    let rows = base.rows("SELECT quantity FROM unshipped").await;
    rows.iter().filter_map(|row| row["quantity"].as_i64()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_that_comes_in_while_its_units_are_found_missing_ends_their_hold() {
    on_postgres(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.observe("a", "tea", 10).await;
        let placed_at = base.env.now();
        base.env.advance(seconds(60));
        // A reading of 8 is being taken in: its transaction has begun.
        let reading = base.store.begin().await.unwrap();
        let id = base.listing("a", "tea").await.id;
        let lock = format!("UPDATE publication SET read_at = 1 WHERE listing_id = {id}");
        reading.execute_unprepared(&lock).await.unwrap();
        let store = base.store.clone();
        let bought = Order { placed_at, ..order("1", &[line("tea", 2)]) };
        let intake = tokio::spawn(async move { take_in(&store, "a", &[bought]).await });
        base.wait_for_a_blocked_session().await;
        hold(&reading, base, id, placed_at.as_microsecond()).await;
        reading.commit().await.unwrap();
        intake.await.unwrap();
        base.recompute(&["a"]).await;
        let held = base.rows("SELECT remaining FROM provisional_hold WHERE ended_at IS NULL").await;
        assert!(held.is_empty(), "the order is what they were sold to: {held:?}");
        assert_eq!(base.target("a", "tea").await, Some(8));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hold_that_an_order_ends_at_the_last_moment_is_no_drift() {
    on_postgres(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.observe("a", "tea", 10).await;
        let placed_at = base.env.now();
        let page = base.store.begin().await.unwrap();
        let id = base.listing("a", "tea").await.id;
        hold(&page, base, id, placed_at.as_microsecond()).await;
        page.commit().await.unwrap();
        base.execute("UPDATE channel SET watermark = 9000000000000000").await.unwrap();
        base.env.advance(seconds(3_600));
        // A page with the order is being taken in.
        let page = base.store.begin().await.unwrap();
        let lock = format!("UPDATE publication SET sold_since = 0 WHERE listing_id = {id}");
        page.execute_unprepared(&lock).await.unwrap();
        let (store, lease) = (base.store.clone(), base.lease("a").await);
        let expiry = tokio::spawn(async move { store.expire_doubts(&lease, &outlet("a"), seconds(60)).await.unwrap() });
        base.wait_for_a_blocked_session().await;
        let ended = "UPDATE provisional_hold SET remaining = 0, ended_at = 1, cause = 'order'";
        page.execute_unprepared(ended).await.unwrap();
        page.commit().await.unwrap();
        assert!(expiry.await.unwrap().is_empty());
        assert!(base.attention("drift").await.is_empty());
        assert_eq!(base.rows("SELECT cause FROM provisional_hold").await[0]["cause"], "order");
    })
    .await;
}

/// What the reading finds: two units sold around the instant, and no order known.
async fn hold(reading: &DatabaseTransaction, base: &TestBase, listing: i64, at: i64) {
    let sku = base.sku("tea").await;
    let (since, until) = (at - 1, at + 30_000_000);
    let hold = format!(
        "INSERT INTO provisional_hold (id, listing_id, channel, sku_id, pool, units, remaining, since, at, recorded_at) \
         VALUES (1, {listing}, 'a', {sku}, '{POOL}', 2, 2, {since}, {until}, {until})"
    );
    reading.execute_unprepared(&hold).await.unwrap();
    let seen = format!("anchor = 8, anchor_from = {until}, anchor_to = {until}, shown = 8");
    reading.execute_unprepared(&format!("UPDATE publication SET {seen} WHERE listing_id = {listing}")).await.unwrap();
}
