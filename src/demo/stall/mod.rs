//! `uriba adapter fake NAME`: one made-up shop, open for somebody's own hub to be tried on.
//!
//! It keeps the mall's format and quotas, in real time. Its [`papers`] are what a seller needs to connect a hub;
//! [`customers`] buy what it shows. Every request and every figure that changes is told, a line each.

mod customers;
mod papers;

use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;
use uriba_sdk::{
    Env, MallEntry, SystemEnv,
    fake::{Answered, FakeMall, FakeOptions, Item, Meters},
};

use super::{screen::put, told_to_end};
use crate::malls::MALLS;
use customers::Customers;
use papers::Papers;

/// Each mall has a port of its own from here on, so that a shop that opens again is found where it was.
const FIRST_PORT: u16 = 8481;
/// Figures also change by themselves, where a write takes effect later: they are looked at so often.
const LOOK: Duration = Duration::from_millis(100);
const SECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(0));

pub struct StallOptions {
    pub mall: &'static MallEntry,
    /// `None`: on the mall's port of the loopback interface.
    pub listen: Option<SocketAddr>,
    pub items: usize,
    /// Units of each item in the seller's book. The shop shows none of them until a hub tells it to.
    pub stock: u32,
    /// Where the seller's papers are laid down; `None`: `fake-NAME` in the working directory.
    pub directory: Option<PathBuf>,
    /// `None`: nobody buys.
    pub orders_per_minute: Option<f64>,
}

#[derive(Debug, thiserror::Error)]
pub enum StallError {
    #[error("{0} is not an address of this machine alone: a made-up shop serves on 127.0.0.1 or [::1]")]
    Outside(SocketAddr),
    #[error("{0} can't be listened on: {1}; --listen names another address, as in 127.0.0.1:0")]
    Listen(SocketAddr, io::Error),
    #[error("{0} can't be written: {1}; --dir names another directory")]
    File(PathBuf, io::Error),
    #[error("{0} holds something else: --dir names another directory")]
    Taken(PathBuf),
    #[error("a shop on {0} is reached by files, not by requests: put files of orders where the channel looks for them")]
    Files(&'static str),
}

/// Until Ctrl-C or SIGTERM.
pub async fn run(options: StallOptions) -> Result<(), StallError> {
    let interrupt = CancellationToken::new();
    let waiting = tokio::spawn(told_to_end(interrupt.clone()));
    let mut stall = Stall::open(&options).await?;
    let usual = || format!("fake-{}", options.mall.id).into();
    let directory = options.directory.clone().unwrap_or_else(usual);
    let papers = Papers::new(options.mall, stall.fake.as_ref(), options.items, options.stock);
    let laid_down = papers.lay_down(&directory)?;
    put(&format!("{}\n{laid_down}\nWhat happens here, until Ctrl-C:\n\n", stall.sign(&options)));
    stall.serve(&interrupt).await;
    waiting.abort();
    Ok(())
}

struct Stall {
    env: Arc<dyn Env>,
    fake: Box<dyn FakeMall>,
    meters: Arc<Meters>,
    requests: UnboundedReceiver<Answered>,
    customers: Option<Customers>,
    /// What was told last, by key.
    figures: BTreeMap<String, i64>,
    violations: usize,
}

impl Stall {
    async fn open(options: &StallOptions) -> Result<Self, StallError> {
        let env: Arc<dyn Env> = Arc::new(SystemEnv::new());
        let meters = Arc::new(Meters::default());
        let listener = Some(Arc::new(listener(options)?));
        let known = FakeOptions { listener, ..FakeOptions::new(env.clone(), meters.clone(), "a") };
        let fake = (options.mall.fake)(known).await;
        if !fake.speaks_http() {
            return Err(StallError::Files(options.mall.card.name));
        }
        let (tell, requests) = unbounded_channel();
        // Whoever would hear of it is gone only when all is over.
        fake.book().listen(move |answered| drop(tell.send(answered)));
        let keys = (0..options.items).map(|n| fake.mall_key(n));
        let figures: BTreeMap<String, i64> = keys.map(|key| (key, 0)).collect();
        for key in figures.keys() {
            fake.book().list(key, Item::new(0));
        }
        let customers = options.orders_per_minute.map(|rate| Customers::new(env.as_ref(), rate));
        Ok(Self { env, fake, meters, requests, customers, figures, violations: 0 })
    }

    fn sign(&self, options: &StallOptions) -> String {
        let address = self.fake.settings("").base_url.unwrap_or_default();
        format!(
            "{}, made up, at {address}. Its {} items show 0 until a hub tells it more.\nAll is forgotten when it ends: a \
             hub that knew it needs a new database then.\n",
            options.mall.card.name, options.items
        )
    }

    async fn serve(&mut self, interrupt: &CancellationToken) {
        loop {
            tokio::select! {
                () = interrupt.cancelled() => return,
                Some(answered) = self.requests.recv() => self.tell_of(&answered),
                () = self.env.sleep(LOOK) => {}
            }
            let (book, now) = (self.fake.book(), self.env.elapsed());
            for happened in self.customers.iter_mut().flat_map(|customers| customers.come(book, now)) {
                tell(book.now(), &happened);
            }
            self.tell_of_figures();
        }
    }

    fn tell_of(&mut self, answered: &Answered) {
        let status = answered.status.map_or_else(|| "broken off".into(), |status| status.to_string());
        tell(answered.at, &format!("{:<14} {status}", answered.what));
        let violations = self.meters.violations();
        for violation in &violations[self.violations..] {
            tell(answered.at, &format!("above its quota: {violation}"));
        }
        self.violations = violations.len();
    }

    fn tell_of_figures(&mut self) {
        for (key, item) in self.fake.book().items() {
            let before = self.figures.insert(key.clone(), item.counter);
            if let Some(before) = before.filter(|before| *before != item.counter) {
                tell(self.env.now(), &format!("{key}: {before} → {}", item.counter));
            }
        }
    }
}

fn tell(at: Timestamp, what: &str) {
    put(&format!("{}  {what}\n", SECONDS.timestamp_to_string(&at)));
}

fn listener(options: &StallOptions) -> Result<TcpListener, StallError> {
    let place = MALLS.iter().position(|mall| mall.id == options.mall.id).unwrap_or_default();
    let port = FIRST_PORT + u16::try_from(place).unwrap_or_default();
    let address = options.listen.unwrap_or_else(|| ([127, 0, 0, 1], port).into());
    if !address.ip().is_loopback() {
        return Err(StallError::Outside(address));
    }
    TcpListener::bind(address).map_err(|source| StallError::Listen(address, source))
}
