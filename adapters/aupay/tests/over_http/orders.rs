//! Finding and reading orders.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use uriba_aupay::CARD;
use uriba_sdk::{
    Env, FulfilledBy, Line, Order, Restored,
    card::{minutes, seconds},
    fake::{Fault, Stage, Times},
};

use super::shop::Shop;

#[tokio::test]
async fn gotcha_2_whether_a_cancel_puts_units_back_is_seen_on_the_counter_only() {
    for restores in [false, true] {
        let shop = Shop::open().await;
        let key = shop.fake.mall_key(1);
        shop.list(&key, 10);
        shop.fake.book().with_item(&key, |item| item.restores_on_cancel = restores);
        let id = shop.fake.book().place(&[(&key, 3)]).unwrap();
        shop.fake.book().cancel(&id);
        shop.pass(60);
        let order = shop.mall.by_id(&[id]).await.unwrap().orders.remove(0);
        assert_eq!((order.lines[0].cancelled, order.lines[0].restored), (3, Restored::Unknown));
        assert_eq!(shop.read(&[&key]).await.unwrap(), [Some(if restores { 10 } else { 7 })]);
    }
}

#[tokio::test]
async fn gotcha_4_there_is_no_webhook_so_orders_are_polled() {
    let shop = Shop::open().await;
    assert!(shop.mall.extras().wakeup.is_none());
    assert!(CARD.times.poll_interval <= minutes(15), "more often than order management systems do");
}

#[tokio::test]
async fn gotcha_5_order_dates_have_no_seconds_so_windows_overlap_and_days_are_read_again() {
    assert_eq!(CARD.orders.precision, minutes(1));
    assert!(CARD.orders.overlap >= CARD.orders.precision + CARD.orders.visibility_lag);
    let shop = Shop::open().await;
    let key = shop.fake.mall_key(0);
    shop.list(&key, 10);
    shop.pass(5);
    let first = shop.fake.book().place(&[(&key, 1)]).unwrap();
    shop.pass(61);
    let read_at = shop.env.now();
    assert_eq!(shop.ids(shop.hours(1, false)).await, std::slice::from_ref(&first));
    // A second order in the minute of that search, whose date says that it was before the search.
    let second = shop.fake.book().place(&[(&key, 1)]).unwrap();
    shop.pass(60);
    let span = uriba_sdk::Span::Window { from: read_at, to: shop.env.now() };
    let orders = shop.orders(uriba_sdk::Query { span, open_only: false, token: None }).await;
    let second = orders.iter().find(|order| order.id == second).expect("it is found by its day");
    assert!(second.placed_at < read_at, "{} and {read_at}", second.placed_at);
    assert!(orders.iter().any(|order| order.id == first), "and what changed that day comes along");
}

#[tokio::test]
async fn gotcha_6_an_order_in_a_status_of_the_shop_is_never_dropped() {
    for options in [&[][..], &[("own_statuses", "入荷待ち、取り寄せ中")]] {
        let shop = Shop::open_with(&["own-status"], options).await;
        let key = shop.fake.mall_key(0);
        shop.list(&key, 10);
        let held = shop.fake.book().place_as(&[(&key, 2)], Stage::OnHold, FulfilledBy::Seller).unwrap();
        let done = shop.fake.book().place(&[(&key, 1)]).unwrap();
        shop.fake.book().ship(&done);
        shop.pass(60);
        let open = shop.orders(shop.hours(1, true)).await;
        assert_eq!((open.len(), open[0].id.as_str(), open[0].lines[0].unshipped()), (1, held.as_str(), 2));
        assert_eq!(shop.ids(shop.hours(1, false)).await, [held.clone(), done]);
        assert_eq!(shop.mall.by_id(&[held]).await.unwrap().orders[0].lines[0].unshipped(), 2);
    }
}

#[tokio::test]
async fn a_search_for_open_orders_reads_all_while_nobody_has_named_the_shops_own_statuses() {
    // By name the mall would leave this order out: the shop says that it has no statuses of its own, and has one.
    for (options, found) in [(&[][..], 1), (&[("own_statuses", "none")], 0)] {
        let shop = Shop::open_with(&["own-status"], options).await;
        let key = shop.fake.mall_key(0);
        shop.list(&key, 10);
        shop.fake.book().place_as(&[(&key, 2)], Stage::OnHold, FulfilledBy::Seller).unwrap();
        shop.pass(60);
        assert_eq!(shop.ids(shop.hours(1, true)).await.len(), found);
        assert_eq!(shop.ids(shop.hours(1, false)).await.len(), 1, "a search for all never names statuses");
    }
}

