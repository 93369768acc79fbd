//! Bodies with the mall's oddities, one file each in `tests/payloads`, named by what is odd in them.

// scaffold:
use uriba_sdk::{
    FulfilledBy, Hint, Line, Listed, Notice, Order, Outcome, RefusedWhy, Restored, Update, Write,
    env::{HeaderMap, HeaderValue},
    mall::ListingKey,
};

use crate::{orders, shop, stock};

/// The order of every file as it is when nothing is odd.
fn plain() -> Order {
    Order {
        id: "S26-000001".into(),
        family: None,
        revision: Some(3),
        placed_at: "2026-11-20T01:00:00Z".parse().unwrap(),
        updated_at: Some("2026-11-20T01:05:00Z".parse().unwrap()),
        fulfilled_by: FulfilledBy::Seller,
        lines: vec![Line {
            id: "1".into(),
            mall_key: Some("a-tea-0001/red".into()),
            ordered: 3,
            cancelled: 1,
            shipped: 1,
            returned: 0,
            restored: Restored::Unknown,
            shipped_at: Some("2026-11-20T01:04:00Z".parse().unwrap()),
            original: None,
        }],
    }
}

#[test]
fn what_is_new_or_absent_does_not_break_an_order() {
    let new =
        orders::page(include_bytes!("../tests/payloads/order_with_new_fields_and_an_unknown_state.json")).unwrap();
    assert_eq!(new.orders, [plain()]);

    let mut bare = plain();
    (bare.revision, bare.updated_at) = (None, None);
    let line = &mut bare.lines[0];
    (line.mall_key, line.cancelled, line.shipped, line.shipped_at) = (None, 0, 0, None);
    let page = orders::page(include_bytes!("../tests/payloads/order_without_optional_fields.json")).unwrap();
    assert_eq!(page.orders, [bare]);
    assert!(new.unread.is_empty() && page.unread.is_empty());
}

#[test]
fn an_order_that_makes_no_sense_is_set_apart_without_the_buyer() {
    let odd: [&[u8]; 3] = [
        include_bytes!("../tests/payloads/order_without_units.json"),
        include_bytes!("../tests/payloads/order_with_negative_units.json"),
        include_bytes!("../tests/payloads/order_with_more_sent_than_ordered.json"),
    ];
    for body in odd {
        let page = orders::page(body).unwrap();
        assert_eq!(page.orders, [plain()], "its neighbour is still read");
        let [unread] = page.unread.as_slice() else { panic!("{:?}", page.unread) };
        assert_eq!(unread.order_id.as_deref(), Some("S26-000002"));
        assert_eq!(unread.mall_keys, ["a-tea-0002"]);
        assert!(!unread.redacted.contains("hanako") && unread.redacted.contains("a-tea-0002"), "{}", unread.redacted);
    }
}

#[test]
fn an_answer_that_leaves_an_order_out_is_not_understood() {
    let body = include_bytes!("../tests/payloads/lookup_that_leaves_one_out.json");
    let ids = ["S26-000001", "S26-000002", "S26-000003"].map(String::from);
    assert!(orders::found(body, &ids[..2]).is_ok());
    assert!(orders::found(body, &ids).unwrap_err().contains("S26-000003"));
}

#[test]
fn an_unknown_refusal_is_a_refusal_and_a_stranger_among_the_results_is_not_understood() {
    let body = include_bytes!("../tests/payloads/results_with_an_unknown_refusal.json");
    let update = |key: &str| Update { key: key.into(), handle: None, write: Write::Absolute(4) };
    let outcomes = stock::outcomes(body, &[update("a-tea-0000"), update("a-tea-0001/red")]).unwrap();
    assert_eq!(outcomes[0], Outcome::Applied { now: Some(4) });
    assert!(matches!(&outcomes[1], Outcome::Refused(refusal) if refusal.why == RefusedWhy::Other));
    assert!(stock::outcomes(body, &[update("a-tea-0000"), update("a-tea-0009")]).is_err());
    assert!(stock::outcomes(body, &[update("a-tea-0000")]).is_err());
}

#[test]
fn a_reading_without_a_figure_is_not_understood() {
    let keys = [ListingKey { key: "a-tea-0000".into(), handle: None }];
    assert!(stock::readings(include_bytes!("../tests/payloads/reading_without_a_figure.json"), &keys).is_err());
}

#[test]
fn a_list_is_read_without_what_some_items_lack_and_what_is_new() {
    let body = include_bytes!("../tests/payloads/list_with_new_fields_and_a_bare_item.json");
    let shelf = shop::shelf(body).unwrap();
    let (jan, title) = (Some("4900000000017".into()), Some("煎茶①「髙千穂」".into()));
    let full = Listed { key: "a-tea-0000".into(), code: None, jan, title };
    let bare = Listed { key: "a-tea-0001/red".into(), ..Listed::default() };
    assert_eq!((shelf.items, shelf.next.as_deref()), (vec![full, bare], Some("a-tea-0001/red")));
}

#[test]
fn a_shop_whose_key_never_ends_is_named_all_the_same() {
    let sheet = shop::account(include_bytes!("../tests/payloads/shop_without_an_end.json")).unwrap();
    assert_eq!((sheet.shop.as_str(), sheet.ends.len()), ("見本茶舗 a", 0));
}

/// The published example of HMAC-SHA256 for a key and a text of these kinds is RFC 4231's second.
#[test]
fn a_notice_is_believed_by_its_signature_alone() {
    let body: &[u8] = b"what do ya want for nothing?";
    let signature = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let told = |signature: &'static str, body: &[u8]| {
        let headers = HeaderMap::from_iter([("x-signature".parse().unwrap(), HeaderValue::from_static(signature))]);
        shop::hint(&Notice { headers: &headers, body }, b"Jefe")
    };
    assert!(told(signature, body).unwrap_err().contains("expected value"), "rightly signed, and no notification");
    for (signature, body) in [(&signature[..62], body), ("5g", body), ("", body), (signature, b"what do you want?")] {
        assert!(told(signature, body).unwrap_err().contains("sign"));
    }
    // HMAC-SHA256 of `{"what":"holiday"}` with the same key.
    let holiday = "382a6804bddff4939905e57289aa17d1dd5c399e687aa6ed7963f1f86082dec3";
    assert_eq!(told(holiday, br#"{"what":"holiday"}"#), Ok(Hint::Nothing));
}
