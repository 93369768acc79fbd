//! What uriba promises about speed, each figure as a ratio to a baseline that the same run measures.
//!
//! `cargo bench --bench hub` measures everything, `cargo bench --bench hub -- ingest` only what is named. The
//! hub is the real one, on SQLite with a commit that reaches the disk; the malls are the adapters' fakes over
//! loopback HTTP. Figures of two machines, or of two runs, are not comparable; ratios are.

mod baseline;
mod book;
mod catalogue;
mod explain;
mod footprint;
mod ingest;
mod load;
mod paced;
mod propagation;
mod report;
mod reserve;
mod setting;
mod step;

use anyhow::{Result, bail};

const FIGURES: [&str; 9] =
    ["propagation", "ingest", "paced", "reserve", "explain", "changed-sku", "memory", "step", "book"];

fn main() -> Result<()> {
    // cargo passes flags of its own, such as --bench.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let [first, database, size] = words.as_slice()
        && first == footprint::CHILD
    {
        return runtime.block_on(footprint::child(database, size));
    }
    if let [first, database, file] = words.as_slice()
        && first == book::CHILD
    {
        return runtime.block_on(book::child(database, file));
    }
    if let Some(odd) = words.iter().find(|word| !FIGURES.contains(&word.as_str())) {
        bail!("there is no figure {odd:?}; there are {}", FIGURES.join(", "));
    }
    runtime.block_on(measure(|figure| words.is_empty() || words.iter().any(|word| word == figure)))
}

async fn measure(wanted: impl Fn(&str) -> bool) -> Result<()> {
    report::machine(baseline::flushes_per_second()?);
    let mut figures = Vec::new();
    if wanted("propagation") {
        figures.push(report::say(propagation::figure().await?));
    }
    if wanted("ingest") {
        figures.push(report::say(ingest::figure().await?));
    }
    if wanted("paced") {
        figures.push(report::say(paced::figure().await?));
    }
    if wanted("reserve") {
        figures.extend(reserve::figures().await?.into_iter().map(report::say));
    }
    if wanted("explain") {
        figures.push(report::say(explain::figure().await?));
    }
    if wanted("book") {
        figures.push(report::say(book::figure().await?));
    }
    if wanted("changed-sku") || wanted("memory") {
        let large = catalogue::build(&catalogue::LARGE).await?;
        if wanted("changed-sku") {
            figures.push(report::say(catalogue::figure(&large).await?));
        }
        if wanted("memory") {
            let name = "resident memory, 100,000 SKUs × 3 listings";
            figures.push(report::say(footprint::figure(&large, name, 150.0)?));
        }
    }
    if wanted("step") {
        figures.extend(step::figures().await?.into_iter().map(report::say));
    }
    report::table(&figures);
    Ok(())
}
