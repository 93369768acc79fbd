//! The newest count per SKU and location.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_count")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sku_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub location: String,
    pub counted_at: i64,
    pub quantity: i64,
    pub event_id: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
