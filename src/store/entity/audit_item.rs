//! One listing of an audit, in its place; what was found once it is read.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_item")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub audit_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub listing_id: i64,
    pub place: i64,
    pub read_at: Option<i64>,
    /// `None`: the mall has no such item, or sells it without a figure.
    pub shows: Option<i64>,
    pub believed: Option<i64>,
    pub target: Option<i64>,
    /// `None`: the mall shows what was believed.
    pub cause: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
