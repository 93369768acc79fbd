//! Folders in which a core system leaves its files.

use std::{path::Path, time::Duration};

use jiff::SignedDuration;
use uriba::{
    domain::brake::Brake,
    engine::{
        Engine,
        braked::resolve,
        import::{FileKind, Profile},
        watch::{AsOf, Watched},
    },
    store::sheets::{Outline, Paging},
};
use uriba_sdk::Env;

use crate::support::{CARD, SHOP, TestBase, at, seconds};

async fn watching(base: &TestBase, change: impl Fn(Watched) -> Watched) -> Engine {
    let folder = base.folder().join("sales");
    std::fs::create_dir_all(&folder).unwrap();
    let plain = Watched {
        kind: FileKind::Sales,
        folder,
        profile: Profile::default(),
        channel: None,
        as_of: AsOf::Name("sales_%Y%m%d_%H%M.csv".into()),
        skip_invalid: false,
        every: None,
    };
    Engine::open(base.store.clone(), Vec::new()).await.unwrap().watching(vec![change(plain)])
}

fn put(base: &TestBase, name: &str, text: &str) {
    std::fs::write(base.folder().join("sales").join(name), text).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn look(engine: &Engine) -> usize {
    engine.run_once(Some("import"), None).await.unwrap().import
}

const THREE: &str = "location,sku,quantity\nshinjuku,tea,3\n";

#[tokio::test]
async fn a_file_is_taken_in_once_and_moved_never_deleted() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 100).await;
    base.env.advance_to(at("20T12:30"));
    let engine = watching(&base, |watched| watched).await;
    put(&base, "sales_20261120_1200.csv", THREE);
    put(&base, "sales_20261120_1230.csv.part", "location,sku,qua");
    assert_eq!(look(&engine).await, 1);
    assert_eq!(base.in_shop("tea").await, 97);
    let folder = base.folder().join("sales");
    assert_eq!(names(&folder), ["processed", "sales_20261120_1230.csv.part"]);
    // The same name with the same content again, as after a crash before the move.
    put(&base, "sales_20261120_1200.csv", THREE);
    assert_eq!(look(&engine).await, 1);
    assert_eq!(base.in_shop("tea").await, 97);
    assert_eq!(names(&folder.join("processed")), ["sales_20261120_1200.csv", "sales_20261120_1200.csv.2"]);
}

#[tokio::test]
async fn a_file_that_still_grows_waits_and_one_with_a_marker_does_not() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 100).await;
    base.env.advance_to(at("20T12:30"));
    let engine = watching(&base, |watched| watched).await;
    let path = base.folder().join("sales/sales_20261120_1200.csv");
    std::fs::write(&path, "location,sku,quantity\n").unwrap();
    // It grows while the hub waits between its two looks: the hub's turn comes first each time.
    let growing = async {
        tokio::task::yield_now().await;
        while base.env.now() < at("20T12:30") + SignedDuration::from_secs(1) {
            tokio::task::yield_now().await;
        }
        std::fs::write(&path, THREE).unwrap();
        std::future::pending::<usize>().await
    };
    let taken = tokio::select! {
        biased;
        taken = look(&engine) => taken,
        taken = growing => taken,
    };
    assert_eq!(taken, 0, "it was another one at the second look");
    put(&base, "sales_20261120_1200.csv.done", "");
    look(&engine).await;
    assert_eq!(base.in_shop("tea").await, 97);
}

#[tokio::test]
async fn a_wrong_file_lies_aside_with_the_list_and_somebody_is_told() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 100).await;
    base.env.advance_to(at("20T12:30"));
    let engine = watching(&base, |watched| watched).await;
    put(&base, "sales_20261120_1200.csv", "location,sku,quantity\nshinjuku,tea,3\nshinjuku,cup,x\n");
    put(&base, "odd.csv", THREE);
    assert_eq!(look(&engine).await, 2);
    assert_eq!(base.in_shop("tea").await, 100);
    let folder = base.folder().join("sales");
    assert_eq!(names(&folder.join("rejected")), ["sales_20261120_1200.csv", "sales_20261120_1200.csv.error.txt"]);
    let list = std::fs::read_to_string(folder.join("rejected/sales_20261120_1200.csv.error.txt")).unwrap();
    assert!(list.starts_with("line 3: quantity: "), "{list}");
    assert_eq!(names(&folder.join("failed")), ["odd.csv", "odd.csv.error.txt"]);
    assert_eq!(base.attention("file").await.len(), 2);
}

