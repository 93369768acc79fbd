//! Files from the core system and from people, through the real store.

use uriba::{
    domain::{deed::Deed, ledger::CountsShipments},
    engine::import::{CoreFile, FileKind, ImportReport, ImportState, Profile, import_file},
    store::{
        StoreError,
        imports::{Figure, NewImport, Rows},
        movements::{Move, MoveKind},
        sheets::Paging,
    },
};
use uriba_sdk::{Env, Line};

use crate::{
    store::deeds::ask,
    support::{SHOP, TestBase, WAREHOUSE, clock, core_file, line, on_every_database, order, seconds},
};

fn file(bytes: &[u8]) -> CoreFile<'_> {
    CoreFile { as_of: Some(clock("10:00")), ..core_file(FileKind::Book, bytes) }
}

async fn book(base: &TestBase, text: &str) -> ImportReport {
    import_file(&base.store, &file(text.as_bytes())).await.unwrap()
}

fn counts(report: &ImportReport) -> (ImportState, u64, u64, u64, u64) {
    (report.state, report.rows, report.booked, report.unchanged, report.created)
}

const THREE: &str = "location,sku,quantity,name\nshinjuku,tea,8,Tea\nshinjuku,cup,0,\nosaka,tea,3,Tea\n";

#[tokio::test]
async fn a_book_makes_what_is_new_and_says_how_many() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let report = book(base, THREE).await;
        // Two SKUs, and Osaka, which no pool names yet.
        assert_eq!(counts(&report), (ImportState::Booked, 3, 3, 0, 3));
        assert_eq!((base.on_hand("tea", SHOP).await, base.on_hand("tea", "osaka").await), (8, 3));
        let sheet = base.store.sku_sheet("cup", &Default::default()).await.unwrap();
        assert_eq!(sheet.pools[0].on_hand, Some(0), "a counted zero is a figure");
    })
    .await;
}

#[tokio::test]
async fn the_same_file_again_does_nothing_and_says_so() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let first = book(base, THREE).await;
        base.env.advance(seconds(60));
        base.receive("tea", SHOP, 5).await;
        let again = book(base, THREE).await;
        assert_eq!(counts(&again), (ImportState::Unchanged, 3, 0, 3, 0));
        assert_eq!(again.id, first.id);
        assert_eq!(base.in_shop("tea").await, 13, "what came in since is still there");
        // Nobody said as of when: the very same content is taken for the same file.
        let undated = CoreFile { as_of: None, ..file(THREE.as_bytes()) };
        assert_eq!(import_file(&base.store, &undated).await.unwrap().state, ImportState::Unchanged);
        // The same figures of another instant are another count.
        let later = CoreFile { as_of: Some(clock("10:05")), ..file(THREE.as_bytes()) };
        base.env.advance_to(clock("10:10"));
        let later = import_file(&base.store, &later).await.unwrap();
        assert_eq!(counts(&later), (ImportState::Booked, 3, 1, 2, 0));
        let log = base.store.log_sheets(&Paging::new(None, None)).await.unwrap().items;
        assert_eq!(log.iter().filter(|line| line.what == "stock.import").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_bad_row_refuses_the_file_and_every_bad_row_is_named() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let text = "location,sku,quantity,as_of\nshinjuku,tea,8,\n,tea,1,\nshinjuku,cup,-1,\nshinjuku,bag,1.5,\n\
                    shinjuku,pen\nshinjuku,tea,9,\nshinjuku,ink,1,2027-01-01T00:00:00Z\nshinjuku,nib,1,noon\n";
        let report = book(base, text).await;
        assert_eq!((report.state, report.rows, report.rejected_rows), (ImportState::Refused, 8, 8));
        let named: Vec<_> =
            report.rejected.iter().map(|row| (row.line, row.column.as_deref().unwrap_or("-"))).collect();
        let expected = [
            (2, "sku"),
            (3, "location"),
            (4, "quantity"),
            (5, "quantity"),
            (6, "-"),
            (7, "sku"),
            (8, "as_of"),
            (9, "as_of"),
        ];
        assert_eq!(named, expected);
        assert_eq!(report.rejected[4].message, "has 2 cells where the header has 4");
        assert!(base.store.import_sheets(&Paging::new(None, None)).await.unwrap().items.is_empty());
        assert!(base.store.sku(base.store.reader(), "tea").await.is_err(), "nothing was made either");
    })
    .await;
}

