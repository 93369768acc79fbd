//! What a hub with 100,000 SKUs on three channels needs of memory.
//!
//! A process of its own opens the catalogue, so that nothing of the other measurements is in it; the adapters'
//! fakes, idle, are. It changes every SKU once, recomputes all 300,000 targets and claims batch after batch.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{
    catalogue::{Catalogue, LARGE, book, open, tell},
    report::{Figure, Target},
};

/// The argument by which the benchmark starts itself.
pub const CHILD: &str = "footprint-of";
const SKUS_PER_MOVEMENT: usize = 500;
/// Batches per channel.
const CLAIMS: usize = 50;

pub fn figure(catalogue: &Catalogue) -> Result<Figure> {
    let program = std::env::current_exe()?;
    let output = Command::new(program).arg(CHILD).arg(catalogue.url()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the measured process failed: {}", String::from_utf8_lossy(&output.stderr));
    let mut numbers = said.split_whitespace().map(str::parse::<f64>);
    let mut number = || numbers.next().context("the measured process said too little")?.context("it said no number");
    let (opened, after, highest) = (number()?, number()?, number()?);
    Ok(Figure {
        name: "resident memory, 100,000 SKUs × 3 listings",
        measured: format!("{after:.0} MB"),
        baseline: "none".into(),
        value: after,
        target: Target::MegabytesBelow(150.0),
        notes: vec![format!("{opened:.0} MB when opened, {highest:.0} MB at the highest")],
    })
}

/// The measured process: says its resident memory after opening, at the end, and at its highest, in MB.
pub async fn child(database: &str) -> Result<()> {
    let setting = open(database).await?;
    let opened = resident("VmRSS")?;
    let all: Vec<usize> = (1..=LARGE).collect();
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
