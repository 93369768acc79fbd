//! A reservation, and what can be had of a SKU.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    domain::reservation::Line,
    store::{entity::reservation, instant, maybe_instant},
};

/// A checkout in progress, or what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Reservation)]
pub struct ReservationSheet {
    pub id: String,
    /// `null`: it was released before it was asked for.
    pub channel: Option<String>,
    pub holder: Option<String>,
    /// `held`, `confirmed`, `released` or `expired`.
    #[schema(example = "held")]
    pub state: String,
    pub lines: Vec<ReservationLine>,
    pub ttl_seconds: i64,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// When it was confirmed, released or over.
    pub ended_at: Option<Timestamp>,
    /// The order that it became.
    pub order_id: Option<String>,
    /// Why it was released.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReservationLine {
    pub sku: String,
    pub quantity: i64,
}

impl ReservationSheet {
    pub(in crate::store) fn of(row: &reservation::Model) -> Self {
        Self {
            id: row.given_id.clone(),
            channel: row.channel.clone(),
            holder: row.holder.clone(),
            state: row.state.clone(),
            lines: stored(row),
            ttl_seconds: row.ttl_s,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
            ended_at: maybe_instant(row.ended_at),
            order_id: row.order_id.clone(),
            reason: row.reason.clone(),
        }
    }

    pub(in crate::store) fn lines_of(row: &reservation::Model) -> Vec<Line> {
        stored(row).into_iter().map(|line| Line { sku: line.sku, quantity: line.quantity }).collect()
    }

    /// How a row keeps its lines.
    pub(in crate::store) fn text_of(lines: &[Line]) -> String {
        let lines = lines.iter().map(|line| ReservationLine { sku: line.sku.clone(), quantity: line.quantity });
        serde_json::to_string(&lines.collect::<Vec<_>>()).expect("lines are always JSON")
    }
}

fn stored(row: &reservation::Model) -> Vec<ReservationLine> {
    serde_json::from_str(&row.lines).unwrap_or_default()
}
