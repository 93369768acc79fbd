//! Units that are looked at before they are sold again, and what a person decides about each.

use uriba::{
    domain::deed::Deed,
    store::{StoreError, deeds::Ask, entity::attention, intake::Intake},
};
use uriba_sdk::{Line, Order, Restored};

use super::{
    deeds::ask,
    own_orders::{open_with, own},
};
use crate::support::{SHOP, TestBase, WAREHOUSE, intake, line, on_every_database, order};

/// Main and review bin of the shop.
async fn bins(base: &TestBase, location: &str) -> (i64, i64) {
    let bins = base.balances("tea", location).await;
    let of = |bin: &str| bins.get(bin).copied().unwrap_or(0);
    (of("main"), of("review"))
}

/// Oldest first.
async fn queue(base: &TestBase) -> Vec<attention::Model> {
    let mut items = base.attention_items("review").await;
    items.reverse();
    items
}

#[tokio::test]
async fn each_cancel_has_an_item_of_its_own_that_moves_exactly_its_units_once() {
    on_every_database(async |base| {
        open_with(base, true).await;
        base.store.post_order(&own("1", &[("tea", 6)])).await.unwrap();
        for units in [1, 2, 3] {
            base.own_deed(Deed::Cancel, "1", &[("tea", units)]).await;
        }
        base.recompute(&["a"]).await;
        assert_eq!((bins(base, SHOP).await, base.target("a", "tea").await), ((4, 6), Some(4)));
        let items = queue(base).await;
        assert_eq!(items.len(), 3);
        assert_eq!(
            items[1].message,
            "2 of tea lie in the review bin of shinjuku (order own/1, cancelled): look at them, then resolve with release \
             (sell them again) or write_off"
        );
        assert_eq!((items[1].sku.as_deref(), items[1].channel.as_deref()), (Some("tea"), Some("own")));
        for _ in 0..2 {
            base.store.resolve_attention(items[1].id, Some("release"), "maria").await.unwrap();
            assert_eq!(bins(base, SHOP).await, (6, 4));
        }
        base.store.resolve_attention(items[2].id, Some("write_off"), "maria").await.unwrap();
        assert_eq!(bins(base, SHOP).await, (6, 1), "three are gone");
        let error = base.store.resolve_attention(items[1].id, Some("write_off"), "jiro").await.unwrap_err();
        assert!(error.to_string().starts_with("the item was resolved already, with release"), "{error}");
        base.store.resolve_attention(items[0].id, None, "maria").await.unwrap();
        assert_eq!((bins(base, SHOP).await, queue(base).await.len()), ((6, 1), 0), "seen: nothing moves");
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(6));
        let report = base.store.verify(&crate::support::allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

#[tokio::test]
async fn two_people_who_decide_at_the_same_moment_move_the_units_once() {
    on_every_database(async |base| {
        open_with(base, true).await;
        base.store.post_order(&own("1", &[("tea", 2)])).await.unwrap();
        base.own_deed(Deed::Cancel, "1", &[]).await;
        let id = queue(base).await[0].id;
        let other = base.another().await;
        let (one, two) = tokio::join!(
            base.store.resolve_attention(id, Some("release"), "maria"),
            other.resolve_attention(id, Some("write_off"), "jiro")
        );
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
        let (main, review) = bins(base, SHOP).await;
        assert_eq!((main, review), (if one.is_ok() { 10 } else { 8 }, 0));
    })
    .await;
}

#[tokio::test]
async fn units_that_somebody_moved_by_hand_are_not_moved_again() {
    on_every_database(async |base| {
        open_with(base, true).await;
        base.store.post_order(&own("1", &[("tea", 3)])).await.unwrap();
        base.own_deed(Deed::Cancel, "1", &[]).await;
        let moved = base.movement("transfer", "by hand", "tea", &[(SHOP, "review", -1), (SHOP, "main", 1)]).await;
        base.book(moved).await;
        let id = queue(base).await[0].id;
        let before = base.everything().await;
        let error = base.store.resolve_attention(id, Some("release"), "maria").await.unwrap_err();
        assert!(matches!(&error, StoreError::Refused(why) if why.starts_with("only 2 of tea lie in")), "{error}");
        assert_eq!(base.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn units_are_set_aside_where_they_lie_and_never_more_than_there_are() {
    on_every_database(async |base| {
        open_with(base, true).await;
        base.receive("tea", WAREHOUSE, 5).await;
        base.store.post_order(&own("1", &[("tea", 20)])).await.unwrap();
        let here = Ask { location: Some(WAREHOUSE.into()), ..ask(Deed::Cancel, "own", "1", &[("tea", 2)]) };
        base.store.do_to_order(&here, "test").await.unwrap();
        assert_eq!((bins(base, SHOP).await, bins(base, WAREHOUSE).await), ((10, 0), (3, 2)));
        base.own_deed(Deed::Cancel, "1", &[]).await;
        assert_eq!((bins(base, SHOP).await, bins(base, WAREHOUSE).await), ((0, 10), (0, 5)));
        assert_eq!(queue(base).await.len(), 3, "five of the twenty never were");
        base.recompute(&["a"]).await;
        assert_eq!(base.attention("oversold").await, Vec::<String>::new());
        assert_eq!(base.attention("negative_location").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn under_restock_cancelled_units_are_sold_again_and_lie_nowhere_else() {
    on_every_database(async |base| {
        open_with(base, false).await;
        base.store.post_order(&own("1", &[("tea", 3)])).await.unwrap();
        let there = Ask { location: Some(SHOP.into()), ..ask(Deed::Cancel, "own", "1", &[]) };
        let error = base.store.do_to_order(&there, "test").await.unwrap_err();
        assert!(error.to_string().starts_with("location: cancelled units stay where they lie"), "{error}");
        base.own_deed(Deed::Cancel, "1", &[]).await;
        assert_eq!((bins(base, SHOP).await, queue(base).await.len()), ((10, 0), 0));
    })
    .await;
}

#[tokio::test]
async fn under_review_what_comes_back_is_looked_at_too_unless_somebody_says_where_it_goes() {
    on_every_database(async |base| {
        open_with(base, true).await;
        base.store.post_order(&own("1", &[("tea", 3)])).await.unwrap();
        base.own_deed(Deed::Ship, "1", &[]).await;
        base.own_deed(Deed::Return, "1", &[("tea", 2)]).await;
        assert_eq!(bins(base, SHOP).await, (7, 2));
        let to_main = Ask { bin: Some("main".into()), ..ask(Deed::Return, "own", "1", &[("tea", 1)]) };
        base.store.do_to_order(&to_main, "test").await.unwrap();
        let items = queue(base).await;
        assert_eq!((bins(base, SHOP).await, items.len()), ((8, 2), 1));
        assert!(items[0].message.contains("(order own/1, came back)"), "{}", items[0].message);
        base.store.resolve_attention(items[0].id, Some("release"), "maria").await.unwrap();
        assert_eq!(bins(base, SHOP).await, (10, 0));
    })
    .await;
}

/// One owner takes units back at once, the other looks first.
#[tokio::test]
async fn two_channels_two_policies_two_outcomes() {
    on_every_database(async |base| {
        open_with(base, false).await;
        let bought = |id: &str| Order { revision: Some(1), ..order(id, &[line("tea", 2)]) };
        let given_back = |id: &str| {
            let tea = Line { cancelled: 2, restored: Restored::Unknown, ..line("tea", 2) };
            Order { revision: Some(2), ..order(id, &[tea]) }
        };
        for (id, review, after) in [("1", false, (10, 0)), ("2", true, (8, 2))] {
            let policy = Intake { review, ..intake("a") };
            base.read_as(&policy, &[bought(id)], &[]).await;
            base.read_as(&policy, &[given_back(id)], &[]).await;
            base.read_as(&policy, &[given_back(id)], &[]).await;
            assert_eq!((bins(base, SHOP).await, base.unshipped("tea").await), (after, 0));
        }
        assert_eq!(queue(base).await.len(), 1);
    })
    .await;
}
