//! `uriba listing`: what each channel sells, and of which SKU.

use std::collections::BTreeSet;

use clap::{Args, Subcommand, builder::PossibleValuesParser};

use super::{
    desk::{Common, Desk},
    discover::{self, Discover},
    failure::{Done, Failure},
    import::{About, File},
    print::{instant, or_dash},
    table::Table,
};
use crate::{
    domain::allocation::Cap,
    engine::{
        braked::{Put, put_listings},
        import::{FileKind, fault},
    },
    store::{
        catalogue::{Mapping, RULES},
        sheets::{ListingFilter, ListingSheet, UnmappedSheet},
    },
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Listings with what they ought to show and what they show
    List(List),
    /// Say which SKU a channel sells under a key of its mall
    Map(Map),
    /// Change a listing's own rules; what is not named stays as it is
    Set(Set),
    /// What a listing's rules and its channel's were, newest first
    History { channel: String, mall_key: String },
    /// Map many at once: columns channel, mall_key, sku (and units, buffer, fraction, min_show, cap, unlimited, priority, share)
    Import {
        #[command(flatten)]
        file: File,
        /// Make SKUs that nobody knows yet, instead of refusing their rows
        #[arg(long)]
        create_skus: bool,
    },
    /// Ask what a shop lists, and say what of it is mapped to no SKU
    Discover(Discover),
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
    /// Say which numbers would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args, Debug)]
pub struct Set {
    channel: String,
    mall_key: String,
    /// SKU units that one sale takes
    #[arg(long, value_name = "N")]
    units: Option<i64>,
    /// SKU units kept back
    #[arg(long, value_name = "N")]
    buffer: Option<i64>,
    /// Part of the rest that it may show, above 0 and at most 1
    #[arg(long, value_name = "PART")]
    fraction: Option<f64>,
    /// Show nothing at or below so many SKU units
    #[arg(long, value_name = "N")]
    min_show: Option<i64>,
    /// Show at most so many; or several with dates, as JSON: [{"n": 10, "until": "2026-12-01T10:00:00+09:00"}, …]
    #[arg(long, value_name = "N|LIST", value_parser = cap)]
    cap: Option<Cap>,
    /// Sold without a limit: always show so many
    #[arg(long, value_name = "N")]
    unlimited: Option<i64>,
    /// Larger ones come first where not all can be served
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i64>,
    /// Its share in escrow, in units of the SKU; none: as demand gives it
    #[arg(long, value_name = "N|none", value_parser = share)]
    share: Option<Fixed>,
    /// Rules that are to follow the channel again, separated by commas
    #[arg(long, value_name = "RULE,…", value_delimiter = ',', value_parser = PossibleValuesParser::new(RULES))]
    clear: Vec<String>,
    /// Say which numbers would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// A share set by hand, or none.
#[derive(Clone, Copy, Debug)]
struct Fixed(Option<i64>);

fn share(text: &str) -> Result<Fixed, String> {
    match text {
        "none" => Ok(Fixed(None)),
        number => number.parse().map(|n| Fixed(Some(n))).map_err(|_| "is neither a number nor `none`".to_owned()),
    }
}

fn cap(text: &str) -> Result<Cap, String> {
    serde_json::from_str(text)
        .map_err(|_| "is neither a number nor a list of {\"n\": …, \"from\": …, \"until\": …}".to_owned())
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    match command {
        Command::List(asked) => list(&desk, asked).await,
        Command::Map(asked) => map(&desk, asked).await,
        Command::Set(asked) => set(&desk, asked).await,
        Command::History { channel, mall_key } => history(&desk, &channel, &mall_key).await,
        Command::Import { file, create_skus } => {
            super::import::take(&desk, FileKind::Listings, &file, &About { create_skus, ..About::default() }).await
        }
        Command::Discover(asked) => discover::run(&desk, asked).await,
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
    let Map { channel, mall_key, sku, units, open_orders, dry_run } = asked;
    let mapping = Mapping { channel, mall_key, sku, units, open_orders, ..Mapping::default() };
    put(desk, mapping, dry_run).await
}

async fn set(desk: &Desk, asked: Set) -> Done {
    let rules = desk.store.listing_history(&asked.channel, &asked.mall_key).await?;
    let own = rules.into_iter().find(|sheet| sheet.of == "listing").and_then(|sheet| sheet.sku);
    let sku = own.ok_or_else(|| Failure::failed(format!("{} has no such listing", asked.channel)))?;
    let mut cleared: BTreeSet<String> = asked.clear.into_iter().collect();
    if let Some(Fixed(None)) = asked.share {
        cleared.insert("share".to_owned());
    }
    let mapping = Mapping {
        channel: asked.channel,
        mall_key: asked.mall_key,
        sku,
        units: asked.units,
        buffer: asked.buffer,
        fraction: asked.fraction,
        min_show: asked.min_show,
        cap: asked.cap,
        unlimited: asked.unlimited,
        priority: asked.priority,
        share: asked.share.and_then(|Fixed(share)| share),
        cleared,
        open_orders: false,
    };
    put(desk, mapping, asked.dry_run).await
}

/// Makes the change, or says what it would do.
async fn put(desk: &Desk, mapping: Mapping, dry_run: bool) -> Done {
    if let Some((field, fault)) = fault(&mapping) {
        return Err(Failure::Usage(format!("{field}: {fault}")));
    }
    desk.store.channel(&mapping.channel).await?;
    let one = std::slice::from_ref(&mapping);
    if dry_run {
        let (_, changes) = desk.store.preview_listings(one, false).await?;
        desk.print.item(&changes, super::changes::words);
        return Ok(());
    }
    if let Put::Held(held, _) = put_listings(&desk.store, one, false, &desk.guard(), &desk.who).await? {
        return Err(super::changes::held(&held.attention.to_string()));
    }
    shown(desk, &mapping).await
}

async fn shown(desk: &Desk, mapping: &Mapping) -> Done {
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

async fn history(desk: &Desk, channel: &str, mall_key: &str) -> Done {
    let sheets = desk.store.listing_history(channel, mall_key).await?;
    desk.print.list(&sheets, "nothing is known of its rules", |all| {
        let columns =
            ["FROM", "OF", "SKU", ">UNITS", ">BUFFER", ">FRACTION", ">MIN SHOW", "CAP", ">UNLIMITED", ">SHARE", "WHO"];
        let mut table = Table::new(&columns);
        for sheet in all {
            let cap = sheet.cap.as_ref().map(|cap| serde_json::to_string(cap).unwrap_or_default());
            table.row(vec![
                instant(sheet.from),
                sheet.of.to_owned(),
                or_dash(sheet.sku.as_ref()),
                or_dash(sheet.units),
                or_dash(sheet.buffer),
                or_dash(sheet.fraction),
                or_dash(sheet.min_show),
                or_dash(cap),
                or_dash(sheet.unlimited),
                or_dash(sheet.share),
                sheet.who.clone(),
            ]);
        }
        table.to_string()
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
        let mut table = Table::new(&["CHANNEL", "MALL KEY", ">LINES", ">UNSHIPPED", "FIRST ORDERED", "SUGGESTION"]);
        for sheet in all {
            table.row(vec![
                sheet.channel.clone(),
                sheet.mall_key.clone(),
                sheet.lines.to_string(),
                sheet.unshipped.to_string(),
                instant(sheet.first_ordered_at),
                or_dash(sheet.suggestion.as_ref().map(|found| format!("{} (same {})", found.sku, found.by))),
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
