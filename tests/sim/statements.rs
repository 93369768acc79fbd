//! What the hub asks of its database costs what it is about, however large the catalogue and however long the past: no
//! step goes through a table that grows with them.
//!
//! SQLite chooses a way without knowing how many rows a table has. A list of channels beside a list of SKUs is enough to
//! make it go through every listing of those channels, which no test with ten SKUs takes notice of.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, Value};
use uriba::store::{Store, migrate};
use uriba_sdk::fake::ManualEnv;

/// Tables with a row for each SKU, listing, order or movement.
const GROWING: [&str; 21] = [
    "audit_item",
    "blind",
    "bundle_unit",
    "demand",
    "held",
    "line_event",
    "line_part",
    "listing",
    "mall_item",
    "mall_order",
    "order_line",
    "publication",
    "publication_event",
    "recall",
    "share",
    "sku",
    "stock",
    "stock_balance",
    "stock_count",
    "stock_entry",
    "stock_event",
];

/// Columns that many rows have in common: by one of these alone nothing is found.
const COMMON: [&str; 5] = ["channel=?", "pool=?", "state=?", "due=?", "stocked=?"];

/// What is about a whole channel or the whole catalogue, and comes seldom.
const MEANT: [&str; 3] = [
    // Once a day: what all listings have taught.
    "SUM(usual_orders)",
    // When a channel falls silent, stops, or is back: whatever it sells is weighed again.
    "UPDATE \"stock\" SET \"reconsider_at\" = ?",
    // An empty list, which is asked about once and not of each row.
    "WHERE ? = ?",
];

/// As many as a statement holds.
const MANY: usize = 500;

/// Asks SQLite how it would run each of the statements that the hub was heard with.
pub fn no_step_goes_through_a_table_that_grows(heard: &BTreeSet<String>) {
    assert!(heard.len() > 100, "the hub was listened to: {}", heard.len());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("uriba.db").display());
        let store = Store::open(&url, Arc::new(ManualEnv::new(1))).await.unwrap();
        migrate(&store).await.unwrap();
        let lean = lean_indexes(store.reader()).await;
        let mut found = BTreeSet::new();
        for statement in heard {
            for variant in [statement.clone(), stretched(statement)] {
                let ways = ways(store.reader(), &variant).await.into_iter();
                let through = ways.filter(|way| goes_through(way, statement, &lean));
                found.extend(through.map(|way| format!("{way}\n    {statement}\n")));
            }
        }
        assert!(found.is_empty(), "{} ways go through a table:\n{}", found.len(), Vec::from_iter(found).concat());
    });
}

#[test]
fn a_way_through_a_table_is_recognised() {
    let lean = BTreeSet::from(["ix_lean".to_owned()]);
    let through = |way: &str| goes_through(way, "SELECT 1 FROM order_line l JOIN \"listing\" ON x", &lean);
    assert!(through("SCAN listing") && through("SCAN l"));
    assert!(through("SCAN listing USING COVERING INDEX ix_any"));
    assert!(through("SEARCH l USING INDEX ix_any (channel=?)"));
    assert!(!through("SCAN channel") && !through("SCAN CONSTANT ROW"));
    assert!(!through("SCAN listing USING INDEX ix_lean") && !through("SEARCH l USING INDEX ix_lean (channel=?)"));
    assert!(!through("SEARCH listing USING INDEX ix_any (channel=? AND mall_key=?)"));
    assert_eq!(stretched("a IN (?) AND b = ?").matches('?').count(), MANY + 1);
    assert_eq!(shortened("a IN (?, ?, ?) AND b = ?"), "a IN (?) AND b = ?");
    assert_eq!(shortened("x (VALUES (?, ?), (?, ?)) AS y"), "x (VALUES (?, ?)) AS y");
}

/// How SQLite would run it.
async fn ways(db: &DatabaseConnection, statement: &str) -> Vec<String> {
    let values = vec![Value::BigInt(None); statement.matches('?').count()];
    let asked = format!("EXPLAIN QUERY PLAN {statement}");
    let asked = Statement::from_sql_and_values(db.get_database_backend(), asked, values);
    let rows = db.query_all_raw(asked).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    rows.into_iter().map(|row| row.try_get("", "detail").unwrap()).collect()
}

/// With lists as long as they get.
fn stretched(statement: &str) -> String {
    with_lists(statement, &vec!["?"; MANY].join(", "))
}

/// One of the many that differ only in how much they are about.
pub fn shortened(statement: &str) -> String {
    let statement = with_lists(statement, "?");
    let Some((head, rows)) = statement.split_once("VALUES (") else { return statement };
    let row = rows.split_once(')').map_or("", |(row, _)| row);
    let others = format!(", ({row})");
    let mut rest = &rows[row.len() + 1..];
    while let Some(shorter) = rest.strip_prefix(others.as_str()) {
        rest = shorter;
    }
    format!("{head}VALUES ({row}){rest}")
}

fn with_lists(statement: &str, list: &str) -> String {
    let mut pieces = statement.split("IN (?");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        whole.push_str(&format!("IN ({list}{}", piece.trim_start_matches(", ?")));
    }
    whole
}

/// Those that hold only the rows that somebody looks for.
async fn lean_indexes(db: &DatabaseConnection) -> BTreeSet<String> {
    let asked = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), asked)).await.unwrap();
    rows.into_iter().map(|row| row.try_get("", "name").unwrap()).collect()
}

fn goes_through(way: &str, statement: &str, lean: &BTreeSet<String>) -> bool {
    let words: Vec<&str> = way.split(' ').collect();
    let (kind, table) = (words[0], words.get(1).copied().unwrap_or_default());
    let aliases = aliases(statement);
    let table = aliases.get(table).copied().unwrap_or(table);
    let index = words.iter().position(|word| *word == "INDEX").and_then(|at| words.get(at + 1).copied());
    if MEANT.iter().any(|meant| statement.contains(meant))
        || !GROWING.contains(&table)
        || index.is_some_and(|index| lean.contains(index))
    {
        return false;
    }
    let by = way.rsplit_once('(').map_or("", |(_, by)| by.trim_end_matches(')'));
    kind == "SCAN" || (kind == "SEARCH" && COMMON.contains(&by))
}

/// Short names of growing tables.
fn aliases(statement: &str) -> HashMap<&str, &str> {
    let words: Vec<&str> = statement.split(|c: char| c.is_whitespace() || "(),\"".contains(c)).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty() && *word != "AS").collect();
    let pairs = words.windows(2).filter(|pair| GROWING.contains(&pair[0]));
    pairs.map(|pair| (pair[1], pair[0])).collect()
}
