//! Files tried out: the numbers that would change, and nothing that does.

use uriba::{
    engine::import::{CoreFile, FileKind, ImportReport, import_file},
    store::trial::TargetChange,
};

use crate::support::{TestBase, at, core_file, figures, on_every_database};

async fn tried(base: &TestBase, kind: FileKind, text: &str) -> ImportReport {
    let made = Some(at("20T12:00"));
    let file = CoreFile { as_of: made, dry_run: true, ..core_file(kind, text.as_bytes()) };
    let before = base.everything().await;
    let report = import_file(&base.store, &file).await.unwrap();
    assert_eq!(base.everything().await, before, "a trial leaves no trace");
    report
}

#[tokio::test]
async fn a_trial_shows_every_number_that_would_change_and_on_which_mall() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        base.trade(&["a"], "cup", 4).await;
        base.env.advance_to(at("20T13:00"));
        // Something else is due already: it is not the file's doing.
        base.receive("cup", crate::support::SHOP, 1).await;
        let report = tried(base, FileKind::Sales, &figures("20", &[("tea", 3), ("cup", 0)])).await;
        let changes = report.changes.unwrap();
        let change = |channel: &str| TargetChange {
            channel: channel.into(),
            mall_key: "tea".into(),
            sku: "tea".into(),
            now: Some(10),
            then: Some(7),
        };
        assert_eq!(changes.total, 2);
        assert!(changes.listings.contains(&change("a")) && changes.listings.contains(&change("b")), "{changes:?}");
        assert_eq!((report.id, report.booked, report.unchanged), (None, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_broken_file_is_held_with_the_list_before_anything_is_booked_or_shown() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(at("20T13:00"));
        let wiped = "location,sku,quantity\nshinjuku,tea,0\n";
        let changes = tried(base, FileKind::Book, wiped).await.changes.unwrap();
        assert_eq!((changes.total, changes.listings[0].now, changes.listings[0].then), (1, Some(10), Some(0)));
        let broken = "location,sku,quantity\nshinjuku,tea,\nshinjuku,cup,x\n";
        let report = tried(base, FileKind::Book, broken).await;
        assert_eq!(report.rejected_rows, 2);
        assert_eq!(base.target("a", "tea").await, Some(10));
    })
    .await;
}

#[tokio::test]
async fn many_changes_are_counted_and_the_first_are_named() {
    let base = TestBase::sqlite().await;
    base.open_channels(&["a"]).await;
    let rows: String = (0..1_200).map(|n| format!("shinjuku,S{n:04},5\n")).collect();
    base.drop(FileKind::Book, "20T10:30", &format!("location,sku,quantity\n{rows}")).await;
    for n in 0..1_200 {
        base.map("a", &format!("S{n:04}"), &format!("S{n:04}"), 1).await;
    }
    base.recompute(&["a"]).await;
    base.env.advance_to(at("20T13:00"));
    let rows: String = (0..1_200).map(|n| format!("shinjuku,S{n:04},6\n")).collect();
    let changes = tried(&base, FileKind::Book, &format!("location,sku,quantity\n{rows}")).await.changes.unwrap();
    assert_eq!((changes.total, changes.listings.len()), (1_200, 1_000));
}
