//! How much can still be sold unseen, and how much of it each listing may show.
//!
//! A mall sells by itself, and the hub hears of it later. A listing's *ceiling* is the most that its mall may still
//! sell, or may have sold already, that nobody has booked ([`Publication::ceiling`]). Their sum over a SKU is its
//! *exposure*; what that exceeds sellable is the *bound*: so many can be oversold whatever happens next, and no
//! more.
//!
//! `shared` shows everything everywhere and lives with a bound. `escrow` gives each listing an exclusive share: the
//! sum of the ceilings stays within what exists, also while writes are on their way, because one rule guards every
//! act of the hub: **a ceiling grows only by units that no other ceiling, and no checkout, holds** ([`room`]). Shares
//! ([`balance()`]) are wishes; that rule makes them safe. It needs the exposure, nothing else, and it is checked where
//! the write is claimed, under the lock of the stock row. [`mode`] says when which of the two is better.
//!
//! What isn't promised: a count that finds less, a hand edit, a mall that sells past zero, or an order later than the
//! mall's stated lag makes the bound positive without an act of ours. Then nothing is raised until sales or lowering
//! have closed it: the room is negative.
//!
//! [`Publication::ceiling`]: super::publication::Publication::ceiling

mod apportion;
pub mod balance;
pub mod blind;
pub mod mode;
pub mod reach;

use std::time::Duration;

use jiff::Timestamp;

pub use balance::{Balance, Share, balance};
pub use mode::{Mode, Why};
pub use reach::{Absence, Reach};

use super::demand::Forecast;

/// One listing that draws on the SKU, as a bundle's does on each of its components: in units of *this* SKU.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<K> {
    pub listing: K,
    /// What one sale takes.
    pub units: i64,
    /// In listing units. `None`: the mall shows a figure that nobody knows yet.
    pub ceiling: Option<i64>,
    /// The share in force, or what was planned, less what sold of it; `None` in shared mode.
    pub share: Option<i64>,
    pub reach: Reach,
    /// Set by hand.
    pub fixed: Option<i64>,
    pub priority: i64,
    /// The most that rules, the mall and, for a bundle, its other components let it show, in listing units.
    pub most: i64,
    pub forecast: Forecast,
    /// Its orders were known up to so long ago.
    pub silent: Duration,
    /// For how long nobody has heard of them, where that is longer than usual: see [`blind`].
    pub unheard: Option<Duration>,
    /// Units that a reading misses and no order explains yet: nobody sells them any more.
    pub missing: i64,
    /// A sale there is known, and answered everywhere else, so long after it happened.
    pub blind: Duration,
    /// Units that it gives away are certainly unsold so long after they were asked for.
    pub turn: Duration,
}

/// The stock that the listings share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stock {
    /// In the pool, in units of the SKU; below zero when oversold.
    pub sellable: i64,
    /// What the seller's own shop, which reserves here, sells of it; `None`: no such shop draws on the pool.
    pub storefront: Option<Forecast>,
    /// Refused checkouts want so many units kept for them, until then.
    pub recalled: i64,
    pub recalled_until: Option<Timestamp>,
}

impl<K> Listing<K> {
    /// Its ceiling in units of the SKU. An unknown figure counts as nothing here, and is named beside the bound.
    pub fn exposed(&self) -> i64 {
        self.ceiling.unwrap_or(0).saturating_mul(self.units)
    }

    fn is_outside(&self) -> bool {
        matches!(self.reach, Reach::Away | Reach::Outside | Reach::Shadow)
    }

    /// What of the stock is not free for others: its share, and whatever it may still sell beyond it.
    fn holds(&self) -> i64 {
        self.exposed().max(self.share.unwrap_or(0))
    }

    fn most_units(&self) -> i64 {
        self.most.max(0).saturating_mul(self.units)
    }
}

/// Σ ceilings: what the malls may still sell unseen. Beside it stands what checkouts can take, which is never more
/// than what is left.
pub fn exposure<K>(listings: &[Listing<K>]) -> i64 {
    listings.iter().map(Listing::exposed).sum()
}

/// So many units can be oversold, whatever happens next. Where a shop of the seller's own draws on the pool, checkouts
/// may take what they are allowed to before the malls sell theirs: everything sellable in `shared`, what is free in
/// escrow.
pub fn bound(exposure: i64, sellable: i64, mode: Mode, has_storefront: bool) -> i64 {
    let checkouts = match mode {
        Mode::Shared if has_storefront => sellable.max(0),
        _ => 0,
    };
    (exposure + checkouts - sellable.max(0)).max(0)
}

/// What nothing on any mall may sell: a checkout is granted from this, and a raise takes from it. Both are decided
/// under the lock of the stock row, so of two that want the same units one comes second.
pub fn free(exposure: i64, sellable: i64) -> i64 {
    sellable - exposure
}

/// By how many listing units this listing's ceiling may grow: what is free, less what checkouts have recalled, in
/// whole sales. Below zero: exposure must come down first. Of a bundle: the least of its components' rooms.
pub fn room(exposure: i64, sellable: i64, recalled: i64, units: i64) -> i64 {
    (free(exposure, sellable) - recalled).div_euclid(units.max(1))
}

/// A mall's own sale lowers its share, in the transaction that books it: topping it up again is `balance`'s to
/// decide. Units that a reading misses are sales that no order explains yet: they lower it at once, and the orders
/// that explain them don't.
pub fn after_sale(share: i64, units: i64) -> i64 {
    (share - units).max(0)
}

#[cfg(test)]
mod tests;
