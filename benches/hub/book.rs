//! A book of a million rows: how fast it is booked, and how much memory that takes.
//!
//! A process of its own takes the file in, so that nothing of the other measurements is in its memory. The
//! baseline writes the rows that the import left behind into an empty database of the same schema: bare SQL,
//! 500 rows a statement, one transaction for as many file rows as the hub takes per transaction. It decides
//! nothing and reads nothing.

use std::{
    collections::HashMap,
    io::Write,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use jiff::{civil::Time, tz::TimeZone};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, TypeInfo, ValueRef};
use uriba::{
    domain::{business_day::BusinessDays, ledger::CountsShipments},
    engine::{
        braked::Guard,
        import::{CoreFile, FileKind, ImportState, Profile, Terms, import_file},
    },
    store::{Store, channels::PoolSetup, core_files::CoreRules, imports::PIECE, migrate},
};
use uriba_sdk::env::SystemEnv;

use crate::{
    baseline::raw_sqlite,
    footprint::resident,
    report::{Figure, Target},
    setting::{POOL, SHOP, Scratch},
};

/// The argument by which the benchmark starts itself.
pub const CHILD: &str = "book-of";
const ROWS: usize = 1_000_000;
const TABLES: [&str; 6] = ["sku", "stock", "stock_event", "stock_entry", "stock_balance", "stock_count"];

pub async fn figure() -> Result<Figure> {
    let scratch = Scratch::new()?;
    let file = scratch.path("book.csv");
    write_book(&file)?;
    let output = Command::new(std::env::current_exe()?).arg(CHILD).arg(scratch.path("hub.db")).arg(&file).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the measured process failed: {}", String::from_utf8_lossy(&output.stderr));
    let mut numbers = said.split_whitespace().map(str::parse::<f64>);
    let mut number = || numbers.next().context("the measured process said too little")?.context("it said no number");
    let (hub, opened, highest) = (number()?, number()?, number()?);
    let bare = bare(&scratch).await?.as_secs_f64();
    let per_second = |seconds: f64| format!("{:.0} rows/s", ROWS as f64 / seconds);
    Ok(Figure {
        name: "book of 1,000,000 rows",
        measured: per_second(hub),
        baseline: per_second(bare),
        value: bare / hub,
        target: Target::AtLeast(0.3),
        notes: vec![
            format!("{hub:.1} s against {bare:.1} s for the {} tables' rows alone", TABLES.len()),
            format!("resident: {opened:.0} MB when opened, {highest:.0} MB at the highest (target: below 200 MB)"),
        ],
    })
}

/// The measured process: says the seconds that the import took, and its memory when opened and at its highest.
pub async fn child(database: &str, file: &str) -> Result<()> {
    let store = Store::open(&format!("sqlite://{database}"), Arc::new(SystemEnv::new())).await?;
    migrate(&store).await?;
    store
        .configure(
            &[PoolSetup { id: POOL.into(), locations: vec![SHOP.into()], exposure: None, epsilon: None }],
            &[],
            "benchmark",
        )
        .await?;
    let days = BusinessDays { zone: TimeZone::UTC, starts: Time::midnight() };
    store.set_core(&CoreRules { days, counts: Some(CountsShipments::AtOnce) }).await?;
    let opened = resident("VmRSS")?;
    let began = Instant::now();
    let bytes = std::fs::read(file)?;
    let book = CoreFile {
        kind: FileKind::Book,
        name: "book.csv",
        bytes: &bytes,
        as_of: None,
        date: None,
        profile: &Profile::default(),
        channel: None,
        guard: &Guard::default(),
        dry_run: false,
        skip_invalid: false,
        create_skus: false,
        by: "benchmark",
        terms: &Terms::default(),
        progress: None,
    };
    let report = import_file(&store, &book).await?;
    ensure!(report.state == ImportState::Booked && report.booked == ROWS as u64, "not all was booked: {report:?}");
    println!("{} {opened} {}", began.elapsed().as_secs_f64(), resident("VmHWM")?);
    Ok(())
}

fn write_book(path: &Path) -> Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "location,sku,quantity,name")?;
    for n in 0..ROWS {
        writeln!(file, "{SHOP},SKU-{n:08},{},品物の名前 {n}", n % 97)?;
    }
    Ok(file.flush()?)
}

/// How long bare SQL takes for the rows that the hub left behind.
async fn bare(scratch: &Scratch) -> Result<Duration> {
    let fresh = Store::open(&scratch.url("bare.db"), Arc::new(SystemEnv::new())).await?;
    migrate(&fresh).await?;
    drop(fresh);
    let mut from = raw_sqlite(&scratch.path("hub.db")).await?;
    let mut to = raw_sqlite(&scratch.path("bare.db")).await?;
    let mut spent = Duration::ZERO;
    let mut statements = HashMap::new();
    let mut after = [i64::MIN; TABLES.len()];
    for _ in 0..ROWS.div_ceil(PIECE) {
        let mut tables = Vec::with_capacity(TABLES.len());
        for (name, after) in TABLES.into_iter().zip(&mut after) {
            tables.push((name, load(&mut from, name, after).await?));
        }
        let began = Instant::now();
        let mut transaction = to.begin_with("BEGIN IMMEDIATE").await?;
        for (name, rows) in tables.iter().filter(|(_, rows)| !rows.is_empty()) {
            let sql = statements.entry((*name, rows.len())).or_insert_with(|| insert(name, rows));
            let mut query = sqlx::query(AssertSqlSafe(sql.as_str()));
            for cell in rows.iter().flatten() {
                query = match cell {
                    Cell::Nothing => query.bind(None::<i64>),
                    Cell::Number(number) => query.bind(*number),
                    Cell::Text(text) => query.bind(text.as_str()),
                };
            }
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        spent += began.elapsed();
    }
    Ok(spent)
}

enum Cell {
    Nothing,
    Number(i64),
    Text(String),
}

/// The next rows of a table, in the order in which they were made.
async fn load(from: &mut SqliteConnection, name: &str, after: &mut i64) -> Result<Vec<Vec<Cell>>> {
    let sql = format!("SELECT rowid AS at, * FROM {name} WHERE rowid > ? ORDER BY rowid LIMIT {PIECE}");
    let found = sqlx::query(AssertSqlSafe(sql.as_str())).bind(*after).fetch_all(from).await?;
    if let Some(last) = found.last() {
        *after = last.try_get_unchecked(0)?;
    }
    found.iter().map(|row| (1..row.len()).map(|index| cell(row, index)).collect()).collect()
}

fn cell(row: &sqlx::sqlite::SqliteRow, index: usize) -> Result<Cell> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Cell::Nothing);
    }
    Ok(match raw.type_info().name() {
        "TEXT" => Cell::Text(row.try_get(index)?),
        _ => Cell::Number(row.try_get_unchecked(index)?),
    })
}

fn insert(name: &str, rows: &[Vec<Cell>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let places = format!("({})", vec!["?"; columns].join(", "));
    format!("INSERT INTO {name} VALUES {}", vec![places.as_str(); rows.len()].join(", "))
}
