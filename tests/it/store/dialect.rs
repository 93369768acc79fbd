//! The statements that each database spells its own way, through what is built on them.

use uriba::store::{
    Backup,
    channels::{ChannelSetup, PoolSetup},
    migrate, pending_migrations,
    recompute::Allowance,
    sheets::{Outlines, Paging, PoolTotals},
};
use uriba_sdk::Env;

use crate::support::{POOL, SHOP, TestBase, WAREHOUSE, line, on_every_database, order, outlet, seconds};

#[tokio::test]
async fn a_lease_is_one_holders_until_it_ends_or_is_given_back() {
    on_every_database(async |base| {
        let hour = seconds(3_600);
        assert!(base.store.take_lease("group", "first", hour).await.unwrap().is_some());
        assert!(base.store.take_lease("group", "second", hour).await.unwrap().is_none());
        assert!(base.store.take_lease("group", "first", hour).await.unwrap().is_some(), "renewed");
        assert!(base.store.take_lease("other group", "second", hour).await.unwrap().is_some());
        base.store.release_lease("group", "second").await.unwrap();
        assert!(base.store.take_lease("group", "second", hour).await.unwrap().is_none(), "it was not theirs to give");
        base.store.release_lease("group", "first").await.unwrap();
        assert!(base.store.take_lease("group", "second", hour).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_lease_ends_by_the_databases_clock_whatever_the_holders_say() {
    on_every_database(async |base| {
        base.store.take_lease("group", "first", seconds(3_600)).await.unwrap();
        // A holder whose clock runs a day ahead.
        base.env.advance(seconds(86_400));
        assert!(base.store.take_lease("group", "second", seconds(1)).await.unwrap().is_none());
        base.store.take_lease("group", "first", seconds(0)).await.unwrap();
        let mut taken = None;
        while taken.is_none() {
            taken = base.store.take_lease("group", "second", seconds(3_600)).await.unwrap();
        }
        assert!(base.store.take_lease("group", "first", seconds(1)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn the_fence_grows_with_each_new_holder_and_not_with_renewals() {
    on_every_database(async |base| {
        let mut fences = Vec::new();
        for holder in ["first", "first", "second", "first", "first"] {
            for other in ["first", "second"].into_iter().filter(|other| *other != holder) {
                base.store.release_lease("group", other).await.unwrap();
            }
            base.store.take_lease("group", holder, seconds(3_600)).await.unwrap().unwrap();
            fences.push(base.rows("SELECT fence FROM lease").await[0]["fence"].as_i64().unwrap());
        }
        let first = fences[0];
        let grown: Vec<i64> = fences.iter().map(|fence| fence - first).collect();
        assert_eq!(grown, [0, 0, 1, 2, 2]);
    })
    .await;
}

#[tokio::test]
async fn sums_grow_by_differences_also_below_zero() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 3)])]).await;
        base.read("b", &[order("1", &[line("tea", 2)])]).await;
        base.read("a", &[order("2", &[line("tea", 7)])]).await;
        let rows = base.rows("SELECT channel, quantity FROM unshipped ORDER BY channel").await;
        let held: Vec<_> =
            rows.iter().map(|row| (row["channel"].as_str().unwrap(), row["quantity"].as_i64().unwrap())).collect();
        assert_eq!(held, [("a", 10), ("b", 2)]);
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.target("a", "tea").await, Some(0));
        let items = base.attention("oversold").await;
        assert!(items.len() == 1 && items[0].contains("oversold by 2"), "{items:?}");
        base.receive("tea", SHOP, 5).await;
        base.recompute(&["a", "b"]).await;
        assert_eq!((base.target("a", "tea").await, base.attention("oversold").await.len()), (Some(3), 0));
    })
    .await;
}

#[tokio::test]
async fn facts_make_a_stock_row_due_and_recomputation_settles_it() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let row = async || base.rows("SELECT version, computed, due, stocked FROM stock").await.remove(0);
        let settled = row().await;
        assert_eq!(settled["version"], settled["computed"]);
        assert!(!is(&settled["due"]) && is(&settled["stocked"]));
        base.read("a", &[order("1", &[line("tea", 1)])]).await;
        let due = row().await;
        assert_eq!(due["version"].as_i64(), settled["version"].as_i64().map(|version| version + 1));
        assert!(is(&due["due"]) && is(&due["stocked"]), "an order takes no figure away");
        base.recompute(&["a"]).await;
        assert_eq!(row().await["computed"], due["version"]);
    })
    .await;
}

#[tokio::test]
async fn a_pool_that_gets_or_loses_a_location_computes_its_skus_again() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.receive("tea", "outlet store", 4).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(10), "the outlet store sells nothing online");
        let pool = async |locations: &[&str]| {
            let locations = locations.iter().map(|code| (*code).to_owned()).collect();
            let setup = ChannelSetup {
                id: "a".into(),
                mall: "plain".into(),
                name: "a".into(),
                pool: POOL.into(),
                live: true,
                review: false,
                allowance: Allowance::default(),
            };
            base.store
                .configure(&[PoolSetup { id: POOL.into(), locations, exposure: None, epsilon: None }], &[setup], "test")
                .await
                .unwrap();
            base.recompute(&["a"]).await;
            base.target("a", "tea").await
        };
        assert_eq!(pool(&[SHOP, WAREHOUSE, "outlet store"]).await, Some(14));
        assert_eq!(pool(&["outlet store"]).await, Some(4));
        assert_eq!(pool(&[SHOP, WAREHOUSE]).await, Some(10));
    })
    .await;
}

