//! What lay at a place at the end of a business day.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_snapshot")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sku_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub location: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub bin: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub at: i64,
    pub quantity: i64,
    pub known: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
