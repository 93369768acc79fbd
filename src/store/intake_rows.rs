//! Order lines as rows.

use uriba_sdk::Restored;

use super::{entity::order_line, micros};
use crate::domain::intake::KnownLine;

pub(super) fn row_of(line: &KnownLine, order_ref: i64, id: i64) -> order_line::Model {
    order_line::Model {
        id,
        order_ref,
        line: line.line.clone(),
        mall_key: line.mall_key.clone(),
        listing_id: None,
        pool: None,
        placed_at: 0,
        ordered: line.ordered.into(),
        cancelled: line.cancelled.into(),
        shipped: line.shipped.into(),
        returned: line.returned.into(),
        return_expected: line.return_expected.into(),
        received: line.received.into(),
        restored: "unknown".into(),
        moved: line.moved.into(),
        shrunk: line.shrunk.into(),
        pending_back: line.pending.map_or(0, |(units, _)| units.into()),
        pending_at: line.pending.map_or(0, |(_, at)| micros(at)),
        sold: 0,
    }
}

/// The word that a line keeps.
pub(super) fn restored(word: &str) -> Restored {
    [Restored::Yes, Restored::No].into_iter().find(|known| restored_word(*known) == word).unwrap_or(Restored::Unknown)
}

pub(super) fn restored_word(restored: Restored) -> &'static str {
    match restored {
        Restored::Yes => "yes",
        Restored::No => "no",
        Restored::Unknown => "unknown",
    }
}
