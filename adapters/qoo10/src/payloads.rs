//! The pure readers over the bodies in `tests/payloads`, one file per oddity.

use serde_json::Value;
use uriba_sdk::{FulfilledBy, Line, Order, Outcome, Page, RefusedWhy, Restored};

use crate::{
    items,
    key::{Choice, Handle},
    orders, qapi, stock,
};

fn payload(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn object(name: &str) -> Value {
    let reply = qapi::reply(&payload(name)).unwrap();
    assert_eq!(reply.code, 0, "{name}");
    reply.object
}

fn page(name: &str, status: u8) -> Page {
    orders::page(object(name), status).unwrap()
}

const PLACED: i64 = 1_795_223_700;

/// What most bodies are about, when nothing is odd.
fn plain() -> Order {
    Order {
        id: "700000001".into(),
        family: None,
        revision: Some(PLACED + 60),
        placed_at: "2026-11-21T01:15:00Z".parse().unwrap(),
        updated_at: Some("2026-11-21T01:16:00Z".parse().unwrap()),
        fulfilled_by: FulfilledBy::Seller,
        lines: vec![Line {
            id: "1".into(),
            mall_key: Some("cup01/cup01-wt".into()),
            ordered: 2,
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
fn a_row_has_the_status_that_was_asked_for_whatever_it_says_itself() {
    let read = page("status-row-plain-with-new-fields-and-a-caption", 3);
    assert_eq!((read.orders, read.unread.len()), (vec![plain()], 0));
    let shipped = page("status-row-plain-with-new-fields-and-a-caption", 5).orders.remove(0);
    assert_eq!((shipped.lines[0].shipped, shipped.lines[0].shipped_at), (2, None), "it left, and nobody says when");
}

#[test]
fn what_is_missing_or_spelled_otherwise_does_not_break_an_order() {
    let order = page("status-row-with-numbers-as-text-and-a-date-alone", 4).orders.remove(0);
    assert_eq!((order.id.as_str(), order.placed_at), ("700000001", plain().placed_at));
    let line = &order.lines[0];
    assert_eq!((line.mall_key.as_deref(), line.shipped), (Some("1000000001"), 2));
    // The day is over when it has left for certain; a date before anything was sold is none.
    let left = "2026-11-22T14:59:59Z".parse().ok();
    assert_eq!((line.shipped_at, order.updated_at), (left, left));
}

#[test]
fn what_makes_no_sense_is_set_apart_without_the_buyer() {
    let page = page("status-rows-one-without-quantity-one-negative-one-without-date", 2);
    let keys: Vec<_> = page.orders.iter().map(|order| order.lines[0].mall_key.as_deref().unwrap()).collect();
    // A code with a slash would look like an option.
    assert_eq!(keys, ["cup01", "1000000002"]);
    let unread: Vec<_> =
        page.unread.iter().map(|odd| (odd.order_id.as_deref(), odd.what.as_str(), odd.mall_keys.concat())).collect();
    assert_eq!(
        unread,
        [
            (Some("700000002"), "orderqty is missing", "cup01".to_owned()),
            (Some("700000003"), "orderqty is odd: -2", "cup01/wt".to_owned()),
            (Some("700000004"), "orderdate is odd: \"last Tuesday\"", "1000000009".to_owned()),
            (None, "OrderNo is missing", "jar05".to_owned()),
            (None, "a row is no object", String::new()),
        ]
    );
    for odd in page.unread {
        let said = format!("{odd:?}");
        assert!(!said.contains("花子") && !said.contains("見本区") && !said.contains("ハナコ"), "{said}");
    }
}

#[test]
fn the_claim_decides_and_one_that_nobody_knows_does_not() {
    let found =
        orders::found(object("look-up-of-a-cancelled-order-with-its-old-shipping-status"), "700000001").unwrap();
    let cancelled = &found.orders[0];
    assert_eq!((cancelled.lines[0].cancelled, cancelled.lines[0].unshipped()), (2, 0));
    assert!(cancelled.revision > plain().revision);
    assert_eq!(cancelled.updated_at, "2026-11-22T01:00:00Z".parse().ok());

    let found = orders::found(object("look-up-of-a-shipped-order-with-an-unknown-claim"), "700000001").unwrap();
    assert_eq!((found.orders[0].lines[0].shipped, found.orders[0].lines[0].returned), (2, 0));
    let other = orders::found(object("look-up-of-a-shipped-order-with-an-unknown-claim"), "700000002").unwrap();
    assert_eq!(other.missing, ["700000002"], "another order is no answer");
}

#[test]
fn claims_are_heads_and_undecided_ones_hold_stock() {
    let ids = |page: &Page| page.heads.iter().map(|head| head.id.clone()).collect::<Vec<_>>();
    let all = orders::claims(object("claims-of-every-kind"), false).unwrap();
    assert_eq!(ids(&all), ["1", "2", "3", "6", "15", "16", "21"]);
    assert!(all.heads.iter().all(|head| head.placed_at == Some(plain().placed_at)));
    // One that may be withdrawn is no newer than the order; one that is done is.
    let revisions: Vec<_> = all.heads.iter().map(|head| head.revision.unwrap()).collect();
    assert_eq!((revisions[0], revisions[1], revisions[6]), (PLACED, PLACED, PLACED));
    assert!(revisions[4] < revisions[3] && revisions[3] < revisions[5] && revisions[5] < revisions[2]);
    assert_eq!((all.unread.len(), all.unread[0].mall_keys.concat()), (1, "1000000001".to_owned()));
    assert!(!all.unread[0].redacted.contains("花子"));
    let open = orders::claims(object("claims-of-every-kind"), true).unwrap();
    assert_eq!(ids(&open), ["1", "2", "21"]);
}

#[test]
fn options_are_told_apart_by_their_codes_where_they_can_be() {
    let variants = items::variants(object("options-with-two-axes-an-error-value-twice-and-no-code")).unwrap();
    let red = &variants[0];
    assert_eq!((red.name.as_str(), red.value.as_str(), red.quantity), ("カラー||*サイズ", "赤||*M", 7));
    assert_eq!((red.priced, variants[1].priced, variants[3].priced), (false, true, true), "no word is no zero");
    assert_eq!(items::find(&variants, "RED-M"), Ok(Some(red)));
    assert_eq!(items::find(&variants, "red-s"), Ok(None));
    assert!(items::find(&variants, "#NAME?").unwrap_err().starts_with("2 options"));
    let item = items::Item { number: "1000000001".into(), code: Some("cup01".into()) };
    let listed: Vec<_> = items::listed(&item, &variants).into_iter().map(|listed| listed.key).collect();
    assert_eq!(listed, ["cup01/red-m"], "nobody could map the others");
}

fn line(index: usize, item: &str, code: &str, option: &str) -> stock::Line {
    let choice = Choice { name: "色".into(), value: format!("色{option}"), code: option.into(), priced: false };
    let handle = Handle { item: item.into(), option: Some(choice) };
    stock::Line { index, code: code.into(), handle, quantity: 1 }
}

#[test]
fn a_bulk_answer_is_believed_as_far_as_it_speaks() {
    let lines = [
        line(0, "1000000001", "cup01", "wt"),
        line(1, "1000000001", "cup01", "rd"),
        line(2, "1000000002", "jar02", "rd"),
    ];
    let outcomes = |name: &str| stock::outcomes(&qapi::reply(&payload(name)).unwrap(), &lines);
    let applied = Outcome::Applied { now: None };
    let told = outcomes("bulk-failed-in-part-as-one-dictionary-of-keys-and-values");
    assert!(matches!(&told[0], Outcome::Refused(refusal) if refusal.why == RefusedWhy::NoSuchItem), "{told:?}");
    assert_eq!(told[1..], [applied.clone(), applied.clone()]);
    // One of two options failed: which, isn't said.
    let unclear = outcomes("bulk-failed-in-part-naming-the-item-but-no-option");
    assert_eq!(unclear, [Outcome::Unknown, Outcome::Unknown, applied]);
    assert_eq!(outcomes("bulk-failed-in-part-naming-nobody"), vec![Outcome::Unknown; 3]);
    assert_eq!(outcomes("bulk-failed-in-part-without-a-verdict"), vec![Outcome::Unknown; 3]);
}

#[test]
fn a_line_says_nothing_that_nobody_asked_to_change() {
    let option = line(0, "1000000001", "cup01", "wt");
    let item = stock::Line { handle: Handle { item: "1000000002".into(), option: None }, ..option.clone() };
    let json: Value = serde_json::from_str(&stock::lines_json(&[item, option.clone()], None)).unwrap();
    let expected = serde_json::json!([
        {"ItemCode": "1000000002", "Qty": 1},
        {"ItemCode": "1000000001", "OptionName": "色", "OptionValue": "色wt", "OptionCode": "wt", "Qty": 1},
    ]);
    assert_eq!(json, expected);
    let single: Vec<_> = stock::single(&option).into_iter().map(|(name, _)| name).collect();
    assert_eq!(single, ["ItemCode", "Qty", "OptionName", "OptionValue", "OptionCode"]);
}

#[test]
fn an_envelope_is_a_code_or_nothing() {
    let unknown = qapi::reply(&payload("unknown-api-in-the-other-form")).unwrap();
    assert_eq!((unknown.code, unknown.message.as_str()), (-90_001, "存在しないAPIです。"));
    // A success that also names an error is none.
    let both = qapi::reply(br#"{"ResultCode":0,"ErrorCode":-90004,"ErrorMsg":"expired"}"#).unwrap();
    assert_eq!(both.code, -90_004);
    for odd in ["", "{}", "[]", "null", r#"{"ResultCode":null}"#, r#"{"ErrorCode":0}"#, r#"{"ResultObject":[]}"#] {
        assert!(qapi::reply(odd.as_bytes()).is_err(), "{odd}");
    }
    assert!(orders::page(Value::from("none"), 1).is_err());
    assert!(items::page(Value::Null).is_err());
}
