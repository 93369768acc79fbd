//! Sellable + rules → the target of each listing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The seller's rules for one listing: the channel's, overridden by the listing's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// SKU units kept back.
    pub buffer: i64,
    /// Part of the rest that this listing may show, in (0, 1].
    pub fraction: f64,
    /// Show nothing at or below this many SKU units.
    pub min_show: i64,
    /// Show at most this many listing units.
    pub cap: Option<Cap>,
    /// Sold without a limit: always show this many.
    pub unlimited: Option<i64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { buffer: 0, fraction: 1.0, min_show: 0, cap: None, unlimited: None }
    }
}

/// A listing's own rules: what is not set follows the channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    pub buffer: Option<i64>,
    pub fraction: Option<f64>,
    pub min_show: Option<i64>,
    pub cap: Option<Cap>,
    pub unlimited: Option<i64>,
}

/// The most that a listing shows: one number for good, or several with their dates (a staged release).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cap {
    Always(i64),
    Dated(Vec<Dated>),
}

/// A cap that holds in `from ≤ t < until`; without one of them it has no end on that side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dated {
    pub n: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Cap {
    /// The number that holds at an instant; outside all dates there is none.
    pub fn at(&self, at: Timestamp) -> Option<i64> {
        match self {
            Self::Always(n) => Some(*n),
            Self::Dated(dated) => dated.iter().find(|dated| dated.holds(at)).map(|dated| dated.n),
        }
    }

    /// The instants at which another number begins to hold, or none.
    pub fn turns(&self) -> Vec<Timestamp> {
        match self {
            Self::Always(_) => Vec::new(),
            Self::Dated(dated) => dated.iter().flat_map(|dated| dated.from.into_iter().chain(dated.until)).collect(),
        }
    }

    /// What is wrong with it: a number out of bounds, dates that end before they begin or that overlap, so that
    /// nobody could say which number holds.
    pub fn fault(&self, most: i64) -> Option<String> {
        let dated = match self {
            Self::Always(n) => return outside(*n, most),
            Self::Dated(dated) if dated.is_empty() => return Some("names no number".into()),
            Self::Dated(dated) => dated,
        };
        let empty = |dated: &&Dated| matches!((dated.from, dated.until), (Some(from), Some(until)) if from >= until);
        if let Some(found) = dated.iter().find_map(|dated| outside(dated.n, most)) {
            return Some(found);
        }
        if let Some(dated) = dated.iter().find(empty) {
            return Some(format!("the cap of {} ends before it begins", dated.n));
        }
        let mut sorted: Vec<&Dated> = dated.iter().collect();
        sorted.sort_by_key(|dated| dated.from);
        let meets = |pair: &&[&Dated]| match (pair[0].until, pair[1].from) {
            (Some(until), Some(from)) => from < until,
            _ => true,
        };
        let pair = sorted.windows(2).find(meets)?;
        Some(format!("the caps of {} and {} hold at the same time", pair[0].n, pair[1].n))
    }
}

fn outside(n: i64, most: i64) -> Option<String> {
    (!(0..=most).contains(&n)).then(|| format!("{n} is not between 0 and {most}"))
}

