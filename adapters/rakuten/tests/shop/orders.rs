//! Orders, from the book over the fake's wire format and back.

use jiff::Timestamp;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use uriba_sdk::{
    Class, FulfilledBy, Line, Order, Restored,
    fake::{Fault, Stage, Times},
};

use super::{is_malformed, world};

#[tokio::test]
async fn an_open_only_search_leaves_shipped_and_cancelled_orders_out() {
    let world = world().await;
    let key = world.list(0, 100);
    let book = world.fake.book();
    let mut ids = Vec::new();
    for stage in world.fake.stages() {
        ids.push(book.place_as(&[(&key, 1)], *stage, FulfilledBy::Seller).unwrap());
    }
    let (shipped, cancelled) = (book.place(&[(&key, 1)]).unwrap(), book.place(&[(&key, 1)]).unwrap());
    book.ship(&shipped);
    book.cancel(&cancelled);
    assert_eq!(world.search(1, true).await, ids);
    ids.extend([shipped, cancelled]);
    assert_eq!(world.search(1, false).await, ids);
}

#[tokio::test]
async fn the_longest_window_is_taken_and_a_longer_one_is_not() {
    let world = world().await;
    assert_eq!(world.search(63, false).await, Vec::<String>::new());
    let error = world.mall.pull(&world.query(64, false)).await.unwrap_err();
    assert!(is_malformed(&error));
    assert_eq!(error.code.as_deref(), Some("ORDER_EXT_API_SEARCH_ORDER_ERROR_011"));
}

#[tokio::test]
async fn a_window_with_more_orders_than_the_mall_shows_is_read_whole() {
    let world = world().await;
    let book = world.fake.book();
    for n in 0..15_500_i64 {
        let placed_at = book.now() - jiff::SignedDuration::from_secs(n * 300);
        book.insert(order(format!("400001-20261101-{n:08}"), placed_at, Vec::new()), Stage::Ready);
    }
    let mut ids = world.search(60, false).await;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 15_500);
}

#[tokio::test]
async fn an_order_that_cannot_be_had_is_missing_and_its_neighbours_are_there() {
    let world = world().await;
    let key = world.list(0, 9);
    let id = world.fake.book().place(&[(&key, 2)]).unwrap();
    let found = world.mall.by_id(&["400001-20261101-99999999".into(), id.clone()]).await.unwrap();
    assert_eq!(found.missing, ["400001-20261101-99999999"]);
    assert_eq!(found.orders.iter().map(|order| &order.id).collect::<Vec<_>>(), [&id]);
    assert_eq!(found.unread, []);
}

#[tokio::test]
async fn a_hundred_orders_are_one_request_and_more_are_not_sent() {
    let world = world().await;
    let ids: Vec<String> = (0..101).map(|n| format!("400001-20261101-{n:08}")).collect();
    assert_eq!(world.mall.by_id(&ids[..100]).await.unwrap().missing.len(), 100);
    assert!(is_malformed(&world.mall.by_id(&ids).await.unwrap_err()));
    assert_eq!(world.mall.by_id(&[]).await.unwrap(), uriba_sdk::Found::default());
}

#[tokio::test]
async fn a_line_cancelled_within_a_living_order_says_so() {
    let world = world().await;
    let (mug, navy) = (world.list(0, 9), world.list(1, 9));
    let book = world.fake.book();
    let id = book.place(&[(&mug, 3), (&navy, 2)]).unwrap();
    book.cancel_units(&id, "1", 1);
    book.cancel_units(&id, "2", 2);
    let found = world.mall.by_id(&[id]).await.unwrap();
    let quantities: Vec<_> = found.orders[0].lines.iter().map(|line| (line.ordered, line.cancelled)).collect();
    assert_eq!(quantities, [(2, 0), (2, 2)]);
}

