//! Orders over HTTP against the fake.

use proptest::{prelude::*, test_runner::TestRunner};
use uriba_sdk::{
    Class, FulfilledBy, Line, Order, Query, Restored, Span,
    fake::{Fault, Item, Stage, Times},
};

use crate::bench::{Bench, fba};

#[tokio::test]
async fn every_order_is_found_exactly_once_across_pages() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(1_000));
    let mut ids = Vec::new();
    for n in 0..230 {
        ids.push(book.place(&[("TEA", 1)]).unwrap());
        if n % 3 == 0 {
            bench.env.advance(std::time::Duration::from_millis(1_700));
        }
    }
    book.ship(&ids[0]);
    book.cancel(&ids[1]);
    bench.pass(3);
    let all = bench.orders(false).await;
    ids.sort();
    assert_eq!(all.keys().cloned().collect::<Vec<_>>(), ids);
    assert_eq!(bench.orders(true).await.len(), 228);
}

#[tokio::test]
async fn a_window_reaches_its_edges_and_not_beyond() {
    let bench = Bench::open().await;
    bench.fake.book().list("TEA", Item::new(10));
    bench.env.advance(std::time::Duration::from_micros(123_456));
    let at = bench.now();
    let id = bench.fake.book().place(&[("TEA", 1)]).unwrap();
    bench.pass(10);
    for (from, to, found) in [(at, at, 1), (bench.minutes_ago(60), at, 1), (at, bench.minutes_ago(5), 1)] {
        assert_eq!(bench.page(from, to, false, None).await.unwrap().orders.len(), found);
    }
    let after = at + jiff::SignedDuration::from_millis(1);
    let page = bench.page(after, bench.minutes_ago(5), false, None).await.unwrap();
    assert!(page.orders.is_empty(), "{id} is not in this window");
}

#[tokio::test]
async fn a_window_that_ends_too_near_to_now_is_refused() {
    let bench = Bench::open().await;
    let edge = jiff::SignedDuration::try_from(uriba_amazon::MALL.card.orders.edge).unwrap();
    let query = |to| Query { span: Span::Window { from: bench.minutes_ago(60), to }, open_only: false, token: None };
    bench.pass(4);
    let page = bench.mall.pull(&query(bench.now() - edge)).await.unwrap();
    assert_eq!(page.read_to, Some(bench.now() - edge));
    bench.pass(4);
    let error = bench.mall.pull(&query(bench.now() - jiff::SignedDuration::from_secs(119))).await.unwrap_err();
    assert_eq!((error.status, error.code.as_deref()), (Some(400), Some("InvalidInput")));
    assert!(matches!(error.class, Class::Malformed { .. }));
}

#[tokio::test]
async fn a_page_token_belongs_to_its_search_and_its_day() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(1_000));
    for _ in 0..101 {
        book.place(&[("TEA", 1)]).unwrap();
    }
    bench.pass(10);
    let (from, to) = (bench.minutes_ago(60), bench.minutes_ago(5));
    let token = bench.page(from, to, false, None).await.unwrap().next;
    assert!(token.is_some());
    assert_eq!(bench.page(from, to, false, token.clone()).await.unwrap().orders.len(), 1);
    assert!(bench.page(from, to, true, token.clone()).await.is_err(), "another filter");
    assert!(bench.page(from, bench.minutes_ago(6), false, token.clone()).await.is_err(), "another window");
    bench.pass(24 * 60);
    assert!(bench.page(from, to, false, token).await.is_err(), "a day later");
}

#[tokio::test]
async fn an_order_lives_from_payment_to_the_last_parcel() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    let id = book.place_as(&[("TEA", 3)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
    let mut revision = None;
    let mut figures = Vec::new();
    for step in 0..4 {
        match step {
            1 => book.set_stage(&id, Stage::Ready),
            2 => book.ship_units(&id, "1", 1),
            3 => book.ship(&id),
            _ => {}
        }
        let order = bench.by_id(&id).await;
        assert!(order.revision > revision, "each change moves the revision");
        revision = order.revision;
        bench.pass(1);
        figures.push((order.lines[0].shipped, order.lines[0].unshipped()));
    }
    assert_eq!(figures, [(0, 3), (0, 3), (1, 2), (3, 0)]);
}

#[tokio::test]
async fn a_partial_cancel_releases_its_units_either_way() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    book.list("CUP", Item::new(10));
    let id = book.place(&[("TEA", 3), ("CUP", 2)]).unwrap();
    book.cancel_units(&id, "1", 1);
    book.cancel_units(&id, "2", 2);
    let figures = |order: Order| order.lines.iter().map(|line| (line.ordered, line.cancelled)).collect::<Vec<_>>();
    assert_eq!(figures(bench.by_id(&id).await), [(2, 0), (0, 0)]);
    bench.fake.set_switch("partial_cancel_keeps_ordered", true);
    assert_eq!(figures(bench.by_id(&id).await), [(3, 1), (2, 2)]);
    book.cancel(&id);
    assert_eq!(figures(bench.by_id(&id).await), [(3, 3), (2, 2)]);
}

