//! What uriba decides, as pure functions: no async, no clock, no randomness, no database row.
//!
//! The walk of one order through these rooms:
//!
//! 1. [`windows`] says which span of a channel's orders to read next, [`pages`] whether its list has an end.
//! 2. [`intake`] compares an order just seen with what is known of it, and says what changes; [`family`]
//!    keeps split orders from being counted twice or released too early; [`deed`] is what a seller does to an
//!    order by hand.
//! 3. [`ledger`] books shipments and counts, so that on hand is right whatever the order of arrival; [`core`]
//!    reads the core system's running figures, day by [`business_day`].
//! 4. [`shelf`] turns on hand, unshipped and holds into what can be sold, [`bundle`] what can be sold of things
//!    that are made of others; [`allocation`] turns that and the seller's rules into each listing's target.
//! 5. [`publication`] knows what a mall shows and what is still uncertain about it, and says which write or
//!    read comes next; [`settle`] draws the conclusions from answers and readings, [`drift`] from what nothing
//!    explains; [`reading`] says which listings are looked at first.
//! 6. [`plan`] gathers those writes into batches; [`reaction`] and [`health`] say what a failed call means
//!    for the channel; [`suspend`] is the operator's switch.
//!
//! Every mall sells by itself, so several can sell one unit: [`exposure`] says how many units can still be sold
//! unseen, and gives each listing a share of its own where that would be too many, by what [`demand`] expects. For a
//! time a [`sale`] plan stands before rules and modes.
//!
//! A checkout of the seller's own shop takes its units at once: [`reservation`] says who gets them.
//!
//! Beside them, [`credential`] says when a mall's key ends, [`spelling`] keeps one code from having two, [`business_day`]
//! says when a day is over and [`quiet`] when work that can wait is done, [`brake`] weighs changes of many numbers at once,
//! and [`explain`] is the tree in which all of the above is told backwards.

pub mod allocation;
pub mod brake;
pub mod bundle;
pub mod business_day;
pub mod core;
pub mod credential;
pub mod deed;
pub mod demand;
pub mod drift;
pub mod explain;
pub mod exposure;
pub mod family;
pub mod health;
pub mod intake;
pub mod ledger;
pub mod marks;
pub mod pages;
pub mod plan;
pub mod publication;
pub mod quiet;
pub mod reaction;
pub mod reading;
pub mod reservation;
pub mod sale;
pub mod settle;
pub mod shelf;
pub mod spelling;
pub mod suspend;
pub mod time;
pub mod windows;
