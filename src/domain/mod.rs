//! What uriba decides, as pure functions: no async, no clock, no randomness, no database row.
//!
//! The walk of one order through these rooms:
//!
//! 1. [`windows`] says which span of a channel's orders to read next.
//! 2. [`intake`] compares an order just seen with what is known of it, and says what changes; [`family`]
//!    keeps split orders from being counted twice or released too early.
//! 3. [`ledger`] books shipments and counts, so that on hand is right whatever the order of arrival; [`core`]
//!    reads the core system's running figures, day by [`business`] day.
//! 4. [`shelf`] turns on hand, unshipped and holds into what can be sold; [`allocation`] turns that and the
//!    seller's rules into each listing's target.
//! 5. [`publication`] knows what a mall shows and what is still uncertain about it, and says which write or
//!    read comes next; [`settle`] draws the conclusions from answers and readings.
//! 6. [`plan`] gathers those writes into batches; [`reaction`] and [`health`] say what a failed call means
//!    for the channel; [`suspend`] is the operator's switch.
//!
//! Beside them, [`spelling`] keeps one code from having two.

pub mod allocation;
pub mod business;
pub mod core;
pub mod family;
pub mod health;
pub mod intake;
pub mod ledger;
pub mod plan;
pub mod publication;
pub mod reaction;
pub mod settle;
pub mod shelf;
pub mod spelling;
pub mod suspend;
pub mod time;
pub mod windows;
