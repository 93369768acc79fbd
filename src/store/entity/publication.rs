//! What a listing ought to show, is told and shows; the last columns are derived from the others for the steps to select by.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "publication")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub listing_id: i64,
    pub channel: String,
    pub target: Option<i64>,
    pub target_version: i64,
    pub target_at: Option<i64>,
    pub anchor: Option<i64>,
    pub anchor_from: Option<i64>,
    pub anchor_to: Option<i64>,
    pub applied: i64,
    pub sold_since: i64,
    pub slack_down: i64,
    pub slack_up: i64,
    pub surplus: Option<i64>,
    pub surplus_at: Option<i64>,
    pub unbooked: Option<i64>,
    pub unbooked_until: Option<i64>,
    pub unbooked_taken: bool,
    pub since_told_down: i64,
    pub since_told_up: i64,
    pub waiting: Option<i64>,
    pub waiting_from: Option<i64>,
    pub waiting_to: Option<i64>,
    pub checked: bool,
    pub absolute_next: bool,
    pub by_time: bool,
    pub correction: Option<i64>,
    pub corrected_at: Option<i64>,
    pub corrections: i64,
    pub kept: Option<i64>,
    pub set_aside_until: Option<i64>,
    pub refusals: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub refusal: Option<String>,
    pub shown: Option<i64>,
    pub told: Option<i64>,
    pub open_writes: i64,
    pub wants: bool,
    pub lit: bool,
    pub urgency: i64,
    /// Among the wishes of one urgency the largest goes first.
    pub rank: i64,
    pub wants_since: Option<i64>,
    /// Listing units that it sells in 10⁹ s, as of when the wish was last looked at; `None`: nobody counts.
    pub pace: Option<i64>,
    /// It wants to be written, and may be asked: nothing that is known of it holds it back.
    pub queued: bool,
    /// Wants to be written, and can't be for now; looked at again then.
    pub rests_until: Option<i64>,
    pub ready_at: Option<i64>,
    pub read_due: Option<i64>,
    pub read_at: Option<i64>,
    /// Listing units that were sold in the week before the last reading.
    pub sold_lately: i64,
    /// Settled, and to be looked at again then; `None`: not settled.
    pub look_at: Option<i64>,
    pub pushed_from: Option<i64>,
    pub pushed_to: Option<i64>,
    pub pushed_sent_at: Option<i64>,
    pub pushed_seen: bool,
    pub pushed_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
