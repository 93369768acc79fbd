//! The reader by itself, over files composed in `payloads`, each named by what is odd in it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use encoding_rs::SHIFT_JIS;
use uriba_csv::reader::{Column, Encoding, FLAWS_MAX, KeyForm, Profile, Sheet, consoles, instant, read};
use uriba_sdk::{Line, Order};

fn payload(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/payloads/{name}.csv", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn sheet(name: &str, profile: &Profile) -> Sheet {
    read(&payload(name), profile).unwrap()
}

fn orders(sheet: &Sheet) -> Vec<&Order> {
    sheet.orders.iter().map(|stated| &stated.order).collect()
}

/// Line, key, ordered, cancelled, shipped.
fn figures(line: &Line) -> (&str, &str, u32, u32, u32) {
    (&line.id, line.mall_key.as_deref().unwrap_or(""), line.ordered, line.cancelled, line.shipped)
}

fn ponpare() -> Profile {
    Profile {
        order_id: Column::required("受注番号"),
        mall_key: vec![Column::required("商品管理ID")],
        ordered: Column::required("個数"),
        ordered_at: vec![Column::required("注文日時")],
        statuses: vec![consoles::ponpare("ステータス")],
        ..Profile::default()
    }
}

#[test]
fn ponpares_words_of_status_are_understood_and_unknown_ones_hold_stock() {
    let sheet = sheet("ponpare-words-of-status", &ponpare());
    let open: Vec<_> = orders(&sheet).iter().map(|order| (order.id.as_str(), order.lines[0].unshipped())).collect();
    let expected =
        [("PM-1", 2), ("PM-2", 2), ("PM-3", 2), ("PM-4", 2), ("PM-5", 0), ("PM-6", 0), ("PM-7", 0), ("PM-8", 2)];
    assert_eq!(open, expected);
    let shipped: Vec<_> = orders(&sheet).iter().map(|order| order.lines[0].shipped).collect();
    assert_eq!(shipped, [0, 0, 0, 0, 2, 2, 0, 0]);
    assert!(sheet.flaws.is_empty() && sheet.rows == 8 && sheet.is_whole);
}

#[test]
fn the_same_file_reads_the_same_in_every_encoding() {
    let utf8 = String::from_utf8(payload("ponpare-words-of-status")).unwrap();
    let expected = read(utf8.as_bytes(), &ponpare()).unwrap();
    let cp932 = SHIFT_JIS.encode(&utf8).0.into_owned();
    let with = |encoding| Profile { encoding, ..ponpare() };
    let bodies: [(Vec<u8>, Encoding); 6] = [
        (format!("\u{feff}{utf8}").into_bytes(), Encoding::Auto),
        (format!("\u{feff}{utf8}").into_bytes(), Encoding::Utf8),
        (utf8.clone().into_bytes(), Encoding::Utf8),
        (cp932.clone(), Encoding::Auto),
        (cp932.clone(), Encoding::Cp932),
        ([cp932.clone(), vec![0x1a]].concat(), Encoding::Auto),
    ];
    for (body, encoding) in bodies {
        assert_eq!(read(&body, &with(encoding)).unwrap(), expected, "{encoding:?}");
    }
    let fault = read(&cp932, &with(Encoding::Utf8)).unwrap_err();
    assert_eq!((fault.line, fault.message.as_str()), (1, "this line is not UTF-8"));
    let (text, tabs) = (utf8.replace(',', "\t").replace('\n', "\r\n"), Profile { delimiter: b'\t', ..ponpare() });
    assert_eq!(read(text.as_bytes(), &tabs).unwrap(), expected);
    let old_mac = utf8.replace('\n', "\r");
    assert_eq!(read(old_mac.as_bytes(), &ponpare()).unwrap(), expected);
}

#[test]
fn lines_and_quotes_within_cells_are_cells() {
    let sheet = sheet("lines-and-quotes-within-cells", &Profile::default());
    let lines: Vec<_> = orders(&sheet).iter().map(|order| figures(&order.lines[0])).collect();
    assert_eq!(lines, [("1", "chawan-01", 2, 0, 0), ("1", "chawan-02", 1_200, 0, 1)]);
    assert_eq!(sheet.orders.iter().map(|stated| stated.line).collect::<Vec<_>>(), [2, 6]);
}

#[test]
fn without_line_numbers_the_rows_of_a_listing_are_added_up() {
    let sheet = sheet("rows-without-line-numbers", &Profile::default());
    let lines: Vec<_> = orders(&sheet)[0].lines.iter().map(figures).collect();
    assert_eq!(lines, [("chawan-01", "chawan-01", 5, 0, 1), ("chawan-02", "chawan-02", 1, 1, 0)]);
}

