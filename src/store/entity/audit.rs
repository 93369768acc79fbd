//! One channel's part of a request to read back what its mall shows.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The same for all parts of one request.
    pub request: i64,
    pub channel: String,
    /// `open`, `done` or `failed`.
    pub state: String,
    pub asked_at: i64,
    #[sea_orm(column_type = "Text")]
    pub asked_by: String,
    /// How many are to be read.
    pub listings: i64,
    pub ended_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
