//! Profiles for exports of the consoles of malls that the hub talks to by API: for orders of a time that the API no
//! longer shows.
//!
//! Their lines and keys are named as the malls' adapters name them, so that an order which was polled before is the
//! same order in the file. No official list of these columns is public; what each rests on is said with it, and in
//! the README with dates. Whoever's file has other names changes the fields of the profile.

use super::{Column, KeyForm, Profile, Status, times::tokyo};

/// 楽天 RMS, データダウンロード, 通常購入データ (楽天ペイ), with all columns.
///
/// The names are those of three independent importers. SKU管理番号 came with the SKU model; a line without it has no
/// key. 送付先ID is taken for the API's `basketId`, which the adapter's line ids begin with.
pub fn rakuten() -> Profile {
    Profile {
        order_id: Column::required("注文番号"),
        line: vec![Column::required("送付先ID"), Column::required("商品明細ID")],
        mall_key: vec![Column::required("商品管理番号"), Column::optional("SKU管理番号")],
        key: KeyForm::Rakuten,
        ordered: Column::required("個数"),
        ordered_at: vec![Column::required("注文日時")],
        // Codes as in the API; the words in case a template writes those.
        statuses: vec![status(
            "ステータス",
            &["900", "キャンセル確定"],
            &["500", "600", "700", "発送済", "支払手続き中", "支払手続き済"],
        )],
        ..bare()
    }
}

/// Yahoo! ストアクリエイターPro: one file by a template with fields of both the order and the item.
///
/// A template lets the shop choose the fields; these are the API's names for them, as importers of such files use
/// them. Whether a console's file always has these names is not established. ShipStatus 3 and 4 mean that the goods
/// left, whatever became of the order then.
pub fn yahoo() -> Profile {
    Profile {
        order_id: Column::required("OrderId"),
        line: vec![Column::required("LineId")],
        mall_key: vec![Column::required("ItemId"), Column::optional("SubCode")],
        key: KeyForm::Yahoo,
        ordered: Column::required("Quantity"),
        ordered_at: vec![Column::required("OrderTime")],
        statuses: vec![
            Status { column: Column::optional("ShipStatus"), ..status("", &[], &["3", "4"]) },
            status("OrderStatus", &["4"], &["5"]),
        ],
        ..bare()
    }
}

/// au PAY マーケット, Wow! manager, 受注データ.
///
/// The names of order, line, time and codes are those of an OMS manual's table of this file; `unit` and
/// `orderStatus` are the API's, which the others agree with. 発送後入金待ち is not counted as shipped: the name stays
/// the same when the goods leave.
pub fn aupay() -> Profile {
    Profile {
        order_id: Column::required("orderId"),
        line: vec![Column::required("orderDetailId")],
        mall_key: vec![Column::required("itemCode"), Column::optional("itemManagementId")],
        key: KeyForm::AuPay,
        ordered: Column::required("unit"),
        ordered_at: vec![Column::required("orderDate")],
        statuses: vec![status("orderStatus", &["キャンセル", "審査NG", "審査ＮＧ"], &["完了"])],
        ..bare()
    }
}

/// Ponpare Mall's words in a column that the shop names: the columns of its file are not known.
///
/// 発送後入金待ち and 処理済み show the buyer 発送済. 新規受付, 発送前入金待ち, 発送待ち and オーソリNG hold stock.
pub fn ponpare(column: &str) -> Status {
    status(column, &["キャンセル"], &["発送後入金待ち", "処理済み", "処理済"])
}

/// The malls whose consoles' exports are known, by their words in settings.
pub const NAMES: [&str; 3] = ["rakuten", "yahoo", "aupay"];

/// By its word in settings: `hub`, or one of [`NAMES`].
pub fn by_name(name: &str) -> Option<Profile> {
    match name {
        "hub" => Some(Profile::default()),
        "rakuten" => Some(rakuten()),
        "yahoo" => Some(yahoo()),
        "aupay" => Some(aupay()),
        _ => None,
    }
}

/// None of the hub's own optional columns: a console's file may have one of that name that means something else.
fn bare() -> Profile {
    Profile {
        channel: None,
        cancelled: None,
        shipped: None,
        shipped_at: None,
        updated_at: None,
        zone: tokyo(),
        ..Profile::default()
    }
}

fn status(column: &str, cancelled: &[&str], shipped: &[&str]) -> Status {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Status { column: Column::required(column), cancelled: words(cancelled), shipped: words(shipped) }
}