#[tokio::test]
async fn the_good_rows_can_be_booked_without_the_bad_ones() {
    let base = TestBase::sqlite().await;
    base.open_channels(&["a"]).await;
    let text = "location,sku,quantity\nshinjuku,tea,8\nshinjuku,cup,x\nshinjuku,bag,2\nshinjuku,bag,3\n";
    let skipping = CoreFile { skip_invalid: true, ..file(text.as_bytes()) };
    let report = import_file(&base.store, &skipping).await.unwrap();
    assert_eq!((counts(&report), report.rejected_rows), ((ImportState::Booked, 4, 1, 0, 1), 3));
    assert_eq!(base.in_shop("tea").await, 8);
    assert!(base.store.sku(base.store.reader(), "bag").await.is_err(), "of two figures for one place neither counts");
}

#[tokio::test]
async fn a_trial_says_what_would_happen_and_leaves_no_trace() {
    let base = TestBase::sqlite().await;
    base.open_channels(&["a"]).await;
    let trial = CoreFile { dry_run: true, ..file(THREE.as_bytes()) };
    let report = import_file(&base.store, &trial).await.unwrap();
    assert_eq!((counts(&report), report.id), ((ImportState::Booked, 3, 3, 0, 3), None));
    assert!(base.store.sku(base.store.reader(), "tea").await.is_err());
    assert_eq!(book(&base, THREE).await.state, ImportState::Booked);
}

#[tokio::test]
async fn a_file_from_windows_names_the_same_skus_as_one_from_elsewhere() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        // 店舗… columns under other names; wave dash and minus as Windows writes them; half-width kana.
        let columns = [("location", "店舗"), ("sku", "商品コード"), ("quantity", "数量"), ("name", "品名")];
        let columns = columns.map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned())).into();
        let profile = Profile { columns, ..Profile::default() };
        let text = "店舗,商品コード,数量,品名\r\nshinjuku,A～1－2,4,ﾊﾝｶｸ茶\r\n";
        let (bytes, _, lossy) = encoding_rs::SHIFT_JIS.encode(text);
        assert!(!lossy);
        let windows = CoreFile { profile: &profile, ..file(&bytes) };
        assert_eq!(import_file(&base.store, &windows).await.unwrap().created, 1);
        let mac = "\u{feff}location,sku,quantity\nshinjuku,A\u{301c}1\u{2212}2,6\n";
        let mac = CoreFile { as_of: Some(clock("10:30")), ..file(mac.as_bytes()) };
        base.env.advance_to(clock("11:00"));
        assert_eq!(import_file(&base.store, &mac).await.unwrap().created, 0);
        let sheet = base.store.sku_sheet("A\u{301c}1\u{2212}2", &Default::default()).await.unwrap();
        assert_eq!((sheet.name.as_deref(), sheet.pools[0].on_hand), (Some("ﾊﾝｶｸ茶"), Some(6)));
    })
    .await;
}

#[tokio::test]
async fn a_file_that_a_crash_cut_short_goes_on_when_it_is_given_again() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let rows: String = (0..1_200).map(|n| format!("shinjuku,S{n:04},{n}\n")).collect();
        let text = format!("location,sku,quantity\n{rows}");
        // The first piece was booked, the process died before the second.
        let digest = uriba::store::token::hex(&<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()));
        let new = NewImport {
            kind: "book",
            file: "book.csv",
            digest: &digest,
            as_of: Some(clock("10:00")),
            rows: 1_200,
            by: "test",
        };
        let begun = base.store.begin_import(&new).await.unwrap();
        let figures: Vec<Figure> = (0..500).map(first_figure).collect();
        base.store.book_rows(&begun, Rows::Book { figures: &figures, bins: &[] }).await.unwrap();
        assert_eq!(base.store.import_sheets(&Paging::new(None, None)).await.unwrap().items[0].state, "booking");
        // Meanwhile something sold.
        base.env.advance(seconds(60));
        base.receive("S0400", SHOP, -3).await;
        let report = book(base, &text).await;
        assert_eq!(counts(&report), (ImportState::Booked, 1_200, 1_200, 0, 1_200));
        assert_eq!(report.id, Some(begun.id.to_string()));
        let on_hand = (base.in_shop("S0000").await, base.in_shop("S0400").await, base.in_shop("S1199").await);
        assert_eq!(on_hand, (0, 397, 1_199));
        let counts = base.rows("SELECT id FROM stock_event WHERE kind = 'stocktake'").await;
        assert_eq!(counts.len(), 1_200, "each row was booked once");
    })
    .await;
}

fn first_figure(n: i64) -> Figure {
    let sku = format!("S{n:04}");
    let line = u64::try_from(n).unwrap() + 2;
    Figure { line, location: SHOP.into(), sku, name: None, jan: None, quantity: n, as_of: None }
}

