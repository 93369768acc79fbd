//! A value that a credential of a channel has or had, and since when it is known.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "credential")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Tells values apart, and nothing more.
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: String,
    pub since: i64,
    /// Where the mall says how long it lives.
    pub life_s: Option<i64>,
    /// In days: the last notice that people were given.
    pub notice: Option<i64>,
    pub in_use: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
