//! Pages of orders: what is new, what is old news, and what never counts.

use std::collections::BTreeMap;

use uriba::store::{intake::Page, polling::Progress};
use uriba_sdk::{Env, FulfilledBy, Head, Line, Order};

use crate::support::{TestBase, intake, line, on_every_database, order, seconds};

fn revised(revision: i64, lines: &[Line]) -> Order {
    Order { revision: Some(revision), ..order("1", lines) }
}

/// All rows but the instants at which things were last read.
async fn facts(base: &TestBase) -> BTreeMap<String, Vec<String>> {
    let mut all = base.everything().await;
    let orders = base.rows("SELECT order_id, channel, family, child, revision, open FROM mall_order").await;
    all.insert("mall_order".into(), orders.iter().map(ToString::to_string).collect());
    all.remove("lease");
    all
}

#[tokio::test]
async fn a_page_read_twice_changes_nothing() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let page = [
            order("1", &[Line { shipped: 1, ..line("tea", 3) }]),
            order("2", &[Line { cancelled: 1, ..line("tea", 2) }, line("unmapped", 4)]),
            Order { revision: Some(7), ..order("3", &[Line { shipped: 1, ..line("tea", 1) }]) },
        ];
        let first = base.read("a", &page).await;
        assert_eq!((first.orders, first.lines), (3, 4));
        let before = facts(base).await;
        let again = base.read("a", &page).await;
        assert_eq!((again.orders, again.lines), (0, 0));
        assert_eq!(facts(base).await, before);
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (8, 3));
    })
    .await;
}

#[tokio::test]
async fn an_order_named_twice_in_one_page_counts_once_in_its_newest_state() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let (old, new) = (revised(1, &[line("tea", 5)]), revised(2, &[Line { cancelled: 3, ..line("tea", 5) }]));
        base.read("a", &[new, old]).await;
        let plain = [order("2", &[line("tea", 1)]), order("2", &[line("tea", 1)])];
        base.read("a", &plain).await;
        assert_eq!(base.unshipped("tea").await, 3);
    })
    .await;
}

#[tokio::test]
async fn with_revisions_the_newer_state_wins_whatever_arrives_when() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[revised(5, &[Line { cancelled: 2, ..line("tea", 4) }])]).await;
        assert_eq!(base.unshipped("tea").await, 2);
        base.read("a", &[revised(3, &[line("tea", 4)])]).await;
        assert_eq!(base.unshipped("tea").await, 2, "revision 3 is older than 5, however late it comes");
        base.read("a", &[revised(6, &[Line { cancelled: 4, ..line("tea", 4) }])]).await;
        assert_eq!(base.unshipped("tea").await, 0);
    })
    .await;
}

#[tokio::test]
async fn without_revisions_the_request_that_started_later_wins() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let slow = base.env.now();
        base.env.advance(seconds(5));
        base.read("a", &[order("1", &[line("tea", 5)])]).await;
        let lease = base.lease("a").await;
        let page = Page { orders: &[order("1", &[line("tea", 9)])], read_at: slow, ..Page::default() };
        base.store.take_in(&lease, &intake("a"), page).await.unwrap();
        assert_eq!(base.unshipped("tea").await, 5, "the slow answer is of an earlier moment");
    })
    .await;
}

#[tokio::test]
async fn what_the_mall_ships_is_recorded_and_never_counted() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.observe("a", "tea", 10).await;
        let from_the_mall = Order {
            fulfilled_by: FulfilledBy::Mall,
            placed_at: base.env.now(),
            ..order("1", &[Line { shipped: 1, ..line("tea", 4) }, line("unmapped", 1)])
        };
        base.env.advance(seconds(60));
        base.read("a", &[from_the_mall]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (10, 0));
        assert_eq!(base.publication("a", "tea").await.shown, Some(10), "it was not sold from this counter");
        assert_eq!(base.attention("unmapped").await, Vec::<String>::new());
        assert_eq!(base.rows("SELECT id FROM order_line").await.len(), 2, "but it is known");
        base.map("a", "unmapped", "tea", 1).await;
        assert_eq!(base.unshipped("tea").await, 0, "also not when it is mapped later");
    })
    .await;
}

#[tokio::test]
async fn an_order_placed_before_the_anchor_never_lowers_what_the_mall_shows() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.observe("a", "tea", 7).await;
        base.read("a", &[order("1", &[line("tea", 3)])]).await;
        base.recompute(&["a"]).await;
        let row = base.publication("a", "tea").await;
        assert_eq!((row.shown, row.target), (Some(7), Some(7)));
        assert!(!row.wants, "nothing is to be pushed");
        base.env.advance(seconds(60));
        let placed_at = base.env.now();
        base.read("a", &[Order { placed_at, ..order("2", &[line("tea", 2)]) }]).await;
        base.recompute(&["a"]).await;
        let row = base.publication("a", "tea").await;
        assert_eq!((row.shown, row.target, row.wants), (Some(5), Some(5), false));
    })
    .await;
}

#[tokio::test]
async fn facts_and_progress_are_one_transaction() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let lease = base.lease("a").await;
        let row = base.store.channel("a").await.unwrap();
        let orders = &crate::support::CARD.orders;
        base.store.begin_cycle(&lease, &row, orders, base.env.now(), seconds(3_600), seconds(60)).await.unwrap();
        let window = base.rows("SELECT id FROM poll_window").await[0]["id"].as_i64().unwrap();
        let head = |id: &str| Head { id: id.into(), placed_at: None, revision: Some(1) };
        let heads = vec![head("1"), head("2")];
        let progress = Progress::Page { window, heads, next: None, read_to: None };
        let page =
            Page { orders: &[revised(1, &[line("tea", 2)])], read_at: base.env.now(), progress, ..Page::default() };
        base.store.take_in(&lease, &intake("a"), page).await.unwrap();
        let waiting = base.rows("SELECT order_id FROM poll_head").await;
        assert_eq!(waiting.len(), 1, "the order that came whole need not be read again: {waiting:?}");
        assert_eq!(waiting[0]["order_id"], "2");
        assert_eq!(base.rows("SELECT state FROM poll_window").await[0]["state"], "read");
        assert_eq!(base.unshipped("tea").await, 2);
    })
    .await;
}
