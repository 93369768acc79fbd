//! Composed answers with the mall's oddities, one file per case.

use uriba_sdk::{
    Class, Found, Order,
    fake::{Fault, Times},
};

use super::{World, is_malformed, world};

/// Order numbers of the composed answers.
fn number(n: u32) -> String {
    format!("900001-20261120-{n:08}")
}

fn answer_next(world: &World, operation: &str, file: &str) {
    let path = format!("{}/tests/payloads/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let body = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    world.fake.book().fault(operation, Fault::Garbage(body), Times::Next(1));
}

/// One line for everything found: `1: tee/Navy-M 2-0-0 Unknown`, ordered-cancelled-shipped.
fn told(found: &Found) -> Vec<String> {
    let order = |order: &Order| {
        assert_eq!(order.placed_at.to_string(), "2026-11-20T01:00:00Z");
        let lines = order.lines.iter().map(|line| {
            let key = line.mall_key.as_deref().unwrap_or("-");
            let at = line.shipped_at.map(|at| format!(" {at}")).unwrap_or_default();
            let quantities = format!("{}-{}-{}", line.ordered, line.cancelled, line.shipped);
            format!("{} {key} {quantities} {:?}{at}", line.id, line.restored)
        });
        format!("{}: {}", &order.id[23..], lines.collect::<Vec<_>>().join(", "))
    };
    let unread = found.unread.iter().map(|unread| {
        let redacted = &unread.redacted;
        assert!(!redacted.contains("見本") && !redacted.contains("シャツ"), "people or more: {redacted}");
        let id = unread.order_id.as_ref().map_or("?", |id| &id[23..]);
        format!("{id} unread [{}]: {}", unread.mall_keys.join(" "), unread.what)
    });
    let missing = found.missing.iter().map(|id| format!("{} missing", &id[23..]));
    found.orders.iter().map(order).chain(unread).chain(missing).collect()
}

/// A composed answer and what is found in it.
type Case = (&'static str, &'static [&'static str]);

const READ: &[Case] = &[
    (
        "order_several_packages_one_deleted",
        &["1: 70/1 tee/Navy-M 2-0-0 Unknown, 70/2 mug/mug 1-0-0 Unknown, 71/1 tee/Navy-M 4-4-0 Unknown"],
    ),
    (
        "order_line_deleted_without_units",
        &["1: 70/1 tee/Navy-M 2-0-0 Unknown, 70/2 tee/Navy-M 0-0-0 Unknown, 70/3 tee/Navy-M 5-5-0 No"],
    ),
    ("order_from_before_the_sku_model", &["1: 70/1 - 2-0-0 Unknown, 70/2 - 2-0-0 Unknown, 70/3 - 2-0-0 Unknown"]),
    ("order_manage_number_in_upper_case", &["1: 70/1 tee/Navy-M 2-0-0 Unknown"]),
    ("order_line_with_the_same_sku_twice", &["1: 70/1 tee/Navy-M 2-0-0 Unknown"]),
    (
        "order_progress_nobody_knows",
        &["1: 70/1 tee/Navy-M 2-0-0 Unknown", "2: 70/1 tee/Navy-M 2-0-0 Unknown", "3: 70/1 tee/Navy-M 2-0-0 Unknown"],
    ),
    (
        "order_time_with_a_colon_and_without_offset",
        &["1: 70/1 tee/Navy-M 2-0-0 Unknown", "2: 70/1 tee/Navy-M 2-0-0 Unknown"],
    ),
    ("order_unobtainable_beside_a_good_one", &["1: 70/1 tee/Navy-M 2-0-0 Unknown", "2 missing"]),
    ("order_all_unobtainable_and_null_list", &["1 missing", "2 missing"]),
    (
        "order_shipped_in_two_parcels_and_one_undated",
        &["1: 70/1 tee/Navy-M 2-0-2 Unknown 2026-11-23T14:59:59Z, 71/1 tee/Navy-M 2-0-2 Unknown, \
           72/1 tee/Navy-M 2-0-2 Unknown"],
    ),
    (
        "order_cancelled_and_flags_of_linking",
        &[
            "1: 70/1 tee/Navy-M 2-2-0 Unknown, 70/2 tee/Navy-M 2-2-0 Unknown",
            "2: 70/1 tee/Navy-M 2-0-0 Unknown, 70/2 tee/Navy-M 2-0-0 No",
        ],
    ),
    ("order_with_fields_that_are_new", &["1: 70/1 tee/Navy-M 3-0-0 Unknown"]),
];

const UNREAD: &[Case] = &[
    (
        "order_line_with_several_skus",
        &["1: 70/1 tee/Navy-M 2-0-0 Unknown", "2 unread [tee/Navy-M tee/navy-m]: line 70/1 has several SKUs"],
    ),
    ("order_units_negative", &["2: 70/1 tee/Navy-M 2-0-0 Unknown", "1 unread [tee/Navy-M]: units of line 70/1: -1"]),
    ("order_units_missing", &["2: 70/1 tee/Navy-M 2-0-0 Unknown", "1 unread [tee/Navy-M]: units of line 70/1: null"]),
    ("order_units_as_text", &["2: 70/1 tee/Navy-M 2-0-0 Unknown", "1 unread [tee/Navy-M]: units of line 70/1: \"2\""]),
    (
        "order_units_beyond_counting",
        &[
            "3: 70/1 tee/Navy-M 4294967295-0-0 Unknown",
            "1 unread [tee/Navy-M]: units of line 70/1: 4294967296",
            "2 unread [tee/Navy-M]: units of line 70/1: 1.5",
        ],
    ),
    (
        "order_without_a_number",
        &[
            "2: 70/1 tee/Navy-M 2-0-0 Unknown",
            "? unread [tee/Navy-M]: orderNumber is missing",
            "1 unread []: the order is not in the answer, which says of it: no message",
        ],
    ),
    ("order_time_that_is_none", &["1 unread [tee/Navy-M]: orderDatetime is not a time"]),
    (
        "order_absent_without_a_message",
        &[
            "1: 70/1 tee/Navy-M 2-0-0 Unknown",
            "2 unread []: the order is not in the answer, which says of it: no message",
        ],
    ),
    (
        "order_absent_with_another_message",
        &[
            "1: 70/1 tee/Navy-M 2-0-0 Unknown",
            "2 unread []: the order is not in the answer, which says of it: ORDER_EXT_API_GET_ORDER_WARNING_777",
        ],
    ),
    ("order_cancelled_without_packages", &["1: ", "2 unread []: the order has no lines"]),
    ("order_line_ids_twice", &["1 unread [tee/Navy-M]: two lines with the id 70/1"]),
    ("order_line_without_id", &["1 unread [tee/Navy-M]: a line without itemDetailId"]),
    ("order_packages_not_a_list", &["2: 70/1 tee/Navy-M 2-0-0 Unknown", "1 unread []: PackageModelList is not a list"]),
];

#[tokio::test]
async fn odd_orders_are_read() {
    all_found(READ).await;
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_never_hides_its_neighbours() {
    all_found(UNREAD).await;
}

/// Asks for the orders that the expected lines begin with.
async fn all_found(cases: &[Case]) {
    let world = world().await;
    for (file, expected) in cases {
        answer_next(&world, "orders.get", file);
        let asked: Vec<String> = expected.iter().filter_map(|line| line[..1].parse().ok()).map(number).collect();
        let found = world.mall.by_id(&asked).await.expect("an answer");
        assert_eq!(&told(&found), expected, "{file}");
    }
}

#[tokio::test]
async fn what_is_no_order_at_all_is_counted_and_the_order_beside_it_read() {
    let world = world().await;
    answer_next(&world, "orders.get", "order_list_with_things_that_are_no_orders");
    let found = world.mall.by_id(&[number(1)]).await.unwrap();
    assert_eq!((found.orders.len(), found.unread.len()), (1, 1));
}

#[tokio::test]
async fn an_answer_about_orders_that_is_not_one_is_malformed_or_the_gateways() {
    let world = world().await;
    answer_next(&world, "orders.get", "order_neither_list_nor_messages");
    assert!(is_malformed(&world.mall.by_id(&[number(1)]).await.unwrap_err()));
    answer_next(&world, "orders.get", "order_gateway_refusal_as_success");
    let error = world.mall.by_id(&[number(1)]).await.unwrap_err();
    assert_eq!(error.class, Class::Auth { renewable: false });
}

#[tokio::test]
async fn odd_pages_of_a_search_are_read_or_refused() {
    let world = world().await;
    let query = world.query(1, false);
    for file in ["search_nothing_found_and_null_numbers", "search_nothing_found_and_null_list"] {
        answer_next(&world, "orders.search", file);
        let page = world.mall.pull(&query).await.unwrap();
        assert_eq!((page.heads.len(), page.unread.len(), page.next), (0, 0, None), "{file}");
    }
    answer_next(&world, "orders.search", "search_number_that_is_no_text");
    let page = world.mall.pull(&query).await.unwrap();
    assert_eq!((page.heads.len(), page.unread.len()), (1, 1));
    let refused = [
        "search_another_page",
        "search_more_pages_than_orders",
        "search_without_paging",
        "search_null_list_without_a_message",
    ];
    for file in refused {
        answer_next(&world, "orders.search", file);
        assert!(is_malformed(&world.mall.pull(&query).await.unwrap_err()), "{file}");
    }
}

#[tokio::test]
async fn odd_stock_records_are_read_or_refused() {
    let world = world().await;
    answer_next(&world, "stock.read", "stock_item_in_upper_case_and_one_absent");
    assert_eq!(world.read(&["tee/Navy-M", "tee/navy-m", "tee/Navy-M"]).await, [Some(4), None, Some(4)]);
    for file in ["stock_quantity_as_text", "stock_record_without_variant", "stock_without_inventories"] {
        answer_next(&world, "stock.read", file);
        assert!(is_malformed(&world.try_read(&["tee/Navy-M"]).await.unwrap_err()), "{file}");
    }
}

#[tokio::test]
async fn hostile_bodies_are_refused_or_set_apart() {
    let world = world().await;
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let bodies = [
        b"\xff\xfe{}".to_vec(),
        deep(100_000).into_bytes(),
        " ".repeat(17 << 20).into_bytes(),
        format!("{{\"orderNumberList\":{0},\"OrderModelList\":7,\"inventories\":{0}}}", deep(100_000)).into_bytes(),
    ];
    for body in bodies {
        for operation in ["orders.search", "orders.get", "stock.read"] {
            world.fake.book().fault(operation, Fault::Garbage(body.clone()), Times::Next(1));
        }
        assert!(is_malformed(&world.mall.pull(&world.query(1, false)).await.unwrap_err()));
        assert!(is_malformed(&world.mall.by_id(&[number(1)]).await.unwrap_err()));
        assert!(is_malformed(&world.try_read(&["tee/Navy-M"]).await.unwrap_err()));
    }
    let body = format!("{{\"OrderModelList\":[{}]}}", deep(100_000)).into_bytes();
    world.fake.book().fault("orders.get", Fault::Garbage(body), Times::Next(1));
    let found = world.mall.by_id(&[number(1)]).await.unwrap();
    assert_eq!((found.orders.len(), found.unread.len()), (0, 2));
}
