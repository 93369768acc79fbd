//! Where the program's own log goes: standard error, as text or JSON.

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// `RUST_LOG` has the last word; otherwise `quiet` is raised by one level for each `-v`.
pub fn start(quiet: &str, verbose: u8, format: LogFormat) {
    let levels = ["error", "warn", "info", "debug", "trace"];
    let first = levels.iter().position(|level| *level == quiet).unwrap_or(0);
    let level = levels[(first + usize::from(verbose)).min(levels.len() - 1)];
    // Other crates are heard one level later than ours: theirs is not the user's business.
    let others = levels[(first + usize::from(verbose)).saturating_sub(1).min(levels.len() - 1)];
    let said = config::variable("RUST_LOG").unwrap_or_else(|| format!("{others},uriba={level},uriba_sdk={level}"));
    let filter = EnvFilter::builder().parse_lossy(said);
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber in one process changes nothing: the first goes on.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
