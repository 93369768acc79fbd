//! What store tests stand on: a migrated database of either kind, a clock that moves only when told to, and
//! short words for the seller's day.

mod desk;
mod files;
mod for_all;
mod off;
mod peek;
pub mod postgres;
mod schema;
mod till;
mod words;

use std::{
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
};

use futures_util::FutureExt;
use tempfile::TempDir;
use uriba::store::{Store, migrate};
use uriba_sdk::fake::ManualEnv;

pub use desk::configuration;
pub use files::{at, core_file, figures, terms};
pub use for_all::for_all;
pub use off::Off;
use postgres::{Scratch, Server};
pub use till::{WEB, ask_at, reserve, wish};
pub use words::*;

/// A migrated, empty database.
pub struct TestBase {
    pub name: &'static str,
    pub store: Store,
    pub env: Arc<ManualEnv>,
    url: String,
    dir: TempDir,
}

impl TestBase {
    /// On a temporary SQLite file.
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("uriba.db").display());
        let base = Self::open("SQLite", url, dir).await;
        migrate(&base.store).await.unwrap();
        base
    }

    async fn postgres(scratch: &Scratch) -> Self {
        Self::open("PostgreSQL", scratch.url.clone(), tempfile::tempdir().unwrap()).await
    }

    async fn open(name: &'static str, url: String, dir: TempDir) -> Self {
        let env = Arc::new(ManualEnv::new(7));
        let store = Store::open(&url, env.clone()).await.unwrap();
        Self { name, store, env, url, dir }
    }

    /// A folder of this test alone.
    pub fn folder(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Another SQLite database, as it lies in a file.
    pub async fn in_file(&self, file: &std::path::Path) -> Self {
        Self::open("SQLite", format!("sqlite://{}", file.display()), tempfile::tempdir().unwrap()).await
    }

    /// Another process on the same database.
    pub async fn another(&self) -> Store {
        Store::open(&self.url, self.env.clone()).await.unwrap()
    }

    /// The same on a machine whose clock is ahead of ours.
    pub async fn another_ahead_by(&self, seconds: i64) -> Store {
        Store::open(&self.url, Arc::new(Off::by(self.env.clone(), seconds))).await.unwrap()
    }
}

/// Tells the story on SQLite, and on PostgreSQL where there is one.
pub async fn on_every_database(story: impl AsyncFn(&TestBase)) {
    let base = TestBase::sqlite().await;
    told(base.name, story(&base)).await;
    on_postgres(story).await;
}

/// For what SQLite, which writes one transaction at a time, can't show.
pub async fn on_postgres(story: impl AsyncFn(&TestBase)) {
    let Some(server) = Server::find() else { return };
    let scratch = server.migrated().await;
    let base = TestBase::postgres(&scratch).await;
    let ended = AssertUnwindSafe(told(base.name, story(&base))).catch_unwind().await;
    scratch.remove().await;
    if let Err(panic) = ended {
        resume_unwind(panic);
    }
}

/// Says on which database a story went wrong.
async fn told(name: &str, story: impl Future<Output = ()>) {
    if let Err(panic) = AssertUnwindSafe(story).catch_unwind().await {
        eprintln!("this was on {name}");
        resume_unwind(panic);
    }
}
