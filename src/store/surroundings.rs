//! What lies around a database that is tried out: a clock of its own, and failures at will. A database in earnest
//! has none of this.

use async_trait::async_trait;
use jiff::Timestamp;

#[async_trait]
pub trait Surroundings: Send + Sync {
    /// The database's clock, by which leases end.
    fn clock(&self) -> Timestamp;

    /// Before each writing transaction. An error is the database's own, and nothing was begun.
    async fn before_transaction(&self) -> Result<(), String>;

    /// A statement was run. Its values are not told.
    fn heard(&self, _statement: &str) {}
}
