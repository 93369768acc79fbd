//! One SKU off sale everywhere: its listings, its bundles, the seller's own shop.

use uriba::{
    domain::{
        explain::Op,
        reservation::{Change, Refusal},
        suspend::Mode,
    },
    store::{catalogue::Mapping, explain::Question, sheets::StoppedSheet, switch::Suspension},
};
use uriba_sdk::{Env, Write};

use crate::support::{TestBase, WEB, line, on_every_database, order, outlet, outlines, reserve, seconds};

async fn stop(base: &TestBase, sku: &str) {
    base.store.stop_sku(sku, Some("price error"), "maria").await.unwrap();
}

async fn resume(base: &TestBase, sku: &str) {
    base.store.resume_sku(sku, None, "maria").await.unwrap();
}

#[tokio::test]
async fn a_stopped_sku_ought_to_show_nothing_anywhere_from_that_instant() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        stop(base, "tea").await;
        assert_eq!((base.target("a", "tea").await, base.target("b", "tea").await), (Some(0), Some(0)), "uncomputed");
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.target("a", "tea").await, Some(0));
        base.receive("tea", "shinjuku", 5).await;
        base.recompute(&["a", "b"]).await;
        assert_eq!(base.target("b", "tea").await, Some(0), "whatever comes in");
        let sheet = base.store.sku_sheet("tea", &outlines(&["a", "b"])).await.unwrap();
        assert_eq!(sheet.pools[0].sellable, Some(15), "the stock is still there");
        let report = base.store.verify(&base.store.allowances().await.unwrap()).await.unwrap();
        assert!(!report.is_broken(), "{report}");
        resume(base, "tea").await;
        base.recompute(&["a", "b"]).await;
        assert_eq!((base.target("a", "tea").await, base.target("b", "tea").await), (Some(15), Some(15)));
    })
    .await;
}

#[tokio::test]
async fn what_is_made_of_it_is_off_sale_too_and_its_other_parts_are_not() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.pack("pair", &[("tea", 2), ("cup", 2)]).await;
        base.pack("gift", &[("pair", 1)]).await;
        base.receive("cup", "shinjuku", 8).await;
        for sku in ["cup", "pair", "gift"] {
            base.list(&["a"], sku).await;
        }
        base.recompute(&["a"]).await;
        let targets = async || {
            let mut all = Vec::new();
            for sku in ["tea", "cup", "pair", "gift"] {
                all.push(base.target("a", sku).await.unwrap());
            }
            all
        };
        assert_eq!(targets().await, [10, 8, 4, 4]);
        stop(base, "tea").await;
        assert_eq!(targets().await, [0, 8, 0, 0], "at any depth");
        base.recompute(&["a"]).await;
        assert_eq!(targets().await, [0, 8, 0, 0]);
        resume(base, "tea").await;
        stop(base, "pair").await;
        base.recompute(&["a"]).await;
        assert_eq!(targets().await, [10, 8, 0, 0], "a set that is stopped leaves its parts on sale");
        let sheet = base.store.sku_sheet("gift", &outlines(&["a"])).await.unwrap();
        assert_eq!(sheet.stopped.unwrap().sku, "pair", "which part it is for the want of");
    })
    .await;
}

#[tokio::test]
async fn neither_a_fixed_number_nor_a_missing_figure_stands_before_a_stop() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let fixed = Mapping {
            channel: "a".into(),
            mall_key: "tea".into(),
            sku: "tea".into(),
            unlimited: Some(50),
            ..Mapping::default()
        };
        base.store.map_listings(&[fixed], false, "test").await.unwrap();
        base.list(&["a"], "uncounted").await;
        base.recompute(&["a"]).await;
        assert_eq!((base.target("a", "tea").await, base.target("a", "uncounted").await), (Some(50), None));
        stop(base, "tea").await;
        stop(base, "uncounted").await;
        base.map("a", "tea-new", "tea", 1).await;
        base.recompute(&["a"]).await;
        assert_eq!((base.target("a", "tea").await, base.target("a", "uncounted").await), (Some(0), Some(0)));
        assert_eq!(base.target("a", "tea-new").await, Some(0), "what is mapped to it meanwhile begins there");
        resume(base, "uncounted").await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "uncounted").await, None);
    })
    .await;
}

#[tokio::test]
async fn who_stopped_it_first_and_why_is_kept_through_a_restart() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let stopped_at = base.env.now();
        stop(base, "tea").await;
        base.env.advance(seconds(60));
        base.store.stop_sku("TEA", Some("another word"), "ken").await.expect_err("codes are spelt as they are");
        base.store.stop_sku("tea", Some("another word"), "ken").await.unwrap();
        let next_run = base.another().await;
        let sheet = next_run.sku_sheet("tea", &outlines(&["a"])).await.unwrap();
        let expected = StoppedSheet {
            sku: "tea".into(),
            by: "maria".into(),
            since: stopped_at,
            reason: Some("price error".into()),
        };
        assert_eq!(sheet.stopped, Some(expected));
        resume(base, "tea").await;
        resume(base, "tea").await;
        let log = base.store.log(None, 100).await.unwrap();
        let words = log.iter().filter(|row| row.subject == "sku/tea");
        let words: Vec<_> = words.map(|row| (row.what.as_str(), row.who.as_str(), row.why.as_deref())).collect();
        assert_eq!(words, [("sku.resume", "maria", None), ("sku.stop", "maria", Some("price error"))]);
        assert_eq!(base.store.sku_sheet("tea", &outlines(&["a"])).await.unwrap().stopped, None);
    })
    .await;
}

