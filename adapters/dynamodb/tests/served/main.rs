//! The adapter beside a storefront on a server that evaluates DynamoDB's expressions: what the fake takes for granted.
//!
//! `tests/server.sh` installs and starts the server. `URIBA_TEST_DYNAMODB`: the URL of one to use instead, or `none`.
//! Without a server these tests say so and pass.

// The attribute tells clippy that helpers beside the tests may unwrap as tests may.
#[cfg(test)]
mod finding;
#[cfg(test)]
mod server;
#[cfg(test)]
mod storefront;
#[cfg(test)]
mod writing;
