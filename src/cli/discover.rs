//! `uriba listing discover`: what a shop lists, and what of it nobody has mapped.

use clap::Args;
use serde::Serialize;

use super::{
    by_holder,
    desk::Desk,
    failure::{Done, Failure},
    print::{counted, line, note, or_dash},
    table::Table,
};
use crate::{
    engine::{Again, Engine, discover},
    store::{StoreError, audits::FAILED, discoveries::DiscoverySheet, sheets::ItemSheet},
};

#[derive(Args, Debug)]
pub struct Discover {
    channel: String,
    /// Print everything that the shop lists, not only what nobody has mapped
    #[arg(long)]
    all: bool,
    /// Print what is suggested as a file for `uriba listing import`
    #[arg(long, conflicts_with = "all")]
    csv: bool,
}

/// A row of a listings file.
#[derive(Serialize)]
struct Row<'a> {
    channel: &'a str,
    mall_key: &'a str,
    sku: &'a str,
}

pub async fn run(desk: &Desk, asked: Discover) -> Done {
    let id = &asked.channel;
    desk.store.channel(id).await?;
    if desk.config.channel(id).is_none_or(|channel| channel.mall.is_none()) {
        return Err(StoreError::Invalid(format!("{id} is no channel of a mall: there is nothing to read")).into());
    }
    desk.store.ask_discovery(id, &desk.who).await?;
    let sheet = Box::pin(work(desk, id)).await?;
    if let Some(why) = sheet.problem.as_ref().filter(|_| sheet.state == FAILED) {
        return Err(Failure::failed(format!("{id}: {why}")));
    }
    let listed = super::pages(None, async |paging| desk.store.item_sheets(Some(id), &paging).await).await?.items;
    let unmapped: Vec<ItemSheet> = listed.iter().filter(|item| item.sku.is_none()).cloned().collect();
    let suggested = unmapped.iter().filter(|item| item.suggestion.is_some()).count() as u64;
    note(&format!(
        "{id} lists {}; {} mapped to no SKU, of which {suggested} have a suggestion",
        counted(listed.len() as u64, "item"),
        unmapped.len()
    ));
    if asked.csv {
        return print_file(&unmapped);
    }
    let shown = if asked.all { &listed } else { &unmapped };
    desk.print.list(shown, "there is nothing to map", table);
    Ok(())
}

async fn work(desk: &Desk, id: &str) -> Result<DiscoverySheet, Failure> {
    let look = async || Ok(desk.store.discovery_sheet(id).await?.filter(|sheet| !sheet.is_open()));
    let read = async |engine: &Engine| {
        let Some(here) = engine.channel(id) else { return Ok(()) };
        while look().await?.is_none() {
            let again = match here.lease() {
                Some(lease) => discover::step(&engine.store, here, &lease).await?,
                // Somebody else runs this one, and reads.
                None => Again::At(engine.env.now()),
            };
            by_holder::rest(engine, again).await;
        }
        Ok(())
    };
    by_holder::done(desk, "listing discover", &look, read).await
}

fn print_file(unmapped: &[ItemSheet]) -> Done {
    let mut file = csv::Writer::from_writer(Vec::new());
    for item in unmapped {
        let Some(suggestion) = &item.suggestion else { continue };
        let row = Row { channel: &item.channel, mall_key: &item.mall_key, sku: &suggestion.sku };
        file.serialize(row).map_err(Failure::failed)?;
    }
    let text = file.into_inner().map_err(Failure::failed)?;
    line(String::from_utf8_lossy(&text).trim_end());
    Ok(())
}

fn table(items: &[ItemSheet]) -> String {
    let mut table = Table::new(&["MALL KEY", "CODE", "JAN", "TITLE", "SKU", "SUGGESTION"]);
    for item in items {
        let suggestion = item.suggestion.as_ref().map(|found| format!("{} (same {})", found.sku, found.by));
        table.row(vec![
            item.mall_key.clone(),
            or_dash(item.code.as_ref()),
            or_dash(item.jan.as_ref()),
            or_dash(item.title.as_ref()),
            or_dash(item.sku.as_ref()),
            or_dash(suggestion),
        ]);
    }
    table.to_string()
}
