//! Composed bodies with the mall's oddities, one file per case, against what the readers make of them.

use std::fmt::Write;

use jiff::Timestamp;
use uriba_sdk::{Counter, FulfilledBy, Outcome, Page, RefusedWhy};

use crate::{
    account,
    catalogue::Position,
    feeds::{self, State, Ticket, Verdict},
    orders, stock,
};

macro_rules! payload {
    ($name:literal) => {
        include_bytes!(concat!("../tests/payloads/", $name, ".json")).as_slice()
    };
}

fn to() -> Timestamp {
    "2026-11-20T01:08:00Z".parse().unwrap()
}

/// Orders as `1 seller TEA 2-0-0`: last digit of the id, who ships, and per line the key with what was ordered,
/// cancelled and shipped.
fn told(page: &Page) -> String {
    let mut told = Vec::new();
    for order in &page.orders {
        let by = if order.fulfilled_by == FulfilledBy::Seller { "seller" } else { "mall" };
        let mut text = format!("{} {by}", &order.id[18..]);
        for line in &order.lines {
            let key = line.mall_key.as_deref().unwrap_or("?");
            write!(text, " {key} {}-{}-{}", line.ordered, line.cancelled, line.shipped).unwrap();
        }
        told.push(text);
    }
    told.join(", ")
}

#[test]
fn quantities_speak_first_and_the_status_fills_in() {
    let cases = [
        (payload!("orders-pending-without-prices"), "1 seller TEA 2-0-0, 2 seller TEA 1-0-0"),
        (
            payload!("orders-rest-neither-shipped-nor-waiting"),
            "1 seller TEA 5-2-0, 2 seller TEA 5-2-2, 3 seller TEA 3-1-2",
        ),
        (
            payload!("orders-quantities-left-out"),
            "1 seller TEA 2-0-0, 2 seller TEA 3-0-2 CUP 3-0-2 POT 2-0-0, 3 seller TEA 2-0-2, 4 seller TEA 2-2-0",
        ),
        (
            payload!("orders-status-unknown-or-absent"),
            "1 seller TEA 2-0-0, 2 seller TEA 3-0-1, 3 seller TEA 1-0-0, 4 seller TEA 3-0-0",
        ),
        (payload!("orders-cancelled-but-still-waiting"), "1 seller TEA 2-2-0 CUP 3-2-1"),
        (payload!("orders-shipped-but-still-waiting"), "1 seller TEA 3-0-3"),
        (payload!("orders-more-shipped-than-ordered"), "1 seller TEA 2-0-2 CUP 2-0-1"),
        (payload!("orders-line-of-zero-units"), "1 seller TEA 0-0-0 CUP 1-0-0"),
        (payload!("orders-line-cancelled-without-quantities"), "1 seller TEA 2-2-0 CUP 2-0-0"),
        (payload!("orders-line-without-sku"), "1 seller ? 1-0-0 ? 1-0-0 TEA 1-0-0"),
        (payload!("orders-not-ours-to-ship"), "1 mall TEA 1-0-0, 2 mall TEA 1-0-0, 3 mall TEA 1-1-0"),
        (payload!("orders-new-fields-and-nulls"), "1 seller TEA 1-0-0"),
    ];
    for (body, expected) in cases {
        let page = orders::page(body, to()).unwrap();
        assert_eq!(told(&page), expected);
        assert_eq!((page.unread.len(), page.next, page.read_to), (0, None, Some(to())));
    }
}

#[test]
fn an_odd_order_hides_no_neighbour_and_no_person_shows() {
    let page = orders::page(payload!("orders-odd-one-among-neighbours"), to()).unwrap();
    assert_eq!(told(&page), "1 seller TEA 1-0-0, 9 seller");
    let odd: Vec<_> =
        page.unread.iter().map(|unread| (unread.order_id.as_deref(), unread.mall_keys.join(","))).collect();
    let id = |n: u8| format!("250-0000001-000000{n}");
    let ids: Vec<_> = (2..=7).map(id).collect();
    let expected: Vec<_> = ["CUP", "POT", "POT", "POT", "", "TEA"]
        .iter()
        .zip(&ids)
        .map(|(keys, id)| (Some(id.as_str()), (*keys).to_owned()))
        .chain([(None, String::new())])
        .collect();
    assert_eq!(odd, expected);
    assert_eq!(page.unread[0].what, "quantityOrdered is missing");
    assert!(page.unread.iter().all(|unread| !unread.redacted.contains("太郎") && !unread.redacted.contains("taro")));
    assert!(page.unread[0].redacted.contains("CUP"));
}

