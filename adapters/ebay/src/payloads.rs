//! Composed bodies with the mall's oddities, one file per case, against what the readers make of them.

use std::{collections::HashMap, fmt::Write};

use jiff::Timestamp;
use uriba_sdk::{Page, Refusal, RefusedWhy};

use crate::{
    account, items,
    offers::{self, Standing},
    orders::{self, Search},
    stock::{self, Entry, Told},
};

macro_rules! payload {
    ($name:literal) => {
        include_bytes!(concat!("../tests/payloads/", $name, ".json")).as_slice()
    };
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn search(open_only: bool, token: Option<&str>) -> Search {
    let (from, to) = (at("2026-11-20T00:00:00.7654Z"), at("2026-11-20T01:00:00.1239Z"));
    Search::new(from, to, open_only, token, at("2026-11-20T02:00:00Z")).unwrap()
}

/// Orders as `1 TEA 2-0-0`: last digit of the id, and per line the key with what was ordered, cancelled and shipped.
fn told(page: &Page) -> String {
    let mut told = Vec::new();
    for order in &page.orders {
        let mut text = order.id[13..].to_owned();
        for line in &order.lines {
            let key = line.mall_key.as_deref().unwrap_or("?");
            write!(text, " {key} {}-{}-{}", line.ordered, line.cancelled, line.shipped).unwrap();
        }
        told.push(text);
    }
    told.join(", ")
}

#[test]
fn orders_are_what_their_statuses_and_their_cancel_say() {
    let cases = [
        (payload!("orders-refunded-but-not-cancelled"), "1 TEA 2-0-0, 2 TEA 2-0-0"),
        (payload!("orders-cancelled-in-both-spellings"), "1 TEA 2-2-0, 2 TEA 2-2-0 CUP 3-0-3, 3"),
        (payload!("orders-shipped-by-order-or-by-line"), "1 TEA 2-0-2, 2 TEA 2-0-2, 3 TEA 2-0-2 CUP 1-0-0"),
        (payload!("orders-status-unknown-or-absent"), "1 TEA 2-0-0, 2 TEA 2-0-0, 3 TEA 2-0-0"),
        (payload!("orders-line-without-sku-and-auction"), "1 ? 1-0-0 ? 1-0-0 TEA 1-0-0 VASE 1-0-0"),
        (payload!("orders-new-fields-and-nulls"), "1 TEA 1-0-0"),
    ];
    for (body, expected) in cases {
        let page = search(false, None).page(body).unwrap();
        assert_eq!(told(&page), expected);
        assert_eq!((page.unread.len(), page.heads.len(), page.next), (0, 0, None));
        assert_eq!(page.read_to, Some(at("2026-11-20T01:00:00.123Z")));
    }
}

#[test]
fn what_is_partly_shipped_needs_its_shipments() {
    let body = payload!("orders-partly-shipped-are-heads");
    let page = search(false, None).page(body).unwrap();
    assert_eq!(told(&page), "4 TEA 1-0-0");
    let ids: Vec<_> = page.heads.iter().map(|head| &head.id[13..]).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    let shipped = orders::shipped(payload!("shipments-in-several-parcels")).unwrap();
    assert_eq!(shipped, HashMap::from([("100000000001".into(), 2), ("100000000002".into(), 2)]));
    let lines = |row: usize| {
        let row = orders::rows(body).unwrap()[row];
        let order = orders::read(row).unwrap().canonical(&shipped).unwrap();
        order.lines.iter().map(|line| (line.ordered, line.shipped)).collect::<Vec<_>>()
    };
    assert_eq!(lines(0), [(3, 2)]);
    // A line that is done is done, whatever its parcels say; and none ships more than was ordered.
    assert_eq!(lines(2), [(3, 2), (1, 1)]);
    assert!(orders::shipped(br#"{"fulfillments":[],"total":0}"#).unwrap().is_empty());
}

#[test]
fn an_odd_order_hides_no_neighbour_and_no_person_shows() {
    let page = search(false, None).page(payload!("orders-odd-one-among-neighbours")).unwrap();
    assert_eq!(told(&page), "1 TEA 1-0-0, 9 TEA 1-0-0");
    let odd: Vec<_> = page
        .unread
        .iter()
        .map(|unread| (unread.order_id.as_deref().map_or("", |id| &id[13..]), unread.mall_keys.join(",")))
        .collect();
    let expected = [
        ("2", "CUP"),
        ("3", "POT"),
        ("4", "POT"),
        ("5", "POT"),
        ("6", ""),
        ("7", ""),
        ("8", "TEA"),
        ("", "TEA"),
        ("", ""),
    ];
    assert_eq!(odd, expected.map(|(id, keys)| (id, keys.to_owned())));
    assert_eq!(page.unread[0].what, "quantity is missing");
    assert!(page.unread.iter().all(|unread| !unread.redacted.contains("太郎") && !unread.redacted.contains("taro")));
    assert!(page.unread[0].redacted.contains("CUP"));
}

#[test]
fn times_are_instants_whatever_their_zone() {
    let page = search(false, None).page(payload!("orders-times-of-another-zone")).unwrap();
    let order = &page.orders[0];
    assert_eq!(order.placed_at.to_string(), "2026-11-30T23:59:59Z");
    assert_eq!(order.updated_at.unwrap().to_string(), "2026-12-01T00:00:00.25Z");
    assert_eq!(order.revision, Some(1_796_083_200_250));
}

#[test]
fn a_search_is_encoded_by_the_last_change_alone_and_its_end_is_frozen() {
    let window = "/sell/fulfillment/v1/order?filter=lastmodifieddate%3A%5B2026-11-20T00%3A00%3A00.000Z..\
                  2026-11-20T01%3A00%3A00.123Z%5D";
    assert_eq!(search(false, None).path(), format!("{window}&limit=200&offset=0"));
    let open = "%2Corderfulfillmentstatus%3A%7BNOT_STARTED%7CIN_PROGRESS%7D";
    assert_eq!(search(true, Some("400.1000")).path(), format!("{window}{open}&limit=200&offset=400"));
    // Beside creationdate eBay overlooks the time of the last change.
    assert!(!search(true, None).path().contains("creationdate"));
    for odd in ["", "400", "x.1", "1.x", "-1.5"] {
        assert!(
            Search::new(
                at("2026-11-20T00:00:00Z"),
                at("2026-11-20T01:00:00Z"),
                false,
                Some(odd),
                at("2026-11-20T02:00:00Z")
            )
            .is_err()
        );
    }
}

#[test]
fn offsets_over_a_set_that_shrinks_step_back_by_what_left() {
    let line = r#"{"lineItemId":"1","quantity":1}"#;
    let row = format!(r#"{{"orderId":"12-00000-00001","creationDate":"2026-11-20T00:10:00Z","lineItems":[{line}]}}"#);
    let rows = vec![row; 200].join(",");
    let page = |token: Option<&str>, total: &str, next: &str| {
        let body = format!(r#"{{"orders":[{rows}]{total}{next}}}"#);
        search(false, token).page(body.as_bytes()).unwrap().next
    };
    assert_eq!(page(None, r#","total":450"#, r#","next":"x""#).as_deref(), Some("200.450"));
    assert_eq!(page(Some("200.450"), r#","total":450"#, r#","next":"x""#).as_deref(), Some("400.450"));
    assert_eq!(page(Some("200.450"), r#","total":447"#, r#","next":"x""#).as_deref(), Some("197.447"));
    // Even where what is left ends with this page.
    assert_eq!(page(Some("200.450"), r#","total":400"#, "").as_deref(), Some("150.400"));
    assert_eq!(page(Some("150.400"), r#","total":400"#, r#","next":"x""#).as_deref(), Some("350.400"));
    assert_eq!(page(Some("200.400"), r#","total":400"#, ""), None);
    // Without a total, `next` alone counts.
    assert_eq!(page(None, "", r#","next":"x""#).as_deref(), Some("200.200"));
    assert_eq!(page(None, "", ""), None);
    assert!(search(false, None).page(br#"{"orders":[],"total":9,"next":"x"}"#).is_err());
}

#[test]
fn what_is_no_answer_is_said_to_be_none() {
    let deep = format!("{{\"orders\":{}", "[".repeat(1_000_000));
    let many = format!("{{\"orders\":[{}1]}}", "1,".repeat(3_000));
    for body in
        [b"".as_slice(), b"{}", b"[]", b"null", b"<html>", b"{\"orders\":[\"\xff\"]}", deep.as_bytes(), many.as_bytes()]
    {
        assert!(search(false, None).page(body).is_err());
        assert!(orders::rows(body).is_err() && orders::shipped(body).is_err());
        assert!(stock::told(body, true, &[]).is_err() && !stock::tells_by_entry(body));
        assert!(
            offers::read(body).is_err() && items::totals(body, &["TEA"]).is_err() && items::shelf(body, 0).is_err()
        );
        assert!(account::seller(body).is_err() && account::left(body).is_err());
        assert!(account::keeps_listings_at_zero(body).is_err());
    }
    assert!(orders::row(b"[]").is_err() && orders::row(b"").is_err());
}

fn entries(skus: &[(&str, &str)]) -> Vec<Entry> {
    let entry = |(index, (sku, offer)): (usize, &(&str, &str))| Entry {
        index,
        sku: (*sku).into(),
        quantity: 5,
        offers: vec![(*offer).into()],
        fresh: false,
        again: false,
    };
    skus.iter().enumerate().map(entry).collect()
}

#[test]
fn a_write_names_both_levels() {
    let body: serde_json::Value = serde_json::from_slice(&stock::body(&entries(&[("緑茶", "80001")]))).unwrap();
    let request = serde_json::json!({
        "sku": "緑茶", "shipToLocationAvailability": { "quantity": 5 },
        "offers": [{ "offerId": "80001", "availableQuantity": 5 }],
    });
    assert_eq!(body, serde_json::json!({ "requests": [request] }));
}

#[test]
fn a_write_is_applied_when_every_entry_says_so() {
    let two = entries(&[("TEA", "80001"), ("CUP", "80002")]);
    for all_well in [true, false] {
        for body in [payload!("update-every-entry-of-two-levels"), payload!("update-entries-of-offers-only")] {
            assert_eq!(stock::told(body, all_well, &two).unwrap(), [Told::Applied, Told::Applied]);
        }
    }
    // Nobody spoke of this offer: only an answer that is good as a whole counts for it.
    let other = entries(&[("TEA", "80009")]);
    let body = payload!("update-every-entry-of-two-levels");
    assert_eq!(stock::told(body, true, &other).unwrap(), [Told::Applied]);
    assert_eq!(stock::told(body, false, &other).unwrap(), [Told::Unknown]);
    // Nor of this SKU.
    assert_eq!(stock::told(body, true, &entries(&[("POT", "80003")])).unwrap(), [Told::Unknown]);
}

#[test]
fn an_entry_that_does_not_add_up_is_unknown() {
    let odd = entries(&[
        ("LEVELS", "80001"),
        ("SYSTEM", "80002"),
        ("NOSTATUS", "80003"),
        ("BOTH", "80004"),
        ("REDIRECT", "80005"),
    ]);
    let told = stock::told(payload!("update-mixed-levels-and-odd-statuses"), false, &odd).unwrap();
    assert!(told.iter().all(|told| *told == Told::Unknown), "{told:?}");
}

#[test]
fn a_refusal_says_what_to_do() {
    let all = entries(&[
        ("GONE", "80001"),
        ("PLAIN", "80002"),
        ("CAP", "80003"),
        ("AUCTION", "80004"),
        ("VALUE", "80005"),
        ("USER", "80006"),
        ("BARE", "80007"),
        ("FAST", "80008"),
    ]);
    let told = stock::told(payload!("update-refused-for-every-reason"), false, &all).unwrap();
    let refusal = |n: usize| -> &Refusal {
        match &told[n] {
            Told::Refused(refusal) | Told::RefusedBesideOthers(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    use RefusedWhy::{Busy, NoSuchItem, NotOurs, Other};
    let why: Vec<_> = (0..all.len()).map(|n| refusal(n).why).collect();
    assert_eq!(why, [NoSuchItem, NoSuchItem, Busy, NotOurs, Other, Other, Other, Busy]);
    assert!(refusal(0).message.contains("Trading API") && refusal(2).message.contains("250 times"));
    assert_eq!(refusal(4).code.as_deref(), Some("25709"));
    assert_eq!(refusal(6).message, "refused with status 400 and no reason");
    // The code for any error of a user may also stand for "one SKU per call": alone it is what it is.
    assert!(matches!(told[5], Told::RefusedBesideOthers(_)));
    let alone = stock::told(payload!("update-refused-for-every-reason"), false, &all[5..6]).unwrap();
    assert!(matches!(alone[0], Told::Refused(_)));
}

#[test]
fn offers_are_told_apart_by_format_and_standing() {
    let found = offers::read(payload!("offers-one-of-each-kind")).unwrap();
    let standing = offers::standing(&found);
    assert_eq!(standing, Standing::Offered(vec!["80001".into(), "80005".into()]));
    assert_eq!(offers::handle(&standing).as_deref(), Some("80001,80005"));
    assert_eq!(offers::of_handle(Some("80001,80005")), Some(standing));
    assert_eq!(offers::standing(&found[1..4]), Standing::Auction);
    assert_eq!(offers::standing(&found[2..4]), Standing::Unlisted);
    assert_eq!(offers::handle(&Standing::Unlisted), None);
    let quantity = |total, found| items::counter(total, found).quantity;
    assert_eq!(quantity(9, &found), Some(7), "the offer's is smaller");
    assert_eq!(quantity(3, &found), Some(3), "the item's is smaller");
    assert_eq!(quantity(3, &found[4..]), Some(3), "an offer without a figure");
    assert_eq!(quantity(3, &found[2..4]), Some(0), "nothing of it is on sale");
    assert!(items::counter(1, &found[1..4]).not_ours);
    assert!(!items::counter(1, &found).not_ours);
    assert!(offers::read(br#"{"offers":[{"offerId":"80001","availableQuantity":-1}]}"#).is_err());
    assert!(offers::read(br#"{"offers":[{"offerId":"8,1"}]}"#).is_err());
}

#[test]
fn records_are_found_missing_or_failed() {
    let skus = ["TEA", "CUP", "BARE", "GONE", "LOST"];
    let totals = items::totals(payload!("items-found-and-not"), &skus).unwrap();
    assert_eq!(totals.known, HashMap::from([("TEA".into(), 7), ("CUP".into(), 0), ("BARE".into(), 0)]));
    assert_eq!(totals.failed, None);
    assert!(items::totals(payload!("items-found-and-not"), &["TEA", "ABSENT"]).is_err());
    let totals = items::totals(payload!("items-one-that-failed"), &["TEA", "CUP"]).unwrap();
    assert_eq!(totals.failed.as_deref(), Some("status 500 for one SKU: A system error"));
}

#[test]
fn the_catalogue_takes_what_is_a_code_and_skips_what_has_no_sku() {
    let shelf = items::shelf(payload!("catalogue-codes-of-every-kind"), 4).unwrap();
    let told: Vec<_> = shelf.items.iter().map(|item| (item.key.as_str(), item.jan.as_deref())).collect();
    let expected = [("TEA", Some("4900000000016")), ("CUP", Some("012345678905")), ("POT", None), ("BARE", None)];
    assert_eq!(told, expected);
    assert_eq!((shelf.items[0].title.as_deref(), shelf.next.as_deref()), (Some("煎茶"), Some("5")));
    assert_eq!(items::shelf(br#"{"total":0}"#, 0).unwrap(), uriba_sdk::Shelf::default());
}

#[test]
fn the_scarcest_number_of_each_api_counts() {
    let left = account::left(payload!("rates-of-several-apis")).unwrap();
    let told: Vec<_> = left.iter().map(|one| (one.quota, one.remaining)).collect();
    assert_eq!(told, [("inventory", 43_200), ("fulfillment", 0)]);
    let now = at("2026-11-20T02:00:00Z");
    assert!((left[0].per_second(now) - 2.0).abs() < 1e-9, "43,200 for six hours");
    assert!((left[0].per_second(at("2026-11-20T07:59:59Z")) - 5.0).abs() < 1e-9, "never faster than the card");
    assert!(left[1].per_second(now) > 0.0);
}