#[tokio::test]
async fn thousands_of_bad_rows_are_counted_and_the_first_are_named() {
    let base = TestBase::sqlite().await;
    base.open_channels(&["a"]).await;
    let text = format!("location,sku,quantity\n{}", "shinjuku,,1\n".repeat(5_000));
    let report = book(&base, &text).await;
    assert_eq!((report.rejected_rows, report.rejected.len()), (5_000, 1_000));
}

#[tokio::test]
async fn files_that_are_no_book_are_refused_by_what_is_wrong_with_them() {
    let base = TestBase::sqlite().await;
    base.open_channels(&["a"]).await;
    let cases: [(&[u8], &str); 5] = [
        (b"", "the file is empty"),
        (b"location,sku,quantity\n", "no row below"),
        (b"location,sku\nshinjuku,tea\n", "no column \"quantity\"; the header names: location, sku"),
        (b"location,sku,sku,quantity\n", "two columns are named \"sku\""),
        (b"location,sku,quantity\nshinjuku,\x80\xff,1\n", "neither UTF-8 nor CP932"),
    ];
    for (bytes, expected) in cases {
        let report = import_file(&base.store, &file(bytes)).await.unwrap();
        assert_eq!(report.state, ImportState::Refused);
        assert!(report.rejected[0].message.contains(expected), "{:?}", report.rejected);
    }
}

#[tokio::test]
async fn no_book_is_understood_before_it_is_said_who_counts_shipments() {
    let base = TestBase::sqlite().await;
    let refused = import_file(&base.store, &file(THREE.as_bytes())).await;
    assert!(matches!(refused, Err(StoreError::Refused(why)) if why.contains("counts_shipments")));
}

#[tokio::test]
async fn a_core_that_never_hears_of_shipments_still_has_them_in_its_book() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 0).await;
        base.core(CountsShipments::Never).await;
        let never = |as_of: &str, quantity: i64| {
            let (text, as_of) = (format!("location,sku,quantity\nshinjuku,tea,{quantity}\n"), clock(as_of));
            async move {
                base.env.advance_to(as_of + jiff::SignedDuration::from_mins(1));
                let file = CoreFile { as_of: Some(as_of), ..file(text.as_bytes()) };
                import_file(&base.store, &file).await.unwrap();
                base.in_shop("tea").await
            }
        };
        assert_eq!(never("11:00", 10).await, 10, "the first figure is taken at its word");
        let gone = Line { shipped: 2, shipped_at: Some(clock("12:00")), ..line("tea", 2) };
        base.env.advance_to(clock("12:01"));
        base.read("a", &[order("1", &[gone])]).await;
        assert_eq!(never("13:00", 10).await, 8, "the core still shows the two that left");
        assert_eq!(never("14:00", 15).await, 13, "goods came in");
        base.env.advance_to(clock("14:20"));
        base.store.do_to_order(&ask(Deed::Return, "a", "1", &[("tea", 1)]), "test").await.unwrap();
        assert_eq!(never("14:30", 15).await, 14, "one came back, of which the core knows as little");
        base.env.advance_to(clock("15:00"));
        base.count("tea", SHOP, 13, clock("15:00")).await;
        assert_eq!(never("16:00", 13).await, 13, "people have counted, and corrected the core");
    })
    .await;
}

#[tokio::test]
async fn listings_are_mapped_from_a_file_whole_or_not_at_all() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 4).await;
        let map = async |text: &str, create_skus: bool| {
            let file = CoreFile { create_skus, ..core_file(FileKind::Listings, text.as_bytes()) };
            import_file(&base.store, &file).await.unwrap()
        };
        let text = "channel,mall_key,sku,units,fraction,cap\na,tea-3,tea,3,,\nb,cup,cup,1,0.5,10\n";
        let report = map(text, false).await;
        assert_eq!(report.state, ImportState::Refused);
        assert_eq!(report.rejected[0].message, "there is no SKU \"cup\": correct it, or let new SKUs be created");
        assert_eq!(counts(&map(text, true).await), (ImportState::Booked, 2, 2, 0, 1));
        assert_eq!(base.listing("a", "tea-3").await.units, 3);
        assert_eq!(base.listing("b", "cup").await.fraction, Some(0.5));
        assert_eq!(counts(&map(text, true).await), (ImportState::Unchanged, 2, 0, 2, 0));
        let wrong =
            "channel,mall_key,sku,units,fraction\nx,k,tea,1,\na,k,tea,0,\na,l,tea,1,1.5\na,m,tea,1,\na,m,tea,1,\n";
        let report = map(wrong, false).await;
        let named: Vec<_> = report.rejected.iter().map(|row| (row.line, row.column.as_deref().unwrap())).collect();
        assert_eq!(named, [(2, "channel"), (3, "units"), (4, "fraction"), (6, "mall_key")]);
    })
    .await;
}