#[tokio::test]
async fn pages_end_with_the_last_order_however_the_mall_counts_and_sorts() {
    let table: [&[&str]; 6] = [
        &[],
        &["result-count-is-total"],
        &["small-pages"],
        &["small-pages", "result-count-is-total"],
        &["newest-first"],
        &["newest-first", "small-pages"],
    ];
    for switches in table {
        let shop = Shop::open_with(switches, &[]).await;
        let key = shop.fake.mall_key(0);
        shop.list(&key, 9_000);
        let mut placed = Vec::new();
        for n in 0..1_003 {
            placed.push(shop.fake.book().place(&[(&key, 1)]).unwrap());
            shop.pass(u64::from(n % 9 == 0));
        }
        shop.pass(60);
        let mut found = shop.ids(shop.hours(2, false)).await;
        found.sort();
        placed.sort();
        assert_eq!(found, placed, "{switches:?}");
        assert_eq!(shop.meters.violations(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_order_placed_between_two_pages_pushes_none_out_of_them() {
    let shop = Shop::open_with(&["newest-first"], &[]).await;
    let key = shop.fake.mall_key(0);
    shop.list(&key, 9_000);
    let placed: Vec<_> = (0..700).map(|_| shop.fake.book().place(&[(&key, 1)]).unwrap()).collect();
    shop.pass(60);
    let mut query = shop.hours(2, false);
    let mut found = Vec::new();
    loop {
        let page = shop.mall.pull(&query).await.unwrap();
        found.extend(page.orders.into_iter().map(|order| order.id));
        let Some(next) = page.next else { break };
        query.token = Some(next);
        // Each becomes visible a minute later, as the first row of the list.
        for _ in 0..40 {
            shop.fake.book().place(&[(&key, 1)]).unwrap();
        }
        shop.pass(61);
    }
    assert!(placed.iter().all(|id| found.contains(id)));
}

#[tokio::test]
async fn orders_that_leave_the_list_between_two_pages_hide_none() {
    let shop = Shop::open_with(&[], &[("own_statuses", "none")]).await;
    let key = shop.fake.mall_key(0);
    shop.list(&key, 9_000);
    let placed: Vec<_> = (0..1_200).map(|_| shop.fake.book().place(&[(&key, 1)]).unwrap()).collect();
    shop.pass(60);
    let mut query = shop.hours(2, true);
    let mut found = Vec::new();
    while let Ok(page) = shop.mall.pull(&query).await {
        found.extend(page.orders.into_iter().map(|order| order.id));
        if found.len() == 500 {
            // The shop ships a morning's work: thirty rows leave the front of the list.
            placed.iter().take(30).for_each(|id| shop.fake.book().ship(id));
        }
        query.token = page.next;
        if query.token.is_none() {
            break;
        }
    }
    let missed: Vec<_> = placed.iter().skip(30).filter(|id| !found.contains(id)).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[tokio::test]
async fn an_id_that_the_shop_does_not_have_is_missing_however_that_is_told() {
    for switches in [&[][..], &["unknown-order-refused"]] {
        let shop = Shop::open_with(switches, &[]).await;
        let found = shop.mall.by_id(&["599999999".to_owned()]).await.unwrap();
        assert_eq!((found.missing.len(), found.orders.len(), found.unread.len()), (1, 0, 0), "{switches:?}");
    }
}

#[tokio::test]
async fn an_order_that_is_listed_and_not_given_is_never_called_missing() {
    let shop = Shop::open().await;
    let key = shop.fake.mall_key(0);
    shop.list(&key, 10);
    let id = shop.fake.book().place(&[(&key, 1)]).unwrap();
    shop.pass(60);
    let refused = "<response><result><status>1</status><error><code>TME9999</code></error></result></response>";
    let nothing = "<response><result><status>0</status></result><resultCount>0</resultCount></response>";
    for body in [refused, nothing] {
        shop.fake.book().fault("orders.get", Fault::Garbage(body.into()), Times::Next(1));
        let error = shop.mall.by_id(std::slice::from_ref(&id)).await.unwrap_err();
        assert!(matches!(error.class, uriba_sdk::Class::Malformed { .. }), "{error}");
    }
}

#[tokio::test]
async fn orders_name_listings_as_people_do_whatever_becomes_of_the_unused_axis() {
    for switches in [&[][..], &["unused-axis-in-order-lines"], &["unused-axis-empty"]] {
        let shop = Shop::open_with(switches, &[]).await;
        let keys: Vec<_> = (0..4).map(|n| shop.fake.mall_key(n)).collect();
        keys.iter().for_each(|key| shop.list(key, 10));
        let wanted: Vec<_> = keys.iter().map(|key| (key.as_str(), 1)).collect();
        shop.fake.book().place(&wanted).unwrap();
        shop.pass(60);
        let order = shop.orders(shop.hours(1, false)).await.remove(0);
        let named: Vec<_> = order.lines.iter().filter_map(|line| line.mall_key.clone()).collect();
        assert_eq!(named, keys, "{switches:?}");
        for key in named {
            assert_eq!(shop.resolved(&key).await.unwrap().key, key);
        }
    }
}

fn line() -> impl Strategy<Value = Line> {
    let units = (0_u32..2_000, 0_u32..3, 0_u32..3, 0_i64..86_400);
    (0_usize..8, units).prop_map(|(n, (more, cancelled, shipped, later))| Line {
        id: String::new(),
        mall_key: Some(n.to_string()),
        ordered: more + cancelled + shipped,
        cancelled,
        shipped,
        returned: shipped.min(1),
        restored: Restored::Yes,
        shipped_at: (shipped > 0).then(|| jiff::Timestamp::from_second(1_790_000_000 + later).unwrap()),
        original: None,
    })
}

fn order() -> impl Strategy<Value = (Order, usize, bool)> {
    let placed = (0_i64..7_200, 0_i32..1_000_000_000);
    (proptest::collection::vec(line(), 1..5), placed, 0_usize..6, any::<bool>()).prop_map(
        |(mut lines, (second, nanos), stage, whole)| {
            for (n, line) in lines.iter_mut().enumerate() {
                line.id = (700_000_000 + n).to_string();
                if whole && line.shipped > 0 {
                    (line.shipped, line.cancelled) = (line.ordered - line.cancelled, line.cancelled);
                }
            }
            let placed_at = jiff::Timestamp::new(second, nanos).unwrap();
            let fulfilled_by = FulfilledBy::Seller;
            let order = Order {
                id: String::new(),
                family: None,
                revision: Some(3),
                placed_at,
                updated_at: Some(placed_at),
                fulfilled_by,
                lines,
            };
            (order, stage, whole)
        },
    )
}

#[tokio::test]
async fn any_order_that_the_format_carries_comes_back_the_same() {
    let mut runner = TestRunner::deterministic();
    for switches in [&[][..], &["ship-dates-have-times", "own-status", "unused-axis-in-order-lines"]] {
        let shop = Shop::open_with(switches, &[]).await;
        let begin = shop.env.now();
        let mut expected = Vec::new();
        for n in 0..250 {
            let (mut order, stage, _) = order().new_tree(&mut runner).unwrap().current();
            order.id = (500_000_000 + n).to_string();
            order.placed_at = begin + (order.placed_at - jiff::Timestamp::UNIX_EPOCH);
            for line in &mut order.lines {
                line.mall_key = line.mall_key.as_ref().map(|n| shop.fake.mall_key(n.parse().unwrap()));
            }
            shop.fake.book().insert(order.clone(), shop.fake.stages()[stage]);
            expected.push(shop.fake.expressible(order));
        }
        shop.pass(2 * 3_600 + 60);
        let mut found = shop.orders(shop.hours(3, false)).await;
        found.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{switches:?}");
        }
        let one = shop.mall.by_id(std::slice::from_ref(&expected[7].id)).await.unwrap().orders;
        assert_eq!(one, std::slice::from_ref(&expected[7]));
        shop.env.advance(seconds(1));
    }
}
