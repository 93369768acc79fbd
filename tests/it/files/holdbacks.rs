//! Units that are not for sale online.

use uriba::engine::import::FileKind;

use crate::support::{SHOP, TestBase, on_every_database};

async fn held_back(base: &TestBase, made: &str, units: i64) -> (i64, i64) {
    base.drop(FileKind::Holdbacks, made, &format!("location,sku,quantity\nshinjuku,tea,{units}\n")).await;
    let shop = base.balances("tea", SHOP).await;
    (shop["main"], shop["display"])
}

#[tokio::test]
async fn a_sample_less_is_exactly_one_unit_more_for_sale() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        assert_eq!(held_back(base, "20T11:00", 2).await, (8, 2));
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(8));
        assert_eq!(held_back(base, "20T12:00", 1).await, (9, 1));
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(9));
        assert_eq!(held_back(base, "20T13:00", 1).await, (9, 1), "absolute: nothing to move");
    })
    .await;
}

#[tokio::test]
async fn a_book_does_not_undo_what_is_held_back_nor_an_older_file_a_newer_one() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        held_back(base, "20T12:00", 3).await;
        base.shop_book("20T13:00", &[("tea", 9)]).await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["display"]), (6, 3));
        base.pick_up(FileKind::Holdbacks, "20T11:00", "location,sku,quantity\nshinjuku,tea,0\n").await;
        assert_eq!(base.balances("tea", SHOP).await["display"], 3);
    })
    .await;
}

#[tokio::test]
async fn samples_that_were_taken_before_a_count_still_move_between_bins() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.shop_book("20T13:00", &[("tea", 10)]).await;
        base.pick_up(FileKind::Holdbacks, "20T12:00", "location,sku,quantity\nshinjuku,tea,2\n").await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["display"]), (8, 2), "the count says nothing about bins");
    })
    .await;
}
