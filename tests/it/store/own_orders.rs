//! Orders of the seller's own storefront: recorded once, counted like any other.

use uriba::store::{
    StoreError,
    channels::{ChannelSetup, PoolSetup},
    own_orders::{OwnLine, OwnOrder, Recorded},
    recompute::Allowance,
};
use uriba_sdk::Env;

use crate::support::{POOL, SHOP, TestBase, WAREHOUSE, on_every_database, seconds};

/// Ten of tea in the shop, sold on the mall `a` and in the own storefront `own`.
pub async fn open_shop(base: &TestBase) {
    open_with(base, false).await;
}

pub async fn open_with(base: &TestBase, review: bool) {
    let pools =
        [PoolSetup { id: POOL.into(), locations: vec![SHOP.into(), WAREHOUSE.into()], exposure: None, epsilon: None }];
    let setup = |id: &str, mall: &str| ChannelSetup {
        id: id.into(),
        mall: mall.into(),
        name: id.into(),
        pool: POOL.into(),
        live: true,
        review,
        allowance: Allowance::default(),
    };
    base.store.configure(&pools, &[setup("a", "plain"), setup("own", "storefront")], "own").await.unwrap();
    base.list(&["a"], "tea").await;
    base.receive("tea", SHOP, 10).await;
    base.recompute(&["a"]).await;
}

pub fn own(id: &str, lines: &[(&str, u32)]) -> OwnOrder {
    OwnOrder {
        channel: "own".into(),
        order_id: id.into(),
        ordered_at: "2026-11-20T10:00:00+09:00".parse().unwrap(),
        lines: lines.iter().map(|(sku, quantity)| OwnLine { sku: (*sku).into(), quantity: *quantity }).collect(),
    }
}

#[tokio::test]
async fn an_own_order_holds_stock_as_a_malls_order_does() {
    on_every_database(async |base| {
        open_shop(base).await;
        assert_eq!(base.store.post_order(&own("1", &[("tea", 3)])).await.unwrap(), Recorded::New);
        base.recompute(&["a"]).await;
        assert_eq!((base.unshipped("tea").await, base.target("a", "tea").await), (3, Some(7)));
        let sheet = base.store.order_sheet("own", "1").await.unwrap();
        assert_eq!((sheet.state.as_str(), sheet.unshipped), ("open", 3));
        let line = &sheet.lines[0];
        assert_eq!(
            (line.line.as_str(), line.sku.as_deref(), line.units, line.ordered),
            ("tea", Some("tea"), Some(1), 3)
        );
        let report = base.store.verify(&crate::support::allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

#[tokio::test]
async fn the_same_again_is_the_same_and_something_else_is_not() {
    on_every_database(async |base| {
        open_shop(base).await;
        let first = own("1", &[("tea", 1), ("tea", 2)]);
        base.store.post_order(&first).await.unwrap();
        let before = base.everything().await;
        base.env.advance(seconds(60));
        let later = OwnOrder { ordered_at: base.env.now(), ..own("1", &[("tea", 3)]) };
        assert_eq!(base.store.post_order(&later).await.unwrap(), Recorded::Same);
        assert_eq!(base.store.post_order(&own("1", &[("tea", 4)])).await.unwrap(), Recorded::Different);
        assert_eq!(base.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn an_own_order_beyond_the_stock_is_recorded_and_the_sku_says_that_it_is_oversold() {
    on_every_database(async |base| {
        open_shop(base).await;
        base.store.post_order(&own("1", &[("tea", 12)])).await.unwrap();
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(0));
        let items = base.attention("oversold").await;
        assert_eq!(items, ["tea is oversold by 2 in pool online: more is ordered than there is"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_storefront_cant_have_sold_is_refused_and_named() {
    on_every_database(async |base| {
        open_shop(base).await;
        let before = base.everything().await;
        let error = base.store.post_order(&own("1", &[("tea", 1), ("tee", 1)])).await.unwrap_err();
        assert_eq!(error.to_string(), "lines[1].sku: there is no SKU \"tee\"");
        let of_mall = OwnOrder { channel: "a".into(), ..own("1", &[("tea", 1)]) };
        let error = base.store.post_order(&of_mall).await.unwrap_err();
        assert!(matches!(&error, StoreError::Refused(why) if why.contains("a is a shop on plain")), "{error}");
        let nowhere = OwnOrder { channel: "b".into(), ..own("1", &[("tea", 1)]) };
        let error = base.store.post_order(&nowhere).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing { kind: "channel", .. }), "{error}");
        assert_eq!(base.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn an_order_posted_twice_at_the_same_moment_is_one_order() {
    on_every_database(async |base| {
        open_shop(base).await;
        let other = base.another().await;
        let order = own("1", &[("tea", 2)]);
        let (one, two) = tokio::join!(base.store.post_order(&order), other.post_order(&order));
        let mut answers = [one.unwrap(), two.unwrap()];
        answers.sort_by_key(|answer| *answer != Recorded::New);
        assert_eq!(answers, [Recorded::New, Recorded::Same]);
        assert_eq!(base.unshipped("tea").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_storefront_lists_nothing_and_has_nothing_to_write() {
    on_every_database(async |base| {
        open_shop(base).await;
        let mapping = uriba::store::catalogue::Mapping {
            channel: "own".into(),
            mall_key: "tea".into(),
            sku: "tea".into(),
            ..Default::default()
        };
        let error = base.store.map_listings(&[mapping], false, "test").await.unwrap_err();
        assert!(error.to_string().contains("sells each SKU by its code"), "{error}");
        let error = base.store.set_mode("own", false, "test").await.unwrap_err();
        assert!(error.to_string().contains("nothing is written to it"), "{error}");
        let sheet = base.store.channel_sheet("own", &Default::default()).await.unwrap();
        assert_eq!((sheet.baseline.as_str(), sheet.health.orders.state.as_str()), ("done", "flowing"));
        assert_eq!((sheet.backlog, sheet.quotas.len(), sheet.watermark), (0, 0, None));
    })
    .await;
}

#[tokio::test]
async fn a_suspended_storefront_resumes_without_anybody_polling_it() {
    on_every_database(async |base| {
        open_shop(base).await;
        let own = ["own".to_owned()];
        let wanted = uriba::store::switch::Suspension {
            mode: uriba::domain::suspend::Mode::Zero,
            reason: None,
            from: None,
            until: None,
            poll: true,
        };
        base.store.suspend(&own, &wanted, "test").await.unwrap();
        base.store.move_switches().await.unwrap();
        assert_eq!(base.store.channel("own").await.unwrap().state, "suspended");
        base.store.resume(&own, None, "test").await.unwrap();
        base.store.move_switches().await.unwrap();
        assert_eq!(base.store.channel("own").await.unwrap().state, "active");
    })
    .await;
}
