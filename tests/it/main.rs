//! Scenarios through the real store, engine and fakes, by story. One binary: linking is what tests wait for.

mod hub;
mod loops;
mod traces;
