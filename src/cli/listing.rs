//! `uriba listing`: what each channel sells, and of which SKU.

use clap::{Args, Subcommand};

use super::{
    desk::{Common, Desk},
    failure::{Done, Failure},
    import::File,
    print::{instant, or_dash},
    table::Table,
};
use crate::{
    engine::import::{ListingsFile, Profile, fault, import_listings},
    store::{
        catalogue::Mapping,
        sheets::{ListingFilter, ListingSheet, UnmappedSheet},
    },
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Listings with what they ought to show and what they show
    List(List),
    /// Say which SKU a channel sells under a key of its mall
    Map(Map),
    /// Map many at once: columns channel, mall_key, sku (and units, buffer, fraction, min_show, cap, unlimited, priority)
    Import {
        #[command(flatten)]
        file: File,
        /// Make SKUs that nobody knows yet, instead of refusing their rows
        #[arg(long)]
        create_skus: bool,
    },
    /// Keys that orders name and that nobody has mapped
    Unmapped {
        /// Only of this channel
        #[arg(long, value_name = "ID")]
        channel: Option<String>,
    },
}

#[derive(Args, Debug)]
pub struct List {
    /// Only of this channel
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// Only of this SKU
    #[arg(long, value_name = "CODE")]
    sku: Option<String>,
    /// At most so many [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

#[derive(Args, Debug)]
pub struct Map {
    channel: String,
    mall_key: String,
    sku: String,
    /// SKU units that one sale takes [default: 1]
    #[arg(long, value_name = "N")]
    units: Option<i64>,
    /// Open orders follow to this SKU and units; without it they stay what they were when first mapped
    #[arg(long)]
    open_orders: bool,
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    match command {
        Command::List(asked) => list(&desk, asked).await,
        Command::Map(asked) => map(&desk, asked).await,
        Command::Import { file, create_skus } => {
            let bytes = file.read()?;
            let listings = ListingsFile {
                bytes: &bytes,
                profile: &Profile::default(),
                create_skus,
                dry_run: file.dry_run,
                skip_invalid: file.skip_invalid,
                by: &desk.who,
            };
            let report = import_listings(&desk.store, &listings).await?;
            file.tell(&desk, &report)
        }
        Command::Unmapped { channel } => unmapped(&desk, channel).await,
    }
}

async fn list(desk: &Desk, asked: List) -> Done {
    if let Some(id) = &asked.channel {
        desk.store.channel(id).await?;
    }
    let outlines = desk.outlines();
    let filter = ListingFilter { channel: asked.channel, sku: asked.sku, mall_key: None };
    let sheets =
        super::pages(asked.limit, async |paging| desk.store.listing_sheets(&filter, &outlines, &paging).await).await?;
    let none = "there is no such listing: `uriba listing map CHANNEL MALL_KEY SKU` makes one";
    desk.print.list(&sheets.items, none, table);
    sheets.note_rest();
    Ok(())
}

async fn map(desk: &Desk, asked: Map) -> Done {
    let Map { channel, mall_key, sku, units, open_orders } = asked;
    let mapping = Mapping { channel, mall_key, sku, units, open_orders, ..Mapping::default() };
    if let Some((field, fault)) = fault(&mapping) {
        return Err(Failure::Usage(format!("{field}: {fault}")));
    }
    desk.store.channel(&mapping.channel).await?;
    desk.store.map_listings(std::slice::from_ref(&mapping), false, &desk.who).await?;
    let outlines = desk.outlines();
    let filter =
        ListingFilter { channel: Some(mapping.channel.clone()), sku: Some(mapping.sku.clone()), mall_key: None };
    let sheets =
        super::pages(None, async |paging| desk.store.listing_sheets(&filter, &outlines, &paging).await).await?;
    // A key that was resolved is stored in its mall's own spelling.
    let same = |sheet: &&ListingSheet| sheet.showing.mall_key == mapping.mall_key;
    let Some(sheet) = sheets.items.iter().find(same).or(sheets.items.first()) else {
        return Err(Failure::failed(format!("{} has vanished from {}", mapping.mall_key, mapping.channel)));
    };
    desk.print.item(sheet, |sheet| {
        let showing = &sheet.showing;
        format!("{} {} sells {} × {}", showing.channel, showing.mall_key, showing.units, sheet.sku)
    });
    Ok(())
}

async fn unmapped(desk: &Desk, channel: Option<String>) -> Done {
    if let Some(id) = &channel {
        desk.store.channel(id).await?;
    }
    let sheets =
        super::pages(None, async |paging| desk.store.unmapped_sheets(channel.as_deref(), &paging).await).await?;
    desk.print.list(&sheets.items, "every key that orders name is mapped", |all: &[UnmappedSheet]| {
        let mut table = Table::new(&["CHANNEL", "MALL KEY", ">LINES", ">UNSHIPPED", "FIRST ORDERED"]);
        for sheet in all {
            table.row(vec![
                sheet.channel.clone(),
                sheet.mall_key.clone(),
                sheet.lines.to_string(),
                sheet.unshipped.to_string(),
                instant(sheet.first_ordered_at),
            ]);
        }
        table.to_string()
    });
    Ok(())
}

fn table(sheets: &[ListingSheet]) -> String {
    let columns = ["CHANNEL", "MALL KEY", "SKU", ">UNITS", ">TARGET", ">TOLD", ">SHOWN", "STATE", "PUSHED", "REASON"];
    let mut table = Table::new(&columns);
    for sheet in sheets {
        let showing = &sheet.showing;
        table.row(vec![
            showing.channel.clone(),
            showing.mall_key.clone(),
            sheet.sku.clone(),
            showing.units.to_string(),
            or_dash(showing.target),
            or_dash(showing.told),
            or_dash(showing.shown),
            showing.state.clone(),
            or_dash(showing.pushed_at.map(instant)),
            showing.reason.clone().unwrap_or_default(),
        ]);
    }
    table.to_string()
}
