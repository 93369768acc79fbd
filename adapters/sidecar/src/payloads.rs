//! Bodies with oddities, one file each in `tests/payloads`, named by what is odd in them; and any order there and back.

use proptest::prelude::*;
use serde_json::json;
use uriba_sdk::{
    Family, FulfilledBy, Line, Order, Outcome, Reading, RefusedWhy, Restored, Update, Write, mall::ListingKey,
};

use crate::{
    listings::{self, handle_of, kind_of},
    orders, stock,
};

/// The order of every file as it is when nothing but the least is said of it.
fn least() -> Order {
    Order {
        id: "T-000001".into(),
        family: None,
        revision: None,
        placed_at: "2026-11-20T01:00:00Z".parse().unwrap(),
        updated_at: None,
        fulfilled_by: FulfilledBy::Seller,
        lines: vec![Line {
            id: "1".into(),
            mall_key: None,
            ordered: 3,
            cancelled: 0,
            shipped: 0,
            returned: 0,
            restored: Restored::Unknown,
            shipped_at: None,
            original: None,
        }],
    }
}

#[test]
fn unknown_fields_are_ignored_and_unknown_words_are_read_cautiously() {
    let page = orders::page(include_bytes!("../tests/payloads/page_with_new_fields_and_unknown_words.json")).unwrap();
    let mut told = least();
    (told.revision, told.updated_at) = (Some(3), Some("2026-11-20T01:05:00.250Z".parse().unwrap()));
    let line = &mut told.lines[0];
    (line.mall_key, line.cancelled, line.shipped) = (Some("tea-sencha".into()), 1, 1);
    line.shipped_at = Some("2026-11-20T01:04:00Z".parse().unwrap());
    assert_eq!((page.orders, page.unread, page.next), (vec![told], vec![], None));
}

#[test]
fn an_order_needs_no_more_than_an_id_a_time_and_its_units() {
    let page = orders::page(include_bytes!("../tests/payloads/page_with_the_least_that_an_order_has.json")).unwrap();
    assert_eq!((page.orders, page.unread), (vec![least()], vec![]));
}

#[test]
fn a_missing_or_absurd_quantity_makes_an_order_unread_and_hides_no_neighbour() {
    let odd: [&[u8]; 7] = [
        include_bytes!("../tests/payloads/order_without_a_quantity.json"),
        include_bytes!("../tests/payloads/order_with_a_null_quantity.json"),
        include_bytes!("../tests/payloads/order_with_a_negative_quantity.json"),
        include_bytes!("../tests/payloads/order_with_half_a_unit.json"),
        include_bytes!("../tests/payloads/order_with_a_quantity_in_quotes.json"),
        include_bytes!("../tests/payloads/order_with_more_shipped_than_ordered.json"),
        include_bytes!("../tests/payloads/order_with_a_time_without_offset.json"),
    ];
    for body in odd {
        let page = orders::page(body).unwrap();
        assert_eq!(page.orders, [least()]);
        let [unread] = page.unread.as_slice() else { panic!("{:?}", page.unread) };
        assert_eq!(unread.order_id.as_deref(), Some("T-000002"));
        assert_eq!(unread.mall_keys, ["tea-hojicha"]);
        assert!(!unread.redacted.contains("hanako") && !unread.redacted.contains("花子"), "{}", unread.redacted);
    }
}

#[test]
fn times_have_an_offset_whichever() {
    let at = |time: &str| {
        let order = json!({"id": "1", "placed_at": time, "lines": []});
        let page = orders::page(json!({"protocol": 1, "orders": [order]}).to_string().as_bytes()).unwrap();
        page.orders.first().map(|order| order.placed_at.to_string())
    };
    for time in ["2026-11-20T01:00:00Z", "2026-11-20T10:00:00+09:00", "2026-11-19T20:00:00-05:00"] {
        assert_eq!(at(time).as_deref(), Some("2026-11-20T01:00:00Z"), "{time}");
    }
    for time in ["2026-11-20T10:00:00", "2026-11-20", "1763600400", "yesterday", ""] {
        assert_eq!(at(time), None, "{time}");
    }
}

#[test]
fn what_the_program_could_not_read_is_unread_to_the_hub_too() {
    let body = include_bytes!("../tests/payloads/page_with_an_order_that_the_program_could_not_read.json");
    let page = orders::page(body).unwrap();
    assert_eq!(page.orders, [least()]);
    let [known, nameless] = page.unread.as_slice() else { panic!("{:?}", page.unread) };
    assert_eq!(
        (known.order_id.as_deref(), known.mall_keys.as_slice()),
        (Some("T-000002"), &["tea-hojicha".into()][..])
    );
    assert!(!known.what.contains("hanako") && known.what.contains("status"), "{}", known.what);
    assert_eq!(nameless.order_id, None);
}

