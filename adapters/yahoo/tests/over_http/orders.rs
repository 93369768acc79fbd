//! Finding and reading orders.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use uriba_sdk::{
    Class, Env, Family, FulfilledBy, Line, Order, Restored,
    fake::{Fault, Item, Stage, Times},
};

use super::shop::Shop;

const TIME_FORMS: [&[&str]; 3] = [&[], &["times-without-offset"], &["times-compact"]];

async fn shop_with_stock(switches: &[&str]) -> Shop {
    let shop = Shop::open_with(switches).await;
    for n in 0..4 {
        shop.fake.book().list(&shop.fake.mall_key(n), Item::new(10_000));
    }
    shop
}

#[tokio::test]
async fn each_state_of_an_order_is_read_as_the_mall_means_it() {
    for switches in TIME_FORMS {
        let shop = shop_with_stock(switches).await;
        let book = shop.fake.book();
        let (one, two) = (shop.fake.mall_key(0), shop.fake.mall_key(1));
        let mut ids = Vec::new();
        for stage in shop.fake.stages() {
            shop.pass(61);
            ids.push(book.place_as(&[(&one, 2), (&two, 3)], *stage, FulfilledBy::Seller).unwrap());
        }
        for _ in 0..4 {
            ids.push(book.place(&[(&one, 2), (&two, 3)]).unwrap());
        }
        shop.pass(5);
        book.ship(&ids[4]);
        book.cancel(&ids[5]);
        book.cancel_units(&ids[6], "2", 1);
        book.edit(&ids[7], "1", 5);
        let unshipped = |order: &Order| order.lines.iter().map(Line::unshipped).sum::<u32>();
        for (id, expected) in ids.iter().zip([5, 5, 5, 5, 0, 0, 4, 8]) {
            let (read, expressible) = shop.both(id).await;
            assert_eq!(read, expressible);
            assert_eq!(unshipped(&read), expected, "{read:?}");
        }
        let open: Vec<String> = shop.ids(shop.day(true)).await;
        assert_eq!(open, [&ids[..4], &ids[6..]].concat());
        assert_eq!(shop.ids(shop.day(false)).await, ids);
        assert_eq!(shop.meters.violations(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_head_changes_its_revision_with_the_order() {
    let shop = shop_with_stock(&[]).await;
    let key = shop.fake.mall_key(1);
    let id = shop.fake.book().place(&[(&key, 2)]).unwrap();
    let before = shop.pages(shop.day(false)).await.unwrap()[0].heads[0].clone();
    shop.pass(10);
    shop.fake.book().cancel_units(&id, "1", 1);
    let after = shop.pages(shop.day(false)).await.unwrap()[0].heads[0].clone();
    assert_eq!((&before.id, before.placed_at), (&after.id, after.placed_at));
    assert_eq!(shop.both(&id).await.0.revision, after.revision);
    assert!(before.revision < after.revision, "{before:?} {after:?}");
}

#[tokio::test]
async fn many_orders_are_each_found_once_across_pages_and_within_one_second() {
    let shop = shop_with_stock(&["small-pages"]).await;
    let key = shop.fake.mall_key(0);
    for n in 0..330 {
        shop.fake.book().place(&[(&key, 1)]).unwrap();
        // The first 130 share a second, then seven share one.
        if n >= 130 && n % 7 == 0 {
            shop.pass(1);
        }
    }
    let faults = [None, Some(Fault::DuplicateRows), Some(Fault::ShuffleRows)];
    for fault in faults {
        if let Some(fault) = &fault {
            shop.fake.book().fault("orders.search", fault.clone(), Times::Probability(1.0));
        }
        let mut found = shop.ids(shop.day(false)).await;
        shop.fake.book().clear_faults();
        found.sort();
        let placed: Vec<String> = shop.fake.book().orders().into_iter().map(|found| found.order.id).collect();
        assert_eq!(found, placed, "{fault:?}");
    }
}

#[tokio::test]
async fn an_order_that_leaves_the_filter_pulls_none_out_of_the_pages() {
    let shop = shop_with_stock(&["small-pages"]).await;
    let key = shop.fake.mall_key(0);
    let mut ids = Vec::new();
    for _ in 0..150 {
        shop.pass(1);
        ids.push(shop.fake.book().place(&[(&key, 1)]).unwrap());
    }
    let mut query = shop.day(true);
    let first = shop.mall.pull(&query).await.unwrap();
    for id in &ids[..20] {
        shop.fake.book().ship(id);
    }
    query.token = first.next.clone();
    let second = shop.mall.pull(&query).await.unwrap();
    let found: Vec<&String> = first.heads.iter().chain(&second.heads).map(|head| &head.id).collect();
    assert_eq!(found, ids.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn an_order_the_store_does_not_have_is_missing_however_the_mall_says_so() {
    for switches in [&[][..], &["unknown-order-refused"], &["unknown-order-refused", "errors-in-json"]] {
        let shop = shop_with_stock(switches).await;
        let key = shop.fake.mall_key(0);
        let id = shop.fake.book().place(&[(&key, 1)]).unwrap();
        let asked = ["cha-a-99999999".to_owned(), id.clone(), "not <an> id".to_owned()];
        let found = shop.mall.by_id(&asked).await.unwrap();
        assert_eq!(found.missing, [asked[0].clone(), asked[2].clone()]);
        assert_eq!(found.orders.len(), 1);
    }
}

#[tokio::test]
async fn a_hidden_order_is_found_when_it_shows_and_an_old_state_is_older() {
    let shop = shop_with_stock(&[]).await;
    let key = shop.fake.mall_key(0);
    let id = shop.fake.book().place(&[(&key, 2)]).unwrap();
    shop.fake.book().hide_until(&id, shop.env.now() + jiff::SignedDuration::from_secs(600));
    assert_eq!(shop.ids(shop.day(false)).await, Vec::<String>::new());
    assert_eq!(shop.mall.by_id(std::slice::from_ref(&id)).await.unwrap().missing, std::slice::from_ref(&id));
    shop.pass(700);
    assert_eq!(shop.ids(shop.day(false)).await, std::slice::from_ref(&id));
    shop.fake.book().ship(&id);
    shop.fake.book().fault("orders.get", Fault::StaleRows, Times::Next(1));
    let old = shop.mall.by_id(std::slice::from_ref(&id)).await.unwrap().orders.remove(0);
    let new = shop.both(&id).await.0;
    assert!(old.revision < new.revision && !old.is_closed() && new.is_closed());
}

#[tokio::test]
async fn an_unknown_status_holds_stock() {
    let shop = shop_with_stock(&[]).await;
    let key = shop.fake.mall_key(0);
    let id = shop.fake.book().place(&[(&key, 2)]).unwrap();
    shop.fake.book().fault("orders.get", Fault::UnknownStatus, Times::Next(1));
    assert_eq!(shop.both(&id).await.0.lines[0].unshipped(), 2);
}

#[tokio::test]
async fn half_an_answer_is_never_guessed_at() {
    let shop = shop_with_stock(&[]).await;
    let key = shop.fake.mall_key(0);
    let id = shop.fake.book().place(&[(&key, 2)]).unwrap();
    let deep = "<a>".repeat(50_000).into_bytes();
    for fault in [Fault::Truncate, Fault::Garbage(b"\xff\xfe".to_vec()), Fault::Garbage(deep)] {
        shop.fake.book().fault("orders.search", fault.clone(), Times::Next(1));
        shop.fake.book().fault("orders.get", fault.clone(), Times::Next(1));
        let search = shop.mall.pull(&shop.day(false)).await.unwrap_err();
        let get = shop.mall.by_id(std::slice::from_ref(&id)).await.unwrap_err();
        for error in [search, get] {
            assert!(matches!(error.class, Class::Malformed { .. }), "{fault:?}: {error}");
        }
    }
}

fn line() -> impl Strategy<Value = Line> {
    let units = (0_u32..2_000, 0_u32..3, 0_u32..3, proptest::option::of(0_u32..5_000), 0_i64..86_400);
    (units, 0_usize..4).prop_map(|((ordered, cancelled, shipped, original, at), n)| {
        let cancelled = ordered * cancelled / 2;
        let shipped = (ordered - cancelled) * shipped / 2;
        Line {
            id: String::new(),
            mall_key: Some(if n == 0 { "Tea-9".into() } else { format!("tea-{n}:tea-{n}-red") }),
            ordered,
            cancelled,
            shipped,
            returned: shipped / 2,
            restored: Restored::Yes,
            shipped_at: (shipped > 0).then(|| jiff::Timestamp::from_second(1_790_000_000 + at).unwrap()),
            original: original.map(|more| ordered + more),
        }
    })
}

fn order() -> impl Strategy<Value = Order> {
    let family = prop_oneof![Just(None), Just(Some(true)), Just(Some(false))];
    let times = (1_780_000_000_i64..1_795_000_000, 0_i32..1_000_000_000, proptest::option::of(0_i64..1_000_000));
    (proptest::collection::vec(line(), 1..5), family, times).prop_map(|(lines, family, (second, nanos, later))| {
        let placed_at = jiff::Timestamp::new(second, nanos).unwrap();
        let lines = lines.into_iter().enumerate();
        Order {
            id: String::new(),
            family: family.map(|original| Family { id: "cha-a-77".into(), original }),
            revision: later,
            placed_at,
            updated_at: later.map(|later| placed_at + jiff::SignedDuration::from_secs(later)),
            fulfilled_by: FulfilledBy::Mall,
            lines: lines.map(|(n, line)| Line { id: (n + 1).to_string(), ..line }).collect(),
        }
    })
}

#[tokio::test]
async fn whatever_the_format_can_carry_comes_back_unchanged() {
    let mut runner = TestRunner::deterministic();
    let stages = [Stage::Ready, Stage::Unpaid, Stage::OnHold, Stage::PreOrder, Stage::Screening, Stage::Requested];
    for switches in [&[][..], &["original-keeps-quantity"], &["split-replaces-original", "children-carry-is-split"]] {
        let shop = Shop::open_with(switches).await;
        shop.env.advance_to("2027-01-01T00:00:00Z".parse().unwrap());
        shop.fake.renew_credentials();
        for n in 0..60 {
            let mut order = order().new_tree(&mut runner).unwrap().current();
            order.id = format!("cha-a-{}", 20_000_000 + n);
            shop.fake.book().insert(order.clone(), stages[n % stages.len()]);
            let (read, expressible) = shop.both(&order.id).await;
            assert_eq!(read, expressible, "{switches:?} {order:?}");
        }
    }
}