#[test]
fn times_are_instants_whatever_their_zone() {
    let page = orders::page(payload!("orders-times-of-another-zone"), to()).unwrap();
    let order = &page.orders[0];
    assert_eq!(order.placed_at.to_string(), "2026-11-30T23:59:59Z");
    assert_eq!(order.updated_at.unwrap().to_string(), "2026-12-01T00:00:00.25Z");
    assert_eq!(order.revision, Some(1_796_083_200_250));
}

#[test]
fn a_window_is_complete_only_to_where_amazon_says() {
    let body =
        br#"{"orders": [], "lastUpdatedBefore": "2026-11-20T01:06:00Z", "pagination": {"nextToken": "a/b+c=="}}"#;
    let page = orders::page(body, to()).unwrap();
    assert_eq!(page.read_to.unwrap().to_string(), "2026-11-20T01:06:00Z");
    assert_eq!(page.next.as_deref(), Some("a/b+c=="));
    let later = br#"{"orders": [], "lastUpdatedBefore": "2026-11-20T01:30:00Z", "pagination": {"nextToken": ""}}"#;
    let page = orders::page(later, to()).unwrap();
    assert_eq!((page.read_to, page.next), (Some(to()), None));
}

#[test]
fn what_is_no_page_is_said_to_be_none() {
    let deep = format!("{{\"orders\":{}", "[".repeat(1_000_000));
    let many = format!("{{\"orders\":[{}1]}}", "1,".repeat(1_000));
    for body in
        [b"".as_slice(), b"{}", b"[]", b"null", b"<html>", b"{\"orders\":[\"\xff\"]}", deep.as_bytes(), many.as_bytes()]
    {
        assert!(orders::page(body, to()).is_err());
        assert!(orders::single(body).is_err());
        assert!(stock::outcome(body).is_err());
        assert!(stock::counters(body, &["TEA"]).is_err());
    }
    let nested = format!("{{\"orders\":[{{\"orderId\":\"1\",\"x\":{}{}}}]}}", "[".repeat(5_000), "]".repeat(5_000));
    let page = orders::page(nested.as_bytes(), to()).unwrap();
    assert_eq!((page.orders.len(), page.unread.len()), (0, 1));
}

#[test]
fn a_submission_is_judged_by_its_status_and_its_issues() {
    let outcome = |body| stock::outcome(body).unwrap();
    assert_eq!(outcome(payload!("patch-accepted-with-a-warning")), Outcome::Applied { now: None });
    assert_eq!(outcome(payload!("patch-accepted-without-issues")), Outcome::Applied { now: None });
    assert_eq!(outcome(payload!("patch-accepted-with-an-error")), Outcome::Unknown);
    let refused = |body| match outcome(body) {
        Outcome::Refused(refusal) => (refusal.why, refusal.code, refusal.message),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(payload!("patch-invalid-warning-before-error")),
        (RefusedWhy::Other, Some("90000900".into()), "The attributes are wrong.".into())
    );
    assert_eq!(refused(payload!("patch-invalid-unknown-sku")).0, RefusedWhy::NoSuchItem);
    assert_eq!(refused(payload!("patch-invalid-without-issues")).2, "INVALID without an issue");
    assert_eq!(stock::outcome(payload!("patch-status-of-a-preview")).unwrap_err(), "submission status VALID");
}

