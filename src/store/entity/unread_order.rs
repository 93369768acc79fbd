//! An order that could not be read.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "unread_order")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub channel: String,
    pub order_id: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub mall_keys: String,
    #[sea_orm(column_type = "Text")]
    pub what: String,
    #[sea_orm(column_type = "Text")]
    pub redacted: String,
    pub since: i64,
    pub ended_at: Option<i64>,
    /// `read`: by a state that could be read; else the person who looked.
    pub ended_by: Option<String>,
    /// When the mall was last to be asked for it by its id.
    pub asked_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
