//! Shares and modes as they are kept: set by hand, told of the past, and what is learned for them.

use uriba::{
    domain::exposure::mode::Wish,
    store::{
        catalogue::Mapping,
        explain::Question,
        own_orders::{OwnLine, OwnOrder},
        sheets::{ListingFilter, ModeCount, Outlines, Paging},
    },
};
use uriba_sdk::{Env, Order};

use super::explain::{CHANNELS, explain};
use crate::support::{POOL, SHOP, TestBase, WEB, line, on_every_database, order, outlet, outlines, seconds};

/// Ten of tea in escrow on two channels that show none yet.
async fn guarded(base: &TestBase) {
    base.trade(&CHANNELS, "tea", 10).await;
    base.execute("UPDATE channel SET baseline = 'done'").await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    for channel in CHANNELS {
        base.observe(channel, "tea", 0).await;
    }
    base.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "maria").await.unwrap();
    base.recompute(&CHANNELS).await;
}

fn own(share: Option<i64>) -> Mapping {
    let cleared = share.is_none().then(|| "share".to_owned()).into_iter().collect();
    Mapping { channel: "a".into(), mall_key: "tea".into(), sku: "tea".into(), share, cleared, ..Mapping::default() }
}

#[tokio::test]
async fn a_share_set_by_hand_is_kept_with_the_history_of_rules_until_it_is_given_back() {
    on_every_database(async |base| {
        guarded(base).await;
        let targets = async || [base.target("a", "tea").await.unwrap(), base.target("b", "tea").await.unwrap()];
        assert_eq!(targets().await, [5, 5]);
        let (_, changes) = base.store.preview_listings(&[own(Some(2))], false).await.unwrap();
        let told: Vec<_> = changes.listings.iter().map(|change| (change.channel.as_str(), change.then)).collect();
        assert_eq!(told, [("a", Some(2)), ("b", Some(8))], "tried first");
        assert_eq!(targets().await, [5, 5]);

        base.env.advance(seconds(60));
        base.store.map_listings(&[own(Some(2))], false, "maria").await.unwrap();
        base.recompute(&CHANNELS).await;
        assert_eq!(targets().await, [2, 8]);
        let filter = ListingFilter { channel: Some("a".into()), ..ListingFilter::default() };
        let sheets = base.store.listing_sheets(&filter, &outlines(&CHANNELS), &Paging::new(None, None)).await.unwrap();
        assert_eq!((sheets.items[0].fixed_share, sheets.items[0].showing.share), (Some(2), Some(2)));

        base.store.map_listings(&[own(None)], false, "ken").await.unwrap();
        let history = base.store.listing_history("a", "tea").await.unwrap();
        let told: Vec<_> = history
            .iter()
            .filter(|sheet| sheet.of == "listing")
            .map(|sheet| (sheet.share, sheet.who.as_str()))
            .collect();
        assert_eq!(told, [(None, "ken"), (Some(2), "maria"), (None, "test")]);
    })
    .await;
}

#[tokio::test]
async fn an_explanation_of_the_past_knows_the_shares_of_then_and_why() {
    on_every_database(async |base| {
        guarded(base).await;
        for channel in CHANNELS {
            base.observe(channel, "tea", 5).await;
        }
        base.recompute(&CHANNELS).await;
        let share = async |at| {
            let tree = explain(base, Question { sku: "tea", channel: Some("a"), at, kept_from: None }).await;
            tree.find("share").map(|term| {
                let own = &term.terms[1];
                (own.whole().unwrap(), own.source.clone().unwrap())
            })
        };
        let said = "its exclusive share: tea is in escrow: it is asked for".to_owned();
        let before = base.env.now();
        assert_eq!(share(None).await, Some((5, said.clone())));
        base.env.advance(seconds(60));
        let placed_at = base.env.now();
        base.read("a", &[Order { placed_at, ..order("1", &[line("tea", 2)]) }]).await;
        base.recompute(&CHANNELS).await;
        let sold = base.env.now();
        assert_eq!(share(None).await, Some((3, said.clone())), "what it sold has left its share");
        base.env.advance(seconds(60));
        base.store.set_sku("tea", None, Some(None), "maria").await.unwrap();
        base.recompute(&CHANNELS).await;
        base.env.advance(seconds(60));
        assert_eq!(share(None).await, None);
        assert_eq!(share(Some(sold)).await, Some((3, said.clone())));
        assert_eq!(share(Some(before)).await, Some((5, said)));
    })
    .await;
}

