//! Bundles: what can be sold of things that are made of others, and what an order for one holds.

use uriba::store::{
    StoreError,
    sheets::{ComponentSheet, PoolSheet, PoolTotals},
};
use uriba_sdk::{Env, Line};

use crate::support::{SHOP, TestBase, line, on_every_database, order};

/// Tea and cups in stock, and a gift box of 1 tea and 2 cups that is listed as well.
async fn tea_party(base: &TestBase, tea: i64, cups: i64) {
    base.open_channels(&["a", "b"]).await;
    base.pack("box", &[("tea", 1), ("cup", 2)]).await;
    for sku in ["tea", "cup", "box"] {
        base.list(&["a", "b"], sku).await;
    }
    base.receive("tea", SHOP, tea).await;
    base.receive("cup", SHOP, cups).await;
    base.recompute(&["a", "b"]).await;
}

async fn targets(base: &TestBase, channel: &str) -> [Option<i64>; 3] {
    base.recompute(&["a", "b"]).await;
    [base.target(channel, "tea").await, base.target(channel, "cup").await, base.target(channel, "box").await]
}

#[tokio::test]
async fn a_bundle_shows_what_its_scarcest_component_allows() {
    on_every_database(async |base| {
        tea_party(base, 10, 7).await;
        assert_eq!(targets(base, "a").await, [Some(10), Some(7), Some(3)]);
        base.receive("cup", SHOP, 20).await;
        assert_eq!(targets(base, "a").await, [Some(10), Some(27), Some(10)], "now tea is what lacks");
        base.pack("hamper", &[("box", 2), ("tea", 1)]).await;
        base.map("a", "hamper", "hamper", 1).await;
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.target("a", "hamper").await, Some(3), "10 tea at 3 each");
        base.receive("tea", SHOP, 8).await;
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.target("a", "hamper").await, Some(6), "a component of a component moves it");
    })
    .await;
}

#[tokio::test]
async fn a_bundle_with_a_component_that_nobody_counted_has_no_figure() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        base.pack("box", &[("tea", 1), ("cup", 2)]).await;
        base.list(&["a"], "box").await;
        base.receive("tea", SHOP, 10).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "box").await, None);
        base.count("cup", SHOP, 0, base.env.now()).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "box").await, Some(0), "none is a figure");
    })
    .await;
}

#[tokio::test]
async fn an_order_for_a_bundle_holds_and_ships_its_components() {
    on_every_database(async |base| {
        tea_party(base, 10, 20).await;
        base.read("a", &[order("1", &[line("box", 3)])]).await;
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (3, 6));
        assert_eq!(targets(base, "b").await, [Some(7), Some(14), Some(7)]);
        base.read("a", &[order("1", &[Line { shipped: 3, ..line("box", 3) }])]).await;
        assert_eq!((base.in_shop("tea").await, base.in_shop("cup").await), (7, 14));
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (0, 0));
        assert_eq!(targets(base, "b").await, [Some(7), Some(14), Some(7)], "shipping moves nothing");
    })
    .await;
}

#[tokio::test]
async fn a_three_pack_of_a_bundle_takes_three_of_each() {
    on_every_database(async |base| {
        tea_party(base, 10, 20).await;
        base.map("a", "box-3", "box", 3).await;
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.target("a", "box-3").await, Some(3));
        base.read("a", &[order("1", &[line("box-3", 1)])]).await;
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (3, 6));
        assert_eq!(targets(base, "b").await, [Some(7), Some(14), Some(7)]);
    })
    .await;
}

#[tokio::test]
async fn a_new_recipe_is_for_new_orders() {
    on_every_database(async |base| {
        tea_party(base, 10, 20).await;
        base.read("a", &[order("1", &[line("box", 1)])]).await;
        base.pack("box", &[("tea", 2)]).await;
        assert_eq!(targets(base, "b").await, [Some(9), Some(18), Some(4)]);
        base.read("a", &[order("2", &[line("box", 1)])]).await;
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (3, 2));
        let cancelled = Line { cancelled: 1, ..line("box", 1) };
        base.read("a", &[order("1", std::slice::from_ref(&cancelled))]).await;
        base.read("a", &[order("1", std::slice::from_ref(&cancelled))]).await;
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (2, 0), "what it took came back");
    })
    .await;
}

#[tokio::test]
async fn orders_older_than_the_recipe_hold_its_components_from_then_on() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        base.list(&["a"], "box").await;
        base.read("a", &[order("1", &[line("box", 2)])]).await;
        base.pack("box", &[("tea", 3)]).await;
        base.recompute(&["a", "b"]).await;
        assert_eq!((base.unshipped("tea").await, base.unshipped("box").await), (6, 0));
        assert_eq!(base.target("b", "tea").await, Some(4));
        base.read("a", &[order("1", &[Line { shipped: 2, ..line("box", 2) }])]).await;
        assert_eq!((base.unshipped("tea").await, base.in_shop("tea").await), (0, 4));
    })
    .await;
}

