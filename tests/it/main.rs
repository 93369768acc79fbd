//! Scenarios through the real store, engine and fakes, by story. One binary: linking is what tests wait for.

mod api;
mod bad_input;
mod cli;
mod hub;
mod imports;
mod limits;
mod loops;
mod reread;
mod store;
mod support;
mod traces;
