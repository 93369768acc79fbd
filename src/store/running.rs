//! Rows of sales, receipts and holdbacks, a piece at a time.
//!
//! What is kept of a figure is what each row of a file *added* to its business date ([`core_figure`]), so the
//! figure that was booked so far is a sum, an undone file is rows that are gone, and the next file books right
//! whatever came before it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::{Timestamp, civil::Date};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QuerySelect, sea_query::OnConflict,
};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    attention::Call,
    core_files::{CoreRules, pools_of},
    counts::bins_at,
    entity::{core_figure, core_file, stock_count, stock_event, stock_import},
    imports::{Figure, Piece},
    instant, micros,
    stock::{Movement, counts, lock_skus, pieces},
};
use crate::domain::{
    business_day, core,
    ledger::{CountsShipments, Entry, MAIN},
};

/// A row of a sales or receipts file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub line: u64,
    pub location: String,
    pub sku: String,
    /// The raw figure of the date so far; of an incremental row what this row alone adds.
    pub quantity: i64,
    pub date: Date,
    /// Of an incremental row: its own id, which is booked once.
    pub id: Option<String>,
    /// `None`: when the file was made.
    pub occurred_at: Option<Timestamp>,
}

/// How a file's rows are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// `sales` or `receipts`.
    pub kind: &'static str,
    /// A book begins the date's figure anew.
    pub book_resets: bool,
}

/// SKU, location and business date.
type Cell = (i64, String, i64);

impl Store {
    pub(super) async fn running_piece(
        &self,
        tx: &DatabaseTransaction,
        import: &stock_import::Model,
        manner: Manner,
        rows: &[Running],
    ) -> Result<Piece> {
        let rules = self.core_rules(tx).await?;
        let skus = self.skus_of_rows(tx, rows.iter().map(|row| row.sku.as_str())).await?;
        let ids: BTreeSet<i64> = skus.values().copied().collect();
        lock_skus(tx, &ids).await?;
        let dates = rows.iter().map(|row| business_day::number(row.date)).collect();
        let newest = newest_files(tx, import, manner.kind, dates).await?;
        let anchors = counts(tx, &ids).await?;
        let mut booked = if rows.iter().any(|row| row.id.is_none()) {
            booked_so_far(tx, manner, &ids, rows, &anchors).await?
        } else {
            HashMap::new()
        };
        let known = known_rows(tx, manner.kind, rows).await?;
        let mut draft = Draft { import, manner, rules: &rules, movements: Vec::new(), figures: Vec::new() };
        let mut between: BTreeMap<(String, Date), (Timestamp, Timestamp, String)> = BTreeMap::new();
        for row in rows {
            let Some(sku_id) = skus.get(&row.sku).copied() else { continue };
            let cell = (sku_id, row.location.clone(), business_day::number(row.date));
            let last_file = newest.get(&(cell.1.clone(), cell.2)).copied();
            let rise = match &row.id {
                Some(id) if known.contains(&row_key(manner.kind, &row.location, id)) => continue,
                Some(_) => draft.increment(row),
                None if last_file.is_some_and(|newest| newest > import.as_of) => continue,
                None => draft.rise(row, booked.get(&cell).copied().unwrap_or(0)),
            };
            if rise.units == 0 {
                continue;
            }
            *booked.entry(cell).or_default() += rise.units;
            draft.add(sku_id, row, rise);
            let counted = anchors.get(&(sku_id, row.location.clone())).map(|anchor| instant(anchor.counted_at));
            let last_file = last_file.filter(|_| row.id.is_none() && !manner.book_resets).map(instant);
            if let Some((last, counted)) = last_file.zip(counted)
                && last < counted
                && counted < rise.occurred_at
            {
                between.entry((row.location.clone(), row.date)).or_insert((last, counted, row.sku.clone()));
            }
        }
        self.note_file(tx, import, manner.kind, rows).await?;
        let changed = draft.movements.len() as u64;
        self.write_figures(tx, draft).await?;
        for ((location, date), (last, counted, sku)) in between {
            let what = Between { kind: manner.kind, location, date, last, counted, now: instant(import.as_of), sku };
            self.report_between(tx, what).await?;
        }
        Ok(Piece { booked: changed, unchanged: rows.len() as u64 - changed, created: 0 })
    }

