//! Orders over HTTP against the fake.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::{prelude::*, test_runner::TestRunner};
use uriba_sdk::{
    Class, FulfilledBy, Line, Order, Restored,
    fake::{Fault, Stage, Times},
};

use crate::bench::Bench;

#[tokio::test]
async fn orders_that_leave_the_window_while_pages_are_read_hide_no_other() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 1_000)]);
    let book = bench.fake.book();
    let mut ids = Vec::new();
    for n in 0..450 {
        ids.push(book.place(&[("TEA", 1)]).unwrap());
        bench.env.advance(std::time::Duration::from_millis(700 + n));
    }
    let (from, to) = (bench.minutes_ago(24 * 60), bench.now());
    let (mut found, mut token, mut pages) = (BTreeSet::new(), None, 0);
    loop {
        let page = bench.page(from, to, false, token).await.unwrap();
        pages += 1;
        assert_eq!(page.read_to, Some(Timestamp::from_millisecond(to.as_millisecond()).unwrap()), "the end is frozen");
        found.extend(page.orders.into_iter().map(|order| order.id));
        // After each of the first two pages some of those that were read change, and leave the window.
        bench.env.advance(std::time::Duration::from_secs(1));
        let changed = ids.iter().skip(pages * 3).take(if pages < 3 { 3 } else { 0 });
        changed.for_each(|id| book.ship(id));
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found, ids.into_iter().collect());
    assert_eq!(pages, 5, "three pages, and two that were read again");
}

#[tokio::test]
async fn a_window_never_ends_after_ebays_now() {
    let bench = Bench::open().await;
    let (from, to) = (bench.minutes_ago(5), bench.now() + SignedDuration::from_mins(5));
    let page = bench.page(from, to, false, None).await.unwrap();
    assert_eq!(page.read_to, Some(bench.now()));
    let error = bench.page(from, to, false, Some("the next one".into())).await.unwrap_err();
    assert!(matches!(error.class, Class::Malformed { .. }));
}

#[tokio::test]
async fn a_refused_window_says_why() {
    let bench = Bench::open().await;
    let from = bench.now() - SignedDuration::from_hours(3 * 365 * 24);
    let error = bench.page(from, bench.now(), false, None).await.unwrap_err();
    assert_eq!((error.status, error.code.as_deref()), (Some(400), Some("30830")));
}

#[tokio::test]
async fn purchases_that_are_not_paid_are_invisible_and_their_units_are_gone() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 5)]);
    let id = bench.fake.book().place_as(&[("TEA", 2)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
    assert!(bench.orders(false).await.is_empty());
    let found = bench.mall.by_id(std::slice::from_ref(&id)).await.unwrap();
    assert_eq!((found.missing.len(), found.orders.len()), (1, 0));
    assert_eq!(bench.shown("TEA").await, 3, "the second signal");
    bench.pass(60);
    bench.fake.book().set_stage(&id, Stage::Ready);
    assert!(bench.orders(true).await.contains_key(&id));
}

#[tokio::test]
async fn shipments_are_asked_for_only_where_an_order_is_partly_shipped() {
    for switch in ["", "partly_shipped_lines_say_not_started"] {
        let bench = Bench::open().await;
        bench.fake.set_switch(switch, true);
        bench.list(&[("TEA", 50), ("CUP", 50)]);
        let book = bench.fake.book();
        let ids: Vec<_> = (0..4).map(|_| book.place(&[("TEA", 3), ("CUP", 2)]).unwrap()).collect();
        book.ship(&ids[1]);
        book.cancel(&ids[2]);
        book.ship_units(&ids[3], "1", 2);
        book.ship_units(&ids[3], "2", 2);
        let page = bench.page(bench.minutes_ago(60), bench.now(), false, None).await.unwrap();
        assert_eq!((page.orders.len(), page.heads.len()), (3, 1));
        assert_eq!((page.heads[0].id.as_str(), bench.called("orders.shipments")), (ids[3].as_str(), 0));
        assert!(page.heads[0].revision.is_some());
        let figures: Vec<_> =
            bench.by_id(&ids[3]).await.lines.iter().map(|line| (line.shipped, line.unshipped())).collect();
        assert_eq!(figures, [(2, 1), (2, 0)], "{switch}");
        assert_eq!(bench.called("orders.shipments"), 1);
        let found = bench.mall.by_id(&ids[..3]).await.unwrap();
        assert_eq!((found.orders.len(), bench.called("orders.shipments")), (3, 0));
    }
}

#[tokio::test]
async fn failing_shipments_are_no_shipments_of_nothing() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 5)]);
    let id = bench.fake.book().place(&[("TEA", 3)]).unwrap();
    bench.fake.book().ship_units(&id, "1", 1);
    for fault in [Fault::Status(500), Fault::Garbage(b"{}".to_vec()), Fault::Status(404)] {
        bench.fake.book().fault("orders.shipments", fault, Times::Next(1));
        let error = bench.mall.by_id(std::slice::from_ref(&id)).await.unwrap_err();
        assert_eq!(error.operation, "orders.shipments");
    }
    assert_eq!(bench.by_id(&id).await.lines[0].shipped, 1);
}

