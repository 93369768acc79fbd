//! `uriba adapter`: which malls this build can talk to, whether an adapter keeps its contract, and how one begins.

#[cfg(feature = "demo")]
mod fake;
mod new;
mod template;
#[cfg(feature = "demo")]
mod test;

use clap::Subcommand;
use serde::Serialize;
use uriba_sdk::{Card, MallEntry, card::WriteMode};

use super::{desk::Common, failure::Done, table::Table};
use crate::malls::MALLS;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The malls of this build
    List,
    /// Run the conformance kit against an adapter and its fake
    #[cfg(feature = "demo")]
    Test(test::Test),
    /// Open a made-up shop on this machine, to try a hub on
    #[cfg(feature = "demo")]
    Fake(fake::Fake),
    /// Begin an adapter in a checkout of uriba (see docs/add-a-mall.md)
    New(new::New),
}

#[derive(Serialize)]
struct MallSheet {
    mall: &'static str,
    name: &'static str,
    writes: Vec<&'static str>,
    credentials: Vec<&'static str>,
    options: Vec<&'static str>,
    quotas: Vec<&'static str>,
}

pub async fn run(common: &Common, command: Command) -> Done {
    match command {
        Command::List => {
            let sheets: Vec<MallSheet> = MALLS.iter().copied().map(sheet).collect();
            common.printer().list(&sheets, "this build has no mall", table);
            Ok(())
        }
        #[cfg(feature = "demo")]
        Command::Test(asked) => test::run(common, asked).await,
        #[cfg(feature = "demo")]
        Command::Fake(asked) => fake::run(asked).await,
        Command::New(asked) => new::run(common, asked),
    }
}

fn sheet(mall: &'static MallEntry) -> MallSheet {
    let card: &'static Card = mall.card;
    let writes = card.writes.iter().map(|way| match way.mode {
        WriteMode::Absolute => "absolute",
        WriteMode::Relative => "relative",
        WriteMode::CompareAndSet => "compare_and_set",
    });
    MallSheet {
        mall: mall.id,
        name: card.name,
        writes: writes.collect(),
        credentials: card.credentials.iter().map(|credential| credential.key).collect(),
        options: card.options.iter().map(|option| option.key).collect(),
        quotas: card.quotas.iter().map(|quota| quota.name).collect(),
    }
}

fn table(sheets: &[MallSheet]) -> String {
    let mut table = Table::new(&["MALL", "NAME", "WRITES", "CREDENTIALS"]);
    for sheet in sheets {
        table.row(vec![
            sheet.mall.to_owned(),
            sheet.name.to_owned(),
            sheet.writes.join(", "),
            sheet.credentials.join(", "),
        ]);
    }
    table.to_string()
}
