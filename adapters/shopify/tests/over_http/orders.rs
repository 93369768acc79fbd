//! Finding and reading orders.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use uriba_sdk::{Class, FulfilledBy, Line, Order, Restored, fake::Stage};
use uriba_shopify::fake;

use super::shop::{Shop, held};

/// Any state of a line: ordered, shipped, cancelled.
fn quantities() -> impl Strategy<Value = (u32, u32, u32)> {
    (1_u32..400)
        .prop_flat_map(|ordered| (Just(ordered), 0..=ordered))
        .prop_flat_map(|(ordered, shipped)| (Just(ordered), Just(shipped), 0..=ordered - shipped))
}

fn order(n: usize, shop: &Shop, lines: &[(u32, u32, u32)], millis: i64) -> Order {
    let line = |(place, (ordered, shipped, cancelled)): (usize, &(u32, u32, u32))| Line {
        id: (place + 1).to_string(),
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
        id: format!("gid://shopify/Order/{n}"),
        family: None,
        revision: Some(3),
        placed_at: placed_at + jiff::SignedDuration::from_millis(millis),
        updated_at: Some(placed_at + jiff::SignedDuration::from_millis(millis * 2)),
        fulfilled_by: FulfilledBy::Seller,
        lines: lines.iter().enumerate().map(line).collect(),
    }
}

/// Encode any order with the fake, decode it with the adapter: the same order, as far as the format goes. The longest
/// ones have more lines than come with an order, and are read in several requests.
#[tokio::test]
async fn any_order_comes_back_as_it_was() {
    let shop = Shop::open().await;
    let mut runner = TestRunner::deterministic();
    let strategy = (prop::collection::vec(quantities(), 1..14), 0_i64..4_000_000);
    let mut ids = Vec::new();
    for n in 0..200 {
        let (lines, millis) = strategy.new_tree(&mut runner).unwrap().current();
        let order = order(n, &shop, &lines, millis);
        ids.push(order.id.clone());
        shop.fake.book().insert(order, Stage::Ready);
    }
    for id in &ids {
        let mut expected = shop.fake.expressible(shop.fake.book().order(id).unwrap().order);
        expected.lines.sort_by(|one, other| one.id.cmp(&other.id));
        let mut read = shop.order(id).await;
        read.lines.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(read, expected);
        shop.pass(10);
    }
}

#[tokio::test]
async fn a_long_order_is_named_in_its_page_and_read_whole_by_id() {
    let shop = Shop::open().await;
    let keys: Vec<_> = (0..300).map(|n| shop.list(n, 5)).collect();
    let wanted: Vec<_> = keys.iter().map(|key| (key.as_str(), 1)).collect();
    let id = shop.fake.book().place(&wanted).unwrap();
    let short = shop.place(&keys[0], 1);
    let page = shop.page(1, None).await.unwrap();
    assert_eq!(page.heads.iter().map(|head| &head.id).collect::<Vec<_>>(), [&id]);
    assert_eq!(page.orders.iter().map(|order| &order.id).collect::<Vec<_>>(), [&short]);
    let whole = shop.order(&id).await;
    assert_eq!((whole.lines.len(), held(&whole)), (300, 300));
    assert_eq!(whole.revision, page.heads[0].revision);
    assert_eq!(shop.env.sent("MoreLines").len(), 2, "ten come with the order, then 250 a request");
}

/// Whether refunded units stay among the unfulfilled ones, and what a cancel leaves of the figures, nobody has said.
#[tokio::test]
async fn refunds_and_cancels_are_read_right_whichever_figures_they_touch() {
    let ways = [fake::UNFULFILLED_KEEPS_REFUNDED, fake::LARGER_OF_BOTH, fake::CANCEL_KEEPS_FIGURES, "neither"];
    for way in ways {
        let shop = Shop::open().await;
        shop.fake.set_switch(way, true);
        let key = shop.list(0, 50);
        let [part, whole, shipped] = [4, 4, 4].map(|units| shop.place(&key, units));
        shop.fake.book().cancel_units(&part, "1", 1);
        shop.fake.book().cancel(&whole);
        shop.fake.book().ship(&shipped);
        let mut told = Vec::new();
        for id in [&part, &whole, &shipped] {
            let line = shop.order(id).await.lines.remove(0);
            told.push((line.ordered, line.cancelled, line.shipped));
        }
        assert_eq!(told, [(4, 1, 0), (4, 4, 0), (4, 0, 4)], "{way}");
    }
}

/// Then the figures alone can't tell whether one unit is still held. It is said to be.
#[tokio::test]
async fn partly_shipped_and_partly_refunded_never_holds_too_little() {
    for way in [fake::UNFULFILLED_KEEPS_REFUNDED, fake::LARGER_OF_BOTH, "neither"] {
        let shop = Shop::open().await;
        shop.fake.set_switch(way, true);
        let key = shop.list(0, 50);
        let id = shop.place(&key, 4);
        shop.fake.book().ship_units(&id, "1", 2);
        shop.fake.book().cancel_units(&id, "1", 1);
        let order = shop.order(&id).await;
        assert_eq!(held(&order), if way == "neither" { 1 } else { 2 }, "{way}");
        assert!(order.lines[0].shipped <= 2, "{way}: no more left than was shipped");
    }
}

#[tokio::test]
async fn an_id_of_something_else_is_missing_and_fails_nobody() {
    let shop = Shop::open().await;
    let key = shop.list(0, 50);
    let id = shop.place(&key, 1);
    let strange = ["#1001", "gid://shopify/Order/", "gid://shopify/Order/99", &shop.fake.mall_key(0)];
    let mut ids: Vec<_> = strange.iter().map(|id| (*id).to_owned()).collect();
    ids.push(id.clone());
    let found = shop.mall.by_id(&ids).await.unwrap();
    assert_eq!(found.orders.len(), 1);
    let mut missing = found.missing.clone();
    missing.sort();
    let mut expected = ids[..4].to_vec();
    expected.sort();
    assert_eq!(missing, expected);
}

#[tokio::test]
async fn a_missing_permission_is_named_and_asks_for_a_person() {
    let shop = Shop::open().await;
    shop.fake.set_switch(fake::NO_ORDERS, true);
    let error = shop.page(1, None).await.unwrap_err();
    assert_eq!((error.class.clone(), error.code.as_deref()), (Class::Auth { renewable: false }, Some("ACCESS_DENIED")));
    assert!(error.message.contains("read_orders"), "{error}");
    let notes = shop.account().account().await.unwrap().notes.join("\n");
    assert!(notes.contains("lacks these permissions: read_orders"), "{notes}");
}
