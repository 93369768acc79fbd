//! `uriba order`: orders as their malls state them, and what is done to those of the own storefront.

use clap::{Args, Subcommand};

use super::{
    backfill::{self, Backfill},
    desk::{Common, Desk},
    failure::Done,
    print::{instant, or_dash},
    table::{Table, pairs},
};
use crate::{
    domain::deed::{Deed, Pick},
    store::{
        deeds::{Ask, item},
        sheets::{OrderFilter, OrderSheet, Paging},
    },
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Orders, newest first
    List(List),
    /// One order with its lines
    Show { channel: String, id: String },
    /// Units of an order of your own storefront have left
    Ship(Ship),
    /// Cancel an order of your own storefront; what has left already is expected back
    Cancel(Cancel),
    /// Goods of an order came back, from whichever channel it is
    Return(Return),
    /// Read the orders of a past span from their mall, slowly
    Backfill(Backfill),
}

#[derive(Args, Debug)]
pub struct List {
    /// Only of this channel
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// Only in this state: open, shipped, cancelled, unread
    #[arg(long)]
    state: Option<String>,
    /// Only with this SKU
    #[arg(long, value_name = "CODE")]
    sku: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = Paging::LIMIT)]
    limit: u64,
}

/// Which units of which order.
#[derive(Args, Debug)]
pub struct Units {
    channel: String,
    id: String,
    /// So many units of these [default: the whole order]
    #[arg(long, value_name = "SKU=N,…", value_delimiter = ',', value_parser = pick)]
    lines: Vec<Pick>,
    /// Your own name for it: the same sent twice is done once
    #[arg(long)]
    key: Option<String>,
}

#[derive(Args, Debug)]
pub struct Ship {
    #[command(flatten)]
    units: Units,
    /// From where they left [default: the first of the pool's locations that has some]
    #[arg(long, value_name = "CODE")]
    location: Option<String>,
}

#[derive(Args, Debug)]
pub struct Cancel {
    #[command(flatten)]
    units: Units,
    /// Where they lie, of a channel whose cancelled units are looked at (on_cancel = "review")
    #[arg(long, value_name = "CODE")]
    location: Option<String>,
}

#[derive(Args, Debug)]
pub struct Return {
    #[command(flatten)]
    units: Units,
    /// Where the goods are now [default: the pool's first location]
    #[arg(long, value_name = "CODE")]
    location: Option<String>,
    /// main (they are sold again), review, damaged or display [default: main, or review where the channel's
    /// on_cancel says so]
    #[arg(long)]
    bin: Option<String>,
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    match command {
        Command::List(asked) => {
            if let Some(id) = &asked.channel {
                desk.store.channel(id).await?;
            }
            let filter = OrderFilter { channel: asked.channel, state: asked.state, sku: asked.sku };
            let sheets =
                super::pages(Some(asked.limit), async |paging| desk.store.order_sheets(&filter, &paging).await).await?;
            desk.print.list(&sheets.items, "there is no such order", table);
            sheets.note_rest();
        }
        Command::Show { channel, id } => {
            let sheet = desk.store.order_sheet(&channel, &id).await?;
            desk.print.item(&sheet, page);
        }
        Command::Ship(asked) => do_to(&desk, Deed::Ship, asked.units, asked.location, None).await?,
        Command::Cancel(asked) => do_to(&desk, Deed::Cancel, asked.units, asked.location, None).await?,
        Command::Return(asked) => do_to(&desk, Deed::Return, asked.units, asked.location, asked.bin).await?,
        Command::Backfill(asked) => Box::pin(backfill::run(&desk, asked)).await?,
    }
    Ok(())
}

async fn do_to(desk: &Desk, deed: Deed, units: Units, location: Option<String>, bin: Option<String>) -> Done {
    let Units { channel, id: order_id, lines, key } = units;
    let picks = Some(lines).filter(|lines| !lines.is_empty());
    let key = key.map(|key| format!("cli/{key}"));
    let ask = Ask { deed, channel, order_id, picks, location, bin, key };
    desk.store.do_to_order(&ask, &desk.who).await?;
    let sheet = desk.store.order_sheet(&ask.channel, &ask.order_id).await?;
    desk.print.item(&sheet, page);
    Ok(())
}

fn pick(text: &str) -> Result<Pick, String> {
    let (name, quantity) = text.rsplit_once('=').ok_or("write SKU=N, as in tea=2")?;
    match quantity.parse() {
        Ok(quantity) if quantity > 0 && !name.is_empty() => Ok(Pick { name: item(name), quantity }),
        _ => Err(format!("{text:?}: write SKU=N with a whole number of 1 or more, as in tea=2")),
    }
}

fn table(sheets: &[OrderSheet]) -> String {
    let mut table = Table::new(&["CHANNEL", "ORDER", "ORDERED", "STATE", ">UNSHIPPED", "LINES"]);
    for sheet in sheets {
        let lines = sheet.lines.iter().map(|line| {
            let what = line.sku.as_ref().or(line.mall_key.as_ref());
            format!("{} × {}", what.map_or("?", String::as_str), line.ordered)
        });
        table.row(vec![
            sheet.channel.clone(),
            or_dash(sheet.order_id.as_ref()),
            or_dash(sheet.ordered_at.map(instant)),
            sheet.state.clone(),
            sheet.unshipped.to_string(),
            lines.collect::<Vec<_>>().join(", "),
        ]);
    }
    table.to_string()
}

fn page(sheet: &OrderSheet) -> String {
    let mut rows = vec![
        ("channel", sheet.channel.clone()),
        ("order", or_dash(sheet.order_id.as_ref())),
        ("family", or_dash(sheet.family.as_ref())),
        ("ordered", or_dash(sheet.ordered_at.map(instant))),
        ("updated", or_dash(sheet.updated_at.map(instant))),
        ("fulfilled by", or_dash(sheet.fulfilled_by.as_ref())),
        ("state", sheet.state.clone()),
        ("unshipped", sheet.unshipped.to_string()),
    ];
    rows.extend(sheet.reason.iter().map(|reason| ("reason", reason.clone())));
    let columns = [
        "LINE",
        "MALL KEY",
        "SKU",
        ">UNITS",
        ">ORDERED",
        ">CANCELLED",
        ">SHIPPED",
        ">RETURNED",
        ">EXPECTED BACK",
        ">UNSHIPPED",
        "RESTORED",
    ];
    let mut table = Table::new(&columns);
    for line in &sheet.lines {
        table.row(vec![
            line.line.clone(),
            or_dash(line.mall_key.as_ref()),
            line.sku.clone().unwrap_or_else(|| "- (unmapped)".into()),
            or_dash(line.units),
            line.ordered.to_string(),
            line.cancelled.to_string(),
            line.shipped.to_string(),
            line.returned.to_string(),
            line.return_expected.to_string(),
            line.unshipped.to_string(),
            line.restored.clone(),
        ]);
    }
    let text = pairs(&rows);
    if table.is_empty() { text } else { format!("{text}\n\n{table}") }
}
