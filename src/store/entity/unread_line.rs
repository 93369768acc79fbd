//! An item that an unread order names, and what the order holds of it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "unread_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub unread_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub mall_key: String,
    /// `None` until somebody maps the key.
    pub sku_id: Option<i64>,
    pub pool: Option<String>,
    /// In SKU units.
    pub quantity: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
