//! What previews say of SKUs that are sold in shares: the figures that are wanted once what they try is done.

use std::collections::BTreeMap;

use uriba::{
    domain::{
        allocation::{Cap, Rules},
        exposure::mode::Wish,
        suspend::Mode,
    },
    store::{
        catalogue::Mapping,
        configuration::Configuration,
        plans::NewPlan,
        preview::Changes,
        sheets::{SwitchPreview, Throw},
        switch::Suspension,
    },
};
use uriba_sdk::Env;

use super::explain::CHANNELS;
use crate::support::{SHOP, TestBase, configuration, on_every_database, outlines, seconds};

/// The channels' orders are read, and the keys of their listings known.
async fn begin(base: &TestBase) {
    let now = base.env.now().as_microsecond();
    base.execute(&format!("UPDATE channel SET baseline = 'done', watermark = {now}")).await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
}

/// Of tea in escrow, on two channels that show so many.
async fn shared_out(base: &TestBase, units: i64, shown: [i64; 2]) {
    base.trade(&CHANNELS, "tea", units).await;
    begin(base).await;
    for (channel, shown) in CHANNELS.into_iter().zip(shown) {
        base.observe(channel, "tea", shown).await;
    }
    base.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "maria").await.unwrap();
    base.recompute(&CHANNELS).await;
}

async fn targets(base: &TestBase) -> [i64; 2] {
    [base.target("a", "tea").await.unwrap(), base.target("b", "tea").await.unwrap()]
}

/// By channel.
fn told(changes: &Changes) -> BTreeMap<&str, (i64, i64)> {
    let one = |change: &uriba::store::preview::TargetChange| (change.now.unwrap(), change.then.unwrap());
    changes.listings.iter().map(|change| (change.channel.as_str(), one(change))).collect()
}

async fn thrown(base: &TestBase, channel: &str, throw: Throw) -> SwitchPreview {
    let before = base.everything().await;
    let preview = base.store.preview_switch(&[channel.to_owned()], throw, &outlines(&CHANNELS)).await.unwrap();
    assert_eq!(base.everything().await, before, "a trial leaves nothing");
    preview.into_iter().next().unwrap()
}

async fn off(base: &TestBase, channel: &str) {
    let zero = Suspension { mode: Mode::Zero, reason: None, from: None, until: None, poll: true };
    base.store.suspend(&[channel.to_owned()], &zero, "test").await.unwrap();
    base.env.advance(seconds(600));
    base.observe(channel, "tea", 0).await;
    base.store.move_switches().await.unwrap();
    assert_eq!(base.store.channel(channel).await.unwrap().state, "suspended");
}

async fn on(base: &TestBase, channel: &str) {
    base.store.resume(&[channel.to_owned()], None, "test").await.unwrap();
    let now = base.env.now().as_microsecond();
    base.execute(&format!("UPDATE channel SET last_poll_at = {now}")).await.unwrap();
    base.store.reconsider().await.unwrap();
    base.recompute(&CHANNELS).await;
    base.store.move_switches().await.unwrap();
    assert_eq!(base.store.channel(channel).await.unwrap().state, "active");
    base.store.reconsider().await.unwrap();
    base.recompute(&CHANNELS).await;
}

#[tokio::test]
async fn a_trial_of_resuming_shows_the_share_that_is_wanted_then() {
    on_every_database(async |base| {
        base.trade(&CHANNELS, "tea", 10).await;
        let four = Mapping {
            channel: "a".into(),
            mall_key: "tea".into(),
            sku: "tea".into(),
            cap: Some(Cap::Always(4)),
            ..Mapping::default()
        };
        base.store.map_listings(&[four], false, "test").await.unwrap();
        begin(base).await;
        base.observe("a", "tea", 4).await;
        base.observe("b", "tea", 0).await;
        off(base, "b").await;
        base.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "maria").await.unwrap();
        base.recompute(&CHANNELS).await;
        assert_eq!(targets(base).await, [4, 0], "it came while b was off");
        let preview = thrown(base, "b", Throw::Resume).await;
        assert_eq!((told(&preview.changes), preview.elsewhere), ([("b", (0, 6))].into(), 0));
        assert_eq!((preview.to_zero, preview.to_target, preview.requests), (0, 1, 1));
        on(base, "b").await;
        assert_eq!(targets(base).await, [4, 6]);
        let again = thrown(base, "b", Throw::Resume).await;
        assert_eq!((again.changes.total, again.to_target), (0, 1), "it is on, and still to be written");
    })
    .await;
}

