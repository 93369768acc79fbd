//! Units that a reading showed as sold and no order explains yet.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provisional_hold")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub listing_id: i64,
    pub channel: String,
    pub sku_id: i64,
    pub pool: String,
    pub units: i64,
    pub remaining: i64,
    pub since: i64,
    pub at: i64,
    pub recorded_at: i64,
    pub ended_at: Option<i64>,
    pub cause: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
