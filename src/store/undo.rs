//! Taking an imported file back: opposite events, linked, once.
//!
//! The opposite of an event occurs when the event did, so a count that was taken since is believed as before. A
//! book's own counts are anchors: their places fall back to the newest count that stands, and what had been set
//! against the undone one ("already in the count") counts again. The rows behind running figures go, so the
//! next file books right. Like a file, it is undone in short pieces and goes on where it was left.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError,
    core_files::pools_of,
    counts::bins_at,
    dialect_files::{self, Standing},
    entity::{core_figure, core_file, stock_count, stock_entry, stock_event, stock_import},
    imports::PIECE,
    instant,
    ledger_time::events_of_entries,
    log::Entry as LogEntry,
    sheets::ImportSheet,
    stock::{ANCHORED, Count, Movement, UNDO, counts, lock_skus, pieces},
};
use crate::domain::ledger::{BINS, CountsShipments, Entry};

type Place = (i64, String);

/// An event of the file with its entries.
struct Undone {
    event: stock_event::Model,
    sku_id: i64,
    entries: Vec<Entry>,
}

impl Store {
    /// Undoes an import. Returns it as it is then.
    pub async fn undo_import(&self, id: i64, who: &str) -> Result<ImportSheet> {
        let import = self.begin_undo(id, who).await?;
        let mut after = i64::MIN;
        loop {
            let tx = self.begin().await?;
            let events = events_of(&tx, id, after).await?;
            let Some(last) = events.last() else { break };
            after = last.event.id;
            self.undo_piece(&tx, &import, events).await?;
            tx.commit().await?;
            self.bells.facts.notify_waiters();
        }
        if import.kind == "sales" {
            self.relevel_open().await?;
        }
        let tx = self.begin().await?;
        let row = stock_import::ActiveModel { id: Set(id), state: Set("undone".into()), ..Default::default() };
        let row = row.update(&tx).await?;
        tx.commit().await?;
        Ok(row.into())
    }

    async fn begin_undo(&self, id: i64, who: &str) -> Result<stock_import::Model> {
        let tx = self.begin().await?;
        let missing = || StoreError::Missing { kind: "import", name: id.to_string() };
        let import = stock_import::Entity::find_by_id(id).lock_exclusive().one(&tx).await?.ok_or_else(missing)?;
        match (import.kind.as_str(), import.state.as_str()) {
            (_, "undone") => return Err(StoreError::Refused(format!("import {id} was undone before"))),
            ("orders", _) => {
                let why = "orders are what a mall says, and can't be taken back: give a newer file of the same orders";
                return Err(StoreError::Refused(why.into()));
            }
            (_, "undoing") => return Ok(import),
            _ => {}
        }
        core_file::Entity::delete_many().filter(core_file::Column::ImportId.eq(id)).exec(&tx).await?;
        let row = stock_import::ActiveModel { id: Set(id), state: Set("undoing".into()), ..Default::default() };
        let import = row.update(&tx).await?;
        let subject = format!("import/{id}");
        let detail = Some(format!("{}, as of {}", import.file, instant(import.as_of)));
        self.write_log(&tx, LogEntry { who, what: "stock.undo", subject: &subject, why: None, detail }).await?;
        tx.commit().await?;
        Ok(import)
    }

    async fn undo_piece(
        &self,
        tx: &DatabaseTransaction,
        import: &stock_import::Model,
        events: Vec<Undone>,
    ) -> Result<()> {
        let skus: BTreeSet<i64> = events.iter().map(|undone| undone.sku_id).collect();
        lock_skus(tx, &skus).await?;
        let mut taken: BTreeMap<Place, &Undone> = BTreeMap::new();
        for undone in events.iter().filter(|undone| undone.event.kind == "stocktake") {
            taken.extend(undone.entries.iter().map(|entry| ((undone.sku_id, entry.location.clone()), undone)));
        }
        let newest = counts(tx, &skus).await?;
        let is_newest = |(place, undone): &(&Place, &&Undone)| {
            newest.get(*place).is_some_and(|count| count.event_id == undone.event.id)
        };
        let anchors: BTreeMap<Place, &Undone> =
            taken.iter().filter(is_newest).map(|(place, undone)| (place.clone(), *undone)).collect();
        forget_counts(tx, &anchors).await?;
        let opposites = events.iter().map(|undone| (undone.opposite(import), Some(undone.event.id))).collect();
        self.book_linked(tx, opposites).await?;
        if !anchors.is_empty() {
            self.fall_back(tx, &anchors, &skus).await?;
        }
        if !taken.is_empty() {
            self.free_swallowed(tx, &taken, &skus).await?;
        }
        self.forget_figures(tx, import, &events).await?;
        dialect_files::without_figure(tx, &skus).await
    }

