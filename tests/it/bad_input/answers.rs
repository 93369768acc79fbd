//! Answers that are lies, or in another language, or absurd.

use std::time::Duration;

use uriba_sdk::{
    Env, Line, Restored,
    fake::{Fault, Stage, Times},
};

use super::{attention, minutes, two_malls};
use crate::{hub::Hub, support::order};

/// The other channel's whole loop still works: an order there, and what follows from it here and there.
async fn yahoo_goes_on(hub: &Hub, left: i64) {
    assert_eq!(yahoo_sells(hub, left).await, left);
}

/// One order there, after which so many are left; what it shows of them.
async fn yahoo_sells(hub: &Hub, left: i64) -> i64 {
    hub.buy("yahoo", 0, 1);
    hub.run_for(minutes(5)).await;
    let sheet = hub.store.sku_sheet("tea", &uriba::store::sheets::Outlines::new()).await.unwrap();
    assert_eq!(sheet.pools[0].sellable, Some(left));
    hub.counter("yahoo", 0)
}

#[tokio::test]
async fn a_mall_that_always_says_yes_and_never_does_it_is_named_and_left_alone() {
    let hub = two_malls().await;
    hub.book("rakuten").fault("stock.push", Fault::Silent, Times::Probability(1.0));
    hub.stock("tea", 4).await;
    hub.run_until("yahoo shows 4", minutes(5), |hub| hub.counter("yahoo", 0) == 4).await;
    hub.run_for(minutes(60)).await;
    let items = attention(&hub, "mall_limit").await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(items[0].message.contains("rakuten keeps 10"), "{}", items[0].message);
    yahoo_goes_on(&hub, 3).await;
}

#[tokio::test]
async fn answers_in_another_encoding_are_not_guessed_at() {
    let hub = two_malls().await;
    // 「注文」 in Shift_JIS, where UTF-8 was promised, and a text in UTF-16.
    let shift_jis = b"{\"orders\":[{\"id\":\"\x92\x8d\x95\xb6\"}]}".to_vec();
    let utf_16 = "{\"results\":[]}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    hub.book("rakuten").fault("orders.search", Fault::Garbage(shift_jis), Times::Probability(0.5));
    hub.book("rakuten").fault("orders.search", Fault::Garbage(utf_16), Times::Probability(1.0));
    hub.run_for(minutes(40)).await;
    let items = attention(&hub, "lane").await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(items[0].message.contains("rakuten") && items[0].message.contains("orders are not read"), "{items:?}");
    assert!(items[0].message.contains("malformed"), "the cause is named: {}", items[0].message);
    // Nobody has heard of rakuten's orders for long: it may have sold some.
    assert_eq!(yahoo_sells(&hub, 9).await, 9 - 4);
    hub.book("rakuten").clear_faults();
    hub.run_until("rakuten comes back by itself", minutes(15), |hub| hub.shows(0, 9)).await;
    hub.run_for(minutes(2)).await;
    assert_eq!(attention(&hub, "lane").await, []);
}

#[tokio::test]
async fn a_counter_of_minus_one_or_a_trillion_is_put_right() {
    for absurd in [-1, 1_000_000_000_000] {
        let hub = two_malls().await;
        hub.book("rakuten").set(&hub.key("rakuten", 0), absurd);
        hub.run_until("it is put right", minutes(45), |hub| hub.counter("rakuten", 0) == 10).await;
        assert_eq!(hub.counter("yahoo", 0), 10);
        let report = hub.store.verify(&hub.store.allowances().await.unwrap()).await.unwrap();
        assert!(!report.is_broken(), "{absurd}: {report}");
        hub.run_for(minutes(20)).await;
        yahoo_goes_on(&hub, 9).await;
    }
}

#[tokio::test]
async fn an_order_of_four_billion_is_kept_apart_and_its_neighbours_count() {
    let hub = two_malls().await;
    let line = Line {
        id: "1".into(),
        mall_key: Some(hub.key("rakuten", 0)),
        ordered: u32::MAX,
        cancelled: 0,
        shipped: 0,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    };
    let mut absurd = order("000000-20261120-0000000001", &[line]);
    absurd.placed_at = hub.env.now();
    hub.book("rakuten").insert(absurd, Stage::Ready);
    hub.buy("rakuten", 0, 2);
    hub.run_until("the other order counts", minutes(10), |hub| hub.counter("yahoo", 0) <= 8).await;
    let items = attention(&hub, "unread_order").await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(items[0].message.contains("4294967295"), "{}", items[0].message);
}

#[tokio::test]
async fn a_wait_of_a_year_is_not_believed() {
    let hub = two_malls().await;
    let year = Fault::Throttle { retry_after: Some(365 * 86_400) };
    for operation in ["stock.push", "orders.search", "stock.read"] {
        hub.book("rakuten").fault(operation, year.clone(), Times::Next(1));
    }
    hub.stock("tea", 4).await;
    let before = hub.env.elapsed();
    hub.run_until("yahoo goes on meanwhile", minutes(5), |hub| hub.counter("yahoo", 0) == 4).await;
    hub.run_until("rakuten is asked again soon", minutes(30), |hub| hub.shows(0, 4)).await;
    assert!(hub.env.elapsed() - before < Duration::from_secs(1_800));
}
