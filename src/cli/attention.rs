//! `uriba attention`: what needs a person.

use clap::Subcommand;

use super::{
    desk::Common,
    failure::{Done, Failure},
    print::{instant, or_dash},
    table::Table,
};
use crate::{
    engine::braked::{Resolved, resolve},
    store::sheets::AttentionSheet,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open items, newest first
    List,
    /// One item; of a change that is held, with the numbers that it would change
    Show { id: i64 },
    /// Close an item; what it forbade is allowed again
    Resolve {
        id: i64,
        /// What is to be done about it; `list` shows what each item offers
        #[arg(long)]
        action: Option<String>,
    },
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    match command {
        Command::List => {
            let sheets = super::pages(None, async |paging| desk.store.attention_sheets(&paging).await).await?;
            desk.print.list(&sheets.items, "nothing needs anybody's attention", table);
        }
        Command::Show { id } => desk.print.item(&desk.store.attention_sheet(id).await?, page),
        Command::Resolve { id, action } => {
            match Box::pin(resolve(&desk.store, desk.config.brake, id, action.as_deref(), &desk.who)).await? {
                Resolved::Closed(row) => {
                    desk.print.item(&AttentionSheet::from(row), |sheet| format!("resolved: {}", sheet.message));
                }
                Resolved::HeldAgain(held) => {
                    let sheet = desk.store.attention_sheet(held.attention).await?;
                    desk.print.item(&sheet, page);
                    return Err(Failure::Refused(format!(
                        "held again: it would change more now than what was shown; look at the list and confirm {} once \
                         more, or refuse it",
                        held.attention
                    )));
                }
            }
        }
    }
    Ok(())
}

/// One item with the numbers that it is about.
fn page(sheet: &AttentionSheet) -> String {
    let mut said = format!("{} {}, since {}: {}", sheet.id, sheet.kind, instant(sheet.since), sheet.message);
    if let Some(changes) = sheet.changes.as_ref().map(super::changes::words) {
        said.push_str(&format!("\n\n{changes}"));
    }
    if !sheet.actions.is_empty() {
        said.push_str(&format!("\n\nactions: {}", sheet.actions.join(", ")));
    }
    said
}

fn table(sheets: &[AttentionSheet]) -> String {
    let mut table = Table::new(&[">ID", "KIND", "SINCE", "ACTIONS", "MESSAGE"]);
    for sheet in sheets {
        let actions = Some(sheet.actions.join(", ")).filter(|actions| !actions.is_empty());
        table.row(vec![
            sheet.id.clone(),
            sheet.kind.clone(),
            instant(sheet.since),
            or_dash(actions),
            sheet.message.clone(),
        ]);
    }
    table.to_string()
}
