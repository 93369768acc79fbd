//! What malls answer when something is wrong: a clear word about it, nothing lost, nothing else stopped.

mod answers;
mod lists;
mod outside;

use std::time::Duration;

use uriba::store::entity::attention;
use uriba_sdk::fake::{Fault, Item, Times};

use crate::hub::Hub;

pub fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

async fn two_malls() -> Hub {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("both malls show 10", minutes(10), |hub| hub.shows(0, 10)).await;
    hub
}

async fn attention(hub: &Hub, kind: &str) -> Vec<attention::Model> {
    let items = hub.store.attention(None, 100).await.unwrap();
    items.into_iter().filter(|item| item.kind == kind).collect()
}

#[tokio::test]
async fn expired_credentials_stop_one_channel_and_say_which() {
    let hub = two_malls().await;
    hub.shops["rakuten"].expire_credentials();
    hub.stock("tea", 6).await;
    hub.run_until("yahoo goes on", minutes(5), |hub| hub.counter("yahoo", 0) == 6).await;
    hub.run_for(minutes(2)).await;
    let items = attention(&hub, "credentials").await;
    assert!(items.iter().all(|item| item.channel.as_deref() == Some("rakuten")) && !items.is_empty(), "{items:?}");
    assert!(items[0].message.contains("rakuten") && items[0].message.contains("auth"), "{}", items[0].message);
    hub.shops["rakuten"].renew_credentials();
    hub.run_until("rakuten comes back by itself", minutes(20), |hub| hub.shows(0, 6)).await;
    hub.run_for(minutes(6)).await;
    assert_eq!(attention(&hub, "credentials").await, []);
}

#[tokio::test]
async fn an_item_mapped_to_nothing_is_named_and_counts_from_its_mapping_on() {
    let hub = two_malls().await;
    let key = hub.key("yahoo", 7);
    hub.book("yahoo").list(&key, Item::new(5));
    hub.buy("yahoo", 7, 2);
    hub.run_for(minutes(3)).await;
    let items = attention(&hub, "unmapped").await;
    assert_eq!(items.len(), 1);
    assert!(items[0].message.contains(&key), "{}", items[0].message);
    hub.list_mapping("yahoo", 7, "tea").await;
    hub.run_until("the two units count", minutes(5), |hub| hub.counter("rakuten", 0) == 8).await;
    assert_eq!(attention(&hub, "unmapped").await, []);
}

#[tokio::test]
async fn answers_that_make_no_sense_are_kept_apart_and_nothing_is_lost() {
    let hub = two_malls().await;
    let junk = Fault::Garbage(b"{\"orders\": [".to_vec());
    hub.book("rakuten").fault("orders.search", junk.clone(), Times::Next(3));
    hub.book("rakuten").fault("orders.get", Fault::Truncate, Times::Next(2));
    hub.book("rakuten").fault("stock.push", junk, Times::Next(2));
    hub.buy("rakuten", 0, 3);
    hub.run_until("both end at 7", minutes(40), |hub| hub.shows(0, 7)).await;
}

#[tokio::test]
async fn an_unknown_status_holds_stock() {
    let hub = two_malls().await;
    hub.buy("rakuten", 0, 4);
    hub.book("rakuten").fault("orders.get", Fault::UnknownStatus, Times::Probability(1.0));
    hub.run_until("the other mall is lowered", minutes(10), |hub| hub.counter("yahoo", 0) <= 6).await;
}

#[tokio::test]
async fn an_item_that_the_mall_doesnt_have_is_set_aside_alone() {
    let hub = two_malls().await;
    hub.list_mapping("rakuten", 9, "tea").await;
    hub.run_for(minutes(3)).await;
    let items = attention(&hub, "set_aside").await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(items[0].message.contains(&hub.key("rakuten", 9)), "{}", items[0].message);
    hub.stock("tea", 4).await;
    hub.run_until("the others go on", minutes(5), |hub| hub.shows(0, 4)).await;
}

#[tokio::test]
async fn a_mall_that_silently_keeps_less_is_left_alone_and_reported() {
    let hub = two_malls().await;
    let key = hub.key("yahoo", 0);
    hub.book("yahoo").with_item(&key, |item| item.keeps_at_most = Some(12));
    hub.stock("tea", 50).await;
    hub.run_for(minutes(60)).await;
    assert_eq!(attention(&hub, "mall_limit").await.len(), 1);
    assert_eq!(hub.counter("rakuten", 0), 50, "the other mall shows all");
}

#[tokio::test]
async fn a_mall_that_claims_success_and_changes_nothing_is_found_out_by_reading() {
    let hub = two_malls().await;
    hub.book("rakuten").fault("stock.push", Fault::Silent, Times::Next(1));
    hub.stock("tea", 4).await;
    hub.run_until("it is put right", minutes(30), |hub| hub.shows(0, 4)).await;
}

#[tokio::test]
async fn a_renewed_key_is_found_without_a_restart() {
    let hub = two_malls().await;
    let renewed = hub.shops["rakuten"].settings("rakuten");
    let mut wrong = renewed.clone();
    wrong.credentials.insert("license_key".into(), String::from("SL000000_WrongWrongWrong").into());
    let here = hub.engine.channel("rakuten").unwrap();
    let key = std::sync::Arc::new(std::sync::Mutex::new(wrong));
    let source = key.clone();
    here.take_settings_from(std::sync::Arc::new(move |_| Some(source.lock().unwrap().clone())));
    hub.shops["rakuten"].expire_credentials();
    hub.stock("tea", 6).await;
    hub.run_for(minutes(12)).await;
    hub.shops["rakuten"].renew_credentials();
    hub.run_for(minutes(12)).await;
    assert_eq!(hub.counter("rakuten", 0), 10, "the configured key is wrong by now");
    *key.lock().unwrap() = renewed;
    hub.run_until("the renewed key is taken up", minutes(12), |hub| hub.shows(0, 6)).await;
}
