//! `uriba token`: who may use the HTTP API.

use clap::{Subcommand, ValueEnum};

use super::{
    desk::Common,
    failure::Done,
    print::{instant, note, or_dash},
    table::Table,
};
use crate::store::sheets::TokenSheet;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token; it is shown this once, alone on standard output
    Create {
        name: String,
        /// What it may do; several with commas
        #[arg(long, required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
    },
    /// All tokens, without their secrets, which nobody has any more
    List,
    /// End a token at once
    Revoke { name: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// Look at everything
    Read,
    /// Look at everything and change things
    Operate,
    /// Everything, whatever comes
    Admin,
}

impl Scope {
    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    match command {
        Command::Create { name, scope } => {
            let scopes: Vec<&str> = scope.into_iter().map(Scope::word).collect();
            let secret = desk.store.create_token(&name, &scopes, &desk.who).await?;
            super::print::line(&secret);
            note("this is the only time that the token is shown");
        }
        Command::List => {
            let sheets = desk.store.token_sheets().await?;
            let none = "there is no token: `uriba token create NAME --scope read` makes one";
            desk.print.list(&sheets.items, none, table);
        }
        Command::Revoke { name } => {
            desk.store.revoke_token(&name, &desk.who).await?;
            desk.print.done(&format!("the token {name:?} is revoked"));
        }
    }
    Ok(())
}

fn table(sheets: &[TokenSheet]) -> String {
    let mut table = Table::new(&["NAME", "SCOPES", "CREATED", "BY", "REVOKED"]);
    for sheet in sheets {
        table.row(vec![
            sheet.name.clone(),
            sheet.scopes.join(", "),
            instant(sheet.created_at),
            sheet.created_by.clone(),
            or_dash(sheet.revoked_at.map(instant)),
        ]);
    }
    table.to_string()
}