    /// Each place's newest standing count is taken again.
    async fn fall_back(
        &self,
        tx: &DatabaseTransaction,
        anchors: &BTreeMap<Place, &Undone>,
        skus: &BTreeSet<i64>,
    ) -> Result<()> {
        let never = self.core_rules(tx).await?.counts == Some(CountsShipments::Never);
        let mut again = Vec::new();
        for standing in dialect_files::standing_counts(tx, skus).await? {
            let place = (standing.sku_id, standing.location.clone());
            let Some(undone) = anchors.get(&place) else { continue };
            // What the core never hears of has lowered the count since; the ledger knows by how much.
            let as_booked = never && standing.event_id < undone.event.id;
            let counted = match standing.counted.filter(|_| !as_booked) {
                Some(counted) => counted,
                None => sum_at(tx, &standing).await?,
            };
            again.push(standing.again(undone.event.id, counted));
        }
        let every: Vec<String> = BINS.map(str::to_owned).to_vec();
        self.count_all(tx, again, &every).await?;
        Ok(())
    }

    /// What the undone counts had taken back counts again, until the next count of its place.
    async fn free_swallowed(
        &self,
        tx: &DatabaseTransaction,
        taken: &BTreeMap<Place, &Undone>,
        skus: &BTreeSet<i64>,
    ) -> Result<()> {
        let mut freed = Vec::new();
        for (event, sku_id, entry) in swallowed(tx, skus).await? {
            let place = (sku_id, entry.location.clone());
            if taken.get(&place).is_some_and(|undone| undone.event.occurred_at == event.occurred_at) {
                let key = format!("{UNDO}{}@{}/{}", event.id, entry.location, entry.bin);
                let entries = vec![Entry { quantity: -entry.quantity, ..entry }];
                let movement = Movement { key, entries, ..opposite_of(&event, sku_id, event.import_id) };
                freed.push((movement, Some(event.id)));
            }
        }
        self.book_linked(tx, freed).await?;
        Ok(())
    }

    /// What the file added to its dates is not booked any more.
    async fn forget_figures(
        &self,
        tx: &DatabaseTransaction,
        import: &stock_import::Model,
        events: &[Undone],
    ) -> Result<()> {
        use core_figure::Column;
        let line = |undone: &Undone| undone.event.idempotency_key.rsplit('/').next()?.parse::<i64>().ok();
        let lines: Vec<i64> = events.iter().filter_map(line).collect();
        let gone = Column::ImportId.eq(import.id).and(Column::Line.is_in(lines));
        let rows = core_figure::Entity::find().filter(gone.clone()).all(tx).await?;
        core_figure::Entity::delete_many().filter(gone).exec(tx).await?;
        if import.kind != "sales" {
            return Ok(());
        }
        let pools = pools_of(tx).await?;
        let level = |row: &core_figure::Model| Some((row.sku_id, pools.get(&row.location)?.clone(), row.business_date));
        self.relevel(tx, &rows.iter().filter_map(level).collect()).await
    }
}

impl Undone {
    fn opposite(&self, import: &stock_import::Model) -> Movement {
        let entries = self.entries.iter().cloned();
        let entries = entries.map(|entry| Entry { quantity: -entry.quantity, ..entry }).collect();
        Movement { entries, ..opposite_of(&self.event, self.sku_id, Some(import.id)) }
    }
}

