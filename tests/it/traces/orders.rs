//! What malls do with orders beside selling: unpaid ones, and cancels that they restore or not, under either policy.

use std::time::Duration;

use uriba_sdk::{FulfilledBy, fake::Stage};

use crate::hub::Hub;

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

async fn two_malls(review: bool) -> Hub {
    let malls = [&uriba_rakuten::MALL, &uriba_yahoo::MALL];
    let hub = Hub::open_with(&malls, |plan| plan.review = review).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("both malls show 10", minutes(10), |hub| hub.shows(0, 10)).await;
    hub
}

/// Paid in a convenience store days later, or never: the mall has accepted it, so its units are taken.
#[tokio::test]
async fn an_unpaid_order_holds_its_units_until_it_is_cancelled_for_want_of_payment() {
    let hub = two_malls(false).await;
    let key = hub.key("rakuten", 0);
    let order = hub.book("rakuten").place_as(&[(&key, 3)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
    hub.run_until("both show 7", minutes(10), |hub| hub.shows(0, 7)).await;
    hub.run_for(minutes(30)).await;
    assert!(hub.shows(0, 7), "payment pending or not");
    hub.book("rakuten").cancel(&order);
    hub.run_until("both show 10", minutes(20), |hub| hub.shows(0, 10)).await;
}

#[tokio::test]
async fn each_policy_on_each_mall_that_restores_a_cancel_or_not() {
    for (review, restores) in [(false, true), (false, false), (true, true), (true, false)] {
        let hub = two_malls(review).await;
        let key = hub.key("rakuten", 0);
        hub.book("rakuten").with_item(&key, |item| item.restores_on_cancel = restores);
        let order = hub.buy("rakuten", 0, 3);
        hub.run_until("both show 7", minutes(10), |hub| hub.shows(0, 7)).await;
        hub.book("rakuten").cancel(&order);
        assert_eq!(hub.counter("rakuten", 0), if restores { 10 } else { 7 });
        let shown = if review { 7 } else { 10 };
        hub.run_for(minutes(20)).await;
        assert!(hub.shows(0, shown), "review: {review}, restores: {restores}");
        let items: Vec<_> = hub.store.attention(None, 100).await.unwrap();
        assert_eq!(items.iter().filter(|item| item.kind == "review").count(), usize::from(review));
        assert!(items.iter().all(|item| item.kind == "review"), "{items:?}");
        for item in items {
            hub.store.resolve_attention(item.id, Some("release"), "maria").await.unwrap();
        }
        hub.run_until("all ten are sold again", minutes(20), |hub| hub.shows(0, 10)).await;
    }
}
