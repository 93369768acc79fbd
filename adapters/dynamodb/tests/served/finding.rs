//! Orders, items and tables as a server hands them out.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uriba_sdk::{Found, Restored, Write, mall::ListingKey};

use crate::{
    server::{Hub, url},
    storefront::{Storefront, Undo, number, spelled},
};

const ITEM: &str = "4901234567894";

/// A row of an order that was placed and changed at `at`.
fn row(id: &str, day: String, at: Value) -> Value {
    let line = json!({"M": {"item": {"S": ITEM}, "quantity": number(1)}});
    json!({
        "order_id": {"S": id},
        "day": {"S": day},
        "placed_at": at,
        "updated_at": at,
        "state": {"S": "paid"},
        "lines": {"L": [line]},
    })
}

fn midnight() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

/// 240 orders around midnight.
fn instants() -> Vec<Timestamp> {
    (-120..120).map(|n| midnight() + SignedDuration::from_millis(n * 7_300)).collect()
}

#[tokio::test]
async fn every_order_around_midnight_is_found_once_over_pages_days_and_shards() {
    let Some(url) = url() else { return };
    for (kind, times, shards) in [("S", "iso", 1), ("S", "iso", 3), ("N", "millis", 2)] {
        let storefront = Storefront::open(url, kind).await;
        let row = |(n, at): (usize, Timestamp)| {
            let day = &spelled(at)[..10];
            let day = if shards == 1 { day.to_owned() } else { format!("{day}#{}", n % shards) };
            let at = if kind == "S" { json!({"S": spelled(at)}) } else { number(at.as_millisecond()) };
            row(&format!("W{n:04}"), day, at)
        };
        storefront.put(&instants().into_iter().enumerate().map(row).collect::<Vec<_>>()).await;
        let shards = shards.to_string();
        let options = [storefront.options(), vec![("times", times), ("shards", &shards)]].concat();
        let hub = Hub::open(url, &options);
        let (from, to) = (instants()[0], instants()[239]);
        let (orders, pages) = hub.orders(from, to).await;
        let ids: BTreeSet<_> = orders.iter().map(|order| &order.id).collect();
        assert_eq!((orders.len(), ids.len()), (240, 240), "{times}, {shards} shards");
        assert!(pages > 1 && orders.iter().all(|order| order.revision.is_none() && order.lines[0].ordered == 1));
        // Half of it, cut in the middle of a second.
        let (orders, _) = hub.orders(midnight() - SignedDuration::from_millis(6_900), to).await;
        assert_eq!(orders.len(), 120);
    }
}

#[tokio::test]
async fn by_id_reads_a_full_batch_and_tells_what_is_missing() {
    let Some(url) = url() else { return };
    let storefront = Storefront::open(url, "S").await;
    let ids: Vec<_> = (0..100).map(|n| format!("W{n:04}")).collect();
    let at = || json!({"S": spelled(midnight())});
    storefront.put(&ids[..99].iter().map(|id| row(id, "2026-11-21".into(), at())).collect::<Vec<_>>()).await;
    let hub = Hub::open(url, &[storefront.options(), vec![("deleted_rows", "missing")]].concat());
    let found = hub.mall.by_id(&ids).await.unwrap();
    assert_eq!((found.orders.len(), found.unread.len(), found.missing), (99, 0, vec!["W0099".to_owned()]));
}

/// The hub's arithmetic in short: what is known of an order, and what it holds.
fn held(found: &Found, before: u32) -> u32 {
    match (found.orders.as_slice(), found.missing.len(), found.gone.len()) {
        ([order], 0, 0) => order.lines.iter().map(uriba_sdk::Line::unshipped).sum(),
        ([], 1, 0) => before,
        ([], 0, 1) => 0,
        _ => panic!("{found:?}"),
    }
}