#[tokio::test]
async fn what_a_switch_takes_from_other_channels_is_counted() {
    on_every_database(async |base| {
        base.trade(&CHANNELS, "tea", 10).await;
        begin(base).await;
        base.observe("b", "tea", 0).await;
        off(base, "b").await;
        base.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "maria").await.unwrap();
        base.observe("a", "tea", 10).await;
        base.recompute(&CHANNELS).await;
        assert_eq!(targets(base).await, [10, 0]);
        let preview = thrown(base, "b", Throw::Resume).await;
        assert_eq!((preview.changes.total, preview.elsewhere), (0, 1), "what a shows is lowered first");
        on(base, "b").await;
        assert_eq!(targets(base).await, [5, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_trial_of_rules_knows_what_becomes_of_the_other_shares() {
    on_every_database(async |base| {
        shared_out(base, 10, [0, 0]).await;
        assert_eq!(targets(base).await, [5, 5]);
        let two = Mapping {
            channel: "a".into(),
            mall_key: "tea".into(),
            sku: "tea".into(),
            cap: Some(Cap::Always(2)),
            ..Mapping::default()
        };
        let before = base.everything().await;
        let (_, changes) = base.store.preview_listings(std::slice::from_ref(&two), false).await.unwrap();
        assert_eq!(told(&changes), [("a", (5, 2)), ("b", (5, 8))].into());
        let same = Mapping { cap: None, ..two.clone() };
        assert_eq!(base.store.preview_listings(&[same], false).await.unwrap().1.total, 0);
        assert_eq!(base.everything().await, before);
        base.store.map_listings(&[two], false, "test").await.unwrap();
        base.recompute(&CHANNELS).await;
        assert_eq!(targets(base).await, [2, 8]);
    })
    .await;
}

#[tokio::test]
async fn a_trial_of_a_plan_and_of_a_configuration_knows_what_another_mode_does() {
    on_every_database(async |base| {
        shared_out(base, 10, [0, 0]).await;
        base.store.set_sku("tea", None, Some(None), "maria").await.unwrap();
        base.env.advance(seconds(3_600));
        base.recompute(&CHANNELS).await;
        assert_eq!(targets(base).await, [10, 10]);
        let plan = NewPlan {
            name: "autumn".into(),
            from: base.env.now() + seconds(600),
            until: base.env.now() + seconds(1_200),
            skus: vec!["tea".into()],
            exposure: Some(Wish::Escrow),
            cap: None,
            buffer: None,
        };
        let halves: BTreeMap<&str, (i64, i64)> = [("a", (10, 5)), ("b", (10, 5))].into();
        assert_eq!(told(&base.store.preview_plan(&plan).await.unwrap()), halves);
        let wanted = in_mode(Wish::Escrow);
        assert_eq!(told(&base.store.preview_configuration(&wanted).await.unwrap()), halves);
        base.store.configure(&wanted.pools, &wanted.channels, &wanted.body).await.unwrap();
        base.recompute(&CHANNELS).await;
        assert_eq!(targets(base).await, [5, 5]);
        assert_eq!(base.store.preview_configuration(&wanted).await.unwrap().total, 0);
        // A channel's own rules are the others' matter as well.
        let mut ruled = in_mode(Wish::Escrow);
        ruled.channels[0].allowance.rules.cap = Some(Cap::Always(1));
        let changes = base.store.preview_configuration(&ruled).await.unwrap();
        assert_eq!(told(&changes), [("a", (5, 1)), ("b", (5, 9))].into());
    })
    .await;
}

fn in_mode(wish: Wish) -> Configuration {
    let mut wanted = configuration(&CHANNELS, &Rules::default(), wish.word());
    wanted.pools[0].exposure = Some(wish);
    wanted
}

#[tokio::test]
async fn a_large_catalogue_is_tried_page_by_page() {
    let base = TestBase::sqlite().await;
    base.open_channels(&CHANNELS).await;
    let count = uriba::store::ROWS_PER_STATEMENT + 1;
    let all: Vec<Mapping> = (0..count)
        .flat_map(|n| CHANNELS.map(|channel| (n, channel)))
        .map(|(n, channel)| {
            let sku = format!("sku-{n:03}");
            Mapping { channel: channel.into(), mall_key: sku.clone(), sku, ..Mapping::default() }
        })
        .collect();
    for piece in all.chunks(uriba::store::ROWS_PER_STATEMENT) {
        base.store.map_listings(piece, true, "test").await.unwrap();
    }
    for n in 0..count {
        base.receive(&format!("sku-{n:03}"), SHOP, 4).await;
    }
    base.rule(&CHANNELS, &Rules::default()).await;
    base.recompute(&CHANNELS).await;
    let changes = base.store.preview_configuration(&in_mode(Wish::Escrow)).await.unwrap();
    assert_eq!(changes.total, 2 * count as u64);
    assert!(changes.listings.iter().all(|change| (change.now, change.then) == (Some(4), Some(2))));
}
