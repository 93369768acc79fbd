//! `uriba db`: schema, copies, and putting one back.

use sea_orm::{ConnectionTrait, Database};
use uriba::store::sheets::{AttentionSheet, ChannelSheet, TokenSheet};

use super::Place;

#[test]
fn a_fresh_database_is_brought_up_to_date_by_itself() {
    let place = Place::with_one_channel();
    assert_eq!(place.fine("db status"), "sqlite://uriba.db: nothing in it yet\n");
    place.fine("channel list");
    assert_eq!(place.fine("db status"), "sqlite://uriba.db: the schema is up to date\n");
    assert_eq!(place.fine("db migrate"), "the schema is up to date already\n");
}

#[tokio::test]
async fn a_database_of_an_older_version_asks_to_be_migrated() {
    let place = Place::with_one_channel();
    place.fine("channel list");
    let url = format!("sqlite://{}", place.path().join("uriba.db").display());
    let db = Database::connect(&url).await.unwrap();
    // As it was before the newest migration.
    db.execute_unprepared("DELETE FROM seaql_migrations WHERE version = (SELECT MAX(version) FROM seaql_migrations)")
        .await
        .unwrap();
    db.close().await.unwrap();
    let ran = place.run("channel list");
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("run `uriba db migrate`"), "{}", ran.err);
    assert!(place.fine("db status").contains("1 migration missing: run `uriba db migrate`"));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let place = Place::with_one_channel();
    place.fine("channel list");
    let url = format!("sqlite://{}", place.path().join("uriba.db").display());
    let db = Database::connect(&url).await.unwrap();
    db.execute_unprepared("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_tomorrow', 0)")
        .await
        .unwrap();
    db.close().await.unwrap();
    let ran = place.run("channel list");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("the database is of a newer version of uriba than this one"), "{}", ran.err);
}

#[test]
fn a_copy_is_put_back_and_everything_stands_still() {
    let place = Place::with_one_channel();
    place.fine("token create before --scope read");
    place.fine("db backup copy.db");
    assert_eq!(place.run("db backup copy.db").code, 3, "a copy is never overwritten");
    place.fine("token create after --scope read");
    let out = place.fine("db restore copy.db");
    assert!(out.starts_with("restored from copy.db; 1 channel suspended"), "{out}");
    let tokens: Vec<TokenSheet> = place.json("token list");
    assert_eq!(tokens.iter().map(|token| token.name.as_str()).collect::<Vec<_>>(), ["before"]);
    let sheets: Vec<ChannelSheet> = place.json("channel list");
    assert_eq!(sheets[0].suspend.as_ref().map(|suspend| suspend.mode.as_str()), Some("freeze"));
    let items: Vec<AttentionSheet> = place.json("attention list");
    assert_eq!(items[0].kind, "restored");
}

#[test]
fn a_file_that_is_no_database_replaces_nothing() {
    let place = Place::with_one_channel().and("junk", "this is no database, but it is long enough to be one");
    place.fine("token create kept --scope read");
    let ran = place.run("db restore junk");
    assert_eq!((ran.code, ran.err.as_str()), (1, "uriba: junk is no SQLite database; nothing was changed\n"));
    assert_eq!(place.run("db restore missing.db").code, 1);
    assert_eq!(place.json::<Vec<TokenSheet>>("token list").len(), 1);
}

#[test]
fn a_running_service_is_not_restored_under() {
    let place = Place::with_one_channel();
    place.fine("db backup copy.db");
    let mut service = place.serve("");
    let ran = place.run("db restore copy.db");
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains(&format!("is in use by uriba serve (process {}", service.id())), "{}", ran.err);
    service.stop("TERM");
    place.fine("db restore copy.db");
}
