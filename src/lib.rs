//! uriba (売り場): a self-hosted hub for sellers who sell one stock on many malls.
//!
//! The walk through the house, from the ground up:
//!
//! * [`domain`]: what uriba decides, as pure functions.
//! * [`store`]: the only place that knows tables.
//! * [`engine`]: the steps that poll, recompute, push and observe, and what drives them.
//! * [`malls`]: the list of malls, the only file that names one.
//! * [`config`]: `uriba.toml`, with precise errors.
//! * [`api`]: the HTTP API, one file per resource.
//! * [`cli`]: the command line, one file per group of commands.
//! * [`demo`]: fake malls, shoppers and the real hub between them.
//! * [`sim`]: the real hub in a seeded world without time.

// Futures nest as deep as the rooms do, and an optimised build lays each out within its caller.
#![recursion_limit = "256"]

pub mod api;
pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod domain;
pub mod engine;
pub mod malls;
#[cfg(feature = "sim")]
pub mod sim;
pub mod store;
