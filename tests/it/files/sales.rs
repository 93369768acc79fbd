//! Sales and receipts: running figures per business date.

use uriba::{
    engine::import::{CoreFile, Figures, FileKind, ImportState, Profile, import_file},
    store::sheets::Paging,
};
use uriba_sdk::Env;

use crate::support::{SHOP, TestBase, WAREHOUSE, at, core_file, figures, on_every_database};

#[tokio::test]
async fn the_days_last_sales_file_after_the_nightly_book() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.sales("20T18:00", "20", &[("tea", 5)]).await;
        base.shop_book("21T00:00", &[("tea", 92)]).await;
        base.sales("21T00:30", "20", &[("tea", 8)]).await;
        assert_eq!(base.in_shop("tea").await, 92, "the rise occurred before the count");
        assert_eq!(base.attention("file").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn the_first_file_after_midnight() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 300).await;
        base.sales("20T22:00", "20", &[("tea", 100)]).await;
        base.sales("21T00:10", "21", &[("tea", 0)]).await;
        assert_eq!(base.in_shop("tea").await, 200, "a new date is no correction");
        base.sales("21T10:00", "21", &[("tea", 3)]).await;
        assert_eq!(base.in_shop("tea").await, 197);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_older_than_the_newest_of_its_date_does_nothing() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.trade(&["a"], "cup", 100).await;
        base.sales("20T15:00", "20", &[("tea", 7)]).await;
        let late = base.pick_up(FileKind::Sales, "20T14:00", &figures("20", &[("tea", 4), ("cup", 2)])).await;
        assert_eq!((late.booked, late.unchanged), (0, 2));
        assert_eq!((base.in_shop("tea").await, base.in_shop("cup").await), (93, 100));
    })
    .await;
}

#[tokio::test]
async fn a_sku_that_is_missing_from_a_file_is_unchanged_and_a_lower_figure_is_a_correction() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.trade(&["a"], "cup", 100).await;
        base.sales("20T14:00", "20", &[("tea", 7), ("cup", 2)]).await;
        base.sales("20T15:00", "20", &[("tea", 5)]).await;
        assert_eq!((base.in_shop("tea").await, base.in_shop("cup").await), (95, 98));
        base.sales("20T16:00", "20", &[("tea", 6), ("cup", 3)]).await;
        assert_eq!((base.in_shop("tea").await, base.in_shop("cup").await), (94, 97));
    })
    .await;
}

#[tokio::test]
async fn the_same_file_three_times_and_then_a_corrected_one_is_one_term() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        for _ in 0..3 {
            base.sales("20T14:00", "20", &[("tea", 7)]).await;
        }
        assert_eq!(base.in_shop("tea").await, 93);
        let issues = base.rows("SELECT id FROM stock_event WHERE kind = 'issue'").await;
        assert_eq!(issues.len(), 1);
        // Made at the same moment, with another content.
        base.sales("20T14:00", "20", &[("tea", 6)]).await;
        assert_eq!(base.in_shop("tea").await, 94);
    })
    .await;
}

#[tokio::test]
async fn receipts_come_in_with_their_file_and_line() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.drop(FileKind::Receipts, "20T11:00", &figures("20", &[("tea", 4)])).await;
        base.drop(FileKind::Receipts, "20T12:00", &figures("20", &[("tea", 9)])).await;
        assert_eq!(base.in_shop("tea").await, 19);
        let entries = base.store.ledger_entries("tea", &Paging::new(None, None)).await.unwrap().items;
        assert_eq!((entries[0].quantity, entries[0].source.as_str()), (5, "receipts.csv line 2"));
    })
    .await;
}

#[tokio::test]
async fn sales_alone_give_no_figure() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        base.list(&["a"], "tea").await;
        base.sales("20T14:00", "20", &[("tea", 2)]).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, None, "no figure is not minus two");
        base.shop_book("20T15:00", &[("tea", 6)]).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(6));
    })
    .await;
}

