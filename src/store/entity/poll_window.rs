//! A span of orders that is being read.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "poll_window")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub channel: String,
    pub kind: String,
    pub from_at: i64,
    pub to_at: i64,
    pub open_only: bool,
    pub family: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub token: Option<String>,
    pub pages: i64,
    /// The name of a page that was read ([`crate::domain::pages`]).
    pub mark: Option<String>,
    pub asked_at: Option<i64>,
    pub read_to: Option<i64>,
    pub heads_left: i64,
    pub state: String,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
