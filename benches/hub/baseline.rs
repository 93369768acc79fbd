//! What the figures are compared with: the least that the disk and the loopback interface take.

use std::{
    io::Write,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use uriba_sdk::{
    Env,
    env::{HttpRequest, Method},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

/// How often the disk makes a written page durable.
pub fn flushes_per_second() -> Result<f64> {
    const FLUSHES: u32 = 300;
    let mut file = tempfile::tempfile()?;
    let page = [7_u8; 4_096];
    file.write_all(&page)?;
    file.sync_all()?;
    let began = Instant::now();
    for _ in 0..FLUSHES {
        file.write_all_at(&page, 0)?;
        file.sync_data()?;
    }
    Ok(f64::from(FLUSHES) / began.elapsed().as_secs_f64())
}

/// A connection to a SQLite file as the hub opens its own, and nothing in between.
pub async fn raw_sqlite(path: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("temp_store", "memory")
        .pragma("cache_size", "-16000")
        .disable_statement_logging();
    Ok(options.connect().await?)
}

/// One durable commit of one row.
pub struct Commit {
    connection: SqliteConnection,
}

impl Commit {
    pub async fn open(path: &Path) -> Result<Self> {
        let mut connection = raw_sqlite(path).await?;
        sqlx::query("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT NOT NULL)").execute(&mut connection).await?;
        Ok(Self { connection })
    }

    pub async fn once(&mut self) -> Result<Duration> {
        let began = Instant::now();
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT INTO row (text) VALUES (?)").bind("one order line").execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(began.elapsed())
    }
}

/// One exchange over the loopback interface, with the client that also talks to the malls.
pub struct Exchange {
    env: Arc<dyn Env>,
    server: MockServer,
}

impl Exchange {
    pub async fn open(env: Arc<dyn Env>) -> Self {
        let server = MockServer::builder().disable_request_recording().start().await;
        Mock::given(matchers::method("POST")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
        Self { env, server }
    }

    pub async fn once(&self) -> Result<Duration> {
        let mut request = HttpRequest::new(Method::POST, self.server.uri());
        request.body = b"item_code=one&quantity=1".to_vec();
        let began = Instant::now();
        let answer = self.env.send(request).await.context("the loopback exchange failed")?;
        let spent = began.elapsed();
        ensure!(answer.status == 204, "the loopback exchange was answered with {}", answer.status);
        Ok(spent)
    }
}
