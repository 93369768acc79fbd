//! The same stories against the fakes, over real HTTP.

use std::time::Duration;

use uriba_sdk::fake::{Fault, Times};

use crate::hub::Hub;

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

async fn two_malls() -> Hub {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("both malls show 10", minutes(10), |hub| hub.shows(0, 10)).await;
    hub
}

#[tokio::test]
async fn open_orders_at_first_sync_dont_come_back() {
    let hub = Hub::open(&[&uriba_rakuten::MALL]).await;
    let key = hub.key("rakuten", 0);
    hub.book("rakuten").list(&key, uriba_sdk::fake::Item::new(10));
    hub.buy("rakuten", 0, 3);
    hub.env.advance(Duration::from_secs(86_400));
    hub.list_mapping("rakuten", 0, "tea").await;
    hub.stock("tea", 10).await;
    hub.run_for(minutes(15)).await;
    assert_eq!(hub.counter("rakuten", 0), 7, "ten lie there, three are sold: seven to sell, and no push raised it");
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_evidence_and_nothing_is_sent_twice() {
    let hub = two_malls().await;
    hub.book("yahoo").fault("stock.push", Fault::CloseAfter, Times::Next(1));
    hub.stock("tea", 13).await;
    hub.run_until("both malls show 13", minutes(20), |hub| hub.shows(0, 13)).await;
    hub.run_for(minutes(20)).await;
    assert!(hub.shows(0, 13), "and it stays so");
}

#[tokio::test]
async fn a_write_that_never_arrived_is_sent_again_once_that_is_certain() {
    let hub = two_malls().await;
    hub.book("rakuten").fault("stock.push", Fault::CloseBefore, Times::Next(1));
    hub.stock("tea", 13).await;
    hub.run_until("both malls show 13", minutes(20), |hub| hub.shows(0, 13)).await;
}

#[tokio::test]
async fn a_restart_between_claim_and_settle_converges() {
    let mut hub = two_malls().await;
    hub.stock("tea", 6).await;
    hub.engine.recompute_all().await.unwrap();
    let here = hub.engine.channel("rakuten").unwrap().clone();
    let lease = here.lease().unwrap();
    let claim = hub.store.claim(&lease, &here.outlet, hub.store.now()).await.unwrap();
    assert!(claim.is_some(), "the process dies with a claim in hand that never left");
    drop(claim);
    hub.restart().await;
    hub.run_until("both malls show 6", minutes(20), |hub| hub.shows(0, 6)).await;
}

#[tokio::test]
async fn a_restart_between_perform_and_settle_converges() {
    let mut hub = two_malls().await;
    hub.stock("tea", 14).await;
    hub.engine.recompute_all().await.unwrap();
    let here = hub.engine.channel("yahoo").unwrap().clone();
    let lease = here.lease().unwrap();
    let claim = hub.store.claim(&lease, &here.outlet, hub.store.now()).await.unwrap().unwrap();
    let (performed, failure) = uriba::engine::push::perform(here.line().mall.as_ref(), &claim.updates()).await;
    assert!(failure.is_none(), "{performed:?} {failure:?}");
    assert_eq!(hub.counter("yahoo", 0), 14, "the mall has it");
    drop((claim, performed));
    hub.restart().await;
    hub.run_until("both malls show 14", minutes(20), |hub| hub.shows(0, 14)).await;
    hub.run_for(minutes(10)).await;
    assert!(hub.shows(0, 14), "the +4 was not sent twice");
}

#[tokio::test]
async fn one_refused_entry_doesnt_hold_up_the_batch() {
    let hub = Hub::open(&[&uriba_rakuten::MALL]).await;
    for n in 0..5 {
        hub.list(n, &format!("sku-{n}"), 1, 0).await;
        hub.stock(&format!("sku-{n}"), 20).await;
    }
    hub.run_until("all show 20", minutes(10), |hub| (0..5).all(|n| hub.counter("rakuten", n) == 20)).await;
    // Everything of item 0 sells at once, unseen, while the core counts all items lower.
    hub.book("rakuten").set(&hub.key("rakuten", 0), 0);
    for n in 0..5 {
        hub.stock(&format!("sku-{n}"), 15).await;
    }
    hub.run_until("the others show 15", minutes(5), |hub| (1..5).all(|n| hub.counter("rakuten", n) == 15)).await;
}

#[tokio::test]
async fn a_mall_that_hangs_doesnt_hold_up_the_others() {
    let hub = two_malls().await;
    hub.book("yahoo").fault("orders.search", Fault::Status(503), Times::Probability(1.0));
    hub.book("yahoo").fault("stock.push", Fault::Status(503), Times::Probability(1.0));
    hub.stock("tea", 4).await;
    hub.run_until("rakuten shows 4", minutes(5), |hub| hub.counter("rakuten", 0) == 4).await;
    hub.book("yahoo").clear_faults();
    hub.run_until("yahoo catches up", minutes(20), |hub| hub.shows(0, 4)).await;
}

#[tokio::test]
async fn a_hub_without_any_stock_figure_pushes_nothing() {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 5).await;
    hub.buy("rakuten", 0, 1);
    hub.run_for(minutes(10)).await;
    assert_eq!((hub.counter("rakuten", 0), hub.counter("yahoo", 0)), (4, 5));
}

