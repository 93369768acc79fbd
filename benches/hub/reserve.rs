//! Reservations per second over the real HTTP API, on SQLite with commits that reach the disk.
//!
//! Beside it stand a client that reserves on a file of its own with nothing in between (`BEGIN IMMEDIATE`,
//! `SELECT`, `UPDATE`, `INSERT`, `COMMIT`), and the same crowd at the same server's empty handler.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use jiff::{civil::Time, tz::TimeZone};
use sqlx::{Connection, Row};
use tokio_util::sync::CancellationToken;
use uriba::{
    api::{self, ApiState, Core},
    domain::{business_day::BusinessDays, ledger::CountsShipments},
    engine::Engine,
    store::{
        Store,
        channels::{ChannelSetup, PoolSetup},
        core_files::CoreRules,
        migrate,
        sheets::Outlines,
    },
};
use uriba_sdk::env::SystemEnv;

use crate::{
    baseline::raw_sqlite,
    load::{Client, Crowd, crowd, request},
    report::{Figure, Target, millis},
    setting::{POOL, SHOP, Scratch, sku},
};

const LENGTH: Duration = Duration::from_secs(4);
const PLENTY: i64 = 100_000_000;
const FEW: i64 = 1_000;
const SKUS: usize = 10_000;
const LONG: usize = 1_000_000;

pub async fn figures() -> Result<Vec<Figure>> {
    let shop = Shop::open(1, PLENTY).await?;
    let mut hot = Vec::new();
    for clients in [8, 32, 256] {
        hot.push((clients, shop.reserve(clients, LENGTH, hot_cart).await?));
    }
    let empty = shop.nothing(256).await?;
    let granted: usize = hot.iter().map(|(_, crowd)| crowd.granted).sum();
    shop.adds_up(granted).await?;
    let alone = alone().await?;
    let mut notes: Vec<String> = hot.iter().map(|(clients, crowd)| line(*clients, crowd)).collect();
    notes.push(last_ones().await?);
    notes.extend(many_skus().await?);
    notes.push(beside_an_import().await?);
    notes.push(beside_a_long_import().await?);
    let (at_32, at_256) = (hot[1].1.granted_per_second(), hot[2].1.granted_per_second());
    let per_second = |figure: f64| format!("{figure:.0}/s");
    Ok(vec![
        Figure {
            name: "reservations, one SKU, 32 clients",
            measured: per_second(at_32),
            baseline: per_second(alone),
            value: at_32 / alone,
            target: Target::AtLeast(5.0),
            notes,
        },
        Figure {
            name: "reservations, one SKU, 256 clients",
            measured: per_second(at_256),
            baseline: per_second(empty.per_second()),
            value: at_256 / empty.per_second(),
            target: Target::AtLeast(0.3),
            notes: vec![format!(
                "the empty handler: p50 {}, p99 {}",
                millis(empty.quantile(0.5)),
                millis(empty.quantile(0.99))
            )],
        },
    ])
}

fn line(clients: usize, crowd: &Crowd) -> String {
    let busy = if crowd.busy > 0 { format!(", {} sent away as busy", crowd.busy) } else { String::new() };
    format!(
        "{clients} clients: {:.0} reservations/s, p50 {}, p99 {}{busy}",
        crowd.granted_per_second(),
        millis(crowd.quantile(0.5)),
        millis(crowd.quantile(0.99)),
    )
}

/// A storefront on a served hub: engine, API, a pool with one location.
struct Shop {
    store: Store,
    address: SocketAddr,
    token: String,
    stop: CancellationToken,
    scratch: Scratch,
}

