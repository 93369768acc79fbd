//! Why a number is what it is: a tree, told from the number back to the facts that it was made of.
//!
//! It adds up by construction: a term's value is never given beside its terms, its maker computes it from
//! them ([`Term::sum`], [`Term::min`] and so on). What nobody computes is a fact with its source, or something
//! that *follows* from other things in time, as what a mall shows follows what it was told. A value that is not
//! known makes everything that is made of it unknown: no figure is not zero.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    allocation::{self, Overrides, Rules},
    exposure::mode::Wish,
    sale::Plan,
};

/// One number of a derivation, with those that it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Term {
    pub name: String,
    /// `null`: there is no figure.
    pub value: Option<Value>,
    pub op: Op,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub terms: Vec<Term>,
    /// File and line, order, person, rule, place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Value {
    Whole(i64),
    /// A part of something, as 0.5.
    Part(f64),
}

/// How a value comes from its terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// All of them, with their signs.
    Sum,
    Min,
    /// The first one times the second, rounded down.
    Multiply,
    /// The first one by the second, rounded down.
    Divide,
    /// The first one, but not below zero.
    Clamp,
    /// The last one stands instead of those before it.
    Override,
    /// It comes after its terms in time, and need not equal any of them.
    Follows,
    /// Nothing computes it: the source says where it is from.
    Source,
}

impl Term {
    fn new(name: &str, value: Option<Value>, op: Op, terms: Vec<Self>) -> Self {
        Self { name: name.to_owned(), value, op, terms, source: None, at: None }
    }

    pub fn fact(name: &str, value: i64, source: impl Into<String>) -> Self {
        Self::new(name, Some(Value::Whole(value)), Op::Source, Vec::new()).from(source)
    }

    /// There is no such figure, and why.
    pub fn unknown(name: &str, source: impl Into<String>) -> Self {
        Self::new(name, None, Op::Source, Vec::new()).from(source)
    }

    /// What belongs together without being computed.
    pub fn heading(name: &str, terms: Vec<Self>) -> Self {
        Self::new(name, None, Op::Source, terms)
    }

    pub fn sum(name: &str, terms: Vec<Self>) -> Self {
        Self::made(name, Op::Sum, terms)
    }

    pub fn min(name: &str, terms: Vec<Self>) -> Self {
        Self::made(name, Op::Min, terms)
    }

    pub fn divided(name: &str, of: Self, by: Self) -> Self {
        Self::made(name, Op::Divide, vec![of, by])
    }

    pub fn multiplied(name: &str, of: Self, part: Self) -> Self {
        Self::made(name, Op::Multiply, vec![of, part])
    }

    pub fn clamped(name: &str, of: Self) -> Self {
        Self::made(name, Op::Clamp, vec![of])
    }

    pub fn replaced(name: &str, of: Self, by: Self) -> Self {
        Self::made(name, Op::Override, vec![of, by])
    }

    pub fn following(name: &str, value: Option<i64>, terms: Vec<Self>) -> Self {
        Self::new(name, value.map(Value::Whole), Op::Follows, terms)
    }

    fn made(name: &str, op: Op, terms: Vec<Self>) -> Self {
        let value = computed(op, &terms);
        Self::new(name, value, op, terms)
    }

