//! The adapter over HTTP against its fake: what is special to Amazon, beside the conformance kit.

// The attribute tells clippy that helpers beside the tests may unwrap as tests may.
#[cfg(test)]
mod bench;
#[cfg(test)]
mod feeds;
#[cfg(test)]
mod gotchas;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod stock;
