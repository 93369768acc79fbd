//! Opening the database, bringing its schema up to date, copying it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use sea_orm::{ConnectOptions, Database, DatabaseBackend, DatabaseConnection};
use uriba_migrations::{Migrator, MigratorTrait};
use uriba_sdk::Env;

use super::{Result, Store, StoreError, surroundings::Surroundings};

/// Another process may hold SQLite's write lock for the length of an import piece.
const BUSY_MS: Duration = Duration::from_secs(15);
const READERS: u32 = 4;
/// In KiB, negated: the pages that a hundred thousand SKUs are found by.
const WRITER_CACHE: &str = "-48000";
/// Pages of 4 KiB in the log (64 MiB) before they are moved into the database file, which costs two more flushes and
/// each page once, however often it was changed: a thousand SKUs that are computed and told to six malls change the same
/// few thousand pages a dozen times.
const CHECKPOINT_PAGES: &str = "16000";
/// Rows that the database's thread may be ahead of their reader: a statement's worth, so that neither waits
/// for the other at every row.
const ROWS_AHEAD: usize = super::ROWS_PER_STATEMENT;
const POSTGRES_CONNECTIONS: u32 = 12;

impl Store {
    /// Opens the database, which must have been migrated before (see [`migrate`]).
    pub async fn open(url: &str, env: Arc<dyn Env>) -> Result<Self> {
        Self::open_among(url, env, None).await
    }

    /// Opens a database that is tried out and thrown away: it ends with the process, so nothing waits for the disk.
    pub async fn open_to_try(url: &str, env: Arc<dyn Env>, surroundings: Arc<dyn Surroundings>) -> Result<Self> {
        Self::open_among(url, env, Some(surroundings)).await
    }

    async fn open_among(url: &str, env: Arc<dyn Env>, surroundings: Option<Arc<dyn Surroundings>>) -> Result<Self> {
        let keep = if surroundings.is_some() { Keep::Briefly } else { Keep::Forever };
        let (mut writer, mut reader, file) = connect(url, keep).await?;
        if let Some(around) = &surroundings {
            for connection in [&mut writer, &mut reader] {
                let around = around.clone();
                connection.set_metric_callback(move |told| around.heard(&told.statement.sql));
            }
        }
        Ok(Self {
            writer,
            reader,
            env,
            last_id: Arc::new(AtomicI64::new(0)),
            bells: Arc::default(),
            file,
            tokens: Arc::default(),
            surroundings,
        })
    }

    /// The database's file, for SQLite.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub fn backend(&self) -> DatabaseBackend {
        self.writer.get_database_backend()
    }

    /// Nobody else writes while a transaction does: what it has read stays true without locks by row.
    pub(super) fn writes_alone(&self) -> bool {
        self.backend() == DatabaseBackend::Sqlite
    }
}

/// How long what is written has to last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Forever,
    /// As long as this process.
    Briefly,
}

async fn connect(url: &str, keep: Keep) -> Result<(DatabaseConnection, DatabaseConnection, Option<PathBuf>)> {
    if let Some(path) = sqlite_path(url) {
        let writer = sqlite(&path, 1, false, keep).await?;
        let reader = sqlite(&path, if keep == Keep::Briefly { 1 } else { READERS }, true, keep).await?;
        return Ok((writer, reader, Some(path)));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let mut options = ConnectOptions::new(url);
        options.max_connections(POSTGRES_CONNECTIONS).acquire_timeout(Duration::from_secs(15)).sqlx_logging(false);
        let both = Database::connect(options).await.map_err(|error| unreachable("PostgreSQL", &error))?;
        return Ok((both.clone(), both, None));
    }
    Err(StoreError::Invalid("the database URL must begin with sqlite:// or postgres://".into()))
}

/// `sqlite://uriba.db` is relative to the working directory, `sqlite:///var/lib/uriba.db` is not.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    url.strip_prefix("sqlite://").map(|path| PathBuf::from(path.split('?').next().unwrap_or(path)))
}

async fn sqlite(path: &Path, connections: u32, read_only: bool, keep: Keep) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        // A file of this machine's doesn't hang up.
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(60));
    options.map_sqlx_sqlite_opts(move |options| {
        use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(if keep == Keep::Forever { SqliteSynchronous::Full } else { SqliteSynchronous::Off })
            .busy_timeout(BUSY_MS)
            .row_buffer_size(ROWS_AHEAD)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("temp_store", "memory")
            .pragma("cache_size", if read_only { "-16000" } else { WRITER_CACHE });
        if read_only { options.pragma("query_only", "on") } else { options }
    });
    Database::connect(options).await.map_err(|error| unreachable(&path.display().to_string(), &error))
}

/// The driver's message names the cause; the URL, which may hold a password, is not repeated.
fn unreachable(what: &str, error: &sea_orm::DbErr) -> StoreError {
    StoreError::Unreachable(format!("the database {what} can't be opened: {error}"))
}

/// Applies what is missing, in one transaction: a start that dies half-way leaves nothing behind, and two
/// starts at once are kept apart by the database's own lock.
pub async fn migrate(store: &Store) -> Result<usize> {
    if pending_migrations(store).await? == 0 {
        return Ok(0);
    }
    let tx = store.begin().await?;
    super::dialect::lock_migrations(&tx).await?;
    let pending = Migrator::get_pending_migrations_read_only(&tx).await?.len();
    Migrator::up(&tx, None).await?;
    tx.commit().await?;
    Ok(pending)
}

pub async fn pending_migrations(store: &Store) -> Result<usize> {
    Ok(Migrator::get_pending_migrations_read_only(&store.writer).await.map_err(of_another_version)?.len())
}

/// Nothing was ever applied: an empty database.
pub async fn is_new(store: &Store) -> Result<bool> {
    Ok(Migrator::get_applied_migrations_read_only(&store.writer).await.map_err(of_another_version)?.is_empty())
}

/// What a schema of a newer version means is not known here, so nothing is done with it.
fn of_another_version(error: sea_orm::DbErr) -> StoreError {
    match error {
        sea_orm::DbErr::Custom(text) if text.contains("has been applied but its file is missing") => {
            StoreError::Refused(format!("the database is of a newer version of uriba than this one: {text}"))
        }
        other => other.into(),
    }
}

/// A consistent copy of a SQLite database, also while it is in use.
pub struct Backup;

impl Backup {
    pub async fn write(store: &Store, to: &Path) -> Result<()> {
        if store.backend() != DatabaseBackend::Sqlite {
            return Err(StoreError::Invalid("a PostgreSQL database is backed up with pg_dump".into()));
        }
        if to.exists() {
            return Err(StoreError::Refused(format!("{} exists already", to.display())));
        }
        super::dialect::vacuum_into(&store.writer, to).await
    }

    /// Puts a backup in the place of the database file. Nothing may have it open.
    pub fn restore(from: &Path, database: &Path) -> std::io::Result<()> {
        let fresh = database.with_extension("restoring");
        std::fs::copy(from, &fresh)?;
        // Before anything of the old one goes.
        std::fs::File::open(&fresh)?.sync_all()?;
        for suffix in ["-wal", "-shm"] {
            let mut side = database.as_os_str().to_owned();
            side.push(suffix);
            match std::fs::remove_file(&side) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(&fresh, database)
    }
}
