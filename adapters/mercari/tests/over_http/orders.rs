//! Finding and reading orders.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use uriba_sdk::{
    Applied, Class, FulfilledBy, Line, Order, Restored,
    fake::{Fault, Stage, Times},
};

use super::shop::Shop;

/// Any state of a line: ordered, shipped, cancelled.
fn quantities() -> impl Strategy<Value = (u32, u32, u32)> {
    (1_u32..400).prop_flat_map(|ordered| {
        (Just(ordered), 0..=ordered)
            .prop_flat_map(|(ordered, shipped)| (Just(ordered), Just(shipped), 0..=ordered - shipped))
    })
}

fn order(n: usize, shop: &Shop, lines: &[(u32, u32, u32)], millis: i64) -> Order {
    let line = |(place, (ordered, shipped, cancelled)): (usize, &(u32, u32, u32))| Line {
        id: place.to_string(),
        mall_key: Some(shop.fake.mall_key(place)),
        ordered: *ordered,
        cancelled: *cancelled,
        shipped: *shipped,
        returned: shipped / 2,
        restored: Restored::Yes,
        shipped_at: Some(jiff::Timestamp::UNIX_EPOCH),
        original: Some(*ordered),
    };
    let placed_at = "2026-11-19T20:00:00Z".parse::<jiff::Timestamp>().unwrap();
    Order {
        id: format!("ot_{n}"),
        family: None,
        revision: Some(3),
        placed_at: placed_at + jiff::SignedDuration::from_millis(millis),
        updated_at: Some(placed_at),
        fulfilled_by: FulfilledBy::Seller,
        lines: lines.iter().enumerate().map(line).collect(),
    }
}

/// Encode any order with the fake, decode it with the adapter: the same order, as far as the format goes.
#[tokio::test]
async fn any_order_comes_back_as_it_was() {
    let shop = Shop::open().await;
    let mut runner = TestRunner::deterministic();
    let strategy = (prop::collection::vec(quantities(), 1..6), 0_i64..10_000_000, 0..3_usize);
    let mut expected = Vec::new();
    for n in 0..200 {
        let (lines, millis, stage) = strategy.new_tree(&mut runner).unwrap().current();
        let order = order(n, &shop, &lines, millis);
        let plain = order.lines.iter().all(|line| line.shipped == 0);
        let stage = [Stage::Unpaid, Stage::Ready, Stage::Requested][stage];
        shop.book().insert(order.clone(), if plain { stage } else { Stage::Ready });
        expected.push(shop.fake.expressible(order));
    }
    let ids: Vec<_> = expected.iter().map(|order| order.id.clone()).collect();
    let found = shop.patiently(|| shop.mall.by_id(&ids)).await.unwrap();
    assert_eq!(found.orders, expected);
    let mut searched = shop.search(shop.day(false)).await.unwrap();
    let mut ids = ids;
    searched.sort();
    ids.sort();
    assert_eq!(searched, ids);
}

#[tokio::test]
async fn a_page_that_takes_the_mall_too_long_is_asked_for_again_with_fewer_orders() {
    let shop = Shop::open_with(&["slow-pages"]).await;
    let key = shop.list(0, 500);
    let mut placed: Vec<_> = (0..45).map(|_| shop.book().place(&[(&key, 1)]).unwrap()).collect();
    shop.pass(60);
    let query = shop.day(false);
    for _ in 0..2 {
        let error = shop.patiently(|| shop.mall.pull(&query)).await.unwrap_err();
        assert_eq!(error.class, Class::Transient { applied: Applied::No });
    }
    let page = shop.patiently(|| shop.mall.pull(&query)).await.unwrap();
    assert_eq!(page.orders.len(), 12);
    // It is tried with more again, and with fewer where that fails.
    let mut query = query;
    (query.token, placed) = (page.next, placed.split_off(12));
    while query.token.is_some() {
        let Ok(page) = shop.patiently(|| shop.mall.pull(&query)).await else { continue };
        let ids: Vec<_> = page.orders.into_iter().map(|order| order.id).collect();
        assert_eq!(ids, placed[..ids.len()]);
        (query.token, placed) = (page.next, placed.split_off(ids.len()));
    }
    assert!(placed.is_empty());
}

/// A request costs a point at least, so ten orders in one document cost four instead of ten.
#[tokio::test]
async fn several_orders_share_a_request_and_one_alone_costs_a_point() {
    let shop = Shop::open().await;
    let key = shop.list(0, 500);
    let ids: Vec<_> = (0..10).map(|_| shop.book().place(&[(&key, 1)]).unwrap()).collect();
    shop.pass(3_600);
    let left = || shop.wire.quotas()[0].2.available;
    let full = left();
    shop.mall.by_id(&ids[..1]).await.unwrap();
    assert_eq!(left(), full - 1);
    shop.mall.by_id(&ids).await.unwrap();
    assert_eq!(left(), full - 5);
}

#[tokio::test]
async fn an_order_that_the_mall_fails_to_read_itself_does_not_take_the_page_away() {
    let shop = Shop::open().await;
    let page = r#"{"data": {"orderTransactions": {"edges": [
        {"node": null},
        {"node": {"id": "ot_a", "status": "WAITING_FOR_SHIPPING", "createdAt": "2026-11-19T20:00:00Z", "products": [
            {"productId": "p", "purchasedQuantity": 1, "unshippedQuantity": 1, "unshippedCanceledQuantity": 0,
             "variant": {"id": "v", "skuCode": "Cup01"}}]}}],
        "pageInfo": {"hasNextPage": false, "endCursor": null}}},
        "errors": [{"message": "internal", "path": ["orderTransactions", "edges", 0, "node", "products"]}]}"#;
    shop.book().fault("orderTransactions", Fault::Garbage(page.into()), Times::Next(1));
    shop.pass(60);
    let page = shop.mall.pull(&shop.day(false)).await.unwrap();
    assert_eq!((page.orders.len(), page.unread.len()), (1, 1));
    let whole = br#"{"data": null, "errors": [{"message": "internal", "path": ["orderTransactions"]}]}"#;
    shop.book().fault("orderTransactions", Fault::Garbage(whole.to_vec()), Times::Next(1));
    let error = shop.pull().await.unwrap_err();
    assert_eq!(error.class, Class::Transient { applied: Applied::No });
}
