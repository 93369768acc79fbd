//! PostgreSQL for tests: one throw-away cluster per process, one database per test.
//!
//! `URIBA_TEST_POSTGRES` names a server to use instead (a URL whose user may create databases; `./test` sets
//! it), or says `none`. The cluster belongs to `tests/postgres.sh`, which watches a pipe of this process and
//! removes everything when it breaks: also after a panic or kill -9.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};

/// Databases in use at the same time: each may hold a dozen of the cluster's connections.
const AT_ONCE: usize = 12;

static SLOTS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(AT_ONCE);
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Where databases are made. `None`: there is no PostgreSQL here, and everybody has been told.
pub struct Server {
    pub(super) url: String,
    /// The cluster lives as long as this pipe.
    _pipe: Option<ChildStdin>,
}

/// A database of this test alone.
pub struct Scratch {
    pub url: String,
    name: String,
    admin: DatabaseConnection,
    _slot: tokio::sync::SemaphorePermit<'static>,
}

impl Server {
    pub fn find() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER.get_or_init(Self::start).as_ref()
    }

    #[expect(clippy::disallowed_methods, reason = "the one setting of the tests")]
    fn start() -> Option<Self> {
        match std::env::var("URIBA_TEST_POSTGRES") {
            Ok(word) if word == "none" => {
                announce("URIBA_TEST_POSTGRES=none");
                None
            }
            Ok(url) => Some(Self { url, _pipe: None }),
            Err(_) => Self::throw_away(),
        }
    }

    fn throw_away() -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres.sh");
        let piped = Stdio::piped;
        let started = Command::new("sh").arg(script).stdin(piped()).stdout(piped()).stderr(piped()).spawn();
        let Child { stdin, stdout, stderr, .. } = match started {
            Ok(child) => child,
            Err(error) => {
                announce(&format!("sh could not be started: {error}"));
                return None;
            }
        };
        let mut url = String::new();
        BufReader::new(stdout.expect("it is piped")).read_line(&mut url).expect("the script writes text");
        if url.is_empty() {
            let mut why = String::new();
            stderr.expect("it is piped").read_to_string(&mut why).expect("the script writes text");
            announce(why.trim());
            return None;
        }
        Some(Self { url: url.trim().to_owned(), _pipe: stdin })
    }

    /// A new, empty database.
    pub async fn database(&self) -> Scratch {
        self.like("template1").await
    }

    /// A new database that is a copy of this one.
    pub(super) async fn like(&self, template: &str) -> Scratch {
        let slot = SLOTS.acquire().await.expect("the semaphore is never closed");
        let admin = self.connect(&self.url).await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("uriba_test_{}_{number}", std::process::id());
        admin.execute_unprepared(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.unwrap();
        Scratch { url: self.named(&name), name, admin, _slot: slot }
    }

    pub(super) async fn connect(&self, url: &str) -> DatabaseConnection {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        Database::connect(options).await.expect("the server answers")
    }

    /// The same server, another database.
    pub(super) fn named(&self, database: &str) -> String {
        let (address, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let (server, _) = address.rsplit_once('/').expect("the URL names a database");
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        format!("{server}/{database}{query}")
    }
}

impl Scratch {
    pub async fn remove(self) {
        self.admin.execute_unprepared(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await.unwrap();
    }
}

/// Past the test runner's capture: nobody should believe that PostgreSQL was tried when it wasn't.
fn announce(why: &str) {
    let line = "=".repeat(100);
    let text = format!("\n{line}\nPOSTGRESQL IS LEFT OUT: every store test runs on SQLite only ({why})\n{line}\n");
    std::io::stderr().write_all(text.as_bytes()).expect("standard error is open");
}
