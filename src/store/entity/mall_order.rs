//! An order as its mall states it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mall_order")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub channel: String,
    pub order_id: String,
    pub family: Option<String>,
    pub child: bool,
    pub revision: Option<i64>,
    pub placed_at: i64,
    pub updated_at: Option<i64>,
    pub read_at: i64,
    pub seen_at: i64,
    pub recorded_at: i64,
    pub fulfilled_by: String,
    pub open: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
