//! Scenarios through the real store, engine and fakes, by story. One binary: linking is what tests wait for.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod api;
mod backfills;
mod bad_input;
mod brakes;
mod bulk;
mod bundles;
mod cli;
mod clocks;
mod escrow;
mod files;
mod gaps;
mod holds;
mod hub;
mod imports;
mod limits;
mod loops;
mod reread;
mod sheets;
mod silence;
pub mod store;
mod street;
mod support;
mod traces;
mod turns;