#[tokio::test]
async fn a_file_that_would_empty_the_shop_lies_aside_until_somebody_confirms_it() {
    let base = TestBase::sqlite().await;
    let codes: Vec<String> = (0..12).map(|n| format!("sku-{n}")).collect();
    base.open_channels(&["a"]).await;
    for code in &codes {
        base.list(&["a"], code).await;
        base.receive(code, SHOP, 5).await;
    }
    base.recompute(&["a"]).await;
    base.env.advance_to(at("20T12:30"));
    let engine = watching(&base, |watched| watched).await;
    let rows: String = codes.iter().map(|code| format!("shinjuku,{code},5\n")).collect();
    put(&base, "sales_20261120_1200.csv", &format!("location,sku,quantity\n{rows}"));
    assert_eq!(look(&engine).await, 1);
    assert_eq!((base.in_shop("sku-0").await, base.attention("brake").await.len()), (5, 1));
    assert_eq!(names(&base.folder().join("sales/held")), ["sales_20261120_1200.csv"]);
    let items = base.store.attention_sheets(&Paging::new(None, None)).await.unwrap().items;
    let id = items.iter().find(|item| item.kind == "brake").unwrap().id.parse().unwrap();
    resolve(&base.store, Brake::default(), id, Some("confirm"), "maria").await.unwrap();
    assert_eq!(base.in_shop("sku-0").await, 0);
    let dates = base.rows("SELECT business_date FROM core_file").await;
    assert!(!dates.is_empty() && dates.iter().all(|row| row["business_date"] == 20_261_120), "{dates:?}");
}

#[tokio::test]
async fn bundles_and_listings_come_by_folder_too() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 100).await;
    base.env.advance_to(at("20T12:30"));
    let engine = watching(&base, |watched| Watched { kind: FileKind::Bundles, as_of: AsOf::Modified, ..watched }).await;
    put(&base, "sets.csv", "bundle,component,quantity\nbox,tea,3\n");
    assert_eq!(look(&engine).await, 1);
    let engine =
        watching(&base, |watched| Watched { kind: FileKind::Listings, as_of: AsOf::Modified, ..watched }).await;
    put(&base, "listings.csv", "channel,mall_key,sku\na,box-1,box\n");
    assert_eq!(look(&engine).await, 1);
    base.recompute(&["a"]).await;
    assert_eq!(base.target("a", "box-1").await, Some(33));
}

#[tokio::test]
async fn good_rows_of_a_bad_file_are_taken_where_that_is_wanted() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 100).await;
    base.env.advance_to(at("20T12:30"));
    let engine = watching(&base, |watched| Watched { skip_invalid: true, ..watched }).await;
    put(&base, "sales_20261120_1200.csv", "location,sku,quantity\nshinjuku,tea,3\nshinjuku,cup,x\n");
    look(&engine).await;
    assert_eq!(base.in_shop("tea").await, 97);
    let kept = names(&base.folder().join("sales/processed"));
    assert_eq!(kept, ["sales_20261120_1200.csv", "sales_20261120_1200.csv.error.txt"]);
}

#[tokio::test]
async fn a_missing_interval_stops_raises_only_until_a_file_comes() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 100).await;
    base.observe("a", "tea", 100).await;
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    let hourly = |watched| Watched { every: Some(Duration::from_secs(3_600)), ..watched };
    let engine = watching(&base, hourly).await;
    look(&engine).await;
    base.env.advance(seconds(3_000));
    look(&engine).await;
    assert_eq!(base.attention("interval").await, Vec::<String>::new());
    base.env.advance(seconds(1_200));
    look(&engine).await;
    look(&engine).await;
    assert_eq!(base.attention("interval").await.len(), 1);
    assert_eq!(base.rows("SELECT id FROM stop_raise WHERE ended_at IS NULL").await.len(), 1);
    assert_eq!(stands(&base, 5).await, "held", "a raise waits");
    assert_eq!(stands(&base, -20).await, "pending", "a decrease goes out");
    put(&base, "sales_20261120_1100.csv", THREE);
    look(&engine).await;
    assert_eq!(base.attention("interval").await, Vec::<String>::new());
    assert_eq!(base.rows("SELECT id FROM stop_raise WHERE ended_at IS NULL").await.len(), 0);
    assert_eq!(stands(&base, 40).await, "pending", "raises go out again");
}

/// The state of the listing after so many units came in.
async fn stands(base: &TestBase, units: i64) -> String {
    base.receive("tea", SHOP, units).await;
    base.recompute(&["a"]).await;
    let outlines = [("a".to_owned(), Outline::of(&CARD, Vec::new()))].into();
    let sheet = base.store.sku_sheet("tea", &outlines).await.unwrap();
    sheet.listings[0].state.clone()
}

#[tokio::test]
async fn a_name_with_a_date_alone_says_the_business_date() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 100).await;
    base.env.advance_to(at("22T12:00"));
    let dated = |watched| Watched { as_of: AsOf::Name("uriage_%Y-%m-%d.csv".into()), ..watched };
    let engine = watching(&base, dated).await;
    put(&base, "uriage_2026-11-20.csv", THREE);
    look(&engine).await;
    let dates = base.rows("SELECT business_date FROM core_figure").await;
    assert_eq!(dates[0]["business_date"], 20_261_120);
}
