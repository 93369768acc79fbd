//! Rules of channels and listings: when they hold, what they were, and what changing them would do.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uriba::{
    domain::allocation::{Cap, Dated, Rules},
    store::{
        catalogue::Mapping,
        preview::TargetChange,
        rules::{RuleSheet, rules_at},
    },
};
use uriba_sdk::Env;

use crate::support::{TestBase, clock, on_every_database, seconds};

fn own(channel: &str, key: &str, sku: &str) -> Mapping {
    Mapping { channel: channel.into(), mall_key: key.into(), sku: sku.into(), ..Mapping::default() }
}

async fn put(base: &TestBase, mapping: Mapping) {
    base.store.map_listings(&[mapping], false, "maria").await.unwrap();
    base.recompute(&["a"]).await;
}

fn staged(first: i64, second: i64, turn: Timestamp) -> Cap {
    let dated = |n, from, until| Dated { n, from, until };
    Cap::Dated(vec![dated(first, None, Some(turn)), dated(second, Some(turn), None)])
}

/// What the expire step and then recomputation do.
async fn time_passes(base: &TestBase) -> usize {
    let turned = base.store.turn_rules().await.unwrap();
    base.recompute(&["a"]).await;
    turned
}

#[tokio::test]
async fn a_staged_release_lets_out_the_next_part_at_its_instant() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let noon = base.env.now() + seconds(600);
        put(base, Mapping { cap: Some(staged(10, 40, noon)), ..own("a", "tea", "tea") }).await;
        assert_eq!(base.target("a", "tea").await, Some(10));
        base.env.advance(seconds(599));
        assert_eq!((time_passes(base).await, base.target("a", "tea").await), (0, Some(10)));
        base.env.advance(seconds(1));
        assert_eq!((time_passes(base).await, base.target("a", "tea").await), (2, Some(40)));
        assert_eq!(time_passes(base).await, 0, "each instant comes once");
    })
    .await;
}

#[tokio::test]
async fn what_turned_while_nothing_ran_is_made_up_for() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let turn = base.env.now() + seconds(600);
        let rules = Rules { cap: Some(staged(5, 7, turn)), ..Rules::default() };
        base.rule(&["a"], &rules).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(5));
        base.env.advance(seconds(86_400));
        let report = base.store.verify(&base.store.allowances().await.unwrap()).await.unwrap();
        assert!(!report.is_broken(), "until then nobody takes it for a mistake: {report}");
        time_passes(base).await;
        assert_eq!(base.target("a", "tea").await, Some(7), "a channel's rules have dates as well");
    })
    .await;
}

#[tokio::test]
async fn a_listings_rules_are_kept_with_who_changed_them() {
    on_every_database(async |base| {
        base.rule(&["a"], &Rules { buffer: 1, ..Rules::default() }).await;
        base.list(&["a"], "tea").await;
        let before = base.env.now();
        base.env.advance(seconds(60));
        put(base, Mapping { buffer: Some(3), cap: Some(Cap::Always(9)), ..own("a", "tea", "tea") }).await;
        base.env.advance(seconds(60));
        base.rule(&["a"], &Rules { buffer: 2, ..Rules::default() }).await;
        let cleared = BTreeSet::from(["buffer".to_owned()]);
        put(base, Mapping { cleared, ..own("a", "tea", "tea") }).await;
        let history = base.store.listing_history("a", "tea").await.unwrap();
        let told: Vec<_> =
            history.iter().map(|sheet: &RuleSheet| (sheet.of, sheet.who.as_str(), sheet.buffer)).collect();
        let expected = [
            ("listing", "maria", None),
            ("channel", "configuration", Some(2)),
            ("listing", "maria", Some(3)),
            ("listing", "test", None),
            ("channel", "configuration", Some(1)),
        ];
        assert_eq!(told, expected);
        let listing = base.listing("a", "tea").await;
        let at = async |instant| rules_at(base.store.reader(), &listing, instant).await.unwrap();
        assert_eq!(at(before).await.effective(), Rules { buffer: 1, ..Rules::default() });
        let between = at(before + seconds(60)).await.effective();
        assert_eq!((between.buffer, between.cap), (3, Some(Cap::Always(9))));
        assert_eq!(at(base.env.now()).await.effective().buffer, 2, "given back, it follows the channel");
        assert!(at(clock("00:00") - seconds(86_400 * 900)).await.own.is_none());
        base.execute("UPDATE rule_change SET who = 'nobody'").await.expect_err("what was is not changed");
    })
    .await;
}

#[tokio::test]
async fn rules_from_before_there_was_a_history_are_not_lost() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        // As a version without history left it.
        let drop = "DROP TRIGGER rule_change_del";
        let on = if base.name == "PostgreSQL" { " ON rule_change" } else { "" };
        base.execute(&format!("{drop}{on}")).await.unwrap();
        base.execute("DELETE FROM rule_change").await.unwrap();
        let history = base.store.listing_history("a", "tea").await.unwrap();
        assert_eq!((history.len(), history[0].units), (1, Some(1)));
        base.env.advance(seconds(60));
        put(base, Mapping { units: Some(4), ..own("a", "tea", "tea") }).await;
        let history = base.store.listing_history("a", "tea").await.unwrap();
        assert_eq!(history.iter().map(|sheet| sheet.units).collect::<Vec<_>>(), [Some(4), Some(1)]);
    })
    .await;
}

#[tokio::test]
async fn a_trial_names_every_number_that_would_change_and_changes_nothing() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        base.pack("box", &[("tea", 2)]).await;
        base.list(&["a"], "box").await;
        base.recompute(&["a", "b"]).await;
        let before = base.everything().await;
        let wanted = [
            Mapping { buffer: Some(4), ..own("a", "tea", "tea") },
            Mapping { units: Some(5), ..own("b", "tea", "tea") },
            own("b", "tea-new", "tea"),
        ];
        let (_, changes) = base.store.preview_listings(&wanted, false).await.unwrap();
        let change = |channel: &str, mall_key: &str, now, then| TargetChange {
            channel: channel.into(),
            mall_key: mall_key.into(),
            sku: "tea".into(),
            now,
            then,
        };
        let mut told = changes.listings.clone();
        told.sort_by(|a, b| (&a.channel, &a.mall_key).cmp(&(&b.channel, &b.mall_key)));
        let expected = [
            change("a", "tea", Some(10), Some(6)),
            change("b", "tea", Some(10), Some(2)),
            change("b", "tea-new", None, Some(10)),
        ];
        assert_eq!((told, changes.total), (expected.to_vec(), 3));
        let recipe = [("box".to_owned(), [("tea".to_owned(), 5)].into())].into();
        let changes = base.store.preview_bundles(&recipe).await.unwrap();
        assert_eq!((changes.total, changes.listings[0].now, changes.listings[0].then), (1, Some(5), Some(2)));
        assert_eq!(base.everything().await, before);
    })
    .await;
}
