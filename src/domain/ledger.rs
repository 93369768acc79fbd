//! Stock events: how counts and shipments are booked so that on hand is right whatever arrives when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where units lie within a location. Only the main bin sells.
pub const MAIN: &str = "main";
/// Bins from which nothing is sold online.
pub const BINS: [&str; 4] = [MAIN, "display", "review", "damaged"];

/// One signed entry of an event, in SKU units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub location: String,
    pub bin: String,
    pub quantity: i64,
}

/// Who books the malls' shipments in the core system, whose figures are counts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CountsShipments {
    /// The core's stock falls by itself when the hub's orders ship.
    AtOnce,
    /// The core never hears of them: its figure still holds what the hub shipped since the place was counted.
    Never,
}

/// What a figure of the core system means as a count.
pub fn counted(figure: i64, shipped_since_counted: i64, counts: CountsShipments) -> i64 {
    match counts {
        CountsShipments::AtOnce => figure,
        CountsShipments::Never => figure - shipped_since_counted,
    }
}

/// The difference that a count books to the main bin: bins are part of what was counted, and stay.
pub fn count_difference(counted: i64, at_the_time: i64) -> i64 {
    counted - at_the_time
}

/// A movement that occurred at or before the newest count of its location is already in that count: it is
/// booked together with its linked opposite, so that the sum at the count stays the count.
pub fn is_before_anchor(occurred_at: Timestamp, counted_at: Option<Timestamp>) -> bool {
    counted_at.is_some_and(|counted_at| occurred_at <= counted_at)
}

/// From where shipped units left: the pool's locations in their configured order, never below what is there,
/// the remainder from the first one. Malls don't say from where. Negative units (a shipment that the mall took
/// back) return to the first one.
pub fn shipment(units: i64, there: &[(String, i64)]) -> Vec<Entry> {
    let entry = |location: &str, quantity| Entry { location: location.to_owned(), bin: MAIN.into(), quantity };
    if units < 0 {
        return there.first().map(|(location, _)| entry(location, -units)).into_iter().collect();
    }
    let mut left = units;
    let mut taken: Vec<(usize, i64)> = Vec::new();
    for (index, (_, on_hand)) in there.iter().enumerate() {
        let take = left.min((*on_hand).max(0));
        if take > 0 {
            taken.push((index, take));
            left -= take;
        }
    }
    if left > 0 && !there.is_empty() {
        match taken.iter_mut().find(|(index, _)| *index == 0) {
            Some((_, take)) => *take += left,
            None => taken.push((0, left)),
        }
    }
    taken.into_iter().map(|(index, take)| entry(&there[index].0, -take)).collect()
}