/// However the mall words a split, five units were ordered and five stay held.
#[tokio::test]
async fn a_split_order_releases_nothing_in_between() {
    for switch in [None, Some("split-replaces-original")] {
        let hub = two_malls().await;
        if let Some(switch) = switch {
            hub.shops["yahoo"].set_switch(switch, true);
        }
        let order = hub.buy("yahoo", 0, 5);
        hub.run_until("both show 5", minutes(10), |hub| hub.shows(0, 5)).await;
        hub.book("yahoo").split(&order, "1", 2).unwrap();
        for _ in 0..20 {
            hub.run_for(Duration::from_secs(30)).await;
            assert!(hub.counter("rakuten", 0) <= 5, "nothing is released in between ({switch:?})");
        }
        hub.run_until("both show 5 again", minutes(20), |hub| hub.shows(0, 5)).await;
    }
}

#[tokio::test]
async fn a_partial_cancel_without_a_child_releases_two_after_the_family_search() {
    let hub = two_malls().await;
    let order = hub.buy("yahoo", 0, 5);
    hub.run_until("both show 5", minutes(10), |hub| hub.shows(0, 5)).await;
    hub.book("yahoo").cancel_units(&order, "1", 2);
    hub.run_until("both show 7", minutes(10), |hub| hub.shows(0, 7)).await;
}

#[tokio::test]
async fn a_cancel_is_sold_again_on_every_mall_whether_its_mall_restored_it_or_not() {
    for restores in [true, false] {
        let hub = two_malls().await;
        let key = hub.key("rakuten", 0);
        hub.book("rakuten").with_item(&key, |item| item.restores_on_cancel = restores);
        let order = hub.buy("rakuten", 0, 3);
        hub.run_until("both show 7", minutes(10), |hub| hub.shows(0, 7)).await;
        hub.book("rakuten").cancel(&order);
        hub.run_until("both show 10", minutes(10), |hub| hub.shows(0, 10)).await;
        hub.run_for(minutes(10)).await;
        assert!(hub.shows(0, 10), "and it stays so (restores: {restores})");
    }
}

#[tokio::test]
async fn under_review_cancelled_units_are_not_sold_again_and_the_restoring_mall_is_lowered() {
    let hub = Hub::open_with(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL], |plan| plan.review = true).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("both malls show 10", minutes(10), |hub| hub.shows(0, 10)).await;
    let order = hub.buy("rakuten", 0, 3);
    hub.run_until("both show 7", minutes(10), |hub| hub.shows(0, 7)).await;
    hub.book("rakuten").cancel(&order);
    assert_eq!(hub.counter("rakuten", 0), 10, "the mall put them back");
    hub.run_until("it is lowered again", minutes(20), |hub| hub.shows(0, 7)).await;
}

#[tokio::test]
async fn a_shipment_moves_units_from_unshipped_to_issued_and_what_can_be_sold_stays() {
    let hub = two_malls().await;
    let order = hub.buy("yahoo", 0, 4);
    hub.run_until("both show 6", minutes(10), |hub| hub.shows(0, 6)).await;
    hub.book("yahoo").ship(&order);
    for _ in 0..20 {
        hub.run_for(Duration::from_secs(30)).await;
        assert!(hub.shows(0, 6), "shipping changes nothing that can be sold");
    }
}

/// Amazon accepts a figure now and shows it minutes later; its counter goes on selling meanwhile.
#[tokio::test]
async fn a_write_that_takes_effect_later_is_settled_by_the_effective_figure() {
    let hub = Hub::open(&[&uriba_amazon::MALL, &uriba_rakuten::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 5).await;
    hub.run_until("both show 5", minutes(90), |hub| hub.shows(0, 5)).await;
    hub.stock("tea", 9).await;
    hub.run_for(minutes(3)).await;
    assert_eq!(hub.counter("amazon", 0), 5, "not effective yet");
    hub.buy("amazon", 0, 2);
    hub.run_until("both show 7", minutes(90), |hub| hub.shows(0, 7)).await;
    hub.run_for(minutes(30)).await;
    assert!(hub.shows(0, 7));
}

/// The mall reads one less, the hub holds it back; then an order turns up that was placed and cancelled at once.
#[tokio::test]
async fn a_hold_that_a_cancelled_order_explains_is_given_back() {
    let hub = two_malls().await;
    let key = hub.key("rakuten", 0);
    hub.book("rakuten").with_item(&key, |item| item.restores_on_cancel = false);
    let order = hub.buy("rakuten", 0, 2);
    hub.book("rakuten").hide_until(&order, crate::hub::seconds_later(hub.store.now(), 900));
    hub.run_until("the other mall is lowered by the hold", minutes(14), |hub| hub.counter("yahoo", 0) == 8).await;
    hub.book("rakuten").cancel(&order);
    hub.run_until("both show 10 again", minutes(60), |hub| hub.shows(0, 10)).await;
}
