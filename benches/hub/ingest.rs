//! Durable order lines per second, through facts and recompute.
//!
//! The baseline writes what the hub's tables hold afterwards (orders, lines, their parts and events, unshipped
//! and stock) into an empty database of the same schema: bare SQL, 500 rows a statement, one transaction a
//! page. It decides nothing and reads nothing, and it leaves the targets out that the hub computed.

use std::{
    collections::HashMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Column, Connection, Row, SqliteConnection, TypeInfo, ValueRef};
use uriba::store::{Store, intake::Page, migrate};
use uriba_sdk::{Counter, Env, FulfilledBy, Line, Order, Reading, Restored, env::SystemEnv};

use crate::{
    baseline::raw_sqlite,
    report::{Figure, Target},
    setting::{Pace, Scratch, Setting},
};

const LISTINGS: usize = 5_000;
const UNITS: i64 = 50_000;
const PAGES: usize = 20;
const ORDERS_PER_PAGE: usize = 1_000;
const ROWS_PER_STATEMENT: usize = 500;
/// Hub and baseline take turns so often; the run whose ratio is the median counts.
const TURNS: usize = 3;
const TABLES: [&str; 6] = ["mall_order", "order_line", "line_part", "line_event", "unshipped", "stock"];

pub async fn figure() -> Result<Figure> {
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        turns.push(turn().await?);
    }
    turns.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    let all = turns.iter().map(|turn| format!("{:.3}", turn.ratio())).collect::<Vec<_>>().join(", ");
    let middle = &turns[TURNS / 2];
    let per_second = |length: Duration| format!("{:.0} lines/s", middle.lines as f64 / length.as_secs_f64());
    Ok(Figure {
        name: "ingest",
        measured: per_second(middle.facts + middle.recompute),
        baseline: per_second(middle.raw),
        value: middle.ratio(),
        target: Target::AtLeast(0.3),
        notes: vec![
            format!(
                "{} lines of {} orders over {LISTINGS} listings; ratios {all}",
                middle.lines,
                PAGES * ORDERS_PER_PAGE
            ),
            format!("facts {:.2?}, recompute {:.2?}; bare {:.2?}", middle.facts, middle.recompute, middle.raw),
        ],
    })
}

struct Turn {
    lines: usize,
    facts: Duration,
    recompute: Duration,
    raw: Duration,
}

impl Turn {
    fn ratio(&self) -> f64 {
        self.raw.as_secs_f64() / (self.facts + self.recompute).as_secs_f64()
    }
}

async fn turn() -> Result<Turn> {
    let scratch = Scratch::new()?;
    let env = Arc::new(SystemEnv::new());
    let malls = [&uriba_rakuten::MALL];
    let url = scratch.url("hub.db");
    let setting = Setting::open(&url, env.clone(), &malls, Pace::Strict, Duration::from_secs(60)).await?;
    setting.list(LISTINGS, UNITS).await?;
    read_all(&setting).await?;
    setting.engine.recompute_all().await?;
    let pages = pages(&setting);
    let here = setting.engine.channels[0].clone();
    let lease = here.lease().context("nobody else wants the lease")?;
    let mut turn = Turn { lines: 0, facts: Duration::ZERO, recompute: Duration::ZERO, raw: Duration::ZERO };
    for orders in &pages {
        let page = Page { orders, read_at: env.now(), ..Page::default() };
        let began = Instant::now();
        turn.lines += setting.store.take_in(&lease, &here.intake, page).await?.lines;
        let computing = Instant::now();
        setting.engine.recompute_all().await?;
        turn.facts += computing - began;
        turn.recompute += computing.elapsed();
    }
    setting.store.reader().clone().close().await?;
    turn.raw = bare(&scratch, env).await?;
    Ok(turn)
}

/// The mall shows what was counted, so the listings' figures are known when orders come in.
async fn read_all(setting: &Setting) -> Result<()> {
    let here = &setting.engine.channels[0];
    let lease = here.lease().context("nobody else wants the lease")?;
    while setting.number("SELECT count(*) FROM publication WHERE NOT checked").await? > 0 {
        let wanted = setting.store.to_read(here.id(), setting.env.now(), 1_000).await?;
        if wanted.is_empty() {
            let fresh = setting.store.new_listings(here.id(), 1_000).await?;
            let keys: Vec<String> = fresh.iter().map(|row| row.given_key.clone()).collect();
            let resolved = here.line().mall.resolve(&keys).await?;
            let keys = fresh.iter().map(|row| row.id).zip(resolved).collect();
            setting.store.keys_resolved(&lease, here.id(), keys).await?;
            continue;
        }
        let now = setting.env.now();
        let counter = Counter { quantity: Some(UNITS), sells_past_zero: false, not_ours: false };
        let readings: Vec<_> =
            wanted.into_iter().map(|(id, key)| (id, Reading { key: key.key, found: Some(counter) })).collect();
        let exchange = uriba::domain::settle::Exchange::new(now, now);
        setting.store.take_readings(&lease, &here.outlet, &readings, exchange).await?;
    }
    Ok(())
}

