//! Whose raise goes first when not all can go at once.

use uriba::store::catalogue::Mapping;
use uriba_sdk::Env;

use crate::support::{SHOP, TestBase, allowances, on_every_database, outlet};

#[tokio::test]
async fn a_preferred_listing_is_raised_before_larger_ones_however_many_wait() {
    on_every_database(async |base| {
        sixty_wait_to_be_raised(base).await;
        prefer(base, "sku-07", 5).await;
        prefer(base, "sku-59", -1).await;
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
        let first = claimed(base).await;
        assert_eq!(first[0], "sku-07", "it has least to be raised by");
        assert_eq!(first[1..3], ["sku-58", "sku-57"], "then the largest");
        let mut told = first;
        while told.len() < 60 {
            told.extend(claimed(base).await);
        }
        assert_eq!(told[59], "sku-59");
    })
    .await;
}

/// One more unit is missing of each than of the one before it.
async fn sixty_wait_to_be_raised(base: &TestBase) {
    base.open_channels(&["a"]).await;
    for n in 0..60 {
        let sku = format!("sku-{n:02}");
        base.list(&["a"], &sku).await;
        base.receive(&sku, SHOP, 10 + n).await;
    }
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    base.recompute(&["a"]).await;
    for n in 0..60 {
        base.observe("a", &format!("sku-{n:02}"), 5).await;
    }
}

async fn prefer(base: &TestBase, sku: &str, priority: i64) {
    let (channel, mall_key, sku) = ("a".to_owned(), sku.to_owned(), sku.to_owned());
    let mapping = Mapping { channel, mall_key, sku, priority: Some(priority), ..Mapping::default() };
    base.store.map_listings(&[mapping], false, "test").await.unwrap();
}

async fn claimed(base: &TestBase) -> Vec<String> {
    let lease = base.lease("a").await;
    let claim = base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap().expect("some still wait");
    claim.updates().into_iter().map(|update| update.key).collect()
}
