//! What is withheld for channels of which nobody hears, as rows; and lanes that come and go.

use jiff::Timestamp;
use uriba::{
    domain::{
        exposure::mode::Wish,
        health::{Lane, LaneState},
    },
    store::{channels::LaneName, explain::Question},
};
use uriba_sdk::{Env, Order};

use super::explain::{CHANNELS, explain};
use crate::support::{SHOP, TestBase, line, on_every_database, order, seconds};

/// Forty of tea on both channels, of which `a` has sold one a minute for half an hour, and four cups that nobody buys.
async fn busy(base: &TestBase) {
    base.trade(&CHANNELS, "tea", 70).await;
    base.list(&CHANNELS, "cup").await;
    base.receive("cup", SHOP, 4).await;
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    base.execute("UPDATE channel SET baseline = 'done'").await.unwrap();
    for channel in CHANNELS {
        base.observe(channel, "tea", 70).await;
        base.observe(channel, "cup", 4).await;
    }
    for n in 0..30 {
        base.env.advance(seconds(58));
        let placed_at = base.env.now();
        base.read("a", &[Order { placed_at, ..order(&n.to_string(), &[line("tea", 1)]) }]).await;
    }
    hear_of(base, &CHANNELS).await;
    base.recompute(&CHANNELS).await;
    base.store.watch_channels().await.unwrap();
}

/// Their orders are known up to now.
async fn hear_of(base: &TestBase, channels: &[&str]) {
    for channel in channels {
        let now = base.env.now().as_microsecond();
        base.execute(&format!("UPDATE channel SET watermark = {now} WHERE id = '{channel}'")).await.unwrap();
    }
}

/// What the expire step and recomputation do. Returns how many SKUs were looked at again.
async fn look(base: &TestBase) -> usize {
    base.store.watch_channels().await.unwrap();
    let looked = base.store.reconsider().await.unwrap();
    base.recompute(&CHANNELS).await;
    looked
}

async fn targets(base: &TestBase, sku: &str) -> [i64; 2] {
    [base.target("a", sku).await.unwrap(), base.target("b", sku).await.unwrap()]
}

#[tokio::test]
async fn a_silent_channel_costs_the_others_what_it_may_have_sold_and_nothing_of_what_sells_slowly() {
    on_every_database(async |base| {
        busy(base).await;
        base.pack("box", &[("tea", 2)]).await;
        base.list(&["b"], "box").await;
        base.recompute(&CHANNELS).await;
        base.env.advance(seconds(181));
        hear_of(base, &["b"]).await;
        assert_eq!(look(base).await, 1, "cups sell too seldom");
        let [own, others] = targets(base, "tea").await;
        assert!(own == 40 && (20..40).contains(&others), "{own} and {others}");
        assert_eq!(base.target("b", "box").await, Some(others / 2), "a set takes two of what is left");
        assert_eq!(targets(base, "cup").await, [4, 4]);
        let rows = base.rows("SELECT channel, units FROM blind").await;
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0]["channel"].as_str(), rows[0]["units"].as_i64()), (Some("a"), Some(40 - others)));

        let tree = explain(base, Question { sku: "box", ..Question::default() }).await;
        let blind = tree.find("blind").unwrap();
        assert_eq!(blind.terms[1].whole(), Some(others / 2 - 20));
        let source = blind.terms[1].source.clone().unwrap();
        assert_eq!(source, format!("a may have sold {} of which nobody has heard", 40 - others));

        hear_of(base, &CHANNELS).await;
        look(base).await;
        assert_eq!(targets(base, "tea").await, [40, 40]);
        assert!(base.rows("SELECT units FROM blind").await.is_empty());
        let modes = base.rows("SELECT mode FROM stock WHERE mode IS NOT NULL").await;
        assert!(modes.is_empty(), "it was shared all the while, and nobody asks for anything else");
    })
    .await;
}

