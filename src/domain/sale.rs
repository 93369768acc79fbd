//! Sale plans: for a time some SKUs follow other rules, and are sold in another mode.
//!
//! What a plan says stands before everything else that is said of cap, buffer and mode: before the listing's own rules,
//! the channel's, what the SKU wants and what its pool wants. What it doesn't say stays as it is. A SKU follows one plan
//! at a time, so nobody need ask which of two holds. A SKU that is stopped is stopped, whatever its plan says.

use jiff::Timestamp;

use super::{allocation::Overrides, exposure::mode::Wish, spelling};

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub name: String,
    /// It holds in `from ≤ t < until`.
    pub from: Timestamp,
    pub until: Timestamp,
    pub exposure: Option<Wish>,
    /// The most that a listing shows, in listing units.
    pub cap: Option<i64>,
    /// SKU units kept back.
    pub buffer: Option<i64>,
}

impl Plan {
    /// What is wrong with it by itself: the field, and why.
    pub fn fault(&self, now: Timestamp, most: i64) -> Option<(&'static str, String)> {
        if let Some(fault) = spelling::fault(&self.name) {
            return Some(("name", fault.to_owned()));
        }
        if self.until <= self.from {
            return Some(("until", format!("{} is not after {}, when the plan begins", self.until, self.from)));
        }
        if self.until <= now {
            return Some(("until", format!("{} has passed", self.until)));
        }
        let outside = |n: Option<i64>| n.filter(|n| !(0..=most).contains(n));
        for (field, number) in [("cap", self.cap), ("buffer", self.buffer)] {
            if let Some(wrong) = outside(number) {
                return Some((field, format!("{wrong} is not between 0 and {most}")));
            }
        }
        let says_nothing = self.exposure.is_none() && self.cap.is_none() && self.buffer.is_none();
        says_nothing.then(|| ("cap", "the plan changes nothing: say cap, buffer or exposure".to_owned()))
    }

    /// The rules that stand before all others while it holds.
    pub fn overrides(&self) -> Overrides {
        let cap = self.cap.map(super::allocation::Cap::Always);
        Overrides { buffer: self.buffer, cap, ..Overrides::default() }
    }

    pub fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// Both hold at some instant.
    pub fn meets(&self, other: &Self) -> bool {
        self.from < other.until && other.from < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::allocation::{Cap, Rules};

    fn hour(hour: i8) -> Timestamp {
        format!("2026-11-30T{hour:02}:00:00+09:00").parse().expect("a constant instant")
    }

    fn plan(from: i8, until: i8) -> Plan {
        let (from, until) = (hour(from), hour(until));
        Plan { name: "autumn".into(), from, until, exposure: None, cap: Some(5), buffer: None }
    }

    #[test]
    fn an_end_belongs_to_what_comes_next() {
        let evening = plan(19, 22);
        assert!(evening.holds(hour(19)) && !evening.holds(hour(22)) && !evening.holds(hour(18)));
        assert!(!evening.meets(&plan(22, 23)) && !evening.meets(&plan(18, 19)));
        assert!(evening.meets(&plan(21, 23)) && evening.meets(&plan(20, 21)) && evening.meets(&plan(18, 23)));
    }

    #[test]
    fn a_plan_stands_before_the_listing_which_stands_before_the_channel() {
        let channel = Rules { buffer: 1, fraction: 0.5, cap: Some(Cap::Always(90)), ..Rules::default() };
        let own = Overrides { buffer: Some(2), cap: Some(Cap::Always(80)), ..Overrides::default() };
        let rules = channel.with(&own).with(&plan(19, 22).overrides());
        assert_eq!((rules.cap, rules.buffer, rules.fraction), (Some(Cap::Always(5)), 2, 0.5));
    }

    #[test]
    fn a_plan_that_nobody_can_have_meant_is_refused() {
        let said = |plan: Plan| plan.fault(hour(12), 1_000).map(|(field, _)| field);
        assert_eq!(said(plan(19, 22)), None);
        assert_eq!(said(plan(10, 22)), None, "it has begun already");
        assert_eq!(said(plan(22, 19)), Some("until"));
        assert_eq!(said(plan(9, 12)), Some("until"), "it is over");
        assert_eq!(said(Plan { cap: Some(-1), ..plan(19, 22) }), Some("cap"));
        assert_eq!(said(Plan { buffer: Some(1_001), ..plan(19, 22) }), Some("buffer"));
        assert_eq!(said(Plan { cap: None, ..plan(19, 22) }), Some("cap"), "it says nothing");
        assert_eq!(said(Plan { cap: None, exposure: Some(Wish::Escrow), ..plan(19, 22) }), None);
        assert_eq!(said(Plan { name: String::new(), ..plan(19, 22) }), Some("name"));
    }
}
