//! Shared or escrow: when showing everything everywhere is worth its risk.
//!
//! Escrow costs nothing as long as each share covers what its mall sells before it can be topped up. Where stock is
//! too thin for that, escrow hides units from malls, and sharing may sell one twice: after a sale on listing *i*, the
//! others go on for *i*'s blind time, so the chance that they sell the rest meanwhile is
//!
//! > risk = Σᵢ pᵢ P(units of the others within blindᵢ + change ≥ sellable), pᵢ = *i*'s part of the demand
//!
//! counted in units, by the uncertain rates of [`demand`](crate::domain::demand). *change* is the time that going over to escrow takes:
//! a decision that waits until the risk is there comes too late by just that. Entering escrow is always possible at
//! once; leaving it has a dwell time, so that a lull in a sale doesn't end it.

use std::{fmt, time::Duration};

use jiff::Timestamp;

use serde::{Deserialize, Serialize};

use super::{Listing, Reach, Stock};
use crate::domain::{
    demand::{Forecast, units},
    time::later,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    Shared,
    Escrow,
}

/// What the pool, the SKU or a sale plan asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    #[default]
    Auto,
    Shared,
    Escrow,
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Escrow => "escrow",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Shared, Self::Escrow].into_iter().find(|mode| mode.word() == word)
    }
}

impl Wish {
    pub const WORDS: [&'static str; 3] = ["auto", "shared", "escrow"];

    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Shared => "shared",
            Self::Escrow => "escrow",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Auto, Self::Shared, Self::Escrow].into_iter().find(|wish| wish.word() == word)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    pub wish: Wish,
    /// The largest risk that sharing may take, for each unit sold.
    pub eps: f64,
    /// Escrow isn't left sooner than so long after it was entered.
    pub dwell: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { wish: Wish::Auto, eps: 0.01, dwell: Duration::from_secs(600) }
    }
}

/// Why this mode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// By the pool, the SKU or a plan.
    Asked,
    /// Each share covers what its listing can sell.
    Covered,
    /// The others sell the rest too rarely to hide anything for it.
    Rare { risk: f64 },
    /// Too thin to cover, too fast to share.
    Thin { risk: f64 },
    /// Escrow was entered a moment ago.
    Dwells { until: Timestamp },
    /// Listings that somebody has to put right may sell everything there is; the rest works as shared.
    Outside { units: i64 },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |risk: &f64| risk * 100.0;
        match self {
            Self::Asked => write!(f, "it is asked for"),
            Self::Covered => write!(f, "each share covers what its listing can sell"),
            Self::Rare { risk } => write!(f, "{:.2} % of sales may be sold twice", percent(risk)),
            Self::Thin { risk } => write!(f, "{:.2} % of sales would be sold twice if it were shared", percent(risk)),
            Self::Dwells { until } => write!(f, "it is not left before {until}"),
            Self::Outside { units } => write!(f, "{units} are on listings that can't be written"),
        }
    }
}

/// The mode in force, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    pub mode: Mode,
    pub since: Timestamp,
}

/// `shares`: what escrow would give, in the order of the listings.
pub(super) fn decide<K>(
    policy: &Policy,
    stock: &Stock,
    listings: &[Listing<K>],
    shares: &[i64],
    in_force: Option<InForce>,
    now: Timestamp,
) -> (Mode, Why) {
    let outside = listings.iter().filter(|listing| matches!(listing.reach, Reach::Outside | Reach::Shadow));
    let outside: i64 = outside.map(Listing::exposed).sum();
    let anyone = listings.iter().any(|listing| !listing.is_outside());
    if policy.wish != Wish::Shared && anyone && outside > 0 && stock.sellable > 0 && outside >= stock.sellable {
        return (Mode::Shared, Why::Outside { units: outside });
    }
    match policy.wish {
        Wish::Shared => return (Mode::Shared, Why::Asked),
        Wish::Escrow => return (Mode::Escrow, Why::Asked),
        Wish::Auto => {}
    }
    if covers(policy, listings, shares) {
        return (Mode::Escrow, Why::Covered);
    }
    let risk = risk(stock, listings);
    if risk > policy.eps {
        return (Mode::Escrow, Why::Thin { risk });
    }
    if let Some(InForce { mode: Mode::Escrow, since }) = in_force {
        let until = later(since, policy.dwell);
        if now < until {
            return (Mode::Escrow, Why::Dwells { until });
        }
    }
    (Mode::Shared, Why::Rare { risk })
}

fn covers<K>(policy: &Policy, listings: &[Listing<K>], shares: &[i64]) -> bool {
    let slowest = slowest(listings);
    listings.iter().zip(shares).filter(|(listing, _)| !listing.is_outside()).all(|(listing, share)| {
        // Whoever shows all that it may show lacks nothing.
        let wanted = listing.forecast.largest.max(listing.units).min(listing.most_units().max(listing.units));
        *share >= wanted && listing.forecast.at_least(share + 1, listing.blind + slowest) <= policy.eps
    })
}

/// The chance that a unit sold now is sold once more before the others are lowered.
pub fn risk<K>(stock: &Stock, listings: &[Listing<K>]) -> f64 {
    if stock.sellable <= 0 {
        return 0.0;
    }
    let change = slowest(listings);
    // A checkout is known at once, and told to the malls as fast as the fastest of them is answered.
    let prompt = listings.iter().map(|listing| listing.blind).min().unwrap_or_default();
    let mut sellers: Vec<(&Forecast, Duration)> =
        listings.iter().map(|listing| (&listing.forecast, listing.blind)).collect();
    sellers.extend(stock.storefront.iter().map(|forecast| (forecast, prompt)));
    let all: f64 = sellers.iter().map(|(forecast, _)| forecast.orders_per_second()).sum();
    let each = sellers.iter().enumerate().map(|(index, (forecast, blind))| {
        let others = sellers.iter().enumerate().filter(|(other, _)| *other != index);
        let others: Vec<(&Forecast, Duration)> = others.map(|(_, (other, _))| (*other, *blind + change)).collect();
        forecast.orders_per_second() / all.max(f64::MIN_POSITIVE) * units::at_least(&others, stock.sellable)
    });
    each.sum()
}

/// How long going over to escrow takes: until the slowest listing is certainly lowered.
fn slowest<K>(listings: &[Listing<K>]) -> Duration {
    let inside = listings.iter().filter(|listing| !listing.is_outside());
    inside.map(|listing| listing.turn).max().unwrap_or_default()
}
