//! A checkout in progress, or what became of it. It stays when its hold has ended, so that its id never holds
//! again; without a channel it is a tombstone: released before it was asked for.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reservation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub given_id: String,
    pub channel: Option<String>,
    pub pool: Option<String>,
    pub holder: Option<String>,
    pub state: String,
    /// As they were asked for: `[{"sku": …, "quantity": …}]`.
    #[sea_orm(column_type = "Text")]
    pub lines: String,
    /// The sum of its parts.
    pub units: i64,
    pub ttl_s: i64,
    pub created_at: i64,
    pub expires_at: i64,
    pub ended_at: Option<i64>,
    pub order_id: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
