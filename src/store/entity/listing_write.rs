//! A write whose outcome is open.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "listing_write")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub listing_id: i64,
    pub channel: String,
    pub operation: String,
    pub value: i64,
    pub expected: Option<i64>,
    pub sent_at: i64,
    pub horizon: i64,
    pub state: String,
    #[sea_orm(column_type = "Text")]
    pub claim: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
