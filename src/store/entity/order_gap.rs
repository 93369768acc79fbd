//! A span of order time of which orders may be unknown.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "order_gap")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub channel: String,
    pub from_at: i64,
    pub until_at: i64,
    /// `reach`: the mall no longer shows orders of that time; `late`: it showed one of them later than it is known to.
    pub cause: String,
    pub since: i64,
    pub closed_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub closed_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