#[test]
fn a_line_stated_again_is_stated_anew_by_its_last_change() {
    let sheet = sheet("lines-stated-again", &Profile::default());
    let order = orders(&sheet)[0];
    let lines: Vec<_> = order.lines.iter().map(figures).collect();
    assert_eq!(lines, [("1", "chawan-01", 2, 0, 2), ("2", "chawan-02", 1, 1, 0)]);
    assert_eq!(order.updated_at.unwrap().to_string(), "2026-11-20T03:00:00Z");
}

#[test]
fn rows_that_contradict_each_other_spoil_their_orders_only() {
    let sheet = sheet("rows-that-contradict-each-other", &Profile::default());
    let ids: Vec<_> = orders(&sheet).iter().map(|order| order.id.as_str()).collect();
    assert_eq!(ids, ["P-6"], "a line that names no listing is a line all the same");
    let told: Vec<_> = sheet
        .flaws
        .iter()
        .map(|flaw| {
            (flaw.line, flaw.order_id.as_deref().unwrap(), flaw.column.as_deref().unwrap_or(""), flaw.message.as_str())
        })
        .collect();
    let mut told = told;
    told.sort_unstable();
    let expected = [
        (3, "P-1", "ordered_at", "is not that of the order's other rows"),
        (5, "P-2", "mall_key", "is not that of the row above with the same line"),
        (6, "P-3", "ordered", "1 cancelled and 2 shipped are more than the 2 ordered"),
        (7, "P-4", "ordered", "is empty"),
        (8, "P-5", "ordered_at", "is a date without a time of day"),
    ];
    assert_eq!(told, expected);
    let keys =
        |id: &str| sheet.flaws.iter().find(|flaw| flaw.order_id.as_deref() == Some(id)).unwrap().mall_keys.clone();
    assert_eq!(
        (keys("P-2"), keys("P-4")),
        (vec!["chawan-01".to_owned(), "chawan-02".into()], vec!["chawan-04".into()])
    );
}

#[test]
fn rakutens_export_names_lines_and_keys_as_the_api_does() {
    let sheet = sheet("rakuten-with-and-without-sku", &consoles::rakuten());
    let lines: Vec<_> = orders(&sheet).iter().flat_map(|order| order.lines.iter().map(figures)).collect();
    let expected = [
        ("20000001/30000001", "chawan-01/Red-M", 2, 0, 0),
        ("20000002/30000001", "chawan-01/red-m", 1, 0, 0),
        ("20000003/30000002", "", 3, 0, 3),
        ("20000004/30000003", "chawan-01/Red-M", 1, 1, 0),
        ("20000005/30000004", "chawan-01/Red-M", 1, 0, 0),
    ];
    assert_eq!(lines, expected, "a cancel that is asked for (800) still holds");
}