#[tokio::test]
async fn a_shadow_shows_what_its_share_would_be_and_keeps_nothing_from_the_others() {
    on_every_database(async |base| {
        guarded(base).await;
        let targets = async || [base.target("a", "tea").await.unwrap(), base.target("b", "tea").await.unwrap()];
        let weighed = async || {
            base.env.advance(seconds(60));
            base.store.reconsider().await.unwrap();
            base.recompute(&CHANNELS).await;
            let report = base.store.verify(&base.store.allowances().await.unwrap()).await.unwrap();
            assert!(!report.is_broken(), "{report}");
        };
        base.store.set_mode("b", false, "maria").await.unwrap();
        weighed().await;
        assert_eq!(targets().await, [10, 5]);
        let share = async |channel, at| {
            let tree = explain(base, Question { sku: "tea", channel: Some(channel), at, kept_from: None }).await;
            let own = tree.find("share").unwrap().terms[1].clone();
            (own.whole().unwrap(), own.source.unwrap())
        };
        let would = "what its share would be if b had begun, which keeps nothing from the others: tea is in escrow: it is \
                     asked for";
        assert_eq!(share("b", None).await, (5, would.to_owned()));
        assert!(share("a", None).await.1.starts_with("its exclusive share: "));
        // Nobody writes that, and the other one may show all there is.
        let lease = base.lease("b").await;
        assert!(base.store.claim(&lease, &outlet("b"), base.env.now()).await.unwrap().is_none());
        let of = ListingFilter { channel: Some("b".into()), ..ListingFilter::default() };
        let sheets = base.store.listing_sheets(&of, &outlines(&CHANNELS), &Paging::new(None, None)).await.unwrap();
        assert_eq!((sheets.items[0].showing.state.as_str(), sheets.items[0].showing.share), ("shadow", Some(5)));
        base.observe("a", "tea", 10).await;
        weighed().await;
        assert_eq!(targets().await, [10, 5]);
        // A sale in the shadow's own shop is everybody's.
        let placed_at = base.env.now();
        base.read("b", &[Order { placed_at, ..order("1", &[line("tea", 2)]) }]).await;
        weighed().await;
        let [all, would_be] = targets().await;
        assert!(all == 8 && (5..8).contains(&would_be), "and says that its buyers are quick: {would_be} of {all}");
        let before = base.env.now();
        base.env.advance(seconds(1));
        base.store.set_mode("b", true, "maria").await.unwrap();
        weighed().await;
        assert_eq!(targets().await.iter().sum::<i64>(), 8, "begun, it shares with the other one");
        assert!(share("b", None).await.1.starts_with("its exclusive share: "));
        assert_eq!(share("b", Some(before)).await, (would_be, would.to_owned()), "and what was said then is remembered");
    })
    .await;
}

#[tokio::test]
async fn a_sku_says_who_asked_for_its_mode_and_a_pool_how_many_are_sold_in_which() {
    on_every_database(async |base| {
        guarded(base).await;
        base.found("cup").await;
        base.receive("cup", SHOP, 1).await;
        let word = async || {
            let exposure = base.store.sku_sheet("tea", &Outlines::new()).await.unwrap().pools.remove(0).exposure;
            (exposure.mode, exposure.wish, exposure.by)
        };
        assert_eq!(word().await, ("escrow".into(), "escrow".into(), "sku".into()));
        let count = |mode: &str| ModeCount { pool: POOL.into(), mode: mode.into(), skus: 1 };
        assert_eq!(base.store.mode_counts().await.unwrap(), [count("escrow"), count("shared")]);
        base.store.set_sku("tea", None, Some(None), "maria").await.unwrap();
        base.recompute(&CHANNELS).await;
        assert_eq!(word().await, ("shared".into(), "shared".into(), "pool".into()));
    })
    .await;
}