/// Orders of one to three lines, spread evenly over all listings in an order that looks like chance.
fn pages(setting: &Setting) -> Vec<Vec<Order>> {
    let shop = &setting.shops[0];
    let began = setting.env.now() + SignedDuration::from_secs(10);
    let mut chance = 1_u64;
    let mut draw = move |below: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) as usize % below
    };
    let mut order = |number: usize| {
        let first = draw(LISTINGS);
        let keys = (0..=draw(3)).map(|n| shop.mall_key((first + n * 1_667) % LISTINGS));
        let lines = keys.enumerate().map(|(n, key)| line(n, key, 1 + draw(2) as u32)).collect();
        let placed_at = began + SignedDuration::from_millis(number as i64);
        order(number, placed_at, lines)
    };
    (0..PAGES).map(|page| (0..ORDERS_PER_PAGE).map(|n| order(page * ORDERS_PER_PAGE + n)).collect()).collect()
}

fn order(number: usize, placed_at: Timestamp, lines: Vec<Line>) -> Order {
    Order {
        id: format!("400001-20261124-{number:08}"),
        family: None,
        revision: None,
        placed_at,
        updated_at: None,
        fulfilled_by: FulfilledBy::Seller,
        lines,
    }
}

fn line(n: usize, mall_key: String, ordered: u32) -> Line {
    Line {
        id: (n + 1).to_string(),
        mall_key: Some(mall_key),
        ordered,
        cancelled: 0,
        shipped: 0,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    }
}

/// How long bare SQL takes for the rows that the hub left behind.
async fn bare(scratch: &Scratch, env: Arc<dyn Env>) -> Result<Duration> {
    let mut from = raw_sqlite(&scratch.path("hub.db")).await?;
    let mut tables = Vec::new();
    for name in TABLES {
        tables.push(Table::load(&mut from, name).await?);
    }
    from.close().await?;
    let fresh = Store::open(&scratch.url("bare.db"), env).await?;
    migrate(&fresh).await?;
    drop(fresh);
    write(&scratch.path("bare.db"), &tables).await
}

async fn write(path: &Path, tables: &[Table]) -> Result<Duration> {
    let mut to = raw_sqlite(path).await?;
    let mut sql = HashMap::new();
    let began = Instant::now();
    for page in 0..PAGES {
        let mut transaction = to.begin_with("BEGIN IMMEDIATE").await?;
        for table in tables {
            for rows in table.page(page).chunks(ROWS_PER_STATEMENT) {
                let statement = sql.entry((table.name, rows.len())).or_insert_with(|| table.insert(rows.len()));
                let mut query = sqlx::query(AssertSqlSafe(statement.as_str()));
                for cell in rows.iter().flatten() {
                    query = match cell {
                        Cell::Nothing => query.bind(None::<i64>),
                        Cell::Number(number) => query.bind(*number),
                        Cell::Text(text) => query.bind(text.as_str()),
                    };
                }
                query.execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await?;
    }
    Ok(began.elapsed())
}

/// A table's rows in the order in which they were made.
struct Table {
    name: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

enum Cell {
    Nothing,
    Number(i64),
    Text(String),
}

impl Table {
    async fn load(from: &mut SqliteConnection, name: &'static str) -> Result<Self> {
        let found = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {name} ORDER BY rowid"))).fetch_all(from).await?;
        let first = found.first().with_context(|| format!("the hub wrote nothing into {name}"))?;
        let columns = first.columns().iter().map(|column| column.name().to_owned()).collect();
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.push((0..row.len()).map(|index| cell(row, index)).collect::<Result<_>>()?);
        }
        Ok(Self { name, columns, rows })
    }

    /// An equal share for each page.
    fn page(&self, page: usize) -> &[Vec<Cell>] {
        let share = |page: usize| self.rows.len() * page / PAGES;
        &self.rows[share(page)..share(page + 1)]
    }

    fn insert(&self, rows: usize) -> String {
        let places = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let columns = self.columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
        format!("INSERT INTO {} ({columns}) VALUES {}", self.name, vec![places.as_str(); rows].join(", "))
    }
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
