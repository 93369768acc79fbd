//! How fast a listing sells, and how sure that is: what escrow follows, and what decides a mode.
//!
//! Orders of a listing arrive as a Poisson stream whose rate is not known. A gamma distribution with shape *a*
//! (orders) and rate *b* (seconds) says what is known of it, and after *k* more orders in *t* more seconds it is the
//! gamma of *a + k* and *b + t* (Gelman et al., *Bayesian Data Analysis*, 2.6). Only time in which the listing
//! showed stock counts: a mall that shows nothing sells nothing, and that says nothing about its customers. Old
//! evidence fades by halves, so that the estimate follows the seasons.
//!
//! A sale multiplies rates by a hundred within a minute, which fading alone follows too late. So the last half hour
//! is tallied apart, and explained in two ways: *as usual* (the gamma of the long tally is its prior) or *changed*
//! (the prior knows next to nothing). Their marginal likelihoods weigh them (a mixture of conjugate priors, same
//! book, 2.4 and 5.1), so one order is an accident, and ten in a minute are a sale.
//!
//! How many *units* that makes in a given time is [`units`]' matter.

pub mod units;

use std::time::Duration;

use jiff::Timestamp;

use super::time::between;
use units::{Stream, ln_gamma};

/// The long tally halves in this time: a season is followed, a weekend is not.
const USUAL_HALVES: Duration = Duration::from_secs(30 * 86_400);
/// Time in which stock was shown fades as it is added: the long tally never holds more than its half-life / ln 2.
pub const SHOWN_MAX: Duration = Duration::from_secs(43 * 86_400);
/// The short one: long enough to tell a sale from two customers at once.
const LATELY_HALVES: Duration = Duration::from_secs(1_800);
/// However long the past, as a prior of the present it weighs no more than so many orders.
const USUAL_ORDERS_MAX: f64 = 8.0;
/// How often a half hour in which something was sold is not as usual.
const CHANGED: f64 = 0.005;
/// Without an order there is no news: a rate that has never been seen can't be told from one that rose unseen.
pub const NEWS: f64 = 0.5;
/// What is known of a changed rate: half an order in half a minute.
const CHANGED_ORDERS: f64 = 0.5;
const CHANGED_SECONDS: f64 = 30.0;

/// Orders seen in time in which stock was shown; both fade.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    pub orders: f64,
    pub shown_s: f64,
}

/// What one listing has taught so far: nine numbers, one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    pub usual: Tally,
    pub lately: Tally,
    /// Units of the orders in `usual`, in SKU units.
    pub units: f64,
    /// The largest order seen, in SKU units; fades like `usual`.
    pub largest: f64,
    /// The tallies are as of this instant …
    pub at: Timestamp,
    /// … and until then stock was shown from here on, if at all.
    pub lit: bool,
}

/// What is known of a listing before it sold anything: the catalogue's own average, worth so many orders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    pub orders: f64,
    pub shown_s: f64,
    pub units_per_order: f64,
}

/// What a listing of a catalogue without any past is believed to sell: an order in two months. Rates differ by
/// factors of thousands from listing to listing, so that is worth a fiftieth of an order: a day teaches more.
impl Default for Prior {
    fn default() -> Self {
        Self { orders: 0.02, shown_s: 0.02 * 60.0 * 86_400.0, units_per_order: 1.0 }
    }
}

impl Prior {
    /// The average of a catalogue's tallies and of the units that they sold, as vague as [`Prior::default`]. What is
    /// believed without any past counts as one order more: so a few listings say little about the others, and a
    /// catalogue that has sold nothing yet isn't believed to sell nothing.
    pub fn of(catalogue: Tally, units: f64) -> Self {
        let nothing = Self::default();
        let orders = catalogue.orders + 1.0;
        let seconds = catalogue.shown_s + nothing.shown_s / nothing.orders;
        Self {
            orders: nothing.orders,
            shown_s: nothing.orders * seconds / orders,
            units_per_order: ((units + nothing.units_per_order) / orders).max(1.0),
        }
    }
}

impl Demand {
    pub fn new(at: Timestamp) -> Self {
        let nothing = Tally::default();
        Self { usual: nothing, lately: nothing, units: 0.0, largest: 0.0, at, lit: false }
    }

    /// Time has passed, and from now on the listing shows stock or doesn't. To be called whenever that changes.
    pub fn shows(&mut self, lit: bool, now: Timestamp) {
        self.advance(now);
        self.lit = lit;
    }

    /// The listing sold: one order of so many SKU units. When it was placed hardly matters to the tallies, and
    /// whether the hub believed the listing lit doesn't either.
    pub fn sold(&mut self, units: i64, now: Timestamp) {
        self.advance(now);
        self.usual.orders += 1.0;
        self.lately.orders += 1.0;
        self.units += units.max(1) as f64;
        self.largest = self.largest.max(units as f64);
    }

    fn advance(&mut self, now: Timestamp) {
        let passed = between(self.at, now);
        if passed.is_zero() {
            return;
        }
        fade(&mut self.usual, passed, USUAL_HALVES, self.lit);
        fade(&mut self.lately, passed, LATELY_HALVES, self.lit);
        let left = remains(passed, USUAL_HALVES);
        self.units *= left;
        self.largest *= left;
        self.at = self.at.max(now);
    }

