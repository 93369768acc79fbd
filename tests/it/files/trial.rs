//! Files tried out: the numbers that would change, and nothing that does.

use uriba::{
    engine::import::{CoreFile, FileKind, ImportReport, import_file},
    store::preview::TargetChange,
};

use crate::support::{SHOP, TestBase, WAREHOUSE, at, core_file, figures, on_every_database};

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
        base.list(&["a"], "cup").await;
        base.receive("cup", SHOP, 4).await;
        base.recompute(&["a", "b"]).await;
        base.env.advance_to(at("20T13:00"));
        // Something else is due already: it is not the file's doing.
        base.receive("cup", SHOP, 1).await;
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
async fn a_trial_of_a_broken_file_books_and_shows_nothing() {
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

/// What a file changes does not depend on how it is cut: the tea of both locations, and both parts of the box, lie in
/// different pieces.
#[tokio::test]
async fn a_trial_of_a_long_file_adds_up_what_its_pieces_change() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.list(&["a"], "cup").await;
        base.receive("tea", WAREHOUSE, 10).await;
        base.receive("cup", SHOP, 10).await;
        base.pack("box", &[("tea", 1), ("cup", 1)]).await;
        base.list(&["a"], "box").await;
        base.list(&["a"], "new").await;
        base.recompute(&["a"]).await;
        base.env.advance_to(at("20T13:00"));
        let filler = |from: usize| (from..from + 600).map(|n| format!("{SHOP},F{n:04},1\n")).collect::<String>();
        let text = format!(
            "location,sku,quantity\n{SHOP},tea,4\n{SHOP},new,2\n{}{WAREHOUSE},tea,1\n{WAREHOUSE},new,3\n{}{SHOP},cup,3\n",
            filler(0),
            filler(600)
        );
        let report = tried(base, FileKind::Book, &text).await;
        let changes = report.changes.clone().unwrap();
        let told: std::collections::BTreeMap<&str, _> =
            changes.listings.iter().map(|change| (change.mall_key.as_str(), (change.now, change.then))).collect();
        let expected = [("box", 10, 3), ("cup", 10, 3), ("tea", 20, 5)].map(|(key, now, then)| (key, (Some(now), Some(then))));
        assert_eq!(told, [("new", (None, Some(5)))].into_iter().chain(expected).collect());
        let booked = base.pick_up(FileKind::Book, "20T12:00", &text).await;
        assert_eq!((report.booked, report.created), (booked.booked, booked.created));
        base.recompute(&["a"]).await;
        for (key, (_, then)) in told {
            assert_eq!(base.target("a", key).await, then, "{key}");
        }
    })
    .await;
}
