//! A SKU that somebody has taken off sale everywhere; in force until it has ended.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sku_stop")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub sku_id: i64,
    pub since: i64,
    #[sea_orm(column_type = "Text")]
    pub by: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    pub ended_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub ended_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