#[tokio::test]
async fn a_cancel_releases_and_a_request_for_one_does_not() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 50), ("CUP", 50)]);
    let book = bench.fake.book();
    let id = book.place_as(&[("TEA", 3), ("CUP", 2)], Stage::Requested, FulfilledBy::Seller).unwrap();
    let held = |order: &Order| order.lines.iter().map(Line::unshipped).sum::<u32>();
    assert_eq!(held(&bench.by_id(&id).await), 5);
    bench.pass(1);
    book.cancel(&id);
    let order = bench.by_id(&id).await;
    assert_eq!((held(&order), order.lines[0].cancelled, order.lines[0].restored), (0, 3, Restored::Unknown));
    // What had left before the cancel stays gone.
    let id = book.place(&[("TEA", 3), ("CUP", 2)]).unwrap();
    book.ship_units(&id, "1", 1);
    book.cancel(&id);
    let figures: Vec<_> = bench.by_id(&id).await.lines.iter().map(|line| (line.shipped, line.cancelled)).collect();
    assert_eq!(figures, [(1, 2), (0, 2)]);
}

#[tokio::test]
async fn a_search_for_open_orders_leaves_out_cancelled_ones_that_ebay_lists_as_not_started() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 50)]);
    let book = bench.fake.book();
    let ids: Vec<_> = (0..5).map(|_| book.place(&[("TEA", 3)]).unwrap()).collect();
    book.ship(&ids[1]);
    book.cancel(&ids[2]);
    book.ship_units(&ids[3], "1", 1);
    book.ship_units(&ids[4], "1", 1);
    book.cancel(&ids[4]);
    let open = bench.orders(true).await;
    assert_eq!(open.keys().collect::<Vec<_>>(), [&ids[0], &ids[3]]);
}

#[tokio::test]
async fn an_unknown_order_is_missing_however_ebay_says_it() {
    for switch in ["", "unknown_id_fails_the_call"] {
        let bench = Bench::open().await;
        bench.fake.set_switch(switch, true);
        bench.list(&[("TEA", 5)]);
        let id = bench.fake.book().place(&[("TEA", 1)]).unwrap();
        let odd = ["12-99999-99999", "no such order", "", "../../x", "1,2"].map(str::to_owned);
        let mut ids = odd.to_vec();
        ids.push(id.clone());
        let found = bench.mall.by_id(&ids).await.unwrap();
        assert_eq!(found.missing, odd, "{switch}");
        assert_eq!((found.orders.len(), found.orders[0].id == id), (1, true));
    }
}

#[tokio::test]
async fn a_404_of_somebody_else_makes_no_order_missing() {
    let bench = Bench::open().await;
    for operation in ["auth.token", "orders.get"] {
        bench.fake.book().fault(operation, Fault::Status(404), Times::Next(1));
        let error = bench.mall.by_id(&["12-00000-00001".to_owned()]).await.unwrap_err();
        assert_eq!((error.operation, error.status), (operation, Some(404)));
    }
}

#[tokio::test]
async fn a_change_within_the_second_is_found_by_its_time() {
    for switch in ["", "times_have_milliseconds"] {
        let bench = Bench::open().await;
        bench.fake.set_switch(switch, true);
        bench.list(&[("TEA", 5)]);
        bench.env.advance(std::time::Duration::from_millis(600));
        let id = bench.fake.book().place(&[("TEA", 1)]).unwrap();
        let from = bench.now();
        bench.pass(1);
        let page = bench.page(from, bench.now(), false, None).await.unwrap();
        assert_eq!(page.orders.iter().map(|order| &order.id).collect::<Vec<_>>(), [&id]);
    }
}

fn line() -> impl Strategy<Value = Line> {
    let quantities = (0_u32..20, 0_u32..20, prop::sample::select(vec![0_u32, 0, 0, 1, 5]));
    (quantities, prop::option::of("[A-Za-z0-9/緑茶 ]{0,8}[A-Z]"), 0_u32..3).prop_map(|((a, b, c), key, returned)| {
        Line {
            id: String::new(),
            mall_key: key.map(|key| key.trim().to_owned()),
            ordered: a + b + c,
            cancelled: c,
            shipped: b,
            returned: returned.min(b),
            restored: Restored::Yes,
            shipped_at: None,
            original: Some(a + b),
        }
    })
}

fn order() -> impl Strategy<Value = (Order, Stage)> {
    let lines = prop::collection::vec(line(), 1..4);
    let times = (0_i64..86_400_000, prop::option::of(0_i64..9_999_999));
    (lines, times, any::<bool>(), any::<bool>()).prop_map(|(mut lines, (millis, later), closed, requested)| {
        for (n, line) in lines.iter_mut().enumerate() {
            line.id = format!("10000000000{n}");
            if closed {
                // What is neither shipped nor cancelled was cancelled too.
                line.cancelled = line.ordered - line.shipped;
            }
        }
        let placed_at = "2026-11-18T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(millis);
        let order = Order {
            id: format!("12-{:05}-{:05}", millis / 100_000, millis % 100_000),
            family: None,
            revision: Some(3),
            placed_at,
            updated_at: later.map(|later| placed_at + SignedDuration::from_millis(later)),
            fulfilled_by: FulfilledBy::Seller,
            lines,
        };
        (order, if requested { Stage::Requested } else { Stage::Ready })
    })
}

#[test]
fn what_the_fake_encodes_the_adapter_decodes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = runtime.block_on(Bench::open());
    let switches = (any::<bool>(), any::<bool>());
    let mut runner = TestRunner::new(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() });
    runner
        .run(&(order(), switches), |((order, stage), (millis, vague))| {
            bench.fake.set_switch("times_have_milliseconds", millis);
            bench.fake.set_switch("partly_shipped_lines_say_not_started", vague);
            bench.fake.book().insert(order.clone(), stage);
            bench.pass(1);
            let decoded = runtime.block_on(bench.by_id(&order.id));
            prop_assert_eq!(decoded, bench.fake.expressible(order));
            Ok(())
        })
        .unwrap();
}
