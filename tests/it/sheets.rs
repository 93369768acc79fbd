//! What people see of channels and listings: states with their reasons, backlog, quotas.

use jiff::SignedDuration;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use uriba::{
    domain::suspend::Mode,
    store::{
        entity::{channel, stop_raise},
        sheets::{ChannelSheet, Outline, Outlines, Showing},
        switch::Suspension,
    },
};
use uriba_sdk::{
    Env,
    wire::{QuotaKey, QuotaState, Rate},
};

use crate::support::{CARD, SHOP, TestBase, intake, on_every_database, seconds, unread};

const RATE: Rate = Rate { per_second: 0.5, burst: 4, per_day: Some(100) };

fn key() -> QuotaKey {
    QuotaKey::new("plain:3f2a", "stock.push")
}

fn outlines() -> Outlines {
    let mut outline = Outline::of(&CARD, vec![("stock.push".into(), key(), RATE)]);
    outline.push_quotas = vec!["stock.push".into()];
    [("a".to_owned(), outline)].into()
}

async fn sheet(base: &TestBase) -> ChannelSheet {
    base.store.channel_sheet("a", &outlines()).await.unwrap()
}

async fn showing(base: &TestBase, sku: &str) -> Showing {
    base.store.sku_sheet(sku, &outlines()).await.unwrap().listings.remove(0)
}

/// The channel's open orders are covered, so it may raise.
async fn covered(base: &TestBase) {
    let tx = base.store.begin().await.unwrap();
    let row = channel::ActiveModel {
        id: Set("a".into()),
        baseline: Set("done".into()),
        watermark: Set(Some(base.env.now().as_microsecond())),
        ..Default::default()
    };
    row.update(&tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_quota_is_what_was_left_of_it_and_what_came_back_since() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let fresh = sheet(base).await.quotas.remove(0);
        assert_eq!((fresh.available, fresh.left_today), (1, Some(100)), "an unknown one begins with one token");
        assert_eq!((fresh.name.as_str(), fresh.scope.as_str()), ("stock.push", "plain:3f2a"));
        let now = base.env.now();
        let state = QuotaState {
            rate: RATE,
            available: 0,
            at: now,
            not_before: Some(now + SignedDuration::from_secs(5)),
            day: now.as_second() / 86_400,
            used_today: 30,
            caution: 1.0,
        };
        base.store.save_quota(&base.lease("a").await, &key(), &state).await.unwrap();
        base.env.advance(seconds(4));
        let later = sheet(base).await.quotas.remove(0);
        assert_eq!((later.available, later.left_today, later.waiting_until), (2, Some(70), state.not_before));
        base.env.advance(seconds(3_600));
        let rested = sheet(base).await.quotas.remove(0);
        assert_eq!((rested.available, rested.waiting_until), (4, None), "never above the burst");
    })
    .await;
}

#[tokio::test]
async fn the_backlog_is_what_waits_and_how_long_it_takes_at_the_allowed_rate() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        for n in 0..25 {
            let sku = format!("s{n:02}");
            base.list(&["a"], &sku).await;
            base.receive(&sku, SHOP, 3).await;
            base.observe("a", &sku, 1).await;
        }
        base.recompute(&["a"]).await;
        let sheet = sheet(base).await;
        assert_eq!(sheet.backlog, 25);
        // Three batches of ten; one may leave now, the others after two seconds each.
        assert_eq!((sheet.resting, sheet.backlog_eta_s), (0, Some(4)));
        let wanted = Suspension { mode: Mode::Freeze, reason: None, from: None, until: None, poll: true };
        base.store.suspend(&["a".into()], &wanted, "kim").await.unwrap();
        let frozen = base.store.channel_sheet("a", &outlines()).await.unwrap();
        assert_eq!((frozen.backlog, frozen.backlog_eta_s), (25, None), "it waits, and nobody can say for how long");
    })
    .await;
}

#[tokio::test]
async fn every_listing_says_how_it_stands_and_why() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        base.list(&["a"], "tea").await;
        let state = async || {
            let showing = showing(base, "tea").await;
            (showing.state, showing.reason.unwrap_or_default())
        };
        assert_eq!(state().await.0, "unstocked");
        base.receive("tea", SHOP, 3).await;
        base.recompute(&["a"]).await;
        assert_eq!(state().await, ("unknown".into(), "its key has not been looked up yet".into()));
        base.observe("a", "tea", 1).await;
        assert_eq!(state().await, ("unknown".into(), "open orders are not covered yet".into()));
        covered(base).await;
        assert_eq!(state().await.0, "pending");
        base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
        let (held, why) = state().await;
        assert!(held == "held" && why.starts_with("not raised while an order"), "{held}: {why}");
        let tx = base.store.begin().await.unwrap();
        stop_raise::Entity::delete_many().exec(&tx).await.unwrap();
        let mut row = base.publication("a", "tea").await.into_active_model();
        row.set_aside_until = Set(Some((base.env.now() + SignedDuration::from_hours(1)).as_microsecond()));
        row.refusal = Set(Some("the item is locked (E17)".into()));
        row.update(&tx).await.unwrap();
        tx.commit().await.unwrap();
        let (aside, why) = state().await;
        assert!(aside == "set_aside" && why.starts_with("the item is locked (E17); tried again at"), "{aside}: {why}");
        let wanted =
            Suspension { mode: Mode::Freeze, reason: Some("sale".into()), from: None, until: None, poll: true };
        base.store.suspend(&["a".into()], &wanted, "kim").await.unwrap();
        assert_eq!(state().await, ("frozen".into(), "sale".into()));
        let unknown = base.store.sku_sheet("tea", &Outlines::new()).await.unwrap().listings.remove(0);
        assert_eq!(unknown.reason.as_deref(), Some("the channel is not in the configuration"));
    })
    .await;
}

#[tokio::test]
async fn the_ceiling_counts_what_is_on_its_way_and_nothing_that_sells_without_end() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 9).await;
    base.map("a", "tea", "tea", 2).await;
    base.observe("a", "tea", 3).await;
    base.recompute(&["a"]).await;
    assert_eq!(showing(&base, "tea").await.ceiling, Some(6), "three packs of two");
    let tx = base.store.begin().await.unwrap();
    let mut row = base.listing("a", "tea").await.into_active_model();
    row.sells_past_zero = Set(true);
    row.update(&tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(showing(&base, "tea").await.ceiling, None);
    let sheet = base.store.sku_sheet("tea", &outlines()).await.unwrap();
    assert_eq!(sheet.pools[0].exposure.units, 0);
}
