//! A stock file → the book. As strict as a console is: a file that is not as it must be is refused as a whole, and
//! nobody is told.

use encoding_rs::SHIFT_JIS;
use jiff::SignedDuration;
use uriba_sdk::fake::Book;

use crate::card::{CARD, QUANTITY_MAX};

pub(super) fn take_up(book: &Book, bytes: &[u8]) {
    let Some(rows) = rows(bytes) else { return };
    let lag = CARD.times.effect_lag.map(|lag| lag.typical).unwrap_or_default();
    let at = book.now() + SignedDuration::try_from(lag).unwrap_or_default();
    for (key, quantity) in rows {
        // A listing that doesn't exist is passed over.
        book.set_later(&key, quantity, at);
    }
}

/// CP932, CRLF, the two columns, and figures within the counter's range.
fn rows(bytes: &[u8]) -> Option<Vec<(String, i64)>> {
    let text = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes)?;
    let mut lines = text.strip_suffix("\r\n")?.split("\r\n");
    if lines.next() != Some("mall_key,quantity") {
        return None;
    }
    let row = |line: &str| {
        let (key, quantity) = line.split_once(',')?;
        let plain = !quantity.is_empty() && quantity.bytes().all(|byte| byte.is_ascii_digit());
        let quantity = quantity.parse().ok().filter(|quantity| plain && (0..=QUANTITY_MAX).contains(quantity))?;
        Some((key.to_owned(), quantity))
    };
    lines.map(row).collect()
}