#[tokio::test]
async fn units_of_a_failed_payment_come_back_once_whether_its_row_is_marked_or_deleted() {
    let Some(url) = url() else { return };
    // How the payment is undone, what the channel is told about rows that are gone, and what is held in the end.
    let table = [(Undo::Mark, "missing", 0), (Undo::Delete, "cancelled", 0), (Undo::Delete, "missing", 3)];
    for (how, deleted, in_the_end) in table {
        let storefront = Storefront::open(url, "S").await;
        storefront.list(ITEM, 10).await;
        let hub = Hub::open(url, &[storefront.options(), vec![("deleted_rows", deleted)]].concat());
        let ids = ["W0001".to_owned()];
        assert!(storefront.checkout(&ids[0], &[(ITEM, 3)]).await);
        let mut holds = held(&hub.mall.by_id(&ids).await.unwrap(), 0);
        assert_eq!((holds, hub.shown(ITEM).await), (3, Some(7)));
        for _ in 0..3 {
            storefront.undo(&ids[0], &[(ITEM, 3)], how).await;
            let found = hub.mall.by_id(&ids).await.unwrap();
            holds = held(&found, holds);
            assert_eq!((holds, hub.shown(ITEM).await), (in_the_end, Some(10)), "{how:?}, {deleted}: {found:?}");
            if how == Undo::Mark {
                let line = &found.orders[0].lines[0];
                assert_eq!((line.cancelled, line.restored, found.orders[0].revision), (3, Restored::Yes, Some(2)));
            }
            assert_eq!(found.orders.len(), usize::from(how == Undo::Mark));
        }
    }
}

#[tokio::test]
async fn a_marked_row_is_found_by_its_change_and_a_deleted_one_is_not_found_any_more() {
    let Some(url) = url() else { return };
    let storefront = Storefront::open(url, "S").await;
    storefront.list(ITEM, 10).await;
    let hub = Hub::open(url, &storefront.options());
    let began = storefront.now();
    for order in ["marked", "deleted"] {
        assert!(storefront.checkout(order, &[(ITEM, 1)]).await);
    }
    storefront.undo("marked", &[(ITEM, 1)], Undo::Mark).await;
    storefront.undo("deleted", &[(ITEM, 1)], Undo::Delete).await;
    let (orders, _) = hub.orders(began, storefront.now()).await;
    let found: Vec<_> = orders.iter().map(|order| (order.id.as_str(), order.is_closed())).collect();
    assert_eq!(found, [("marked", true)]);
}

#[tokio::test]
async fn readings_come_in_the_order_asked_and_the_catalogue_and_account_name_the_shop() {
    let Some(url) = url() else { return };
    let storefront = Storefront::open(url, "S").await;
    let items: Vec<_> = (0..100).map(|n| format!("茶 {n:03}")).collect();
    for (n, item) in items.iter().enumerate().skip(1) {
        storefront.list(item, n as i64).await;
    }
    let hub = Hub::open(url, &storefront.options());
    let extras = hub.mall.extras();
    let keys: Vec<_> = items.iter().map(|item| ListingKey { key: item.clone(), handle: None }).collect();
    let readings = extras.readback.unwrap().read(&keys).await.unwrap();
    let figures: Vec<_> = readings.iter().map(|reading| reading.found.and_then(|found| found.quantity)).collect();
    assert_eq!(figures, (0..100).map(|n| (n > 0).then_some(n)).collect::<Vec<_>>());
    // Read at once after a write, it is what was written.
    hub.push(&[("茶 001", Write::Relative(41))]).await.unwrap();
    assert_eq!(hub.shown("茶 001").await, Some(42));

    let shelf = extras.catalogue.unwrap().list(None).await.unwrap();
    assert_eq!((shelf.items.len(), shelf.next), (99, None));
    assert!(shelf.items.iter().all(|listed| listed.title.as_deref() == Some(&format!("茶 {}", listed.key))));

    let sheet = extras.account.unwrap().account().await.unwrap();
    assert!(sheet.shop.ends_with(&format!("/ap-northeast-1/{}", storefront.stock)), "{sheet:?}");
    assert_eq!(sheet.notes, Vec::<String>::new());
    let odd = Hub::open(url, &[("stock_table", storefront.deltas.as_str()), ("delta_table", &storefront.stock)]);
    let notes = odd.mall.extras().account.unwrap().account().await.unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("no index by_update")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("partition key item")), "{notes:?}");
}
