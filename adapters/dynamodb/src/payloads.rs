//! Bodies with oddities, one file each in `tests/payloads`, named by what is odd in them.

use uriba_sdk::{FulfilledBy, Line, Order, Page, Query, Restored, Settings, Span};

use crate::{layout::Layout, search};

fn layout(options: &[(&str, &str)]) -> Layout {
    let options = options.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Layout::of(&Settings { options, ..Settings::default() }).unwrap()
}

fn read(name: &str) -> Page {
    read_as(&layout(&[]), name)
}

fn read_as(layout: &Layout, name: &str) -> Page {
    let body = std::fs::read(format!("{}/tests/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let at = "2026-11-20T01:00:00Z".parse().unwrap();
    let query = Query { span: Span::Window { from: at, to: at }, open_only: false, token: None };
    search::page(layout, search::page_of(layout, &query).unwrap(), &body).unwrap()
}

fn order(id: &str, lines: Vec<Line>) -> Order {
    Order {
        id: id.into(),
        family: None,
        revision: None,
        placed_at: "2026-11-20T01:00:00Z".parse().unwrap(),
        updated_at: None,
        fulfilled_by: FulfilledBy::Seller,
        lines,
    }
}

fn line(id: &str, key: Option<&str>, ordered: u32) -> Line {
    Line {
        id: id.into(),
        mall_key: key.map(str::to_owned),
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
fn what_is_new_or_absent_does_not_break_an_order() {
    let page = read("page-with-new-attributes-and-an-unknown-state");
    let shipped_at = "2026-11-20T01:04:00Z".parse().ok();
    let read_line =
        Line { cancelled: 1, shipped: 1, restored: Restored::Yes, shipped_at, ..line("1", Some("緑茶/小"), 3) };
    let updated_at = "2026-11-20T01:05:00.25Z".parse().ok();
    assert_eq!(page.orders, [Order { revision: Some(3), updated_at, ..order("W1001", vec![read_line]) }]);
    let bare = read("page-with-a-bare-row");
    let updated_at = "2026-11-20T01:00:00Z".parse().ok();
    assert_eq!(bare.orders, [Order { updated_at, ..order("W1001", vec![line("1", None, 3), line("2", None, 1)]) }]);
    assert!(page.unread.is_empty() && bare.unread.is_empty() && page.next.is_none());
}

#[test]
fn a_state_speaks_for_the_units_that_no_line_accounts_for() {
    let cancelled = vec![
        Line { shipped: 1, cancelled: 2, restored: Restored::Yes, ..line("1", Some("tea"), 3) },
        Line { cancelled: 2, restored: Restored::No, ..line("2", Some("cup"), 2) },
    ];
    let shipped_at = "2026-11-20T01:05:00Z".parse().ok();
    let shipped = vec![
        Line { cancelled: 1, shipped: 2, restored: Restored::Yes, shipped_at, ..line("1", Some("tea"), 3) },
        Line { cancelled: 2, restored: Restored::Yes, ..line("2", Some("cup"), 2) },
    ];
    let page = read("page-with-a-cancelled-and-a-shipped-row");
    assert_eq!(page.orders, [order("W1001", cancelled), order("W1002", shipped)]);

    // A storefront with words of its own.
    let own = layout(&[("cancelled_states", "void, refunded"), ("shipped_states", "cancelled")]);
    let page = read_as(&own, "page-with-a-cancelled-and-a-shipped-row");
    assert!(page.orders[0].lines.iter().all(|line| line.shipped == line.ordered), "{:?}", page.orders[0]);
    assert_eq!(page.orders[1].lines[0].unshipped(), 2, "an unknown word holds");
}

#[test]
fn a_row_that_makes_no_sense_is_set_apart_without_the_buyer() {
    let odd = [
        ("row-without-quantity", "line 2: quantity is missing"),
        ("row-with-negative-quantity", "line 2: quantity is odd: -2"),
        ("row-with-half-a-unit", "line 2: quantity is odd: 1.5"),
        ("row-with-quantity-as-text", "line 2: quantity is no number"),
        ("row-with-more-shipped-than-ordered", "line 2: 2 units, 1 cancelled, 2 shipped"),
        ("row-with-a-line-that-is-no-map", "line 2 is no map"),
        ("row-with-a-line-twice", "line 1 is there twice"),
        ("row-without-any-time", "neither time is there"),
    ];
    for (name, what) in odd {
        let page = read(name);
        assert_eq!(page.orders, [order("W1001", vec![line("1", Some("tea"), 1)])], "{name}: its neighbour is read");
        let [unread] = page.unread.as_slice() else { panic!("{name}: {:?}", page.unread) };
        assert_eq!((unread.order_id.as_deref(), unread.what.as_str()), (Some("W1002"), what));
        assert_eq!(unread.mall_keys[0], "tea", "{name}");
        assert!(unread.redacted.contains("W1002") && !unread.redacted.contains("花子"), "{}", unread.redacted);
    }
}
