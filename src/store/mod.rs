//! The only place that knows tables. It decides nothing: what changes is the domain's word, what stands here
//! is how it is kept.
//!
//! Two short transactions carry the left half of the walk: *facts* ([`intake`]) and *recompute*
//! ([`recompute`]); three verbs the right half: claim, perform, settle ([`publications`]). Locks are taken in
//! one order everywhere: channels, SKUs, stock rows by SKU, then publications by listing. No transaction spans a network call.

mod absent;
mod aftermath;
pub mod answers;
pub mod attention;
pub mod audits;
pub mod backfills;
pub mod balance;
pub mod bundles;
pub mod catalogue;
pub mod channels;
pub mod configuration;
pub mod core_files;
mod counts;
pub mod credentials;
mod decisions;
mod decrees;
pub mod deeds;
mod demand;
mod dialect;
mod dialect_files;
mod dialect_time;
pub mod discoveries;
pub mod entity;
pub mod explain;
mod exposure;
mod gaps;
pub mod held;
mod hints;
mod ids;
pub mod imports;
pub mod intake;
mod intake_apply;
mod intake_load;
mod intake_rows;
mod lateness;
pub mod lease;
mod ledger_time;
pub mod log;
mod moved;
pub mod movements;
mod numbers;
mod open;
pub mod own_orders;
pub mod pages;
pub mod plans;
pub mod polling;
pub mod preview;
mod publication_belief;
mod publication_desk;
mod publication_rows;
pub mod publications;
mod queue;
pub mod quota;
mod readings;
pub mod recompute;
mod remap;
pub mod reservations;
pub mod retention;
mod review;
pub mod rules;
pub mod running;
pub mod safe;
mod shares;
pub mod sheets;
mod standing;
pub mod stock;
pub mod stops;
pub mod surroundings;
pub mod switch;
pub mod tickets;
pub mod token;
mod undo;
mod unread;
pub mod verify;
pub mod watched;
mod wishes;
mod write_rows;

use std::sync::{Arc, atomic::AtomicI64};

use jiff::Timestamp;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use uriba_sdk::Env;

use ids::first_id_at;
pub use open::{Backup, is_new, migrate, pending_migrations, sqlite_path};
use surroundings::Surroundings;

/// Rows per statement: the sweet spot, and below every database's limit of values for our widest table.
pub const ROWS_PER_STATEMENT: usize = 500;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database failed")]
    Database(#[from] DbErr),
    #[error("{0}")]
    Unreachable(String),
    #[error("there is no {kind} {name:?}")]
    Missing { kind: &'static str, name: String },
    /// The state of things forbids it.
    #[error("{0}")]
    Refused(String),
    /// Wrong input, found only by looking at the database.
    #[error("{0}")]
    Invalid(String),
    #[error("another instance has taken over {lease:?}; nothing was written")]
    Superseded { lease: String },
}

pub type Result<T> = std::result::Result<T, StoreError>;

/// The database, and what every row needs from outside: ids and the time.
#[derive(Clone)]
pub struct Store {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    env: Arc<dyn Env>,
    last_id: Arc<AtomicI64>,
    /// Rung when facts changed, so that a waiting step need not wait for its time.
    pub bells: Arc<Bells>,
    file: Option<std::path::PathBuf>,
    tokens: Arc<token::Known>,
    /// `None`: the machine's own.
    surroundings: Option<Arc<dyn Surroundings>>,
}

/// Wake-ups within this process. A hint only: every step also comes by on its own.
#[derive(Default)]
pub struct Bells {
    pub facts: tokio::sync::Notify,
    pub targets: tokio::sync::Notify,
    pub switches: tokio::sync::Notify,
}

impl Store {
    pub fn now(&self) -> Timestamp {
        self.env.now()
    }

    pub fn env(&self) -> &Arc<dyn Env> {
        &self.env
    }

    /// For reads that need no transaction.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// A writing transaction. On SQLite it takes the write lock at once: a transaction that upgrades later
    /// fails without waiting.
    pub async fn begin(&self) -> Result<DatabaseTransaction> {
        if let Some(surroundings) = &self.surroundings {
            surroundings.before_transaction().await.map_err(StoreError::Unreachable)?;
        }
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.writer.begin_with_options(options).await?)
    }
}

/// How instants are stored: microseconds UTC.
pub fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

pub fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// `None` stays `None`.
pub fn maybe_instant(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(instant)
}
