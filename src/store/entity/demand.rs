//! What one listing, or one SKU in the seller's own shop, has taught about how fast it sells.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "demand")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: i64,
    pub usual_orders: f64,
    pub usual_shown_s: f64,
    pub lately_orders: f64,
    pub lately_shown_s: f64,
    pub units: f64,
    pub largest: f64,
    pub at: i64,
    pub lit: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
