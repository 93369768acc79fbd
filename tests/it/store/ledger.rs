//! Stock events: what is booked once, what a count means, and what the database itself refuses.

use uriba_sdk::Env;

use crate::support::{SHOP, TestBase, WAREHOUSE, clock, line, on_every_database, order, seconds};

#[tokio::test]
async fn the_same_movement_sent_twice_is_booked_once() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let movement = base.movement("receipt", "delivery-1", "tea", &[(SHOP, "main", 5)]).await;
        assert_eq!(base.book(movement.clone()).await, 1);
        let before = base.everything().await;
        assert_eq!(base.book(movement).await, 0);
        assert_eq!(base.everything().await, before);
        assert_eq!(base.in_shop("tea").await, 15);
    })
    .await;
}

#[tokio::test]
async fn the_same_key_twice_in_one_call_is_booked_once() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let movement = base.movement("receipt", "delivery-1", "tea", &[(SHOP, "main", 5)]).await;
        let tx = base.store.begin().await.unwrap();
        assert_eq!(base.store.book(&tx, vec![movement.clone(), movement]).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(base.in_shop("tea").await, 15);
    })
    .await;
}

#[tokio::test]
async fn the_database_refuses_to_change_or_delete_what_was_recorded() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.observe("a", "tea", 3).await;
        base.read("a", &[order("1", &[line("tea", 1)])]).await;
        for (table, column) in [
            ("stock_event", "source"),
            ("stock_entry", "location"),
            ("line_event", "what"),
            ("publication_event", "what"),
            ("log", "who"),
        ] {
            let before = base.everything().await;
            assert!(!before[table].is_empty(), "{table} must hold something to refuse for");
            for sql in [format!("UPDATE {table} SET {column} = 'forged'"), format!("DELETE FROM {table}")] {
                let refused = base.execute(&sql).await.expect_err(&sql).to_string();
                assert!(refused.contains("append-only"), "{sql}: {refused}");
            }
            assert_eq!(base.everything().await, before);
        }
    })
    .await;
}

#[tokio::test]
async fn a_transfer_moves_units_and_makes_none() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let moved = base.movement("transfer", "sample", "tea", &[(SHOP, "main", -1), (SHOP, "display", 1)]).await;
        base.book(moved).await;
        let sent = base.movement("transfer", "van", "tea", &[(SHOP, "main", -4), (WAREHOUSE, "main", 4)]).await;
        base.book(sent).await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["display"]), (5, 1));
        assert_eq!(base.on_hand("tea", WAREHOUSE).await, 4);
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(9), "what is on display is not sold");
    })
    .await;
}

#[tokio::test]
async fn samples_survive_a_book() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let sample = base.movement("transfer", "sample", "tea", &[(SHOP, "main", -1), (SHOP, "display", 1)]).await;
        base.book(sample).await;
        base.env.advance(seconds(60));
        base.count("tea", SHOP, 10, base.env.now()).await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["display"]), (9, 1));
    })
    .await;
}

#[tokio::test]
async fn a_count_is_what_was_there_then_not_what_is_there_now() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("12:00"));
        issue(base, "sold at noon", 3).await;
        base.env.advance_to(clock("13:00"));
        assert_eq!(base.count("tea", SHOP, 9, clock("11:00")).await, 1);
        assert_eq!(base.in_shop("tea").await, 6, "9 at eleven, 3 sold at noon");
        assert_eq!(base.count("tea", SHOP, 9, clock("11:00")).await, 0, "the same count again");
        assert_eq!(base.in_shop("tea").await, 6);
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_occurred_before_the_count_is_already_in_it() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("15:45"));
        base.count("tea", SHOP, 8, clock("15:30")).await;
        let mut late = base.movement("issue", "till 7", "tea", &[(SHOP, "main", -2)]).await;
        late.occurred_at = clock("15:00");
        assert_eq!(base.book(late.clone()).await, 1);
        assert_eq!(base.in_shop("tea").await, 8);
        let rows = base
            .rows(
                "SELECT e.kind, r.idempotency_key AS of FROM stock_event e \
                 JOIN stock_event r ON r.id = e.reverses",
            )
            .await;
        assert_eq!(rows.len(), 1, "both are in the ledger, linked: {rows:?}");
        assert_eq!(rows[0]["of"], "till 7");
        assert_eq!(base.book(late).await, 0);
        issue(base, "sold after it", 1).await;
        assert_eq!(base.in_shop("tea").await, 7);
    })
    .await;
}

#[tokio::test]
async fn an_entry_of_the_very_instant_of_the_count_is_in_it() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("15:45"));
        base.count("tea", SHOP, 8, clock("15:30")).await;
        let mut late = base.movement("issue", "till", "tea", &[(SHOP, "main", -2)]).await;
        late.occurred_at = clock("15:30");
        base.book(late).await;
        assert_eq!(base.in_shop("tea").await, 8);
    })
    .await;
}

#[tokio::test]
async fn an_older_count_that_arrives_late_moves_nothing() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("18:00"));
        base.count("tea", SHOP, 8, clock("17:00")).await;
        assert_eq!(base.count("tea", SHOP, 50, clock("16:00")).await, 1);
        assert_eq!(base.in_shop("tea").await, 8);
        let mut between = base.movement("issue", "till", "tea", &[(SHOP, "main", -2)]).await;
        between.occurred_at = clock("16:30");
        base.book(between).await;
        assert_eq!(base.in_shop("tea").await, 8, "the anchor is still the newer count");
    })
    .await;
}

#[tokio::test]
async fn a_transfer_between_a_counted_and_an_uncounted_place_keeps_both_right() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("15:45"));
        base.count("tea", SHOP, 8, clock("15:30")).await;
        let entries = [(SHOP, "main", -3), (WAREHOUSE, "main", 3)];
        let mut van = base.movement("transfer", "van", "tea", &entries).await;
        van.occurred_at = clock("15:00");
        base.book(van).await;
        assert_eq!(base.in_shop("tea").await, 8, "the count saw the van leave");
        assert_eq!(base.on_hand("tea", WAREHOUSE).await, 3, "nobody has counted here");
    })
    .await;
}

#[tokio::test]
async fn a_count_of_nothing_known_gives_the_first_figure() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        base.list(&["a"], "tea").await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, None, "no figure is not zero");
        base.count("tea", SHOP, 0, base.env.now()).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(0), "zero is a figure");
    })
    .await;
}

async fn issue(base: &TestBase, key: &str, units: i64) {
    let movement = base.movement("issue", key, "tea", &[(SHOP, "main", -units)]).await;
    base.book(movement).await;
}
