//! The sheet's eight gotchas, each as a test. Where one is about what the hub does, the test is about what the adapter
//! gives it for that.

use jiff::SignedDuration;
use serde_json::json;
use uriba_sdk::{
    Applied, Class, FulfilledBy, Outcome, Query, RefusedWhy, Restored, Span, Write,
    fake::{Fault, Stage, Times},
};

use super::{update, world};

#[tokio::test]
async fn gotcha_1_changes_are_found_only_by_reading_open_orders_again() {
    let world = world().await;
    let key = world.list(0, 100);
    let book = world.fake.book();
    let old = book.place_as(&[(&key, 2)], Stage::PreOrder, FulfilledBy::Seller).unwrap();
    let placed_at = book.now();
    world.env.advance(std::time::Duration::from_secs(70 * 86_400));
    book.edit(&old, "1", 1);
    let new = book.place(&[(&key, 1)]).unwrap();
    // It changed a moment ago and is in no window of the last 63 days, only in the one that it was placed in.
    assert_eq!(world.search(63, true).await, std::slice::from_ref(&new));
    let span =
        Span::Window { from: placed_at - SignedDuration::from_secs(1), to: placed_at + SignedDuration::from_hours(24) };
    let page = world.mall.pull(&Query { span, open_only: true, token: None }).await.unwrap();
    let head = page.heads.first().expect("the pre-order");
    assert_eq!((head.id.as_str(), head.revision), (old.as_str(), None), "nothing tells that it changed");
    assert_eq!(world.mall.by_id(&[old]).await.unwrap().orders[0].lines[0].unshipped(), 1);
    let card = uriba_rakuten::MALL.card;
    assert!(!card.orders.heads_carry_revision && card.orders.open_filter);
    assert!(world.mall.extras().wakeup.is_none());
}

