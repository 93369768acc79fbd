//! Units that a reading showed as sold before any order explained them.

use std::time::Duration;

use uriba_sdk::fake::Item;

use crate::hub::{Hub, seconds_later};

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

#[tokio::test]
async fn an_order_that_was_cancelled_before_it_was_seen_still_ends_the_hold_that_it_caused() {
    let hub = Hub::open(&[&uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("the mall shows 10", minutes(10), |hub| hub.shows(0, 10)).await;
    let key = hub.key("yahoo", 0);
    hub.book("yahoo").with_item(&key, |item: &mut Item| item.restores_on_cancel = false);
    let provisional = async || {
        let all = hub.store.sku_sheets(&Default::default(), &uriba::store::sheets::Paging::new(None, None)).await;
        all.unwrap().items[0].pools[0].provisional
    };
    // Listings are read again every ten minutes; the order is placed shortly before, and hidden for three.
    hub.run_for(minutes(8)).await;
    let id = hub.buy("yahoo", 0, 3);
    hub.book("yahoo").hide_until(&id, seconds_later(hub.book("yahoo").now(), 180));
    while provisional().await == 0 {
        assert!(hub.book("yahoo").visible().is_empty(), "the order came before the reading");
        hub.run_for(Duration::from_secs(5)).await;
    }
    hub.book("yahoo").cancel(&id);
    hub.run_for(minutes(5)).await;
    assert_eq!(provisional().await, 0);
    hub.run_until("what was cancelled is on sale again", minutes(5), |hub| hub.shows(0, 10)).await;
}