fn moved(key: &str, kind: MoveKind, quantity: i64) -> Move {
    Move {
        key: key.into(),
        kind,
        sku: "tea".into(),
        location: SHOP.into(),
        bin: None,
        to: None,
        to_bin: None,
        quantity,
        occurred_at: None,
        reason: Some("because".into()),
    }
}

#[tokio::test]
async fn single_movements_are_booked_once_under_their_key_and_logged() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 0).await;
        let store = &base.store;
        assert!(store.move_stock(&moved("r1", MoveKind::Receipt, 10), "kim").await.unwrap());
        assert!(!store.move_stock(&moved("r1", MoveKind::Receipt, 10), "kim").await.unwrap(), "the same again");
        let other = store.move_stock(&moved("r1", MoveKind::Receipt, 11), "kim").await;
        assert!(matches!(other, Err(StoreError::Invalid(why)) if why.contains("r1")));
        store.move_stock(&moved("i1", MoveKind::Issue, 4), "kim").await.unwrap();
        let to =
            Move { to: Some(WAREHOUSE.into()), to_bin: Some("display".into()), ..moved("t1", MoveKind::Transfer, 1) };
        store.move_stock(&to, "kim").await.unwrap();
        assert_eq!((base.in_shop("tea").await, base.on_hand("tea", WAREHOUSE).await), (5, 1));
        base.env.advance(seconds(60));
        store.move_stock(&moved("c1", MoveKind::Stocktake, 7), "kim").await.unwrap();
        assert_eq!(base.in_shop("tea").await, 7);
        let log = store.log_sheets(&Paging::new(None, None)).await.unwrap().items;
        let told: Vec<_> = log.iter().take(4).map(|line| line.detail.clone().unwrap()).collect();
        let expected =
            ["counted 7 at shinjuku", "1 from shinjuku to warehouse/display", "4 out of shinjuku", "10 into shinjuku"];
        assert_eq!(told, expected);
        assert_eq!((log[0].who.as_str(), log[0].why.as_deref()), ("kim", Some("because")));
    })
    .await;
}

#[tokio::test]
async fn a_movement_that_cannot_be_meant_is_refused_with_its_field() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 3).await;
    let future = Some(base.env.now() + jiff::SignedDuration::from_hours(1));
    let cases = [
        (Move { location: "shinjku".into(), ..moved("1", MoveKind::Issue, 1) }, "location: there is no location"),
        (Move { bin: Some("attic".into()), ..moved("2", MoveKind::Issue, 1) }, "bin: \"attic\" is no bin"),
        (Move { to: Some(SHOP.into()), ..moved("3", MoveKind::Transfer, 1) }, "to: is where the units lie"),
        (moved("4", MoveKind::Transfer, 1), "to: a transfer needs"),
        (moved("5", MoveKind::Receipt, 0), "quantity: must be between 1"),
        (Move { occurred_at: future, ..moved("6", MoveKind::Receipt, 1) }, "occurred_at: "),
        (Move { bin: Some("display".into()), ..moved("7", MoveKind::Stocktake, 1) }, "bin: a count covers"),
    ];
    for (wanted, expected) in cases {
        let refused = base.store.move_stock(&wanted, "kim").await;
        assert!(matches!(&refused, Err(StoreError::Invalid(why)) if why.starts_with(expected)), "{refused:?}");
    }
    assert_eq!(base.in_shop("tea").await, 3);
}

#[tokio::test]
async fn taking_out_more_than_is_there_is_a_fact_that_somebody_must_look_at() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 3).await;
    assert!(base.store.move_stock(&moved("1", MoveKind::Issue, 5), "kim").await.unwrap());
    assert_eq!(base.in_shop("tea").await, -2);
    assert_eq!(base.attention("negative_location").await.len(), 1);
}

#[tokio::test]
async fn two_who_send_the_same_movement_at_once_book_it_once() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 0).await;
        let (one, other) = (base.store.clone(), base.another().await);
        let wanted = moved("r1", MoveKind::Receipt, 10);
        let (first, second) = tokio::join!(one.move_stock(&wanted, "kim"), other.move_stock(&wanted, "lee"));
        let booked = [&first, &second].into_iter().filter(|done| matches!(done, Ok(true))).count();
        assert_eq!(booked, 1, "{first:?} {second:?}");
        let fine = |done: &Result<bool, StoreError>| matches!(done, Ok(_) | Err(StoreError::Refused(_)));
        assert!(fine(&first) && fine(&second), "{first:?} {second:?}");
        assert_eq!(base.in_shop("tea").await, 10);
    })
    .await;
}
