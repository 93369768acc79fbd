//! The mall's traps, by their numbers in the fact sheet.

use std::time::Duration;

use uriba_mercari::CARD;
use uriba_sdk::{
    Class, Env, FulfilledBy, Hint, Notice, Restored, Update, Write,
    card::{Scope, WriteMode},
    env::HeaderMap,
    fake::Stage,
};

use super::shop::{Shop, now};

#[tokio::test]
async fn gotcha_1_writes_are_absolute_only_so_a_sale_in_between_is_written_over() {
    let shop = Shop::open().await;
    let key = shop.list(0, 5);
    assert!(CARD.offers(WriteMode::Absolute));
    assert!(!CARD.offers(WriteMode::Relative) && !CARD.offers(WriteMode::CompareAndSet));
    for write in [Write::Relative(-1), Write::CompareAndSet { from: 5, to: 4 }] {
        let update = Update { key: key.clone(), handle: None, write };
        let error = shop.mall.push(&[update]).await.unwrap_err();
        assert_eq!(error.class, Class::Rejected { refused: Vec::new() });
    }
    assert_eq!(shop.figure(&key), 5, "nothing was sent");
    // Whoever writes what was true before the sale sells the two units again: only orders tell of them.
    let sold = shop.book().place(&[(&key, 2)]).unwrap();
    assert_eq!(shop.push(&[(&key, 5)]).await.unwrap(), [now(5)]);
    assert_eq!(shop.figure(&key), 5);
    shop.pass(60);
    assert_eq!(shop.search(shop.day(true)).await.unwrap(), [sold]);
}

