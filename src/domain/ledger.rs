//! Stock events: how counts and shipments are booked so that on hand is right whatever arrives when.

use jiff::Timestamp;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountsShipments {
    /// The core's stock falls by itself when the hub's orders ship.
    AtOnce,
    /// The core learns of them as sales of the shop: its sales files book them, the hub doesn't.
    BySalesFile,
    /// The core never hears of them: its figure still holds what the hub shipped since the place was counted.
    Never,
}

impl CountsShipments {
    pub const WORDS: [&'static str; 3] = ["at_once", "by_sales_file", "never"];

    pub fn word(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::BySalesFile => "by_sales_file",
            Self::Never => "never",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::AtOnce, Self::BySalesFile, Self::Never].into_iter().find(|counts| counts.word() == word)
    }
}

/// What a figure of the core system means as a count.
pub fn counted(figure: i64, shipped_since_counted: i64, counts: CountsShipments) -> i64 {
    match counts {
        CountsShipments::AtOnce | CountsShipments::BySalesFile => figure,
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

/// The entries of a movement that the counts of their locations hold already. Moving units between the bins of
/// one location changes no count, so a count says nothing about it.
pub fn in_the_counts(
    entries: &[Entry],
    occurred_at: Timestamp,
    counted_at: impl Fn(&str) -> Option<Timestamp>,
) -> Vec<Entry> {
    let net = |place: &Entry| -> i64 {
        entries.iter().filter(|entry| entry.location == place.location).map(|entry| entry.quantity).sum()
    };
    let known = |entry: &&Entry| is_before_anchor(occurred_at, counted_at(&entry.location)) && net(entry) != 0;
    entries.iter().filter(known).cloned().collect()
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
