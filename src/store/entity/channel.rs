//! One shop account on one mall, with its switch and lanes.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "channel")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub mall: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    pub pool: String,
    /// `restock` or `review`: what becomes of cancelled units.
    pub on_cancel: String,
    /// The rules in force, as [`crate::store::recompute::Allowance`] in JSON; `None` before the first start.
    #[sea_orm(column_type = "Text", nullable)]
    pub rules: Option<String>,
    pub mode: String,
    pub state: String,
    pub suspend_mode: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub suspend_reason: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub suspended_by: Option<String>,
    pub suspended_at: Option<i64>,
    pub suspend_until: Option<i64>,
    pub poll: bool,
    pub switch_version: i64,
    pub orders_lane: String,
    pub orders_until: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub orders_cause: Option<String>,
    pub orders_failures: i64,
    pub stock_lane: String,
    pub stock_until: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub stock_cause: Option<String>,
    pub stock_failures: i64,
    /// Since when the stock lane has not flowed.
    pub stock_since: Option<i64>,
    /// `away` or `gone`: its listings can't be moved for the time being, or for so long that nobody waits for it.
    pub absence: Option<String>,
    pub absent_since: Option<i64>,
    /// Nobody has heard of its orders for longer than usual, which is counted as so many seconds.
    pub unheard_s: Option<i64>,
    pub baseline: String,
    /// The beginning of what was read when the channel was connected.
    pub read_from: Option<i64>,
    pub watermark: Option<i64>,
    /// Orders that came in, each once.
    pub orders_seen: i64,
    /// Microseconds within which its mall shows an order, by late ones that were seen; `None`: as its card says.
    pub lag: Option<i64>,
    pub last_poll_at: Option<i64>,
    pub next_poll_at: Option<i64>,
    pub last_push_at: Option<i64>,
    /// Counts the requests that wrote stock and were answered.
    pub turn: i64,
    pub configured: bool,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
