//! What is forgotten when its time has come, and what never is.

use jiff::SignedDuration;
use uriba::{
    domain::suspend::Mode,
    store::{
        ROWS_PER_STATEMENT,
        answers::Asked,
        movements::{Move, MoveKind},
        switch::Suspension,
    },
};
use uriba_sdk::{Env, Line};

use crate::support::{SHOP, TestBase, allowances, intake, line, on_every_database, order, outlet, seconds, unread};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

#[tokio::test]
async fn an_answer_is_given_again_for_a_day() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        answered(base, "api/early").await;
        base.env.advance(seconds(20 * HOUR));
        answered(base, "api/late").await;
        base.env.advance(seconds(5 * HOUR));
        assert_eq!(base.store.sweep(None).await.unwrap(), 1);
        assert_eq!(base.store.ask("api/early", "digest").await.unwrap(), Asked::First);
        let kept = Asked::Answered { status: 202, body: "{}".into() };
        assert_eq!(base.store.ask("api/late", "digest").await.unwrap(), kept);
    })
    .await;
}

#[tokio::test]
async fn a_movements_key_is_never_forgotten() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        assert!(base.store.move_stock(&receipt(3), "test").await.unwrap());
        base.env.advance(seconds(30 * 24 * HOUR));
        base.store.sweep(None).await.unwrap();
        assert!(!base.store.move_stock(&receipt(3), "test").await.unwrap());
        assert!(base.store.move_stock(&receipt(4), "test").await.is_err(), "the key is taken");
        assert_eq!(base.in_shop("tea").await, 13);
    })
    .await;
}

#[tokio::test]
async fn a_sweep_takes_small_pieces_and_then_rests() {
    on_every_database(async |base| {
        for n in 0..ROWS_PER_STATEMENT + 10 {
            let sql = format!(
                "INSERT INTO answer (idempotency_key, digest, status, body, at) VALUES ('api/{n}', '', 200, '', 1)"
            );
            base.execute(&sql).await.unwrap();
        }
        assert_eq!(base.store.sweep(None).await.unwrap(), ROWS_PER_STATEMENT);
        assert_eq!(base.store.sweep(None).await.unwrap(), 10);
        base.execute("INSERT INTO answer (idempotency_key, digest, status, body, at) VALUES ('api/x', '', 200, '', 1)")
            .await
            .unwrap();
        assert_eq!(base.another().await.sweep(None).await.unwrap(), 0, "another instance knows that it was done");
        base.env.advance(seconds(HOUR));
        assert_eq!(base.store.sweep(None).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_past_is_forgotten_where_no_present_figure_rests_on_it() {
    on_every_database(async |base| {
        past(base).await;
        let (early, held) = (base.everything().await, base.unshipped("tea").await);
        base.env.advance(seconds(300 * DAY));
        base.store.suspend(&["a".into()], &freeze(), "kim").await.unwrap();
        base.env.advance(seconds(101 * DAY));
        while base.store.sweep(Some(seconds(400 * DAY))).await.unwrap() > 0 {}
        let late = base.everything().await;
        for (table, rows) in [
            ("log", 1),
            ("publication_event", 0),
            ("line_event", 3),
            ("attention", 1),
            ("provisional_hold", 0),
            ("stop_raise", 0),
            ("schedule", 0),
            ("unread_order", 0),
            ("unread_line", 0),
        ] {
            assert!(early[table].len() > rows, "{table} held something that is old now");
            assert_eq!(late[table].len(), rows, "{table}: {:?}", late[table]);
        }
        for table in
            ["stock_event", "stock_entry", "stock_balance", "mall_order", "order_line", "line_part", "unshipped"]
        {
            assert_eq!(late[table], early[table], "{table} stays");
        }
        assert_eq!(base.unshipped("tea").await, held);
        base.map("a", "pot", "tea", 1).await;
        assert_eq!(base.in_shop("tea").await, 16, "what shipped before anybody mapped it is booked all the same");
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

#[tokio::test]
async fn the_database_lets_go_of_nothing_younger_than_the_horizon() {
    on_every_database(async |base| {
        past(base).await;
        for table in ["log", "publication_event", "line_event"] {
            let sql = format!("DELETE FROM {table}");
            let refused = base.execute(&sql).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{table}: {refused}");
            base.store.sweep(Some(seconds(400 * DAY))).await.unwrap();
            base.execute(&sql).await.expect_err("the horizon lies before it");
            base.execute(&format!("UPDATE {table} SET id = id + 1")).await.expect_err("and nothing is ever changed");
        }
        base.env.advance(seconds(500 * DAY));
        base.store.sweep(Some(seconds(400 * DAY))).await.unwrap();
        for table in ["stock_event", "stock_entry"] {
            base.execute(&format!("DELETE FROM {table}")).await.expect_err("the ledger is for ever");
        }
    })
    .await;
}

/// A day's trade: orders that are open, closed and unmapped, and something of everything that ends.
async fn past(base: &TestBase) {
    base.trade(&["a"], "tea", 20).await;
    let shipped = |key: &str, units| Line { shipped: units, ..line(key, units) };
    let orders = [order("1", &[shipped("tea", 2)]), order("2", &[line("tea", 3)]), order("3", &[shipped("pot", 2)])];
    base.read("a", &orders).await;
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
    base.observe("a", "tea", 15).await;
    base.observe("a", "tea", 14).await;
    base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
    let item = base.attention_items("unread_order").await.remove(0);
    base.store.resolve_attention(item.id, None, "kim").await.unwrap();
    base.env.advance(seconds(60));
    let lease = base.lease("a").await;
    base.store.expire_doubts(&lease, &outlet("a"), seconds(0)).await.unwrap();
    let drift = base.attention_items("drift").await.remove(0);
    base.store.resolve_attention(drift.id, None, "kim").await.unwrap();
    let later = Suspension { from: Some(base.env.now() + SignedDuration::from_secs(60)), ..freeze() };
    base.store.suspend(&["a".into()], &later, "kim").await.unwrap();
    base.env.advance(seconds(120));
    base.store.move_switches().await.unwrap();
    base.store.resume(&["a".into()], None, "kim").await.unwrap();
}

fn freeze() -> Suspension {
    Suspension { mode: Mode::Freeze, reason: None, from: None, until: None, poll: true }
}

async fn answered(base: &TestBase, key: &str) {
    assert_eq!(base.store.ask(key, "digest").await.unwrap(), Asked::First);
    base.store.answer(key, 202, "{}".into()).await.unwrap();
}

fn receipt(quantity: i64) -> Move {
    Move {
        key: "truck-7".into(),
        kind: MoveKind::Receipt,
        sku: "tea".into(),
        location: SHOP.into(),
        bin: None,
        to: None,
        to_bin: None,
        quantity,
        occurred_at: None,
        reason: None,
    }
}
