//! What everybody stumbles over with eBay, one test for each.

use uriba_sdk::{
    RefusedWhy, Write,
    fake::{Fault, Item, Times},
    stock::{Outcome, Update},
};

use crate::bench::{APPLIED, Bench, refused};

#[tokio::test]
async fn two_level_quantity_both_levels_are_written_and_the_smaller_one_is_read() {
    for overrules in [false, true] {
        let bench = Bench::open().await;
        bench.fake.set_switch("offer_level_overrules", overrules);
        // Somebody left the offer below the item, or above it.
        for odd in ["item level above what shows", "offer level above what shows"] {
            bench.list_odd("TEA", 3, (odd, "6"));
            assert_eq!(bench.shown("TEA").await, 3);
            assert_eq!(bench.push("TEA", 7).await, APPLIED);
            assert_eq!((bench.figure("TEA"), bench.shown("TEA").await), (7, 7), "{odd}");
        }
    }
}

#[tokio::test]
async fn listings_made_by_trading_are_unknown_to_the_inventory_api_and_named_as_such() {
    for switch in ["", "unknown_sku_is_400", "no_offers_is_an_empty_list", "unknown_sku_fails_the_read"] {
        let bench = Bench::open().await;
        bench.fake.set_switch(switch, true);
        bench.list(&[("TEA", 5)]);
        bench.list_odd("OLD", 5, ("made by the Trading API", "yes"));
        let id = bench.fake.book().place(&[("OLD", 1)]).unwrap();
        assert_eq!(bench.by_id(&id).await.lines[0].mall_key.as_deref(), Some("OLD"), "it clearly sells");
        assert_eq!(bench.handle("OLD").await, None);
        let readings = bench.read(&["OLD", "TEA"]).await;
        assert_eq!((readings[0], readings[1].unwrap().quantity), (None, Some(5)));
        let outcomes = bench.push_all(&[("TEA", 9), ("OLD", 9)]).await;
        assert_eq!(outcomes[0], APPLIED);
        let refusal = refused(outcomes[1].clone());
        assert_eq!(refusal.why, RefusedWhy::NoSuchItem);
        assert!(refusal.message.contains("Trading API: migrate it"), "{}", refusal.message);
        assert_eq!(bench.figure("OLD"), 4);
    }
}

#[tokio::test]
async fn bulk_update_unavailable_in_old_client_libraries_is_called_directly() {
    let bench = Bench::open().await;
    let keys: Vec<String> = (0..25).map(|n| bench.fake.mall_key(n)).collect();
    let writes: Vec<(&str, i64)> = keys.iter().map(|key| (key.as_str(), 4)).collect();
    bench.list(&writes.iter().map(|(key, _)| (*key, 1)).collect::<Vec<_>>());
    assert!(bench.push_all(&writes).await.iter().all(|outcome| *outcome == APPLIED));
    assert_eq!(bench.called("stock.push"), 1);
    assert!(keys.iter().all(|key| bench.figure(key) == 4));
}

#[tokio::test]
async fn the_trading_get_item_shows_7_after_setting_5_and_the_read_back_shows_5() {
    // GetItem adds what was sold. The levels may each count sales or not: the smaller one is what is for sale.
    for switch in ["", "sales_leave_the_item_level", "sales_leave_the_offer_level"] {
        let bench = Bench::open().await;
        bench.fake.set_switch(switch, true);
        bench.list(&[("TEA", 9)]);
        bench.fake.book().place(&[("TEA", 2)]).unwrap();
        assert_eq!(bench.push("TEA", 5).await, APPLIED);
        assert_eq!(bench.shown("TEA").await, 5);
        bench.fake.book().place(&[("TEA", 2)]).unwrap();
        assert_eq!(bench.shown("TEA").await, 3, "{switch}");
    }
}

#[tokio::test]
async fn the_real_time_inventory_check_is_not_claimed() {
    let bench = Bench::open().await;
    let extras = bench.mall.extras();
    assert!(extras.wakeup.is_none() && extras.tickets.is_none());
}

#[tokio::test]
async fn order_confirmation_may_fire_twice_so_only_searches_count() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 9)]);
    let id = bench.fake.book().place(&[("TEA", 2)]).unwrap();
    bench.fake.book().fault("orders.search", Fault::DuplicateRows, Times::Next(1));
    let orders = bench.orders(false).await;
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[&id].lines[0].ordered, 2);
}

#[tokio::test]
async fn auction_lines_belong_to_listings_that_are_never_written() {
    let bench = Bench::open().await;
    let mut item = Item::new(1);
    item.not_ours = true;
    bench.fake.book().list("VASE", item);
    let handle = bench.handle("VASE").await;
    assert_eq!(handle.as_deref(), Some("auction"));
    assert!(bench.read(&["VASE"]).await[0].unwrap().not_ours);
    for handle in [handle.as_deref(), None] {
        let refusal = refused(bench.push_as("VASE", handle, 0).await);
        assert_eq!(refusal.why, RefusedWhy::NotOurs);
    }
    assert_eq!((bench.called("stock.push"), bench.figure("VASE")), (0, 1));
    // The sale itself is an order like any other.
    let id = bench.fake.book().place(&[("VASE", 1)]).unwrap();
    assert_eq!(bench.by_id(&id).await.lines[0].mall_key.as_deref(), Some("VASE"));
}

#[tokio::test]
async fn an_auction_beside_a_fixed_price_offer_keeps_its_units() {
    let bench = Bench::open().await;
    bench.list_odd("CUP", 5, ("units in an auction beside", "1"));
    assert_eq!(bench.push("CUP", 3).await, APPLIED);
    let refusal = refused(bench.push("CUP", 0).await);
    assert_eq!((refusal.why, refusal.code.as_deref()), (RefusedWhy::NotOurs, Some("25759")));
    assert!(refusal.message.contains("an auction holds units of this SKU"), "{}", refusal.message);
    assert_eq!(bench.figure("CUP"), 3);
}

#[tokio::test]
async fn an_absolute_write_after_an_unseen_order_re_adds_a_unit_unless_it_is_read_before() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 5)]);
    let before = bench.shown("TEA").await;
    bench.fake.book().place(&[("TEA", 1)]).unwrap();
    assert_eq!(bench.shown("TEA").await, before - 1, "the reading knows of the order that no search has found");
    assert_eq!(bench.push("TEA", before).await, APPLIED);
    assert_eq!(bench.figure("TEA"), 5, "the unit is back on sale");
    // There is nothing else to write with, and nothing is written that pretends to be.
    for write in [Write::Relative(-1), Write::CompareAndSet { from: 5, to: 4 }] {
        let update = Update { key: "TEA".into(), handle: None, write };
        let outcome = bench.mall.push(&[update]).await.unwrap().remove(0);
        assert!(matches!(outcome, Outcome::Refused(_)) && bench.figure("TEA") == 5);
    }
}