    async fn write_figures(&self, tx: &DatabaseTransaction, draft: Draft<'_>) -> Result<()> {
        let Draft { manner, rules, movements, figures, .. } = draft;
        let pools = pools_of(tx).await?;
        let mut levels = BTreeSet::new();
        if rules.counts == Some(CountsShipments::BySalesFile) && manner.kind == "sales" {
            let level =
                |row: &core_figure::Model| Some((row.sku_id, pools.get(&row.location)?.clone(), row.business_date));
            levels.extend(figures.iter().filter_map(level));
        }
        self.book(tx, movements).await?;
        for piece in figures.chunks(ROWS_PER_STATEMENT) {
            let rows = piece.iter().cloned().map(|row| row.into_active_model().reset_all());
            core_figure::Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        self.relevel(tx, &levels).await
    }

    /// Units not for sale online, absolute: the difference moves to or from the display bin.
    pub(super) async fn holdbacks_piece(
        &self,
        tx: &DatabaseTransaction,
        import: &stock_import::Model,
        rows: &[Figure],
    ) -> Result<Piece> {
        let skus = self.skus_of_rows(tx, rows.iter().map(|row| row.sku.as_str())).await?;
        lock_skus(tx, &skus.values().copied().collect()).await?;
        let newest = newest_files(tx, import, HOLDBACKS, [ANY_DATE].into()).await?;
        let mut by_location: BTreeMap<&str, BTreeMap<i64, &Figure>> = BTreeMap::new();
        for row in rows {
            if let Some(sku_id) = skus.get(&row.sku) {
                by_location.entry(&row.location).or_default().insert(*sku_id, row);
            }
        }
        let mut movements = Vec::new();
        for (location, wanted) in &by_location {
            if newest.get(&((*location).to_owned(), ANY_DATE)).is_some_and(|newest| *newest > import.as_of) {
                continue;
            }
            let mut there: HashMap<i64, i64> = HashMap::new();
            for (sku, bin, units) in bins_at(tx, location, &wanted.keys().copied().collect(), import.as_of).await? {
                *there.entry(sku).or_default() += if bin == DISPLAY { units } else { 0 };
            }
            for (sku_id, row) in wanted {
                let more = row.quantity - there.get(sku_id).copied().unwrap_or(0);
                if more != 0 {
                    movements.push(held_back(import, *sku_id, row, more));
                }
            }
        }
        let files = by_location.keys().map(|location| ((*location).to_owned(), ANY_DATE)).collect();
        self.note_files(tx, import, HOLDBACKS, files).await?;
        let booked = self.book(tx, movements).await? as u64;
        Ok(Piece { booked, unchanged: rows.len() as u64 - booked, created: 0 })
    }

    async fn skus_of_rows(
        &self,
        tx: &DatabaseTransaction,
        codes: impl Iterator<Item = &str>,
    ) -> Result<HashMap<String, i64>> {
        let names = codes.map(|code| (code.to_owned(), (None, None))).collect();
        super::catalogue::known_skus(tx, &names).await
    }

    async fn note_file(
        &self,
        tx: &DatabaseTransaction,
        import: &stock_import::Model,
        kind: &str,
        rows: &[Running],
    ) -> Result<()> {
        let cumulative = rows.iter().filter(|row| row.id.is_none());
        let days = cumulative.map(|row| (row.location.clone(), business_day::number(row.date))).collect();
        self.note_files(tx, import, kind, days).await
    }

    async fn note_files(
        &self,
        tx: &DatabaseTransaction,
        import: &stock_import::Model,
        kind: &str,
        days: BTreeSet<(String, i64)>,
    ) -> Result<()> {
        if days.is_empty() {
            return Ok(());
        }
        let rows = days.into_iter().map(|(location, business_date)| core_file::ActiveModel {
            import_id: Set(import.id),
            kind: Set(kind.to_owned()),
            location: Set(location),
            business_date: Set(business_date),
            as_of: Set(import.as_of),
        });
        let key = [core_file::Column::ImportId, core_file::Column::Location, core_file::Column::BusinessDate];
        let known = OnConflict::columns(key).update_column(core_file::Column::AsOf).to_owned();
        core_file::Entity::insert_many(rows).on_conflict(known).exec_without_returning(tx).await?;
        Ok(())
    }

    async fn report_between(&self, tx: &DatabaseTransaction, what: Between) -> Result<()> {
        let Between { kind, location, date, last, counted, now, sku } = what;
        let message = format!(
            "{location} was counted as of {counted}, between its {kind} files of {last} and {now} for {date}: what the \
             figure rose by ({sku} and perhaps others) is booked after the count, although a part of it may be in the \
             count already; if so, count again (book_resets_sales says that a book begins the figure anew)"
        );
        let subject = format!("{kind}/{location}/{date}");
        self.raise(tx, Call { kind: "file", subject, message, ..Call::default() }).await
    }
}

/// A count that lies between two files of a date.
struct Between {
    kind: &'static str,
    location: String,
    date: Date,
    last: Timestamp,
    counted: Timestamp,
    now: Timestamp,
    sku: String,
}

const HOLDBACKS: &str = "holdbacks";
const DISPLAY: &str = "display";
/// Holdbacks belong to no date.
const ANY_DATE: i64 = 0;

/// What a piece of rows comes to.
struct Draft<'a> {
    import: &'a stock_import::Model,
    manner: Manner,
    rules: &'a CoreRules,
    movements: Vec<Movement>,
    figures: Vec<core_figure::Model>,
}

