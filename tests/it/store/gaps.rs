//! Spans of orders that nobody can read any more: what they forbid, and what closes them.

use jiff::{SignedDuration, Timestamp};
use uriba::{
    domain::windows::Window,
    engine::import::{CoreFile, FileKind, Profile, import_file},
    store::{backfills::NewBackfill, intake::Page, polling::Progress, sheets::CoverageSheet},
};
use uriba_sdk::{Env, Order, card};

use crate::support::{CARD, TestBase, core_file, intake, line, on_every_database, order, outlines, seconds};

const HEAD: &str = "channel,order_id,line,mall_key,ordered,cancelled,shipped,ordered_at\n";

/// A shop whose orders are known up to then; the next cycle begins now.
async fn cycle_after(base: &TestBase, watermark: Timestamp) {
    let lease = base.lease("a").await;
    base.execute("DELETE FROM poll_window").await.unwrap();
    let known = watermark.as_microsecond();
    base.execute(&format!("UPDATE channel SET baseline = 'done', watermark = {known}")).await.unwrap();
    let row = base.store.channel("a").await.unwrap();
    base.store.begin_cycle(&lease, &row, &CARD.orders, base.env.now(), seconds(60), seconds(60)).await.unwrap();
}

fn days_ago(base: &TestBase, days: i64) -> Timestamp {
    base.env.now() - SignedDuration::from_hours(days * 24)
}

async fn coverage(base: &TestBase) -> CoverageSheet {
    base.store.channel_sheet("a", &outlines(&["a"])).await.unwrap().coverage
}

async fn stops(base: &TestBase) -> usize {
    base.rows("SELECT id FROM stop_raise WHERE scope = 'channel:a' AND ended_at IS NULL").await.len()
}

#[tokio::test]
async fn what_the_mall_no_longer_shows_is_a_gap_and_reading_goes_on_behind_it() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 5).await;
        cycle_after(base, days_ago(base, 89)).await;
        assert_eq!(coverage(base).await.gaps, []);
        let before = days_ago(base, 100);
        cycle_after(base, before).await;
        let found = coverage(base).await;
        let oldest = days_ago(base, 90) + SignedDuration::from_hours(1);
        assert_eq!((found.until, found.gaps.len()), (Some(oldest), 1));
        assert_eq!((found.gaps[0].from, found.gaps[0].until, found.gaps[0].cause.as_str()), (before, oldest, "reach"));
        let windows = base.rows("SELECT from_at FROM poll_window").await;
        assert_eq!(windows[0]["from_at"].as_i64(), Some(oldest.as_microsecond()), "not what it would refuse");
        let said = base.attention("gap").await;
        assert!(said.len() == 1 && said[0].contains("were not read"), "{said:?}");
        assert_eq!(stops(base).await, 1);
    })
    .await;
}

#[tokio::test]
async fn being_away_again_behind_an_open_gap_makes_it_longer() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 5).await;
        let before = days_ago(base, 100);
        cycle_after(base, before).await;
        let until = coverage(base).await.until.unwrap();
        base.env.advance(card::days(2));
        cycle_after(base, until).await;
        let found = coverage(base).await;
        assert_eq!(found.gaps.len(), 1);
        assert_eq!((Some(found.gaps[0].from), Some(found.gaps[0].until)), (Some(before), found.until));
        assert_eq!((base.attention("gap").await.len(), stops(base).await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_list_of_orders_closes_the_gaps_that_lie_within_it_only() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 5).await;
        // From the 12th of August to the 22nd.
        cycle_after(base, days_ago(base, 100)).await;
        let list = |days: &[&str]| {
            let row = |day: &&str| format!("a,{day},1,tea,1,0,1,2026-{day} 12:00\n");
            format!("{HEAD}{}", days.iter().map(row).collect::<String>())
        };
        base.drop(FileKind::Orders, "20T11:00", &list(&["08-13", "08-30"])).await;
        assert_eq!((coverage(base).await.gaps.len(), stops(base).await), (1, 1), "what came before isn't there");
        base.drop(FileKind::Orders, "20T12:00", &list(&["08-10", "08-15", "08-30"])).await;
        assert_eq!((coverage(base).await.gaps.len(), stops(base).await), (0, 0));
        assert_eq!(base.attention("gap").await, Vec::<String>::new());
        let rows = base.rows("SELECT closed_by FROM order_gap").await;
        assert_eq!(rows[0]["closed_by"].as_str(), Some("test"));
    })
    .await;
}

