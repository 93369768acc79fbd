//! Brakes: a broken file, or a slip of the hand, must not empty every shop.
//!
//! A change is weighed by what it does to the numbers of each channel. What weighs too much is held before
//! anything of it counts, until a person has seen the list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// When a change of many numbers is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brake {
    /// More than this part of the listings that show something…
    pub portion: f64,
    /// …and at least so many.
    pub at_least: u64,
}

impl Default for Brake {
    fn default() -> Self {
        Self { portion: 0.2, at_least: 10 }
    }
}

/// What a change does to one channel, in listings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toll {
    /// That were to show something before the change.
    pub shows: u64,
    /// From above 0 to 0, or to no figure at all.
    pub emptied: u64,
    /// To at least twice as many, and at least [`MORE`] more.
    pub multiplied: u64,
}

/// By channel.
pub type Tolls = BTreeMap<String, Toll>;

/// One becoming two is everyday business.
const MORE: i64 = 10;

impl std::ops::AddAssign for Toll {
    fn add_assign(&mut self, more: Self) {
        self.shows += more.shows;
        self.emptied += more.emptied;
        self.multiplied += more.multiplied;
    }
}

impl Toll {
    /// A number that would change.
    pub fn note(&mut self, now: Option<i64>, then: Option<i64>) {
        let (now, then) = (now.unwrap_or(0), then.unwrap_or(0));
        if now <= 0 {
            return;
        }
        self.emptied += u64::from(then <= 0);
        self.multiplied += u64::from(then / 2 >= now && then - now >= MORE);
    }

    fn exceeds(&self, confirmed: &Self) -> bool {
        self.emptied > confirmed.emptied || self.multiplied > confirmed.multiplied
    }
}

impl Brake {
    fn stops(&self, toll: &Toll) -> bool {
        let too_many = |n: u64| n >= self.at_least.max(1) && n as f64 > self.portion * toll.shows as f64;
        too_many(toll.emptied) || too_many(toll.multiplied)
    }

    /// The channels for which a change weighs too much. What a person has confirmed may go through, as long as it
    /// is no larger than what they were shown.
    pub fn stopped<'a>(&self, tolls: &'a Tolls, confirmed: Option<&Tolls>) -> Vec<&'a str> {
        let fine = |channel: &str, toll: &Toll| {
            confirmed.is_some_and(|seen| !toll.exceeds(&seen.get(channel).copied().unwrap_or_default()))
        };
        let heavy = tolls.iter().filter(|(channel, toll)| self.stops(toll) && !fine(channel, toll));
        heavy.map(|(channel, _)| channel.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tolls(shows: u64, emptied: u64, multiplied: u64) -> Tolls {
        Tolls::from([("a".to_owned(), Toll { shows, emptied, multiplied })])
    }

    #[test]
    fn what_counts_is_emptied_or_multiplied_from_something() {
        let mut toll = Toll::default();
        let changes = [
            (Some(5), Some(0)),
            (Some(5), None),
            (Some(10), Some(20)),
            (Some(100), Some(201)),
            (Some(1), Some(9)),
            (Some(100), Some(199)),
            (Some(0), Some(500)),
            (None, Some(500)),
            (Some(0), None),
        ];
        changes.into_iter().for_each(|(now, then)| toll.note(now, then));
        assert_eq!(toll, Toll { shows: 0, emptied: 2, multiplied: 2 });
    }

    #[test]
    fn a_fifth_passes_and_more_is_held_but_a_handful_never_is() {
        let brake = Brake::default();
        assert!(brake.stopped(&tolls(100, 20, 0), None).is_empty());
        assert_eq!(brake.stopped(&tolls(100, 21, 0), None), ["a"]);
        assert_eq!(brake.stopped(&tolls(100, 0, 21), None), ["a"]);
        assert!(brake.stopped(&tolls(100, 15, 15), None).is_empty(), "each for itself");
        assert!(brake.stopped(&tolls(9, 9, 0), None).is_empty());
        assert_eq!(brake.stopped(&tolls(10, 10, 0), None), ["a"]);
        let never = Brake { portion: 1.0, at_least: 1 };
        assert!(never.stopped(&tolls(10, 10, 0), None).is_empty(), "a portion of 1 lets everything through");
    }

    #[test]
    fn what_was_confirmed_may_be_smaller_and_not_larger() {
        let brake = Brake::default();
        let seen = tolls(100, 30, 0);
        for (emptied, held) in [(29, false), (30, false), (31, true)] {
            assert_eq!(!brake.stopped(&tolls(100, emptied, 0), Some(&seen)).is_empty(), held, "{emptied}");
        }
        assert!(!brake.stopped(&tolls(100, 0, 30), Some(&seen)).is_empty(), "another kind of change");
    }
}