#[tokio::test]
async fn gotcha_2_the_mall_lowers_its_counter_at_once_and_a_cancel_is_no_word_that_it_rose() {
    for restores in [true, false] {
        let world = world().await;
        let key = world.list(0, 10);
        let book = world.fake.book();
        book.with_item(&key, |item| item.restores_on_cancel = restores);
        let id = book.place_as(&[(&key, 4)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
        assert_eq!(world.read(&[&key]).await, [Some(6)]);
        book.cancel(&id);
        let order = world.mall.by_id(&[id]).await.unwrap().orders.remove(0);
        assert_eq!((order.lines[0].cancelled, order.lines[0].restored), (4, Restored::Unknown));
        assert_eq!(world.read(&[&key]).await, [Some(if restores { 10 } else { 6 })], "only the read-back tells");
    }
}

#[tokio::test]
async fn gotcha_3_an_absolute_figure_sells_twice_what_was_sold_meanwhile_and_a_change_does_not() {
    let world = world().await;
    let (absolute, relative) = (world.list(0, 10), world.list(1, 10));
    let seen = world.read(&[&absolute, &relative]).await;
    for key in [&absolute, &relative] {
        world.fake.book().place(&[(key, 4)]).unwrap();
    }
    // One unit has arrived in the warehouse.
    let to = seen[0].unwrap() + 1;
    let updates = [update(&absolute, Write::Absolute(to)), update(&relative, Write::Relative(1))];
    world.mall.push(&updates).await.unwrap();
    assert_eq!(world.read(&[&absolute, &relative]).await, [Some(11), Some(7)]);
}

#[tokio::test]
async fn gotcha_4_a_change_whose_answer_is_lost_may_have_been_made_and_only_a_reading_tells() {
    for (fault, figure) in [(Fault::CloseBefore, 5), (Fault::CloseAfter, 3), (Fault::StatusAfter(500), 3)] {
        let world = world().await;
        let key = world.list(0, 5);
        world.fake.book().fault("stock.push", fault.clone(), Times::Next(1));
        let error = world.mall.push(&[update(&key, Write::Relative(-2))]).await.unwrap_err();
        assert_eq!(error.class, Class::Transient { applied: Applied::Unknown }, "{fault:?}");
        assert_eq!(world.read(&[&key]).await, [Some(figure)]);
    }
}

#[tokio::test]
async fn gotcha_5_a_figure_above_99999_is_never_sent() {
    let world = world().await;
    let key = world.list(0, 99_998);
    assert_eq!(uriba_rakuten::MALL.card.quantity_max, 99_999, "targets are cut down to it");
    for write in [Write::Absolute(100_000), Write::Relative(2)] {
        let class = world.mall.push(&[update(&key, write)]).await.unwrap_err().class;
        let Class::Rejected { refused } = class else { panic!("{class:?}") };
        assert_eq!((refused[0].0, refused[0].1.why), (0, RefusedWhy::OutOfRange));
    }
    let applied = world.mall.push(&[update(&key, Write::Relative(1))]).await.unwrap();
    assert_eq!((applied, world.figure(&key)), (vec![Outcome::Applied { now: None }], 99_999));
}

#[tokio::test]
async fn gotcha_6_case_counts_in_a_variant_and_not_in_an_item() {
    let world = world().await;
    let (upper, lower) = (world.list(1, 5), world.list(2, 7));
    let (item, variant) = upper.split_once('/').unwrap();
    let spelled = [format!("{}/{variant}", item.to_uppercase()), format!("{item}/{}", variant.to_lowercase())];
    let resolved = world.mall.resolve(&spelled).await.unwrap();
    let keys: Vec<_> = resolved.into_iter().map(|resolved| resolved.key.unwrap().key).collect();
    assert_eq!(keys, [upper.clone(), lower.clone()]);
    world.mall.push(&[update(&keys[0], Write::Absolute(9))]).await.unwrap();
    assert_eq!((world.figure(&upper), world.figure(&lower)), (9, 7));
}

#[tokio::test]
async fn gotcha_7_order_times_have_no_colon_and_stock_times_have_one() {
    let world = world().await;
    let key = world.list(0, 5);
    let id = world.fake.book().place(&[(&key, 1)]).unwrap();
    let placed_at = world.fake.book().now();
    let json = "application/json; charset=utf-8";
    let order = json!({"orderNumberList": [id], "version": 10}).to_string();
    let order = world.post("/es/2.0/order/getOrder/", json, &order).await;
    let (item, variant) = key.split_once('/').unwrap();
    let stock = json!({"inventories": [{"manageNumber": item, "variantId": variant}]}).to_string();
    let stock = world.post("/es/2.1/inventories/bulk-get", json, &stock).await;
    let says = |body: &[u8], text: &str| String::from_utf8_lossy(body).contains(text);
    assert!(says(&order.body, "+0900") && !says(&order.body, "+09:00"));
    assert!(says(&stock.body, "+09:00") && !says(&stock.body, "+0900"));
    let read = world.mall.by_id(&[id]).await.unwrap().orders.remove(0);
    assert_eq!(read.placed_at.as_second(), placed_at.as_second());
    world.env.advance(std::time::Duration::from_secs(2));
    assert_eq!(world.read(&[&key]).await, [Some(4)]);
}

#[tokio::test]
async fn gotcha_8_an_order_edited_while_it_is_open_is_read_as_it_is_now() {
    let world = world().await;
    let (mug, navy) = (world.list(0, 20), world.list(1, 20));
    let book = world.fake.book();
    let id = book.place(&[(&mug, 3), (&navy, 2)]).unwrap();
    let lines = |order: &uriba_sdk::Order| order.lines.iter().map(|line| line.unshipped()).collect::<Vec<_>>();
    let ids = [id.clone()];
    assert_eq!(lines(&world.mall.by_id(&ids).await.unwrap().orders[0]), [3, 2]);
    book.edit(&id, "1", 5);
    assert_eq!(lines(&world.mall.by_id(&ids).await.unwrap().orders[0]), [5, 2]);
    book.edit(&id, "1", 1);
    book.cancel_units(&id, "2", 2);
    let order = world.mall.by_id(&ids).await.unwrap().orders.remove(0);
    assert_eq!((lines(&order), order.lines[1].cancelled), (vec![1, 0], 2), "a deleted line is said to be cancelled");
    assert!(world.search(1, true).await.contains(&id), "and it is still found among the open ones");
}