#[tokio::test]
async fn the_own_shops_orders_and_checkouts_teach_how_fast_it_sells() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 6).await;
        base.pack("box", &[("tea", 2)]).await;
        base.hold("1", &[("tea", 1)]).await;
        let learned = async || base.rows("SELECT usual_orders, units, largest FROM demand WHERE channel = 'web'").await;
        assert!(learned().await.is_empty(), "a checkout may be given up yet");
        base.confirm("1", "w-1").await.unwrap();
        base.confirm("1", "w-1").await.unwrap();
        let lines = vec![OwnLine { sku: "box".into(), quantity: 1 }];
        let posted = OwnOrder { channel: WEB.into(), order_id: "w-2".into(), ordered_at: base.env.now(), lines };
        base.store.post_order(&posted).await.unwrap();
        let rows = learned().await;
        assert_eq!(rows.len(), 1, "of a set what it takes, which is the tea again");
        let figure = |name: &str| rows[0][name].as_f64().unwrap().round();
        assert_eq!((figure("usual_orders"), figure("units"), figure("largest")), (2.0, 3.0, 2.0));

        let lit = async || base.rows("SELECT subject FROM demand WHERE channel = 'web' AND lit").await.len() == 1;
        assert!(lit().await, "it shows what it has");
        base.store.set_sku("tea", None, Some(Some(Wish::Auto)), "test").await.unwrap();
        base.count("tea", SHOP, 0, base.env.now()).await;
        base.recompute(&["a"]).await;
        assert!(!lit().await, "sold out, it says nothing about who would buy");
    })
    .await;
}

#[tokio::test]
async fn what_the_catalogue_sells_on_the_whole_is_added_up_once_a_day() {
    on_every_database(async |base| {
        let now = base.env.now().as_microsecond();
        let row = |subject: i64, orders: f64, shown_s: f64, at: i64, lit: bool| {
            format!(
                "INSERT INTO demand (channel, subject, usual_orders, usual_shown_s, lately_orders, lately_shown_s, units, \
                 largest, at, lit) VALUES ('a', {subject}, {orders}, {shown_s}, 0, 0, {}, 1, {at}, {lit})",
                orders * 2.0
            )
        };
        base.execute(&row(1, 3.0, 100.0, now - 50_000_000, true)).await.unwrap();
        base.execute(&row(2, 1.0, 200.0, now - 50_000_000, false)).await.unwrap();
        base.execute(&row(3, 0.0, 0.0, now - 400 * 86_400_000_000, true)).await.unwrap();
        assert!(base.store.learn_catalogue().await.unwrap());
        let sums = async || {
            let rows = base.rows("SELECT orders, shown_s, units FROM demand_prior").await;
            ["orders", "shown_s", "units"].map(|name| rows[0][name].as_f64().unwrap())
        };
        let most = 43.0 * 86_400.0;
        assert_eq!(sums().await, [4.0, 350.0 + most, 8.0], "what is lit goes on showing, as long as it is remembered");
        assert!(!base.store.learn_catalogue().await.unwrap());
        base.execute("DELETE FROM demand").await.unwrap();
        base.env.advance(seconds(86_400));
        assert!(base.store.learn_catalogue().await.unwrap());
        assert_eq!(sums().await, [0.0, 0.0, 0.0]);
    })
    .await;
}

#[tokio::test]
async fn a_listing_that_showed_stock_before_anybody_looked_is_lit_from_the_first_look_on() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 10).await;
    base.observe("a", "tea", 10).await;
    base.env.advance(seconds(86_400));
    base.read("a", &[Order { placed_at: base.env.now(), ..order("1", &[line("tea", 1)]) }]).await;
    let rows = base.rows("SELECT usual_orders, usual_shown_s, lit FROM demand").await;
    assert_eq!(rows[0]["usual_orders"].as_f64().unwrap().round(), 1.0);
    assert!(rows[0]["usual_shown_s"].as_f64().unwrap() > 85_000.0, "one order in a day: {}", rows[0]);
}
