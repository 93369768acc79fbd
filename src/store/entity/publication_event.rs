//! What was said and seen, and when.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "publication_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub listing_id: i64,
    pub what: String,
    pub value: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub detail: Option<String>,
    pub at: i64,
    /// Of an `anchor`: the instant up to which `value` was true …
    pub anchor_to: Option<i64>,
    /// … and what has happened since, as far as it was known.
    pub applied: Option<i64>,
    pub sold_since: Option<i64>,
    /// Of `drift` and `missing`: what it most likely was.
    pub cause: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
