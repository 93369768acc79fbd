//! Upgrades over tables that hold rows already, each way, on every database; and two instances that start at
//! the same moment.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

#[path = "it/support/postgres.rs"]
mod postgres;

use std::{collections::BTreeMap, sync::Arc};

use postgres::{Scratch, Server};
use sea_orm::{ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, FromQueryResult, JsonValue, Statement};
use uriba::store::{Store, migrate, pending_migrations};
use uriba_migrations::{Migrator, MigratorTrait};
use uriba_sdk::fake::ManualEnv;

/// sea-orm's own book of what was applied.
const LEDGER: &str = "seaql_migrations";

#[tokio::test]
async fn each_migration_goes_up_over_rows_and_down_again() {
    on_every_database(async |db| {
        let steps = Migrator::migrations().len();
        let mut rows = BTreeMap::new();
        let mut before = Vec::new();
        for step in 1..=steps {
            before.push(tables(db).await);
            Migrator::up(db, Some(1)).await.unwrap_or_else(|error| panic!("step {step} up: {error}"));
            assert_kept(db, &rows, &format!("step {step} up")).await;
            for table in tables(db).await.keys().filter(|table| *table != LEDGER) {
                fill(db, table).await;
            }
            rows = contents(db).await;
            assert!(rows.values().all(|rows| !rows.is_empty()), "each table holds something after step {step}");
        }
        for step in (1..=steps).rev() {
            Migrator::down(db, Some(1)).await.unwrap_or_else(|error| panic!("step {step} down: {error}"));
            let left = tables(db).await;
            if step > 1 {
                assert_eq!(left, before[step - 1], "step {step} down leaves what step {} made", step - 1);
            }
            rows.retain(|table, _| left.contains_key(table));
            assert_kept(db, &rows, &format!("step {step} down")).await;
        }
        let left = tables(db).await;
        assert_eq!(left.keys().map(String::as_str).collect::<Vec<_>>(), [LEDGER], "nothing else is left");
        Migrator::up(db, None).await.expect("and everything can be built again");
    })
    .await;
}

#[tokio::test]
async fn up_twice_is_up_once() {
    on_every_database(async |db| {
        Migrator::up(db, None).await.unwrap();
        let made = tables(db).await;
        Migrator::up(db, None).await.unwrap();
        assert_eq!(tables(db).await, made);
        assert!(Migrator::get_pending_migrations(db).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn looking_at_what_is_pending_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite://{}", folder.path().join("uriba.db").display())).await;
    assert_eq!(pending_migrations(&store).await.unwrap(), Migrator::migrations().len());
    assert!(tables(store.reader()).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_that_migrate_at_once_do_it_once() {
    let folder = tempfile::tempdir().unwrap();
    at_once(&format!("sqlite://{}", folder.path().join("uriba.db").display())).await;
    if let Some(server) = Server::find() {
        for _ in 0..5 {
            let scratch = server.database().await;
            at_once(&scratch.url).await;
            scratch.remove().await;
        }
    }
}

async fn at_once(url: &str) {
    let mut instances = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let store = open(url).await;
        instances.spawn(async move { migrate(&store).await.unwrap() });
    }
    let applied: usize = instances.join_all().await.into_iter().sum();
    assert_eq!(applied, Migrator::migrations().len(), "whoever came first did all of it");
    assert_eq!(pending_migrations(&open(url).await).await.unwrap(), 0);
}

async fn open(url: &str) -> Store {
    Store::open(url, Arc::new(ManualEnv::new(7))).await.unwrap()
}

async fn on_every_database(story: impl AsyncFn(&DatabaseConnection)) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("uriba.db").display());
    story(&Database::connect(url).await.unwrap()).await;
    let Some(server) = Server::find() else { return };
    let scratch: Scratch = server.database().await;
    let db = Database::connect(&scratch.url).await.unwrap();
    story(&db).await;
    db.close().await.unwrap();
    scratch.remove().await;
}

/// Each table with its columns, their types, and its indexes.
async fn tables(db: &DatabaseConnection) -> BTreeMap<String, Vec<String>> {
    let is_postgres = db.get_database_backend() == DatabaseBackend::Postgres;
    let columns = if is_postgres {
        "SELECT table_name AS name, column_name || ' ' || data_type || ' ' || is_nullable AS part \
         FROM information_schema.columns WHERE table_schema = 'public' \
         UNION ALL SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'public'"
    } else {
        "SELECT m.name AS name, c.name || ' ' || c.type || ' ' || c.\"notnull\" AS part \
         FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
         UNION ALL SELECT tbl_name, name FROM sqlite_master WHERE type IN ('index', 'trigger')"
    };
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let statement = Statement::from_string(db.get_database_backend(), columns);
    for row in db.query_all_raw(statement).await.unwrap() {
        let (table, part): (String, String) = (row.try_get("", "name").unwrap(), row.try_get("", "part").unwrap());
        found.entry(table).or_default().push(part);
    }
    found.values_mut().for_each(|parts| parts.sort());
    found
}

/// Puts a row of made-up values into the table, if it holds none.
async fn fill(db: &DatabaseConnection, table: &str) {
    if !rows(db, table).await.is_empty() {
        return;
    }
    let described = &tables(db).await[table];
    let columns = described.iter().filter_map(|part| part.split_once(' '));
    let (names, values): (Vec<_>, Vec<_>) = columns
        .map(|(name, kind)| {
            let kind = kind.to_lowercase();
            let is_text = ["char", "text", "bytea", "blob"].iter().any(|word| kind.contains(word));
            let value = if is_text {
                "'seven'"
            } else if kind.contains("bool") {
                "TRUE"
            } else {
                "7"
            };
            (format!("\"{name}\""), value)
        })
        .unzip();
    let sql = format!("INSERT INTO \"{table}\" ({}) VALUES ({})", names.join(", "), values.join(", "));
    db.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn contents(db: &DatabaseConnection) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for table in tables(db).await.into_keys().filter(|table| table != LEDGER) {
        let rows = rows(db, &table).await;
        all.insert(table, rows);
    }
    all
}

async fn rows(db: &DatabaseConnection, table: &str) -> Vec<String> {
    // By name: a connection remembers how many columns `*` was before the table got another.
    let described = &tables(db).await[table];
    let names = described.iter().filter_map(|part| part.split_once(' ')).map(|(name, _)| format!("\"{name}\""));
    let sql = format!("SELECT {} FROM \"{table}\"", names.collect::<Vec<_>>().join(", "));
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = JsonValue::find_by_statement(statement).all(db).await.unwrap();
    rows.iter().map(JsonValue::to_string).collect()
}

/// What stood in these tables still stands there (a later step may add columns to it).
async fn assert_kept(db: &DatabaseConnection, rows_before: &BTreeMap<String, Vec<String>>, when: &str) {
    let now = contents(db).await;
    for (table, before) in rows_before {
        let now = &now[table];
        assert_eq!(now.len(), before.len(), "{when}: rows of {table}");
        for (now, before) in now.iter().zip(before) {
            let now: BTreeMap<String, JsonValue> = serde_json::from_str(now).unwrap();
            let before: BTreeMap<String, JsonValue> = serde_json::from_str(before).unwrap();
            let lost: Vec<_> =
                before.iter().filter(|(column, value)| now.get(*column).is_some_and(|now| now != *value)).collect();
            assert!(lost.is_empty(), "{when}: {table} has changed: {lost:?}");
        }
    }
}
