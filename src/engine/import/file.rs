//! A file of the core system, from its bytes to the ledger: once, whole or not at all.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use sha2::{Digest, Sha256};

use super::{
    Figures, ImportReport, ImportState, Profile, Rejects,
    judge::{Judged, judge},
    orders, refused,
    rows::{FUTURE, Item, Reader, columns},
    sheet::{Flaw, Sheet},
    text,
};
use crate::{
    engine::ChannelPlan,
    store::{
        Result, Store, StoreError,
        entity::stock_import,
        imports::{Figure, NewImport, PIECE, Piece, Rows, UNSAID},
        intake::Intake,
        recompute::Allowance,
        running::{Manner, Running},
        token::hex,
        trial::Trial,
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// 店舗帳簿在庫: what there is of each SKU at each location, as of an instant.
    Book,
    /// 店舗売上: what was sold, per business date.
    Sales,
    /// 店舗仕入: what came in, per business date.
    Receipts,
    /// 調整在庫: what is not for sale online, absolute.
    Holdbacks,
    /// Orders out of a mall's own CSV, to close a gap.
    Orders,
}

/// A file and how to take it in.
#[derive(Clone)]
pub struct CoreFile<'a> {
    pub kind: FileKind,
    /// For the log and the ledger: where its figures came from.
    pub name: &'a str,
    pub bytes: &'a [u8],
    /// When the file was made, for rows that don't say their own. `None`: now, unless this very content was
    /// booked before.
    pub as_of: Option<Timestamp>,
    /// The business date of rows that don't say their own. `None`: the one to which `as_of` belongs.
    pub date: Option<Date>,
    pub profile: &'a Profile,
    pub dry_run: bool,
    /// Books the good rows of a file that has bad ones.
    pub skip_invalid: bool,
    pub by: &'a str,
    pub terms: &'a Terms,
    pub progress: Option<Progress<'a>>,
}

/// What files need to know of the channels.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// What a trial computes targets with.
    pub allowances: HashMap<String, Allowance>,
    /// The channels that an orders file may name.
    pub intakes: HashMap<String, Intake>,
}

impl Terms {
    pub fn of(plans: &[ChannelPlan]) -> Self {
        let allowance = |plan: &ChannelPlan| (plan.id.clone(), plan.allowance());
        let intake = |plan: &ChannelPlan| (plan.id.clone(), plan.intake());
        Self { allowances: plans.iter().map(allowance).collect(), intakes: plans.iter().map(intake).collect() }
    }
}

/// Told after each piece: rows that are booked, and rows in all.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Takes a file in, whole or not at all, once.
pub async fn import_file(store: &Store, file: &CoreFile<'_>) -> Result<ImportReport> {
    let rules = store.core_rules(store.reader()).await?;
    if rules.counts.is_none() && matches!(file.kind, FileKind::Book | FileKind::Sales) {
        return Err(StoreError::Refused(UNSAID.into()));
    }
    let now = store.now();
    if let Some(as_of) = file.as_of.filter(|as_of| *as_of > now) {
        return Err(StoreError::Invalid(format!("as of {as_of} {FUTURE}")));
    }
    let text = match text::decode(file.bytes, file.profile.encoding) {
        Ok(text) => text,
        Err(flaw) => return Ok(refused(flaw)),
    };
    let sheet = match Sheet::open(&text, file.profile, columns(file.kind, file.profile.figures)) {
        Ok(sheet) => sheet,
        Err(flaw) => return Ok(refused(flaw)),
    };
    if file.kind == FileKind::Orders {
        return orders::take_in(store, file, &sheet, &rules.days.zone).await;
    }
    let made_at = file.as_of.unwrap_or(now);
    let date = file.date.or(file.as_of.map(|as_of| rules.days.date_of(as_of)));
    let reader = Reader { kind: file.kind, profile: file.profile, rules: &rules, made_at, date };
    if let Some(flaw) = reader.fault(&sheet) {
        return Ok(refused(flaw));
    }
    let mut rejects = Rejects::default();
    let judged = judge(store, &sheet, &reader, &mut rejects).await?;
    let work = Work { file, sheet: &sheet, reader: &reader, judged: &judged };
    // Rows that say their own instants make the file's.
    let as_of = file.as_of.or(judged.newest);
    file.take_in(store, rejects, judged.rows, judged.good, as_of, async |session| work.book(session).await).await
}

/// Where pieces go: into short transactions of their own, or into a trial.
pub(super) struct Session<'a> {
    store: &'a Store,
    import: stock_import::Model,
    trial: Option<Trial>,
    sum: Piece,
}

impl Session<'_> {
    pub async fn book(&mut self, rows: Rows<'_>) -> Result<()> {
        let piece = match &self.trial {
            None => self.store.book_rows(&self.import, rows).await?,
            Some(trial) => self.store.try_rows(trial, &self.import, rows).await?,
        };
        self.sum.booked += piece.booked;
        self.sum.unchanged += piece.unchanged;
        self.sum.created += piece.created;
        Ok(())
    }
}

