//! Backfills: somebody asks for the orders of a past span.
//!
//! A request is a row, which whoever holds the channel's lease works off window by window, slowly, after everything else,
//! and only in its quiet hours where it has such. How far it is stands in the row and is written with the facts of each
//! request, so it goes on where it was left by whatever ended it.

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use uriba_sdk::card::OrdersCard;

use super::{
    Result, Store,
    audits::{DONE, FAILED, OPEN},
    channels::find,
    entity::backfill,
    instant,
    lease::Lease,
    log::Entry,
    micros,
};
use crate::domain::{
    quiet::QuietHours,
    windows::{self, Window},
};

/// Requests a minute, when nobody says how many.
pub const PER_MINUTE: u32 = 10;
pub const PER_MINUTE_MAX: u32 = 600;
/// Nobody asked: uriba found a reason by itself.
const UNASKED: &str = "uriba";

/// A span of past orders that somebody wants to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBackfill {
    pub channel: String,
    pub span: Window,
    /// At most so many requests a minute.
    pub per_minute: u32,
    /// Only in these hours of each day; `None`: in all.
    pub quiet: Option<QuietHours>,
}

impl NewBackfill {
    /// Why nobody could do it, by the card of its mall: the field, and the reason.
    pub fn fault(&self, orders: &OrdersCard, now: Timestamp) -> Option<(&'static str, String)> {
        if !(1..=PER_MINUTE_MAX).contains(&self.per_minute) {
            let message = format!("must be 1 to {PER_MINUTE_MAX} requests a minute, not {}", self.per_minute);
            return Some(("per_minute", message));
        }
        windows::past_fault(orders, self.span, now)
    }
}

