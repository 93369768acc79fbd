//! Units that left for an order and that the core system learns of by a sales file.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "core_shipment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub idempotency_key: String,
    pub sku_id: i64,
    pub pool: String,
    pub business_date: i64,
    pub occurred_at: i64,
    pub recorded_at: i64,
    pub units: i64,
    #[sea_orm(column_type = "Text")]
    pub source: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