#[tokio::test]
async fn gotcha_2_unpaid_orders_hold_stock_and_nobody_knows_what_a_cancel_puts_back() {
    for restores in [true, false] {
        let shop = Shop::open().await;
        let key = shop.list(0, 5);
        shop.book().with_item(&key, |item| item.restores_on_cancel = restores);
        let id = shop.book().place_as(&[(&key, 2)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
        shop.pass(60);
        assert_eq!(shop.read(&key).await.unwrap().quantity, Some(3), "it fell before payment");
        assert_eq!(shop.order(&id).await.lines[0].unshipped(), 2);
        assert_eq!(shop.search(shop.day(true)).await.unwrap(), std::slice::from_ref(&id));
        // The customer of the convenience store never pays.
        shop.pass(3 * 86_400);
        shop.book().cancel(&id);
        let line = shop.order(&id).await.lines.remove(0);
        assert_eq!((line.cancelled, line.unshipped(), line.restored), (2, 0, Restored::Unknown));
        let shown = if restores { 5 } else { 3 };
        assert_eq!(shop.read(&key).await.unwrap().quantity, Some(shown), "a read-back tells");
        assert_eq!(shop.push(&[(&key, 5)]).await.unwrap(), [now(5)], "and a write says it again");
    }
}

#[tokio::test]
async fn gotcha_3_a_notification_is_a_hint_to_search_and_nothing_more() {
    let shop = Shop::open().await;
    let key = shop.list(0, 5);
    let ids = [shop.book().place(&[(&key, 1)]).unwrap(), shop.book().place(&[(&key, 1)]).unwrap()];
    let extras = shop.mall.extras();
    let (wakeup, headers) = (extras.wakeup.unwrap(), HeaderMap::new());
    let read = |body: &[u8]| wakeup.read(&Notice { headers: &headers, body });
    // The mall sends again until it is answered: twice, and in another order.
    for id in [&ids[1], &ids[0], &ids[1]] {
        let notification = shop.fake.notification(id).unwrap();
        assert!(!notification.signed, "anybody can send one");
        assert_eq!(read(&notification.body), Ok(Hint::Search), "no id in it is believed");
    }
    assert_eq!(read(b"{}"), Ok(Hint::Search));
    assert_eq!(read(br#"{"topic": "PRODUCT_UPDATED"}"#), Ok(Hint::Nothing));
    for body in [&b""[..], b"[]", b"\"ORDER_CREATED\"", b"<html>", b"\xff", &b"[".repeat(100_000)] {
        assert!(read(body).is_err());
    }
    assert!(read(&[b"{\"a\":\"", &vec![b'a'; 1 << 20][..], b"\"}"].concat()).is_err());
}

#[tokio::test]
async fn gotcha_4_the_404_of_an_unlisted_address_says_so() {
    let shop = Shop::open().await;
    let key = shop.list(0, 5);
    shop.fake.set_switch("unregistered-ip", true);
    let update = Update { key: key.clone(), handle: None, write: Write::Absolute(3) };
    let told = [
        shop.mall.pull(&shop.day(false)).await.map(drop),
        shop.mall.by_id(&["ot".into()]).await.map(drop),
        shop.mall.push(&[update]).await.map(drop),
        shop.mall.resolve(&[key]).await.map(drop),
        shop.mall.extras().account.unwrap().account().await.map(drop),
    ];
    for error in told.map(Result::unwrap_err) {
        assert_eq!((&error.class, error.status), (&Class::Auth { renewable: false }, Some(404)));
        assert!(error.message.starts_with("IP not registered?"), "{error}");
    }
}

#[tokio::test]
async fn gotcha_5_what_is_unshipped_is_read_and_not_derived() {
    let shop = Shop::open().await;
    let (one, two) = (shop.list(0, 50), shop.list(1, 50));
    let id = shop.book().place(&[(&one, 5), (&two, 2)]).unwrap();
    shop.book().ship_units(&id, "1", 2);
    shop.book().cancel_units(&id, "1", 1);
    shop.pass(60);
    let order = shop.order(&id).await;
    let figures = order.lines.iter().map(|line| (line.ordered, line.shipped, line.cancelled, line.unshipped()));
    assert_eq!(figures.collect::<Vec<_>>(), [(5, 2, 1, 2), (2, 0, 0, 2)]);
    // More than was purchased, as after a change by hand: what the mall says is to be shipped is held.
    let body = std::fs::read_to_string(format!(
        "{}/tests/payloads/order-with-more-unshipped-than-purchased.json",
        env!("CARGO_MANIFEST_DIR")
    ));
    let garbage = format!("{{\"data\": {{\"n0\": {}}}}}", body.unwrap());
    shop.book().fault(
        "orderTransaction",
        uriba_sdk::fake::Fault::Garbage(garbage.into_bytes()),
        uriba_sdk::fake::Times::Next(1),
    );
    assert_eq!(shop.order("ot_more").await.lines[0].unshipped(), 3);
}

#[tokio::test]
async fn gotcha_6_orders_writes_and_other_tools_share_one_budget() {
    for switches in [&[][..], &["reset-since-1970"], &["throttles-with-an-error"], &["lists-cost-more"]] {
        let shop = Shop::open_with(switches).await;
        let key = shop.list(0, 50);
        shop.pass(600);
        shop.fake.set_switch("other-tools", true);
        let error = loop {
            match shop.pull().await {
                Ok(_) => assert_eq!(shop.push(&[(&key, 7)]).await.unwrap(), [now(7)]),
                Err(error) => break error,
            }
        };
        let Class::Throttled { retry_after: Some(wait) } = error.class else { panic!("{switches:?}: {error}") };
        let left = Duration::from_secs(3_600) - shop.env.elapsed();
        assert!(wait >= left && wait < left + Duration::from_secs(2), "{wait:?} until the hour ends in {left:?}");
        shop.env.advance(wait);
        assert!(shop.pull().await.is_ok(), "a new hour");
        assert_eq!(shop.meters.violations(), Vec::<String>::new());
    }
}

/// The window is fixed and nobody knows when it begins, so no hour may see more.
#[tokio::test]
async fn gotcha_6_as_fast_as_it_can_go_no_hour_sees_more_than_its_points() {
    let points = CARD.quotas.iter().find(|quota| quota.name == "points").unwrap();
    assert_eq!(points.scope, Scope::Channel);
    assert!(points.per_second * 3_600.0 + f64::from(points.burst) <= 10_000.0);
    let shop = Shop::open_with(&["lists-cost-more"]).await;
    let key = shop.list(0, 50);
    // A rest fills the bucket, in the middle of an hour.
    shop.pass(5_000);
    while shop.env.elapsed() < Duration::from_secs(3 * 3_600) {
        shop.search(shop.day(false)).await.unwrap();
        assert_eq!(shop.push(&[(&key, 7)]).await.unwrap(), [now(7)]);
    }
    assert_eq!(shop.meters.violations(), Vec::<String>::new());
}

/// What is left, where the mall says it, counts what others have spent.
#[tokio::test]
async fn gotcha_6_what_the_mall_says_is_left_is_believed() {
    let shop = Shop::open_with(&["names-what-is-left"]).await;
    shop.pass(600);
    shop.fake.set_switch("other-tools", true);
    shop.pull().await.unwrap();
    let (_, _, state) = shop.wire.quotas().into_iter().find(|(name, _, _)| *name == "points").unwrap();
    assert!(state.available < 60, "{state:?}");
}
