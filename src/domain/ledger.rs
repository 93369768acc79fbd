//! Stock events: how counts and shipments are booked so that on hand is right whatever arrives when.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where units lie within a location. Only the main bin sells.
pub const MAIN: &str = "main";
/// Where units wait until somebody has looked at them.
pub const REVIEW: &str = "review";
/// All bins. From those beside the main one nothing is sold online.
pub const BINS: [&str; 4] = [MAIN, "display", REVIEW, "damaged"];

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
/// booked together with its [`corrections`], so that the sum at the count stays the count.
pub fn is_before_anchor(occurred_at: Timestamp, counted_at: Option<Timestamp>) -> bool {
    counted_at.is_some_and(|counted_at| occurred_at <= counted_at)
}

/// What takes a late movement back, by the instant at which it does: that of the first count taken at or after
/// the movement, where `next_count` knows one of the location. Until then the movement stands, as it was; from
/// then on the count does. Like a count's difference it goes to the main bin: a sample that was taken before
/// the count and is told of after it stays a sample.
pub fn corrections(
    entries: &[Entry],
    next_count: impl Fn(&str) -> Option<Timestamp>,
) -> BTreeMap<Timestamp, Vec<Entry>> {
    let mut moved: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in entries {
        *moved.entry(&entry.location).or_default() += entry.quantity;
    }
    let mut corrections: BTreeMap<Timestamp, Vec<Entry>> = BTreeMap::new();
    for (location, quantity) in moved.into_iter().filter(|(_, quantity)| *quantity != 0) {
        if let Some(at) = next_count(location) {
            let back = Entry { location: location.to_owned(), bin: MAIN.into(), quantity: -quantity };
            corrections.entry(at).or_default().push(back);
        }
    }
    corrections
}

/// Units that left for an order, and are not back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub occurred_at: Timestamp,
    pub location: String,
    pub units: i64,
}

/// Units of a shipment that the mall takes back return to where they left, at the time when they left, the last
/// ones first: whatever was counted in between has seen them gone or there, and stays as it was counted. And how many
/// nobody knows to have left.
pub fn taken_back(units: i64, mut gone: Vec<Gone>) -> (Vec<Gone>, i64) {
    gone.sort_by(|a, b| (b.occurred_at, &b.location).cmp(&(a.occurred_at, &a.location)));
    let mut left = units;
    for part in &mut gone {
        part.units = part.units.clamp(0, left);
        left -= part.units;
    }
    gone.retain(|part| part.units > 0);
    (gone, left)
}

/// From where shipped units left: the pool's locations in their configured order, never below what is there,
/// the remainder from the first one. Malls don't say from where. Negative units (of which nobody knows that they
/// ever left) return to the first one.
pub fn shipment(units: i64, there: &[(String, i64)]) -> Vec<Entry> {
    let entry = |location: &str, quantity| Entry { location: location.to_owned(), bin: MAIN.into(), quantity };
    if units < 0 {
        return there.first().map(|(location, _)| entry(location, -units)).into_iter().collect();
    }
    let (mut taken, left) = from_what_is_there(units, there);
    if left > 0 && !there.is_empty() {
        match taken.iter_mut().find(|(index, _)| *index == 0) {
            Some((_, take)) => *take += left,
            None => taken.push((0, left)),
        }
    }
    taken.into_iter().map(|(index, take)| entry(&there[index].0, -take)).collect()
}

/// From where cancelled units are set aside: as shipped ones, but never more than there is. What was ordered
/// beyond the stock ends with its cancel.
pub fn set_aside(units: i64, there: &[(String, i64)]) -> Vec<Entry> {
    let (taken, _) = from_what_is_there(units, there);
    let entry =
        |(index, take): (usize, i64)| Entry { location: there[index].0.clone(), bin: MAIN.into(), quantity: -take };
    taken.into_iter().map(entry).collect()
}

/// Units by the index of their place, and what no place has.
fn from_what_is_there(units: i64, there: &[(String, i64)]) -> (Vec<(usize, i64)>, i64) {
    let mut left = units;
    let mut taken = Vec::new();
    for (index, (_, on_hand)) in there.iter().enumerate() {
        let take = left.min((*on_hand).max(0));
        if take > 0 {
            taken.push((index, take));
            left -= take;
        }
    }
    (taken, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(location: &str, bin: &str, quantity: i64) -> Entry {
        Entry { location: location.into(), bin: bin.into(), quantity }
    }

    #[test]
    fn a_late_movement_is_taken_back_at_the_next_count_of_each_place_that_was_counted() {
        let counted: Timestamp = "2026-11-20T15:30:00+09:00".parse().unwrap();
        let next = |location: &str| (location == "shop").then_some(counted);
        let van = [entry("shop", MAIN, -3), entry("warehouse", MAIN, 3)];
        assert_eq!(corrections(&van, next), [(counted, vec![entry("shop", MAIN, 3)])].into());
        assert_eq!(corrections(&van, |_| None), BTreeMap::new());
    }

    #[test]
    fn a_late_sample_stays_one_because_the_count_saw_it_wherever_it_lay() {
        let counted = Timestamp::UNIX_EPOCH;
        let sample = [entry("shop", MAIN, -1), entry("shop", "display", 1)];
        assert_eq!(corrections(&sample, |_| Some(counted)), BTreeMap::new());
        let stolen = [entry("shop", "display", -1)];
        assert_eq!(corrections(&stolen, |_| Some(counted)), [(counted, vec![entry("shop", MAIN, 1)])].into());
    }
}