impl Store {
    /// Asks for the orders of a span. One of the same span that is not done goes on where it stopped. Returns its id.
    pub async fn ask_backfill(&self, wanted: &NewBackfill, who: &str) -> Result<i64> {
        let NewBackfill { channel, span, per_minute, quiet } = wanted;
        let tx = self.begin().await?;
        find(&tx, channel).await?;
        let same = backfill::Entity::find()
            .filter(backfill::Column::Channel.eq(channel))
            .filter(backfill::Column::FromAt.eq(micros(span.from)))
            .filter(backfill::Column::UntilAt.eq(micros(span.to)))
            .filter(backfill::Column::State.ne(DONE));
        let known = same.order_by_desc(backfill::Column::Id).one(&tx).await?;
        let is_new = known.is_none();
        let mut row = known.unwrap_or_else(|| fresh(self, wanted, who));
        row.per_minute = i64::from(*per_minute);
        row.quiet = quiet.map(|hours| hours.to_string());
        if row.state == FAILED {
            // A list that was being turned may be forgotten by now.
            row = backfill::Model {
                state: OPEN.to_owned(),
                token: None,
                pages: 0,
                mark: None,
                ended_at: None,
                problem: None,
                ..row
            };
        }
        let id = row.id;
        let row = row.into_active_model().reset_all();
        if is_new {
            row.insert(&tx).await?;
        } else {
            row.update(&tx).await?;
        }
        let subject = format!("channel/{channel}");
        let hours = quiet.map(|hours| format!(", at {hours}")).unwrap_or_default();
        let detail = Some(format!("orders from {} to {}, {per_minute} requests a minute{hours}", span.from, span.to));
        self.write_log(&tx, Entry { who, what: "order.backfill", subject: &subject, why: None, detail }).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Orders of this span are read once more by uriba itself, instead of what it was to read again until now.
    pub(super) async fn read_again(&self, tx: &DatabaseTransaction, channel: &str, span: Window) -> Result<()> {
        backfill::Entity::delete_many()
            .filter(backfill::Column::Channel.eq(channel))
            .filter(backfill::Column::AskedBy.eq(UNASKED))
            .filter(backfill::Column::State.ne(DONE))
            .exec(tx)
            .await?;
        // Somebody waits for stock that may not be raised: at every hour.
        let wanted = NewBackfill { channel: channel.to_owned(), span, per_minute: PER_MINUTE_MAX, quiet: None };
        let row = fresh(self, &wanted, UNASKED);
        row.into_active_model().reset_all().insert(tx).await?;
        Ok(())
    }

    /// The channel's oldest open one of those whose hours these are.
    pub async fn open_backfill(&self, channel: &str) -> Result<Option<backfill::Model>> {
        Ok(self.awake(channel).await?.into_iter().next())
    }

    /// Open ones that wait for no hour; oldest first.
    async fn awake(&self, channel: &str) -> Result<Vec<backfill::Model>> {
        let open = backfill::Entity::find()
            .filter(backfill::Column::Channel.eq(channel))
            .filter(backfill::Column::State.eq(OPEN))
            .order_by_asc(backfill::Column::Id);
        let mut rows = open.all(&self.reader).await?;
        if rows.iter().any(|row| row.quiet.is_some()) {
            let (zone, now) = (self.core_rules(&self.reader).await?.days.zone, self.now());
            rows.retain(|row| hours(row).and_then(|hours| hours.wait(&zone, now)).is_none());
        }
        Ok(rows)
    }

    /// It is so far now, with the facts of the request that brought it there.
    pub(super) async fn note_backfill(
        &self,
        tx: &DatabaseTransaction,
        row: backfill::Model,
        orders: usize,
    ) -> Result<()> {
        let now = micros(self.now());
        // Asked for again meanwhile, it may have got another pace, or other hours.
        let Some(known) = backfill::Entity::find_by_id(row.id).one(tx).await?.filter(|row| row.state == OPEN) else {
            return Ok(());
        };
        let is_done = row.read_to >= row.until_at;
        let row = backfill::Model {
            state: if is_done { DONE } else { OPEN }.to_owned(),
            ended_at: Some(now).filter(|_| is_done),
            per_minute: known.per_minute,
            quiet: known.quiet,
            requests: known.requests + 1,
            orders: known.orders + i64::try_from(orders).unwrap_or(i64::MAX),
            ..row
        };
        if is_done {
            let span = (instant(row.from_at), instant(row.until_at));
            self.close_gaps_within(tx, &row.channel, span, &row.asked_by).await?;
        }
        row.into_active_model().reset_all().update(tx).await?;
        Ok(())
    }

    /// Nobody can be asked for now: people are told so instead of waiting. What uriba asked for by itself waits, and so
    /// does what waits for its hours anyway.
    pub async fn fail_peoples_backfills(&self, lease: &Lease, channel: &str, problem: &str) -> Result<()> {
        let mut rows = self.awake(channel).await?;
        rows.retain(|row| row.asked_by != UNASKED);
        self.fail_those(lease, &rows, problem).await
    }

    /// It can't go on: whoever asked is told why instead of waiting. Asked for again it goes on from here.
    pub async fn fail_backfill(&self, lease: &Lease, row: &backfill::Model, problem: &str) -> Result<()> {
        self.fail_those(lease, std::slice::from_ref(row), problem).await
    }

    async fn fail_those(&self, lease: &Lease, rows: &[backfill::Model], problem: &str) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        backfill::Entity::update_many()
            .col_expr(backfill::Column::State, Expr::value(FAILED))
            .col_expr(backfill::Column::EndedAt, Expr::value(micros(self.now())))
            .col_expr(backfill::Column::Problem, Expr::value(problem))
            .filter(backfill::Column::Id.is_in(rows.iter().map(|row| row.id)))
            .filter(backfill::Column::State.eq(OPEN))
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

/// The hours to which it keeps.
pub(super) fn hours(row: &backfill::Model) -> Option<QuietHours> {
    row.quiet.as_deref().and_then(|text| QuietHours::parse(text).ok())
}

fn fresh(store: &Store, wanted: &NewBackfill, who: &str) -> backfill::Model {
    let NewBackfill { channel, span, per_minute, quiet } = wanted;
    let (from_at, until_at, now) = (micros(span.from), micros(span.to), micros(store.now()));
    backfill::Model {
        id: store.id(),
        channel: channel.clone(),
        state: OPEN.to_owned(),
        from_at,
        until_at,
        read_to: from_at,
        per_minute: i64::from(*per_minute),
        quiet: quiet.map(|hours| hours.to_string()),
        token: None,
        pages: 0,
        mark: None,
        heads: String::new(),
        requests: 0,
        orders: 0,
        next_at: now,
        asked_at: now,
        asked_by: who.to_owned(),
        ended_at: None,
        problem: None,
    }
}
