//! "Why is it 3?" of one SKU, with ten million entries in the ledger against ten thousand.
//!
//! Both ledgers span the same 400 days and are of 100 SKUs; entries and snapshots are filled in by bare SQL, as the
//! hub would have made them. Each question is the whole tree: now, and as of an instant 100 days ago in the middle of a day.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use sqlx::Connection;
use uriba::store::{
    Store,
    catalogue::Mapping,
    channels::{ChannelSetup, PoolSetup},
    explain::Question,
    migrate,
    sheets::{Outline, Outlines},
};
use uriba_sdk::{Env, env::SystemEnv};

use crate::{
    baseline::raw_sqlite,
    report::{Figure, Target, median, millis},
    setting::{POOL, SHOP, Scratch, sku},
};

const SKUS: usize = 100;
const DAYS: i64 = 400;
/// In microseconds.
const DAY: i64 = 86_400_000_000;
const SMALL: i64 = 10_000;
const LARGE: i64 = 10_000_000;
/// Entries of one event: a file's piece.
const PER_EVENT: i64 = 10;
const ROWS_PER_TRANSACTION: i64 = 500_000;
const QUESTIONS: usize = 100;
const CHANNEL: &str = "sample";

pub async fn figure() -> Result<Figure> {
    let scratch = Scratch::new()?;
    let small = Ledger::fill(&scratch, "small.db", SMALL).await?;
    let large = Ledger::fill(&scratch, "large.db", LARGE).await?;
    let now = Asked::alternately(&small, &large, None).await?;
    let past = large.store.now() - SignedDuration::from_hours(24 * 100 + 12);
    let past = Asked::alternately(&small, &large, Some(past)).await?;
    Ok(Figure {
        name: "explain",
        measured: millis(now.large),
        baseline: millis(now.small),
        value: now.ratio(),
        target: Target::AtMost(2.0),
        notes: vec![
            format!("{LARGE} against {SMALL} entries of {SKUS} SKUs over {DAYS} days; medians of {QUESTIONS}"),
            format!("100 days ago: {} against {} = {:.3} ×", millis(past.large), millis(past.small), past.ratio()),
        ],
    })
}

struct Asked {
    small: Duration,
    large: Duration,
}

impl Asked {
    /// Both are asked in turns, so that the machine's moods fall on both.
    async fn alternately(small: &Ledger, large: &Ledger, at: Option<Timestamp>) -> Result<Self> {
        let mut spent = [Vec::new(), Vec::new()];
        for n in 0..QUESTIONS {
            for (ledger, spent) in [small, large].into_iter().zip(&mut spent) {
                let began = Instant::now();
                ledger.ask(n % SKUS, at).await?;
                spent.push(began.elapsed());
            }
        }
        Ok(Self { small: median(&spent[0]), large: median(&spent[1]) })
    }

    fn ratio(&self) -> f64 {
        self.large.as_secs_f64() / self.small.as_secs_f64()
    }
}

struct Ledger {
    store: Store,
    outlines: Outlines,
}

impl Ledger {
    async fn fill(scratch: &Scratch, name: &str, entries: i64) -> Result<Self> {
        let env: Arc<dyn Env> = Arc::new(SystemEnv::new());
        let store = Store::open(&scratch.url(name), env).await?;
        migrate(&store).await?;
        let pools = [PoolSetup { id: POOL.into(), locations: vec![SHOP.into()], exposure: None, epsilon: None }];
        let channel = ChannelSetup {
            id: CHANNEL.into(),
            mall: CHANNEL.into(),
            name: CHANNEL.into(),
            pool: POOL.into(),
            live: true,
            review: false,
            allowance: Default::default(),
        };
        store.configure(&pools, &[channel], "benchmark").await?;
        let mapping = |n| Mapping { channel: CHANNEL.into(), mall_key: sku(n), sku: sku(n), ..Mapping::default() };
        store.map_listings(&(0..SKUS).map(mapping).collect::<Vec<_>>(), true, "benchmark").await?;
        insert(&scratch.path(name), entries, store.now()).await?;
        let outlines = [(CHANNEL.to_owned(), Outline::of(&uriba_sample::CARD, Vec::new()))].into();
        Ok(Self { store, outlines })
    }

    async fn ask(&self, n: usize, at: Option<Timestamp>) -> Result<()> {
        let code = sku(n);
        let question = Question { sku: &code, channel: None, at, kept_from: None };
        let tree = self.store.explain(&question, &self.outlines).await?;
        anyhow::ensure!(tree.find("on_hand").is_some_and(|term| term.whole() > Some(0)), "{code} has no figure");
        Ok(())
    }
}

/// One unit each, evenly over the SKUs and the days.
async fn insert(path: &Path, entries: i64, now: Timestamp) -> Result<()> {
    let mut connection = raw_sqlite(path).await?;
    let began = (now - SignedDuration::from_hours(24 * DAYS)).as_microsecond();
    let step = DAYS * DAY / entries;
    let skus = SKUS as i64;
    let numbers = |from: i64, to: i64| {
        format!("WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to})")
    };
    for from in (0..entries).step_by(usize::try_from(ROWS_PER_TRANSACTION)?) {
        let to = (from + ROWS_PER_TRANSACTION).min(entries);
        let mut transaction = connection.begin().await?;
        let events = format!(
            "{} INSERT INTO stock_event (id, idempotency_key, kind, occurred_at, recorded_at, source) \
             SELECT i + 1, 'piece/' || i, 'receipt', {began} + i * {step} * {PER_EVENT}, \
               {began} + i * {step} * {PER_EVENT}, 'delivery ' || i FROM n",
            numbers(from / PER_EVENT, to / PER_EVENT)
        );
        let rows = format!(
            "{} INSERT INTO stock_entry (id, event_id, sku_id, location, bin, quantity, occurred_at, recorded_at) \
             SELECT i + 1, i / {PER_EVENT} + 1, (SELECT id FROM sku WHERE code = printf('sku-%06d', i % {skus})), \
               '{SHOP}', 'main', 1, {began} + i * {step}, {began} + i * {step} FROM n",
            numbers(from, to)
        );
        for sql in [events, rows] {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    }
    let balances = format!(
        "INSERT INTO stock_balance (sku_id, location, bin, quantity) SELECT id, '{SHOP}', 'main', {} FROM sku",
        entries / skus
    );
    let snapshots = format!(
        "INSERT INTO stock_snapshot (sku_id, location, bin, at, quantity, known) \
         SELECT sku_id, location, bin, at, SUM(units) OVER p, SUM(units) OVER p FROM (\
           SELECT sku_id, location, bin, (occurred_at / {DAY} + 1) * {DAY} - 1 AS at, SUM(quantity) AS units \
           FROM stock_entry GROUP BY sku_id, location, bin, at) WHERE at < {} \
         WINDOW p AS (PARTITION BY sku_id, location, bin ORDER BY at)",
        now.as_microsecond()
    );
    // The SKUs are as old as their first entry.
    let known = ["sku", "listing"].map(|table| format!("UPDATE {table} SET created_at = {began}"));
    let stocked = "UPDATE stock SET stocked = TRUE, due = FALSE".to_owned();
    for sql in [snapshots, balances, stocked].into_iter().chain(known) {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}
