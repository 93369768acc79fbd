//! `uriba attention`: what needs a person.

use clap::Subcommand;

use super::{
    desk::Common,
    failure::Done,
    print::{instant, or_dash},
    table::Table,
};
use crate::store::sheets::AttentionSheet;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open items, newest first
    List,
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
        Command::Resolve { id, action } => {
            let row = desk.store.resolve_attention(id, action.as_deref(), &desk.who).await?;
            desk.print.item(&AttentionSheet::from(row), |sheet| format!("resolved: {}", sheet.message));
        }
    }
    Ok(())
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
