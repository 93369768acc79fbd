//! Files: read whole, taken in whole or not at all.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{
    desk::Desk,
    failure::{Done, Failure},
    moment,
    print::{counted, note},
};
use crate::engine::{
    braked::take_book,
    import::{BookFile, BundlesFile, FILE_BYTES_MAX, ImportReport, ImportState, Profile, import_bundles},
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// On hand per location and SKU: columns location, sku, quantity (and name, jan, as_of)
    Book {
        #[command(flatten)]
        file: File,
        /// When the figures were true, for rows that don't say it [default: now]
        #[arg(long, value_name = "TIME")]
        as_of: Option<String>,
    },
    /// What bundles are made of: columns bundle, component, quantity
    Bundles {
        #[command(flatten)]
        file: File,
    },
}

/// What all files take.
#[derive(Args, Debug)]
pub struct File {
    /// CSV in UTF-8 or CP932 with a header row; - is standard input
    pub file: PathBuf,
    /// Say what would happen, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take in the good rows of a file that has bad ones; those go to FILE.rejects.csv
    #[arg(long)]
    pub skip_invalid: bool,
}

pub async fn run(desk: &Desk, command: Command) -> Done {
    match command {
        Command::Book { file, as_of } => book(desk, file, as_of).await,
        Command::Bundles { file } => {
            let bytes = file.read()?;
            let bundles = BundlesFile {
                bytes: &bytes,
                profile: &Profile::default(),
                guard: &desk.guard(),
                dry_run: file.dry_run,
                skip_invalid: file.skip_invalid,
                by: &desk.who,
            };
            let report = import_bundles(&desk.store, &bundles).await?;
            file.tell(desk, &report)
        }
    }
}

async fn book(desk: &Desk, file: File, as_of: Option<String>) -> Done {
    if desk.config.counts_shipments.is_none() {
        let message = "[core] counts_shipments is missing in the configuration: say \"at_once\" if the core system's \
                       stock falls by itself when the malls' orders ship, \"never\" if it doesn't know them";
        return Err(Failure::Usage(message.into()));
    }
    let bytes = file.read()?;
    let book = BookFile {
        name: &file.name(),
        bytes: &bytes,
        as_of: moment::maybe(as_of.as_deref(), &desk.config)?,
        zone: &desk.config.zone,
        profile: &Profile::default(),
        counts: desk.config.counts_shipments,
        dry_run: file.dry_run,
        skip_invalid: file.skip_invalid,
        by: &desk.who,
    };
    let report = take_book(&desk.store, &book, &desk.guard()).await?;
    file.tell(desk, &report)
}

impl File {
    pub fn read(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let limit = FILE_BYTES_MAX as u64 + 1;
        let read = if self.file == Path::new("-") {
            std::io::Read::read_to_end(&mut std::io::Read::take(std::io::stdin().lock(), limit), &mut bytes)
        } else {
            std::fs::File::open(&self.file)
                .and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, limit), &mut bytes))
        };
        read.map_err(|error| Failure::failed(format!("{} can't be read: {error}", self.name())))?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Failure::failed(format!("{} is larger than {} MiB", self.name(), FILE_BYTES_MAX >> 20)));
        }
        Ok(bytes)
    }

    /// For the log and the ledger.
    pub fn name(&self) -> String {
        if self.file == Path::new("-") {
            return "standard input".into();
        }
        self.file.file_name().unwrap_or(self.file.as_os_str()).to_string_lossy().into_owned()
    }

    /// Prints what became of the file; a refused one is a failure.
    pub fn tell(&self, desk: &Desk, report: &ImportReport) -> Done {
        let name = self.name();
        desk.print.item(report, |report| {
            let said = sentence(&name, report, self.dry_run);
            let changes = super::changes::words(&report.changes, report.changes_total);
            if changes.is_empty() { said } else { format!("{said}\n\n{changes}") }
        });
        for row in &report.rejected {
            let column = row.column.as_ref().map(|column| format!(": {column}")).unwrap_or_default();
            note(&format!("{name}:{}{column}: {}", row.line, row.message));
        }
        let untold = report.rejected_rows.saturating_sub(report.rejected.len() as u64);
        if untold > 0 {
            note(&format!("{name}: and {} more", counted(untold, "row")));
        }
        match report.state {
            ImportState::Refused => Err(Failure::failed(format!("{name} is refused: nothing of it was taken in"))),
            ImportState::Held => Err(super::changes::held(report.attention.as_deref().unwrap_or_default())),
            ImportState::Booked | ImportState::Unchanged => self.keep_rejects(report),
        }
    }

    /// What was left out, beside the file.
    fn keep_rejects(&self, report: &ImportReport) -> Done {
        if report.rejected.is_empty() || self.dry_run || self.file == Path::new("-") {
            return Ok(());
        }
        let mut path = self.file.clone().into_os_string();
        path.push(".rejects.csv");
        let path = PathBuf::from(path);
        let written = || -> Result<(), csv::Error> {
            let mut file = csv::Writer::from_path(&path)?;
            file.write_record(["line", "column", "message"])?;
            for row in &report.rejected {
                file.write_record([&row.line.to_string(), row.column.as_deref().unwrap_or_default(), &row.message])?;
            }
            Ok(file.flush()?)
        };
        match written() {
            Ok(()) => note(&format!("the rejected rows are listed in {}", path.display())),
            Err(error) => note(&format!("the rejected rows could not be listed in {}: {error}", path.display())),
        }
        Ok(())
    }
}

fn sentence(name: &str, report: &ImportReport, dry_run: bool) -> String {
    let rows = counted(report.rows, "row");
    let rejected = match report.rejected_rows {
        0 => String::new(),
        n => format!(", {} rejected", counted(n, "row")),
    };
    let figures =
        format!("{} changed, {} unchanged, {} created{rejected}", report.booked, report.unchanged, report.created);
    match report.state {
        ImportState::Refused => format!("{name}: {rows}{rejected}"),
        ImportState::Held => format!("{name}: {rows}{rejected}; held: it would change too many numbers at once"),
        ImportState::Unchanged => format!("{name}: {rows}; it was taken in before, nothing happened{rejected}"),
        ImportState::Booked if dry_run => format!("{name}: {rows}; would be: {figures}"),
        ImportState::Booked => format!("{name}: {rows}; {figures}"),
    }
}
