//! The pure readers over the bodies in `tests/payloads`, one file per oddity, and the round trip of any order.

use uriba_sdk::{
    Counter, Line, Order, Outcome, Refusal, RefusedWhy, Resolved, Restored, Update, Write, mall::ListingKey,
};

use crate::{
    keys::{CHOICES, Directory, ITEM, Place, kind_of},
    orders, stock,
};

const ID: &str = "500000007";

fn payload(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/payloads/{name}.xml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn all(name: &str) -> Vec<Order> {
    let rows = orders::read(&payload(name)).unwrap();
    assert_eq!(rows.unread, [], "{name}");
    rows.orders
}

fn order(name: &str) -> Order {
    let mut orders = all(name);
    assert_eq!(orders.len(), 1, "{name}");
    assert_eq!((orders[0].id.as_str(), orders[0].placed_at.to_string().as_str()), (ID, "2026-11-21T01:15:00Z"));
    orders.remove(0)
}

fn line(id: u32, key: &str, ordered: u32) -> Line {
    Line {
        id: (700_000_000 + id).to_string(),
        mall_key: Some(key.into()),
        ordered,
        cancelled: 0,
        shipped: 0,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    }
}

#[test]
fn a_plain_order_is_read_without_its_people() {
    let order = order("order-plain");
    assert_eq!(order.lines, [line(1, "cup01-wt", 2), line(2, "tea01", 1)]);
    assert_eq!((order.family, order.revision, order.updated_at), (None, None, None));
}

#[test]
fn gotcha_7_element_order_and_empty_elements_vary() {
    assert_eq!(order("order-with-empty-elements-in-another-order").lines, order("order-plain").lines);
    let shelf = stock::read(&payload("stock-with-both-spellings-of-an-unused-axis")).unwrap();
    let figure = |item: &str, handle: &str| {
        let row = shelf.rows.iter().find(|row| row.item == item).unwrap();
        let found = stock::counter(row, &Place::of("", Some(handle))).unwrap();
        found.map(|counter: Counter| counter.quantity.unwrap())
    };
    for spelling in ["cup01\t-wt\t-", "cup01\t-wt\t"] {
        assert_eq!(figure("cup01", spelling), Some(3));
    }
    for spelling in ["cup01\t-bk\t-", "cup01\t-bk\t"] {
        assert_eq!(figure("cup01", spelling), Some(4));
    }
    for spelling in ["cup01\t-\t-gr", "cup01\t\t-gr"] {
        assert_eq!(figure("cup01", spelling), Some(6));
    }
    assert_eq!((figure("mat02", "mat02\t-l\t-red"), figure("tea01", "tea01")), (Some(0), Some(5)));
    for gone in ["cup01", "cup01\t-xx\t", "cup01\t-gr\t"] {
        assert_eq!(figure("cup01", gone), None, "{gone}");
    }
    assert_eq!(figure("tea01", "tea01\t-wt\t"), None, "a plain item has no choices");
}

#[test]
fn gotcha_6_a_status_of_the_shop_holds_its_stock() {
    assert_eq!(order("order-in-a-status-of-the-shop-with-new-fields").lines, [line(1, "cup01-wt", 2)]);
    assert_eq!(order("order-without-a-status").lines, [line(1, "cup01-wt", 2)]);
    let plain = String::from_utf8(payload("order-in-a-status-of-the-shop-with-new-fields")).unwrap();
    for status in orders::OPEN.iter().chain(&["キャンセル待ち", "完了前", " ", "&amp;"]) {
        let rows = orders::read(plain.replace("取り寄せ中", status).as_bytes()).unwrap();
        assert_eq!(rows.orders[0].lines, [line(1, "cup01-wt", 2)], "{status}");
    }
}

#[test]
fn what_is_paid_after_shipping_is_open_until_it_has_a_date() {
    let orders = all("orders-paid-after-shipping");
    let shipped = |at: &str| Line { shipped: 2, shipped_at: at.parse().ok(), ..line(1, "cup01-wt", 2) };
    assert_eq!(orders[0].lines, [line(1, "cup01-wt", 2)]);
    assert_eq!(orders[1].lines, [shipped("2026-11-22T14:59:59Z")]);
    assert_eq!(orders[2].lines, [shipped("2026-11-23T14:59:59Z")]);
}

#[test]
fn a_cancel_before_and_after_the_goods_left_are_told_apart() {
    let orders = all("orders-cancelled-before-and-after-they-left");
    let cancelled = Line { cancelled: 2, ..line(1, "cup01-wt", 2) };
    let left = Line { shipped: 2, shipped_at: "2026-11-22T09:30:00Z".parse().ok(), ..line(1, "cup01-wt", 2) };
    let lines: Vec<_> = orders.iter().map(|order| order.lines[0].clone()).collect();
    assert_eq!(lines, [cancelled.clone(), left, cancelled, line(1, "cup01-wt", 2)]);
    assert_eq!(order("order-done-without-a-date").lines, [Line { shipped: 2, ..line(1, "cup01-wt", 2) }]);
}

#[test]
fn a_word_that_nobody_has_seen_frees_no_line() {
    let order = order("order-with-a-cancelled-line");
    assert_eq!(order.lines, [line(1, "cup01-wt", 2), line(2, "tea01", 1)]);
}

#[test]
fn hyphens_in_a_row_count_as_one_and_those_at_the_end_as_none() {
    let lines = order("order-with-both-axes-and-doubled-hyphens").lines;
    let keys: Vec<_> = lines.iter().filter_map(|line| line.mall_key.as_deref()).collect();
    assert_eq!(keys, ["cup01-wt", "cup01-bk", "mat02-l-red"]);
}

#[test]
fn what_cannot_be_read_is_kept_without_people_and_hides_no_neighbour() {
    let table = [
        ("unread-unit-missing", "unit of line 700000002 is missing", vec!["cup01-wt", "tea01"]),
        ("unread-time-odd", "orderDate is odd: 昨日", vec!["cup01-wt"]),
        ("unread-a-date-alone", "orderDate is odd: 2026/11/21", vec!["cup01-wt"]),
        ("unread-no-lines", "detail is missing", vec![]),
        ("unread-a-line-twice", "orderDetailId (twice) is odd: 700000001", vec!["cup01-wt", "cup01-wt"]),
    ];
    for (name, what, keys) in table {
        let rows = orders::read(&payload(name)).unwrap();
        assert_eq!((rows.ids.len(), rows.orders.len(), rows.unread.len()), (2, 1, 1), "{name}");
        let unread = &rows.unread[0];
        assert_eq!((unread.order_id.as_deref(), unread.what.as_str()), (Some(ID), what));
        assert_eq!(unread.mall_keys, keys);
        assert!(unread.redacted.contains(ID) && !unread.redacted.contains("hanako"), "{}", unread.redacted);
    }
    let rows = orders::read(&payload("rows-without-id-and-twice")).unwrap();
    assert_eq!((rows.ids.len(), rows.orders.len(), rows.unread.len(), rows.len()), (1, 1, 2, 3));
    let plain = String::from_utf8(payload("order-done-without-a-date")).unwrap();
    for unit in ["-1", "1.5", "1000001", "99999999999999999999", "２", "two", "+-3"] {
        let rows = orders::read(plain.replace("<unit>2<", &format!("<unit>{unit}<")).as_bytes()).unwrap();
        assert_eq!((rows.orders.len(), rows.unread.len()), (0, 1), "{unit}");
    }
}

#[test]
fn nothing_found_is_told_apart_from_no_answer() {
    let nothing = orders::read(&payload("nothing-found")).unwrap();
    assert_eq!((nothing.len(), nothing.count), (0, Some(0)));
    assert_eq!(stock::read(&payload("stock-nothing-found")).unwrap().rows, []);
    for body in [
        payload("refused-with-several-codes"),
        payload("order-plain")[..300].to_vec(),
        b"<response><resultCount>0</resultCount></response>".to_vec(),
        b"<response><result><status>2</status></result></response>".to_vec(),
        b"<response><result><status>0</status></result></response>".to_vec(),
        b"{}".to_vec(),
    ] {
        assert!(orders::read(&body).is_err(), "{}", String::from_utf8_lossy(&body));
        assert!(stock::read(&body).is_err());
    }
}

#[test]
fn a_figure_that_is_none_is_never_taken_for_one() {
    let shelf = stock::read(&payload("stock-with-a-figure-that-is-none")).unwrap();
    let counter = |row: usize, handle: &str| stock::counter(&shelf.rows[row], &Place::of("", Some(handle)));
    assert!(counter(0, "tea01").is_err());
    assert!(counter(1, "cup01\t-wt\t").is_err());
    assert_eq!(counter(1, "cup01\t-bk\t").unwrap().unwrap().quantity, Some(2));
}

fn directory(name: &str) -> Directory {
    let mut directory = Directory::default();
    stock::read(&payload(name)).unwrap().rows.iter().for_each(|row| directory.add(row));
    directory
}

fn handle(resolved: Resolved) -> Result<Option<String>, String> {
    resolved.key.map(|listing: ListingKey| listing.handle)
}

#[test]
fn a_word_is_taken_apart_by_the_shops_own_list() {
    let directory = directory("stock-with-both-spellings-of-an-unused-axis");
    for (given, expected) in [
        ("tea01", "tea01"),
        ("ＴＥＡ01", "tea01"),
        (" CUP01-WT ", "cup01\t-wt\t-"),
        ("cup01-bk", "cup01\t-bk\t"),
        ("cup01--gr", "cup01\t\t-gr"),
        ("mat02-L-Red", "mat02\t-l\t-red"),
    ] {
        let expected = expected.to_owned();
        let kind = if expected.contains('\t') { CHOICES } else { ITEM };
        assert_eq!(kind_of("", Some(&expected)), kind);
        assert_eq!(handle(directory.resolve(given)), Ok(Some(expected)), "{given}");
    }
    assert_eq!(handle(directory.resolve("not-there")), Ok(None));
    let choices = handle(directory.resolve("cup01")).unwrap_err();
    assert!(choices.contains("cup01-wt, cup01-bk, cup01-gr"), "{choices}");
    for given in ["", " ", "-", "te a01", "tea\t01", &"x".repeat(601)] {
        assert!(directory.resolve(given).key.is_err(), "{given:?}");
    }
}

#[test]
fn words_that_could_be_two_listings_are_refused_by_name() {
    let directory = directory("stock-with-codes-that-make-the-same-word");
    let two_choices = handle(directory.resolve("cup-a-b")).unwrap_err();
    assert!(two_choices.contains("cup with \"-a\" and \"-b\"; or cup with \"-a-b\" and \"-\""), "{two_choices}");
    let item_and_choice = handle(directory.resolve("cup-c")).unwrap_err();
    assert!(item_and_choice.contains("the item cup-c without choices"), "{item_and_choice}");
    assert_eq!(handle(directory.resolve("tea01")), Ok(Some("tea01".into())), "others are left alone");
}

fn update(key: &str, handle: &str, write: Write) -> Update {
    Update { key: key.into(), handle: Some(handle.into()), write }
}

#[test]
fn several_choices_of_an_item_go_into_one_entry_and_each_update_has_its_own_outcome() {
    let updates = [
        update("cup01-wt", "cup01\t-wt\t-", Write::Absolute(3)),
        update("tea01", "tea01", Write::Absolute(7)),
        update("gone02", "gone02", Write::Absolute(1)),
        update("cup01-bk", "cup01\t-bk\t", Write::Absolute(0)),
        update("mat02-l-red", "mat02\t-l\t-red", Write::Absolute(999)),
        update("quiet03", "quiet03", Write::Absolute(1)),
        update("tea01", "tea01", Write::Absolute(8)),
        update("mat02", "mat02", Write::Absolute(1)),
        update("low", "low", Write::Absolute(-1)),
        update("high", "high", Write::Absolute(1_000)),
        update("more", "more", Write::Relative(1)),
    ];
    let push = stock::Push::new(&updates);
    let items: Vec<_> = push.requests(50).flatten().collect();
    assert_eq!(items.len(), 5);
    let bodies: Vec<_> = push.requests(2).map(|items| stock::request(items, "10000000")).collect();
    assert_eq!(bodies.len(), 3);
    assert_eq!(
        bodies[0],
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><request><shopId>10000000</shopId>\
         <stockUpdateItem><itemCode>cup01</itemCode><stockSegment>2</stockSegment>\
         <choicesStocks><choicesStockHorizontalCode>-wt</choicesStockHorizontalCode>\
         <choicesStockVerticalCode>-</choicesStockVerticalCode><choicesStockCount>3</choicesStockCount></choicesStocks>\
         <choicesStocks><choicesStockHorizontalCode>-bk</choicesStockHorizontalCode>\
         <choicesStockVerticalCode></choicesStockVerticalCode><choicesStockCount>0</choicesStockCount></choicesStocks>\
         </stockUpdateItem>\
         <stockUpdateItem><itemCode>tea01</itemCode><stockSegment>1</stockSegment><stockCount>7</stockCount>\
         </stockUpdateItem></request>"
    );
    let told =
        push.requests(50).map(|items| stock::written(&payload("written-in-part"), items).unwrap()).next().unwrap();
    let words = push.settled(told).into_iter().map(|outcome| match outcome {
        Outcome::Applied { now: None } => "applied".to_owned(),
        Outcome::Unknown => "unknown".to_owned(),
        Outcome::Refused(Refusal { why, code, .. }) => format!("{why:?} {}", code.unwrap_or_default()),
        other => panic!("{other:?}"),
    });
    let other = format!("{:?} ", RefusedWhy::Other);
    let expected = [
        "unknown",
        "applied",
        "Other PME0099",
        "unknown",
        "applied",
        "unknown",
        "Busy ",
        "Busy ",
        "OutOfRange ",
        "OutOfRange ",
        other.as_str(),
    ];
    assert_eq!(words.collect::<Vec<_>>(), expected);
}

#[test]
fn an_answer_that_tells_of_no_item_tells_nothing() {
    let updates = [update("tea01", "tea01", Write::Absolute(7))];
    let push = stock::Push::new(&updates);
    let items = push.requests(50).next().unwrap();
    for body in ["nothing-found", "refused-with-several-codes"] {
        assert!(stock::written(&payload(body), items).is_err(), "{body}");
    }
}
