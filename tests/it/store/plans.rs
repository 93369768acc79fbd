//! Sale plans: when they hold, before what, and what stays of them.

use jiff::Timestamp;
use sea_orm::ConnectionTrait;
use tokio::task::JoinSet;
use uriba::{
    domain::exposure::mode::Wish,
    store::{
        StoreError,
        catalogue::Mapping,
        explain::Question,
        plans::NewPlan,
        sheets::{Paging, PlanSheet},
    },
};
use uriba_sdk::Env;

use crate::support::{TestBase, on_every_database, on_postgres, outlines, seconds};

/// So many seconds after the beginning of the test.
fn at(base: &TestBase, after: u64) -> Timestamp {
    base.env.now() + seconds(after)
}

fn plan(base: &TestBase, from: u64, until: u64, skus: &[&str]) -> NewPlan {
    NewPlan {
        name: "autumn".into(),
        from: at(base, from),
        until: at(base, until),
        skus: skus.iter().map(|sku| (*sku).to_owned()).collect(),
        exposure: None,
        cap: Some(4),
        buffer: None,
    }
}

async fn make(base: &TestBase, wanted: &NewPlan) {
    base.store.create_plan(wanted, "maria").await.unwrap();
}

async fn refusal(base: &TestBase, wanted: &NewPlan) -> StoreError {
    let before = base.everything().await;
    let error = base.store.create_plan(wanted, "maria").await.unwrap_err();
    assert_eq!(base.everything().await, before, "nothing of it is kept");
    error
}

/// What the expire step and then recomputation do.
async fn time_passes(base: &TestBase, length: u64) {
    base.env.advance(seconds(length));
    base.store.turn_rules().await.unwrap();
    base.recompute(&["a", "b"]).await;
}

async fn sheet(base: &TestBase, name: &str) -> PlanSheet {
    base.store.plan_sheet(name).await.unwrap()
}

#[tokio::test]
async fn a_plan_stands_before_the_listings_rules_from_its_beginning_to_its_end() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 100).await;
        let own = Mapping {
            channel: "a".into(),
            mall_key: "tea".into(),
            sku: "tea".into(),
            cap: Some(uriba::domain::allocation::Cap::Always(9)),
            buffer: Some(1),
            ..Mapping::default()
        };
        base.store.map_listings(&[own], false, "test").await.unwrap();
        base.recompute(&["a", "b"]).await;
        make(base, &NewPlan { cap: None, buffer: Some(95), ..plan(base, 600, 1_200, &["tea"]) }).await;
        let targets = async || (base.target("a", "tea").await, base.target("b", "tea").await);
        time_passes(base, 599).await;
        assert_eq!(targets().await, (Some(9), Some(100)));
        assert_eq!(sheet(base, "autumn").await.state, "scheduled");
        time_passes(base, 1).await;
        assert_eq!(targets().await, (Some(5), Some(5)), "its buffer; the cap, of which it says nothing, stays");
        assert_eq!(sheet(base, "autumn").await.state, "in_force");
        time_passes(base, 600).await;
        assert_eq!(targets().await, (Some(9), Some(100)));
        assert_eq!(sheet(base, "autumn").await.state, "over");
        let log = base.store.log(None, 3).await.unwrap();
        let words: Vec<_> = log.iter().map(|row| (row.what.as_str(), row.subject.as_str())).collect();
        assert_eq!(words, ["plan.end", "plan.begin", "plan.create"].map(|what| (what, "plan/autumn")));
    })
    .await;
}

#[tokio::test]
async fn a_beginning_that_passed_while_nothing_ran_is_made_up_for_and_so_is_an_end() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        make(base, &plan(base, 600, 1_200, &["tea"])).await;
        base.env.advance(seconds(900));
        let verified = async || {
            let report = base.store.verify(&base.store.allowances().await.unwrap()).await.unwrap();
            assert!(!report.is_broken(), "until then nobody takes it for a mistake: {report}");
        };
        verified().await;
        time_passes(base, 0).await;
        assert_eq!(base.target("a", "tea").await, Some(4));
        base.env.advance(seconds(86_400));
        verified().await;
        time_passes(base, 0).await;
        assert_eq!(base.target("a", "tea").await, Some(100));
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_has_begun_already_holds_at_once() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let begun =
            NewPlan { from: base.env.now() - jiff::SignedDuration::from_hours(1), ..plan(base, 0, 60, &["tea"]) };
        make(base, &begun).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(4));
        assert_eq!(sheet(base, "autumn").await.from, base.env.now(), "the past is not rewritten");
    })
    .await;
}

