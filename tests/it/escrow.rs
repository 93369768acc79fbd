//! Exclusive shares: what the malls show together is never more than there is, also on the way there.

use std::time::Duration;

use uriba::{
    domain::{
        exposure::mode::Wish,
        reservation::{Available, Refusal as Denial},
        settle::Exchange,
        suspend::Mode,
    },
    store::{plans::NewPlan, publications::Performed, sheets::Outlines, switch::Suspension},
};
use uriba_sdk::{Env, Outcome, Refusal, RefusedWhy, Write};

use crate::{
    hub::Hub,
    support::{TestBase, WEB, on_every_database, outlet, reserve, seconds},
};

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

fn all(hub: &Hub, malls: &[&str], n: usize) -> i64 {
    malls.iter().map(|mall| hub.counter(mall, n).max(0)).sum()
}

#[tokio::test]
async fn three_malls_share_ten_units_and_sell_each_of_them_once() {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL, &uriba_amazon::MALL]).await;
    let malls = ["rakuten", "yahoo", "amazon"];
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
    hub.run_until("all ten are on show", minutes(60), |hub| {
        let shown = all(hub, &malls, 0);
        assert!(shown <= 10, "{shown} on show");
        shown == 10
    })
    .await;
    let mut sold = 0;
    for round in 0..60 {
        for (n, mall) in malls.into_iter().enumerate() {
            if (round + n) % 3 != 0 && hub.counter(mall, 0) > 0 {
                hub.buy(mall, 0, 1);
                sold += 1;
            }
        }
        hub.run_for(Duration::from_secs(35)).await;
        let shown = all(&hub, &malls, 0);
        assert!(shown + sold <= 10, "round {round}: {shown} on show and {sold} sold of 10");
    }
    assert_eq!(sold, 10, "and none is left over");
    // Until then a write that Amazon accepted may still take effect.
    hub.run_for(minutes(75)).await;
    let sheet = hub.store.sku_sheet("tea", &Outlines::new()).await.unwrap();
    let pool = &sheet.pools[0];
    assert_eq!((pool.sellable, pool.exposure.units, pool.exposure.bound), (Some(0), 0, 0));
    assert_eq!(pool.exposure.mode, "escrow");
    assert_eq!(hub.meters.violations(), Vec::<String>::new());
    let report = hub.store.verify(&hub.store.allowances().await.unwrap()).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}

/// Traces 12 and 19: from shared to escrow, with a mall that knows figures only.
#[tokio::test]
async fn going_over_to_escrow_lowers_first_and_raises_nothing_that_may_be_sold() {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL, &uriba_amazon::MALL]).await;
    let malls = ["rakuten", "yahoo", "amazon"];
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 9).await;
    hub.run_until("everything is everywhere", minutes(60), |hub| hub.shows(0, 9)).await;
    hub.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
    let mut before: Vec<i64> = malls.iter().map(|mall| hub.counter(mall, 0)).collect();
    hub.run_until("they share nine", minutes(90), |hub| {
        let now: Vec<i64> = malls.iter().map(|mall| hub.counter(mall, 0)).collect();
        if now.iter().sum::<i64>() > 9 {
            assert!(now.iter().zip(&before).all(|(now, before)| now <= before), "{before:?} became {now:?}");
        }
        before.clone_from(&now);
        now.iter().sum::<i64>() == 9 && now.iter().all(|shown| *shown > 0)
    })
    .await;
    hub.store.set_sku("tea", None, Some(None), "test").await.unwrap();
    hub.run_until("everything is everywhere again", minutes(60), |hub| hub.shows(0, 9)).await;
}