impl Shop {
    async fn open(skus: usize, units: i64) -> Result<Self> {
        let scratch = Scratch::new()?;
        let store = Store::open(&scratch.url("hub.db"), Arc::new(SystemEnv::new())).await?;
        migrate(&store).await?;
        let pools = [PoolSetup { id: POOL.into(), locations: vec![SHOP.into()], exposure: None, epsilon: None }];
        let web = ChannelSetup {
            id: "web".into(),
            mall: "storefront".into(),
            name: "web".into(),
            pool: POOL.into(),
            live: true,
            review: false,
            allowance: Default::default(),
        };
        store.configure(&pools, &[web], "benchmark").await?;
        let days = BusinessDays { zone: TimeZone::UTC, starts: Time::midnight() };
        store.set_core(&CoreRules { days, counts: Some(CountsShipments::AtOnce) }).await?;
        let token = store.create_token("benchmark", &["admin"], "benchmark").await?;
        let core = Core { history_days: 400, ..Core::default() };
        let state = ApiState::new(store.clone(), Outlines::new(), core, api::install_metrics());
        let listener = api::listen("127.0.0.1:0".parse()?).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let engine = Arc::new(Engine::open(store.clone(), Vec::new()).await?);
        tokio::spawn(engine.run(stop.clone()));
        tokio::spawn(api::serve_on(listener, state, stop.clone()));
        let shop = Self { store, address, token, stop, scratch };
        shop.book(skus, units).await?;
        Ok(shop)
    }

    /// Sets the stock of the first SKUs, as a core system's file does.
    async fn book(&self, skus: usize, units: i64) -> Result<()> {
        let mut csv = "location,sku,quantity\n".to_owned();
        for n in 0..skus {
            csv.push_str(&format!("{SHOP},{},{units}\n", sku(n)));
        }
        let mut client = Client::connect(self.address).await?;
        let status = client.exchange(&request("POST", "/v1/stock/imports?kind=book", &self.token, &csv)).await?;
        ensure!(status == 200, "the book was answered with {status}");
        Ok(())
    }

