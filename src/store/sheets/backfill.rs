//! Backfills as people see them: how far each is, and what it waits for.

use jiff::{Timestamp, tz::TimeZone};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, Paging};
use crate::store::{
    Result, Store, StoreError, audits::OPEN, backfills::hours, channels::find, entity::backfill, instant, maybe_instant,
};

/// How far the reading of a span of past orders is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Backfill)]
pub struct BackfillSheet {
    pub id: String,
    pub channel: String,
    /// `open`, `done` or `failed`.
    pub state: String,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Everything from `from` to here is read.
    pub read_to: Timestamp,
    pub per_minute: u32,
    /// The hours to which it keeps, in the configured zone; `null`: to none.
    #[serde(default)]
    pub quiet: Option<String>,
    /// Of an open one outside its hours: when they begin.
    #[serde(default)]
    pub waits_until: Option<Timestamp>,
    pub requests: u64,
    /// That were new or changed.
    pub orders: u64,
    pub asked_at: Timestamp,
    /// `uriba`: nobody did; late orders had it read that time again.
    pub asked_by: String,
    pub ended_at: Option<Timestamp>,
    pub problem: Option<String>,
}

impl BackfillSheet {
    pub fn is_open(&self) -> bool {
        self.state == OPEN
    }

    fn of(row: backfill::Model, zone: &TimeZone, now: Timestamp) -> Self {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let waits = hours(&row).filter(|_| row.state == OPEN).and_then(|hours| hours.wait(zone, now));
        Self {
            id: row.id.to_string(),
            from: instant(row.from_at),
            until: instant(row.until_at),
            read_to: instant(row.read_to),
            per_minute: u32::try_from(row.per_minute).unwrap_or(0),
            quiet: row.quiet,
            waits_until: waits,
            requests: count(row.requests),
            orders: count(row.orders),
            asked_at: instant(row.asked_at),
            asked_by: row.asked_by,
            ended_at: maybe_instant(row.ended_at),
            problem: row.problem,
            channel: row.channel,
            state: row.state,
        }
    }
}

impl Store {
    pub async fn backfill_sheet(&self, id: i64) -> Result<BackfillSheet> {
        let tx = self.snapshot().await?;
        let missing = || StoreError::Missing { kind: "backfill", name: id.to_string() };
        let row = backfill::Entity::find_by_id(id).one(&tx).await?.ok_or_else(missing)?;
        Ok(BackfillSheet::of(row, &self.core_rules(&tx).await?.days.zone, self.now()))
    }

    /// Newest first; of one channel, or of all.
    pub async fn backfill_sheets(&self, channel: Option<&str>, paging: &Paging) -> Result<Page<BackfillSheet>> {
        use backfill::Column;
        let tx = self.snapshot().await?;
        let mut query = backfill::Entity::find().order_by_desc(Column::Id);
        if let Some(channel) = channel {
            find(&tx, channel).await?;
            query = query.filter(Column::Channel.eq(channel));
        }
        if let Some(before) = paging.after_id()? {
            query = query.filter(Column::Id.lt(before));
        }
        let rows = query.limit(paging.fetch()).all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.id.to_string()]);
        let zone = self.core_rules(&tx).await?.days.zone;
        let items = rows.into_iter().map(|row| BackfillSheet::of(row, &zone, self.now())).collect();
        Ok(Page { items, next_cursor })
    }
}
