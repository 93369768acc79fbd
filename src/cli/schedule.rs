//! `uriba schedule`: what happens by itself at a set time.

use clap::Subcommand;

use super::{
    desk::Common,
    failure::Done,
    print::{instant, or_dash},
    table::Table,
};
use crate::store::sheets::DueSheet;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Switches, ends of suspensions and sale plans that are due, soonest first
    List,
    /// Take one back before it is due
    Delete { id: String },
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    match command {
        Command::List => {
            let sheets = super::pages(None, async |paging| desk.store.due_sheets(&paging).await).await?;
            desk.print.list(&sheets.items, "nothing is due", table);
        }
        Command::Delete { id } => {
            let said = desk.store.unschedule(&id, &desk.who).await?;
            desk.print.done(&said);
        }
    }
    Ok(())
}

fn table(sheets: &[DueSheet]) -> String {
    let mut table = Table::new(&["AT", "ACTION", "OF", "UNTIL", "BY", "REASON", "ID"]);
    for sheet in sheets {
        let mode = sheet.mode.as_ref().map_or(String::new(), |mode| format!(" ({mode})"));
        table.row(vec![
            instant(sheet.at),
            format!("{}{mode}", sheet.action),
            or_dash(sheet.channel.as_ref().or(sheet.plan.as_ref())),
            or_dash(sheet.until.map(instant)),
            or_dash(sheet.by.as_ref()),
            sheet.reason.clone().unwrap_or_default(),
            or_dash(sheet.id.as_ref()),
        ]);
    }
    table.to_string()
}
