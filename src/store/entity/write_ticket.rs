//! What a mall gave for a write that it took for later.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "write_ticket")]
pub struct Model {
    /// Of `listing_write`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub write_id: i64,
    pub channel: String,
    #[sea_orm(column_type = "Text")]
    pub ticket: String,
    /// When the mall is asked next.
    pub ask_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