fn opposite_of(event: &stock_event::Model, sku_id: i64, import_id: Option<i64>) -> Movement {
    Movement {
        key: format!("{UNDO}{}", event.id),
        kind: "reversal",
        sku_id,
        occurred_at: instant(event.occurred_at),
        source: event.source.clone(),
        reason: Some("undone".into()),
        import_id,
        entries: Vec::new(),
    }
}

impl Standing {
    fn again(self, undone: i64, counted: i64) -> Count {
        Count {
            key: format!("again/{undone}/{}", self.location),
            sku_id: self.sku_id,
            location: self.location,
            counted,
            as_of: instant(self.occurred_at),
            source: self.source,
            reason: Some("the newest count, now that a later one is undone".into()),
            import_id: self.import_id,
        }
    }
}

async fn sum_at(tx: &DatabaseTransaction, standing: &Standing) -> Result<i64> {
    let bins = bins_at(tx, &standing.location, &[standing.sku_id].into(), standing.occurred_at).await?;
    Ok(bins.into_iter().map(|(_, _, units)| units).sum())
}

async fn events_of(tx: &DatabaseTransaction, import: i64, after: i64) -> Result<Vec<Undone>> {
    let events = stock_event::Entity::find()
        .filter(stock_event::Column::ImportId.eq(import))
        .filter(stock_event::Column::Id.gt(after))
        .filter(stock_event::Column::Kind.ne("reversal"))
        .order_by_asc(stock_event::Column::Id)
        .limit(PIECE as u64)
        .all(tx)
        .await?;
    let mut entries = entries_of(tx, events.iter().map(|event| event.id).collect()).await?;
    let whole = |event: stock_event::Model| {
        let rows = entries.remove(&event.id)?;
        let sku_id = rows.first()?.sku_id;
        let entries = rows.into_iter().map(entry).collect();
        Some(Undone { event, sku_id, entries })
    };
    Ok(events.into_iter().filter_map(whole).collect())
}

async fn entries_of(tx: &DatabaseTransaction, events: BTreeSet<i64>) -> Result<HashMap<i64, Vec<stock_entry::Model>>> {
    let mut found: HashMap<i64, Vec<stock_entry::Model>> = HashMap::new();
    for piece in pieces(&events) {
        let rows = stock_entry::Entity::find().filter(stock_entry::Column::EventId.is_in(piece)).all(tx).await?;
        for row in rows {
            found.entry(row.event_id).or_default().push(row);
        }
    }
    Ok(found)
}

fn entry(row: stock_entry::Model) -> Entry {
    Entry { location: row.location, bin: row.bin, quantity: row.quantity }
}

async fn forget_counts(tx: &DatabaseTransaction, anchors: &BTreeMap<Place, &Undone>) -> Result<()> {
    let anchors: Vec<&Undone> = anchors.values().copied().collect();
    for piece in anchors.chunks(ROWS_PER_STATEMENT) {
        stock_count::Entity::delete_many()
            // A count is found by what was counted.
            .filter(stock_count::Column::SkuId.is_in(piece.iter().map(|undone| undone.sku_id)))
            .filter(stock_count::Column::EventId.is_in(piece.iter().map(|undone| undone.event.id)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// What counts took back of earlier movements, entry by entry.
async fn swallowed(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<Vec<(stock_event::Model, i64, Entry)>> {
    let mut found = Vec::new();
    for piece in pieces(skus) {
        let rows = stock_entry::Entity::find()
            .select_also(stock_event::Entity)
            .join(sea_orm::JoinType::InnerJoin, events_of_entries())
            .filter(stock_entry::Column::SkuId.is_in(piece))
            .filter(stock_event::Column::Kind.eq("reversal"))
            .filter(stock_event::Column::IdempotencyKey.contains(ANCHORED))
            .all(tx)
            .await?;
        found.extend(rows.into_iter().filter_map(|(row, event)| Some((event?, row.sku_id, entry(row)))));
    }
    Ok(found)
}
