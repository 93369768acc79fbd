//! Shoppers do the same for the same seed, the warehouse holds, and the word at the end can be no.

mod evening;
mod verdict;

use std::{sync::Arc, time::Duration};

use uriba_sdk::{Env, fake::ManualEnv};

use super::{
    DemoError,
    goods::GOODS,
    hub::Hub,
    patience::Patience,
    shoppers::{Happening, Shoppers},
    street::{self, Shop},
    warehouse::Warehouse,
};

async fn shops() -> Vec<Shop> {
    let env: Arc<dyn Env> = Arc::new(ManualEnv::new(1));
    street::open(&env, false).await
}

async fn day(seed: u64) -> Vec<Happening> {
    let shops = shops().await;
    let mut shoppers = Shoppers::new(seed, shops.len(), true);
    (0..40).flat_map(|_| shoppers.step(&shops)).collect()
}

#[test]
fn a_parcel_leaves_whole_or_not_at_all() {
    let mut warehouse = Warehouse::new();
    let (first, second) = (GOODS[0].opening, GOODS[1].opening);
    assert!(!warehouse.ship(&[(0, 1), (1, second + 1)]));
    assert_eq!((warehouse.on_hand(0), warehouse.on_hand(1), warehouse.shipped), (first, second, 0));
    assert!(warehouse.ship(&[(0, 1), (1, second)]));
    assert_eq!((warehouse.on_hand(0), warehouse.on_hand(1), warehouse.shipped), (first - 1, 0, second + 1));
}

#[test]
fn a_machine_that_slept_is_not_held_against_the_hub() {
    let seconds = Duration::from_secs;
    let mut patience = Patience::new(seconds(100), seconds(60), seconds(5));
    assert!(!patience.is_over(seconds(104)));
    assert!(!patience.is_over(seconds(7_000)), "it slept");
    let over = (7_001..).find(|now| patience.is_over(seconds(*now)));
    assert_eq!(over, Some(7_051), "4 seconds before, 5 of the night, 51 since");
}

#[tokio::test]
async fn one_seed_makes_shoppers_do_one_thing() {
    let first = day(7).await;
    assert!(!first.is_empty());
    assert_eq!(first, day(7).await);
    assert_ne!(first, day(8).await);
}

#[tokio::test]
async fn the_warehouse_never_ships_what_it_does_not_have() {
    let shops = shops().await;
    let mut shoppers = Shoppers::new(3, shops.len(), false);
    for _ in 0..500 {
        shoppers.step(&shops);
        assert!((0..GOODS.len()).all(|good| shoppers.warehouse.on_hand(good) >= 0));
    }
    let opening: i64 = GOODS.iter().map(|good| good.opening).sum();
    let now: i64 = (0..GOODS.len()).map(|good| shoppers.warehouse.on_hand(good)).sum();
    assert_eq!(now, opening + shoppers.warehouse.delivered - shoppers.warehouse.shipped);
    assert!(shoppers.warehouse.shipped > 0 && shoppers.cancelled > 0 && shoppers.split > 0);
}

#[tokio::test]
async fn a_hub_never_takes_up_what_another_run_left() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().to_owned();
    let env: Arc<dyn Env> = Arc::new(ManualEnv::new(1));
    let Err(error) = Hub::open(&[], env, false, left.clone()).await else { panic!("it took it up") };
    assert!(matches!(&error, DemoError::Directory(directory, _) if *directory == left), "{error}");
}
