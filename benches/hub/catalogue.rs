//! Catalogues in which everything is in step; and one changed SKU in a small one and in a large one, three listings to
//! each SKU.
//!
//! A movement of one unit is booked, the targets are recomputed, each of the three channels claims its write.
//! The two catalogues take turns, so that both meet the same disk.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, SqliteConnection};
use uriba::{
    domain::{
        ledger::{Entry, MAIN},
        settle::Exchange,
    },
    store::{publications::Performed, stock::Movement},
};
use uriba_sdk::{MallEntry, Outcome, env::SystemEnv};

use crate::{
    baseline::raw_sqlite,
    report::{Figure, Target, median, millis, quantile},
    setting::{POOL, Pace, SHOP, Scratch, Setting},
};

/// So many SKUs, with a listing of each on every channel.
pub struct Size {
    /// As the measured process is told.
    pub word: &'static str,
    pub skus: usize,
    pub malls: &'static [&'static MallEntry],
}

const THREE: &[&MallEntry] = &[&uriba_rakuten::MALL, &uriba_yahoo::MALL, &uriba_amazon::MALL];
/// Those that take many figures in a request, so that a thousand of them are soon told.
const SIX: &[&MallEntry] = &[
    &uriba_rakuten::MALL,
    &uriba_yahoo::MALL,
    &uriba_rakuten::MALL,
    &uriba_yahoo::MALL,
    &uriba_rakuten::MALL,
    &uriba_yahoo::MALL,
];

pub static SMALL: Size = Size { word: "small", skus: 1_000, malls: THREE };
pub static LARGE: Size = Size { word: "large", skus: 100_000, malls: THREE };
pub static MIDDLING: Size = Size { word: "middling", skus: 10_000, malls: SIX };
pub static HUGE: Size = Size { word: "huge", skus: 1_000_000, malls: SIX };

pub fn size(word: &str) -> Option<&'static Size> {
    [&SMALL, &LARGE, &MIDDLING, &HUGE].into_iter().find(|size| size.word == word)
}

const CHANGES: usize = 400;
const WARM_UP: usize = 50;
const UNITS: i64 = 1_000;
/// The hub leaves so much room behind an SKU's id for those of its listings.
const ROOM: i64 = 16;

/// A database in which everything is in step.
pub struct Catalogue {
    pub scratch: Scratch,
    pub size: &'static Size,
}

impl Catalogue {
    pub fn url(&self) -> String {
        self.scratch.url("hub.db")
    }

    pub async fn open(&self) -> Result<Setting> {
        open(&self.url(), self.size).await
    }
}

/// Opens a catalogue's database with its channels.
pub async fn open(url: &str, size: &Size) -> Result<Setting> {
    let env = std::sync::Arc::new(SystemEnv::new());
    Setting::open(url, env, size.malls, Pace::Strict, Duration::from_secs(60)).await
}

/// Fills a new database by a few large statements.
pub async fn build(size: &'static Size) -> Result<Catalogue> {
    let catalogue = Catalogue { scratch: Scratch::new()?, size };
    let skus = size.skus;
    let setting = catalogue.open().await?;
    let now = setting.env.now().as_microsecond();
    setting.engine.release_leases().await?;
    let mut to = raw_sqlite(&catalogue.scratch.path("hub.db")).await?;
    for sql in [
        "INSERT INTO sku (id, code, created_at) SELECT $sku, printf('sku-%06d', i), $now FROM n",
        "INSERT INTO stock (sku_id, pool, version, computed, due, stocked, changed_at) SELECT $sku, '$pool', 1, 1, 0, 1, $now FROM n",
        "INSERT INTO stock_balance (sku_id, location, bin, quantity) SELECT $sku, '$shop', '$bin', $units FROM n",
    ] {
        fill(&mut to, sql, skus, now).await?;
    }
    for (rank, here) in setting.engine.channels.iter().enumerate() {
        let behind = rank + 1;
        let listing = format!(
            "INSERT INTO listing (id, channel, mall_key, given_key, sku_id, units, state, sells_past_zero, not_ours, priority, created_at) \
             SELECT $sku + {behind}, '{0}', printf('item-%06d', i), printf('item-%06d', i), $sku, 1, 'ready', 0, 0, 0, $now FROM n",
            here.id()
        );
        fill(&mut to, &listing, skus, now).await?;
        let publication = format!(
            "INSERT INTO publication (listing_id, channel, target, target_version, target_at, anchor, anchor_from, anchor_to, \
             applied, sold_since, slack_down, slack_up, checked, absolute_next, corrections, refusals, shown, open_writes, \
             wants, lit, urgency, rank, read_at) \
             SELECT $sku + {behind}, '{0}', $units, 1, $now, $units, $now, $now, 0, 0, 0, 0, 1, 0, 0, 0, $units, 0, 0, 1, 0, 0, $now FROM n",
            here.id()
        );
        fill(&mut to, &publication, skus, now).await?;
    }
    fill(&mut to, "UPDATE channel SET baseline = 'done', watermark = $now + 0 * (SELECT count(*) FROM n)", skus, now)
        .await?;
    Ok(catalogue)
}