#[test]
fn only_the_merchants_own_entry_is_ours() {
    let skus = ["TEA", "FBA", "BOTH", "EMPTY", "NONE", "ALWAYS", "ABSENT"];
    let found = stock::counters(payload!("listings-two-channels-and-neighbours"), &skus).unwrap();
    let counter = |quantity, not_ours| Some(Counter { quantity, sells_past_zero: false, not_ours });
    let expected = [
        counter(Some(7), false),
        counter(Some(0), true),
        counter(Some(3), true),
        counter(Some(0), false),
        counter(Some(0), false),
        counter(None, false),
        None,
    ];
    for (sku, expected) in skus.iter().zip(expected) {
        assert_eq!(found.get(*sku).copied(), expected, "{sku}");
    }
    assert!(!found.contains_key("tea"), "a SKU that differs in case is another SKU");
}

#[test]
fn a_reading_that_does_not_add_up_is_not_believed() {
    let more = payload!("listings-more-pages-than-asked-for");
    assert!(stock::counters(more, &["TEA", "CUP"]).is_err(), "CUP may be on the next page");
    assert_eq!(stock::counters(more, &["TEA"]).unwrap()["TEA"].quantity, Some(7));
    assert!(stock::counters(payload!("listings-negative-quantity"), &["TEA"]).is_err());
}

/// What a report says of the five messages of feed 50: applied, refused, unknown, by their first letters.
fn verdict(body: &[u8], fatal: bool) -> String {
    let verdict = Verdict::Report(feeds::report(body, "50", fatal).unwrap());
    let letter = |n: usize| match verdict.of(Ticket::read(&format!("50/{n}/5")).unwrap()) {
        Some(Outcome::Applied { now: None }) => 'a',
        Some(Outcome::Refused(refusal)) if refusal.why == RefusedWhy::NoSuchItem => 'n',
        Some(Outcome::Refused(_)) => 'r',
        Some(Outcome::Unknown) => 'u',
        other => panic!("{other:?}"),
    };
    (1..=5).map(letter).collect()
}

#[test]
fn a_message_that_a_report_does_not_name_was_accepted_only_if_the_counts_say_so() {
    let cases = [
        (payload!("feed-report-one-refused-twice-and-a-warning"), "arana"),
        (payload!("feed-report-a-message-not-counted"), "uruuu"),
        (payload!("feed-report-of-a-feed-that-is-no-feed"), "rrrrr"),
        (payload!("feed-report-error-beside-accepted"), "uuuuu"),
        (payload!("feed-report-more-invalid-than-named"), "uruuu"),
        (payload!("feed-report-severity-unknown"), "aauaa"),
        (payload!("feed-report-new-fields"), "aaaaa"),
    ];
    for (body, expected) in cases {
        assert_eq!(verdict(body, false), expected, "{}", String::from_utf8_lossy(body));
    }
    // An aborted feed may have been applied in any part.
    assert_eq!(verdict(payload!("feed-report-new-fields"), true), "uuuuu");
    assert_eq!(verdict(payload!("feed-report-one-refused-twice-and-a-warning"), true), "urunu");
}

#[test]
fn a_report_that_is_none_is_said_to_be_none() {
    let deep = "[".repeat(1_000_000);
    let others = [payload!("feed-report-of-another-feed"), payload!("feed-report-without-summary")];
    for body in others.into_iter().chain([b"".as_slice(), b"{}", b"[]", b"null", b"\xff", deep.as_bytes()]) {
        assert!(feeds::report(body, "50", false).is_err());
        assert!(feeds::state(body, "50").is_err());
        assert!(feeds::created(body).is_err() && feeds::place(body).is_err());
    }
}

