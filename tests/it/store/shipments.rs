//! Goods that leave for orders: from where, when, and what happens when the ledger has too few.

use uriba_sdk::{Env, Line, Restored};

use crate::support::{SHOP, WAREHOUSE, clock, line, on_every_database, order};

fn shipped(units: u32, at: &str) -> Line {
    Line { shipped: units, shipped_at: Some(clock(at)), ..line("tea", units) }
}

#[tokio::test]
async fn a_shipment_recorded_after_a_count_that_already_lacks_it() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.env.advance_to(clock("15:45"));
        base.count("tea", SHOP, 8, clock("15:30")).await;
        base.env.advance_to(clock("16:00"));
        base.read("a", &[order("1", &[shipped(2, "15:00")])]).await;
        base.recompute(&["a"]).await;
        let figures = (base.in_shop("tea").await, base.unshipped("tea").await, base.target("a", "tea").await);
        assert_eq!(figures, (8, 0, Some(8)));
    })
    .await;
}

#[tokio::test]
async fn shipping_moves_units_from_unshipped_to_gone_without_a_jump() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 3)])]).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(7));
        base.env.advance_to(clock("12:00"));
        base.read("a", &[order("1", &[Line { shipped: 2, ..line("tea", 3) }])]).await;
        base.recompute(&["a"]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (8, 1));
        assert_eq!(base.target("a", "tea").await, Some(7));
    })
    .await;
}

#[tokio::test]
async fn a_shipment_the_mall_takes_back_comes_back_to_both_figures() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[Line { shipped: 3, ..line("tea", 5) }])]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (7, 2));
        base.read("a", &[order("1", &[Line { shipped: 1, ..line("tea", 5) }])]).await;
        base.recompute(&["a"]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (9, 4));
        assert_eq!(base.target("a", "tea").await, Some(5), "five are ordered, whatever was shipped of them");
    })
    .await;
}

/// What a count after the shipment has seen is not given back to it: the goods were gone, whatever the mall says now.
#[tokio::test]
async fn a_shipment_taken_back_by_a_stale_state_after_a_count_and_stated_again_changes_nothing() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.env.advance_to(clock("15:10"));
        base.read("a", &[order("1", &[shipped(2, "15:00")])]).await;
        base.env.advance_to(clock("15:45"));
        base.count("tea", SHOP, 8, clock("15:30")).await;
        for _ in 0..2 {
            base.read("a", &[order("1", &[line("tea", 2)])]).await;
            assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (8, 2));
            base.read("a", &[order("1", &[shipped(2, "15:00")])]).await;
            assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (8, 0));
        }
    })
    .await;
}

/// One location was counted since the goods left, the other wasn't.
#[tokio::test]
async fn goods_that_a_mall_takes_back_return_to_where_they_left() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 2).await;
        base.receive("tea", WAREHOUSE, 5).await;
        base.env.advance_to(clock("15:10"));
        base.read("a", &[order("1", &[shipped(4, "15:00")])]).await;
        base.env.advance_to(clock("15:45"));
        base.count("tea", WAREHOUSE, 3, clock("15:30")).await;
        base.read("a", &[order("1", &[line("tea", 4)])]).await;
        assert_eq!((base.in_shop("tea").await, base.on_hand("tea", WAREHOUSE).await), (2, 3));
    })
    .await;
}

#[tokio::test]
async fn shipments_leave_from_the_pools_locations_in_their_order() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 2).await;
        base.receive("tea", WAREHOUSE, 5).await;
        base.read("a", &[order("1", &[Line { shipped: 4, ..line("tea", 4) }])]).await;
        assert_eq!((base.in_shop("tea").await, base.on_hand("tea", WAREHOUSE).await), (0, 3));
        assert_eq!(base.attention("negative_location").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn what_the_ledger_lacks_leaves_from_the_first_location_and_is_reported() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 2).await;
        base.receive("tea", WAREHOUSE, 1).await;
        base.read("a", &[order("1", &[Line { shipped: 5, ..line("tea", 5) }])]).await;
        assert_eq!((base.in_shop("tea").await, base.on_hand("tea", WAREHOUSE).await), (-2, 0));
        let items = base.attention("negative_location").await;
        assert_eq!(items.len(), 1, "{items:?}");
        assert!(items[0].contains("-2 of tea") && items[0].contains("order a/1"), "{items:?}");
    })
    .await;
}

#[tokio::test]
async fn goods_shipped_before_anybody_counted_give_no_figure() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        base.list(&["a"], "tea").await;
        base.read("a", &[order("1", &[Line { shipped: 2, ..line("tea", 2) }])]).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, None);
        assert_eq!(base.attention("negative_location").await, Vec::<String>::new());
        base.count("tea", SHOP, 6, base.env.now()).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(6));
    })
    .await;
}

#[tokio::test]
async fn cancelled_after_shipping_stays_gone_until_the_goods_arrive() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[Line { shipped: 2, ..line("tea", 2) }])]).await;
        base.read("a", &[order("1", &[Line { cancelled: 2, restored: Restored::No, ..line("tea", 2) }])]).await;
        base.recompute(&["a"]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (8, 0));
        assert_eq!(base.target("a", "tea").await, Some(8));
        let expected = base.rows("SELECT units FROM line_event WHERE what = 'return_expected'").await;
        assert_eq!(expected.len(), 1);
        assert_eq!(expected[0]["units"], 2);
        base.receive("tea", SHOP, 2).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(10), "the goods are back");
    })
    .await;
}

#[tokio::test]
async fn a_pack_takes_its_units_from_stock() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.map("a", "tea-3-pack", "tea", 3).await;
        base.read("a", &[order("1", &[line("tea-3-pack", 2), line("tea", 1)])]).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.unshipped("tea").await, 7);
        assert_eq!((base.target("a", "tea").await, base.target("a", "tea-3-pack").await), (Some(3), Some(1)));
        base.read("a", &[order("1", &[Line { shipped: 2, ..line("tea-3-pack", 2) }, line("tea", 1)])]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (4, 1));
    })
    .await;
}
