//! The pure readers over the bodies in `tests/payloads`, one file per oddity.

use uriba_sdk::{Counter, Family, Line, Outcome, Refusal, RefusedWhy, Restored, Update, Write, mall::ListingKey};

use crate::{orders, search, stock};

const ID: &str = "chaya-10000007";

fn payload(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/payloads/{name}.xml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn order(name: &str) -> uriba_sdk::Order {
    match orders::read(&payload(name), ID).unwrap() {
        orders::Reading::Order(order) => order,
        other => panic!("{name}: {other:?}"),
    }
}

fn line(id: &str, key: &str, ordered: u32) -> Line {
    Line {
        id: id.into(),
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
fn a_plain_order_is_read() {
    let order = order("order-plain");
    assert_eq!(order.lines, [Line { original: Some(3), ..line("1", "tea-01:tea-01-a", 2) }, line("2", "cup-02", 1)]);
    assert_eq!(order.placed_at.to_string(), "2026-11-21T01:15:00Z");
    assert_eq!(order.updated_at.unwrap().to_string(), "2026-11-21T01:20:30Z");
    assert_eq!(order.revision, Some(order.updated_at.unwrap().as_second()));
    assert_eq!(order.family, None);
}

#[test]
fn unknown_states_and_new_fields_do_not_break_an_order() {
    let order = order("order-times-without-offset-unknown-status-new-fields");
    assert_eq!(order.lines, [line("1", "tea-01", 2)], "an unknown state holds stock");
    assert_eq!(order.placed_at.to_string(), "2026-11-21T01:15:00Z");
    assert_eq!(order.updated_at.unwrap().to_string(), "2026-11-21T01:20:30Z");
}

#[test]
fn what_left_has_left_at_the_end_of_that_day() {
    let shipped_at = "2026-11-30T14:59:59Z".parse().ok();
    let left = Line { shipped: 2, ..line("1", "tea-01", 2) };
    assert_eq!(order("order-shipped-with-a-date-only").lines, [Line { shipped_at, ..left.clone() }]);
    assert_eq!(order("order-cancelled-after-it-left").lines, [left]);
}

#[test]
fn a_cancel_and_a_split_are_told_apart() {
    let cancelled = Line { cancelled: 2, ..line("1", "tea-01", 2) };
    assert_eq!(order("order-cancelled").lines, std::slice::from_ref(&cancelled));
    assert_eq!(order("order-cancelled").family, None);

    let replaced = order("order-replaced-by-two-in-a-split");
    assert_eq!(replaced.lines, [Line { original: Some(5), ..line("1", "tea-01", 0) }]);
    assert_eq!(replaced.family, Some(Family { id: ID.into(), original: true }));

    let child = order("order-child-that-carries-the-split-flag");
    assert_eq!(child.lines, [cancelled]);
    assert_eq!(child.family, Some(Family { id: "chaya-10000001".into(), original: false }));
}

#[test]
fn what_cannot_be_read_is_kept_without_people() {
    let table = [
        ("unread-quantity-missing", "Quantity of line 2 is missing", vec!["tea-01", "cup-02:red"]),
        ("unread-time-odd", "OrderTime is odd: last Tuesday", vec!["tea-01"]),
        ("unread-no-lines", "Item is missing", vec![]),
        ("unread-a-line-twice", "LineId (twice) is odd: 1", vec!["tea-01", "tea-01"]),
    ];
    for (name, what, keys) in table {
        let orders::Reading::Unread(unread) = orders::read(&payload(name), ID).unwrap() else { panic!("{name}") };
        assert_eq!((unread.order_id.as_deref(), unread.what.as_str()), (Some(ID), what));
        assert_eq!(unread.mall_keys, keys);
        assert!(unread.redacted.contains(ID) && !unread.redacted.contains("hanako"), "{}", unread.redacted);
    }
}

#[test]
fn an_absurd_quantity_makes_an_order_unread() {
    let plain = String::from_utf8(payload("order-cancelled")).unwrap();
    for quantity in ["-1", "1.5", "1000000000", "99999999999999999999", "２", "two", "+-3"] {
        let body = plain.replace("<Quantity>2<", &format!("<Quantity>{quantity}<"));
        let reading = orders::read(body.as_bytes(), ID).unwrap();
        assert!(matches!(reading, orders::Reading::Unread(_)), "{quantity}: {reading:?}");
    }
}

#[test]
fn an_answer_about_something_else_is_no_order() {
    let plain = payload("order-plain");
    assert!(orders::read(&plain, "chaya-10000008").is_err());
    assert!(orders::read(&plain[..plain.len() / 2], ID).is_err());
    assert!(orders::read(b"<Error><Message>x</Message></Error>", ID).is_err());
    let empty = b"<ResultSet><Result><Status>OK</Status></Result></ResultSet>";
    assert_eq!(orders::read(empty, ID), Ok(orders::Reading::Nothing));
}

#[test]
fn an_odd_row_does_not_hide_its_neighbours() {
    let rows = search::read(&payload("list-with-a-row-without-id")).unwrap();
    let ids: Vec<&str> = rows.heads.iter().map(|head| head.id.as_str()).collect();
    assert_eq!((rows.total, ids), (4, vec!["chaya-10000001", "chaya-10000003"]));
    assert_eq!(rows.heads[0].revision, rows.heads[0].placed_at.map(|at| at.as_second() + 9));
    assert_eq!(rows.heads[1].placed_at, None);
    assert_eq!(rows.unread.len(), 1);
    assert!(!rows.unread[0].redacted.contains("Hanako"));
    for body in ["<Result><Status>NG</Status></Result>", "<Result><Search/></Result>", "<Error/>", "[]"] {
        assert!(search::read(body.as_bytes()).is_err(), "{body}");
    }
}

fn update(key: &str, write: Write) -> Update {
    Update { key: key.into(), handle: None, write }
}

fn whys(outcomes: &[Outcome]) -> Vec<Result<Option<i64>, Option<RefusedWhy>>> {
    let why = |outcome: &Outcome| match outcome {
        Outcome::Applied { now } => Ok(*now),
        Outcome::Refused(Refusal { why, .. }) => Err(Some(*why)),
        _ => Err(None),
    };
    outcomes.iter().map(why).collect()
}

#[test]
fn a_push_in_part_gives_each_update_its_own_outcome() {
    let updates = [
        update("tea-01:tea-01-a", Write::Relative(-1)),
        update("cup-02", Write::Absolute(3)),
        update("pot-03", Write::Relative(5)),
        update("jar-04", Write::Relative(-9)),
        update("mat-05", Write::Absolute(0)),
        update("box-06", Write::Absolute(0)),
        update("cap-10", Write::Relative(1)),
        update("bag-11", Write::Absolute(1)),
        update("not-in-the-answer", Write::Absolute(1)),
        update("low-07", Write::Absolute(-1)),
        update("high-08", Write::Relative(1_000_000_000)),
        update("cup-02", Write::Absolute(4)),
        update("cas-09", Write::CompareAndSet { from: 1, to: 2 }),
    ];
    let push = stock::Push::new(&updates);
    let (codes, quantities) = push.form().unwrap();
    assert_eq!(codes, "tea-01:tea-01-a,cup-02,pot-03,jar-04,mat-05,box-06,cap-10,bag-11,not-in-the-answer");
    assert_eq!(quantities, "-1,3,+5,-9,0,0,+1,1,1");
    let outcomes = push.read(&payload("stock-written-in-part")).unwrap();
    assert_eq!(
        whys(&outcomes),
        [
            Ok(Some(7)),
            Err(Some(RefusedWhy::Busy)),
            Ok(None),
            Err(Some(RefusedWhy::BelowZero)),
            Err(Some(RefusedWhy::Other)),
            Err(None),
            Err(None),
            Ok(None),
            Err(None),
            Err(Some(RefusedWhy::OutOfRange)),
            Err(Some(RefusedWhy::OutOfRange)),
            Err(Some(RefusedWhy::Busy)),
            Err(Some(RefusedWhy::Other)),
        ]
    );
}

#[test]
fn stock_is_read_by_key_whatever_the_case() {
    let keys = ["cup-02", "tea-01:tea-01-a", "pot-03", "jar-04", "not-in-the-answer"];
    let keys = keys.map(|key| ListingKey { key: key.into(), handle: None });
    let readings = stock::read(&payload("stock-read-with-an-unlimited-and-an-unknown-item"), &keys).unwrap();
    let counter = |quantity, sells_past_zero| Some(Counter { quantity, sells_past_zero, not_ours: false });
    let found: Vec<_> = readings.iter().map(|reading| reading.found).collect();
    assert_eq!(found, [counter(None, false), counter(Some(12), true), None, counter(Some(-2), false), None]);
    assert_eq!(readings[1].key, "tea-01:tea-01-a");
    for body in ["<Result/>", "<ResultSet><Result><ItemCode>cup-02</ItemCode><Status>1</Status></Result></ResultSet>"] {
        assert!(stock::read(body.as_bytes(), &keys).is_err(), "{body}");
    }
}

#[test]
fn keys_are_normalised_in_case_and_width() {
    let resolved = |given: &str| stock::resolve(given).key;
    let key = |key: &str| Ok(ListingKey { key: key.into(), handle: None });
    assert_eq!(resolved("tea-01"), key("tea-01"));
    assert_eq!(resolved(" Tea-01:RED "), key("tea-01:red"));
    assert_eq!(resolved("ＴＥＡ－０１：red"), key("tea-01:red"));
    for given in ["", ":", "tea:", ":red", "a:b:c", "te a", "お茶", "a,b", "a_b", &"x".repeat(100)] {
        assert!(resolved(given).is_err(), "{given}");
    }
}
