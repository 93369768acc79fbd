//! `uriba sim`: the real hub in a world that a seed decides.
//!
//! The engine's steps, the domain and the store run as they are, against SQLite, and everything around them is made
//! up: the [`clock`] is virtual, the [`scheduler`] says who goes on next, [`mod@env`] carries requests to the
//! malls of [`mall`] in memory, on lines that lose, delay and repeat them as [`faults`] has drawn. [`shoppers`] buy
//! there, the [`seller`] counts, receives, ships and suspends, makes plans and asks for audits ([`decrees`] is its word on
//! what is sold how), and [`hub`] is one or two instances of uriba, killed and put to sleep at will. The [`world`] plays a safety phase with all of this and then a phase without faults in
//! which everything must come to rest; [`invariants`] are looked at all the while, [`promises`] when it rests, and
//! [`report`] says how to see a failing seed again.
//!
//! What it proves and what it doesn't: `docs/simulator.md`.

mod clock;
mod decrees;
mod env;
mod faults;
mod ground;
mod hub;
mod invariants;
mod mall;
mod options;
mod patience;
mod promises;
mod report;
mod scheduler;
mod seller;
mod shoppers;
mod world;

pub use faults::Trouble;
use ground::Ground;
pub use options::{Chore, Chores, Kind, Lie, Options};
pub use report::{Report, Tally, Violation};
pub use world::{WorldError, play};
