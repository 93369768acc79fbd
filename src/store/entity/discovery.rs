//! Somebody asked what a channel's shop lists.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "discovery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel: String,
    /// `open`, `done` or `failed`.
    pub state: String,
    /// The page to read next.
    #[sea_orm(column_type = "Text", nullable)]
    pub token: Option<String>,
    pub pages: i64,
    pub items: i64,
    pub asked_at: i64,
    #[sea_orm(column_type = "Text")]
    pub asked_by: String,
    pub ended_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
