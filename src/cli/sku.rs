//! `uriba sku`: what there is of each SKU, and what every channel makes of it.

use clap::{Args, Subcommand, builder::PossibleValuesParser};

use super::{
    desk::Common,
    explain,
    failure::Done,
    moment,
    print::{instant, note, or_dash},
    table::{Table, pairs},
};
use crate::{
    domain::{exposure::mode::Wish, time::kept_from},
    store::{
        explain::Question,
        sheets::{ComponentSheet, HistoryLine, Paging, PoolSheet, Showing, SkuSheet, Span, StopSheet},
    },
};

const EXPOSURES: [&str; 4] = ["shared", "escrow", "auto", "pool"];

#[derive(Debug, Subcommand)]
pub enum Command {
    /// All SKUs, a line for each pool
    List(List),
    /// One SKU with its pools and listings
    Show { code: String },
    /// Why its numbers are what they are, now or at a past instant
    Explain(Explain),
    /// What happened to it, oldest first
    History(History),
    /// Change its name, or how it is sold
    Set(Set),
    /// Take it off sale everywhere, and every bundle with it, until it is resumed
    Stop(Word),
    /// Put it back on sale
    Resume(Word),
}

#[derive(Args, Debug)]
pub struct Set {
    code: String,
    /// shared (every mall shows everything), escrow (each an exclusive share), auto, or pool (as its pool says)
    #[arg(long, value_name = "MODE", value_parser = PossibleValuesParser::new(EXPOSURES), hide_possible_values = true)]
    exposure: Option<String>,
    #[arg(long)]
    name: Option<String>,
}

