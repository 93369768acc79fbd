//! Finding and reading orders.

use jiff::{SignedDuration, Timestamp};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use uriba_sdk::{
    Class, Env, FulfilledBy, Line, Order, Query, Restored, Span,
    fake::{Fault, Stage, Times},
};

use super::shop::{Shop, head_ids, ids};

const FORMS: [&[&str]; 4] = [
    &[],
    &["statuses-as-captions"],
    &["numbers-as-text", "nothing-is-null"],
    &["look-up-brings-cart", "unknown-order-refused"],
];

#[tokio::test]
async fn each_state_of_an_order_is_read_as_the_mall_means_it() {
    for switches in FORMS {
        let shop = Shop::with(switches, &[]).await;
        let key = shop.list(1, 500);
        let mut placed = Vec::new();
        for stage in shop.fake.stages() {
            placed.push(shop.book().place_as(&[(&key, 2)], *stage, FulfilledBy::Seller).unwrap());
        }
        for _ in 0..4 {
            placed.push(shop.book().place(&[(&key, 2)]).unwrap());
        }
        shop.pass(5);
        shop.book().ship(&placed[5]);
        shop.book().ship(&placed[6]);
        shop.book().cancel(&placed[7]);
        shop.book().ship(&placed[8]);
        let mut back = shop.book().order(&placed[8]).unwrap();
        back.order.lines[0].returned = 2;
        shop.book().insert(back.order, Stage::Ready);
        shop.pass(60);
        for (id, held) in placed.iter().zip([2, 2, 2, 2, 2, 0, 0, 0, 0]) {
            let order = shop.order(id).await;
            assert_eq!(order, shop.expected(id));
            assert_eq!(order.lines[0].unshipped(), held, "{order:?}");
            assert_eq!(order.lines[0].mall_key.as_ref(), Some(&key));
        }
        let line = |id: &str| shop.expected(id).lines.remove(0);
        assert_eq!((line(&placed[7]).cancelled, line(&placed[8]).returned), (2, 2));
        let open = shop.pages(shop.day(true)).await;
        // An undecided cancel is among the claims only.
        assert_eq!((open.orders.len(), head_ids(&open.heads)), (4, vec![placed[4].as_str()]));
        assert!(shop.mall.by_id(&["712345678".into()]).await.unwrap().missing == ["712345678"]);
    }
}

#[tokio::test]
async fn lines_of_one_cart_are_orders_of_their_own() {
    let shop = Shop::open().await;
    let (one, two) = (shop.list(0, 10), shop.list(1, 10));
    // Placed at the same instant: the mall gives both the same PackNo.
    let placed = [shop.book().place(&[(&one, 1)]).unwrap(), shop.book().place(&[(&two, 2)]).unwrap()];
    shop.pass(60);
    let page = shop.pages(shop.day(false)).await;
    assert_eq!(ids(&page.orders), placed);
    // Each goes its own way.
    shop.book().cancel(&placed[0]);
    assert_eq!(shop.order(&placed[0]).await.lines[0].unshipped(), 0);
    assert_eq!(shop.order(&placed[1]).await.lines[0].unshipped(), 2);
}

#[tokio::test]
async fn an_undecided_cancel_is_found_whether_it_stays_listed_or_not() {
    for switches in [&[] as &[&str], &["claims-stay-listed"]] {
        let shop = Shop::with(switches, &[]).await;
        let key = shop.list(0, 10);
        let id = shop.book().place_as(&[(&key, 3)], Stage::Requested, FulfilledBy::Seller).unwrap();
        shop.pass(60);
        for open_only in [true, false] {
            let page = shop.pages(shop.day(open_only)).await;
            assert_eq!(head_ids(&page.heads), [&id]);
            assert_eq!(page.orders.len(), switches.len());
            // Known by the row that lists it, the head asks for nothing more.
            let order = shop.order(&id).await;
            assert_eq!(page.heads[0].revision, order.revision);
            assert_eq!((order.lines[0].unshipped(), &order), (3, &shop.expected(&id)));
        }
        // A withdrawn one leaves nothing newer behind: the order can still be followed.
        let requested = shop.order(&id).await;
        shop.book().set_stage(&id, Stage::Ready);
        shop.pass(30);
        shop.book().ship(&id);
        assert!(shop.order(&id).await.revision > requested.revision);
    }
}

#[tokio::test]
async fn the_ends_of_a_window_are_searched_whether_they_count_in_or_not() {
    for switches in [&[] as &[&str], &["bounds-exclusive"]] {
        let shop = Shop::with(switches, &[]).await;
        let key = shop.list(0, 10);
        let id = shop.book().place(&[(&key, 1)]).unwrap();
        let at = shop.env.now();
        shop.pass(3_600);
        let second = SignedDuration::from_secs(1);
        for (from, to) in [(at, at), (at - second, at), (at, at + second)] {
            let query = Query { span: Span::Window { from, to }, open_only: false, token: None };
            assert_eq!(ids(&shop.pages(query).await.orders), [&id], "{switches:?} {from} {to}");
        }
    }
}