#[tokio::test]
async fn what_the_database_sums_up_over_a_pool_is_what_the_domain_says_of_each_sku() {
    on_every_database(async |base| {
        let skus = ["cup", "pot", "tea", "unstocked"];
        base.open_channels(&["a", "b"]).await;
        for sku in skus {
            base.list(&["a", "b"], sku).await;
        }
        base.map("b", "tea-3-pack", "tea", 3).await;
        for (sku, units) in [("cup", 10), ("pot", 4), ("tea", 7)] {
            base.receive(sku, SHOP, units).await;
        }
        base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
        base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
        let nobody_can_read = "UPDATE publication SET by_time = TRUE, checked = TRUE WHERE channel = 'b' \
                               AND listing_id IN (SELECT id FROM listing WHERE mall_key = 'tea')";
        base.execute(nobody_can_read).await.unwrap();
        base.read("a", &[order("1", &[line("pot", 9), line("unstocked", 2)])]).await;
        base.recompute(&["a", "b"]).await;
        for (channel, key, shows) in
            [("a", "cup", 12), ("b", "cup", 3), ("a", "tea", 5), ("b", "tea-3-pack", 2), ("b", "pot", -1)]
        {
            base.observe(channel, key, shows).await;
        }
        base.observe("b", "cup", 1).await;
        base.recompute(&["a", "b"]).await;
        let lease = base.lease("b").await;
        assert!(
            base.store.claim(&lease, &outlet("b"), base.env.now()).await.unwrap().is_some(),
            "a raise is under way"
        );
        let told = base.store.sku_sheet("tea", &Outlines::new()).await.unwrap().listings;
        let told = told.iter().find(|showing| showing.channel == "b" && showing.mall_key == "tea").unwrap();
        assert_eq!((told.shown, told.ceiling), (None, Some(7)), "as many as it was told to sell");
        let sheets = base.store.sku_sheets(&Outlines::new(), &Paging::new(None, None)).await.unwrap().items;
        let pools = sheets.iter().flat_map(|sheet| &sheet.pools);
        let (oversold, bound) = pools.fold((0, 0), |(oversold, bound), pool| {
            (oversold + (-pool.sellable.unwrap_or(0)).max(0), bound + pool.exposure.bound)
        });
        assert!(oversold == 5 && bound > 20, "{oversold} and {bound}: {sheets:#?}");
        let totals = base.store.pool_totals().await.unwrap();
        assert_eq!(totals, [PoolTotals { pool: POOL.into(), oversold, bound }]);
    })
    .await;
}

#[tokio::test]
async fn more_rows_than_a_statement_can_take_are_written_in_pieces() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let keys: Vec<String> = (0..1_234).map(|n| format!("sku-{n:04}")).collect();
        let mappings: Vec<_> = keys
            .iter()
            .map(|key| uriba::store::catalogue::Mapping {
                channel: "a".into(),
                mall_key: key.clone(),
                sku: key.clone(),
                ..Default::default()
            })
            .collect();
        base.store.map_listings(&mappings, true, "test").await.unwrap();
        let orders: Vec<_> = keys.iter().map(|key| order(key, &[line(key, 2)])).collect();
        let taken = base.read("a", &orders).await;
        assert_eq!((taken.orders, taken.lines), (1_234, 1_234));
        let held = base.rows("SELECT quantity FROM unshipped").await;
        assert_eq!(held.len(), 1_234);
        assert!(held.iter().all(|row| row["quantity"] == 2), "{held:?}");
        base.recompute(&["a"]).await;
        assert_eq!(base.rows("SELECT sku_id FROM stock WHERE due").await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_backup_is_a_whole_database_of_one_moment() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 10).await;
    let copy = base.folder().join("copy.db");
    Backup::write(&base.store, &copy).await.unwrap();
    let taken = base.everything().await;
    base.receive("tea", SHOP, 5).await;
    let again = Backup::write(&base.store, &copy).await.expect_err("a backup is never overwritten");
    assert!(again.to_string().contains("exists already"), "{again}");
    let restored = base.in_file(&copy).await;
    assert_eq!(pending_migrations(&restored.store).await.unwrap(), 0);
    assert_eq!(restored.everything().await, taken);
}

#[tokio::test]
async fn migrating_twice_does_nothing_the_second_time() {
    on_every_database(async |base| {
        let before = base.everything().await;
        assert_eq!(pending_migrations(&base.store).await.unwrap(), 0);
        assert_eq!(migrate(&base.store).await.unwrap(), 0);
        assert_eq!(base.everything().await, before);
    })
    .await;
}

/// SQLite knows no booleans.
fn is(value: &serde_json::Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_i64() == Some(1))
}