#[tokio::test]
async fn a_count_between_two_files_is_booked_on_after_and_somebody_is_told() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.sales("20T14:00", "20", &[("tea", 5)]).await;
        base.shop_book("20T14:30", &[("tea", 93)]).await;
        base.sales("20T15:00", "20", &[("tea", 9)]).await;
        assert_eq!(base.in_shop("tea").await, 89);
        let told = base.attention("file").await;
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("shinjuku") && told[0].contains("tea"), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn a_book_that_begins_the_days_sales_anew_needs_nobody() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let resets = Profile { book_resets_sales: true, ..Profile::default() };
        let sold = async |made: &str, units: i64| {
            base.env.advance_to(at(made));
            let text = figures("20", &[("tea", units)]);
            let file =
                CoreFile { as_of: Some(at(made)), profile: &resets, ..core_file(FileKind::Sales, text.as_bytes()) };
            import_file(&base.store, &file).await.unwrap();
            base.in_shop("tea").await
        };
        assert_eq!(sold("20T14:00", 5).await, 95);
        base.shop_book("20T14:30", &[("tea", 93)]).await;
        assert_eq!(sold("20T15:00", 2).await, 91, "two since the book");
        assert_eq!(sold("20T16:00", 3).await, 90);
        assert_eq!(base.attention("file").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn incremental_rows_are_booked_once_under_their_ids() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let profile = Profile { figures: Figures::Incremental, ..Profile::default() };
        let take = async |made: &str, text: &str| {
            base.env.advance_to(at(made));
            let file =
                CoreFile { as_of: Some(at(made)), profile: &profile, ..core_file(FileKind::Sales, text.as_bytes()) };
            import_file(&base.store, &file).await.unwrap()
        };
        let head = "location,sku,quantity,id,occurred_at\n";
        take("20T12:00", &format!("{head}shinjuku,tea,2,r1,2026-11-20 11:15\nshinjuku,tea,3,r2,\n")).await;
        assert_eq!(base.in_shop("tea").await, 95);
        let again =
            take("20T13:00", &format!("{head}shinjuku,tea,3,r2,\nshinjuku,tea,1,r3,\nshinjuku,tea,-1,r4,\n")).await;
        assert_eq!((again.booked, again.unchanged), (2, 1), "one was returned, one was known");
        assert_eq!(base.in_shop("tea").await, 95);
        let twice = take("20T14:00", &format!("{head}shinjuku,tea,3,r5,\nshinjuku,tea,1,r5,\n")).await;
        assert_eq!(twice.state, ImportState::Refused);
        let named: Vec<_> = twice.rejected.iter().map(|row| (row.line, row.column.as_deref().unwrap())).collect();
        assert_eq!(named, [(2, "id"), (3, "id")], "of two rows under one id neither can be believed");
    })
    .await;
}

#[tokio::test]
async fn unknown_names_undated_files_and_days_to_come_are_refused_by_line() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.env.advance_to(at("20T15:00"));
        let take = async |as_of: Option<&str>, text: &str| {
            let file = CoreFile { as_of: as_of.map(at), ..core_file(FileKind::Sales, text.as_bytes()) };
            import_file(&base.store, &file).await.unwrap()
        };
        let wrong = "location,sku,quantity,business_date\nshinjuku,cup,1,2026-11-20\nginza,tea,1,2026-11-20\n\
                     shinjuku,tea,1,2026-11-21\nshinjuku,tea,1,soon\nshinjuku,tea,1.5,2026-11-20\n";
        let report = take(None, wrong).await;
        let named: Vec<_> = report.rejected.iter().map(|row| (row.line, row.column.as_deref().unwrap())).collect();
        let expected = [(2, "sku"), (3, "location"), (4, "business_date"), (5, "business_date"), (6, "quantity")];
        assert_eq!(named, expected);
        let undated = "location,sku,quantity\nshinjuku,tea,1\n";
        let report = take(None, undated).await;
        assert!(report.rejected[0].message.contains("which business date"), "{:?}", report.rejected);
        assert_eq!(take(Some("20T15:00"), undated).await.booked, 1, "by the time of the file");
        assert_eq!(base.in_shop("tea").await, 99);
    })
    .await;
}

#[tokio::test]
async fn each_location_has_its_own_newest_file() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.receive("tea", WAREHOUSE, 50).await;
        let row =
            |place: &str, units: i64| format!("location,sku,quantity,business_date\n{place},tea,{units},2026-11-20\n");
        base.drop(FileKind::Sales, "20T15:05", &row(SHOP, 5)).await;
        base.pick_up(FileKind::Sales, "20T15:00", &row(WAREHOUSE, 2)).await;
        assert_eq!((base.in_shop("tea").await, base.on_hand("tea", WAREHOUSE).await), (95, 48));
    })
    .await;
}

#[tokio::test]
async fn a_day_that_begins_at_five_ends_at_five() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 100).await;
    let mut rules = base.store.core_rules(base.store.reader()).await.unwrap();
    rules.days.starts = jiff::civil::time(5, 0, 0, 0);
    base.store.set_core(&rules).await.unwrap();
    let text = "location,sku,quantity\nshinjuku,tea,5\n";
    base.drop(FileKind::Sales, "20T23:00", text).await;
    let text = "location,sku,quantity\nshinjuku,tea,8\n";
    base.drop(FileKind::Sales, "21T04:30", text).await;
    assert_eq!(base.in_shop("tea").await, 92, "half past four belongs to the day before");
    base.drop(FileKind::Sales, "21T05:30", "location,sku,quantity\nshinjuku,tea,1\n").await;
    assert_eq!(base.in_shop("tea").await, 91);
    assert!(base.env.now() > at("21T05:00"));
}

#[tokio::test]
async fn samples_survive_a_book_that_leaves_them_out() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let sample = base.movement("transfer", "sample", "tea", &[(SHOP, "main", -2), (SHOP, "display", 2)]).await;
        base.book(sample).await;
        let text = "location,sku,quantity\nshinjuku,tea,8\n";
        let selling = Profile { book_includes: Vec::new(), ..Profile::default() };
        base.env.advance_to(at("20T12:00"));
        let book =
            CoreFile { as_of: Some(at("20T12:00")), profile: &selling, ..core_file(FileKind::Book, text.as_bytes()) };
        import_file(&base.store, &book).await.unwrap();
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["display"]), (8, 2), "the book counts what sells");
        base.shop_book("20T13:00", &[("tea", 10)]).await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["display"]), (8, 2), "the book counts everything");
    })
    .await;
}
