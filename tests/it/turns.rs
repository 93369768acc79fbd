//! A scarce quota: who goes first, what is kept for whom, and that nothing is decided long before it is said.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use sea_orm::{EntityTrait, PaginatorTrait};
use uriba::{
    domain::suspend::Mode,
    store::{Store, entity::listing_write, switch::Suspension},
};
use uriba_sdk::{Env, mall::ListingKey, wire::Rate};

use crate::street::{Meanwhile, Outside, PUSH, READ, Street};

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// One shop that shows the ten that there are.
async fn showing_ten() -> Street {
    let street = Street::open(&["one"], |_| {}).await;
    street.list("tea", 0).await;
    street.stock("tea", 10).await;
    street.run_for(minutes(5)).await;
    assert_eq!(street.told(), ["one tea+10"]);
    street
}

fn switch(mode: Mode) -> Suspension {
    Suspension { mode, reason: None, from: None, until: None, poll: true }
}

/// Somebody throws the switch while a push reads what it is about to overwrite, which takes so long.
fn suspends(street: &Street, mode: Mode, takes: Duration) -> Meanwhile {
    let (store, outside): (Store, Arc<Outside>) = (street.store.clone(), street.outside.clone());
    Box::new(move |operation| {
        let (store, outside) = (store.clone(), outside.clone());
        let read = operation == READ;
        async move {
            if read {
                store.suspend(&["one".to_owned()], &switch(mode), "test").await.unwrap();
                outside.clock.advance(takes);
            }
        }
        .boxed()
    })
}

#[tokio::test]
async fn nothing_but_zeros_leaves_once_a_channel_is_suspended_though_a_claim_is_held_up() {
    let street = showing_ten().await;
    street.stock("tea", 6).await;
    street.meanwhile(Some(suspends(&street, Mode::Zero, Duration::from_secs(2))));
    street.push().await;
    assert_eq!(street.told(), Vec::<String>::new(), "the claim of −4 was given back");
    street.meanwhile(None);
    street.outside.clock.advance(Duration::from_secs(2));
    street.push().await;
    assert_eq!(street.told(), ["one tea=0"]);
}

#[tokio::test]
async fn nothing_at_all_leaves_once_a_channel_is_frozen_though_a_claim_is_held_up() {
    let street = showing_ten().await;
    street.stock("tea", 0).await;
    street.meanwhile(Some(suspends(&street, Mode::Freeze, Duration::from_secs(2))));
    street.push().await;
    street.meanwhile(None);
    street.run_for(minutes(3)).await;
    assert_eq!(street.told(), Vec::<String>::new());
    let report = street.store.verify(&street.store.allowances().await.unwrap()).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}

#[tokio::test]
async fn a_zero_that_was_held_up_leaves_after_a_switch_to_zero() {
    let street = showing_ten().await;
    street.stock("tea", 0).await;
    street.meanwhile(Some(suspends(&street, Mode::Zero, Duration::from_secs(2))));
    street.push().await;
    assert_eq!(street.told()[0], "one tea=0");
}

#[tokio::test]
async fn nothing_but_zeros_leaves_for_what_is_off_sale_though_a_claim_is_held_up() {
    let street = showing_ten().await;
    street.stock("tea", 12).await;
    let (store, outside): (Store, Arc<Outside>) = (street.store.clone(), street.outside.clone());
    street.meanwhile(Some(Box::new(move |operation| {
        let (store, outside) = (store.clone(), outside.clone());
        let read = operation == READ;
        async move {
            if read {
                store.stop_sku("tea", None, "test").await.unwrap();
                outside.clock.advance(Duration::from_secs(2));
            }
        }
        .boxed()
    })));
    street.push().await;
    assert_eq!(street.told(), Vec::<String>::new(), "the claim of +2 was given back");
    street.meanwhile(None);
    street.outside.clock.advance(Duration::from_secs(2));
    street.push().await;
    assert_eq!(street.told(), ["one tea=0"]);
}

async fn open_writes(street: &Street) -> u64 {
    listing_write::Entity::find().count(street.store.reader()).await.unwrap()
}

#[tokio::test]
async fn nothing_is_claimed_before_the_quotas_of_all_that_the_request_needs_are_there() {
    let street = showing_ten().await;
    street.stock("tea", 6).await;
    let line = street.engine.channel("one").unwrap().line();
    let key = ListingKey { key: "tea".into(), handle: None };
    line.mall.extras().readback.unwrap().read(&[key]).await.unwrap();
    assert!(line.wire.ready_at(PUSH) <= street.outside.now() && line.wire.ready_at(READ) > street.outside.now());
    street.push().await;
    assert_eq!((street.told(), open_writes(&street).await), (Vec::new(), 0));
    street.outside.clock.advance(Duration::from_millis(1_010));
    street.push().await;
    assert_eq!(street.told(), ["one tea-4"]);
}

#[tokio::test]
async fn a_claim_whose_quota_is_taken_back_by_the_mall_is_given_back_unsent() {
    let street = showing_ten().await;
    street.stock("tea", 6).await;
    let wire = street.engine.channel("one").unwrap().line().wire.clone();
    street.meanwhile(Some(Box::new(move |operation| {
        let wire = wire.clone();
        let read = operation == READ;
        async move {
            if read {
                wire.throttled(PUSH, Some(Duration::from_secs(15))).await;
            }
        }
        .boxed()
    })));
    let before = street.outside.elapsed();
    street.push().await;
    assert_eq!((street.told(), open_writes(&street).await), (Vec::new(), 0));
    assert_eq!(street.outside.elapsed(), before, "nobody waited for it");
    assert_eq!(street.store.channel("one").await.unwrap().stock_lane, "flowing");
    street.meanwhile(None);
    street.outside.clock.advance(Duration::from_secs(16));
    street.stock("tea", 5).await;
    street.push().await;
    assert_eq!(street.told(), ["one tea-5"], "with the figure of now");
}

#[tokio::test]
async fn a_days_cap_is_paced_and_keeps_its_last_part_for_zeros() {
    let cap = Rate { per_second: 1.0, burst: 1, per_day: Some(20) };
    let street = Street::open(&["one"], |plan| plan.quotas.push((PUSH.into(), cap))).await;
    street.list("tea", 0).await;
    street.stock("tea", 10).await;
    street.run_for(minutes(5)).await;
    assert_eq!(street.told(), ["one tea+10"]);
    // At one in the morning an hour's part of 19 is used, and a second one's may be used ahead.
    street.stock("tea", 12).await;
    street.run_for(minutes(20)).await;
    assert_eq!(street.told(), Vec::<String>::new());
    street.stock("tea", 0).await;
    street.run_for(minutes(1)).await;
    assert_eq!(street.told(), ["one tea=0"], "a zero does not wait for the day's pace");
    let quotas = street.engine.channel("one").unwrap().line().wire.quotas();
    let (_, _, state) = quotas.into_iter().find(|(name, ..)| *name == PUSH).unwrap();
    assert_eq!(state.used_today, 2);
    street.stock("tea", 7).await;
    street.run_for(minutes(20)).await;
    assert_eq!(street.told(), Vec::<String>::new());
    street.run_for(minutes(120)).await;
    assert_eq!(street.told(), ["one tea+7"], "its turn comes with the day");
}
