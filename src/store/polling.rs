//! What is being read of each channel's orders: windows, and heads still to be read whole.
//!
//! One window of a channel is open at a time. It is complete when its last page is in and none of the heads
//! that it named waits; only then does it prove anything, and what it proves is written with the facts of the
//! request that completed it. Heads of window 0 are known open orders, read again.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use uriba_sdk::{
    Head, Order,
    card::{FoundBy, OrdersCard},
};

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError,
    entity::{backfill, channel, mall_order, poll_head, poll_window},
    gaps::Cause,
    instant,
    intake::Intake,
    lease::Lease,
    maybe_instant, micros,
    pages::{Moved, Turning, list_of, page_name},
};
use crate::domain::{
    time::{earlier, later},
    windows::{self, Window},
};

/// On malls that are searched by update time, an open order that was not read for so long is read by id: an
/// answer that was wrong once would stand for ever otherwise. So many at most in each cycle.
const UNREAD_TOO_LONG: Duration = Duration::from_secs(30 * 60);
const UNREAD_AT_ONCE: u64 = 10;

/// Revisions that are times have whole seconds at worst.
const REVISION_GRAIN: Duration = Duration::from_secs(1);

/// What is known of an order that a list names.
struct Known {
    revision: Option<i64>,
    /// It was read so soon after its last change that it may have changed again.
    may_lag: bool,
}

/// How far a request moved the reading on.
#[derive(Default)]
pub enum Progress {
    /// Nothing but the facts.
    #[default]
    Nothing,
    /// A backfill is so far by this.
    Backfill(Box<backfill::Model>),
    Page {
        window: i64,
        heads: Vec<Head>,
        next: Option<String>,
        read_to: Option<Timestamp>,
    },
    /// These heads are done, found or not.
    Heads(Vec<String>),
}

/// The next request that polling needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    ById(Vec<String>),
    Page(Box<poll_window::Model>),
    /// Nothing is open; the next cycle begins then.
    Idle {
        until: Timestamp,
    },
}

impl Store {
    pub async fn poll_work(&self, channel: &channel::Model, orders: &OrdersCard) -> Result<Work> {
        let most = orders.by_id_max;
        let mut heads = self.heads(&channel.id, true, most).await?;
        if heads.is_empty()
            && let Some(window) = first_window(&self.reader, &channel.id).await?
        {
            return Ok(Work::Page(Box::new(window)));
        }
        // New orders first; known open ones fill up what a request still carries.
        if heads.len() < most {
            heads.extend(self.heads(&channel.id, false, most - heads.len()).await?);
        }
        if heads.is_empty() {
            return Ok(Work::Idle { until: maybe_instant(channel.next_poll_at).unwrap_or(Timestamp::MIN) });
        }
        Ok(Work::ById(heads))
    }

    /// Heads that a window waits for, or those of known open orders; longest waiting first.
    async fn heads(&self, channel: &str, of_window: bool, most: usize) -> Result<Vec<String>> {
        let kind = poll_head::Column::WindowId;
        Ok(poll_head::Entity::find()
            .select_only()
            .column(poll_head::Column::OrderId)
            .filter(poll_head::Column::Channel.eq(channel))
            .filter(if of_window { kind.ne(0) } else { kind.eq(0) })
            .order_by_asc(poll_head::Column::QueuedAt)
            .limit(most as u64)
            .into_tuple()
            .all(&self.reader)
            .await?)
    }