#[tokio::test]
async fn a_night_of_silence_is_a_dozen_looks_and_the_last_sale_stays_on_show() {
    on_every_database(async |base| {
        busy(base).await;
        let (mut looks, mut before) = (0, 40);
        for _ in 0..8 * 60 {
            base.env.advance(seconds(60));
            hear_of(base, &["b"]).await;
            looks += look(base).await;
            let [own, others] = targets(base, "tea").await;
            assert!(own == 40 && (1..=before).contains(&others), "{own} and {others} after {before}");
            before = others;
        }
        assert_eq!(before, 1);
        let events = base.rows("SELECT id FROM balance_event").await.len();
        assert!(looks <= 26 && events <= 13, "{looks} looks at two SKUs, {events} decisions");
        hear_of(base, &CHANNELS).await;
        look(base).await;
        assert_eq!(targets(base, "tea").await, [40, 40]);
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_is_gone_from_the_configuration_withholds_nothing() {
    let base = TestBase::sqlite().await;
    busy(&base).await;
    base.env.advance(seconds(600));
    look(&base).await;
    assert!(!base.rows("SELECT units FROM blind").await.is_empty());
    base.configure(&["b"], "without a").await;
    look(&base).await;
    assert!(base.rows("SELECT units FROM blind WHERE channel = 'a'").await.is_empty());
}

#[tokio::test]
async fn a_lane_that_comes_and_goes_moves_nobodys_shares_and_one_that_stays_away_does_once() {
    on_every_database(async |base| {
        busy(base).await;
        base.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
        base.recompute(&CHANNELS).await;
        base.execute("UPDATE stock SET reconsider_at = NULL").await.unwrap();
        let until =
            |base: &TestBase| -> Option<Timestamp> { Some(base.env.now() + jiff::SignedDuration::from_secs(30)) };
        let set = async |lane: Lane| {
            let lease = base.lease("a").await;
            base.store.set_lane(&lease, "a", LaneName::Stock, &lane, None).await.unwrap();
        };
        let waiting = |base: &TestBase| Lane { state: LaneState::Waiting, until: until(base), ..Lane::default() };
        for _ in 0..60 {
            set(waiting(base)).await;
            base.env.advance(seconds(30));
            hear_of(base, &CHANNELS).await;
            assert_eq!(look(base).await, 0);
            set(Lane::succeeded()).await;
            base.env.advance(seconds(1));
            assert_eq!(look(base).await, 0);
        }
        let mut looks = Vec::new();
        for minute in 1..=120 {
            set(waiting(base)).await;
            base.env.advance(seconds(60));
            hear_of(base, &CHANNELS).await;
            if look(base).await > 0 {
                looks.push(minute);
            }
            base.execute("UPDATE stock SET reconsider_at = NULL").await.unwrap();
        }
        assert_eq!(looks, [60], "an hour later nobody waits for it any more");
        assert_eq!(base.rows("SELECT absence FROM channel WHERE id = 'a'").await[0]["absence"], "gone");
        set(Lane::succeeded()).await;
        assert_eq!(look(base).await, 1);
    })
    .await;
}

#[tokio::test]
async fn one_that_comes_back_soon_has_only_what_was_decided_meanwhile_looked_at_again() {
    let base = TestBase::sqlite().await;
    busy(&base).await;
    for sku in ["tea", "cup"] {
        base.store.set_sku(sku, None, Some(Some(Wish::Escrow)), "test").await.unwrap();
    }
    base.recompute(&CHANNELS).await;
    let lease = base.lease("a").await;
    for _ in 0..3 {
        let until = Some(base.env.now() + jiff::SignedDuration::from_secs(60));
        let waiting = Lane { state: LaneState::Waiting, until, ..Lane::default() };
        base.store.set_lane(&lease, "a", LaneName::Stock, &waiting, None).await.unwrap();
        base.env.advance(seconds(60));
        hear_of(&base, &CHANNELS).await;
        base.execute("UPDATE stock SET reconsider_at = NULL").await.unwrap();
        look(&base).await;
    }
    assert_eq!(base.rows("SELECT absence FROM channel WHERE id = 'a'").await[0]["absence"], "away");
    base.receive("tea", SHOP, 5).await;
    base.recompute(&CHANNELS).await;
    base.execute("UPDATE stock SET reconsider_at = NULL").await.unwrap();
    base.store.set_lane(&lease, "a", LaneName::Stock, &Lane::succeeded(), None).await.unwrap();
    assert_eq!(look(&base).await, 1, "the tea that arrived while it was away");
}
