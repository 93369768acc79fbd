//! The command line: one file per group of commands, each thin over the store and the engine.
//!
//! Results go to standard output (tables and sentences, or with `--json` the HTTP API's resources), everything
//! else to standard error. Exit codes:
//!
//! * 0: done, nothing to do included.
//! * 1: it was tried and failed: a file is refused, something named doesn't exist, a mall doesn't let us in.
//! * 2: the command or the configuration is wrong, or a value in it.
//! * 3: the state of things forbids it: it exists already, another instance is running, the schema is old.
//! * 4: done, but what was compared differs (`verify`, `audit`, `demo`, `sim`, `adapter test`).

mod adapter;
mod attention;
mod audit;
mod authorize;
mod backfill;
mod by_holder;
mod changes;
mod channel;
mod check;
mod db;
#[cfg(feature = "demo")]
mod demo;
mod desk;
mod discover;
mod explain;
mod failure;
mod import;
mod listing;
mod lock;
mod logging;
mod moment;
mod order;
mod plan;
mod print;
mod progress;
mod run_once;
mod schedule;
mod serve;
#[cfg(feature = "sim")]
mod sim;
mod sku;
mod stock;
mod table;
mod token;
mod verify;

use std::pin::Pin;

use clap::{CommandFactory, Parser, Subcommand};

use crate::store::{
    self,
    sheets::{Page, Paging},
};
use desk::Common;
use failure::{Done, Failure};
use logging::LogFormat;

/// 売り場: one stock, sold on many malls.
#[derive(Debug, Parser)]
#[command(name = "uriba", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: the engine and the HTTP API
    Serve(serve::Serve),
    /// Watch the hub work: fake malls with shoppers, on this machine
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    /// Play seeds of the simulator: the hub in a made-up world, with faults
    #[cfg(feature = "sim")]
    Sim(sim::Sim),
    /// Do each due step once
    RunOnce(run_once::RunOnce),
    /// Say everything that is wrong with the configuration
    Check(check::Check),
    /// Channels, and the switch that takes them off sale
    #[command(subcommand)]
    Channel(channel::Command),
    /// SKUs, what there is of them and what each channel shows
    #[command(subcommand)]
    Sku(sku::Command),
    /// Sale plans: other rules for some SKUs, for a time
    #[command(subcommand)]
    Plan(plan::Command),
    /// What happens by itself at a set time
    #[command(subcommand)]
    Schedule(schedule::Command),
    /// Book movements, counts and the core system's files
    #[command(subcommand)]
    Stock(stock::Command),
    /// What each channel sells, and of which SKU
    #[command(subcommand)]
    Listing(listing::Command),
    /// Orders as their malls state them, and those of your own storefront
    #[command(subcommand)]
    Order(order::Command),
    /// What needs a person
    #[command(subcommand)]
    Attention(attention::Command),
    /// Read back what the malls show now, and say where it differs
    Audit(audit::Audit),
    /// Check the invariants over one snapshot of the database
    Verify,
    /// The malls of this build, and their conformance
    #[command(subcommand)]
    Adapter(adapter::Command),
    /// The database: schema, backup, restore
    #[command(subcommand)]
    Db(db::Command),
    /// Tokens for the HTTP API
    #[command(subcommand)]
    Token(token::Command),
    /// Completions for a shell, on standard output
    Completions { shell: clap_complete::Shell },
}

/// Does what the command line says, and returns the exit code.
pub async fn run(cli: Cli) -> u8 {
    let Cli { common, command } = cli;
    match done(&common, command).await {
        Ok(()) => 0,
        Err(failure) => {
            let said = failure.to_string();
            if !said.is_empty() {
                print::note(&format!("uriba: {said}"));
            }
            failure.code()
        }
    }
}

async fn done(common: &Common, command: Command) -> Done {
    command.start_log(common);
    // Each command behind a pointer: laid out inside one another they are more than an optimising compiler follows.
    let doing: Pin<Box<dyn Future<Output = Done> + '_>> = match command {
        Command::Serve(asked) => Box::pin(serve::run(common, asked)),
        #[cfg(feature = "demo")]
        Command::Demo(asked) => Box::pin(demo::run(asked)),
        #[cfg(feature = "sim")]
        Command::Sim(asked) => Box::pin(sim::run(asked)),
        Command::RunOnce(asked) => Box::pin(run_once::run(common, asked)),
        Command::Check(asked) => Box::pin(check::run(common, asked)),
        Command::Channel(command) => Box::pin(channel::run(common, command)),
        Command::Sku(command) => Box::pin(sku::run(common, command)),
        Command::Plan(command) => Box::pin(plan::run(common, command)),
        Command::Schedule(command) => Box::pin(schedule::run(common, command)),
        Command::Stock(command) => Box::pin(stock::run(common, command)),
        Command::Listing(command) => Box::pin(listing::run(common, command)),
        Command::Order(command) => Box::pin(order::run(common, command)),
        Command::Attention(command) => Box::pin(attention::run(common, command)),
        Command::Audit(asked) => Box::pin(audit::run(common, asked)),
        Command::Verify => Box::pin(verify::run(common)),
        Command::Adapter(command) => Box::pin(adapter::run(common, command)),
        Command::Db(command) => Box::pin(db::run(common, command)),
        Command::Token(command) => Box::pin(token::run(common, command)),
        Command::Completions { shell } => {
            completions(shell);
            return Ok(());
        }
    };
    doing.await
}

impl Command {
    /// A service tells what it does, a run what is wrong. Other commands say it themselves, and the demo has
    /// the screen for itself.
    fn start_log(&self, common: &Common) {
        let (level, format) = match self {
            Self::Serve(asked) => ("info", asked.log_format),
            Self::RunOnce(_) => ("warn", LogFormat::Text),
            _ => ("error", LogFormat::Text),
        };
        logging::start(level, common.verbose, format);
    }
}

fn completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "uriba", &mut script);
    print::line(String::from_utf8_lossy(&script).trim_end());
}

/// A list as far as it was asked for.
struct Pages<T> {
    items: Vec<T>,
    more: bool,
}

impl<T> Pages<T> {
    /// Says that the list goes on.
    fn note_rest(&self) {
        if self.more {
            print::note(&format!("these are {}; --limit N shows more", self.items.len()));
        }
    }
}

/// All pages of a list, or as many as hold `limit` items.
async fn pages<T>(
    limit: Option<u64>,
    page: impl AsyncFn(Paging) -> store::Result<Page<T>>,
) -> Result<Pages<T>, Failure> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let left = limit.map_or(Paging::LIMIT_MAX, |limit| limit.saturating_sub(items.len() as u64));
        if left == 0 {
            return Ok(Pages { items, more: true });
        }
        let next = page(Paging::new(Some(left), cursor)).await?;
        items.extend(next.items);
        cursor = next.next_cursor;
        if cursor.is_none() {
            return Ok(Pages { items, more: false });
        }
    }
}