#[tokio::test]
async fn more_than_ninety_days_are_refused_by_the_mall_and_not_by_the_card() {
    let shop = Shop::open().await;
    let to = shop.env.now();
    let days = |n: i64| Span::Window { from: to - SignedDuration::from_hours(24 * n), to };
    let pull = async |span| shop.mall.pull(&Query { span, open_only: false, token: None }).await;
    assert!(pull(days(89)).await.is_ok());
    let error = pull(days(91)).await.unwrap_err();
    assert_eq!((error.code.as_deref(), error.class.word()), (Some("-10003"), "malformed"));
    assert!(matches!(pull(Span::Family("1".into())).await.unwrap_err().class, Class::Malformed { .. }));
    let query = Query { token: Some("12".into()), ..shop.day(false) };
    assert!(matches!(shop.mall.pull(&query).await.unwrap_err().class, Class::Malformed { .. }));
}

#[tokio::test]
async fn an_unknown_status_holds_stock() {
    let shop = Shop::open().await;
    let key = shop.list(0, 10);
    let id = shop.book().place(&[(&key, 3)]).unwrap();
    shop.pass(60);
    for operation in ["orders.search", "orders.get"] {
        shop.book().fault(operation, Fault::UnknownStatus, Times::Probability(1.0));
    }
    assert_eq!(shop.order(&id).await.lines[0].unshipped(), 3);
    assert_eq!(shop.pages(shop.day(true)).await.orders[0].lines[0].unshipped(), 3);
}

#[tokio::test]
async fn a_dead_key_asks_for_a_person_in_both_forms_of_refusal() {
    for (switches, code) in [(&[] as &[&str], "-90005"), (&["refuses-in-error-form"], "-90005")] {
        let shop = Shop::with(switches, &[]).await;
        shop.fake.expire_credentials();
        let error = shop.mall.pull(&shop.day(false)).await.unwrap_err();
        assert_eq!(error.class, Class::Auth { renewable: false });
        assert_eq!(error.code.as_deref(), Some(code));
        assert!(error.message.contains("QSM password"), "{error}");
        shop.fake.renew_credentials();
        assert!(shop.mall.pull(&shop.day(false)).await.is_ok());
    }
}

#[tokio::test]
async fn an_overloaded_mall_is_waited_for() {
    for switches in [&[] as &[&str], &["throttles-with-503"]] {
        let shop = Shop::with(switches, &[]).await;
        shop.book().fault("orders.search", Fault::Throttle { retry_after: Some(4) }, Times::Next(1));
        let error = shop.mall.pull(&shop.day(false)).await.unwrap_err();
        assert_eq!(error.class, Class::Throttled { retry_after: Some(std::time::Duration::from_secs(4)) });
    }
}

#[test]
fn any_order_that_the_mall_can_express_is_read_back_the_same() {
    let mut runner = TestRunner::deterministic();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for switches in FORMS {
            let shop = Shop::with(switches, &[]).await;
            let keys: Vec<_> = (0..8).map(|n| shop.list(n, 50_000)).collect();
            for n in 0..60 {
                let (order, stage) = order(n, &keys, shop.env.now()).new_tree(&mut runner).unwrap().current();
                let id = order.id.clone();
                shop.book().insert(order, stage);
                assert_eq!(shop.order(&id).await, shop.expected(&id));
            }
            shop.pass(86_400);
            let to = shop.env.now();
            let span = Span::Window { from: to - SignedDuration::from_hours(24 * 80), to };
            let page = shop.pages(Query { span, open_only: false, token: None }).await;
            assert!(page.unread.is_empty());
            for order in &page.orders {
                assert_eq!(*order, shop.expected(&order.id));
            }
            let mut found: Vec<_> = page.orders.iter().map(|order| &order.id).collect();
            found.extend(page.heads.iter().map(|head| &head.id));
            found.sort();
            found.dedup();
            assert_eq!(found.len(), 60);
        }
    });
}

fn order(n: u64, keys: &[String], now: Timestamp) -> impl Strategy<Value = (Order, Stage)> + use<> {
    let ago = move |seconds: i64| now - SignedDuration::from_secs(seconds);
    let stages = [Stage::Unpaid, Stage::Ready, Stage::OnHold, Stage::PreOrder, Stage::Requested];
    let stage = proptest::sample::select(stages.to_vec());
    let key = proptest::sample::select(keys.to_vec());
    let way = (1_u32..9, 0_u32..5, 0_u32..9, 0_i64..86_400 * 60, 0_i64..86_400, 0_i64..86_400);
    (stage, key, way).prop_map(move |(stage, key, (ordered, kind, part, age, until_shipped, until_changed))| {
        let placed_at = ago(age);
        let later = |seconds: i64| placed_at + SignedDuration::from_secs(seconds);
        let (cancelled, shipped, returned) = match kind {
            0 => (ordered, 0, 0),
            1 => (0, ordered, 0),
            2 => (0, ordered, ordered),
            3 => (part.min(ordered), 0, 0),
            _ => (0, part.min(ordered), 0),
        };
        let line = Line {
            id: "1".into(),
            mall_key: Some(key),
            ordered,
            cancelled,
            shipped,
            returned,
            restored: Restored::Unknown,
            shipped_at: (shipped > 0).then(|| later(until_shipped)),
            original: None,
        };
        let order = Order {
            id: (750_000_000 + n).to_string(),
            family: None,
            revision: Some(1),
            placed_at,
            updated_at: Some(later(until_changed)),
            fulfilled_by: FulfilledBy::Seller,
            lines: vec![line],
        };
        (order, if kind > 2 { stage } else { Stage::Ready })
    })
}
