//! An API token, hashed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub hash: String,
    #[sea_orm(column_type = "Text")]
    pub scopes: String,
    pub created_at: i64,
    #[sea_orm(column_type = "Text")]
    pub created_by: String,
    pub revoked_at: Option<i64>,
    pub used_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
