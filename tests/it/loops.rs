//! The seller's whole loop over real HTTP: orders in, targets out.

use std::time::Duration;

use crate::hub::Hub;

const MINUTES: u64 = 60;

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * MINUTES)
}

#[tokio::test]
async fn an_order_on_rakuten_lowers_the_mall_that_did_not_sell() {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_amazon::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("both malls show 10", minutes(90), |hub| hub.shows(0, 10)).await;
    hub.buy("rakuten", 0, 3);
    hub.run_until("both malls show 7", minutes(30), |hub| hub.shows(0, 7)).await;
    hub.buy("amazon", 0, 2);
    hub.run_until("both malls show 5", minutes(30), |hub| hub.shows(0, 5)).await;
    assert_eq!(hub.meters.violations(), Vec::<String>::new());
}
