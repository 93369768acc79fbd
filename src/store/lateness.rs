//! How long a mall takes to show an order, by what was seen.
//!
//! The watermark rests on the card's word for it. An order that turns up below the watermark proves that word wrong:
//! others of that time may still be hidden. So the span from it on is a gap, which is read again at once and closes when
//! that is done, and the channel reckons with a longer lag ([`windows::lag_in_force`]) until a thousand further orders
//! came in time.

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect, sea_query::OnConflict,
};
use uriba_sdk::{
    Order,
    card::{FoundBy, OrdersCard},
};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    entity::{channel, late_order, unread_order},
    gaps::Cause,
    intake::Intake,
    maybe_instant, micros,
};
use crate::domain::{
    time::between,
    windows::{self, LATENESS_OF_LAST, Window},
};

/// An order that nobody here knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fresh {
    pub id: String,
    /// The time by which its mall's list is searched.
    pub at: Timestamp,
}

impl Fresh {
    /// `None`: it was cut off from another one, so its time says nothing of when it could be seen.
    pub(super) fn of(order: &Order, orders: &OrdersCard) -> Option<Self> {
        let at = match orders.found_by {
            FoundBy::Placed => order.placed_at,
            FoundBy::Updated => order.updated_at.unwrap_or(order.placed_at),
        };
        order.family.as_ref().is_none_or(|family| family.original).then(|| Self { id: order.id.clone(), at })
    }
}

impl Store {
    /// Orders came in that nobody here knew.
    pub(super) async fn note_lateness(
        &self,
        tx: &DatabaseTransaction,
        intake: &Intake,
        fresh: &[Fresh],
        read_at: Timestamp,
    ) -> Result<()> {
        let Some(orders) = intake.orders.as_ref().filter(|_| !fresh.is_empty()) else { return Ok(()) };
        let Some(row) = channel::Entity::find_by_id(&intake.channel).one(tx).await? else { return Ok(()) };
        let seen = row.orders_seen + i64::try_from(fresh.len()).unwrap_or(0);
        let late = self.late(tx, &row, fresh).await?;
        for (index, order) in &late {
            let lag = i64::try_from(between(order.at, read_at).as_micros()).unwrap_or(i64::MAX);
            let number = row.orders_seen + i64::try_from(*index).unwrap_or(0) + 1;
            let (channel, order_id) = (intake.channel.clone(), order.id.clone());
            let found = late_order::Model { channel, order_id, number, lag, seen_at: micros(read_at) };
            let known = OnConflict::columns([late_order::Column::Channel, late_order::Column::OrderId])
                .do_nothing_on([late_order::Column::Channel])
                .to_owned();
            let row = found.into_active_model().reset_all();
            late_order::Entity::insert(row).on_conflict(known).exec_without_returning(tx).await?;
        }
        let first = late.iter().map(|(_, order)| order).min_by_key(|order| order.at);
        if let (Some(first), Some(watermark)) = (first, maybe_instant(row.watermark)) {
            self.open_late_gap(tx, &intake.channel, first, watermark, read_at).await?;
        }
        let lag = self.lag(tx, &row, orders, seen, !late.is_empty()).await?;
        let mut row = row.into_active_model();
        row.orders_seen = Set(seen);
        row.lag = Set(lag);
        row.update(tx).await?;
        Ok(())
    }

    /// Of these, by their places, those that the mall ought to have shown before.
    async fn late<'a>(
        &self,
        tx: &DatabaseTransaction,
        row: &channel::Model,
        fresh: &'a [Fresh],
    ) -> Result<Vec<(usize, &'a Fresh)>> {
        let Some(watermark) = maybe_instant(row.watermark).filter(|_| row.baseline == "done") else {
            return Ok(Vec::new());
        };
        // What lies before the first reading was none of it.
        let since = maybe_instant(row.read_from).unwrap_or(Timestamp::MIN);
        let is_late = |order: &Fresh| order.at < watermark && order.at >= since;
        let mut late: Vec<(usize, &Fresh)> = fresh.iter().enumerate().filter(|(_, order)| is_late(order)).collect();
        let ids: Vec<&str> = late.iter().map(|(_, order)| order.id.as_str()).collect();
        for piece in ids.chunks(ROWS_PER_STATEMENT) {
            // It was seen in time and could not be read.
            let seen: Vec<Option<String>> = unread_order::Entity::find()
                .select_only()
                .column(unread_order::Column::OrderId)
                .filter(unread_order::Column::Channel.eq(&row.id))
                .filter(unread_order::Column::OrderId.is_in(piece.iter().copied()))
                .into_tuple()
                .all(tx)
                .await?;
            late.retain(|(_, order)| !seen.iter().flatten().any(|id| *id == order.id));
        }
        Ok(late)
    }

    /// The lag to reckon with, where it is longer than the card's.
    async fn lag(
        &self,
        tx: &DatabaseTransaction,
        row: &channel::Model,
        orders: &OrdersCard,
        seen: i64,
        news: bool,
    ) -> Result<Option<i64>> {
        if row.lag.is_none() && !news {
            return Ok(None);
        }
        let of_channel = late_order::Column::Channel.eq(&row.id);
        let past = late_order::Column::Number.lte(seen - LATENESS_OF_LAST);
        late_order::Entity::delete_many().filter(of_channel.clone()).filter(past).exec(tx).await?;
        let late: Vec<i64> = late_order::Entity::find()
            .select_only()
            .column(late_order::Column::Lag)
            .filter(of_channel)
            .into_tuple()
            .all(tx)
            .await?;
        let late = late.into_iter().map(|lag| Duration::from_micros(u64::try_from(lag).unwrap_or(0))).collect();
        let lag = windows::lag_in_force(orders, late, seen);
        Ok((lag > orders.visibility_lag).then(|| i64::try_from(lag.as_micros()).unwrap_or(i64::MAX)))
    }

    async fn open_late_gap(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        order: &Fresh,
        watermark: Timestamp,
        read_at: Timestamp,
    ) -> Result<()> {
        let took = between(order.at, read_at).as_secs();
        let why = format!("order {} was shown {took} s after its time, by when the mall was to show all", order.id);
        let span = Window { from: order.at, to: watermark, open_only: false };
        let span = self.open_gap(tx, channel, span, Cause::Late(why)).await?;
        self.read_again(tx, channel, span).await
    }
}