impl Dated {
    fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

impl Rules {
    pub fn with(&self, own: &Overrides) -> Self {
        Self {
            buffer: own.buffer.unwrap_or(self.buffer),
            fraction: own.fraction.unwrap_or(self.fraction),
            min_show: own.min_show.unwrap_or(self.min_show),
            cap: own.cap.clone().or_else(|| self.cap.clone()),
            unlimited: own.unlimited.or(self.unlimited),
        }
    }
}

/// What the listing ought to show at an instant. `sellable` in SKU units, the answer in listing units. `blind`: units
/// that other channels may have sold unheard.
pub fn target(sellable: i64, blind: i64, units: i64, rules: &Rules, quantity_max: i64, at: Timestamp) -> i64 {
    if let Some(fixed) = rules.unlimited {
        return fixed.clamp(0, quantity_max);
    }
    let mut n = sellable - rules.buffer;
    n -= withheld(n, blind, units);
    if rules.fraction < 1.0 {
        n = (n as f64 * rules.fraction).floor() as i64;
    }
    shown(n, units, rules, quantity_max, at)
}

/// The same in escrow: the listing's share takes the place of what is sellable less buffer and fraction.
pub fn target_of_share(share: i64, units: i64, rules: &Rules, quantity_max: i64, at: Timestamp) -> i64 {
    match rules.unlimited {
        Some(fixed) => fixed.clamp(0, quantity_max),
        None => shown(share, units, rules, quantity_max, at),
    }
}

/// Of `n` units so many are withheld for what others may have sold: never the last sale, so that a channel of which
/// nobody hears can't stop the others.
pub fn withheld(n: i64, blind: i64, units: i64) -> i64 {
    blind.min(n - units.max(1)).max(0)
}

fn shown(mut n: i64, units: i64, rules: &Rules, quantity_max: i64, at: Timestamp) -> i64 {
    if n <= rules.min_show {
        n = 0;
    }
    let t = n.div_euclid(units.max(1));
    let cap = rules.cap.as_ref().and_then(|cap| cap.at(at));
    t.min(cap.unwrap_or(i64::MAX)).min(quantity_max).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon(day: i8) -> Timestamp {
        format!("2026-12-{day:02}T12:00:00+09:00").parse().unwrap()
    }

    fn dated(n: i64, from: Option<i8>, until: Option<i8>) -> Dated {
        Dated { n, from: from.map(noon), until: until.map(noon) }
    }

    #[test]
    fn a_staged_release_lets_out_more_from_instant_to_instant() {
        let cap = Cap::Dated(vec![dated(10, None, Some(1)), dated(50, Some(1), Some(3)), dated(0, Some(7), None)]);
        let rules = Rules { cap: Some(cap), ..Rules::default() };
        let second = jiff::SignedDuration::from_secs(1);
        let shown = |at| target(200, 0, 1, &rules, 99_999, at);
        assert_eq!(shown(noon(1) - second), 10);
        assert_eq!(shown(noon(1)), 50, "an end belongs to what comes next");
        assert_eq!(shown(noon(3)), 200, "between the dates there is no cap");
        assert_eq!(shown(noon(7)), 0);
    }

    #[test]
    fn what_others_may_have_sold_unheard_is_withheld_but_for_one_sale() {
        let rules = Rules { buffer: 2, ..Rules::default() };
        let shown = |blind, units| target(12, blind, units, &rules, 99_999, noon(1));
        assert_eq!((shown(0, 1), shown(4, 1), shown(9, 1), shown(40, 1)), (10, 6, 1, 1));
        assert_eq!((shown(4, 3), shown(40, 3)), (2, 1), "in whole packs");
        assert_eq!(target(2, 5, 1, &rules, 99_999, noon(1)), 0, "what the buffer keeps back is no sale");
    }

    #[test]
    fn a_cap_of_its_own_replaces_the_channels() {
        let channel = Rules { cap: Some(Cap::Always(5)), ..Rules::default() };
        let own = Overrides { cap: Some(Cap::Dated(vec![dated(8, Some(2), None)])), ..Overrides::default() };
        let shown = |own: &Overrides, at| target(100, 0, 1, &channel.with(own), 99_999, at);
        assert_eq!(shown(&Overrides::default(), noon(1)), 5);
        assert_eq!((shown(&own, noon(1)), shown(&own, noon(2))), (100, 8));
    }

    #[test]
    fn caps_that_nobody_could_follow_are_refused() {
        let said = |dates: &[Dated]| Cap::Dated(dates.to_vec()).fault(1_000);
        assert_eq!(said(&[dated(1, None, Some(2)), dated(2, Some(2), None)]), None);
        assert_eq!(said(&[dated(2, Some(2), None), dated(1, None, Some(2))]), None, "in any order");
        let both = said(&[dated(1, None, Some(3)), dated(2, Some(2), None)]);
        assert_eq!(both.as_deref(), Some("the caps of 1 and 2 hold at the same time"));
        assert!(said(&[dated(1, None, None), dated(2, None, None)]).is_some());
        assert_eq!(said(&[dated(1, Some(2), Some(2))]).as_deref(), Some("the cap of 1 ends before it begins"));
        assert_eq!(Cap::Always(-1).fault(10).as_deref(), Some("-1 is not between 0 and 10"));
        assert!(said(&[]).is_some());
    }

    #[test]
    fn a_cap_is_written_as_a_number_or_as_a_list() {
        let read = |text: &str| serde_json::from_str::<Cap>(text);
        assert_eq!(read("7").unwrap(), Cap::Always(7));
        let list = r#"[{"n":10,"until":"2026-12-01T12:00:00+09:00"},{"n":50,"from":"2026-12-01T03:00:00Z"}]"#;
        assert_eq!(read(list).unwrap(), Cap::Dated(vec![dated(10, None, Some(1)), dated(50, Some(1), None)]));
        assert!(read(r#"[{"n":10,"till":"2026-12-01T12:00:00Z"}]"#).is_err());
    }
}
