//! Orders → the file that a console writes, with a good deal that is nobody's business.

use encoding_rs::SHIFT_JIS;
use jiff::{Timestamp, Unit, tz::Offset};
use uriba_sdk::{
    Line, Order,
    fake::{BookOrder, Fault, Stage},
};

use super::Ways;

const HEADER: [&str; 11] = [
    "order_id",
    "status",
    "buyer",
    "address",
    "line",
    "mall_key",
    "ordered",
    "cancelled",
    "shipped",
    "ordered_at",
    "shipped_at",
];

pub(crate) fn file(orders: &[BookOrder], ways: Ways, fault: Option<&Fault>) -> Vec<u8> {
    let stale = fault == Some(&Fault::StaleRows);
    let mut rows = Vec::new();
    for kept in orders {
        let order = kept.before.as_deref().filter(|_| stale).unwrap_or(&kept.order);
        let word = if fault == Some(&Fault::UnknownStatus) { "検品中" } else { status(order, kept.stage) };
        rows.extend(order.lines.iter().map(|line| row(order, line, word, ways)));
    }
    if fault == Some(&Fault::DuplicateRows) {
        rows = rows.into_iter().flat_map(|row| [row.clone(), row]).collect();
    }
    if fault == Some(&Fault::ShuffleRows) {
        // Every third row, then the others backwards: lines of an order come apart.
        let (front, back): (Vec<_>, Vec<_>) = rows.into_iter().enumerate().partition(|(place, _)| place % 3 == 0);
        rows = front.into_iter().chain(back.into_iter().rev()).map(|(_, row)| row).collect();
    }
    rows.insert(0, HEADER.map(str::to_owned).to_vec());
    let text: String = rows.into_iter().map(|cells| line_of(cells, ways)).collect();
    if ways.cp932 {
        return SHIFT_JIS.encode(&text).0.into_owned();
    }
    if ways.mark { format!("\u{feff}{text}").into_bytes() } else { text.into_bytes() }
}

/// The grain of this file's times.
pub(crate) fn grain(at: Timestamp, ways: Ways) -> Timestamp {
    let unit = if ways.minutes { Unit::Minute } else { Unit::Second };
    let round = jiff::TimestampRound::new().smallest(unit).mode(jiff::RoundMode::Floor);
    at.round(round).expect("a fake's time is no end of time")
}

fn row(order: &Order, line: &Line, word: &str, ways: Ways) -> Vec<String> {
    let time = |at: Timestamp| {
        let format = if ways.minutes { "%Y/%-m/%-d %-H:%M" } else { "%Y-%m-%d %H:%M:%S" };
        Offset::constant(9).to_datetime(at).strftime(format).to_string()
    };
    vec![
        order.id.clone(),
        word.to_owned(),
        "見本 花子".to_owned(),
        "東京都千代田区1-1\r\n見本ビル, \"3\"階".to_owned(),
        line.id.clone(),
        line.mall_key.clone().unwrap_or_default(),
        line.ordered.to_string(),
        line.cancelled.to_string(),
        line.shipped.to_string(),
        time(order.placed_at),
        line.shipped_at.map(time).unwrap_or_default(),
    ]
}

/// For people: quantities say it all.
fn status(order: &Order, stage: Stage) -> &'static str {
    let all = |of: fn(&Line) -> bool| order.lines.iter().all(of);
    if all(|line| line.cancelled == line.ordered) {
        "キャンセル"
    } else if all(|line| line.unshipped() == 0) {
        "処理済み"
    } else if stage == Stage::Unpaid {
        "発送前入金待ち"
    } else {
        "発送待ち"
    }
}

fn line_of(mut cells: Vec<String>, ways: Ways) -> String {
    if ways.quoted {
        cells.rotate_left(4);
    }
    let quoted = |cell: String| {
        let needs = ways.quoted || cell.contains(['"', ',', '\n']);
        if needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    };
    let cells: Vec<String> = cells.into_iter().map(quoted).collect();
    format!("{}{}", cells.join(","), if ways.quoted { "\n" } else { "\r\n" })
}