#[test]
fn a_feed_is_open_until_it_is_said_to_have_ended() {
    let state = |status: &str| feeds::state(format!("{{\"feedId\":\"50\",{status}}}").as_bytes(), "50");
    assert_eq!(state(r#""processingStatus":"IN_QUEUE""#).unwrap(), State::Open);
    assert_eq!(state(r#""processingStatus":"IN_PROGRESS""#).unwrap(), State::Open);
    assert_eq!(state(r#""processingStatus":"CANCELLED""#).unwrap(), State::Cancelled);
    let ended = |fatal, report: Option<&str>| State::Ended { fatal, report: report.map(str::to_owned) };
    assert_eq!(state(r#""processingStatus":"FATAL","resultFeedDocumentId":null"#).unwrap(), ended(true, None));
    let done = r#""processingStatus":"DONE","resultFeedDocumentId":"amzn1.tortuga.3.x""#;
    assert_eq!(state(done).unwrap(), ended(false, Some("amzn1.tortuga.3.x")));
    assert_eq!(state(r#""processingStatus":"PAUSED""#).unwrap_err(), "processing status PAUSED");
    assert!(state(r#""processingStatus":null"#).is_err());
    assert!(feeds::state(br#"{"feedId":"51","processingStatus":"DONE"}"#, "50").is_err());
}

#[test]
fn a_ticket_is_read_as_it_was_given_and_never_otherwise() {
    assert!(Ticket::read("50126020001/17/300").is_some_and(|ticket| ticket.feed == "50126020001"));
    let long = format!("{}/1/1", "5".repeat(65));
    for text in [
        "",
        "50",
        "50/1",
        "50/0/1",
        "50/2/1",
        "50/1/10001",
        "50/+1/1/1",
        "/1/1",
        "../1/1/1",
        "5 0/1/1",
        "五/1/1",
        &long,
    ] {
        assert_eq!(Ticket::read(text), None, "{text}");
    }
}

#[test]
fn a_report_is_unpacked_within_bounds_or_left_as_it_is() {
    use std::io::Write;
    let gzip = |plain: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(plain).unwrap();
        packed.finish().unwrap()
    };
    let report = payload!("feed-report-new-fields");
    assert_eq!(feeds::unpacked(report.to_vec()).unwrap(), report);
    assert_eq!(feeds::unpacked(gzip(report)).unwrap(), report);
    let packed = gzip(report);
    assert!(feeds::unpacked(packed[..packed.len() / 2].to_vec()).is_err());
    let bomb = gzip(&vec![b' '; uriba_sdk::env::BODY_BYTES_MAX + 1]);
    assert!(bomb.len() < 100_000 && feeds::unpacked(bomb).is_err());
}

#[test]
fn a_page_of_listings_keeps_what_helps_to_find_the_sku() {
    let shelf = Position::default().shelf(payload!("catalogue-page-with-oddities"), "A1VC38T7YXB528").unwrap();
    let told: Vec<_> =
        shelf.items.iter().map(|item| (item.key.as_str(), item.title.as_deref(), item.jan.as_deref())).collect();
    let expected = [
        ("TEA", Some("煎茶"), Some("4900000000001")),
        ("NONE", None, None),
        ("EMPTY", None, None),
        ("UNNAMED", None, None),
    ];
    assert_eq!(told, expected);
    let next = Position::read(shelf.next.as_deref()).unwrap();
    assert!(next.path("A1X", "A1VC38T7YXB528").ends_with("&pageToken=a%2Fb%2Bc%3D%3D"));
    assert!(next.shelf(payload!("catalogue-page-with-oddities"), "A1VC38T7YXB528").is_err(), "that page again");
    assert!(Position::read(Some("elsewhere")).is_err());
    for body in [b"".as_slice(), b"{}", b"[]", br#"{"items":[{}]}"#, br#"{"items":[{"sku":" "}]}"#] {
        assert!(Position::default().shelf(body, "A1VC38T7YXB528").is_err());
    }
}

#[test]
fn an_account_says_when_nothing_can_be_sold() {
    let sheet = |body| account::sheet(body, "A1X", "A1VC38T7YXB528").unwrap();
    let other = sheet(payload!("account-of-another-marketplace"));
    assert_eq!(other.shop, "A1X");
    assert!(other.notes.iter().any(|note| note.contains("does not sell in marketplace A1VC38T7YXB528")));
    let closed = sheet(payload!("account-with-suspended-listings-and-no-store-name"));
    assert_eq!(closed.shop, "A1X");
    assert!(closed.notes.iter().any(|note| note.contains("suspended")));
    assert!(closed.notes.iter().any(|note| note.contains("does not take part")));
    assert!(account::sheet(b"{}", "A1X", "A1VC38T7YXB528").is_err());
}