    /// What to expect of the listing from now on.
    pub fn forecast(&self, prior: &Prior, now: Timestamp) -> Forecast {
        let mut then = *self;
        then.advance(now);
        let seen = then.lately;
        // What was seen lately is no evidence of what was usual before.
        let orders = prior.orders + (then.usual.orders - seen.orders).max(0.0);
        let shown_s = prior.shown_s + (then.usual.shown_s - seen.shown_s).max(0.0);
        let worth = orders.min(USUAL_ORDERS_MAX) / orders;
        let usual = (orders * worth, shown_s * worth);
        let changed = (CHANGED_ORDERS, CHANGED_SECONDS);
        let odds = (1.0 - CHANGED).ln() + likelihood(usual, seen) - CHANGED.ln() - likelihood(changed, seen);
        let weight = if seen.orders < NEWS { 0.0 } else { 1.0 / (1.0 + odds.exp()) };
        let with =
            |(a, b): (f64, f64), weight: f64| Stream { weight, orders: a + seen.orders, seconds: b + seen.shown_s };
        let units_per_order = (prior.units_per_order * prior.orders + then.units) / (prior.orders + then.usual.orders);
        Forecast {
            usual_per_second: orders / shown_s,
            lately: seen,
            streams: [with(usual, 1.0 - weight), with(changed, weight)],
            units_per_order: units_per_order.max(1.0),
            largest: (then.largest.ceil() as i64).max(1),
        }
    }
}

/// What a listing may sell from now on, in SKU units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Orders a second, before what was seen lately.
    pub usual_per_second: f64,
    pub lately: Tally,
    /// As usual, and changed.
    pub streams: [Stream; 2],
    pub units_per_order: f64,
    /// The largest order seen.
    pub largest: i64,
}

impl Forecast {
    /// A stream of a rate that is known.
    pub fn certain(orders_per_second: f64) -> Self {
        let sure = 1e6;
        let stream = |weight| Stream { weight, orders: sure, seconds: sure / orders_per_second };
        let streams = [stream(1.0), stream(0.0)];
        Self {
            usual_per_second: orders_per_second,
            lately: Tally::default(),
            streams,
            units_per_order: 1.0,
            largest: 1,
        }
    }

    pub fn orders_per_second(&self) -> f64 {
        self.streams.iter().map(|stream| stream.weight * stream.orders / stream.seconds).sum()
    }

    /// So many times the usual.
    pub fn surge(&self) -> f64 {
        self.orders_per_second() / self.usual_per_second
    }

    /// A sale is seen first where orders are heard of first, and hardly ever stays in one mall: a listing is believed
    /// to surge like another one, as vaguely as one order says it, until what was seen of it lately says otherwise.
    /// What was seen is old when nobody has heard of it for so long that it would have sold half an order.
    pub fn surging(self, surge: f64, silent: Duration) -> Self {
        let rate = self.usual_per_second * surge;
        let is_old = rate * silent.as_secs_f64() >= NEWS;
        let seen = if is_old { Tally::default() } else { self.lately };
        let guess = Stream { weight: 1.0, orders: 1.0 + seen.orders, seconds: 1.0 / rate + seen.shown_s };
        if guess.orders / guess.seconds <= self.orders_per_second() {
            return self;
        }
        Self { streams: [Stream { weight: 0.0, ..guess }, guess], ..self }
    }

    pub fn units_per_second(&self) -> f64 {
        self.orders_per_second() * self.units_per_order
    }

    /// The chances of selling 0, 1, … `below − 1` units within the time.
    pub fn chances(&self, within: Duration, below: usize) -> Vec<f64> {
        let mut sum = vec![0.0; below];
        for stream in self.streams.iter().filter(|stream| stream.weight > 1e-12) {
            let part = units::chances(stream, within.as_secs_f64(), self.units_per_order, below);
            for (sum, part) in sum.iter_mut().zip(part) {
                *sum += stream.weight * part;
            }
        }
        sum
    }

    /// The chance of selling so many units or more within the time.
    pub fn at_least(&self, units: i64, within: Duration) -> f64 {
        units::at_least(&[(self, within)], units)
    }

    /// So many units cover what sells within the time, but for a chance of `eps`; at most `most`.
    pub fn quantile(&self, within: Duration, eps: f64, most: i64) -> i64 {
        let below = usize::try_from(most.clamp(0, units::UNITS_MAX)).unwrap_or_default();
        let mut more = 1.0;
        for (sold, chance) in self.chances(within, below).into_iter().enumerate() {
            more -= chance;
            if more <= eps {
                return sold as i64;
            }
        }
        most.max(0)
    }
}

/// ln of the chance of just these orders in this time under a gamma prior, less what no prior changes:
/// b^a Γ(a + k) / (Γ(a) (b + t)^(a + k)).
fn likelihood((a, b): (f64, f64), seen: Tally) -> f64 {
    let orders = a + seen.orders;
    a * b.ln() - orders * (b + seen.shown_s).ln() + ln_gamma(orders) - ln_gamma(a)
}

fn remains(passed: Duration, halves: Duration) -> f64 {
    (-passed.as_secs_f64() / halves.as_secs_f64()).exp2()
}

/// While stock is shown, the time of the tally grows and fades at once: dT = dt − T ln 2 / h dt.
fn fade(tally: &mut Tally, passed: Duration, halves: Duration, lit: bool) {
    let left = remains(passed, halves);
    tally.orders *= left;
    tally.shown_s *= left;
    if lit {
        tally.shown_s += (1.0 - left) * halves.as_secs_f64() / std::f64::consts::LN_2;
    }
}

#[cfg(test)]
mod tests;
