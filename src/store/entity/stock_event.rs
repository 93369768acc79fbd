//! One stock movement, whole.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub idempotency_key: String,
    pub kind: String,
    pub occurred_at: i64,
    pub recorded_at: i64,
    #[sea_orm(column_type = "Text")]
    pub source: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    pub reverses: Option<i64>,
    pub import_id: Option<i64>,
    /// Of a stocktake: what was counted, bins included.
    pub counted: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
