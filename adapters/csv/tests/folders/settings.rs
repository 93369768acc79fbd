//! What can be wrong with the options is said before the first file is looked at.

use std::sync::Arc;

use uriba_sdk::{Settings, fake::ManualEnv};

use crate::desk::open;

fn wrong(changes: &[(&str, &str)]) -> Option<String> {
    let mut options = vec![("orders_folder", "/tmp/in"), ("stock_folder", "/tmp/out")];
    options.extend(changes);
    let options = options.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
    let settings = Settings { channel: "ponpare".into(), options, ..Settings::default() };
    open(&settings, &Arc::new(ManualEnv::new(1))).err().map(|error| error.to_string())
}

#[test]
fn every_option_is_checked() {
    let table = [
        ("orders_folder", "", "is required"),
        ("orders_folder", "in", "is no absolute path"),
        ("stock_folder", "/tmp/in", "is the orders_folder too"),
        ("profile", "ponpare", "is none of hub, rakuten, yahoo, aupay"),
        ("encoding", "sjis", "is none of auto, utf-8, cp932"),
        ("delimiter", ";", "is none of comma, tab"),
        ("zone", "Nippon/Tokio", "is no zone"),
        ("key_case", "upper", "is none of exact, lower"),
        ("covers", "-1", "is no whole number"),
        ("settled", "soon", "is no whole number"),
        ("line_end", "no", "is none of required, optional"),
        ("file_time", "orders-%Q%!.csv", "is no pattern"),
        ("file_time", "../%Y.csv", "is no name of a file"),
        ("stock_name", ".%Y.csv", "is no name of a file"),
        ("stock_columns", "商品,{quantity}", "has no ="),
        ("stock_columns", "商品={name},数={quantity}", "has braces around something else"),
        ("stock_columns", "商品={key}", "needs a value with"),
        ("stock_columns", "🍵={key},数={quantity}", "CP932 has no letter"),
        ("stock_encoding", "sjis", "is none of cp932, utf-8, utf-8-mark"),
        ("stock_file", "all", "is none of differential, full"),
        ("stock_line_end", "cr", "is none of crlf, lf"),
    ];
    for (key, text, told) in table {
        let error = wrong(&[(key, text)]).unwrap_or_default();
        assert!(error.starts_with(&format!("options.{key} ")) && error.contains(told), "{key} = {text:?}: {error:?}");
    }
}

#[test]
fn a_shops_own_columns_are_taken() {
    let ponpare = [
        ("order_id_column", "受注番号"),
        ("mall_key_column", "商品管理ID+項目選択肢"),
        ("ordered_at_column", "注文日+注文時間"),
        ("status_column", "ステータス"),
        ("cancelled_words", "キャンセル、取消"),
        ("file_time", "order_%Y%m%d.csv"),
        ("stock_columns", "🍵={key},数={quantity}"),
        ("stock_encoding", "utf-8"),
    ];
    assert_eq!(wrong(&ponpare), None);
}
