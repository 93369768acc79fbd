//! Backfills: somebody asks for the orders of a past span.
//!
//! A request is a row, which whoever holds the channel's lease works off window by window, slowly and after everything
//! else. How far it is stands in the row and is written with the facts of each request, so it goes on where it was left
//! by whatever ended it.

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, Select, sea_query::Expr,
};
use serde::{Deserialize, Serialize};

use super::{
    Result, Store, StoreError,
    audits::{DONE, FAILED, OPEN},
    entity::backfill,
    instant,
    lease::Lease,
    log::Entry,
    maybe_instant, micros,
};
use crate::domain::windows::Window;

/// Requests a minute, when nobody says how many.
pub const PER_MINUTE: u32 = 10;
pub const PER_MINUTE_MAX: u32 = 600;
/// Nobody asked: uriba found a reason by itself.
const UNASKED: &str = "uriba";

/// How far a backfill is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackfillSheet {
    pub id: String,
    pub channel: String,
    /// `open`, `done` or `failed`.
    pub state: String,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Everything from `from` to here is read.
    pub read_to: Timestamp,
    pub per_minute: u32,
    pub requests: u64,
    /// That were new or changed.
    pub orders: u64,
    pub asked_at: Timestamp,
    pub asked_by: String,
    pub ended_at: Option<Timestamp>,
    pub problem: Option<String>,
}

impl BackfillSheet {
    pub fn is_open(&self) -> bool {
        self.state == OPEN
    }
}

impl Store {
    /// Asks for the orders of a span. One of the same span that is not done goes on where it stopped. Returns its id.
    pub async fn ask_backfill(&self, channel: &str, span: Window, per_minute: u32, who: &str) -> Result<i64> {
        let tx = self.begin().await?;
        let (from_at, until_at) = (micros(span.from), micros(span.to));
        let same = backfill::Entity::find()
            .filter(backfill::Column::Channel.eq(channel))
            .filter(backfill::Column::FromAt.eq(from_at))
            .filter(backfill::Column::UntilAt.eq(until_at))
            .filter(backfill::Column::State.ne(DONE));
        let known = same.order_by_desc(backfill::Column::Id).one(&tx).await?;
        let is_new = known.is_none();
        let mut row = known.unwrap_or_else(|| fresh(self, channel, span, per_minute, who));
        row.per_minute = i64::from(per_minute);
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
        let detail = Some(format!("orders from {} to {}, {per_minute} requests a minute", span.from, span.to));
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
        let row = fresh(self, channel, span, PER_MINUTE_MAX, UNASKED);
        row.into_active_model().reset_all().insert(tx).await?;
        Ok(())
    }

    pub async fn backfill_sheet(&self, id: i64) -> Result<BackfillSheet> {
        let missing = || StoreError::Missing { kind: "backfill", name: id.to_string() };
        let row = backfill::Entity::find_by_id(id).one(&self.reader).await?.ok_or_else(missing)?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(BackfillSheet {
            id: row.id.to_string(),
            from: instant(row.from_at),
            until: instant(row.until_at),
            read_to: instant(row.read_to),
            per_minute: u32::try_from(row.per_minute).unwrap_or(0),
            requests: count(row.requests),
            orders: count(row.orders),
            asked_at: instant(row.asked_at),
            asked_by: row.asked_by,
            ended_at: maybe_instant(row.ended_at),
            problem: row.problem,
            channel: row.channel,
            state: row.state,
        })
    }

    /// The channel's oldest open one.
    pub async fn open_backfill(&self, channel: &str) -> Result<Option<backfill::Model>> {
        Ok(open(channel).one(&self.reader).await?)
    }

    /// It is so far now, with the facts of the request that brought it there.
    pub(super) async fn note_backfill(
        &self,
        tx: &DatabaseTransaction,
        row: backfill::Model,
        orders: usize,
    ) -> Result<()> {
        let now = micros(self.now());
        // Asked for again meanwhile, it may have got another pace.
        let Some(known) = backfill::Entity::find_by_id(row.id).one(tx).await?.filter(|row| row.state == OPEN) else {
            return Ok(());
        };
        let is_done = row.read_to >= row.until_at;
        let row = backfill::Model {
            state: if is_done { DONE } else { OPEN }.to_owned(),
            ended_at: Some(now).filter(|_| is_done),
            per_minute: known.per_minute,
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

    /// Nobody can be asked for now: people are told so instead of waiting. What uriba asked for by itself waits.
    pub async fn fail_peoples_backfills(&self, lease: &Lease, channel: &str, problem: &str) -> Result<()> {
        let of_people = Condition::all().add(backfill::Column::AskedBy.ne(UNASKED));
        self.fail_backfills_of(lease, channel, of_people, problem).await
    }

    /// They can't go on: whoever asked is told why instead of waiting. Asked for again they go on from here.
    pub async fn fail_backfills(&self, lease: &Lease, channel: &str, problem: &str) -> Result<()> {
        self.fail_backfills_of(lease, channel, Condition::all(), problem).await
    }

    async fn fail_backfills_of(&self, lease: &Lease, channel: &str, which: Condition, problem: &str) -> Result<()> {
        if open(channel).filter(which.clone()).one(&self.reader).await?.is_none() {
            return Ok(());
        }
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        backfill::Entity::update_many()
            .col_expr(backfill::Column::State, Expr::value(FAILED))
            .col_expr(backfill::Column::EndedAt, Expr::value(micros(self.now())))
            .col_expr(backfill::Column::Problem, Expr::value(problem))
            .filter(backfill::Column::Channel.eq(channel))
            .filter(backfill::Column::State.eq(OPEN))
            .filter(which)
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

fn fresh(store: &Store, channel: &str, span: Window, per_minute: u32, who: &str) -> backfill::Model {
    let (from_at, until_at, now) = (micros(span.from), micros(span.to), micros(store.now()));
    backfill::Model {
        id: store.id(),
        channel: channel.to_owned(),
        state: OPEN.to_owned(),
        from_at,
        until_at,
        read_to: from_at,
        per_minute: i64::from(per_minute),
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

fn open(channel: &str) -> Select<backfill::Entity> {
    backfill::Entity::find()
        .filter(backfill::Column::Channel.eq(channel))
        .filter(backfill::Column::State.eq(OPEN))
        .order_by_asc(backfill::Column::Id)
}