#[tokio::test]
async fn a_function_that_is_not_ticked_is_named_whatever_its_status() {
    let world = world().await;
    for forbidden in [false, true] {
        world.fake.set_switch("function_off_is_403", forbidden);
        world.fake.set_switch("function:rpay.order.searchOrder", false);
        let error = world.mall.pull(&world.query(1, false)).await.unwrap_err();
        assert_eq!(error.class, Class::Auth { renewable: false });
        assert_eq!(error.status, Some(if forbidden { 403 } else { 401 }));
        assert!(error.message.contains("rpay.order.searchOrder"), "{error}");
        world.fake.set_switch("function:rpay.order.searchOrder", true);
    }
    assert_eq!(world.search(1, false).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_mall_that_insists_on_the_slash_is_content() {
    let world = world().await;
    world.fake.set_switch("slashless_order_paths_accepted", false);
    assert_eq!(world.search(1, false).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_expired_key_waits_for_a_person_and_works_again_after() {
    let world = world().await;
    world.fake.expire_credentials();
    let error = world.mall.pull(&world.query(1, false)).await.unwrap_err();
    assert_eq!((error.class.clone(), error.code.as_deref()), (Class::Auth { renewable: false }, Some("GA0001")));
    assert!(!format!("{error:?} {error}").contains("fake-a"));
    world.fake.renew_credentials();
    assert_eq!(world.search(1, false).await, Vec::<String>::new());
}

#[tokio::test]
async fn rows_that_come_twice_or_in_another_order_are_each_read_once() {
    let world = world().await;
    let key = world.list(0, 9);
    let book = world.fake.book();
    let ids = vec![book.place(&[(&key, 1)]).unwrap(), book.place(&[(&key, 1)]).unwrap()];
    for fault in [Fault::DuplicateRows, Fault::ShuffleRows] {
        book.fault("orders.search", fault.clone(), Times::Next(1));
        book.fault("orders.get", fault.clone(), Times::Next(1));
        let mut heads = world.search(1, false).await;
        heads.sort();
        assert_eq!(heads, ids);
        let found = world.mall.by_id(&ids).await.unwrap();
        assert_eq!((found.orders.len(), found.unread.len()), (2, 0), "{fault:?}");
    }
}

fn order(id: String, placed_at: Timestamp, lines: Vec<Line>) -> Order {
    let (family, revision, updated_at, fulfilled_by) = (None, Some(4), Some(placed_at), FulfilledBy::Seller);
    Order { id, family, revision, placed_at, updated_at, fulfilled_by, lines }
}

prop_compose! {
    fn any_line()(
        n in 0_usize..6, named in any::<bool>(), ordered in 0_u32..9, a in 0_u32..9, b in 0_u32..9, returned in 0_u32..3,
        restored in prop_oneof![Just(Restored::Yes), Just(Restored::No), Just(Restored::Unknown)],
        hours in proptest::option::of(0_i64..90),
    ) -> (usize, bool, Line) {
        let cancelled = a.min(ordered);
        let shipped = b.min(ordered - cancelled);
        let base: Timestamp = "2026-11-18T00:00:01Z".parse().expect("a constant instant");
        let shipped_at = hours.filter(|_| shipped > 0).map(|hours| base + jiff::SignedDuration::from_hours(hours));
        let (id, mall_key, original) = (String::new(), None, None);
        (n, named, Line { id, mall_key, ordered, cancelled, shipped, returned, restored, shipped_at, original })
    }
}

#[tokio::test]
async fn any_order_comes_back_as_the_format_can_carry_it() {
    let world = world().await;
    let mut runner = TestRunner::deterministic();
    let shape = (prop::collection::vec(any_line(), 1..6), 0_usize..6, 0_i64..4_000_000_000);
    for number in 0..150 {
        let (lines, stage, millis) = shape.new_tree(&mut runner).unwrap().current();
        let lines: Vec<Line> = lines
            .into_iter()
            .enumerate()
            .map(|(at, (item, named, line))| {
                let mall_key = named.then(|| world.fake.mall_key(item));
                Line { id: (at + 1).to_string(), mall_key, ..line }
            })
            .collect();
        let placed_at = world.fake.book().now() - jiff::SignedDuration::from_millis(millis);
        let order = order(format!("400001-20261101-{number:08}"), placed_at, lines);
        let expected = world.fake.expressible(order.clone());
        assert_eq!(world.fake.expressible(expected.clone()), expected, "what came back is expressible");
        world.fake.book().insert(order.clone(), world.fake.stages()[stage]);
        let found = world.mall.by_id(std::slice::from_ref(&order.id)).await.unwrap();
        assert_eq!(found.orders, [expected], "{order:?}");
    }
}
