//! `uriba order`: orders as their malls state them.

use clap::{Args, Subcommand};

use super::{
    desk::Common,
    failure::Done,
    print::{instant, or_dash},
    table::{Table, pairs},
};
use crate::store::sheets::{OrderFilter, OrderSheet, Paging};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Orders, newest first
    List(List),
    /// One order with its lines
    Show { channel: String, id: String },
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
    }
    Ok(())
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
            line.unshipped.to_string(),
            line.restored.clone(),
        ]);
    }
    let text = pairs(&rows);
    if table.is_empty() { text } else { format!("{text}\n\n{table}") }
}
