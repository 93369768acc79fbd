//! uriba (売り場): a self-hosted hub for sellers who sell one stock on many malls.

pub mod domain;
pub mod store;
pub mod engine;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod malls;