#[test]
fn yahoos_template_tells_what_left_from_what_was_cancelled() {
    let sheet = sheet("yahoo-template-of-order-and-item", &consoles::yahoo());
    let lines: Vec<_> = orders(&sheet).iter().flat_map(|order| order.lines.iter().map(figures)).collect();
    let expected = [
        ("1", "tea-01:tea-01-a", 2, 0, 0),
        ("2", "cup-02", 1, 0, 0),
        ("1", "tea-01:tea-01-a", 2, 2, 0),
        ("1", "tea-01:tea-01-a", 2, 0, 2),
        ("1", "tea-01:tea-01-a", 2, 0, 2),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn au_pays_export_joins_both_codes() {
    let sheet = sheet("aupay-orders", &consoles::aupay());
    let lines: Vec<_> = orders(&sheet).iter().map(|order| figures(&order.lines[0])).collect();
    let expected = [
        ("800000001", "chawan-01-red", 2, 0, 0),
        ("800000002", "chawan-02", 1, 1, 0),
        ("800000003", "chawan-02", 1, 0, 1),
        ("800000004", "chawan-02", 1, 0, 0),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn date_and_time_of_day_may_stand_in_two_columns() {
    let columns = ["注文日", "注文時間"].map(Column::required);
    let profile = Profile { ordered_at: columns.to_vec(), ..Profile::default() };
    let text = "注文日,注文時間,order_id,line,mall_key,ordered,cancelled,shipped\n2026/11/20,09:05,P-1,1,a,1,0,0\n";
    let sheet = read(text.as_bytes(), &profile).unwrap();
    assert_eq!(Ok(orders(&sheet)[0].placed_at), instant("2026-11-20 09:05", &profile.zone));
}

#[test]
fn a_header_that_does_not_fit_is_named_with_what_is_missing() {
    let message = |header: &str, profile: &Profile| {
        let fault = read(format!("{header}\n").as_bytes(), profile).unwrap_err();
        (fault.column, fault.message)
    };
    let whole = "order_id,line,mall_key,ordered,cancelled,shipped,ordered_at";
    let (column, told) = message(&whole.replace("ordered_at", "when"), &Profile::default());
    assert_eq!(column.as_deref(), Some("ordered_at"));
    assert!(told.contains("the header names: order_id, line"), "{told}");
    let (_, told) = message(&format!("{whole},line"), &Profile::default());
    assert_eq!(told, "two columns are named \"line\"");
    let (_, told) = message(&whole.replace("cancelled,", ""), &Profile::default());
    assert!(told.starts_with("nothing says what was cancelled"), "{told}");
    let required = Profile { line: vec![Column::required("明細")], ..Profile::default() };
    assert_eq!(message(whole, &required).0.as_deref(), Some("明細"));
    for nothing in ["", "\n", "\u{feff}", ",,\n", "\"order_id\n"] {
        assert!(read(nothing.as_bytes(), &Profile::default()).is_err(), "{nothing:?}");
    }
}

#[test]
fn a_stray_quote_hides_no_rows_below_it() {
    let cells = "1,0,0,2026-11-20 09:00";
    let rows = [
        "order_id,line,mall_key,ordered,cancelled,shipped,ordered_at\n".to_owned(),
        format!("P-1,1,\"chawan-01,{cells}\n"),
        format!("P-2,1,chawan-01,{cells}\n"),
        format!("P-3,1,\"chawan-01\",{cells}\n"),
    ];
    let text = rows.concat();
    let sheet = read(text.as_bytes(), &Profile::default()).unwrap();
    let ids: Vec<_> = orders(&sheet).iter().map(|order| order.id.as_str()).collect();
    assert_eq!((ids, sheet.flaws[0].line), (vec!["P-2", "P-3"], 2));
}

#[test]
fn a_file_of_nothing_but_flaws_is_told_once() {
    let header = "order_id,line,mall_key,ordered,cancelled,shipped,ordered_at\n";
    let rows: String = (0..=FLAWS_MAX).map(|n| format!("P-{n},1,a,x,0,0,2026-11-20 09:00\n")).collect();
    let fault = read(format!("{header}{rows}").as_bytes(), &Profile::default()).unwrap_err();
    assert!(fault.message.starts_with("more than 1000 rows can't be read; the first, line 2"), "{fault}");
}

#[test]
fn keys_are_spelt_as_the_malls_adapters_spell_them() {
    let lower = KeyForm::Joined { separator: ":".into(), lower_case: true };
    assert_eq!(lower.key(&[" A ", "", "b"]).as_deref(), Some("a:b"));
    assert_eq!(lower.spelled(" A:b ").as_deref(), Some("a:b"));
    assert_eq!(KeyForm::Rakuten.spelled("Tea-01/Red-M").as_deref(), Some("tea-01/Red-M"));
    assert_eq!(KeyForm::Rakuten.spelled("tea-01"), None);
    assert_eq!(KeyForm::AuPay.key(&["Ｔea-", "-01-"]).as_deref(), Some("tea-01"));
    assert_eq!(KeyForm::default().spelled("  "), None);
}

#[test]
fn a_file_whose_rows_must_name_listings_is_told_where_one_does_not() {
    let needs = Profile { needs_key: true, ..Profile::default() };
    let text = "order_id,line,mall_key,ordered,cancelled,shipped,ordered_at\nP-1,1,a,1,0,0,2026-11-20 09:00\n\
                P-1,2,,1,0,0,2026-11-20 09:00\n";
    let sheet = read(text.as_bytes(), &needs).unwrap();
    let flaw = &sheet.flaws[0];
    assert_eq!((flaw.line, flaw.column.as_deref(), flaw.message.as_str()), (3, Some("mall_key"), "is empty"));
    assert!(sheet.orders.is_empty());
}

#[test]
fn an_export_with_other_names_of_columns_keeps_its_words_of_status() {
    let mut profile = consoles::by_name("aupay").unwrap();
    for (ours, theirs) in [("status", "状態"), ("ordered", "数量"), ("ordered_at", "日+時刻"), ("sku", "品番")]
    {
        profile.rename(ours, theirs);
    }
    let text = "orderId,orderDetailId,itemCode,日,時刻,数量,状態\n1,1,tea,2026/11/20,09:00,2,完了\n";
    let sheet = read(text.as_bytes(), &profile).unwrap();
    assert_eq!(figures(&orders(&sheet)[0].lines[0]), ("1", "tea", 2, 0, 2));
    let mut yahoo = consoles::yahoo();
    yahoo.reword(None, Some(vec!["完了".into()]));
    let shipped: Vec<_> = yahoo.statuses.iter().map(|status| status.shipped.clone()).collect();
    assert_eq!(shipped, [vec!["3".to_owned(), "4".into()], vec!["完了".into()]], "of the order, not of its parcel");
    assert!(consoles::NAMES.iter().all(|name| consoles::by_name(name).is_some()));
}
