//! A credential that a mall gave, encrypted ([`crate::store::safe`]).

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "kept_secret")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Which key it is sealed with.
    pub key_id: String,
    /// Nonce and sealed text, in base64.
    #[sea_orm(column_type = "Text")]
    pub sealed: String,
    pub at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