/// Trace 14.
#[tokio::test]
async fn a_listing_that_cannot_be_written_keeps_its_part_and_the_others_share_the_rest() {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
    let malls = ["rakuten", "yahoo"];
    hub.run_until("both show some of ten", minutes(60), |hub| {
        all(hub, &malls, 0) == 10 && malls.iter().all(|mall| hub.counter(mall, 0) > 0)
    })
    .await;
    let kept = hub.counter("rakuten", 0);
    hub.store.suspend(&["rakuten".to_owned()], &suspension(Mode::Freeze), "test").await.unwrap();
    hub.stock("tea", 8).await;
    hub.run_until("yahoo shows what rakuten can't sell", minutes(30), |hub| hub.counter("yahoo", 0) == 8 - kept).await;
    hub.stock("tea", 4).await;
    hub.run_until("the rest works as shared", minutes(30), |hub| hub.counter("yahoo", 0) == 4).await;
    let sheet = hub.store.sku_sheet("tea", &Outlines::new()).await.unwrap();
    assert_eq!(sheet.pools[0].exposure.bound, kept, "and says so");
    assert_eq!(hub.counter("rakuten", 0), kept, "nothing is written to a frozen channel");
    let said = outside(&hub).await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("all that is left in escrow of \"tea\""), "{said:?}");
    hub.store.resume(&["rakuten".to_owned()], None, "test").await.unwrap();
    hub.run_until("they share four", minutes(60), |hub| all(hub, &malls, 0) == 4).await;
    hub.run_for(minutes(1)).await;
    assert_eq!(outside(&hub).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_mall_that_is_suspended_to_zero_had_is_sold_by_the_others() {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
    let malls = ["rakuten", "yahoo"];
    let both = |hub: &Hub| all(hub, &malls, 0) == 10 && malls.iter().all(|mall| hub.counter(mall, 0) > 0);
    hub.run_until("both show some of ten", minutes(60), both).await;
    hub.store.suspend(&["rakuten".to_owned()], &suspension(Mode::Zero), "test").await.unwrap();
    hub.run_until("yahoo shows all of it", minutes(30), |hub| {
        assert!(all(hub, &malls, 0) <= 10, "never more than there is");
        (hub.counter("rakuten", 0), hub.counter("yahoo", 0)) == (0, 10)
    })
    .await;
    hub.store.resume(&["rakuten".to_owned()], None, "test").await.unwrap();
    hub.run_until("both show some of ten again", minutes(60), |hub| {
        assert!(all(hub, &malls, 0) <= 10, "never more than there is");
        both(hub)
    })
    .await;
}

fn suspension(mode: Mode) -> Suspension {
    Suspension { mode, reason: None, until: None, from: None, poll: true }
}

async fn outside(hub: &Hub) -> Vec<String> {
    let items = hub.store.attention(None, 100).await.unwrap();
    items.into_iter().filter(|item| item.kind == "outside").map(|item| item.message).collect()
}

/// Channels whose open orders are all read.
async fn ready(base: &TestBase) {
    base.execute("UPDATE channel SET baseline = 'done'").await.unwrap();
}

/// Trace 15.
#[tokio::test]
async fn two_listings_and_a_bundle_of_one_sku_are_three_counters_and_one_exposure() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 20).await;
        base.map("a", "tea-3", "tea", 3).await;
        base.pack("box", &[("tea", 2)]).await;
        base.list(&["a"], "box").await;
        ready(base).await;
        for key in ["tea", "tea-3", "box"] {
            base.observe("a", key, 0).await;
        }
        base.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
        base.recompute(&["a"]).await;
        let mut units = 0;
        for (key, each) in [("tea", 1), ("tea-3", 3), ("box", 2)] {
            let target = base.target("a", key).await.unwrap();
            assert!(target > 0, "{key} has a part");
            units += target * each;
        }
        assert!(units <= 20, "{units}");
        let shares = base.rows("SELECT units FROM share ORDER BY listing_id").await;
        let shares: Vec<i64> = shares.iter().filter_map(|row| row["units"].as_i64()).collect();
        assert_eq!((shares[1] % 3, shares[2] % 2), (0, 0), "in whole packs: {shares:?}");
        let kept = base.rows("SELECT mode FROM balance_event").await;
        assert_eq!(kept[0]["mode"], "escrow");
    })
    .await;
}

/// Trace 18, and how much risk its seller takes.
#[tokio::test]
async fn the_last_unit_of_a_slow_seller_is_on_show_everywhere_unless_nobody_takes_a_risk() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 1).await;
        ready(base).await;
        let (now, sixty_days) = (base.env.now().as_microsecond(), 60 * 86_400);
        for channel in ["a", "b"] {
            base.observe(channel, "tea", 1).await;
            let taught = format!(
                "INSERT INTO demand (channel, subject, usual_orders, usual_shown_s, lately_orders, lately_shown_s, units, \
                 largest, at, lit) SELECT '{channel}', id, 2, {sixty_days}, 0, 86400, 2, 1, {now}, TRUE FROM listing \
                 WHERE channel = '{channel}'"
            );
            base.execute(&format!("DELETE FROM demand WHERE channel = '{channel}'")).await.unwrap();
            base.execute(&taught).await.unwrap();
        }
        base.store.set_sku("tea", None, Some(Some(Wish::Auto)), "test").await.unwrap();
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.rows("SELECT mode FROM stock").await[0]["mode"], "shared");
        assert_eq!((base.target("a", "tea").await, base.target("b", "tea").await), (Some(1), Some(1)));
        base.execute("UPDATE pool SET epsilon = 0.000000001").await.unwrap();
        base.execute("UPDATE stock SET due = TRUE, version = version + 1").await.unwrap();
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.rows("SELECT mode FROM stock").await[0]["mode"], "escrow");
        let shown = base.target("a", "tea").await.unwrap() + base.target("b", "tea").await.unwrap();
        assert_eq!(shown, 1, "one of them has it");
    })
    .await;
}

