//! Orders over HTTP.

use std::collections::BTreeSet;

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;
use uriba_sdk::{
    Class, Env, FulfilledBy, Line, Order, Query, Restored, Span,
    fake::{Fault, Stage, Times},
};

use crate::bench::{Bench, answering};

fn ids(pages: &[uriba_sdk::Page]) -> Vec<String> {
    pages.iter().flat_map(|page| &page.orders).map(|order| order.id.clone()).collect()
}

#[tokio::test]
async fn a_marked_row_gives_its_units_back_at_once_and_once() {
    let bench = Bench::open().await;
    let item = bench.list(0, 10);
    let id = bench.book().place_as(&[(&item, 3)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
    bench.pass(90);
    bench.book().cancel(&id);
    bench.pass(90);
    for _ in 0..2 {
        let found = bench.by_id(std::slice::from_ref(&id)).await;
        let line = &found.orders[0].lines[0];
        // The transaction that marked the row put the units back; a larger revision needs no second look.
        assert_eq!((line.ordered, line.cancelled, line.restored), (3, 3, Restored::Yes));
        assert_eq!(found.orders[0].revision, Some(2));
    }
    assert_eq!(ids(&bench.pages(1).await), [id]);
}

#[tokio::test]
async fn a_deleted_row_is_gone_unless_the_channel_says_that_it_is_merely_missing() {
    let options: [&[(&str, &str)]; 3] = [&[], &[("deleted_rows", "cancelled")], &[("deleted_rows", "missing")]];
    for (options, merely) in options.into_iter().zip([false, false, true]) {
        let bench = Bench::with(options).await;
        let item = bench.list(0, 10);
        let stays = bench.book().place(&[(&item, 1)]).unwrap();
        let id = bench.book().place(&[(&item, 3)]).unwrap();
        bench.book().cancel(&id);
        bench.book().hide_until(&id, jiff::Timestamp::MAX);
        bench.pass(90);
        assert_eq!(ids(&bench.pages(1).await), std::slice::from_ref(&stays), "no search finds what is gone");
        let first = bench.by_id(&[stays.clone(), id.clone()]).await;
        assert_eq!(first, bench.by_id(&[stays, id.clone()]).await, "it is told the same each time");
        let (missing, gone) = if merely { (vec![id], Vec::new()) } else { (Vec::new(), vec![id]) };
        assert_eq!((first.orders.len(), first.missing, first.gone), (1, missing, gone), "{options:?}");
    }
}

#[tokio::test]
async fn a_row_that_the_index_does_not_show_yet_is_found_by_its_id() {
    let bench = Bench::open().await;
    let item = bench.list(0, 10);
    let id = bench.book().place(&[(&item, 1)]).unwrap();
    assert_eq!(ids(&bench.pages(1).await), Vec::<String>::new());
    assert_eq!(bench.by_id(std::slice::from_ref(&id)).await.orders.len(), 1);
    bench.pass(90);
    assert_eq!(ids(&bench.pages(1).await), [id]);
}

#[tokio::test]
async fn days_without_rows_are_passed_over_within_one_page() {
    let bench = Bench::open().await;
    let item = bench.list(0, 10);
    let id = bench.book().place(&[(&item, 1)]).unwrap();
    bench.pass(90);
    let pages = bench.pages(23).await;
    assert_eq!((pages.len(), ids(&pages)), (1, vec![id]));
}

#[tokio::test]
async fn short_pages_are_followed_to_their_end() {
    let bench = Bench::open().await;
    bench.fake.set_switch("short_pages", true);
    let item = bench.list(0, 50);
    let placed: BTreeSet<_> = (0..9).map(|_| bench.book().place(&[(&item, 1)]).unwrap()).collect();
    bench.pass(90);
    let found = ids(&bench.pages(1).await);
    assert_eq!((found.len(), found.into_iter().collect::<BTreeSet<_>>()), (9, placed));
}

#[tokio::test]
async fn a_token_of_another_window_is_refused_unsent() {
    let bench = Bench::open().await;
    let to = bench.env.now();
    for token in [r#"{"partition":"2001-01-01"}"#, "2", "{}"] {
        let span = Span::Window { from: to - jiff::SignedDuration::from_hours(1), to };
        let error = bench.mall.pull(&Query { span, open_only: false, token: Some(token.into()) }).await.unwrap_err();
        assert!(matches!(error.class, Class::Malformed { .. }) && error.status.is_none(), "{error}");
    }
}

#[tokio::test]
async fn a_batch_answered_in_part_is_asked_for_again_and_one_never_answered_is_left_for_later() {
    let bench = Bench::open().await;
    bench.fake.set_switch("answers_in_part", true);
    let item = bench.list(0, 500);
    let ids: Vec<_> = (0..100).map(|_| bench.book().place(&[(&item, 1)]).unwrap()).collect();
    let found = bench.by_id(&ids).await;
    assert_eq!((found.orders.len(), found.missing.len()), (100, 0));

    let left = json!({"net_stock_delta": {"Keys": [{"order_id": {"S": "W1"}}]}});
    let (server, mall) = answering(200, json!({"Responses": {}, "UnprocessedKeys": left})).await;
    let error = mall.by_id(&["W1".into()]).await.unwrap_err();
    assert_eq!(error.class, Class::Throttled { retry_after: None });
    assert_eq!(server.received_requests().await.unwrap().len(), 20);
}

#[tokio::test]
async fn an_id_asked_for_twice_is_one_key() {
    let bench = Bench::open().await;
    let item = bench.list(0, 10);
    let id = bench.book().place(&[(&item, 1)]).unwrap();
    let found = bench.by_id(&[id.clone(), id, "no such".into(), "no such".into()]).await;
    assert_eq!((found.orders.len(), found.gone), (1, vec!["no such".to_owned()]));
}

#[tokio::test]
async fn an_answer_about_other_orders_is_not_understood() {
    let row = json!({"order_id": {"S": "W2"}, "placed_at": {"N": "1795136400"}, "lines": {"L": []}});
    let stray = json!({"Responses": {"net_stock_delta": [row]}});
    let elsewhere = json!({"Responses": {"net_stock_delta": [], "customers": []}});
    let asked = json!({"net_stock_delta": {"Keys": [{"order_id": {"S": "W3"}}]}});
    let left = json!({"Responses": {"net_stock_delta": []}, "UnprocessedKeys": asked});
    for body in [stray, elsewhere, left, json!({"Responses": {}})] {
        let (_server, mall) = answering(200, body.clone()).await;
        let error = mall.by_id(&["W1".into()]).await.unwrap_err();
        assert!(matches!(error.class, Class::Malformed { .. }), "{body}: {error}");
    }
}

#[tokio::test]
async fn nobodys_name_leaves_the_table() {
    let (server, mall) = answering(200, json!({"Items": [], "Responses": {"net_stock_delta": []}})).await;
    let (from, to) = ("2026-11-20T00:00:00Z".parse().unwrap(), "2026-11-20T01:00:00Z".parse().unwrap());
    mall.pull(&Query { span: Span::Window { from, to }, open_only: false, token: None }).await.unwrap();
    mall.by_id(&["W1".into()]).await.unwrap();
    for request in server.received_requests().await.unwrap() {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let asked = if body.get("IndexName").is_some() { &body } else { &body["RequestItems"]["net_stock_delta"] };
        let names = asked["ExpressionAttributeNames"].as_object().unwrap();
        let shown: Vec<_> =
            asked["ProjectionExpression"].as_str().unwrap().split(", ").map(|mark| &names[mark]).collect();
        let known = ["order_id", "placed_at", "updated_at", "state", "version", "lines", "shipped_at"];
        assert_eq!(shown, known.map(|name| json!(name)).iter().collect::<Vec<_>>());
    }
}

/// Orders in any state that the format can carry come back as they are.
#[test]
fn whatever_an_order_is_it_is_read_as_that() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = runtime.block_on(Bench::open());
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() });
    let line = (1_u32..50, 0.0..1.0, 0.0..1.0, 0..4_u32, any::<bool>(), prop::option::of(any::<bool>()));
    let orders = (prop::collection::vec(line, 1..6), 0..3_u8, 0..200_000_i64, prop::option::of(1..9_i64));
    let checked = runner.run(&orders, |(lines, whole, millis, revision)| {
        let at = bench.env.now() + jiff::SignedDuration::from_millis(millis);
        let mut order = Order {
            id: "W20261120-777777".into(),
            family: None,
            revision,
            placed_at: at,
            updated_at: Some(at),
            fulfilled_by: FulfilledBy::Seller,
            lines: Vec::new(),
        };
        for (n, (ordered, cancelled, shipped, returned, named, restored)) in lines.into_iter().enumerate() {
            let part = |of: u32, share: f64| (f64::from(of) * share) as u32;
            let cancelled = [part(ordered, cancelled), ordered, 0][usize::from(whole)];
            let shipped = if whole == 2 { ordered } else { part(ordered - cancelled, shipped) };
            order.lines.push(Line {
                id: format!("L{n}"),
                mall_key: named.then(|| bench.fake.mall_key(n)),
                ordered,
                cancelled,
                shipped,
                returned: returned.min(shipped),
                restored: match restored {
                    _ if cancelled == 0 => Restored::Unknown,
                    Some(false) => Restored::No,
                    _ => Restored::Yes,
                },
                shipped_at: (shipped > 0).then_some(at),
                original: None,
            });
        }
        bench.book().insert(order.clone(), Stage::Ready);
        let found = runtime.block_on(async {
            bench.pass(1);
            bench.by_id(std::slice::from_ref(&order.id)).await
        });
        prop_assert_eq!(found.orders, vec![order]);
        Ok(())
    });
    checked.unwrap();
}

#[tokio::test]
async fn a_state_that_nobody_knows_holds_what_its_lines_hold() {
    let bench = Bench::open().await;
    let item = bench.list(0, 10);
    let id = bench.book().place(&[(&item, 4)]).unwrap();
    bench.book().cancel_units(&id, "1", 1);
    bench.book().fault("orders.get", Fault::UnknownStatus, Times::Next(1));
    assert_eq!(bench.by_id(&[id]).await.orders[0].lines[0].unshipped(), 3);
}
