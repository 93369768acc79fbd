//! What a seller does to orders by hand: ships and cancels those of the own storefront, takes goods back.

use uriba::{
    domain::deed::{Deed, Pick},
    store::{
        StoreError,
        deeds::{Ask, item},
        own_orders::OwnOrder,
        sheets::OrderLineSheet,
    },
};
use uriba_sdk::{Env, FulfilledBy, Line, Order, Restored};

use super::own_orders::{open_shop, own};
use crate::support::{SHOP, TestBase, WAREHOUSE, clock, line, on_every_database, order, seconds};

pub fn ask(deed: Deed, channel: &str, order: &str, lines: &[(&str, u32)]) -> Ask {
    let picks = lines.iter().map(|(sku, quantity)| Pick { name: item(sku), quantity: *quantity }).collect();
    let picks = Some(picks).filter(|picks: &Vec<Pick>| !picks.is_empty());
    Ask { deed, channel: channel.into(), order_id: order.into(), picks, location: None, bin: None, key: None }
}

impl TestBase {
    /// Does it to the own storefront's order; a second passes.
    pub async fn own_deed(&self, deed: Deed, order: &str, lines: &[(&str, u32)]) {
        self.store.do_to_order(&ask(deed, "own", order, lines), "test").await.unwrap();
        self.env.advance(seconds(1));
    }

    async fn refused(&self, ask: &Ask) -> String {
        match self.store.do_to_order(ask, "test").await.unwrap_err() {
            StoreError::Refused(why) => why,
            other => panic!("{other:?}"),
        }
    }

    pub async fn own_line(&self, order: &str) -> OrderLineSheet {
        self.store.order_sheet("own", order).await.unwrap().lines.swap_remove(0)
    }
}

#[tokio::test]
async fn an_own_order_ships_in_parts_without_a_jump_of_what_can_be_sold() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.store.post_order(&own("1", &[("tea", 3)])).await.unwrap();
        for (units, shop, unshipped, state) in [(1, 9, 2, "open"), (2, 7, 0, "shipped")] {
            base.own_deed(Deed::Ship, "1", &[("tea", units)]).await;
            base.recompute(&["a"]).await;
            let figures = (base.in_shop("tea").await, base.unshipped("tea").await, base.target("a", "tea").await);
            assert_eq!(figures, (shop, unshipped, Some(7)));
            assert_eq!(base.store.order_sheet("own", "1").await.unwrap().state, state);
        }
        let report = base.store.verify(&crate::support::allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

#[tokio::test]
async fn an_own_order_ships_from_the_location_that_is_named() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.receive("tea", WAREHOUSE, 5).await;
        base.store.post_order(&own("1", &[("tea", 4)])).await.unwrap();
        let from = |location: &str| Ask { location: Some(location.into()), ..ask(Deed::Ship, "own", "1", &[]) };
        let error = base.store.do_to_order(&from("osaka"), "test").await.unwrap_err();
        assert_eq!(error.to_string(), "location: there is no location \"osaka\"; known are shinjuku, warehouse");
        base.store.do_to_order(&from(WAREHOUSE), "test").await.unwrap();
        assert_eq!((base.in_shop("tea").await, base.on_hand("tea", WAREHOUSE).await), (10, 1));
        base.store.do_to_order(&from(WAREHOUSE), "test").await.expect("the whole order again finds nothing to do");
        assert_eq!(base.on_hand("tea", WAREHOUSE).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_own_order_gives_back_once() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.store.post_order(&own("1", &[("tea", 3)])).await.unwrap();
        base.own_deed(Deed::Cancel, "1", &[("tea", 1)]).await;
        assert_eq!(base.unshipped("tea").await, 2);
        base.own_deed(Deed::Cancel, "1", &[]).await;
        let before = base.everything().await;
        base.own_deed(Deed::Cancel, "1", &[]).await;
        base.own_deed(Deed::Ship, "1", &[]).await;
        assert_eq!(base.everything().await, before, "nothing is left of it");
        base.recompute(&["a"]).await;
        let sheet = base.store.order_sheet("own", "1").await.unwrap();
        assert_eq!(
            (sheet.state.as_str(), sheet.lines[0].cancelled, sheet.lines[0].restored.as_str()),
            ("cancelled", 3, "no")
        );
        assert_eq!((base.target("a", "tea").await, base.in_shop("tea").await), (Some(10), 10));
    })
    .await;
}