#[tokio::test]
async fn orders_of_amazons_own_warehouse_come_along_and_are_named() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("FBA", fba(10));
    let id = book.place_as(&[("FBA", 1)], Stage::Ready, FulfilledBy::Mall).unwrap();
    let orders = bench.orders(true).await;
    assert_eq!(orders[&id].fulfilled_by, FulfilledBy::Mall);
}

#[tokio::test]
async fn an_unknown_order_is_missing_however_it_is_spelled() {
    let bench = Bench::open().await;
    for id in ["250-0000000-9999999", "D01-1234567-1234567x", "no such order", "", "../../x"] {
        let found = bench.mall.by_id(&[id.to_owned()]).await.unwrap();
        assert_eq!(found.missing, [id]);
    }
}

#[tokio::test]
async fn a_token_endpoint_that_finds_nothing_makes_no_order_missing() {
    let bench = Bench::open().await;
    bench.fake.book().fault("auth.token", Fault::Status(404), Times::Next(1));
    let error = bench.mall.by_id(&["250-0000000-9999999".to_owned()]).await.unwrap_err();
    assert_eq!((error.operation, error.status), ("auth.token", Some(404)));
}

#[tokio::test]
async fn an_unknown_status_holds_stock() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    let id = book.place(&[("TEA", 3)]).unwrap();
    book.fault("orders.get", Fault::UnknownStatus, Times::Next(1));
    assert_eq!(bench.by_id(&id).await.lines[0].unshipped(), 3);
}

#[tokio::test]
async fn a_stale_row_has_the_older_revision() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    let id = book.place(&[("TEA", 3)]).unwrap();
    bench.pass(1);
    book.ship(&id);
    book.fault("orders.get", Fault::StaleRows, Times::Next(1));
    let stale = bench.by_id(&id).await;
    let fresh = bench.by_id(&id).await;
    assert!(stale.revision < fresh.revision);
    assert_eq!((stale.lines[0].shipped, fresh.lines[0].shipped), (0, 3));
}

fn line() -> impl Strategy<Value = Line> {
    let quantities = (0_u32..20, 0_u32..20, 0_u32..20);
    (quantities, prop::option::of("[A-Za-z0-9/緑茶 ]{0,8}[A-Z]"), 0_u32..3).prop_map(|((a, b, c), key, returned)| {
        Line {
            id: String::new(),
            mall_key: key.map(|key| key.trim().to_owned()),
            ordered: a + b + c,
            cancelled: a,
            shipped: b,
            returned: returned.min(b),
            restored: Restored::Yes,
            shipped_at: None,
            original: Some(a + b),
        }
    })
}

fn order() -> impl Strategy<Value = (Order, Stage)> {
    let stages = [Stage::Unpaid, Stage::Ready, Stage::PreOrder, Stage::Requested];
    (
        prop::collection::vec(line(), 1..4),
        0_i64..86_400_000,
        prop::option::of(0_i64..9_999_999),
        any::<bool>(),
        0..4_usize,
    )
        .prop_map(move |(mut lines, millis, later, mall, stage)| {
            for (n, line) in lines.iter_mut().enumerate() {
                line.id = format!("2500000000000{n}");
            }
            let placed_at =
                "2026-11-18T00:00:00Z".parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_millis(millis);
            let order = Order {
                id: format!("250-{:07}-{:07}", millis / 10_000_000, millis % 10_000_000),
                family: None,
                revision: Some(3),
                placed_at,
                updated_at: later.map(|later| placed_at + jiff::SignedDuration::from_millis(later)),
                fulfilled_by: if mall { FulfilledBy::Mall } else { FulfilledBy::Seller },
                lines,
            };
            (order, stages[stage])
        })
}

#[test]
fn what_the_fake_encodes_the_adapter_decodes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = runtime.block_on(Bench::open());
    let switches = (any::<bool>(), any::<bool>());
    let mut runner = TestRunner::new(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() });
    runner
        .run(&(order(), switches), |((order, stage), (omits, keeps))| {
            bench.fake.set_switch("omits_quantity_fulfilled", omits);
            bench.fake.set_switch("partial_cancel_keeps_ordered", keeps);
            bench.fake.book().insert(order.clone(), stage);
            let decoded = runtime.block_on(bench.by_id(&order.id));
            prop_assert_eq!(decoded, bench.fake.expressible(order));
            Ok(())
        })
        .unwrap();
}