#[tokio::test]
async fn a_sku_follows_one_plan_at_a_time() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.list(&["a"], "cup").await;
        make(base, &plan(base, 600, 1_200, &["tea", "cup"])).await;
        let other = |from, until, skus: &[&str]| NewPlan { name: "flash".into(), ..plan(base, from, until, skus) };
        let error = refusal(base, &other(1_199, 2_000, &["tea"])).await;
        assert!(matches!(error, StoreError::Refused(_)));
        let error = error.to_string();
        assert!(error.contains("\"flash\" and \"autumn\"") && error.contains("for tea:"), "{error}");
        let error = refusal(base, &plan(base, 5_000, 6_000, &["tea"])).await.to_string();
        assert!(error.contains("there is a plan \"autumn\" already"), "{error}");
        make(base, &other(1_200, 2_000, &["tea"])).await;
        base.store.delete_plan("flash", "maria").await.unwrap();
        make(base, &other(1_300, 2_000, &["cup"])).await;
        assert_eq!(sheet(base, "flash").await.skus, ["cup"], "a name is free again when its plan is gone");
        let paging = Paging::new(None, None);
        assert_eq!(base.store.plan_sheets(false, &paging).await.unwrap().items.len(), 2);
        assert_eq!(base.store.plan_sheets(true, &paging).await.unwrap().items.len(), 3);
    })
    .await;
}

/// SQLite has one writer, who sees what the one before has made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_plans_of_one_name_that_are_made_at_once_there_is_one_and_the_others_are_told() {
    on_postgres(async |base| {
        let skus = ["cup", "pot", "tea", "tin"];
        base.trade(&["a"], "tea", 100).await;
        for sku in skus.iter().filter(|sku| **sku != "tea") {
            base.list(&["a"], sku).await;
        }
        for round in 0..10 {
            // Everybody waits where the first to be let on is next to look for others of its name.
            let held = base.store.begin().await.unwrap();
            held.execute_unprepared("SELECT id FROM sku FOR UPDATE").await.unwrap();
            let mut makers = JoinSet::new();
            for (n, sku) in (0..).zip(skus) {
                let (from, until) = (600 + n * 60, 650 + n * 60);
                let wanted = NewPlan { name: format!("sale-{round}"), ..plan(base, from, until, &[sku]) };
                let store = base.store.clone();
                makers.spawn(async move { store.create_plan(&wanted, "maria").await });
            }
            base.wait_for_a_blocked_session().await;
            held.commit().await.unwrap();
            let (made, refused): (Vec<_>, Vec<_>) = makers.join_all().await.into_iter().partition(Result::is_ok);
            assert_eq!(made.len(), 1, "round {round}");
            for refused in refused {
                let error = refused.unwrap_err();
                let said = format!("there is a plan \"sale-{round}\" already, from ");
                assert!(matches!(&error, StoreError::Refused(why) if why.starts_with(&said)), "{error:?}");
            }
            base.store.delete_plan(&format!("sale-{round}"), "maria").await.unwrap();
        }
        let left = base.rows("SELECT count(*) AS n FROM sale_plan").await;
        assert_eq!(left[0]["n"], 10);
    })
    .await;
}

