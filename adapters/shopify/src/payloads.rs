//! Bodies with Shopify's oddities, one file each in `tests/payloads`, named by what is odd in them.

use jiff::Timestamp;
use uriba_sdk::{Applied, Class, FulfilledBy, Line, Order, Outcome, RefusedWhy, Restored};

use crate::{
    orders,
    stock::{self, Entry, Told},
};

macro_rules! payload {
    ($name:literal) => {
        include_str!(concat!("../tests/payloads/", $name, ".json"))
    };
}

fn from() -> Timestamp {
    "2026-11-20T00:00:00Z".parse().unwrap()
}

/// The order of every file as it is when nothing is odd.
fn plain() -> Order {
    let updated_at: Timestamp = "2026-11-20T01:05:00Z".parse().unwrap();
    Order {
        id: "gid://shopify/Order/1".into(),
        family: None,
        revision: Some(updated_at.as_millisecond()),
        placed_at: "2026-11-20T01:00:00Z".parse().unwrap(),
        updated_at: Some(updated_at),
        fulfilled_by: FulfilledBy::Seller,
        lines: vec![Line {
            id: "11".into(),
            mall_key: Some("gid://shopify/InventoryItem/41".into()),
            ordered: 3,
            cancelled: 1,
            shipped: 1,
            returned: 0,
            restored: Restored::Unknown,
            shipped_at: None,
            original: None,
        }],
    }
}

#[test]
fn what_is_new_or_absent_does_not_break_an_order() {
    let new = orders::page(payload!("orders_with_new_fields_and_an_unknown_status"), from()).unwrap();
    assert_eq!(new.orders, [plain()]);
    let mut bare = plain();
    (bare.revision, bare.updated_at) = (None, None);
    let line = &mut bare.lines[0];
    (line.mall_key, line.cancelled, line.shipped) = (None, 0, 0);
    let page = orders::page(payload!("orders_without_optional_fields"), from()).unwrap();
    assert_eq!(page.orders, [bare]);
    assert!(new.unread.is_empty() && page.unread.is_empty());
}

#[test]
fn an_order_that_makes_no_sense_is_set_apart_without_the_buyer() {
    let odd = [
        payload!("orders_with_one_without_a_quantity"),
        payload!("orders_with_one_negative"),
        payload!("orders_with_one_more_unfulfilled_than_ordered"),
    ];
    for body in odd {
        let page = orders::page(body, from()).unwrap();
        assert_eq!(page.orders, [plain()], "its neighbour is still read");
        let [unread] = page.unread.as_slice() else { panic!("{:?}", page.unread) };
        assert_eq!(unread.order_id.as_deref(), Some("gid://shopify/Order/2"));
        assert_eq!(unread.mall_keys, ["gid://shopify/InventoryItem/42"]);
        assert!(!unread.redacted.contains("hanako") && unread.redacted.contains("LineItem/21"), "{}", unread.redacted);
    }
}

#[test]
fn a_page_that_has_a_next_one_and_does_not_say_where_is_not_understood() {
    assert!(orders::page(payload!("orders_without_a_cursor_for_the_next_page"), from()).is_err());
}

#[test]
fn a_cancelled_order_holds_nothing_and_keeps_what_had_left() {
    let ids: Vec<_> = (1..=5).map(|n| format!("gid://shopify/Order/{n}")).collect();
    let found = orders::found(payload!("orders_cancelled_in_every_way"), &ids.iter().collect::<Vec<_>>()).unwrap();
    let told: Vec<_> = found
        .into_iter()
        .map(|found| {
            let line = found.ok().unwrap().finish().unwrap().lines.remove(0);
            (line.cancelled, line.shipped)
        })
        .collect();
    assert_eq!(told, [(3, 0), (3, 0), (2, 1)]);
    let body = payload!("orders_cancelled_in_every_way");
    let six: Vec<_> = ids.iter().chain(&ids[..1]).collect();
    assert!(orders::found(body, &six).is_err(), "five nodes for six ids");
}

fn entries() -> Vec<Entry> {
    let entry = |n: i64| Entry {
        item: format!("gid://shopify/InventoryItem/{n}"),
        location: "gid://shopify/Location/9".into(),
        quantity: 4,
        from: Some(5),
    };
    (0..4).map(entry).collect()
}

#[test]
fn each_error_finds_its_entry_and_the_rest_is_untouched() {
    let entries = entries();
    let told = stock::told(payload!("errors_of_every_shape"), &entries.iter().collect::<Vec<_>>()).unwrap();
    let why = |n: usize| match &told[n] {
        Told::Is(Outcome::Refused(refusal)) => refusal.why,
        other => panic!("{other:?}"),
    };
    assert_eq!((&told[0], &told[3]), (&Told::Stale, &Told::Untouched));
    assert_eq!((why(1), why(2)), (RefusedWhy::Other, RefusedWhy::OutOfRange));
}

#[test]
fn an_error_about_no_entry_is_one_of_the_request() {
    let entries = entries();
    let sent: Vec<_> = entries.iter().collect();
    let concurrent = stock::told(payload!("error_about_no_entry"), &sent);
    assert_eq!(concurrent, Err(Class::Transient { applied: Applied::Unknown }));
    let failed = payload!("error_about_no_entry").replace("CONCURRENT_REQUEST", "PREVIOUS_ATTEMPT_FAILED");
    assert_eq!(stock::told(&failed, &sent), Err(Class::Transient { applied: Applied::No }));
    let strange = stock::told(payload!("error_about_an_entry_that_was_not_sent"), &sent);
    assert!(matches!(strange, Err(Class::Malformed { .. })));
}

#[test]
fn an_item_without_its_figure_is_not_understood() {
    assert!(stock::counters(payload!("levels_without_available")).is_err());
}

#[test]
fn idempotency_keys_are_uuids() {
    assert_eq!(stock::idempotency_key([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}
