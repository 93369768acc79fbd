//! Sale plans as people see them.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, Paging, page::number};
use crate::store::{
    Result, Store, StoreError,
    catalogue::sku_codes,
    entity::sale_plan,
    instant, maybe_instant, micros,
    plans::{self, NewPlan},
    preview::Changes,
};

/// Some SKUs that follow other rules for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanSheet {
    pub name: String,
    /// `scheduled`, `in_force`, `over` or `deleted`; `held` and `trial` are not made (yet).
    pub state: String,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Codes.
    pub skus: Vec<String>,
    /// `shared`, `escrow` or `auto`; `null`: as SKU and pool want.
    pub exposure: Option<String>,
    /// The most that a listing shows, in listing units; `null`: as its rules say.
    pub cap: Option<i64>,
    /// SKU units kept back; `null`: as its rules say.
    pub buffer: Option<i64>,
    pub by: String,
    pub created_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
    pub deleted_by: Option<String>,
}

/// What came of a plan that somebody wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanAnswer {
    #[serde(flatten)]
    pub plan: PlanSheet,
    /// Of one that is held: the item to confirm or refuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// The numbers that would change if it began now, by today's stock, with the shares that would be decided.
    pub changes: Changes,
}

impl PlanSheet {
    /// A plan that is not made.
    pub fn unmade(wanted: &NewPlan, state: &str, by: &str, now: Timestamp) -> Self {
        Self {
            name: wanted.name.clone(),
            state: state.to_owned(),
            from: wanted.from,
            until: wanted.until,
            skus: wanted.skus.clone(),
            exposure: wanted.exposure.map(|wish| wish.word().to_owned()),
            cap: wanted.cap,
            buffer: wanted.buffer,
            by: by.to_owned(),
            created_at: now,
            deleted_at: None,
            deleted_by: None,
        }
    }

    fn of(row: sale_plan::Model, skus: Vec<String>, now: i64) -> Self {
        let state = match row.deleted_at {
            Some(_) => "deleted",
            None if row.ends_at <= now => "over",
            None if row.begins_at <= now => "in_force",
            None => "scheduled",
        };
        Self {
            name: row.name,
            state: state.to_owned(),
            from: instant(row.begins_at),
            until: instant(row.ends_at),
            skus,
            exposure: row.exposure,
            cap: row.cap,
            buffer: row.buffer,
            by: row.by,
            created_at: instant(row.created_at),
            deleted_at: maybe_instant(row.deleted_at),
            deleted_by: row.deleted_by,
        }
    }
}

impl Store {
    /// Newest first; those that are over or deleted only when `past` is asked for.
    pub async fn plan_sheets(&self, past: bool, paging: &Paging) -> Result<Page<PlanSheet>> {
        let tx = self.snapshot().await?;
        let now = micros(self.now());
        let mut query = sale_plan::Entity::find().order_by_desc(sale_plan::Column::Id);
        if !past {
            let (deleted, ends) = (sale_plan::Column::DeletedAt, sale_plan::Column::EndsAt);
            query = query.filter(deleted.is_null()).filter(ends.gt(now));
        }
        if let Some([before]) = paging.after()? {
            query = query.filter(sale_plan::Column::Id.lt(number(&before)?));
        }
        let rows = query.limit(paging.fetch()).all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.id.to_string()]);
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            items.push(plan_sheet(&tx, row, now).await?);
        }
        Ok(Page { items, next_cursor })
    }

    /// The newest plan of this name.
    pub async fn plan_sheet(&self, name: &str) -> Result<PlanSheet> {
        let tx = self.snapshot().await?;
        let rows = sale_plan::Entity::find().filter(sale_plan::Column::Name.eq(name));
        let row = rows.order_by_desc(sale_plan::Column::Id).one(&tx).await?;
        let row = row.ok_or_else(|| StoreError::Missing { kind: "plan", name: name.to_owned() })?;
        plan_sheet(&tx, row, micros(self.now())).await
    }
}

async fn plan_sheet(tx: &DatabaseTransaction, row: sale_plan::Model, now: i64) -> Result<PlanSheet> {
    let skus = plans::skus_of(tx, row.id).await?;
    let mut codes: Vec<String> = sku_codes(tx, &skus).await?.into_values().collect();
    codes.sort();
    Ok(PlanSheet::of(row, codes, now))
}
