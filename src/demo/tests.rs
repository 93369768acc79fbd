//! The demo's own word is worth something only if it can say no.

use std::sync::Arc;

use uriba_sdk::{Env, fake::ManualEnv};

use super::{
    compare::compare,
    goods::GOODS,
    hub::Hub,
    readings::Seen,
    shoppers::{Happening, Shoppers, ordered},
    street::{self, Shop},
    warehouse::Warehouse,
};

async fn shops() -> (Arc<dyn Env>, Vec<Shop>) {
    let env: Arc<dyn Env> = Arc::new(ManualEnv::new(1));
    let shops = street::open(&env).await;
    (env, shops)
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

#[tokio::test]
async fn one_seed_makes_shoppers_do_one_thing() {
    let mut days: Vec<Vec<Happening>> = Vec::new();
    for _ in 0..2 {
        let (_, shops) = shops().await;
        let mut shoppers = Shoppers::new(7, shops.len(), true);
        days.push((0..40).flat_map(|_| shoppers.step(&shops)).collect());
        let left: i64 = ordered(&shops).iter().sum();
        assert!(left > 0, "nothing was ordered");
    }
    assert_eq!(days[0], days[1]);
    let (_, shops) = shops().await;
    let mut others = Shoppers::new(8, shops.len(), true);
    assert_ne!(days[0], (0..40).flat_map(|_| others.step(&shops)).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_warehouse_never_ships_what_it_does_not_have() {
    let (_, shops) = shops().await;
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
async fn a_hub_that_missed_everything_is_found_out() {
    let (env, shops) = shops().await;
    let mut shoppers = Shoppers::new(5, shops.len(), false);
    for _ in 0..40 {
        shoppers.step(&shops);
    }
    let hub = Hub::open(&shops, env.clone(), false).await.unwrap();
    let belief = hub.belief(&shops, &mut Seen::default()).await.unwrap();
    let found = compare(&shops, &shoppers.warehouse, &hub, &belief, env.now()).await.unwrap();
    hub.clear(false);
    let says = |words: &str| found.differences.iter().any(|difference| difference.contains(words));
    assert!(says("the hub doesn't know order"), "{:?}", found.differences);
    assert!(says("units unshipped, the hub 0"), "{:?}", found.differences);
    assert!(says("lie in the warehouse, the hub says"), "{:?}", found.differences);
    assert!(says("the mall's own counter"), "{:?}", found.differences);
    assert!(found.restless.iter().any(|what| what.contains("orders are read to nowhere")), "{:?}", found.restless);
    assert!(!found.is_clean());
}
