//! The adapter over HTTP against its fake and against single odd answers: what is special to DynamoDB, beside the
//! conformance kit.

// The attribute tells clippy that helpers beside the tests may unwrap as tests may.
#[cfg(test)]
mod bench;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod stock;