impl Draft<'_> {
    fn rise(&self, row: &Running, booked: i64) -> core::Rise {
        core::rise(row.quantity, booked, instant(self.import.as_of), row.date, &self.rules.days)
    }

    fn increment(&self, row: &Running) -> core::Rise {
        let at = row.occurred_at.unwrap_or(instant(self.import.as_of));
        core::rise(row.quantity, 0, at, row.date, &self.rules.days)
    }

    fn add(&mut self, sku_id: i64, row: &Running, rise: core::Rise) {
        let (kind, quantity) =
            if self.manner.kind == "sales" { ("issue", -rise.units) } else { ("receipt", rise.units) };
        let line = i64::try_from(row.line).unwrap_or(i64::MAX);
        let corrected = rise.units < 0 && row.id.is_none();
        self.movements.push(Movement {
            key: format!("import/{}/{}", self.import.id, row.line),
            kind,
            sku_id,
            occurred_at: rise.occurred_at,
            source: format!("{} line {}", self.import.file, row.line),
            reason: Some(match corrected {
                true => format!("{} of {} corrected to {}", self.manner.kind, row.date, row.quantity),
                false => format!("{} of {}", self.manner.kind, row.date),
            }),
            import_id: Some(self.import.id),
            entries: vec![Entry { location: row.location.clone(), bin: MAIN.into(), quantity }],
        });
        self.figures.push(core_figure::Model {
            import_id: self.import.id,
            line,
            kind: self.manner.kind.to_owned(),
            sku_id,
            location: row.location.clone(),
            business_date: business_day::number(row.date),
            as_of: row.occurred_at.map_or(self.import.as_of, micros),
            rise: rise.units,
            row_key: row.id.as_ref().map(|id| row_key(self.manner.kind, &row.location, id)),
        });
    }
}

fn held_back(import: &stock_import::Model, sku_id: i64, row: &Figure, more: i64) -> Movement {
    let entry = |bin: &str, quantity| Entry { location: row.location.clone(), bin: bin.into(), quantity };
    Movement {
        key: format!("import/{}/{}", import.id, row.line),
        kind: "transfer",
        sku_id,
        occurred_at: instant(import.as_of),
        source: format!("{} line {}", import.file, row.line),
        reason: Some(format!("{} held back", row.quantity)),
        import_id: Some(import.id),
        entries: vec![entry(MAIN, -more), entry(DISPLAY, more)],
    }
}