#[tokio::test]
async fn lines_sold_before_the_mapping_take_the_bundles_components() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.pack("box", &[("tea", 3)]).await;
        base.read("a", &[order("1", &[Line { shipped: 1, ..line("set", 2) }])]).await;
        base.map("a", "set", "box", 1).await;
        assert_eq!((base.unshipped("tea").await, base.in_shop("tea").await), (3, 7));
    })
    .await;
}

#[tokio::test]
async fn units_missing_from_a_bundles_counter_are_held_as_its_components() {
    on_every_database(async |base| {
        tea_party(base, 10, 20).await;
        base.observe("a", "box", 10).await;
        base.observe("a", "box", 8).await;
        assert_eq!(targets(base, "b").await, [Some(8), Some(16), Some(8)]);
        let sold = base.env.now() - std::time::Duration::from_millis(1_500);
        let placed = uriba_sdk::Order { placed_at: sold, ..order("1", &[line("box", 2)]) };
        base.read("a", &[placed]).await;
        assert_eq!(targets(base, "b").await, [Some(8), Some(16), Some(8)], "the order explains them");
        assert_eq!(base.rows("SELECT id FROM provisional_hold WHERE ended_at IS NULL").await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_has_stock_of_its_own_is_no_bundle_and_a_bundle_has_none() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.pack("box", &[("tea", 1)]).await;
        base.found("cup").await;
        let before = base.everything().await;
        let refused = base.try_pack("tea", &[("cup", 1)]).await.unwrap_err();
        assert!(
            matches!(refused, StoreError::Refused(_)) && refused.to_string().starts_with("tea has stock"),
            "{refused}"
        );
        let tx = base.store.begin().await.unwrap();
        let movement = base.movement("receipt", "1", "box", &[(SHOP, "main", 5)]).await;
        let refused = base.store.book(&tx, vec![movement]).await.unwrap_err();
        tx.rollback().await.unwrap();
        assert!(refused.to_string().starts_with("box is a bundle and has no stock"), "{refused}");
        assert_eq!(base.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_way_round_is_named_and_changes_nothing() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        base.pack("gift", &[("tea", 1)]).await;
        base.pack("box", &[("gift", 2)]).await;
        base.pack("set", &[("box", 1), ("cup", 1)]).await;
        let before = base.everything().await;
        let refused = base.try_pack("gift", &[("tea", 1), ("set", 1)]).await.unwrap_err();
        let message = refused.to_string();
        assert!(message.starts_with("a bundle contains itself: "), "{message}");
        for code in ["gift", "box", "set"] {
            assert!(message.contains(code), "{message}");
        }
        assert_eq!(base.everything().await, before);
        let swapped = [("gift", ("box", 1)), ("box", ("tea", 1))];
        let recipes = swapped.map(|(bundle, (part, n))| (bundle.to_owned(), [(part.to_owned(), n)].into()));
        base.store.pack(&recipes.into(), "test").await.expect("turned around at once there is no way round");
    })
    .await;
}

#[tokio::test]
async fn the_same_recipe_again_changes_nothing() {
    on_every_database(async |base| {
        tea_party(base, 10, 20).await;
        let before = base.everything().await;
        base.try_pack("box", &[("tea", 1), ("cup", 2)]).await.unwrap();
        assert_eq!(base.everything().await, before);
    })
    .await;
}

/// Trace 15.
#[tokio::test]
async fn two_listings_and_a_bundle_of_one_sku() {
    on_every_database(async |base| {
        tea_party(base, 12, 40).await;
        base.map("a", "tea-3", "tea", 3).await;
        base.recompute(&["a", "b"]).await;
        assert_eq!(targets(base, "a").await, [Some(12), Some(40), Some(12)]);
        assert_eq!(base.target("a", "tea-3").await, Some(4), "whole packs");
        for (key, shows) in [("tea", 12), ("tea-3", 4), ("box", 12)] {
            base.observe("a", key, shows).await;
        }
        let pool = async |code: &str| -> PoolSheet {
            base.store.sku_sheet(code, &Default::default()).await.unwrap().pools.remove(0)
        };
        let tea = pool("tea").await;
        assert_eq!((tea.exposure.units, tea.exposure.bound), (12 + 4 * 3 + 12, 24), "three counters, one exposure");
        let cup = pool("cup").await;
        assert_eq!((cup.exposure.units, cup.exposure.bound), (24, 0), "each box takes two cups");
        let totals = base.store.pool_totals().await.unwrap();
        assert_eq!(totals, [PoolTotals { pool: "online".into(), oversold: 0, bound: 24 }], "and so say the sums");
        let party = pool("box").await;
        let part = |sku: &str, quantity, sellable, limits| ComponentSheet {
            sku: sku.into(),
            quantity,
            sellable: Some(sellable),
            limits,
        };
        assert_eq!(party.components, [part("tea", 1, 12, true), part("cup", 2, 40, false)]);
        assert_eq!((party.on_hand, party.sellable, party.exposure.bound), (None, Some(12), 24));
    })
    .await;
}
