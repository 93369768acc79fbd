//! Scenarios through the real store, engine and fakes, by story. One binary: linking is what tests wait for.

mod bad_input;
mod hub;
mod limits;
mod loops;
mod store;
mod support;
mod traces;