#[tokio::test]
async fn cancel_after_shipping() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.store.post_order(&own("1", &[("tea", 2)])).await.unwrap();
        base.own_deed(Deed::Ship, "1", &[]).await;
        base.own_deed(Deed::Cancel, "1", &[]).await;
        let of_mall = Order { revision: Some(1), ..order("9", &[Line { shipped: 2, ..line("tea", 2) }]) };
        base.read("a", std::slice::from_ref(&of_mall)).await;
        let cancelled = Line { cancelled: 2, restored: Restored::No, ..line("tea", 2) };
        base.read("a", &[Order { revision: Some(2), lines: vec![cancelled], ..of_mall }]).await;
        base.recompute(&["a"]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (6, 0));
        assert_eq!(base.target("a", "tea").await, Some(6), "stock comes back with the goods, not before");
        for (channel, order) in [("own", "1"), ("a", "9")] {
            let line = base.store.order_sheet(channel, order).await.unwrap().lines.swap_remove(0);
            assert_eq!((line.shipped, line.cancelled, line.returned, line.return_expected), (2, 0, 0, 2));
            base.store.do_to_order(&ask(Deed::Return, channel, order, &[]), "test").await.unwrap();
            let line = base.store.order_sheet(channel, order).await.unwrap().lines.swap_remove(0);
            assert_eq!((line.shipped, line.returned, line.return_expected), (2, 2, 0));
        }
        base.recompute(&["a"]).await;
        assert_eq!((base.in_shop("tea").await, base.target("a", "tea").await), (10, Some(10)));
    })
    .await;
}

#[tokio::test]
async fn a_mall_that_says_again_and_again_that_it_was_cancelled_after_shipping_says_it_once() {
    on_every_database(async |base| {
        open_shop(base).await;
        let cancelled = Line { cancelled: 2, ..line("tea", 2) };
        base.read("a", &[order("1", &[Line { shipped: 2, ..line("tea", 2) }])]).await;
        base.read("a", &[order("1", std::slice::from_ref(&cancelled))]).await;
        let taken = base.read("a", &[order("1", &[cancelled])]).await;
        assert_eq!((taken.orders, taken.lines), (0, 0));
        assert_eq!(base.rows("SELECT id FROM line_event WHERE what = 'return_expected'").await.len(), 1);
        assert_eq!(base.store.order_sheet("a", "1").await.unwrap().lines[0].return_expected, 2);
    })
    .await;
}

#[tokio::test]
async fn goods_come_back_to_the_location_and_the_bin_of_choice() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.store.post_order(&own("1", &[("tea", 4)])).await.unwrap();
        base.own_deed(Deed::Ship, "1", &[]).await;
        let back = |units, location: &str, bin: &str| Ask {
            location: Some(location.into()),
            bin: Some(bin.into()),
            ..ask(Deed::Return, "own", "1", &[("tea", units)])
        };
        base.store.do_to_order(&back(1, WAREHOUSE, "main"), "test").await.unwrap();
        base.store.do_to_order(&back(2, SHOP, "damaged"), "test").await.unwrap();
        base.recompute(&["a"]).await;
        assert_eq!((base.balances("tea", SHOP).await["damaged"], base.on_hand("tea", WAREHOUSE).await), (2, 1));
        assert_eq!(base.target("a", "tea").await, Some(7));
        let line = base.own_line("1").await;
        assert_eq!((line.shipped, line.returned, line.unshipped), (4, 3, 0));
        let why = base.refused(&back(2, SHOP, "main")).await;
        assert!(why.contains("2 of \"tea\"") && why.contains("only 1 has shipped and not come back"), "{why}");
        let error = base.store.do_to_order(&back(1, SHOP, "attic"), "test").await.unwrap_err();
        assert_eq!(error.to_string(), "bin: \"attic\" is no bin; there are: main, display, review, damaged");
    })
    .await;
}

#[tokio::test]
async fn goods_of_a_malls_order_come_back_and_its_next_pages_change_nothing_about_it() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.map("a", "tea-3-pack", "tea", 3).await;
        let shipped = Line { shipped: 2, ..line("tea-3-pack", 2) };
        base.read("a", &[order("1", std::slice::from_ref(&shipped))]).await;
        assert_eq!(base.in_shop("tea").await, 4);
        base.store.do_to_order(&ask(Deed::Return, "a", "1", &[("tea", 1)]), "test").await.unwrap();
        assert_eq!(base.in_shop("tea").await, 7, "a pack is three");
        for stated in [0, 1, 2] {
            base.read("a", &[order("1", &[Line { returned: stated, ..shipped.clone() }])]).await;
        }
        let line = base.store.order_sheet("a", "1").await.unwrap().lines.swap_remove(0);
        assert_eq!((line.returned, line.return_expected), (2, 1), "the mall knows of a second one");
        base.store.do_to_order(&ask(Deed::Return, "a", "1", &[]), "test").await.unwrap();
        assert_eq!(base.in_shop("tea").await, 10);
    })
    .await;
}

