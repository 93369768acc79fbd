//! Both readings of what the mall doesn't document, where the kit's own look at every switch says too little.

use uriba_sdk::{FulfilledBy, fake::Stage};

use super::shop::Shop;

#[tokio::test]
async fn missing_orders_are_told_apart_however_the_mall_says_it() {
    let doubts = ["missing-takes-all", "missing-without-path", "words-in-messages"];
    for several in 0..8_usize {
        let switches: Vec<_> = (0..3).filter(|n| several >> n & 1 == 1).map(|n| doubts[n]).collect();
        let shop = Shop::open_with(&switches).await;
        let key = shop.list(0, 50);
        let ids: Vec<_> = (0..3).map(|_| shop.book().place(&[(&key, 1)]).unwrap()).collect();
        shop.pass(3_600);
        let asked = [&ids[0], "ot_x", &ids[1], "ot_y", &ids[2]].map(str::to_owned);
        let found = shop.mall.by_id(&asked).await.unwrap();
        let read: Vec<_> = found.orders.into_iter().map(|order| order.id).collect();
        assert_eq!((read, found.missing), (ids, vec!["ot_x".into(), "ot_y".into()]), "{switches:?}");
        let found = shop.mall.by_id(&["ot_x".into(), "ot_y".into()]).await.unwrap();
        assert_eq!((found.orders.len(), found.missing.len()), (0, 2), "{switches:?}");
    }
}

#[tokio::test]
async fn an_unpaid_order_holds_its_stock_whether_it_counts_as_unshipped_or_not() {
    for switches in [&[][..], &["unpaid-is-not-unshipped"]] {
        let shop = Shop::open_with(switches).await;
        let key = shop.list(0, 50);
        let id = shop.book().place_as(&[(&key, 3)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
        shop.book().cancel_units(&id, "1", 1);
        shop.pass(60);
        let line = shop.order(&id).await.lines.remove(0);
        assert_eq!((line.ordered, line.cancelled, line.shipped, line.unshipped()), (3, 1, 0, 2), "{switches:?}");
    }
}

#[tokio::test]
async fn a_cancelled_order_holds_nothing_whatever_its_figures_say() {
    for switches in [&[][..], &["cancelled-stays-unshipped"]] {
        let shop = Shop::open_with(switches).await;
        let key = shop.list(0, 50);
        let id = shop.book().place(&[(&key, 3)]).unwrap();
        shop.book().cancel(&id);
        shop.pass(60);
        let line = shop.order(&id).await.lines.remove(0);
        assert_eq!((line.ordered, line.cancelled, line.unshipped()), (3, 3, 0), "{switches:?}");
    }
}

#[tokio::test]
async fn a_cancel_is_read_by_id_where_searches_leave_it_out() {
    for (switches, found) in [(&[][..], 1), (&["cancelled-only-if-named"], 0)] {
        let shop = Shop::open_with(switches).await;
        let key = shop.list(0, 50);
        let id = shop.book().place(&[(&key, 3)]).unwrap();
        shop.book().cancel(&id);
        shop.pass(60);
        assert_eq!(shop.search(shop.day(false)).await.unwrap().len(), found);
        assert!(shop.order(&id).await.is_closed());
    }
}

#[tokio::test]
async fn pages_miss_nothing_whichever_end_they_begin_at() {
    for switches in [&[][..], &["newest-first"]] {
        let shop = Shop::open_with(switches).await;
        let key = shop.list(0, 500);
        let mut placed: Vec<_> = (0..120).map(|_| shop.book().place(&[(&key, 1)]).unwrap()).collect();
        shop.pass(60);
        let mut found = shop.search(shop.day(false)).await.unwrap();
        found.sort();
        placed.sort();
        assert_eq!(found, placed, "{switches:?}");
    }
}
