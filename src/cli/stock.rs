//! `uriba stock`: movements and counts, one by one or from the core system's files.

use clap::{Args, Subcommand};

use super::{
    desk::{Common, Desk},
    failure::Done,
    import, moment,
};
use crate::store::{
    movements::{Move, MoveKind},
    sheets::{ImportSheet, Paging},
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take in a file of the core system
    Import(import::Import),
    /// Files that were taken in, newest first
    Imports {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = Paging::LIMIT)]
        limit: u64,
    },
    /// Take a file's bookings back, whole and once; `stock imports` names it
    Undo {
        #[arg(value_name = "IMPORT")]
        import: i64,
    },
    /// Goods came in
    Receive(Single),
    /// Goods went out
    Issue(Single),
    /// Goods moved to another location, or to another bin of the same one
    Transfer(Transfer),
    /// So many are there, bins included
    Count(Count),
}

#[derive(Args, Debug)]
pub struct Single {
    sku: String,
    #[arg(allow_negative_numbers = true)]
    quantity: i64,
    #[arg(long, value_name = "CODE")]
    location: String,
    /// display, review or damaged [default: the main bin, which sells]
    #[arg(long)]
    bin: Option<String>,
    #[command(flatten)]
    common: Movement,
}

#[derive(Args, Debug)]
pub struct Transfer {
    sku: String,
    #[arg(allow_negative_numbers = true)]
    quantity: i64,
    #[arg(long, value_name = "CODE")]
    location: String,
    /// display, review or damaged [default: the main bin, which sells]
    #[arg(long)]
    bin: Option<String>,
    /// Where to: a location, or a location and its bin
    #[arg(long, value_name = "LOCATION[/BIN]")]
    to: String,
    #[command(flatten)]
    common: Movement,
}

#[derive(Args, Debug)]
pub struct Count {
    sku: String,
    #[arg(allow_negative_numbers = true)]
    quantity: i64,
    #[arg(long, value_name = "CODE")]
    location: String,
    /// When it was counted [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    #[command(flatten)]
    common: Movement,
}

/// What all movements take.
#[derive(Args, Debug)]
pub struct Movement {
    /// Your own name for it: the same movement sent twice is booked once
    #[arg(long)]
    key: Option<String>,
    /// Why, for the ledger and the log
    #[arg(long)]
    reason: Option<String>,
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    match command {
        Command::Import(asked) => import::run(&desk, asked).await,
        Command::Imports { limit } => {
            let sheets = super::pages(Some(limit), async |paging| desk.store.import_sheets(&paging).await).await?;
            desk.print.list(&sheets.items, "no file was taken in yet", import::table);
            sheets.note_rest();
            Ok(())
        }
        Command::Undo { import } => {
            let sheet = desk.store.undo_import(import, &desk.who).await?;
            let said = |sheet: &ImportSheet| format!("{} {} of {} is undone", sheet.kind, sheet.file, sheet.as_of);
            desk.print.item(&sheet, said);
            Ok(())
        }
        Command::Receive(asked) => book(&desk, single(MoveKind::Receipt, asked)).await,
        Command::Issue(asked) => book(&desk, single(MoveKind::Issue, asked)).await,
        Command::Transfer(asked) => {
            let (to, to_bin) = match asked.to.split_once('/') {
                Some((to, bin)) => (to.to_owned(), Some(bin.to_owned())),
                None => (asked.to, None),
            };
            let wanted = blank(MoveKind::Transfer, asked.sku, asked.quantity, asked.location, asked.common);
            book(&desk, Move { bin: asked.bin, to: Some(to), to_bin, ..wanted }).await
        }
        Command::Count(asked) => {
            let occurred_at = moment::maybe(asked.as_of.as_deref(), &desk.config)?;
            let wanted = blank(MoveKind::Stocktake, asked.sku, asked.quantity, asked.location, asked.common);
            book(&desk, Move { occurred_at, ..wanted }).await
        }
    }
}

fn single(kind: MoveKind, asked: Single) -> Move {
    let bin = asked.bin;
    Move { bin, ..blank(kind, asked.sku, asked.quantity, asked.location, asked.common) }
}

fn blank(kind: MoveKind, sku: String, quantity: i64, location: String, common: Movement) -> Move {
    Move {
        key: common.key.unwrap_or_default(),
        kind,
        sku,
        location,
        bin: None,
        to: None,
        to_bin: None,
        quantity,
        occurred_at: None,
        reason: common.reason,
    }
}

async fn book(desk: &Desk, mut wanted: Move) -> Done {
    if wanted.key.is_empty() {
        wanted.key = desk.store.env().id().to_string();
    }
    let booked = desk.store.move_stock(&wanted, &desk.who).await?;
    let sheet = desk.store.sku_sheet(&wanted.sku, &desk.outlines()).await?;
    desk.print.item(&wanted, |wanted| {
        let what =
            if booked { wanted.sentence() } else { format!("booked before under {:?}; nothing changed", wanted.key) };
        format!("{}: {what}\n{}", sheet.code, super::sku::in_short(&sheet))
    });
    Ok(())
}
