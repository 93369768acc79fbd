//! Files that say what bundles are made of.

use uriba::engine::import::{CoreFile, FileKind, ImportReport, ImportState, import_file};

use crate::support::{TestBase, core_file, on_every_database};

async fn pack(base: &TestBase, text: &str) -> ImportReport {
    import_file(&base.store, &core_file(FileKind::Bundles, text.as_bytes())).await.unwrap()
}

fn counts(report: &ImportReport) -> (ImportState, u64, u64, u64, u64) {
    (report.state, report.rows, report.booked, report.unchanged, report.created)
}

#[tokio::test]
async fn a_file_makes_bundles_of_any_depth_and_the_same_file_again_nothing() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 12).await;
        base.trade(&["a"], "cup", 30).await;
        let text = "bundle,component,quantity\nhamper,box,2\nhamper,tea,1\nbox,tea,1\nbox,cup,3\n";
        assert_eq!(counts(&pack(base, text).await), (ImportState::Booked, 4, 4, 0, 2));
        base.list(&["a"], "hamper").await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "hamper").await, Some(4), "12 tea at 3 each");
        assert_eq!(counts(&pack(base, text).await), (ImportState::Unchanged, 4, 0, 4, 0));
        let other = "bundle,component,quantity\nbox,tea,1\n";
        assert_eq!(counts(&pack(base, other).await), (ImportState::Booked, 1, 1, 0, 0));
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "hamper").await, Some(4), "a recipe in a file replaces the one before");
        assert_eq!(base.rows("SELECT component_id FROM bundle_part").await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn every_row_that_is_wrong_is_named_and_nothing_is_taken_in() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 12).await;
    base.pack("box", &[("tea", 1)]).await;
    let before = base.everything().await;
    let text =
        "bundle,component,quantity\nset,pen,1\nset,tea,0\ntea,box,1\nbox,gift,1\ngift,box,2\nset,tea,1\nset,tea,2\n";
    let report = pack(&base, text).await;
    assert_eq!(report.state, ImportState::Refused);
    let said: Vec<_> = report
        .rejected
        .iter()
        .map(|row| (row.line, row.column.as_deref().unwrap_or("-"), row.message.as_str()))
        .collect();
    assert_eq!(said[0].0, 2);
    assert!(said[0].2.starts_with("there is no SKU \"pen\""), "{said:?}");
    assert_eq!(said[1], (3, "quantity", "\"0\" is not a whole number from 1 to 1000000"));
    assert!(said[2].0 == 4 && said[2].2.starts_with("tea has stock of its own"), "{said:?}");
    assert_eq!(said[3].0, 5);
    assert!(said[3].2.starts_with("a bundle contains itself: ") && said[3].2.contains("box → gift"), "{said:?}");
    assert_eq!(said[4], (8, "component", "names the same bundle and component as line 7"));
    assert_eq!(base.everything().await, before);
}

#[tokio::test]
async fn a_way_round_through_what_is_known_already_is_refused_with_its_line() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 12).await;
    base.pack("box", &[("tea", 1)]).await;
    base.pack("gift", &[("box", 1)]).await;
    let report = pack(&base, "bundle,component,quantity\nbox,gift,1\n").await;
    assert_eq!((report.state, report.rejected[0].line), (ImportState::Refused, 2));
    let turned = pack(&base, "bundle,component,quantity\nbox,gift,1\ngift,tea,1\n").await;
    assert_eq!(turned.state, ImportState::Booked, "both at once there is none");
}

#[tokio::test]
async fn a_book_that_counts_a_bundle_is_refused_with_its_line() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 12).await;
    base.pack("box", &[("tea", 1)]).await;
    let file = core_file(FileKind::Book, b"location,sku,quantity\nshinjuku,tea,8\nshinjuku,box,3\n");
    let report = import_file(&base.store, &file).await.unwrap();
    assert_eq!((report.state, report.rejected[0].line), (ImportState::Refused, 3));
    assert_eq!(report.rejected[0].message, "box is a bundle and has no stock of its own: count its components");
    let report = import_file(&base.store, &CoreFile { skip_invalid: true, ..file }).await.unwrap();
    assert_eq!((report.state, base.in_shop("tea").await), (ImportState::Booked, 8));
}