    pub fn from(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// The same taken away: each figure of a sum with the other sign.
    pub fn minus(mut self) -> Self {
        debug_assert!(matches!(self.op, Op::Sum | Op::Source), "{} can't be taken away term by term", self.name);
        self.value = self.whole().map(|value| Value::Whole(-value));
        self.terms = self.terms.into_iter().map(Self::minus).collect();
        self
    }

    pub fn whole(&self) -> Option<i64> {
        match self.value {
            Some(Value::Whole(value)) => Some(value),
            Some(Value::Part(_)) | None => None,
        }
    }

    /// The first term of this name, looking at the nearest ones first.
    pub fn find(&self, name: &str) -> Option<&Self> {
        self.terms.iter().find(|term| term.name == name).or_else(|| self.terms.iter().find_map(|term| term.find(name)))
    }

    /// Whether every value is what its terms make it; names the first that isn't.
    pub fn check(&self) -> Result<(), String> {
        let is_made = !matches!(self.op, Op::Follows | Op::Source);
        if is_made && computed(self.op, &self.terms) != self.value {
            return Err(format!("{} is {:?}, which its terms don't make: {:?}", self.name, self.value, self.terms));
        }
        self.terms.iter().try_for_each(Self::check)
    }
}

fn computed(op: Op, terms: &[Term]) -> Option<Value> {
    let all = || terms.iter().map(Term::whole);
    let first = terms.first().and_then(Term::whole);
    let whole = match op {
        Op::Sum => all().sum::<Option<i64>>(),
        Op::Min => all().collect::<Option<Vec<_>>>()?.into_iter().min(),
        Op::Multiply => match terms.get(1)?.value? {
            Value::Part(part) => first.map(|of| (of as f64 * part).floor() as i64),
            Value::Whole(times) => first.map(|of| of * times),
        },
        Op::Divide => first.zip(terms.get(1)?.whole()).map(|(of, by)| of.div_euclid(by.max(1))),
        Op::Clamp => first.map(|of| of.max(0)),
        Op::Override => terms.last()?.whole(),
        Op::Follows | Op::Source => None,
    };
    whole.map(Value::Whole)
}

/// What a listing's target is made of beside sellable.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    pub channel: &'a str,
    pub rules: &'a Rules,
    /// The listing's own rules, which stand before the channel's.
    pub own: &'a Overrides,
    /// The sale plan that it follows, which stands before both.
    pub plan: Option<&'a Plan>,
    pub units: i64,
    /// What the mall can hold.
    pub quantity_max: i64,
    /// Dated rules are those of this instant.
    pub at: Timestamp,
    /// In escrow, in units of what it sells; what share that is, and why. Buffer and fraction say nothing then.
    pub share: Option<(i64, &'a str)>,
    /// In shared mode, what other channels may have sold of it unheard, and which.
    pub blind: (i64, &'a str),
}

/// Sellable → target, rule by rule; rules that change nothing are left out. The same number as
/// [`super::allocation::target`], which a test holds it to.
pub fn target(sellable: Term, terms: &Terms<'_>) -> Term {
    let rules = terms.rules.with(terms.own);
    let rules = terms.plan.map_or_else(|| rules.clone(), |plan| rules.with(&plan.overrides()));
    if sellable.value.is_none() {
        return Term::sum("target", vec![sellable]);
    }
    if let Some(fixed) = rules.unlimited {
        let fixed = Term::fact("rule.unlimited", fixed, whose(terms, terms.own.unlimited.is_some()));
        return held_by_mall(Term::replaced("rule.unlimited", sellable, fixed), terms);
    }
    let mut n = sellable;
    let is_shared = terms.share.is_none();
    if let Some((share, why)) = terms.share {
        let is_asked = |plan: &&Plan| plan.exposure.is_some_and(|wish| wish != Wish::Shared);
        let by = terms.plan.filter(is_asked).map(|plan| format!(" by sale plan {:?}", plan.name));
        let source = format!("{why}{}", by.unwrap_or_default());
        n = Term::min("share", vec![n, Term::fact("share", share, source)]);
    }
    if is_shared && rules.buffer != 0 {
        let buffer =
            Term::fact("rule.buffer", -rules.buffer, planned(terms, |plan| plan.buffer, terms.own.buffer.is_some()));
        n = Term::sum("rule.buffer", vec![n, buffer]);
    }
    let (blind, who) = terms.blind;
    let withheld = n.whole().map_or(0, |n| allocation::withheld(n, blind, terms.units));
    if is_shared && withheld != 0 {
        let all = if withheld < blind { format!("{who}; one sale is left") } else { who.to_owned() };
        n = Term::sum("blind", vec![n, Term::fact("blind", -withheld, all)]);
    }
    if is_shared && rules.fraction < 1.0 {
        let mut part = Term::unknown("rule.fraction", whose(terms, terms.own.fraction.is_some()));
        part.value = Some(Value::Part(rules.fraction));
        n = Term::multiplied("rule.fraction", n, part);
    }
    if n.whole().is_some_and(|n| n > 0 && n <= rules.min_show) {
        let nothing = format!("{}: nothing at or below {}", whose(terms, terms.own.min_show.is_some()), rules.min_show);
        n = Term::replaced("rule.min_show", n, Term::fact("rule.min_show", 0, nothing));
    }
    if terms.units > 1 {
        let units = Term::fact("rule.units", terms.units, "the listing sells so many at once");
        n = Term::divided("rule.units", n, units);
    }
    if let Some(cap) = rules.cap.as_ref().and_then(|cap| cap.at(terms.at)) {
        let source = planned(terms, |plan| plan.cap, terms.own.cap.is_some());
        n = Term::min("rule.cap", vec![n, Term::fact("rule.cap", cap, source)]);
    }
    held_by_mall(n, terms)
}

/// What the mall can hold, where that is less; and never below zero.
fn held_by_mall(mut n: Term, terms: &Terms<'_>) -> Term {
    if n.whole().is_some_and(|n| n > terms.quantity_max) {
        let most = Term::fact("rule.mall_max", terms.quantity_max, "the most that the mall can hold");
        n = Term::min("rule.mall_max", vec![n, most]);
    }
    Term::clamped("target", n)
}

/// Whose word it is, where a plan may have one.
fn planned(terms: &Terms<'_>, says: impl Fn(&Plan) -> Option<i64>, own: bool) -> String {
    match terms.plan.filter(|plan| says(plan).is_some()) {
        Some(plan) => format!("sale plan {:?}", plan.name),
        None => whose(terms, own),
    }
}

fn whose(terms: &Terms<'_>, own: bool) -> String {
    if own { "set on the listing".into() } else { format!("set on channel {}", terms.channel) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::allocation::Cap;

    #[test]
    fn a_sum_is_what_its_terms_make_it_and_nothing_without_one_of_them() {
        let on_hand = Term::sum("on_hand", vec![Term::fact("location", 8, "shop"), Term::fact("location", 2, "van")]);
        let unshipped = Term::sum("unshipped", vec![Term::fact("order", 3, "order a/1")]);
        let sellable = Term::sum("sellable", vec![on_hand, unshipped.minus()]);
        assert_eq!((sellable.whole(), sellable.terms[1].terms[0].whole()), (Some(7), Some(-3)));
        sellable.check().unwrap();
        let unknown =
            Term::sum("sellable", vec![Term::unknown("on_hand", "nobody counted"), Term::fact("held", 0, "")]);
        assert_eq!(unknown.value, None);
    }

    #[test]
    fn a_number_that_was_changed_afterwards_is_found() {
        let mut sum = Term::sum("on_hand", vec![Term::fact("receipt", 5, "goods-in")]);
        sum.terms[0].value = Some(Value::Whole(6));
        assert!(sum.check().unwrap_err().contains("on_hand is Some(Whole(5))"));
    }

    #[test]
    fn two_in_a_pack_half_of_the_rest_and_one_kept_back() {
        let rules = Rules { buffer: 1, fraction: 0.5, cap: Some(Cap::Always(2)), ..Rules::default() };
        let own = Overrides { cap: Some(Cap::Always(9)), ..Overrides::default() };
        let at = Timestamp::UNIX_EPOCH;
        let terms = Terms {
            channel: "a",
            rules: &rules,
            own: &own,
            plan: None,
            units: 2,
            quantity_max: 99,
            at,
            share: None,
            blind: (0, ""),
        };
        let tree = target(Term::fact("sellable", 12, "pool online"), &terms);
        let chain: Vec<_> = ["rule.cap", "rule.units", "rule.fraction", "rule.buffer", "sellable"]
            .map(|name| tree.find(name).unwrap().whole().unwrap())
            .into();
        assert_eq!((tree.whole(), chain), (Some(2), vec![2, 2, 5, 11, 12]));
        assert_eq!(tree.find("rule.cap").unwrap().terms[1].source.as_deref(), Some("set on the listing"));
        tree.check().unwrap();
    }

    #[test]
    fn the_tree_is_the_api_s_shape() {
        let term = Term::fact("receipt", 5, "goods-in").at(Timestamp::UNIX_EPOCH);
        let tree = Term::sum("on_hand", vec![term]);
        let json = serde_json::to_value(tree).unwrap();
        let leaf = serde_json::json!({
            "name": "receipt", "value": 5, "op": "source", "source": "goods-in", "at": "1970-01-01T00:00:00Z"
        });
        assert_eq!(json, serde_json::json!({ "name": "on_hand", "value": 5, "op": "sum", "terms": [leaf] }));
    }

    proptest! {
        #[test]
        fn the_tree_ends_at_the_number_that_recomputation_finds(
            sellable in -20..60_i64,
            units in 1..4_i64,
            quantity_max in 5..70_i64,
            (buffer, fraction, min_show) in (0..8_i64, 0.1..1.2_f64, 0..6_i64),
            (cap, unlimited) in (proptest::option::of(0..9_i64), proptest::option::of(0..90_i64)),
            own in (proptest::option::of(0..8_i64), proptest::option::of(0..9_i64)),
            share in proptest::option::of(0..30_i64),
            blind in 0..20_i64,
            planned in (proptest::option::of(0..8_i64), proptest::option::of(0..9_i64)),
        ) {
            let (cap, at) = (cap.map(Cap::Always), Timestamp::UNIX_EPOCH);
            let rules = Rules { buffer, fraction: fraction.min(1.0), min_show, cap, unlimited };
            let own = Overrides { buffer: own.0, cap: own.1.map(Cap::Always), ..Overrides::default() };
            let (said, blind) = (share.map(|share| (share, "its share: tea is in escrow")), (blind, "b may have sold some"));
            let (name, until) = ("autumn".into(), Timestamp::MAX);
            let plan = Plan { name, from: at, until, exposure: None, buffer: planned.0, cap: planned.1 };
            let plan = Some(&plan);
            let terms =
                Terms { channel: "a", rules: &rules, own: &own, plan, units, quantity_max, at, share: said, blind };
            let tree = target(Term::fact("sellable", sellable, "pool"), &terms);
            prop_assert_eq!(tree.check(), Ok(()));
            let (rules, share) = (rules.with(&own).with(&plan.map(Plan::overrides).unwrap_or_default()), share.map(|share| share.min(sellable)));
            let expected = match share {
                None => allocation::target(sellable, blind.0, units, &rules, quantity_max, at),
                Some(share) => allocation::target_of_share(share, units, &rules, quantity_max, at),
            };
            prop_assert_eq!(tree.whole(), Some(expected));
        }
    }
}