/// The mall takes what it is told.
async fn lower(base: &TestBase, channel: &str) {
    let lease = base.lease(channel).await;
    let claim = base.store.claim(&lease, &outlet(channel), base.env.now()).await.unwrap().unwrap();
    let sent_at = base.env.now();
    base.env.advance(seconds(1));
    let exchange = Exchange::new(sent_at, base.env.now());
    let told = claim.updates()[0].write;
    let now = match told {
        Write::Relative(delta) => Some(3 + delta),
        _ => panic!("{told:?}"),
    };
    let answered = Performed::Answered(vec![Outcome::Applied { now }]);
    base.store.settle(&lease, &outlet(channel), claim, answered, exchange).await.unwrap();
}

/// The mall won't write what it is told.
async fn refuse(base: &TestBase, channel: &str, why: RefusedWhy) {
    let lease = base.lease(channel).await;
    let claim = base.store.claim(&lease, &outlet(channel), base.env.now()).await.unwrap().unwrap();
    let exchange = Exchange::new(base.env.now(), base.env.now());
    let refusal = Refusal { why, code: None, message: "not now".into() };
    let answered = Performed::Answered(vec![Outcome::Refused(refusal)]);
    base.store.settle(&lease, &outlet(channel), claim, answered, exchange).await.unwrap();
}

/// All that is left is on show on the first of two malls, and half of it ought to be on the other.
async fn all_on_one(base: &TestBase) {
    base.trade(&["a", "b"], "tea", 6).await;
    ready(base).await;
    base.observe("a", "tea", 6).await;
    base.observe("b", "tea", 0).await;
    base.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
    base.recompute(&["a", "b"]).await;
}

