//! Files: read whole, taken in whole or not at all.

use std::path::{Path, PathBuf};

use clap::{Args, builder::PossibleValuesParser};

use super::{
    desk::Desk,
    failure::{Done, Failure},
    moment,
    print::{counted, instant, note},
    progress::Bar,
    table::Table,
};
use crate::{
    config::order_files,
    engine::import::{CoreFile, FILE_BYTES_MAX, FileKind, ImportReport, ImportState, Profile, Terms, import_file},
    store::sheets::ImportSheet,
};

/// `uriba stock import KIND FILE`.
#[derive(Args, Debug)]
pub struct Import {
    /// What the file says: book (on hand), sales, receipts (per business date), holdbacks (not for sale online),
    /// orders (out of a mall's own CSV), bundles (what they are made of), listings (what each channel sells)
    #[arg(value_parser = PossibleValuesParser::new(FileKind::WORDS), hide_possible_values = true)]
    kind: String,
    #[command(flatten)]
    file: File,
    /// When the file was made, for rows that don't say it [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// How the file is written: one of the configuration's profiles, or the mall whose console exported the orders
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Orders: whose they are, where the file doesn't say it. A console's export never does
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
}

/// What all files take.
#[derive(Args, Debug)]
pub struct File {
    /// CSV in UTF-8 or CP932 with a header row; - is standard input
    pub file: PathBuf,
    /// Say what would happen and which numbers would change on which mall, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take in the good rows of a file that has bad ones; those go to FILE.rejects.csv
    #[arg(long)]
    pub skip_invalid: bool,
}

pub async fn run(desk: &Desk, asked: Import) -> Done {
    let kind = FileKind::parse(&asked.kind).unwrap_or(FileKind::Book);
    let about = About { as_of: asked.as_of, profile: asked.profile, channel: asked.channel, create_skus: false };
    take(desk, kind, &asked.file, &about).await
}

/// What is said of a file beside it.
#[derive(Default)]
pub struct About {
    pub as_of: Option<String>,
    pub profile: Option<String>,
    pub channel: Option<String>,
    /// Of listings: SKUs that nobody knows are made.
    pub create_skus: bool,
}

/// Takes a file in, and says what became of it.
pub async fn take(desk: &Desk, kind: FileKind, file: &File, about: &About) -> Done {
    if desk.config.counts_shipments.is_none() && matches!(kind, FileKind::Book | FileKind::Sales) {
        let message = "[core] counts_shipments is missing in the configuration: say \"at_once\" if the core system's \
                       stock falls by itself when the malls' orders ship, \"by_sales_file\" if its sales files list \
                       them, \"never\" if it doesn't know them";
        return Err(Failure::Usage(message.into()));
    }
    let profile = match &about.profile {
        None => Profile::default(),
        Some(name) => desk.config.profiles.get(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = desk.config.profiles.keys().map(String::as_str).collect();
            Failure::Usage(format!("there is no profile {name:?}; there are: {}", names.join(", ")))
        })?,
    };
    let terms = Terms::of(&desk.config.plans_as_readable()).reading(order_files::read);
    let channel = about.channel.as_deref();
    if let Some(fault) = channel.and_then(|channel| terms.fault(kind, channel)) {
        return Err(Failure::Usage(format!("--channel: {fault}")));
    }
    let bytes = file.read()?;
    let bar = Bar::new(&file.name());
    let book = CoreFile {
        kind,
        name: &file.name(),
        bytes: &bytes,
        as_of: moment::maybe(about.as_of.as_deref(), &desk.config)?,
        date: None,
        profile: &profile,
        channel,
        guard: &desk.guard(),
        dry_run: file.dry_run,
        skip_invalid: file.skip_invalid,
        create_skus: about.create_skus,
        by: &desk.who,
        terms: &terms,
        progress: Some(&|done, all| bar.at(done, all)),
    };
    let report = import_file(&desk.store, &book).await;
    bar.end();
    file.tell(desk, &report?)
}

/// `uriba stock imports`.
pub fn table(sheets: &[ImportSheet]) -> String {
    let columns = ["ID", "KIND", "FILE", "AS OF", "STATE", ">ROWS", ">CHANGED", "AT", "BY"];
    let mut table = Table::new(&columns);
    for sheet in sheets {
        table.row(vec![
            sheet.id.clone(),
            sheet.kind.clone(),
            sheet.file.clone(),
            instant(sheet.as_of),
            sheet.state.clone(),
            sheet.rows.to_string(),
            sheet.booked.to_string(),
            instant(sheet.at),
            sheet.by.clone(),
        ]);
    }
    table.to_string()
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
            let changes = report.changes.as_ref().map(super::changes::words);
            changes.map_or_else(|| said.clone(), |changes| format!("{said}\n\n{changes}"))
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
