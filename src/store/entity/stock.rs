//! The stock row: what recompute locks, per SKU and pool.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stock")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sku_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub pool: String,
    pub version: i64,
    pub computed: i64,
    pub due: bool,
    /// A movement other than a shipment has named the SKU here: there is a figure.
    pub stocked: bool,
    pub changed_at: i64,
    /// `shared` or `escrow`; `None`: shared, and nobody has asked for anything else.
    pub mode: Option<String>,
    pub mode_since: Option<i64>,
    pub reconsider_at: Option<i64>,
    /// Listings that can't be written hold all that is left, so the others share it.
    pub outside: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