#[tokio::test]
async fn a_mall_that_refuses_a_listing_is_waited_for_until_somebody_has_to_look() {
    on_every_database(async |base| {
        all_on_one(base).await;
        for (why, rests, mode) in [
            (RefusedWhy::Busy, 10, "escrow"),
            (RefusedWhy::Other, 300, "escrow"),
            (RefusedWhy::Other, 600, "escrow"),
            (RefusedWhy::Other, 1_200, "shared"),
        ] {
            refuse(base, "a", why).await;
            base.store.reconsider().await.unwrap();
            base.recompute(&["a", "b"]).await;
            let row = &base.rows("SELECT mode FROM stock").await[0];
            assert_eq!(row["mode"], mode, "{why:?}, for {rests} s");
            base.env.advance(seconds(rests));
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_channel_that_is_emptied_still_shows_is_on_no_other_until_its_zeros_have_settled() {
    on_every_database(async |base| {
        all_on_one(base).await;
        base.store.suspend(&["a".to_owned()], &suspension(Mode::Zero), "test").await.unwrap();
        base.store.reconsider().await.unwrap();
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.rows("SELECT mode FROM stock").await[0]["mode"], "escrow", "all that is left may sell there");
    })
    .await;
}

/// Trace 16.
#[tokio::test]
async fn a_checkout_beyond_what_is_unshared_is_refused_and_recalls_it_from_the_malls() {
    on_every_database(async |base| {
        base.open_till(&["a", "b"], "tea", 6).await;
        ready(base).await;
        for channel in ["a", "b"] {
            base.observe(channel, "tea", 3).await;
        }
        base.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
        base.recompute(&["a", "b"]).await;
        let refused = base.ask("1", reserve(&[("tea", 2)])).await.unwrap_err();
        let short = Available { sku: "tea".into(), quantity: 2, available: 0, on_malls: true };
        assert_eq!(refused, Denial::NotEnough(vec![short]));
        let sheet = base.store.availability(WEB, &["tea".to_owned()]).await.unwrap().remove(0);
        assert_eq!((sheet.sellable, sheet.available), (Some(6), 0), "what a checkout could have");
        let recalls = base.rows("SELECT channel, quantity FROM recall").await;
        assert_eq!((recalls[0]["channel"].as_str(), recalls[0]["quantity"].as_i64()), (Some(WEB), Some(2)));
        base.recompute(&["a", "b"]).await;
        let targets = [base.target("a", "tea").await.unwrap(), base.target("b", "tea").await.unwrap()];
        assert!(targets.iter().sum::<i64>() <= 4, "two are kept for the shop: {targets:?}");
        for channel in ["a", "b"] {
            lower(base, channel).await;
        }
        base.ask("1", reserve(&[("tea", 2)])).await.unwrap();
        let beyond = base.ask("2", reserve(&[("tea", 9)])).await.unwrap_err();
        let Denial::NotEnough(lines) = beyond else { panic!("{beyond:?}") };
        assert!(!lines[0].on_malls, "there are no nine");
    })
    .await;
}

#[tokio::test]
async fn what_a_mall_was_first_told_that_shows_its_stock_to_nobody_is_in_nobody_elses_part() {
    on_every_database(async |base| {
        base.open_till(&["a", "b"], "tea", 9).await;
        base.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
        base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
        base.execute("UPDATE publication SET by_time = TRUE, checked = TRUE WHERE channel = 'b'").await.unwrap();
        base.observe("a", "tea", 0).await;
        base.recompute(&["a", "b"]).await;
        ready(base).await;
        base.execute("UPDATE channel SET watermark = 9000000000000000").await.unwrap();
        base.execute("UPDATE stock SET due = TRUE, version = version + 1").await.unwrap();
        base.recompute(&["a", "b"]).await;
        let lease = base.lease("b").await;
        let claim = base.store.claim(&lease, &outlet("b"), base.env.now()).await.unwrap().unwrap();
        let Write::Absolute(told) = claim.updates()[0].write else { panic!("{:?}", claim.updates()) };
        assert!((1..9).contains(&told), "its part of nine: {told}");
        let refused = base.ask("1", reserve(&[("tea", 9)])).await.unwrap_err();
        let short = Available { sku: "tea".into(), quantity: 9, available: 9 - told, on_malls: true };
        assert_eq!(refused, Denial::NotEnough(vec![short]));
        base.ask("2", reserve(&[("tea", 9 - told)])).await.unwrap();
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.rows("SELECT mode FROM stock").await[0]["mode"], "escrow", "it is waited for");
        assert_eq!(base.target("a", "tea").await, Some(0), "all that is left is where it was told to be");
    })
    .await;
}

#[tokio::test]
async fn a_sku_is_as_its_pool_unless_somebody_says_otherwise() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 10).await;
    ready(&base).await;
    let mode = async || base.store.sku_sheet("tea", &Outlines::new()).await.unwrap().pools[0].exposure.mode.clone();
    assert_eq!(mode().await, "shared");
    base.observe("a", "tea", 10).await;
    base.store.set_sku("tea", Some("Tea"), Some(Some(Wish::Escrow)), "maria").await.unwrap();
    base.recompute(&["a"]).await;
    assert_eq!(mode().await, "escrow");
    base.store.set_sku("tea", None, Some(None), "maria").await.unwrap();
    base.recompute(&["a"]).await;
    assert_eq!((mode().await.as_str(), base.target("a", "tea").await), ("shared", Some(10)));
    assert_eq!(base.rows("SELECT units FROM share").await.len(), 0);
    let log = base.rows("SELECT what, who FROM log WHERE subject = 'sku/tea' ORDER BY id").await;
    let said: Vec<_> = log.iter().map(|row| row["what"].as_str().unwrap()).collect();
    assert_eq!(said, ["sku.name", "sku.exposure", "sku.exposure"]);
}

#[tokio::test]
async fn a_plan_has_a_sale_in_escrow_and_a_stop_in_the_middle_of_it_empties_the_malls() {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL, &uriba_amazon::MALL]).await;
    let malls = ["rakuten", "yahoo", "amazon"];
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 9).await;
    hub.run_until("everything is everywhere", minutes(60), |hub| hub.shows(0, 9)).await;
    let from = hub.store.now() + minutes(10);
    let plan = NewPlan {
        name: "autumn".into(),
        from,
        until: from + minutes(600),
        skus: vec!["tea".into()],
        exposure: Some(Wish::Escrow),
        cap: Some(6),
        buffer: None,
    };
    hub.store.create_plan(&plan, "test").await.unwrap();
    hub.run_for(minutes(5)).await;
    assert!(hub.shows(0, 9), "it has not begun");
    hub.run_until("they share nine", minutes(120), |hub| all(hub, &malls, 0) == 9).await;
    hub.store.stop_sku("tea", None, "test").await.unwrap();
    hub.run_until("none is on show", minutes(60), |hub| hub.shows(0, 0)).await;
    hub.store.resume_sku("tea", None, "test").await.unwrap();
    hub.run_until("they share nine again", minutes(120), |hub| {
        let shown = all(hub, &malls, 0);
        assert!(shown <= 9, "{shown} on show");
        shown == 9
    })
    .await;
    hub.store.delete_plan("autumn", "test").await.unwrap();
    hub.run_until("everything is everywhere again", minutes(240), |hub| hub.shows(0, 9)).await;
    let report = hub.store.verify(&hub.store.allowances().await.unwrap()).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}
