//! A file of the core system, from its bytes to the ledger: once, whole or not at all.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Figures, ImportReport, ImportState, Profile, Rejects, bundles,
    judge::{Judged, judge},
    listings,
    orders::{self, OrderReader, Orders},
    refused,
    rows::{FUTURE, Item, Reader, columns},
    sheet::{Flaw, Sheet},
    text,
};
use crate::{
    engine::{
        ChannelPlan,
        braked::{Guard, hold_file},
    },
    store::{
        Result, Store, StoreError,
        entity::stock_import,
        imports::{Figure, NewImport, PIECE, Piece, Rows, UNSAID},
        intake::Intake,
        preview::{Changes, Preview},
        running::{Manner, Running},
        token::hex,
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// セット商品: what bundles are made of.
    Bundles,
    /// 出品: what each channel sells, and by which rules.
    Listings,
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
    /// Of orders: whose those are whose rows don't say it.
    pub channel: Option<&'a str>,
    /// When a change of many numbers at once is held.
    pub guard: &'a Guard,
    pub dry_run: bool,
    /// Books the good rows of a file that has bad ones.
    pub skip_invalid: bool,
    /// Of listings: a SKU that nobody knows is made instead of refused.
    pub create_skus: bool,
    pub by: &'a str,
    pub terms: &'a Terms,
    pub progress: Option<Progress<'a>>,
}

/// What files need to know of the channels.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// The channels that an orders file may name.
    pub intakes: HashMap<String, Intake>,
    /// What reads files of orders. `None`: they are not taken in here.
    pub order_files: Option<OrderReader>,
}

impl Terms {
    pub fn of(plans: &[ChannelPlan]) -> Self {
        let intakes = plans.iter().map(|plan| (plan.id.clone(), plan.intake())).collect();
        Self { intakes, order_files: None }
    }

    /// Takes in files of orders, too.
    #[must_use]
    pub fn reading(self, order_files: OrderReader) -> Self {
        Self { order_files: Some(order_files), ..self }
    }

    /// Why a file of this kind can't be of this channel.
    pub fn fault(&self, kind: FileKind, channel: &str) -> Option<String> {
        if kind != FileKind::Orders {
            return Some(format!("only a file of orders is of one channel, and this is one of {}", kind.word()));
        }
        if self.intakes.contains_key(channel) {
            return None;
        }
        let mut known: Vec<&str> = self.intakes.keys().map(String::as_str).collect();
        known.sort_unstable();
        Some(format!("there is no channel {channel:?} whose orders are read; there are: {}", known.join(", ")))
    }
}

/// Told after each piece: rows that are booked, and rows in all.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Takes a file in, whole or not at all, once.
pub async fn import_file(store: &Store, file: &CoreFile<'_>) -> Result<ImportReport> {
    // A future of its own: callers nest deep, and the compiler lays each out within its caller.
    Box::pin(taken(store, file)).await
}

async fn taken(store: &Store, file: &CoreFile<'_>) -> Result<ImportReport> {
    let rules = store.core_rules(store.reader()).await?;
    if rules.counts.is_none() && matches!(file.kind, FileKind::Book | FileKind::Sales) {
        return Err(StoreError::Refused(UNSAID.into()));
    }
    let now = store.now();
    if let Some(as_of) = file.as_of.filter(|as_of| *as_of > now) {
        return Err(StoreError::Invalid(format!("as of {as_of} {FUTURE}")));
    }
    if file.kind == FileKind::Orders {
        return orders::take_in(store, file, &rules.days.zone).await;
    }
    if let Some(mall) = &file.profile.export {
        let what =
            format!("the profile is for orders as {mall} exports them, and this is a file of {}", file.kind.word());
        return Ok(refused(Flaw::whole(what)));
    }
    let text = match text::decode(file.bytes, file.profile.encoding) {
        Ok(text) => text,
        Err(flaw) => return Ok(refused(flaw)),
    };
    let sheet = match Sheet::open(&text, file.profile, columns(file.kind, file.profile.figures)) {
        Ok(sheet) => sheet,
        Err(flaw) => return Ok(refused(flaw)),
    };
    match file.kind {
        FileKind::Bundles => return bundles::take_in(store, file, &sheet).await,
        FileKind::Listings => return listings::take_in(store, file, &sheet).await,
        FileKind::Book | FileKind::Sales | FileKind::Receipts | FileKind::Holdbacks | FileKind::Orders => {}
    }
    let made_at = file.as_of.unwrap_or(now);
    let date = file.date.or(file.as_of.map(|as_of| rules.days.date_of(as_of)));
    let reader = Reader { kind: file.kind, profile: file.profile, rules: &rules, made_at, date };
    if let Some(flaw) = reader.fault(&sheet) {
        return Ok(refused(flaw));
    }
    let mut rejects = Rejects::default();
    let judged = judge(store, &sheet, &reader, &mut rejects).await?;
    let good = Good::Rows(Work { file, sheet: &sheet, reader: &reader, judged: &judged });
    // Rows that say their own instants make the file's.
    let as_of = file.as_of.or(judged.newest);
    file.take_in(store, rejects, (judged.rows, judged.good), as_of, &good).await
}