#[test]
fn every_id_is_told_of_and_one_that_is_left_out_is_not_guessed_at() {
    let body = include_bytes!("../tests/payloads/lookup_that_leaves_one_out.json");
    let ids = ["T-000001", "T-000002", "T-000003"].map(String::from);
    assert_eq!(orders::found(body, &ids[..2]).unwrap().missing, ["T-000002"]);
    assert!(orders::found(body, &ids).unwrap_err().contains("T-000003"));
}

#[test]
fn what_is_gone_is_told_apart_from_what_is_missing_and_only_of_what_was_asked_for() {
    let body = br#"{"protocol": 1, "orders": [], "missing": ["T-000001", "T-9"], "gone": ["T-000002", "T-8"]}"#;
    let ids = ["T-000001", "T-000002", "T-000003"].map(String::from);
    let found = orders::found(body, &ids[..2]).unwrap();
    assert_eq!((found.missing, found.gone), (vec![ids[0].clone()], vec![ids[1].clone()]));
    assert!(orders::found(body, &ids).unwrap_err().contains("T-000003"));
}

#[test]
fn another_protocol_is_not_understood() {
    let error = orders::page(include_bytes!("../tests/payloads/page_of_another_protocol.json")).unwrap_err();
    assert_eq!(error, "the program speaks protocol 2, this adapter 1");
    assert!(orders::page(br#"{"orders":[]}"#).unwrap_err().contains("protocol"));
}

fn update(key: &str) -> Update {
    Update { key: key.into(), handle: None, write: Write::Absolute(4) }
}

#[test]
fn an_unknown_outcome_is_unknown_and_an_unknown_refusal_is_a_refusal() {
    let body = include_bytes!("../tests/payloads/outcomes_with_unknown_words.json");
    let told = stock::outcomes(body, &["a", "b", "c", "d", "e"].map(update)).unwrap();
    assert_eq!(told[..2], [Outcome::Applied { now: Some(4) }, Outcome::Unknown]);
    assert!(matches!(&told[2], Outcome::Refused(refusal) if refusal.why == RefusedWhy::Other));
    assert_eq!(told[3..], [Outcome::Unknown, Outcome::Unknown], "a ticket and a figure belong to them");
}

#[test]
fn one_outcome_per_update_in_order_and_by_its_key() {
    let body = include_bytes!("../tests/payloads/outcomes_with_unknown_words.json");
    for asked in [&["a", "b", "c", "d"][..], &["a", "b", "c", "d", "e", "f"], &["b", "a", "c", "d", "e"]] {
        let updates: Vec<_> = asked.iter().map(|key| update(key)).collect();
        assert!(stock::outcomes(body, &updates).is_err(), "{asked:?}");
    }
}

#[test]
fn a_ticket_that_is_pending_is_not_decided_and_all_else_is_final() {
    let body = json!({"protocol": 1, "tickets": [
        {"ticket": "1", "outcome": "pending"},
        {"ticket": "2", "outcome": "applied", "now": 3},
        {"ticket": "3", "outcome": "unknown"},
    ]});
    let tickets = ["1", "2", "3"].map(String::from);
    let told = stock::decided(body.to_string().as_bytes(), &tickets).unwrap();
    assert_eq!(told, [None, Some(Outcome::Applied { now: Some(3) }), Some(Outcome::Unknown)]);
    assert!(stock::decided(body.to_string().as_bytes(), &tickets[..2]).is_err());
}

#[test]
fn a_reading_has_a_figure_or_says_why_not() {
    let keys = ["a", "b"].map(|key| ListingKey { key: key.into(), handle: None });
    let error = stock::readings(include_bytes!("../tests/payloads/reading_without_a_figure.json"), &keys).unwrap_err();
    assert!(error.starts_with('b'), "{error}");
    let body = json!({"protocol": 1, "items": [
        {"key": "a", "missing": true, "quantity": 0}, {"key": "b", "unlimited": true, "sells_past_zero": true},
    ]});
    let told = stock::readings(body.to_string().as_bytes(), &keys).unwrap();
    assert_eq!(told[0], Reading { key: "a".into(), found: None });
    let unlimited = told[1].found.unwrap();
    assert_eq!((unlimited.quantity, unlimited.sells_past_zero, unlimited.not_ours), (None, true, false));
}

#[test]
fn how_a_listing_is_written_comes_with_its_key_and_stays_with_its_handle() {
    let told = |extra: serde_json::Value| {
        let mut key = json!({"given": " A", "key": "a"});
        key.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let body = json!({"protocol": 1, "keys": [key]}).to_string();
        let listing = listings::resolved(body.as_bytes(), &[" A".into()]).unwrap().remove(0).unwrap();
        (kind_of(&listing.key, listing.handle.as_deref()), handle_of(listing.handle.as_deref()), listing.handle)
    };
    assert_eq!(told(json!({})), ("absolute", None, None));
    assert_eq!(told(json!({"handle": "x:1"})), ("absolute", Some("x:1".into()), Some("absolute:x:1".into())));
    assert_eq!(told(json!({"write": "relative"})), ("relative", None, Some("relative:".into())));
    let both = ("compare_and_set", Some("7".into()), Some("compare_and_set:7".into()));
    assert_eq!(told(json!({"write": "compare_and_set", "handle": "7"})), both);
    // A way that is not known yet; and a handle that looks like one.
    assert_eq!(told(json!({"write": "by_telepathy"})), ("absolute", None, None));
    assert_eq!(told(json!({"handle": "relative:1"})).0, "absolute");
    assert_eq!(kind_of("a", None), "absolute");
}

#[test]
fn a_key_has_a_spelling_or_a_problem() {
    let given = [" A".to_owned(), "??".to_owned()];
    let body = json!({"protocol": 1, "keys": [{"given": " A", "key": "a"}, {"given": "??", "problem": "no word"}]});
    let told = listings::resolved(body.to_string().as_bytes(), &given).unwrap();
    assert_eq!(told, [Ok(ListingKey { key: "a".into(), handle: None }), Err("no word".into())]);
    let neither = json!({"protocol": 1, "keys": [{"given": " A"}, {"given": "??", "key": ""}]});
    assert!(listings::resolved(neither.to_string().as_bytes(), &given).is_err());
    assert!(listings::resolved(body.to_string().as_bytes(), &given[..1]).is_err());
}

proptest! {
    #[test]
    fn any_order_is_read_as_it_was_written(order in any_order()) {
        let mut body = serde_json::to_value(&order).unwrap();
        for line in body["lines"].as_array_mut().unwrap() {
            let key = line.as_object_mut().unwrap().remove("mall_key").unwrap();
            line["key"] = key;
        }
        let page = orders::page(json!({"protocol": 1, "orders": [body]}).to_string().as_bytes()).unwrap();
        prop_assert_eq!((page.orders, page.unread), (vec![order], vec![]));
    }
}

fn instant() -> impl Strategy<Value = jiff::Timestamp> {
    (946_684_800_i64..4_102_444_800, 0..1_000_000_000_i32).prop_map(|(s, ns)| jiff::Timestamp::new(s, ns).unwrap())
}

fn any_line() -> impl Strategy<Value = Line> {
    let restored = prop::sample::select(vec![Restored::Yes, Restored::No, Restored::Unknown]);
    let key = prop::option::of("[a-z湯呑/-]{1,12}");
    let units = (0..9_000_u32, 0..9_000_u32, 0..9_000_u32, 0..9_000_u32, prop::option::of(0..9_u32));
    ("[0-9a-z]{1,8}", key, units, restored, prop::option::of(instant())).prop_map(
        |(id, mall_key, (left, cancelled, shipped, returned, original), restored, shipped_at)| Line {
            id,
            mall_key,
            ordered: left + cancelled + shipped,
            cancelled,
            shipped,
            returned,
            restored,
            shipped_at,
            original,
        },
    )
}

fn any_order() -> impl Strategy<Value = Order> {
    let family = prop::option::of(("[A-Z0-9-]{1,9}", any::<bool>()).prop_map(|(id, original)| Family { id, original }));
    let by = prop::sample::select(vec![FulfilledBy::Seller, FulfilledBy::Mall]);
    let times = (instant(), prop::option::of(instant()));
    let lines = prop::collection::vec(any_line(), 0..5);
    ("[A-Z]-[0-9]{1,9}", family, prop::option::of(any::<i64>()), times, by, lines).prop_map(
        |(id, family, revision, (placed_at, updated_at), fulfilled_by, lines)| Order {
            id,
            family,
            revision,
            placed_at,
            updated_at,
            fulfilled_by,
            lines,
        },
    )
}