impl CoreFile<'_> {
    /// What all kinds have in common once their rows are judged; `book` hands in the good ones.
    pub(super) async fn take_in(
        &self,
        store: &Store,
        rejects: Rejects,
        rows: u64,
        good: u64,
        as_of: Option<Timestamp>,
        book: impl AsyncFnOnce(&mut Session<'_>) -> Result<()>,
    ) -> Result<ImportReport> {
        if rows == 0 {
            return Ok(refused(Flaw::whole("the file has no row below its header")));
        }
        if rejects.total > 0 && !(self.skip_invalid && good > 0) {
            return Ok(rejects.report(ImportState::Refused, rows));
        }
        let digest = hex(&Sha256::digest(self.bytes));
        let known = store.known_import(self.kind.word(), &digest, as_of).await?;
        if let Some(known) = known.filter(|known| known.state == "booked") {
            let report = rejects.report(ImportState::Unchanged, rows);
            return Ok(ImportReport { id: Some(known.id.to_string()), unchanged: good, ..report });
        }
        let new = NewImport { kind: self.kind.word(), file: self.name, digest: &digest, as_of, rows, by: self.by };
        let report = rejects.report(ImportState::Booked, rows);
        if self.dry_run {
            let trial = store.begin_trial(&self.terms.allowances).await?;
            let import = store.try_import(&trial, &new).await?;
            let mut session = Session { store, import, trial: Some(trial), sum: Piece::default() };
            book(&mut session).await?;
            let Session { import, trial, sum, .. } = session;
            let changes = match trial {
                Some(trial) => Some(store.end_trial(trial, &import, &self.terms.allowances).await?),
                None => None,
            };
            return Ok(ImportReport { changes, ..report.with(None, sum) });
        }
        let import = store.begin_import(&new).await?;
        let mut session = Session { store, import, trial: None, sum: Piece::default() };
        book(&mut session).await?;
        let done = store.finish_import(&session.import).await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let sum = Piece { booked: count(done.booked), unchanged: count(done.unchanged), created: count(done.created) };
        Ok(report.with(Some(done.id.to_string()), sum))
    }
}

impl ImportReport {
    fn with(self, id: Option<String>, sum: Piece) -> Self {
        Self { id, booked: sum.booked, unchanged: sum.unchanged, created: sum.created, ..self }
    }
}

/// The second pass.
struct Work<'a> {
    file: &'a CoreFile<'a>,
    sheet: &'a Sheet<'a>,
    reader: &'a Reader<'a>,
    judged: &'a Judged,
}

impl Work<'_> {
    async fn book(&self, session: &mut Session<'_>) -> Result<()> {
        let mut walk = self.sheet.walk();
        let (mut figures, mut running) = (Vec::with_capacity(PIECE), Vec::new());
        let mut done = 0;
        loop {
            let row = walk.next();
            let ended = row.is_none();
            match row.and_then(|row| self.reader.item(&row.ok()?).ok()) {
                Some(item) if self.judged.bad.contains(&item.line()) => {}
                Some(Item::Figure(figure)) => figures.push(figure),
                Some(Item::Running(row)) => running.push(row),
                None => {}
            }
            let held = figures.len() + running.len();
            if held == PIECE || (ended && held > 0) {
                session.book(self.rows(&figures, &running)).await?;
                done += held as u64;
                figures.clear();
                running.clear();
                if let Some(progress) = self.file.progress {
                    progress(done, self.judged.good);
                }
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn rows<'b>(&'b self, figures: &'b [Figure], running: &'b [Running]) -> Rows<'b> {
        let profile = self.file.profile;
        match self.file.kind {
            FileKind::Book => Rows::Book { figures, bins: &profile.book_includes },
            FileKind::Holdbacks => Rows::Holdbacks(figures),
            kind => {
                let manner = Manner { kind: kind.word(), book_resets: profile.book_resets_sales };
                Rows::Running { manner, rows: running }
            }
        }
    }
}

impl Reader<'_> {
    pub(super) fn is_incremental(&self) -> bool {
        let running = matches!(self.kind, FileKind::Sales | FileKind::Receipts);
        running && self.profile.figures == Figures::Incremental
    }
}

impl FileKind {
    pub const ALL: [Self; 5] = [Self::Book, Self::Sales, Self::Receipts, Self::Holdbacks, Self::Orders];
    pub const WORDS: [&'static str; 5] = ["book", "sales", "receipts", "holdbacks", "orders"];

    pub fn word(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Sales => "sales",
            Self::Receipts => "receipts",
            Self::Holdbacks => "holdbacks",
            Self::Orders => "orders",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}
