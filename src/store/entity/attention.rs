//! Something that needs a person.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attention")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub kind: String,
    pub subject: String,
    pub channel: Option<String>,
    pub sku: Option<String>,
    pub mall_key: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub message: String,
    pub since: i64,
    pub seen_at: i64,
    pub resolved_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub resolved_by: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub action: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
