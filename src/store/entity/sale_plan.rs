//! A sale plan. Its row stays when it is over or deleted.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sale_plan")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub name: String,
    pub begins_at: i64,
    pub ends_at: i64,
    /// A wish for the mode; `None`: as SKU and pool want.
    pub exposure: Option<String>,
    pub cap: Option<i64>,
    pub buffer: Option<i64>,
    pub created_at: i64,
    #[sea_orm(column_type = "Text")]
    pub by: String,
    pub deleted_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub deleted_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
