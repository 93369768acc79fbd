//! What a channel sells, mapped to a SKU.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "listing")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub channel: String,
    pub mall_key: String,
    #[sea_orm(column_type = "Text")]
    pub given_key: String,
    pub sku_id: i64,
    pub units: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub handle: Option<String>,
    pub state: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    pub sells_past_zero: bool,
    pub not_ours: bool,
    pub buffer: Option<i64>,
    pub fraction: Option<f64>,
    pub min_show: Option<i64>,
    pub cap: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub caps: Option<String>,
    pub unlimited: Option<i64>,
    pub priority: i64,
    /// Its share in escrow as it was set by hand, in units of what it sells.
    pub share: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
