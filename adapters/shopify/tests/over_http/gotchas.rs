//! What sellers ran into, one test for each.

use uriba_sdk::{Outcome, RefusedWhy, Restored, Write};
use uriba_shopify::fake;

use super::shop::{Shop, held};

/// An order that the books at home don't have yet: whoever writes the whole physical stock meanwhile sells it twice.
#[tokio::test]
async fn units_of_an_open_order_are_told_to_be_held_until_they_are_shipped() {
    let shop = Shop::open().await;
    let key = shop.list(0, 10);
    let id = shop.place(&key, 4);
    let page = shop.page(1, None).await.unwrap();
    assert_eq!(page.orders.iter().map(held).collect::<Vec<_>>(), [4]);
    shop.fake.book().ship_units(&id, "1", 1);
    assert_eq!(held(&shop.order(&id).await), 3);
    // And a figure written over an order that nobody knew of is refused by comparison.
    let outcomes = shop.push(&[(&key, Write::CompareAndSet { from: 10, to: 10 })]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Conflict { shows: 6 }]);
}

/// `on_hand` is then 10 and nothing of it is for sale: only `available` may be read as the figure.
#[tokio::test]
async fn zero_available_with_units_committed_reads_as_zero_and_not_as_phantom_stock() {
    let shop = Shop::open().await;
    let key = shop.list(0, 12);
    shop.place(&key, 10);
    shop.push(&[(&key, Write::Absolute(0))]).await.unwrap();
    assert_eq!(shop.shown(&key).await, 0);
    let asked = shop.env.sent("Levels")[0]["query"].as_str().unwrap().to_owned();
    assert!(asked.contains("\"available\"") && !asked.contains("on_hand"));
}

/// The REST API can't set `on_hand` and is legacy.
#[tokio::test]
async fn nothing_is_asked_of_the_rest_api() {
    let shop = Shop::open().await;
    let key = shop.list(0, 12);
    let id = shop.place(&key, 1);
    shop.page(1, None).await.unwrap();
    shop.order(&id).await;
    shop.push(&[(&key, Write::Absolute(0))]).await.unwrap();
    shop.shown(&key).await;
    shop.account().account().await.unwrap();
    for address in shop.env.addresses() {
        let right = address.ends_with("/admin/api/2026-10/graphql.json") || address.ends_with("/oauth/access_token");
        assert!(right, "{address}");
    }
}

#[tokio::test]
async fn a_negative_figure_is_read_as_it_is_and_never_written() {
    let shop = Shop::open().await;
    let key = shop.list_as(0, 1, |item| item.sells_past_zero = true);
    shop.place(&key, 3);
    let counter = shop.read(&key).await.unwrap();
    assert_eq!((counter.quantity, counter.sells_past_zero), (Some(-2), true));
    let [Outcome::Refused(refusal)] = &shop.push(&[(&key, Write::Absolute(-2))]).await.unwrap()[..] else { panic!() };
    assert_eq!((refusal.why, refusal.code.as_deref()), (RefusedWhy::OutOfRange, Some("INVALID_QUANTITY_NEGATIVE")));
    // From a negative figure up to zero it may be compared.
    let outcomes = shop.push(&[(&key, Write::CompareAndSet { from: -2, to: 0 })]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Applied { now: Some(0) }]);
}

/// A refund with restocking raises `available` by itself. Whether there was one, the order doesn't say.
#[tokio::test]
async fn restocking_on_a_refund_is_the_merchants_choice_so_the_figure_alone_tells() {
    for restocks in [true, false] {
        let shop = Shop::open().await;
        let key = shop.list_as(0, 10, |item| item.restores_on_cancel = restocks);
        let id = shop.place(&key, 4);
        shop.fake.book().cancel_units(&id, "1", 1);
        let line = shop.order(&id).await.lines.remove(0);
        assert_eq!((line.ordered, line.cancelled, line.restored), (4, 1, Restored::Unknown));
        assert_eq!(shop.shown(&key).await, if restocks { 7 } else { 6 });
    }
}

/// Goods that were refunded after shipping left all the same, and need not have come back.
#[tokio::test]
async fn a_refund_after_shipping_neither_cancels_nor_returns_units() {
    let shop = Shop::open().await;
    let key = shop.list(0, 10);
    let id = shop.place(&key, 4);
    shop.fake.book().ship(&id);
    let mut kept = shop.fake.book().order(&id).unwrap();
    kept.order.lines[0].returned = 1;
    shop.fake.book().insert(kept.order, kept.stage);
    let line = shop.order(&id).await.lines.remove(0);
    assert_eq!((line.cancelled, line.shipped, line.returned), (0, 4, 0));
}

#[tokio::test]
async fn a_filter_that_is_ignored_is_noticed_and_not_taken_for_an_answer() {
    let shop = Shop::open().await;
    let key = shop.list(0, 500);
    for _ in 0..30 {
        shop.place(&key, 1);
    }
    shop.pass(86_400);
    let new = shop.place(&key, 1);
    let found = shop.page(2, None).await.unwrap();
    assert_eq!(found.orders.iter().map(|order| &order.id).collect::<Vec<_>>(), [&new]);
    shop.fake.set_switch(fake::FILTER_IGNORED, true);
    let error = shop.page(2, None).await.unwrap_err();
    assert!(error.to_string().contains("filter was ignored"), "{error}");
}
