//! Orders out of a mall's own CSV, which close a gap.

use std::collections::BTreeMap;

use uriba::engine::import::{CoreFile, FileKind, ImportReport, ImportState, Profile, import_file};

use crate::support::{TestBase, at, core_file, line, on_every_database, order};

const HEAD: &str = "channel,order_id,line,mall_key,ordered,cancelled,shipped,ordered_at\n";

#[tokio::test]
async fn an_order_file_closes_a_gap_and_counts_nothing_twice() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 1)])]).await;
        let text = format!(
            "{HEAD}a,1,tea,tea,1,0,0,2026-11-19 12:00\na,2,tea,tea,3,1,0,2026-11-18 09:30\na,3,tea,tea,2,,2,2026-11-17 \
             10:00\n"
        );
        let report = base.drop(FileKind::Orders, "20T11:00", &text).await;
        assert_eq!((report.state, report.rows, report.booked, report.unchanged), (ImportState::Booked, 3, 2, 1));
        assert_eq!((base.unshipped("tea").await, base.in_shop("tea").await), (3, 8));
        let again = base.drop(FileKind::Orders, "20T11:00", &text).await;
        assert_eq!(again.state, ImportState::Unchanged);
        assert_eq!(base.unshipped("tea").await, 3);
    })
    .await;
}

#[tokio::test]
async fn what_was_polled_since_the_file_was_made_stays() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(at("20T12:00"));
        base.read("a", &[order("1", &[line("tea", 4)])]).await;
        base.pick_up(FileKind::Orders, "20T11:00", &format!("{HEAD}a,1,tea,tea,1,0,0,2026-11-19 12:00\n")).await;
        assert_eq!(base.unshipped("tea").await, 4);
    })
    .await;
}

#[tokio::test]
async fn an_order_file_is_refused_by_what_is_wrong_with_it() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let text = format!(
            "{HEAD}x,1,1,tea,1,0,0,2026-11-19 12:00\na,2,1,tea,1,1,1,2026-11-19 12:00\na,3,1,tea,1,0,0,noon\n\
             a,4,1,tea,1,0,0,2026-11-19 12:00\na,4,1,tea,1,0,0,2026-11-19 12:00\na,4,2,tea,1,0,0,2026-11-19 13:00\n\
             a,5,1,tea,1,0,0,2026-11-19 12:00\na,5,1,cup,1,0,0,2026-11-19 12:00\na,6,1,tea,,0,0,2026-11-19 12:00\n\
             a,7,1,,1,0,0,2026-11-19 12:00\n,8,1,tea,1,0,0,2026-11-19 12:00\n"
        );
        let file = core_file(FileKind::Orders, text.as_bytes());
        let report = import_file(&base.store, &CoreFile { skip_invalid: true, ..file }).await.unwrap();
        assert_eq!(report.state, ImportState::Refused, "half an order would be wrong");
        let named: Vec<_> = report.rejected.iter().map(|row| (row.line, row.column.as_deref().unwrap())).collect();
        let expected = [
            (2, "channel"),
            (3, "ordered"),
            (4, "ordered_at"),
            (7, "ordered_at"),
            (9, "mall_key"),
            (10, "ordered"),
            (11, "mall_key"),
            (12, "channel"),
        ];
        assert_eq!(named, expected);
        assert_eq!(base.unshipped("tea").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_line_that_is_stated_twice_is_what_its_newer_row_says() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let rows = "a,1,1,tea,3,0,3,2026-11-19 12:00\na,1,1,tea,3,0,1,2026-11-19 12:00\n";
        let report = base.drop(FileKind::Orders, "20T11:00", &format!("{HEAD}{rows}")).await;
        assert_eq!((report.rows, report.booked), (2, 1));
        assert_eq!(base.unshipped("tea").await, 2, "the later row, where nothing says when it changed");
        let head = HEAD.replace("\n", ",updated_at\n");
        let rows =
            "a,2,1,tea,3,0,3,2026-11-19 12:00,2026-11-19 18:00\na,2,1,tea,3,0,0,2026-11-19 12:00,2026-11-19 12:00\n";
        base.drop(FileKind::Orders, "20T12:00", &format!("{head}{rows}")).await;
        assert_eq!(base.unshipped("tea").await, 2, "what shipped in the evening has shipped");
    })
    .await;
}

