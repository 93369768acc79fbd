//! A file that was booked.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_import")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub kind: String,
    #[sea_orm(column_type = "Text")]
    pub file: String,
    pub digest: String,
    pub as_of: i64,
    pub state: String,
    pub rows: i64,
    pub booked: i64,
    pub unchanged: i64,
    pub created: i64,
    pub at: i64,
    #[sea_orm(column_type = "Text")]
    pub by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