#[tokio::test]
async fn a_malls_order_is_shipped_and_cancelled_at_the_mall() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        for (deed, todo) in [(Deed::Ship, "ship the order there"), (Deed::Cancel, "cancel the order there")] {
            let why = base.refused(&ask(deed, "a", "1", &[])).await;
            assert!(why.starts_with("a is a shop on plain") && why.contains(todo), "{why}");
        }
        let why = base.refused(&ask(Deed::Return, "a", "1", &[])).await;
        assert_eq!(why, "nothing of order a/1 has shipped, so nothing can come back");
        let fba = Order { fulfilled_by: FulfilledBy::Mall, ..order("2", &[Line { shipped: 1, ..line("tea", 1) }]) };
        base.read("a", &[fba, order("3", &[Line { shipped: 1, ..line("cup", 1) }])]).await;
        let why = base.refused(&ask(Deed::Return, "a", "2", &[])).await;
        assert!(why.contains("the mall's own warehouse"), "{why}");
        let why = base.refused(&ask(Deed::Return, "a", "3", &[])).await;
        assert!(why.contains("map its item first"), "{why}");
        let error = base.store.do_to_order(&ask(Deed::Ship, "own", "7", &[]), "test").await.unwrap_err();
        assert!(matches!(error, StoreError::Missing { kind: "order", .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_deed_under_a_key_is_done_once_and_more_than_can_be_is_refused_whole() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.store.post_order(&own("1", &[("tea", 5)])).await.unwrap();
        let one = Ask { key: Some("k1".into()), ..ask(Deed::Ship, "own", "1", &[("tea", 1)]) };
        for _ in 0..2 {
            base.store.do_to_order(&one, "test").await.unwrap();
        }
        assert_eq!(base.own_line("1").await.shipped, 1);
        let other = Ask { picks: None, ..one };
        let error = base.store.do_to_order(&other, "test").await.unwrap_err();
        assert!(error.to_string().contains("was used for something else"), "{error}");
        let before = base.everything().await;
        let why = base.refused(&ask(Deed::Ship, "own", "1", &[("tea", 3), ("tea", 2)])).await;
        assert_eq!(why, "lines[1]: 2 of \"tea\" were asked for, but of order own/1 only 1 is left to ship");
        let error = base.store.do_to_order(&ask(Deed::Cancel, "own", "1", &[("cup", 1)]), "test").await.unwrap_err();
        assert_eq!(error.to_string(), "lines[0]: order own/1 has no \"cup\"; it has: tea");
        assert_eq!(base.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn an_own_order_of_a_bundle_takes_gives_back_and_returns_its_components() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.pack("set", &[("tea", 2), ("cup", 1)]).await;
        base.receive("cup", SHOP, 6).await;
        base.store.post_order(&own("1", &[("set", 3)])).await.unwrap();
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (6, 3));
        // Whatever the set becomes later, these were sold as it was.
        base.pack("set", &[("tea", 1)]).await;
        base.own_deed(Deed::Ship, "1", &[("set", 2)]).await;
        base.own_deed(Deed::Cancel, "1", &[("set", 1)]).await;
        assert_eq!((base.in_shop("tea").await, base.in_shop("cup").await), (6, 4));
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (0, 0));
        base.own_deed(Deed::Return, "1", &[("set", 1)]).await;
        assert_eq!((base.in_shop("tea").await, base.in_shop("cup").await), (8, 5));
        let line = base.own_line("1").await;
        assert_eq!((line.sku.as_deref(), line.units, line.ordered, line.shipped), (Some("set"), Some(1), 3, 2));
    })
    .await;
}

#[tokio::test]
async fn a_shipment_counted_before_the_till_says_so_is_not_taken_twice() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.store.post_order(&own("1", &[("tea", 2)])).await.unwrap();
        base.env.advance_to(clock("16:00"));
        base.own_deed(Deed::Ship, "1", &[]).await;
        base.count("tea", SHOP, 8, base.env.now()).await;
        base.env.advance(seconds(1));
        base.own_deed(Deed::Return, "1", &[("tea", 1)]).await;
        assert_eq!(base.in_shop("tea").await, 9, "what came back after the count comes on top of it");
    })
    .await;
}

/// The number to pay with comes after the order, and is good for days.
#[tokio::test]
async fn a_convenience_store_order_waits_for_its_payment_over_the_months_end_and_gives_back_once() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.env.advance_to("2026-11-29T23:50:00+09:00".parse().unwrap());
        for id in ["paid", "unpaid"] {
            base.store.post_order(&OwnOrder { ordered_at: base.env.now(), ..own(id, &[("tea", 2)]) }).await.unwrap();
        }
        base.recompute(&["a"]).await;
        base.env.advance(seconds(3 * 86_400));
        assert_eq!(base.target("a", "tea").await, Some(6), "three days later");
        base.own_deed(Deed::Ship, "paid", &[]).await;
        for _ in 0..3 {
            base.own_deed(Deed::Cancel, "unpaid", &[]).await;
        }
        base.recompute(&["a"]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (8, 0));
        assert_eq!(base.target("a", "tea").await, Some(8));
    })
    .await;
}
