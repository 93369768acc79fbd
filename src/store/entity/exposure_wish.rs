//! In which mode somebody wants a SKU to be sold, whatever its pool wants.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "exposure_wish")]
pub struct Model {
    /// `sku:ID`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    pub mode: String,
    pub at: i64,
    pub who: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