#[tokio::test]
async fn its_zero_goes_before_larger_ones_that_have_waited() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let busy: Vec<String> = (0..40).map(|n| format!("busy-{n}")).collect();
        for sku in busy.iter().map(String::as_str).chain(["tea"]) {
            base.list(&["a"], sku).await;
            base.receive(sku, "shinjuku", if sku == "tea" { 1 } else { 50 }).await;
        }
        base.recompute(&["a"]).await;
        base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
        base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
        for sku in busy.iter().map(String::as_str).chain(["tea"]) {
            base.observe("a", sku, if sku == "tea" { 1 } else { 50 }).await;
        }
        let lines: Vec<_> = busy.iter().map(|sku| line(sku, 50)).collect();
        base.read("a", &[order("1", &lines)]).await;
        base.recompute(&["a"]).await;
        base.env.advance(seconds(400));
        stop(base, "tea").await;
        let lease = base.lease("a").await;
        let claim = base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap().unwrap();
        let first = &claim.updates()[0];
        assert_eq!((first.key.as_str(), first.write, claim.len()), ("tea", Write::Absolute(0), 10));
    })
    .await;
}

#[tokio::test]
async fn the_own_shop_sells_nothing_of_it_and_keeps_what_it_has_promised() {
    on_every_database(async |base| {
        base.open_till(&[], "tea", 10).await;
        base.pack("pair", &[("tea", 2)]).await;
        base.hold("paying", &[("tea", 1)]).await;
        base.hold("slow", &[("tea", 1)]).await;
        stop(base, "tea").await;
        for (id, sku) in [("late", "tea"), ("set", "pair")] {
            assert_eq!(base.ask(id, reserve(&[(sku, 1)])).await.unwrap_err(), Refusal::Stopped(sku.into()));
        }
        let shown = base.store.availability(WEB, &["tea".into(), "pair".into()]).await.unwrap();
        let shown: Vec<_> = shown.iter().map(|sheet| (sheet.sellable, sheet.available, sheet.stopped)).collect();
        assert_eq!(shown, [(Some(8), 0, true), (Some(4), 0, true)]);
        assert_eq!(base.confirm("paying", "W-1").await.unwrap().change, Some(Change::Confirm { late: false }));
        base.env.advance(seconds(700));
        assert_eq!(base.confirm("slow", "W-2").await.unwrap_err(), Refusal::Stopped("tea".into()), "it has expired");
        resume(base, "tea").await;
        base.hold("late", &[("tea", 1)]).await;
        assert!(!base.store.availability(WEB, &["tea".into()]).await.unwrap()[0].stopped);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_written_now_is_listed_as_not_done() {
    on_every_database(async |base| {
        base.trade(&["a", "b", "c"], "tea", 10).await;
        base.pack("pair", &[("tea", 2)]).await;
        base.list(&["b"], "pair").await;
        base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
        base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
        for (channel, key) in [("a", "tea"), ("b", "tea"), ("b", "pair"), ("c", "tea")] {
            base.observe(channel, key, 4).await;
        }
        let reason = Some("stocktake".into());
        let freeze = Suspension { mode: Mode::Freeze, reason, from: None, until: None, poll: true };
        base.store.suspend(&["b".into()], &freeze, "test").await.unwrap();
        base.store.set_mode("c", false, "test").await.unwrap();
        stop(base, "tea").await;
        let sheet = base.store.stop_sheet("tea", &outlines(&["a", "b", "c"])).await.unwrap();
        let left: Vec<_> = sheet
            .not_done
            .iter()
            .map(|left| (left.channel.as_str(), left.mall_key.as_str(), left.shown, left.state.as_str()))
            .collect();
        let expected =
            [("b", "pair", Some(4), "frozen"), ("b", "tea", Some(4), "frozen"), ("c", "tea", Some(4), "shadow")];
        assert_eq!(left, expected);
        assert_eq!(sheet.not_done[0].reason.as_deref(), Some("stocktake"));
        base.observe("b", "tea", 0).await;
        let sheet = base.store.stop_sheet("tea", &outlines(&["a", "b", "c"])).await.unwrap();
        assert_eq!(sheet.not_done.len(), 2, "what shows nothing is done");
    })
    .await;
}

#[tokio::test]
async fn explain_names_who_stopped_it_now_and_as_of_then() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let before = base.env.now();
        base.env.advance(seconds(60));
        stop(base, "tea").await;
        let during = base.env.now();
        let tree = async |at| {
            let question = Question { sku: "tea", at, ..Question::default() };
            base.store.explain(&question, &outlines(&["a"])).await.unwrap()
        };
        let target = |tree: &uriba::domain::explain::Term| {
            let target = tree.find("told").unwrap().find("target").unwrap().clone();
            target.check().unwrap();
            (target.whole(), target.op, target.find("stopped").and_then(|term| term.source.clone()))
        };
        let said = Some("maria stopped tea: price error".to_owned());
        assert_eq!(target(&tree(None).await), (Some(0), Op::Override, said.clone()));
        base.env.advance(seconds(60));
        resume(base, "tea").await;
        base.recompute(&["a"]).await;
        base.env.advance(seconds(60));
        assert_eq!(target(&tree(None).await), (Some(10), Op::Clamp, None));
        assert_eq!(target(&tree(Some(during)).await), (Some(0), Op::Override, said));
        assert_eq!(target(&tree(Some(before)).await), (Some(10), Op::Clamp, None));
    })
    .await;
}
