//! What is forgotten, and when. A sweep is small: one piece of each table in one transaction, another at the
//! next call while there is more, and then none for a while. When it is due again stands in the database, so
//! that neither a restart nor a second instance sweeps more often.
//!
//! Of the past only what no present figure rests on is forgotten: histories, the log, and what has ended. The
//! ledger stays, since balances are its sums; orders stay, since one that its mall named once more would be
//! taken for a new one, and its shipments booked again.

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, OnConflict, Query},
};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    entity::{
        attention, backfill, balance_event, line_event, log, mall_order, meta, order_gap, order_line, provisional_hold,
        publication_event, retention, schedule, stop_raise, unread_line, unread_order,
    },
    first_id_at, instant, micros,
};
use crate::domain::time::{earlier, later};

/// Rows age by the day; nobody misses the minutes.
const EVERY: Duration = Duration::from_secs(600);
/// How long an answer of the API is given again. A caller that tries for longer has given up.
pub const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Its row of `meta`.
const SWEPT_AT: &str = "swept_at";
/// The row of `retention` that the histories' triggers look at.
const HISTORY: &str = "history";

impl Store {
    /// Forgets a piece of what has had its time, if a sweep is due; of the past, what is older than `history`.
    /// Returns how many rows that were.
    pub async fn sweep(&self, history: Option<Duration>) -> Result<usize> {
        let now = self.now();
        if self.swept_at().await?.is_some_and(|at| later(at, EVERY) > now) {
            return Ok(0);
        }
        let tx = self.begin().await?;
        let answers = self.forget_answers(&tx, earlier(now, ANSWERS_KEPT), ROWS_PER_STATEMENT as u64).await?;
        let mut pieces = vec![answers];
        if let Some(history) = history {
            let horizon = earlier(now, history);
            pieces.extend(forget_past(&tx, horizon).await?);
            pieces.push(self.forget_audits(&tx, micros(horizon)).await?);
        }
        if pieces.iter().all(|piece| *piece < ROWS_PER_STATEMENT) {
            note_sweep(&tx, now).await?;
        }
        tx.commit().await?;
        Ok(pieces.iter().sum())
    }

    async fn swept_at(&self) -> Result<Option<Timestamp>> {
        let row = meta::Entity::find_by_id(SWEPT_AT).one(self.reader()).await?;
        Ok(row.and_then(|row| row.value.parse().ok()).map(instant))
    }
}

/// What is older than this may be forgotten already.
pub(super) async fn horizon(db: &impl ConnectionTrait) -> Result<Option<Timestamp>> {
    let row = retention::Entity::find_by_id(HISTORY).one(db).await?;
    Ok(row.map(|row| instant(row.horizon)))
}

async fn note_sweep(tx: &DatabaseTransaction, now: Timestamp) -> Result<()> {
    let row = meta::ActiveModel { name: Set(SWEPT_AT.into()), value: Set(micros(now).to_string()) };
    let newer = OnConflict::column(meta::Column::Name).update_column(meta::Column::Value).to_owned();
    meta::Entity::insert(row).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(())
}

/// A piece of each table, by how many rows it was.
async fn forget_past(tx: &DatabaseTransaction, horizon: Timestamp) -> Result<Vec<usize>> {
    let row = retention::ActiveModel { name: Set(HISTORY.into()), horizon: Set(micros(horizon)) };
    let newer = OnConflict::column(retention::Column::Name).update_column(retention::Column::Horizon).to_owned();
    retention::Entity::insert(row).on_conflict(newer).exec_without_returning(tx).await?;
    let before = micros(horizon);
    let all = Condition::all;
    let line_events = all().add(line_event::Column::RecordedAt.lt(before)).add(is_of_a_settled_line());
    let mut pieces = vec![
        forget::<publication_event::Entity>(tx, horizon, all().add(publication_event::Column::At.lt(before))).await?,
        forget::<balance_event::Entity>(tx, horizon, all().add(balance_event::Column::At.lt(before))).await?,
        forget::<log::Entity>(tx, horizon, all().add(log::Column::At.lt(before))).await?,
        forget::<line_event::Entity>(tx, horizon, line_events).await?,
        forget::<attention::Entity>(tx, horizon, all().add(attention::Column::ResolvedAt.lt(before))).await?,
        forget::<provisional_hold::Entity>(tx, horizon, all().add(provisional_hold::Column::EndedAt.lt(before)))
            .await?,
        forget::<stop_raise::Entity>(tx, horizon, all().add(stop_raise::Column::EndedAt.lt(before))).await?,
        forget::<backfill::Entity>(tx, horizon, all().add(backfill::Column::EndedAt.lt(before))).await?,
        forget::<order_gap::Entity>(tx, horizon, all().add(order_gap::Column::ClosedAt.lt(before))).await?,
        forget::<schedule::Entity>(tx, horizon, all().add(schedule::Column::DoneAt.lt(before))).await?,
    ];
    let ended =
        old_ids::<unread_order::Entity>(tx, horizon, all().add(unread_order::Column::EndedAt.lt(before))).await?;
    let lines = unread_line::Entity::delete_many().filter(unread_line::Column::UnreadId.is_in(ended.iter().copied()));
    lines.exec(tx).await?;
    pieces.push(forget_ids::<unread_order::Entity>(tx, ended).await?);
    Ok(pieces)
}

/// The line is of a closed order, and mapped: the history of one that isn't is what a later mapping books from.
fn is_of_a_settled_line() -> Expr {
    let (line, order) = (order_line::Entity, mall_order::Entity);
    let same_line = Expr::col((line, order_line::Column::Id)).equals((line_event::Entity, line_event::Column::LineId));
    let same_order = Expr::col((order, mall_order::Column::Id)).equals((line, order_line::Column::OrderRef));
    let settled = Query::select()
        .expr(Expr::val(1))
        .from(line)
        .inner_join(order, same_order)
        .and_where(same_line)
        .and_where(order_line::Column::ListingId.is_not_null())
        .and_where(mall_order::Column::Open.eq(false))
        .to_owned();
    Expr::exists(settled)
}

async fn forget<E: EntityTrait>(tx: &DatabaseTransaction, horizon: Timestamp, old: Condition) -> Result<usize> {
    let ids = old_ids::<E>(tx, horizon, old).await?;
    forget_ids::<E>(tx, ids).await
}

async fn forget_ids<E: EntityTrait>(tx: &DatabaseTransaction, ids: Vec<i64>) -> Result<usize> {
    let count = ids.len();
    if count > 0 {
        E::delete_many().filter(Expr::col("id").is_in(ids)).exec(tx).await?;
    }
    Ok(count)
}

/// Ids grow with time, so those that can be old enough lie at the table's beginning, and nothing else is looked at.
async fn old_ids<E: EntityTrait>(tx: &DatabaseTransaction, horizon: Timestamp, old: Condition) -> Result<Vec<i64>> {
    let ids = E::find()
        .select_only()
        .column_as(Expr::col("id"), "id")
        .filter(Expr::col("id").lt(first_id_at(horizon)))
        .filter(old)
        .order_by_asc(Expr::col("id"))
        .limit(ROWS_PER_STATEMENT as u64);
    Ok(ids.into_tuple().all(tx).await?)
}