#[derive(Args, Debug)]
pub struct Word {
    code: String,
    /// Why, for the log
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Args, Debug)]
pub struct Explain {
    code: String,
    /// Only what this channel sells of it
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// As it was in the books at this time [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

#[derive(Args, Debug)]
pub struct History {
    code: String,
    /// What was recorded at this time or later
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// What was recorded at this time or earlier
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// At most so many lines, from the beginning
    #[arg(long, value_name = "N", default_value_t = Paging::LIMIT_MAX)]
    limit: u64,
}

#[derive(Args, Debug)]
pub struct List {
    /// At most so many SKUs [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    let outlines = desk.outlines();
    match command {
        Command::List(asked) => {
            let sheets =
                super::pages(asked.limit, async |paging| desk.store.sku_sheets(&outlines, &paging).await).await?;
            desk.print.list(&sheets.items, "there is no SKU: `uriba stock import book FILE` makes them", table);
            sheets.note_rest();
        }
        Command::Show { code } => {
            let sheet = desk.store.sku_sheet(&code, &outlines).await?;
            desk.print.item(&sheet, page);
        }
        Command::Explain(asked) => {
            let at = moment::maybe(asked.at.as_deref(), &desk.config)?;
            let kept_from = Some(kept_from(desk.store.now(), desk.config.history_days));
            let question = Question { sku: &asked.code, channel: asked.channel.as_deref(), at, kept_from };
            let tree = desk.store.explain(&question, &outlines).await?;
            desk.print.item(&tree, explain::page);
        }
        Command::Set(Set { code, exposure, name }) => {
            let exposure = exposure.map(|mode| Wish::parse(&mode));
            desk.store.set_sku(&code, name.as_deref(), exposure, &desk.who).await?;
            desk.print.item(&desk.store.sku_sheet(&code, &outlines).await?, page);
        }
        Command::Stop(Word { code, reason }) => {
            desk.store.stop_sku(&code, reason.as_deref(), &desk.who).await?;
            desk.print.item(&desk.store.stop_sheet(&code, &outlines).await?, said);
        }
        Command::Resume(Word { code, reason }) => {
            desk.store.resume_sku(&code, reason.as_deref(), &desk.who).await?;
            desk.print.item(&desk.store.stop_sheet(&code, &outlines).await?, said);
        }
        Command::History(asked) => {
            let span = Span {
                from: moment::maybe(asked.from.as_deref(), &desk.config)?,
                to: moment::maybe(asked.to.as_deref(), &desk.config)?,
            };
            let lines =
                super::pages(Some(asked.limit), async |paging| desk.store.history(&asked.code, span, &paging).await)
                    .await?;
            desk.print.list(&lines.items, "nothing has happened to it in that time", history);
            lines.note_rest();
            let horizon = kept_from(desk.store.now(), desk.config.history_days);
            if span.from.is_some_and(|from| from < horizon) {
                note(&format!("note: the past is kept from {} on: before it, things may be missing", instant(horizon)));
            }
        }
    }
    Ok(())
}

/// What came of a word on whether it is sold.
fn said(sheet: &StopSheet) -> String {
    let code = &sheet.sku.code;
    let Some(stopped) = &sheet.sku.stopped else {
        return format!("{code} is on sale: its numbers come back with the next computation");
    };
    let why = stopped.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    let who = format!("since {} by {}{why}", instant(stopped.since), stopped.by);
    let mut text = if stopped.sku == *code {
        format!("{code} is stopped {who}: nothing of it is sold, here or on any mall, until `uriba sku resume {code}`")
    } else {
        format!("{code} stays off sale: {}, which it is made of, is stopped {who}", stopped.sku)
    };
    if !sheet.not_done.is_empty() {
        let mut table = Table::new(&["CHANNEL", "MALL KEY", ">SHOWN", "STATE", "REASON"]);
        for left in &sheet.not_done {
            table.row(vec![
                left.channel.clone(),
                left.mall_key.clone(),
                or_dash(left.shown),
                left.state.clone(),
                left.reason.clone().unwrap_or_default(),
            ]);
        }
        text.push_str(&format!("\n\nnot done, since nothing can be written there now:\n{table}"));
    }
    text
}

fn history(lines: &[HistoryLine]) -> String {
    let mut table = Table::new(&["AT", "WHAT", ">UNITS", "WHERE", "DETAIL", "OCCURRED"]);
    for line in lines {
        table.row(vec![
            instant(line.at),
            format!("{} {}", line.kind, line.what),
            or_dash(line.units),
            or_dash(line.place.as_ref()),
            line.detail.clone().unwrap_or_default(),
            line.occurred_at.map(instant).filter(|occurred| *occurred != instant(line.at)).unwrap_or_default(),
        ]);
    }
    table.to_string()
}

fn table(sheets: &[SkuSheet]) -> String {
    let columns =
        ["CODE", "NAME", "POOL", ">ON HAND", ">UNSHIPPED", ">PROVISIONAL", ">SELLABLE", ">LISTINGS", "STOPPED"];
    let mut table = Table::new(&columns);
    for sheet in sheets {
        let name = sheet.name.clone().unwrap_or_default();
        let listings = sheet.listings.len().to_string();
        let stopped = sheet.stopped.as_ref().map(|stopped| instant(stopped.since)).unwrap_or_default();
        if sheet.pools.is_empty() {
            let dash = || "-".to_owned();
            let figures = [dash(), dash(), dash(), dash(), dash(), listings.clone(), stopped.clone()];
            table.row([sheet.code.clone(), name.clone()].into_iter().chain(figures).collect());
        }
        for pool in &sheet.pools {
            table.row(vec![
                sheet.code.clone(),
                name.clone(),
                pool.pool.clone(),
                or_dash(pool.on_hand),
                pool.unshipped.to_string(),
                pool.provisional.to_string(),
                or_dash(pool.sellable),
                listings.clone(),
                stopped.clone(),
            ]);
        }
    }
    table.to_string()
}

fn page(sheet: &SkuSheet) -> String {
    let mut head = vec![("code", sheet.code.clone()), ("name", or_dash(sheet.name.as_ref()))];
    head.extend(sheet.stopped.as_ref().map(|stopped| {
        let which = if stopped.sku == sheet.code { String::new() } else { format!("{} ", stopped.sku) };
        let why = stopped.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        ("stopped", format!("{which}{} by {}{why}", instant(stopped.since), stopped.by))
    }));
    let mut parts = vec![pairs(&head)];
    parts.extend(sheet.pools.iter().map(pool));
    if sheet.listings.is_empty() {
        parts.push("no channel sells it: `uriba listing map CHANNEL MALL_KEY SKU`".into());
    } else {
        parts.push(showings(&sheet.listings));
    }
    parts.join("\n\n")
}

fn pool(pool: &PoolSheet) -> String {
    let exposure = &pool.exposure;
    let mut rows = vec![
        ("pool", pool.pool.clone()),
        ("on hand", or_dash(pool.on_hand)),
        ("unshipped", pool.unshipped.to_string()),
        ("held", pool.held.to_string()),
        ("provisional", pool.provisional.to_string()),
        ("shipped, not in core", pool.shipped_not_in_core.to_string()),
        ("sellable", sellable(pool)),
    ];
    if !pool.components.is_empty() {
        let words = |part: &ComponentSheet| {
            let limits = if part.limits { ", which limits it" } else { "" };
            format!("{} × {} ({} sellable{limits})", part.quantity, part.sku, or_dash(part.sellable))
        };
        let all: Vec<String> = pool.components.iter().map(words).collect();
        rows.retain(|(name, _)| matches!(*name, "pool" | "sellable"));
        rows.push(("made of", all.join(", ")));
    }
    let settled = if exposure.settled { "settled" } else { "not settled" };
    let mode = format!("{} ({} by its {})", exposure.mode, exposure.wish, exposure.by);
    rows.push(("exposure", format!("{} units, {mode}, {settled}", exposure.units)));
    rows.push(("bound", format!("{} units", exposure.bound)));
    pairs(&rows)
}

/// One line for each pool.
pub fn in_short(sheet: &SkuSheet) -> String {
    let line = |pool: &PoolSheet| {
        format!("pool {}: {} on hand, sellable {}", pool.pool, or_dash(pool.on_hand), sellable(pool))
    };
    let lines: Vec<String> = sheet.pools.iter().map(line).collect();
    if lines.is_empty() { "it lies in no pool: nothing of it is sold online".into() } else { lines.join("\n") }
}

fn sellable(pool: &PoolSheet) -> String {
    match pool.sellable {
        None => "- (no stock figure, which is not zero: nothing is pushed)".into(),
        Some(short) if short < 0 => format!("{short}: oversold by {}", -short),
        Some(units) => units.to_string(),
    }
}

fn showings(listings: &[Showing]) -> String {
    let mut table =
        Table::new(&["CHANNEL", "MALL KEY", ">UNITS", ">TARGET", ">TOLD", ">SHOWN", "STATE", "PUSHED", "REASON"]);
    for listing in listings {
        table.row(vec![
            listing.channel.clone(),
            listing.mall_key.clone(),
            listing.units.to_string(),
            or_dash(listing.target),
            or_dash(listing.told),
            or_dash(listing.shown),
            listing.state.clone(),
            or_dash(listing.pushed_at.map(instant)),
            listing.reason.clone().unwrap_or_default(),
        ]);
    }
    table.to_string()
}
