//! Bodies with the mall's oddities, one file each in `tests/payloads`, named by what is odd in them.

use serde_json::json;
use uriba_sdk::{FulfilledBy, Line, Order, Page, Query, Restored, Span, Update, Write};

use crate::{
    faults::Word,
    graphql::{self, LookedUp, Told},
    orders, stock,
};

fn payload(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn page(name: &str) -> Page {
    orders::page(&payload(name)).unwrap()
}

fn line(ordered: u32) -> Line {
    Line {
        id: "v_cup_wt".into(),
        mall_key: Some("Cup01-wt".into()),
        ordered,
        cancelled: 0,
        shipped: 0,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    }
}

/// The order of every file as it is when nothing is odd.
fn plain() -> Order {
    Order {
        id: "ot_plain".into(),
        family: None,
        revision: None,
        placed_at: "2026-11-21T01:15:00Z".parse().unwrap(),
        updated_at: None,
        fulfilled_by: FulfilledBy::Seller,
        lines: vec![Line { cancelled: 1, ..line(3) }],
    }
}

#[test]
fn what_is_new_or_unknown_does_not_break_an_order() {
    let new = page("page-new-fields-and-an-unknown-status");
    assert_eq!((new.orders, new.unread.len(), new.next), (vec![plain()], 0, None));
    let zoned = page("page-times-with-zone-and-fraction");
    let placed_at = "2026-11-21T01:15:00.250Z".parse().unwrap();
    assert_eq!((zoned.orders, zoned.next), (vec![Order { placed_at, ..plain() }], Some("c1".into())));
}

#[test]
fn an_order_that_makes_no_sense_is_set_apart_without_the_buyer() {
    let page = page("page-odd-orders-among-neighbours");
    assert_eq!(page.orders, [plain()], "its neighbour is still read");
    let unread = page.unread.iter().map(|unread| (unread.order_id.as_deref(), unread.mall_keys.join(" ")));
    let expected = [
        (Some("ot_no_unshipped"), "Cup01-wt"),
        (Some("ot_null_cancelled"), "v_cup_bk"),
        (Some("ot_negative"), ""),
        (Some("ot_local_time"), "Cup01-wt"),
        (Some("ot_empty"), ""),
        (None, ""),
    ];
    assert_eq!(unread.collect::<Vec<_>>(), expected.map(|(id, keys)| (id, keys.to_owned())));
    assert!(page.unread[0].what.contains("unshippedQuantity"), "{}", page.unread[0].what);
    assert!(!page.unread[0].redacted.contains("花子"), "{}", page.unread[0].redacted);
}

#[test]
fn lines_are_named_by_their_variants_also_when_those_lack_much() {
    let order = orders::one(&payload("order-without-codes-gone-products-and-twins")).unwrap();
    let named: Vec<_> = order.lines.iter().map(|line| (line.id.as_str(), line.mall_key.as_deref())).collect();
    assert_eq!(named, [("v_cup_wt", Some("v_cup_wt")), ("p_gone", None), ("v_cup_wt#2", Some("v_cup_wt"))]);
}

#[test]
fn what_is_unshipped_is_not_derived_from_what_was_purchased() {
    let order = orders::one(&payload("order-with-more-unshipped-than-purchased")).unwrap();
    assert_eq!(order.lines, [Line { cancelled: 1, ..line(4) }]);
    assert_eq!(order.lines[0].unshipped(), 3);
}

#[test]
fn a_further_page_without_a_cursor_is_not_understood() {
    assert!(orders::page(&payload("page-further-without-a-cursor")).is_err());
}

#[test]
fn each_of_several_look_ups_has_its_answer() {
    let sorted = |name: &str| {
        let told = Told::read(payload(name).as_bytes()).unwrap();
        graphql::sort(&told, 3).map_err(|fault| fault.cloned())
    };
    let found = |id: &str| LookedUp::Found(json!({"id": id}).to_string().replace(':', ": "));
    assert_eq!(sorted("lookup-with-one-missing"), Ok(vec![found("ot_a"), LookedUp::Missing, found("ot_c")]));
    let untold = LookedUp::Untold;
    assert_eq!(sorted("lookup-that-one-missing-takes-away"), Ok(vec![untold.clone(), LookedUp::Missing, untold]));
    assert_eq!(sorted("lookup-that-leaves-one-out"), Err(None));
    let told = Told::read(br#"{"data":null,"errors":[{"message":"deadline exceeded"}]}"#).unwrap();
    assert_eq!(graphql::sort(&told, 1).unwrap_err().map(|fault| fault.word), Some(Word::DeadlineExceeded));
}

#[test]
fn figures_are_found_whatever_their_order_and_by_code_or_id() {
    let update = |key: &str, handle: Option<&str>, figure| Update {
        key: key.into(),
        handle: handle.map(Into::into),
        write: Write::Absolute(figure),
    };
    let updates = [
        update("Cup01-wt", None, 7),
        update("Pot01", Some("p_pot/v_pot"), 0),
        update("Jar01", Some("p_jar/v_jar"), 3),
        update("Cup01-WT", None, 1),
        update("Mat01", None, 10_000),
        update("Mat01", None, -1),
    ];
    let prepared = stock::prepare(&updates).unwrap();
    let figures: Vec<_> = prepared.iter().filter_map(|one| one.clone().ok()).collect();
    assert_eq!(figures[1], (json!({"id": "v_pot"}), 0));
    assert_eq!(prepared.iter().filter(|one| one.is_err()).count(), 2, "out of range, so never sent");
    let shown = stock::written(&payload("written-in-part-and-out-of-order"), &figures).unwrap();
    assert_eq!(shown, [Some(7), Some(0), None, None], "codes differ by case");
}

#[test]
fn a_shelf_lists_what_can_be_named() {
    let shelf = stock::shelf(&payload("shelf-with-variants-that-lack-much")).unwrap();
    let items = shelf.items.iter().map(|item| (item.key.as_str(), item.code.as_deref(), item.title.as_deref()));
    let expected = [("Cup01-wt", Some("Cup01-wt"), Some("湯のみ 白")), ("v_cup_bk", None, Some("湯のみ"))];
    assert_eq!(items.collect::<Vec<_>>(), expected);
    assert_eq!((shelf.items[0].jan.as_deref(), shelf.items[1].jan.as_deref()), (Some("4900000000017"), None));
    assert_eq!(shelf.next.as_deref(), Some("c2"));
}

#[test]
fn a_shop_that_is_not_open_is_told_to_its_owner() {
    let sheet = stock::account(&payload("shop-that-is-not-open")).unwrap();
    assert_eq!(sheet.shop, "うつわや");
    assert!(sheet.notes.len() == 1 && sheet.notes[0].contains("SUSPENDED"), "{:?}", sheet.notes);
    let open = payload("shop-that-is-not-open").replace("SUSPENDED", "OPENED");
    assert!(stock::account(&open).unwrap().notes.is_empty());
}

#[test]
fn a_window_is_widened_to_whole_seconds_and_open_orders_are_asked_for_by_state() {
    let time = |text: &str| text.parse().unwrap();
    let span = Span::Window { from: time("2026-11-21T01:15:00.7Z"), to: time("2026-11-21T01:20:00.2Z") };
    let mut query = Query { span, open_only: false, token: None };
    let window = json!({"orderedDateGte": "2026-11-21T01:15:00Z", "orderedDateLt": "2026-11-21T01:20:01Z"});
    assert_eq!(orders::filter(&query).unwrap(), window);
    (query.open_only, query.token) = (true, Some("c1".into()));
    let filter = orders::filter(&query).unwrap();
    assert_eq!(filter["statuses"], json!(["WAITING_FOR_PAYMENT", "WAITING_FOR_SHIPPING", "CANCELING"]));
    assert_eq!(filter["after"], json!("c1"));
    query.span = Span::Family("ot_a".into());
    assert!(orders::filter(&query).is_err());
}

#[test]
fn keys_are_what_people_copy() {
    assert_eq!(stock::normal(" Cup01-wt\u{3000}"), Ok("Cup01-wt".into()));
    assert_eq!(stock::normal("湯のみ 白"), Ok("湯のみ 白".into()));
    for given in ["", "\u{3000}", "a\tb", &"長".repeat(256)] {
        assert!(stock::normal(given).is_err(), "{given}");
    }
}

/// `order(s)` and what belongs to them are on their way out.
#[test]
fn only_names_that_stay_are_used() {
    let (id, by) = ("ot_a".to_owned(), stock::by_sku("Cup01-wt"));
    let figure = (by.clone(), 3);
    let asked = [
        graphql::search(50, &json!({})),
        graphql::orders(&[&id]),
        graphql::variants(&[&by]),
        graphql::write(std::slice::from_ref(&figure)),
        graphql::write_one(&figure),
        graphql::list(None),
        graphql::shop(),
    ];
    for question in asked {
        for old in ["orders(", "order(", "completeOrder(", "updateShippingTrackingCode("] {
            assert!(!question.document.contains(old), "{}", question.document);
        }
    }
}