#[tokio::test]
async fn every_sku_that_nobody_knows_is_named() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let error = refusal(base, &plan(base, 0, 60, &["nope", "tea", "neither"])).await;
        assert_eq!(error.to_string(), "skus: there is no SKU \"neither\", \"nope\"");
        let error = refusal(base, &NewPlan { cap: None, ..plan(base, 0, 60, &["tea"]) }).await;
        assert_eq!(error.to_string(), "cap: the plan changes nothing: say cap, buffer or exposure");
        base.pack("pair", &[("tea", 2)]).await;
        let escrow = NewPlan { exposure: Some(Wish::Escrow), ..plan(base, 0, 60, &["tea", "pair"]) };
        let error = refusal(base, &escrow).await.to_string();
        assert_eq!(error, "exposure: bundles are sold from their components, which are to be named instead of pair");
        base.list(&["a"], "pair").await;
        make(base, &NewPlan { cap: Some(3), ..plan(base, 0, 60, &["pair"]) }).await;
        base.recompute(&["a"]).await;
        assert_eq!((base.target("a", "pair").await, base.target("a", "tea").await), (Some(3), Some(100)));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_plan_ends_and_its_time_is_still_explained() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let before = base.env.now();
        base.env.advance(seconds(10));
        make(base, &NewPlan { buffer: Some(2), ..plan(base, 0, 600, &["tea"]) }).await;
        base.recompute(&["a"]).await;
        let during = base.env.now();
        let tree = async |at| {
            let question = Question { sku: "tea", at, ..Question::default() };
            base.store.explain(&question, &outlines(&["a"])).await.unwrap()
        };
        let says = |tree: &uriba::domain::explain::Term| {
            let target = tree.find("told").unwrap().find("target").unwrap().clone();
            target.check().unwrap();
            let source = |name: &str| target.find(name).map(|rule| rule.terms[1].source.clone().unwrap());
            (target.whole(), source("rule.cap"), source("rule.buffer"))
        };
        let by_plan = Some("sale plan \"autumn\"".to_owned());
        assert_eq!(says(&tree(None).await), (Some(4), by_plan.clone(), by_plan.clone()));
        base.env.advance(seconds(10));
        base.store.delete_plan("autumn", "ken").await.unwrap();
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(100));
        base.env.advance(seconds(10));
        let then = tree(Some(during)).await;
        assert_eq!(says(&then), (Some(4), by_plan.clone(), by_plan));
        let told = then.find("plan").unwrap().source.clone().unwrap();
        assert!(told.starts_with("\"autumn\" by maria: cap 4, buffer 2, until 2026-11-"), "{told}");
        assert_eq!(says(&tree(Some(before)).await), (Some(100), None, None));
        assert!(tree(None).await.find("plan").is_none());
        let sheet = sheet(base, "autumn").await;
        assert_eq!((sheet.state.as_str(), sheet.deleted_by.as_deref()), ("deleted", Some("ken")));
        let error = base.store.delete_plan("autumn", "ken").await.unwrap_err().to_string();
        assert!(error.starts_with("plan \"autumn\" was deleted at 2026-11-"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_plan_has_its_skus_sold_in_its_mode_and_then_as_before() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 100).await;
        let escrow = NewPlan { exposure: Some(Wish::Escrow), cap: None, ..plan(base, 600, 1_200, &["tea"]) };
        make(base, &escrow).await;
        let mode = async || {
            let sheet = base.store.sku_sheet("tea", &outlines(&["a", "b"])).await.unwrap();
            sheet.pools[0].exposure.mode.clone()
        };
        assert_eq!(mode().await, "shared");
        time_passes(base, 600).await;
        assert_eq!(mode().await, "escrow");
        // A mode that was just left is not gone back to in the same minute.
        time_passes(base, 600).await;
        for _ in 0..30 {
            base.env.advance(seconds(300));
            base.store.reconsider().await.unwrap();
            base.recompute(&["a", "b"]).await;
        }
        assert_eq!(mode().await, "shared");
        let modes = base.rows("SELECT mode FROM balance_event ORDER BY id").await;
        let modes: Vec<_> = modes.iter().map(|row| row["mode"].as_str().unwrap()).collect();
        assert_eq!((modes.first(), modes.last()), (Some(&"escrow"), Some(&"shared")), "and the modes are kept");
    })
    .await;
}

#[tokio::test]
async fn a_stop_stands_before_a_plan() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.store.stop_sku("tea", None, "maria").await.unwrap();
        make(base, &plan(base, 0, 600, &["tea"])).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(0));
        base.store.resume_sku("tea", None, "maria").await.unwrap();
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(4));
    })
    .await;
}

#[tokio::test]
async fn a_trial_tells_the_numbers_and_makes_nothing() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 100).await;
        let before = base.everything().await;
        let changes = base.store.preview_plan(&plan(base, 5_000, 6_000, &["tea"])).await.unwrap();
        let told: Vec<_> = changes.listings.iter().map(|change| (change.now, change.then)).collect();
        assert_eq!((changes.total, told), (2, vec![(Some(100), Some(4)); 2]), "as if it began now");
        assert_eq!(base.everything().await, before);
    })
    .await;
}

/// A command line on a laptop, or another instance, whose clock is a second ahead of the one that computes.
#[tokio::test]
async fn a_plan_holds_by_every_clock_of_several_machines() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let ahead = base.another_ahead_by(1).await;
        let target = async || base.target("a", "tea").await;
        ahead.create_plan(&plan(base, 0, 1_200, &["tea"]), "maria").await.unwrap();
        base.recompute(&["a"]).await;
        time_passes(base, 10).await;
        assert_eq!(target().await, Some(4), "it was made a second before it begins by our clock");
        base.env.advance(seconds(1_189));
        assert_eq!(ahead.turn_rules().await.unwrap(), 1, "it is over there");
        base.recompute(&["a"]).await;
        let report = base.store.verify(&base.store.allowances().await.unwrap()).await.unwrap();
        assert!(!report.is_broken(), "until all agree nobody takes it for a mistake: {report}");
        time_passes(base, 10).await;
        assert_eq!(target().await, Some(100));
        ahead.create_plan(&plan(base, 100, 1_200, &["tea"]), "maria").await.unwrap();
        base.env.advance(seconds(99));
        assert_eq!(ahead.turn_rules().await.unwrap(), 1);
        base.recompute(&["a"]).await;
        time_passes(base, 10).await;
        assert_eq!(target().await, Some(4));
        ahead.delete_plan("autumn", "maria").await.unwrap();
        base.recompute(&["a"]).await;
        assert_eq!(target().await, Some(100), "deleted is deleted");
        let log = base.store.log(None, 100).await.unwrap();
        let turns = log.iter().filter(|row| ["plan.begin", "plan.end"].contains(&row.what.as_str())).count();
        assert_eq!(turns, 2, "each is said once");
    })
    .await;
}
