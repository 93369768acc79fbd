//! A span of past orders that somebody asked for, and how far it is read.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "backfill")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub channel: String,
    /// `open`, `done` or `failed`.
    pub state: String,
    pub from_at: i64,
    pub until_at: i64,
    /// Everything up to here is read: the next window begins here.
    pub read_to: i64,
    pub per_minute: i64,
    /// `01:00-06:00`: no request leaves outside these hours.
    pub quiet: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub token: Option<String>,
    /// Of the window that is being read.
    pub pages: i64,
    /// The name of a page that was read ([`crate::domain::pages`]).
    pub mark: Option<String>,
    /// Orders that the list named and that are still to be read, one in a line.
    #[sea_orm(column_type = "Text")]
    pub heads: String,
    pub requests: i64,
    /// That were new or changed.
    pub orders: i64,
    /// No request leaves before.
    pub next_at: i64,
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