    /// `cart`: the lines of a client's n-th cart.
    async fn reserve(&self, clients: usize, length: Duration, cart: fn(usize, usize) -> String) -> Result<Crowd> {
        let (token, run) = (self.token.clone(), self.store.id());
        crowd(self.address, clients, length, move |client, n| {
            let lines = cart(client, n);
            let body = format!(r#"{{"id":"{run}-{client}-{n}","channel":"web","lines":[{lines}],"ttl_seconds":900}}"#);
            request("POST", "/v1/reservations", &token, &body)
        })
        .await
    }

    async fn nothing(&self, clients: usize) -> Result<Crowd> {
        let token = self.token.clone();
        crowd(self.address, clients, LENGTH, move |_, _| request("GET", "/healthz", &token, "")).await
    }

    /// What was granted is what is held, and the hub finds nothing wrong with itself.
    async fn adds_up(&self, granted: usize) -> Result<()> {
        let mut file = raw_sqlite(&self.scratch.path("hub.db")).await?;
        let held = "SELECT COALESCE(SUM(quantity), 0) FROM held";
        let held: i64 = sqlx::query(held).fetch_one(&mut file).await?.get(0);
        ensure!(held == granted as i64, "{granted} units were granted, {held} are held");
        let report = self.store.verify(&Default::default()).await?;
        ensure!(!report.is_broken(), "an invariant is broken:\n{report}");
        Ok(())
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn hot_cart(_client: usize, _n: usize) -> String {
    format!(r#"{{"sku":"{}","quantity":1}}"#, sku(0))
}

/// One to three lines of one unit each.
fn wide_cart(client: usize, n: usize) -> String {
    let first = (client * 7_919 + n * 104_729) % SKUS;
    let lines = (0..=(client + n) % 3).map(|line| (first + line * 3_331) % SKUS);
    lines.map(|n| format!(r#"{{"sku":"{}","quantity":1}}"#, sku(n))).collect::<Vec<_>>().join(",")
}

/// Everybody wants one of a few.
async fn last_ones() -> Result<String> {
    let shop = Shop::open(1, FEW).await?;
    let crowd = shop.reserve(64, LENGTH, hot_cart).await?;
    ensure!(crowd.granted as i64 == FEW, "{} were granted of {FEW}", crowd.granted);
    shop.adds_up(crowd.granted).await?;
    let (granted, refused) = (crowd.granted, crowd.refused);
    Ok(format!("{FEW} units, 64 clients: {granted} granted, {refused} refused, 0 oversold"))
}

async fn many_skus() -> Result<Vec<String>> {
    let shop = Shop::open(SKUS, PLENTY).await?;
    let mut notes = Vec::new();
    for clients in [32, 256] {
        let crowd = shop.reserve(clients, LENGTH, wide_cart).await?;
        notes.push(format!("{SKUS} SKUs, 1 to 3 lines, {}", line(clients, &crowd)));
    }
    let report = shop.store.verify(&Default::default()).await?;
    ensure!(!report.is_broken(), "an invariant is broken:\n{report}");
    Ok(notes)
}

/// Books of all SKUs come in one after the other, each with other figures.
async fn beside_an_import() -> Result<String> {
    let shop = Arc::new(Shop::open(SKUS, PLENTY).await?);
    let importing = {
        let shop = shop.clone();
        tokio::spawn(async move {
            let (began, mut books) = (Instant::now(), 0_i64);
            while began.elapsed() < LENGTH {
                books += 1;
                shop.book(SKUS, PLENTY + books).await?;
            }
            anyhow::Ok(books)
        })
    };
    let crowd = shop.reserve(32, LENGTH, wide_cart).await?;
    let books = importing.await??;
    let mut file = raw_sqlite(&shop.scratch.path("hub.db")).await?;
    let drift = "SELECT count(*) FROM stock_balance WHERE quantity <> ?";
    let drift: i64 = sqlx::query(drift).bind(PLENTY + books).fetch_one(&mut file).await?.get(0);
    ensure!(drift == 0, "{drift} SKUs are not what the last book says");
    let report = shop.store.verify(&Default::default()).await?;
    ensure!(!report.is_broken(), "an invariant is broken:\n{report}");
    Ok(format!("while {books} books of {SKUS} rows came in, drift 0, {}", line(32, &crowd)))
}

/// One book of a million rows, nearly all of SKUs that nobody reserves.
async fn beside_a_long_import() -> Result<String> {
    let shop = Arc::new(Shop::open(SKUS, PLENTY).await?);
    let importing = {
        let shop = shop.clone();
        tokio::spawn(async move { shop.book(LONG, PLENTY).await })
    };
    let crowd = shop.reserve(32, 3 * LENGTH, wide_cart).await?;
    ensure!(!importing.is_finished(), "the book was in before the crowd had gone");
    importing.await??;
    let report = shop.store.verify(&Default::default()).await?;
    ensure!(!report.is_broken(), "an invariant is broken:\n{report}");
    Ok(format!("while one book of {LONG} rows came in, {}", line(32, &crowd)))
}

/// Reservations per second of one client with a file of its own.
async fn alone() -> Result<f64> {
    let scratch = Scratch::new()?;
    let mut file = raw_sqlite(&scratch.path("alone.db")).await?;
    sqlx::query("CREATE TABLE stock (sku TEXT PRIMARY KEY, available INTEGER NOT NULL)").execute(&mut file).await?;
    sqlx::query("CREATE TABLE reservation (id TEXT PRIMARY KEY, sku TEXT NOT NULL, quantity INTEGER NOT NULL)")
        .execute(&mut file)
        .await?;
    sqlx::query("INSERT INTO stock (sku, available) VALUES ('hot', ?)").bind(PLENTY).execute(&mut file).await?;
    let began = Instant::now();
    let mut done = 0_u32;
    while began.elapsed() < LENGTH {
        let mut transaction = file.begin_with("BEGIN IMMEDIATE").await?;
        let row = sqlx::query("SELECT available FROM stock WHERE sku = 'hot'").fetch_one(&mut *transaction).await?;
        let available: i64 = row.get(0);
        ensure!(available > 0, "there is plenty");
        sqlx::query("UPDATE stock SET available = available - 1 WHERE sku = 'hot'").execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO reservation (id, sku, quantity) VALUES (?, 'hot', 1)")
            .bind(format!("reservation-{done}"))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await.context("the commit failed")?;
        done += 1;
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}