    /// Opens the windows of a new cycle, which end in the mall's `present`, and queues known open orders where the
    /// mall's list can't tell which of them changed.
    pub async fn begin_cycle(
        &self,
        lease: &Lease,
        channel: &channel::Model,
        orders: &OrdersCard,
        present: Timestamp,
        lookback: Duration,
        interval: Duration,
    ) -> Result<()> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let now = self.now();
        let mut planned: Vec<(&str, Window)> = Vec::new();
        let mut row = channel.clone().into_active_model();
        match maybe_instant(channel.watermark).filter(|_| channel.baseline == "done") {
            None => {
                planned.extend(windows::baseline(orders, present, lookback).into_iter().map(|w| ("baseline", w)));
                row.read_from = Set(planned.first().map(|(_, window)| micros(window.from)));
            }
            Some(mut watermark) => {
                if let Some(span) = windows::missed(orders, watermark, present) {
                    self.open_gap(&tx, &channel.id, span, Cause::Reach).await?;
                    watermark = span.to;
                    row.watermark = Set(Some(micros(watermark)));
                }
                planned.extend(windows::next(orders, watermark, present).map(|window| ("new", window)));
                match orders.found_by {
                    FoundBy::Placed => planned.extend(self.open_orders(&tx, channel, orders, present).await?),
                    FoundBy::Updated => self.queue_unread(&tx, &channel.id, now).await?,
                }
                let odd = self.unread_to_ask(&tx, &channel.id).await?;
                self.queue(&tx, &channel.id, 0, odd.into_iter().map(|id| (id, None)).collect()).await?;
            }
        }
        for (kind, window) in planned {
            self.open_window(&tx, &channel.id, kind, window, None).await?;
        }
        row.next_poll_at = Set(Some(micros(later(now, interval))));
        row.update(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Known open orders: a sweep of the mall's list where that tells what changed, else each of them by id,
    /// longest unread first.
    async fn open_orders(
        &self,
        tx: &DatabaseTransaction,
        channel: &channel::Model,
        orders: &OrdersCard,
        now: Timestamp,
    ) -> Result<Vec<(&'static str, Window)>> {
        let open = mall_order::Entity::find()
            .filter(mall_order::Column::Channel.eq(&channel.id))
            .filter(mall_order::Column::Open.eq(true));
        if orders.heads_carry_revision && orders.open_filter {
            let oldest: Option<i64> = open
                .select_only()
                .column_as(mall_order::Column::PlacedAt.min(), "oldest")
                .into_tuple::<Option<i64>>()
                .one(tx)
                .await?
                .flatten();
            let Some(oldest) = oldest else { return Ok(Vec::new()) };
            return Ok(windows::sweep(orders, instant(oldest), now).into_iter().map(|w| ("sweep", w)).collect());
        }
        let ids: Vec<String> = open
            .select_only()
            .column(mall_order::Column::OrderId)
            .order_by_asc(mall_order::Column::ReadAt)
            .into_tuple()
            .all(tx)
            .await?;
        self.queue(tx, &channel.id, 0, ids.into_iter().map(|id| (id, None)).collect()).await?;
        Ok(Vec::new())
    }

    async fn queue_unread(&self, tx: &DatabaseTransaction, channel: &str, now: Timestamp) -> Result<()> {
        let ids: Vec<String> = mall_order::Entity::find()
            .select_only()
            .column(mall_order::Column::OrderId)
            .filter(mall_order::Column::Channel.eq(channel))
            .filter(mall_order::Column::Open.eq(true))
            .filter(mall_order::Column::ReadAt.lt(micros(earlier(now, UNREAD_TOO_LONG))))
            // One that the mall no longer knows was asked for all the same: it must not be in the others' way.
            .filter(mall_order::Column::SeenAt.lt(micros(earlier(now, UNREAD_TOO_LONG))))
            .order_by_asc(mall_order::Column::ReadAt)
            .limit(UNREAD_AT_ONCE)
            .into_tuple()
            .all(tx)
            .await?;
        self.queue(tx, channel, 0, ids.into_iter().map(|id| (id, None)).collect()).await
    }

    pub(super) async fn open_window(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        kind: &str,
        window: Window,
        family: Option<String>,
    ) -> Result<()> {
        poll_window::ActiveModel {
            id: Set(self.id()),
            channel: Set(channel.to_owned()),
            kind: Set(kind.to_owned()),
            from_at: Set(micros(window.from)),
            to_at: Set(micros(window.to)),
            open_only: Set(window.open_only),
            family: Set(family),
            token: Set(None),
            pages: Set(0),
            mark: Set(None),
            asked_at: Set(None),
            read_to: Set(None),
            heads_left: Set(0),
            state: Set("open".into()),
            created_at: Set(micros(self.now())),
        }
        .insert(tx)
        .await?;
        Ok(())
    }

    pub(super) async fn want_family_search(&self, tx: &DatabaseTransaction, channel: &str, family: &str) -> Result<()> {
        let waiting = poll_window::Entity::find()
            .filter(poll_window::Column::Channel.eq(channel))
            .filter(poll_window::Column::Family.eq(family))
            .count(tx)
            .await?;
        if waiting == 0 {
            let now = self.now();
            let window = Window { from: now, to: now, open_only: false };
            self.open_window(tx, channel, "family", window, Some(family.to_owned())).await?;
        }
        Ok(())
    }

    pub(super) async fn note_progress(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        progress: Progress,
        (orders, taken): (&[Order], usize),
        read_at: Timestamp,
    ) -> Result<Moved> {
        match progress {
            Progress::Nothing => Ok(Moved::On),
            Progress::Backfill(row) => {
                self.note_backfill(tx, *row, taken).await?;
                Ok(Moved::On)
            }
            Progress::Heads(ids) => {
                for piece in ids.chunks(ROWS_PER_STATEMENT) {
                    poll_head::Entity::delete_many()
                        .filter(poll_head::Column::Channel.eq(channel))
                        .filter(poll_head::Column::OrderId.is_in(piece.iter().map(String::as_str)))
                        .exec(tx)
                        .await?;
                    self.seen(tx, channel, piece, read_at).await?;
                }
                Ok(Moved::Perhaps)
            }
            Progress::Page { window, heads, next, read_to } => {
                let Some(row) = poll_window::Entity::find_by_id(window).one(tx).await? else { return Ok(Moved::On) };
                let page = Turning { name: page_name(orders, &heads), next, read_to, read_at };
                self.queue_changed(tx, channel, &row, heads, read_at).await?;
                self.turn_page(tx, row, page).await
            }
        }
    }

    /// Heads that are new, or whose revision moved; the others are only seen. An order that was read within the
    /// grain of its last change may have changed once more under the same revision: it is read again.
    async fn queue_changed(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        window: &poll_window::Model,
        heads: Vec<Head>,
        read_at: Timestamp,
    ) -> Result<()> {
        let ids: Vec<String> = heads.iter().map(|head| head.id.clone()).collect();
        let mut known: HashMap<String, Known> = HashMap::new();
        for piece in ids.chunks(ROWS_PER_STATEMENT) {
            let rows: Vec<(String, Option<i64>, Option<i64>, i64)> = mall_order::Entity::find()
                .select_only()
                .columns([
                    mall_order::Column::OrderId,
                    mall_order::Column::Revision,
                    mall_order::Column::UpdatedAt,
                    mall_order::Column::ReadAt,
                ])
                .filter(mall_order::Column::Channel.eq(channel))
                .filter(mall_order::Column::OrderId.is_in(piece.iter().map(String::as_str)))
                .into_tuple()
                .all(tx)
                .await?;
            known.extend(rows.into_iter().map(|(id, revision, updated_at, read_at)| {
                let may_lag = updated_at.is_some_and(|at| read_at <= micros(later(instant(at), REVISION_GRAIN)));
                (id, Known { revision, may_lag })
            }));
            self.seen(tx, channel, piece, read_at).await?;
        }
        let moved = |known: &Known, seen: i64| known.may_lag || known.revision.is_some_and(|known| seen > known);
        let fresh = heads.into_iter().filter(|head| match (known.get(&head.id), head.revision) {
            (None, _) => true,
            (Some(known), Some(seen)) => moved(known, seen) || window.kind == "family",
            (Some(_), None) => window.kind == "family",
        });
        let fresh = fresh.map(|head| (head.id, head.revision)).collect();
        self.queue(tx, channel, window.id, fresh).await
    }

    pub(super) async fn queue(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        window: i64,
        heads: Vec<(String, Option<i64>)>,
    ) -> Result<()> {
        let mut rows: HashMap<String, poll_head::ActiveModel> = HashMap::new();
        for (index, (order_id, revision)) in heads.into_iter().enumerate() {
            let queued_at = micros(self.now()) + i64::try_from(index).unwrap_or(0);
            rows.entry(order_id.clone()).or_insert(poll_head::ActiveModel {
                channel: Set(channel.to_owned()),
                order_id: Set(order_id),
                window_id: Set(window),
                revision: Set(revision),
                queued_at: Set(queued_at),
            });
        }
        let rows: Vec<_> = rows.into_values().collect();
        for piece in rows.chunks(ROWS_PER_STATEMENT) {
            let known = OnConflict::columns([poll_head::Column::Channel, poll_head::Column::OrderId])
                .update_columns([poll_head::Column::Revision, poll_head::Column::WindowId])
                .to_owned();
            poll_head::Entity::insert_many(piece.to_vec()).on_conflict(known).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    async fn seen(&self, tx: &DatabaseTransaction, channel: &str, ids: &[String], at: Timestamp) -> Result<()> {
        mall_order::Entity::update_many()
            .col_expr(mall_order::Column::SeenAt, Expr::value(micros(at)))
            .filter(mall_order::Column::Channel.eq(channel))
            .filter(mall_order::Column::OrderId.is_in(ids.iter().map(String::as_str)))
            .exec(tx)
            .await?;
        Ok(())
    }

    /// Draws the conclusion of the channel's window, if all of it is in. Returns whether it was.
    pub(super) async fn conclude(&self, tx: &DatabaseTransaction, intake: &Intake) -> Result<bool> {
        let Some(orders) = &intake.orders else { return Ok(false) };
        let Some(window) = first_window(tx, &intake.channel).await?.filter(|window| window.state == "read") else {
            return Ok(false);
        };
        let waiting = poll_head::Entity::find()
            .filter(poll_head::Column::Channel.eq(&intake.channel))
            .filter(poll_head::Column::WindowId.ne(0))
            .one(tx)
            .await?;
        if waiting.is_some() {
            return Ok(false);
        }
        window.clone().delete(tx).await?;
        self.calm(tx, "gap", &list_of(&intake.channel)).await?;
        let asked_at = instant(window.asked_at.unwrap_or(window.created_at));
        match window.kind.as_str() {
            "sweep" => self.queue_unseen(tx, &window, asked_at).await?,
            "family" => {
                if let Some(family) = &window.family {
                    self.settle_family(tx, intake, family, asked_at, true).await?;
                }
            }
            kind => self.move_watermark(tx, orders, &window, asked_at, kind == "baseline").await?,
        }
        Ok(true)
    }

    /// A known open order that a complete sweep of open orders didn't name: it was closed, or is hidden.
    async fn queue_unseen(
        &self,
        tx: &DatabaseTransaction,
        window: &poll_window::Model,
        asked_at: Timestamp,
    ) -> Result<()> {
        let ids: Vec<String> = mall_order::Entity::find()
            .select_only()
            .column(mall_order::Column::OrderId)
            .filter(mall_order::Column::Channel.eq(&window.channel))
            .filter(mall_order::Column::Open.eq(true))
            .filter(mall_order::Column::SeenAt.lt(micros(asked_at)))
            .filter(mall_order::Column::PlacedAt.between(window.from_at, window.to_at))
            .into_tuple()
            .all(tx)
            .await?;
        self.queue(tx, &window.channel, window.id, ids.into_iter().map(|id| (id, None)).collect()).await
    }

    async fn move_watermark(
        &self,
        tx: &DatabaseTransaction,
        orders: &OrdersCard,
        window: &poll_window::Model,
        asked_at: Timestamp,
        baseline: bool,
    ) -> Result<()> {
        let missing = || StoreError::Missing { kind: "channel", name: window.channel.clone() };
        let row = channel::Entity::find_by_id(&window.channel).lock_exclusive().one(tx).await?.ok_or_else(missing)?;
        if baseline {
            let others = poll_window::Entity::find()
                .filter(poll_window::Column::Channel.eq(&window.channel))
                .filter(poll_window::Column::Kind.eq("baseline"));
            if others.count(tx).await? > 0 {
                return Ok(());
            }
        }
        let span = Window { from: instant(window.from_at), to: instant(window.to_at), open_only: window.open_only };
        let seen = row.lag.map(|lag| Duration::from_micros(u64::try_from(lag).unwrap_or(0))).unwrap_or_default();
        let orders = OrdersCard { visibility_lag: orders.visibility_lag.max(seen), ..orders.clone() };
        let proven = windows::watermark(&orders, span, asked_at, maybe_instant(window.read_to));
        let known = row.watermark;
        let mut row = row.into_active_model();
        row.watermark = Set(known.max(Some(micros(proven))));
        row.last_poll_at = Set(Some(micros(asked_at)));
        if baseline {
            self.reconsider_channel(tx, &window.channel).await?;
            row.baseline = Set("done".into());
            // What came in while the baseline was read is next, at once.
            row.next_poll_at = Set(Some(micros(self.now())));
        }
        row.update(tx).await?;
        Ok(())
    }
}

async fn first_window(db: &impl ConnectionTrait, channel: &str) -> Result<Option<poll_window::Model>> {
    let windows = poll_window::Entity::find().filter(poll_window::Column::Channel.eq(channel));
    Ok(windows.order_by_asc(poll_window::Column::Id).one(db).await?)
}
