//! `never`: the core system doesn't know of the malls' shipments, so its book still holds them.

use uriba::domain::ledger::CountsShipments;
use uriba_sdk::Line;

use crate::support::{allowances, at, line, on_every_database, order};

fn gone(units: u32, when: &str) -> Line {
    Line { shipped: units, shipped_at: Some(at(when)), ..line("tea", units) }
}

#[tokio::test]
async fn the_core_never_knows() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 0).await;
        base.core(CountsShipments::Never).await;
        base.count("tea", crate::support::SHOP, 10, at("20T10:00")).await;
        base.env.advance_to(at("20T12:01"));
        base.read("a", &[order("1", &[gone(2, "20T12:00")])]).await;
        assert_eq!(base.in_shop("tea").await, 8);
        base.shop_book("20T13:00", &[("tea", 10)]).await;
        assert_eq!(base.in_shop("tea").await, 8);
    })
    .await;
}

#[tokio::test]
async fn a_shipment_heard_of_after_the_book_is_not_in_it_either() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 0).await;
        base.core(CountsShipments::Never).await;
        base.count("tea", crate::support::SHOP, 10, at("20T10:00")).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.shop_book("20T15:30", &[("tea", 10)]).await;
        base.env.advance_to(at("20T16:00"));
        base.read("a", &[order("1", &[gone(2, "20T15:00")])]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (8, 0));
        base.shop_book("20T17:00", &[("tea", 10)]).await;
        assert_eq!(base.in_shop("tea").await, 8);
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

#[tokio::test]
async fn a_shipment_from_before_people_counted_is_in_their_count() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 0).await;
        base.core(CountsShipments::Never).await;
        base.env.advance_to(at("20T15:45"));
        base.count("tea", crate::support::SHOP, 8, at("20T15:30")).await;
        base.env.advance_to(at("20T16:00"));
        base.read("a", &[order("1", &[gone(2, "20T15:00")])]).await;
        assert_eq!(base.in_shop("tea").await, 8);
    })
    .await;
}