/// Ids are told apart by kind and location; hashed, because an indexed column has its limits.
fn row_key(kind: &str, location: &str, id: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::new_with_prefix(location).chain_update([0]).chain_update(id).finalize();
    format!("{kind}/{}", super::token::hex(&digest))
}

/// The newest file of each location and date, but for this one.
async fn newest_files(
    tx: &DatabaseTransaction,
    import: &stock_import::Model,
    kind: &str,
    dates: BTreeSet<i64>,
) -> Result<HashMap<(String, i64), i64>> {
    use core_file::Column;
    let rows: Vec<(String, i64, i64)> = core_file::Entity::find()
        .select_only()
        .columns([Column::Location, Column::BusinessDate])
        .column_as(Column::AsOf.max(), "newest")
        .filter(Column::Kind.eq(kind))
        .filter(Column::BusinessDate.is_in(dates))
        .filter(Column::ImportId.ne(import.id))
        .group_by(Column::Location)
        .group_by(Column::BusinessDate)
        .into_tuple()
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|(location, date, newest)| ((location, date), newest)).collect())
}

async fn booked_so_far(
    tx: &DatabaseTransaction,
    manner: Manner,
    skus: &BTreeSet<i64>,
    rows: &[Running],
    anchors: &HashMap<(i64, String), stock_count::Model>,
) -> Result<HashMap<Cell, i64>> {
    use core_figure::Column;
    let dates: BTreeSet<i64> = rows.iter().map(|row| business_day::number(row.date)).collect();
    let books = if manner.book_resets { books_among(tx, anchors).await? } else { HashSet::new() };
    let mut found: HashMap<Cell, i64> = HashMap::new();
    for piece in pieces(skus) {
        let sums: Vec<(i64, String, i64, i64, i64)> = core_figure::Entity::find()
            .select_only()
            .columns([Column::SkuId, Column::Location, Column::BusinessDate, Column::AsOf])
            .column_as(Column::Rise.sum().cast_as("BIGINT"), "units")
            .filter(Column::Kind.eq(manner.kind))
            .filter(Column::SkuId.is_in(piece))
            .filter(Column::BusinessDate.is_in(dates.iter().copied()))
            .group_by(Column::SkuId)
            .group_by(Column::Location)
            .group_by(Column::BusinessDate)
            .group_by(Column::AsOf)
            .into_tuple()
            .all(tx)
            .await?;
        for (sku, location, date, as_of, units) in sums {
            let anchor = anchors.get(&(sku, location.clone())).filter(|anchor| books.contains(&anchor.event_id));
            if anchor.is_none_or(|anchor| as_of > anchor.counted_at) {
                *found.entry((sku, location, date)).or_default() += units;
            }
        }
    }
    Ok(found)
}

/// Of the counts, those that came from a file.
async fn books_among(
    tx: &DatabaseTransaction,
    anchors: &HashMap<(i64, String), stock_count::Model>,
) -> Result<HashSet<i64>> {
    let events: BTreeSet<i64> = anchors.values().map(|anchor| anchor.event_id).collect();
    let mut found = HashSet::new();
    for piece in pieces(&events) {
        let ids: Vec<i64> = stock_event::Entity::find()
            .select_only()
            .column(stock_event::Column::Id)
            .filter(stock_event::Column::Id.is_in(piece))
            .filter(stock_event::Column::ImportId.is_not_null())
            .into_tuple()
            .all(tx)
            .await?;
        found.extend(ids);
    }
    Ok(found)
}

async fn known_rows(tx: &DatabaseTransaction, kind: &str, rows: &[Running]) -> Result<HashSet<String>> {
    let keys: Vec<String> =
        rows.iter().filter_map(|row| Some(row_key(kind, &row.location, row.id.as_ref()?))).collect();
    let mut known = HashSet::new();
    for piece in keys.chunks(ROWS_PER_STATEMENT) {
        let found: Vec<Option<String>> = core_figure::Entity::find()
            .select_only()
            .column(core_figure::Column::RowKey)
            .filter(core_figure::Column::RowKey.is_in(piece.iter().map(String::as_str)))
            .into_tuple()
            .all(tx)
            .await?;
        known.extend(found.into_iter().flatten());
    }
    Ok(known)
}
