//! A line, in listing units, frozen to what it sells when first mapped.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "order_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub order_ref: i64,
    pub line: String,
    pub mall_key: Option<String>,
    pub listing_id: Option<i64>,
    pub pool: Option<String>,
    pub placed_at: i64,
    pub ordered: i64,
    pub cancelled: i64,
    pub shipped: i64,
    pub returned: i64,
    /// Cancelled after they had shipped: goods that are to come back.
    pub return_expected: i64,
    /// Came back, with a receipt.
    pub received: i64,
    pub restored: String,
    pub moved: i64,
    pub shrunk: i64,
    pub pending_back: i64,
    pub pending_at: i64,
    pub sold: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