#[tokio::test]
async fn a_status_stands_for_quantities_and_a_channel_given_beside_the_file_for_its_column() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        base.env.advance_to(at("20T11:00"));
        let columns = [("order_id", "受注番号"), ("status", "状態"), ("ordered_at", "日+時刻")];
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        let profile = Profile {
            columns: columns.map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned())).into(),
            cancelled_words: words(&["取消"]),
            shipped_words: words(&["出荷済"]),
            ..Profile::default()
        };
        let text = "受注番号,mall_key,ordered,状態,日,時刻\n1,tea,1,新規,2026/11/19,12:00\n2,tea,2,取消,2026/11/19,12:05\n\
                    3,tea,4,出荷済,2026/11/19,12:10\n";
        let file = CoreFile { profile: &profile, ..core_file(FileKind::Orders, text.as_bytes()) };
        let report = import_file(&base.store, &file).await.unwrap();
        let said = &report.rejected[0];
        assert_eq!((report.state, said.line, said.column.as_deref()), (ImportState::Refused, 1, Some("channel")));
        let report = import_file(&base.store, &CoreFile { channel: Some("a"), ..file.clone() }).await.unwrap();
        assert_eq!((report.state, report.booked), (ImportState::Booked, 3));
        assert_eq!(base.unshipped("tea").await, 1);
        let again = import_file(&base.store, &CoreFile { channel: Some("a"), ..file.clone() }).await.unwrap();
        assert_eq!(again.state, ImportState::Unchanged);
        let other = import_file(&base.store, &CoreFile { channel: Some("b"), ..file }).await.unwrap();
        assert_eq!((other.state, other.booked), (ImportState::Booked, 3), "the same rows of another shop are others");
        assert_eq!(base.unshipped("tea").await, 2);
    })
    .await;
}

const RAKUTEN: &str = "注文番号,ステータス,注文日時,送付先ID,送付先姓,商品明細ID,商品管理番号,個数,SKU管理番号\n\
                       1-20261119-1,300,2026-11-19 09:00:00,21,見本,31,Tea-01,2,red\n\
                       1-20261119-2,900,2026-11-19 09:30:00,22,見本,32,tea-01,3,red\n\
                       1-20261119-3,500,2026-11-19 10:00:00,23,見本,33,tea-01,1,red\n";

fn rakuten() -> Profile {
    Profile { export: Some("rakuten".into()), ..Profile::default() }
}

async fn orders(base: &TestBase) -> usize {
    base.rows("SELECT id FROM mall_order").await.len()
}

async fn exported(base: &TestBase, text: &str, change: impl Fn(CoreFile<'_>) -> CoreFile<'_>) -> ImportReport {
    let (bytes, _, lossy) = encoding_rs::SHIFT_JIS.encode(text);
    assert!(!lossy && bytes != text.as_bytes());
    let profile = rakuten();
    let file = CoreFile { profile: &profile, channel: Some("a"), ..core_file(FileKind::Orders, &bytes) };
    import_file(&base.store, &change(file)).await.unwrap()
}

#[tokio::test]
async fn an_export_of_a_console_in_cp932_comes_to_what_its_trial_said() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.map("a", "tea-01/red", "tea", 1).await;
        base.env.advance_to(at("20T11:00"));
        // The same order as the mall's API stated it.
        let mut polled = order("1-20261119-1", &[line("tea-01/red", 2)]);
        polled.lines[0].id = "21/31".into();
        polled.placed_at = at("19T09:00");
        base.read("a", &[polled]).await;
        assert_eq!(base.unshipped("tea").await, 2);
        let trial = exported(base, RAKUTEN, |file| CoreFile { dry_run: true, ..file }).await;
        assert_eq!((trial.state, trial.rows, orders(base).await), (ImportState::Booked, 3, 1));
        let report = exported(base, RAKUTEN, |file| file).await;
        assert_eq!((report.booked, report.unchanged), (trial.booked, trial.unchanged));
        assert_eq!((report.booked, report.unchanged), (2, 1));
        assert_eq!((base.unshipped("tea").await, orders(base).await), (2, 3), "what was polled is the same order");
    })
    .await;
}

#[tokio::test]
async fn an_export_is_refused_by_line_and_column_of_its_own() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 10).await;
    base.env.advance_to(at("20T11:00"));
    let odd = RAKUTEN.replace(",tea-01,3,", ",tea-01,見本,").replace("2026-11-19 10:00:00", "2026-11-19");
    let report = exported(&base, &odd, |file| CoreFile { skip_invalid: true, ..file }).await;
    let named: BTreeMap<_, _> =
        report.rejected.iter().map(|row| (row.line, (row.column.as_deref().unwrap(), row.message.as_str()))).collect();
    let expected = [(3, ("個数", "is no number of units")), (4, ("注文日時", "is a date without a time of day"))];
    assert_eq!((report.state, named), (ImportState::Refused, expected.into()));
    assert_eq!(orders(&base).await, 0);
    let report = exported(&base, RAKUTEN, |file| CoreFile { channel: None, ..file }).await;
    assert_eq!(report.state, ImportState::Refused);
    assert!(report.rejected[0].message.contains("--channel ID"), "{:?}", report.rejected);
    let report = exported(&base, RAKUTEN, |file| CoreFile { kind: FileKind::Receipts, channel: None, ..file }).await;
    assert_eq!(report.state, ImportState::Refused);
    assert!(report.rejected[0].message.starts_with("the profile is for orders"), "{:?}", report.rejected);
}