async fn fill(to: &mut SqliteConnection, sql: &str, skus: usize, now: i64) -> Result<()> {
    let sql = sql
        .replace("$now", &now.to_string())
        .replace("$sku", &format!("{ROOM} * i"))
        .replace("$units", &UNITS.to_string())
        .replace("$pool", POOL)
        .replace("$shop", SHOP)
        .replace("$bin", MAIN);
    let numbers = format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {skus})");
    sqlx::query(AssertSqlSafe(format!("{numbers} {sql}")))
        .execute(to)
        .await
        .context("the catalogue can't be filled")?;
    Ok(())
}

pub async fn figure(large: &Catalogue) -> Result<Figure> {
    let small = build(&SMALL).await?;
    let (few, many) = (small.open().await?, large.open().await?);
    let (mut in_small, mut in_large) = (Vec::new(), Vec::new());
    for n in 0..WARM_UP + CHANGES {
        // Strides that share no factor with the sizes walk over the whole catalogue.
        let small_change = change(&few, 1 + n * 37 % small.size.skus, n).await?;
        let large_change = change(&many, 1 + n * 1_237 % large.size.skus, n).await?;
        if n >= WARM_UP {
            in_small.push(small_change);
            in_large.push(large_change);
        }
    }
    few.engine.release_leases().await?;
    many.engine.release_leases().await?;
    let tails =
        format!("99 of 100 within {} and {}", millis(quantile(&in_large, 0.99)), millis(quantile(&in_small, 0.99)));
    Ok(Figure {
        name: "one changed SKU of 100,000, median",
        measured: millis(median(&in_large)),
        baseline: format!("{} of 1,000", millis(median(&in_small))),
        value: median(&in_large).as_secs_f64() / median(&in_small).as_secs_f64(),
        target: Target::AtMost(1.5),
        notes: vec![format!("{CHANGES} changes, book + recompute + claim on three channels; {tails}")],
    })
}

/// One unit of one SKU leaves the shop.
async fn change(setting: &Setting, sku_id: usize, n: usize) -> Result<Duration> {
    let began = Instant::now();
    book(setting, &[sku_id], &format!("change/{n}")).await?;
    setting.engine.recompute_all().await?;
    let mut spent = began.elapsed();
    let mut claimed = 0;
    for index in 0..setting.engine.channels.len() {
        let (count, claiming) = tell(setting, index).await?;
        claimed += count;
        spent += claiming;
    }
    ensure!(claimed == setting.engine.channels.len(), "{claimed} writes were claimed for one change on each channel");
    Ok(spent)
}

/// Books one unit out of each SKU, in one transaction.
pub async fn book(setting: &Setting, skus: &[usize], key: &str) -> Result<()> {
    let movement = |sku: &usize| {
        Ok(Movement {
            key: format!("{key}/{sku}"),
            kind: "issue",
            sku_id: ROOM * i64::try_from(*sku)?,
            occurred_at: setting.env.now(),
            source: "benchmark".into(),
            reason: None,
            import_id: None,
            entries: vec![Entry { location: SHOP.into(), bin: MAIN.into(), quantity: -1 }],
        })
    };
    let movements = skus.iter().map(movement).collect::<Result<Vec<_>>>()?;
    let transaction = setting.store.begin().await?;
    setting.store.book(&transaction, movements).await?;
    transaction.commit().await?;
    Ok(())
}

/// One claim of a channel, taken as applied. Returns how many writes it held and how long claiming took.
pub async fn tell(setting: &Setting, channel: usize) -> Result<(usize, Duration)> {
    let here = &setting.engine.channels[channel];
    let lease = here.lease().context("nobody else wants the lease")?;
    let now: Timestamp = setting.env.now();
    let began = Instant::now();
    let Some(claim) = setting.store.claim(&lease, &here.outlet, now).await? else { return Ok((0, began.elapsed())) };
    let (spent, count) = (began.elapsed(), claim.len());
    let outcomes = vec![Outcome::Applied { now: None }; count];
    let exchange = Exchange::new(now, setting.env.now());
    setting.store.settle(&lease, &here.outlet, claim, Performed::Answered(outcomes), exchange).await?;
    Ok((count, spent))
}
