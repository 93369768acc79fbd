//! `by_sales_file`: the core system learns of the malls' shipments as sales of the shop.

use jiff::Timestamp;
use uriba::{domain::ledger::CountsShipments, store::explain::Question};
use uriba_sdk::{Env, Line};

use crate::support::{TestBase, allowances, at, line, on_every_database, order, outlines};

async fn shop(base: &TestBase) {
    base.trade(&["a"], "tea", 10).await;
    base.core(CountsShipments::BySalesFile).await;
}

async fn ships(base: &TestBase, id: &str, units: u32, when: &str, seen: &str) {
    base.env.advance_to(at(seen));
    let gone = Line { shipped: units, shipped_at: Some(at(when)), ..line("tea", units) };
    base.read("a", &[order(id, &[gone])]).await;
}

async fn not_in_core(base: &TestBase) -> i64 {
    base.store.sku_sheet("tea", &Default::default()).await.unwrap().pools[0].shipped_not_in_core
}

/// The term of the derivation.
async fn explained(base: &TestBase, at: Option<Timestamp>) -> i64 {
    let question = Question { sku: "tea", at, ..Question::default() };
    let tree = base.store.explain(&question, &outlines(&["a"])).await.unwrap();
    tree.find("shipped_not_in_core").unwrap().whole().unwrap()
}

#[tokio::test]
async fn core_counts_the_shipment_as_a_sale() {
    on_every_database(async |base| {
        shop(base).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.sales("20T14:55", "20", &[("tea", 5)]).await;
        assert_eq!(base.sellable("tea").await, 3);
        ships(base, "1", 2, "20T15:00", "20T15:01").await;
        assert_eq!((base.unshipped("tea").await, not_in_core(base).await, base.sellable("tea").await), (0, 2, 3));
        assert_eq!(base.in_shop("tea").await, 5, "shipping books no issue");
        base.sales("20T15:05", "20", &[("tea", 5)]).await;
        assert_eq!((not_in_core(base).await, base.sellable("tea").await), (2, 3), "nothing comes back");
        assert_eq!(explained(base, None).await, -2);
        let before = base.env.now();
        base.sales("20T16:05", "20", &[("tea", 7)]).await;
        assert_eq!((base.in_shop("tea").await, not_in_core(base).await, base.sellable("tea").await), (3, 0, 3));
        assert_eq!((explained(base, None).await, explained(base, Some(before)).await), (0, -2));
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

#[tokio::test]
async fn the_core_knows_of_the_shipment_before_the_poll_does() {
    on_every_database(async |base| {
        shop(base).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.sales("20T14:55", "20", &[("tea", 5)]).await;
        base.sales("20T15:05", "20", &[("tea", 7)]).await;
        assert_eq!(base.sellable("tea").await, 1, "still ordered, and sold already");
        ships(base, "1", 2, "20T15:00", "20T15:10").await;
        assert_eq!((base.unshipped("tea").await, not_in_core(base).await, base.sellable("tea").await), (0, 0, 3));
    })
    .await;
}

#[tokio::test]
async fn a_shipment_of_which_only_the_date_is_known_is_in_core_when_the_day_is_over() {
    on_every_database(async |base| {
        shop(base).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.sales("20T15:00", "20", &[("tea", 7)]).await;
        ships(base, "1", 2, "20T23:59", "20T15:30").await;
        assert_eq!(base.sellable("tea").await, 1, "whether the seven hold it nobody knows yet");
        base.sales("21T00:30", "20", &[("tea", 7)]).await;
        assert_eq!((not_in_core(base).await, base.sellable("tea").await), (0, 3));
    })
    .await;
}

#[tokio::test]
async fn a_new_days_file_ends_the_day_before_for_skus_that_it_does_not_name() {
    on_every_database(async |base| {
        shop(base).await;
        base.list(&["a"], "cup").await;
        ships(base, "1", 2, "20T23:59", "20T15:30").await;
        base.sales("20T20:00", "20", &[("tea", 2)]).await;
        assert_eq!(base.sellable("tea").await, 8, "it may be the same two");
        base.sales("21T10:00", "21", &[("cup", 1)]).await;
        assert_eq!(base.sellable("tea").await, 8);
    })
    .await;
}

#[tokio::test]
async fn what_the_core_forgot_stays_subtracted_and_somebody_is_told() {
    on_every_database(async |base| {
        shop(base).await;
        ships(base, "1", 2, "20T15:00", "20T15:30").await;
        base.sales("20T20:00", "20", &[("tea", 1)]).await;
        base.sales("21T10:00", "21", &[("tea", 0)]).await;
        assert_eq!((not_in_core(base).await, base.sellable("tea").await), (1, 8));
        let told = base.attention("file").await;
        assert!(told.len() == 1 && told[0].starts_with("1 of tea shipped on 2026-11-20"), "{told:?}");
        base.sales("21T11:00", "20", &[("tea", 2)]).await;
        assert_eq!((not_in_core(base).await, base.sellable("tea").await), (0, 8));
        assert_eq!(base.attention("file").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_shipment_that_the_mall_takes_back_is_not_in_the_way() {
    on_every_database(async |base| {
        shop(base).await;
        base.env.advance_to(at("20T12:00"));
        base.read("a", &[order("1", &[Line { shipped: 3, ..line("tea", 5) }])]).await;
        assert_eq!((base.unshipped("tea").await, not_in_core(base).await), (2, 3));
        base.read("a", &[order("1", &[Line { shipped: 1, ..line("tea", 5) }])]).await;
        assert_eq!((base.unshipped("tea").await, not_in_core(base).await, base.sellable("tea").await), (4, 1, 5));
    })
    .await;
}
