//! What is left of each quota, saved ahead of use.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "quota")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub per_second: f64,
    pub burst: i64,
    pub available: i64,
    pub at: i64,
    pub not_before: Option<i64>,
    pub day: i64,
    pub used_today: i64,
    /// What of the rate is used, since throttles.
    pub caution: f64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