/// Where pieces go, and what they came to.
pub(super) struct Session<'a> {
    store: &'a Store,
    aim: Aim<'a>,
    sum: Piece,
}

enum Aim<'a> {
    Book(stock_import::Model),
    /// `sold_only`: nothing is asked but which numbers would change.
    Preview {
        new: &'a NewImport<'a>,
        preview: Preview,
        sold_only: bool,
    },
}

impl Session<'_> {
    pub async fn book(&mut self, rows: Rows<'_>) -> Result<()> {
        let piece = match &mut self.aim {
            Aim::Book(import) => Box::pin(self.store.book_rows(import, rows)).await?,
            Aim::Preview { new, preview, sold_only } => {
                Box::pin(self.store.preview_rows(preview, new, rows, *sold_only)).await?
            }
        };
        self.sum.booked += piece.booked;
        self.sum.unchanged += piece.unchanged;
        self.sum.created += piece.created;
        Ok(())
    }
}

impl CoreFile<'_> {
    /// What the file says: the same rows are others when they are another channel's.
    fn digest(&self) -> String {
        let content = Sha256::new_with_prefix(self.bytes);
        hex(&self.channel.map_or(content.clone(), |channel| content.chain_update([0]).chain_update(channel)).finalize())
    }

    /// What all kinds have in common once their rows are judged; `rows`: of the file, and good ones.
    pub(super) async fn take_in(
        &self,
        store: &Store,
        rejects: Rejects,
        (rows, good): (u64, u64),
        as_of: Option<Timestamp>,
        items: &Good<'_>,
    ) -> Result<ImportReport> {
        if rows == 0 {
            return Ok(refused(Flaw::whole("the file has no row below its header")));
        }
        if rejects.total > 0 && !(self.skip_invalid && good > 0) {
            return Ok(rejects.report(ImportState::Refused, rows));
        }
        let digest = self.digest();
        let known = store.known_import(self.kind.word(), &digest, as_of).await?;
        // One that was begun goes on: it was weighed when it began.
        let is_begun = known.is_some();
        if let Some(known) = known.filter(|known| known.state == "booked") {
            let report = rejects.report(ImportState::Unchanged, rows);
            return Ok(ImportReport { id: Some(known.id.to_string()), unchanged: good, ..report });
        }
        let new = NewImport { kind: self.kind.word(), file: self.name, digest: &digest, as_of, rows, by: self.by };
        let report = rejects.report(ImportState::Booked, rows);
        if self.dry_run {
            let (sum, changes) = previewed(store, &new, false, items).await?;
            return Ok(ImportReport { changes: Some(changes), ..report.with(None, sum) });
        }
        if !is_begun && self.kind != FileKind::Orders {
            let (_, changes) = previewed(store, &new, true, items).await?;
            if let Some(held) = hold_file(store, self, as_of, &changes).await? {
                return Ok(report.held(held, changes));
            }
        }
        let import = store.begin_import(&new).await?;
        let mut session = Session { store, aim: Aim::Book(import.clone()), sum: Piece::default() };
        items.book(&mut session).await?;
        let done = store.finish_import(&import).await?;
        if let Good::Orders(_, orders) = items {
            orders::close_gaps(store, self, orders).await?;
        }
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let sum = Piece { booked: count(done.booked), unchanged: count(done.unchanged), created: count(done.created) };
        Ok(report.with(Some(done.id.to_string()), sum))
    }
}

async fn previewed(store: &Store, new: &NewImport<'_>, sold_only: bool, items: &Good<'_>) -> Result<(Piece, Changes)> {
    let preview = store.preview_file(new.kind).await?;
    let mut session = Session { store, aim: Aim::Preview { new, preview, sold_only }, sum: Piece::default() };
    items.book(&mut session).await?;
    let changes = match session.aim {
        Aim::Preview { preview, .. } => store.end_preview(preview).await?,
        Aim::Book(_) => Changes::default(),
    };
    Ok((session.sum, changes))
}

impl ImportReport {
    fn with(self, id: Option<String>, sum: Piece) -> Self {
        Self { id, booked: sum.booked, unchanged: sum.unchanged, created: sum.created, ..self }
    }
}

/// What of a file is good, to be walked over again.
pub(super) enum Good<'a> {
    Rows(Work<'a>),
    Orders(&'a CoreFile<'a>, Orders),
}

impl Good<'_> {
    async fn book(&self, session: &mut Session<'_>) -> Result<()> {
        match self {
            Self::Rows(work) => work.book(session).await,
            Self::Orders(file, orders) => orders::book(file, orders, session).await,
        }
    }
}

/// The second pass.
pub(super) struct Work<'a> {
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
    pub const ALL: [Self; 7] =
        [Self::Book, Self::Sales, Self::Receipts, Self::Holdbacks, Self::Orders, Self::Bundles, Self::Listings];
    pub const WORDS: [&'static str; 7] = ["book", "sales", "receipts", "holdbacks", "orders", "bundles", "listings"];

    pub fn word(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Sales => "sales",
            Self::Receipts => "receipts",
            Self::Holdbacks => "holdbacks",
            Self::Orders => "orders",
            Self::Bundles => "bundles",
            Self::Listings => "listings",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}
