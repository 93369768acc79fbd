//! The ledger of one SKU, entry by entry.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, Paging, page::number};
use crate::store::{
    Result, Store,
    entity::{stock_entry, stock_event},
    instant,
    stock::pieces,
};

/// One signed entry, with the event that it is part of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    pub id: String,
    /// Entries of one event belong together: a transfer has two.
    pub event: String,
    /// `receipt`, `issue`, `transfer`, `stocktake` or `reversal`.
    pub kind: String,
    pub location: String,
    pub bin: String,
    pub quantity: i64,
    pub occurred_at: Timestamp,
    pub recorded_at: Timestamp,
    /// File and line, order, or person.
    pub source: String,
    pub reason: Option<String>,
    /// The event that this one is the opposite of.
    pub reverses: Option<String>,
    pub import: Option<String>,
    pub key: String,
}

impl Store {
    /// The newest recorded first.
    pub async fn ledger_entries(&self, code: &str, paging: &Paging) -> Result<Page<LedgerEntry>> {
        let tx = self.snapshot().await?;
        let wanted = self.sku(&tx, code).await?;
        let mut query = stock_entry::Entity::find()
            .filter(stock_entry::Column::SkuId.eq(wanted.id))
            .order_by_desc(stock_entry::Column::RecordedAt)
            .order_by_desc(stock_entry::Column::Id);
        if let Some([at, id]) = paging.after::<2>()? {
            let (at, id) = (number(&at)?, number(&id)?);
            let same = stock_entry::Column::RecordedAt.eq(at).and(stock_entry::Column::Id.lt(id));
            query = query
                .filter(stock_entry::Column::RecordedAt.lte(at))
                .filter(stock_entry::Column::RecordedAt.lt(at).or(same));
        }
        let rows = query.limit(paging.fetch()).all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.recorded_at.to_string(), row.id.to_string()]);
        let ids: BTreeSet<i64> = rows.iter().map(|row| row.event_id).collect();
        let mut events = HashMap::new();
        for piece in pieces(&ids) {
            let found = stock_event::Entity::find().filter(stock_event::Column::Id.is_in(piece)).all(&tx).await?;
            events.extend(found.into_iter().map(|row| (row.id, row)));
        }
        let items = rows.into_iter().filter_map(|row| Some(entry(&row, events.get(&row.event_id)?))).collect();
        Ok(Page { items, next_cursor })
    }
}

fn entry(row: &stock_entry::Model, event: &stock_event::Model) -> LedgerEntry {
    LedgerEntry {
        id: row.id.to_string(),
        event: event.id.to_string(),
        kind: event.kind.clone(),
        location: row.location.clone(),
        bin: row.bin.clone(),
        quantity: row.quantity,
        occurred_at: instant(row.occurred_at),
        recorded_at: instant(row.recorded_at),
        source: event.source.clone(),
        reason: event.reason.clone(),
        reverses: event.reverses.map(|id| id.to_string()),
        import: event.import_id.map(|id| id.to_string()),
        key: event.idempotency_key.clone(),
    }
}