#[tokio::test]
async fn an_export_of_the_malls_console_closes_the_gap_and_its_trial_does_not() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 5).await;
        cycle_after(base, days_ago(base, 100)).await;
        let row = |day: &str| format!("1-{day},500,2026-{day} 12:00:00,21,31,tea,1,red\n");
        let head = "注文番号,ステータス,注文日時,送付先ID,商品明細ID,商品管理番号,個数,SKU管理番号\n";
        let text = format!("{head}{}{}{}", row("08-10"), row("08-15"), row("08-30"));
        let profile = Profile { export: Some("rakuten".into()), ..Profile::default() };
        let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(&text);
        let export = CoreFile { profile: &profile, channel: Some("a"), ..core_file(FileKind::Orders, &bytes) };
        let trial = import_file(&base.store, &CoreFile { dry_run: true, ..export.clone() }).await.unwrap();
        assert_eq!((trial.booked, coverage(base).await.gaps.len(), stops(base).await), (3, 1, 1));
        let report = import_file(&base.store, &export).await.unwrap();
        assert_eq!((report.booked, coverage(base).await.gaps.len(), stops(base).await), (3, 0, 0));
        assert_eq!(base.attention("gap").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_person_who_resolves_the_item_closes_the_gap() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 5).await;
        cycle_after(base, days_ago(base, 100)).await;
        let id = base.attention_items("gap").await[0].id;
        base.store.resolve_attention(id, None, "maria").await.unwrap();
        assert_eq!((coverage(base).await.gaps, stops(base).await), (vec![], 0));
        let rows = base.rows("SELECT closed_by FROM order_gap").await;
        assert_eq!(rows[0]["closed_by"].as_str(), Some("maria"));
    })
    .await;
}

#[tokio::test]
async fn what_uriba_reads_again_by_itself_waits_while_a_mall_lets_nobody_in() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 5).await;
        let (placed, known) = (days_ago(base, 1), base.env.now() - SignedDuration::from_hours(1));
        let moved = format!("UPDATE channel SET baseline = 'done', watermark = {}", known.as_microsecond());
        base.execute(&moved).await.unwrap();
        let lease = base.lease("a").await;
        let late = Order { placed_at: placed, ..order("late", &[line("tea", 1)]) };
        let (orders, read_at) = ([late], base.env.now());
        let page =
            || Page { orders: &orders, read_at, progress: Progress::Heads(vec!["late".into()]), ..Page::default() };
        base.store.take_in(&lease, &intake("a"), page()).await.unwrap();
        let found = coverage(base).await;
        assert_eq!((found.gaps.len(), found.gaps[0].cause.as_str(), stops(base).await), (1, "late", 1));
        assert_eq!((found.gaps[0].from, found.gaps[0].until), (placed, known));
        base.store.fail_peoples_backfills(&lease, "a", "the key has expired").await.unwrap();
        assert_eq!(base.store.open_backfill("a").await.unwrap().map(|row| row.from_at), Some(placed.as_microsecond()));
        // A person who asks for the same is told.
        let span = Window { from: placed, to: known, open_only: false };
        let span = Window { from: days_ago(base, 2), ..span };
        let wanted = NewBackfill { channel: "a".into(), span, per_minute: 10, quiet: None };
        let asked = base.store.ask_backfill(&wanted, "maria").await.unwrap();
        base.store.fail_peoples_backfills(&lease, "a", "the key has expired").await.unwrap();
        assert_eq!(base.store.backfill_sheet(asked).await.unwrap().state, "failed");
        assert!(base.store.open_backfill("a").await.unwrap().is_some(), "uriba's own still waits");
        // Seen again, it is late no more.
        base.store.take_in(&lease, &intake("a"), page()).await.unwrap();
        assert_eq!(base.rows("SELECT order_id FROM late_order").await.len(), 1);
    })
    .await;
}
