//! A mall's way for many listings at once: taken when it is sooner done, and believed only by what the mall says at last.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use uriba::store::{catalogue::Mapping, stock::Count};
use uriba_sdk::{Env, fake::Item};

use crate::hub::{Hub, SHOP};

const LISTINGS: usize = 4_000;
const PATCH: &str = "stock.push";
const FEED: &str = "stock.feed";

fn code(n: usize) -> String {
    format!("sku-{n}")
}

/// A shop with so many listings that show nothing, and ten units behind each.
async fn catalogue() -> Hub {
    let hub = Hub::open(&[&uriba_amazon::MALL]).await;
    let map = |n: usize| {
        let mall_key = hub.key("amazon", n);
        hub.book("amazon").list(&mall_key, Item::new(0));
        Mapping { channel: "amazon".into(), mall_key, sku: code(n), ..Mapping::default() }
    };
    let mappings: Vec<Mapping> = (0..LISTINGS).map(map).collect();
    hub.store.map_listings(&mappings, true, "test").await.unwrap();
    count(&hub, 0..LISTINGS, 10).await;
    hub
}

async fn count(hub: &Hub, skus: impl Iterator<Item = usize>, units: i64) {
    let tx = hub.store.begin().await.unwrap();
    let mut counts = Vec::new();
    for n in skus {
        counts.push(Count {
            key: format!("count/{n}/{}", hub.env.now()),
            sku_id: hub.store.sku(&tx, &code(n)).await.unwrap().id,
            location: SHOP.into(),
            counted: units,
            as_of: hub.env.now(),
            source: "test".into(),
            reason: None,
            import_id: None,
        });
    }
    hub.store.count(&tx, counts).await.unwrap();
    tx.commit().await.unwrap();
}

/// How often each operation is asked for.
fn counted(hub: &Hub) -> Arc<Mutex<BTreeMap<String, usize>>> {
    let asked: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let counting = asked.clone();
    hub.book("amazon").listen(move |answered| *counting.lock().unwrap().entry(answered.what).or_default() += 1);
    asked
}

#[tokio::test]
async fn a_whole_catalogue_goes_by_feeds_and_a_single_change_by_itself() {
    let hub = catalogue().await;
    let asked = counted(&hub);
    let of = |operation: &str| asked.lock().unwrap().get(operation).copied().unwrap_or(0);
    hub.run_for(Duration::from_secs(3 * 3_600)).await;
    let shown = (0..LISTINGS).filter(|n| hub.counter("amazon", *n) == 10).count();
    assert_eq!(shown, LISTINGS, "{:?}", asked.lock().unwrap());
    let (patches, feeds) = (of(PATCH), of(FEED));
    assert!((1..=3).contains(&feeds), "{:?}", asked.lock().unwrap());
    assert!(patches < LISTINGS / 4, "{:?}", asked.lock().unwrap());
    count(&hub, std::iter::once(7), 4).await;
    hub.run_for(Duration::from_secs(1_200)).await;
    assert_eq!(hub.counter("amazon", 7), 4);
    assert_eq!((of(FEED), of(PATCH) > patches), (feeds, true), "one change needs no feed");
}
