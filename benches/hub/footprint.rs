//! What a hub with a large catalogue needs of memory.
//!
//! A process of its own opens the catalogue, so that nothing of the other measurements is in it; the adapters'
//! fakes, idle, are. It changes 100,000 SKUs, recomputes their targets and claims batch after batch.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{
    catalogue::{Catalogue, book, open, size, tell},
    report::{Figure, Target},
};

/// The argument by which the benchmark starts itself.
pub const CHILD: &str = "footprint-of";
const SKUS_PER_MOVEMENT: usize = 500;
/// Batches per channel.
const CLAIMS: usize = 50;

const CHANGED: usize = 100_000;

pub fn figure(catalogue: &Catalogue, name: &'static str, limit_mb: f64) -> Result<Figure> {
    let program = std::env::current_exe()?;
    let output = Command::new(program).args([CHILD, &catalogue.url(), catalogue.size.word]).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the measured process failed: {}", String::from_utf8_lossy(&output.stderr));
    let mut numbers = said.split_whitespace().map(str::parse::<f64>);
    let mut number = || numbers.next().context("the measured process said too little")?.context("it said no number");
    let (opened, after, highest) = (number()?, number()?, number()?);
    Ok(Figure {
        name,
        measured: format!("{after:.0} MB"),
        baseline: "none".into(),
        value: after,
        target: Target::MegabytesBelow(limit_mb),
        notes: vec![format!("{opened:.0} MB when opened, {highest:.0} MB at the highest")],
    })
}

/// The measured process: says its resident memory after opening, at the end, and at its highest, in MB.
pub async fn child(database: &str, word: &str) -> Result<()> {
    let size = size(word).context("there is no catalogue of that size")?;
    let setting = open(database, size).await?;
    let opened = resident("VmRSS")?;
    let all: Vec<usize> = (1..=size.skus).step_by((size.skus / CHANGED).max(1)).collect();
    for (n, skus) in all.chunks(SKUS_PER_MOVEMENT).enumerate() {
        book(&setting, skus, &format!("footprint/{n}")).await?;
    }
    setting.engine.recompute_all().await?;
    for _ in 0..CLAIMS {
        for channel in 0..setting.engine.channels.len() {
            ensure!(tell(&setting, channel).await?.0 > 0, "nothing was left to claim");
        }
    }
    println!("{opened} {} {}", resident("VmRSS")?, resident("VmHWM")?);
    setting.engine.release_leases().await?;
    Ok(())
}

/// A line of the process's own status, in MB.
pub fn resident(name: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("this system doesn't tell")?;
    let kilobytes: f64 = line.trim_matches([':', ' ', '\t']).trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1_024.0)
}
