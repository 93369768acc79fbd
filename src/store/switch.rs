//! The operator's switch: suspend, resume, live or shadow, at once or at a set time. Every change is logged in
//! the transaction that makes it.

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel, ModelTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};

use super::{
    Result, Store, StoreError,
    channels::{STOREFRONT, find},
    dialect::holds,
    entity::{channel, listing, publication, schedule, stock},
    instant,
    log::Entry,
    maybe_instant, micros,
};
use crate::domain::suspend::{self, Mode, State};

const UNTIL: &str = "until:";
const PLAN: &str = "plan:";

/// What an operator asks of the switch.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspension {
    pub mode: Mode,
    pub reason: Option<String>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Go on reading orders.
    pub poll: bool,
}

/// How far a draining channel is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draining {
    /// Listings that may show something, or were not read since the suspension.
    pub remaining: u64,
    pub set_aside: u64,
}

impl Store {
    /// Suspends all of the channels, or none when one of them is unknown.
    pub async fn suspend(&self, ids: &[String], wanted: &Suspension, who: &str) -> Result<Vec<channel::Model>> {
        let tx = self.begin().await?;
        let mut rows = Vec::new();
        for id in ids {
            let row = find(&tx, id).await?;
            if let Some(from) = wanted.from.filter(|from| *from > self.now()) {
                self.schedule(&tx, id, "suspend", from, Some(wanted), who).await?;
                rows.push(row);
            } else {
                rows.push(self.suspend_one(&tx, row, wanted, who).await?);
            }
        }
        tx.commit().await?;
        self.bells.switches.notify_waiters();
        Ok(rows)
    }

    async fn suspend_one(
        &self,
        tx: &DatabaseTransaction,
        row: channel::Model,
        wanted: &Suspension,
        who: &str,
    ) -> Result<channel::Model> {
        let now = micros(self.now());
        let state = State::parse(&row.state).unwrap_or(State::Active);
        let mode = row.suspend_mode.as_deref().and_then(Mode::parse);
        let changed = suspend::suspend(state, mode, wanted.mode);
        let mut active = row.clone().into_active_model();
        active.suspend_until = Set(wanted.until.map(micros).or(row.suspend_until.filter(|_| changed.is_none())));
        active.poll = Set(wanted.poll);
        if let Some((state, mode)) = changed {
            active.state = Set(state.word().into());
            active.suspend_mode = Set(Some(mode.word().into()));
            active.suspend_reason = Set(wanted.reason.clone());
            active.suspended_by = Set(Some(who.to_owned()));
            active.suspended_at = Set(Some(now));
            active.switch_version = Set(row.switch_version + 1);
        }
        let row = active.update(tx).await?;
        self.reconsider_channel(tx, &row.id).await?;
        let until = wanted.until.map(|until| format!(" until {until}")).unwrap_or_default();
        let detail = Some(format!("mode {}, now {}{until}", wanted.mode.word(), row.state));
        self.log_switch(tx, &row.id, "channel.suspend", wanted.reason.as_deref(), detail, who).await?;
        Ok(row)
    }

    pub async fn resume(&self, ids: &[String], reason: Option<&str>, who: &str) -> Result<Vec<channel::Model>> {
        let tx = self.begin().await?;
        let mut rows = Vec::new();
        for id in ids {
            let row = find(&tx, id).await?;
            rows.push(self.resume_one(&tx, row, reason, who).await?);
        }
        tx.commit().await?;
        self.bells.switches.notify_waiters();
        Ok(rows)
    }

    async fn resume_one(
        &self,
        tx: &DatabaseTransaction,
        row: channel::Model,
        reason: Option<&str>,
        who: &str,
    ) -> Result<channel::Model> {
        let state = State::parse(&row.state).unwrap_or(State::Active);
        let Some(next) = suspend::resume(state) else { return Ok(row) };
        let now = micros(self.now());
        let version = row.switch_version + 1;
        let mut active = row.into_active_model();
        active.state = Set(next.word().into());
        active.suspend_until = Set(None);
        active.suspended_at = Set(Some(now));
        active.poll = Set(true);
        // Orders are read first, so the next cycle begins at once.
        active.next_poll_at = Set(Some(now));
        active.switch_version = Set(version);
        let row = active.update(tx).await?;
        self.reconsider_channel(tx, &row.id).await?;
        self.log_switch(tx, &row.id, "channel.resume", reason, Some(format!("now {}", row.state)), who).await?;
        Ok(row)
    }

    pub async fn set_mode(&self, id: &str, live: bool, who: &str) -> Result<channel::Model> {
        let tx = self.begin().await?;
        let row = find(&tx, id).await?;
        let word = if live { "live" } else { "shadow" };
        if row.mall == STOREFRONT {
            return Err(StoreError::Refused(format!(
                "{id} is your own storefront: nothing is written to it in any mode"
            )));
        }
        if row.mode == word {
            return Ok(row);
        }
        let mut active = row.into_active_model();
        active.mode = Set(word.into());
        let row = active.update(&tx).await?;
        self.reconsider_channel(&tx, &row.id).await?;
        self.log_switch(&tx, id, "channel.mode", None, Some(word.to_owned()), who).await?;
        tx.commit().await?;
        self.bells.switches.notify_waiters();
        Ok(row)
    }

    async fn log_switch(
        &self,
        tx: &DatabaseTransaction,
        id: &str,
        what: &str,
        why: Option<&str>,
        detail: Option<String>,
        who: &str,
    ) -> Result<()> {
        let subject = format!("channel/{id}");
        self.write_log(tx, Entry { who, what, subject: &subject, why, detail }).await
    }

    async fn schedule(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        action: &str,
        at: Timestamp,
        wanted: Option<&Suspension>,
        who: &str,
    ) -> Result<()> {
        schedule::ActiveModel {
            id: Set(self.id()),
            channel: Set(channel.to_owned()),
            action: Set(action.to_owned()),
            mode: Set(wanted.map(|wanted| wanted.mode.word().to_owned())),
            reason: Set(wanted.and_then(|wanted| wanted.reason.clone())),
            at: Set(micros(at)),
            until: Set(wanted.and_then(|wanted| wanted.until).map(micros)),
            poll: Set(wanted.is_none_or(|wanted| wanted.poll)),
            by: Set(who.to_owned()),
            done_at: Set(None),
        }
        .insert(tx)
        .await?;
        let detail = Some(format!("{action} at {at}"));
        self.log_switch(
            tx,
            channel,
            "channel.schedule",
            wanted.and_then(|wanted| wanted.reason.as_deref()),
            detail,
            who,
        )
        .await
    }

    /// Takes back what is due, by its id in the schedule. Returns it in words.
    pub async fn unschedule(&self, id: &str, who: &str) -> Result<String> {
        let missing = || StoreError::Missing { kind: "entry of the schedule", name: id.to_owned() };
        match DueId::parse(id).ok_or_else(missing)? {
            DueId::Switch(id) => self.cancel_schedule(id, who).await,
            DueId::Until(channel) => self.suspend_for_good(channel, who).await.map_err(|error| match error {
                StoreError::Missing { .. } => missing(),
                other => other,
            }),
            DueId::Plan(name) => {
                let sheet = self.plan_sheet(name).await.map_err(|_| missing())?;
                if sheet.state == "in_force" {
                    let why = format!("plan {name:?} is in force: `uriba plan delete` ends it now");
                    return Err(StoreError::Refused(why));
                }
                self.delete_plan(name, who).await.map(|()| format!("plan {name:?} is deleted"))
            }
        }
    }

    /// The suspension stays until somebody resumes the channel.
    async fn suspend_for_good(&self, id: &str, who: &str) -> Result<String> {
        let tx = self.begin().await?;
        let row = find(&tx, id).await?;
        let missing = || StoreError::Missing { kind: "channel with an end of its suspension", name: id.to_owned() };
        let until = row.suspend_until.ok_or_else(missing)?;
        let mut active = row.into_active_model();
        active.suspend_until = Set(None);
        active.update(&tx).await?;
        let detail = Some(format!("resume at {} is taken back", instant(until)));
        self.log_switch(&tx, id, "channel.unschedule", None, detail, who).await?;
        tx.commit().await?;
        Ok(format!("{id} stays suspended until somebody resumes it"))
    }

    /// Takes back a switch that is not due yet.
    async fn cancel_schedule(&self, id: i64, who: &str) -> Result<String> {
        let tx = self.begin().await?;
        let row = schedule::Entity::find_by_id(id).one(&tx).await?.filter(|row| row.done_at.is_none());
        let missing = || StoreError::Missing { kind: "entry of the schedule", name: id.to_string() };
        let row = row.ok_or_else(missing)?;
        let detail = Some(format!("{} at {} is taken back", row.action, instant(row.at)));
        self.log_switch(&tx, &row.channel, "channel.unschedule", None, detail, who).await?;
        let said = format!("{} of {} at {} is taken back", row.action, row.channel, instant(row.at));
        row.delete(&tx).await?;
        tx.commit().await?;
        Ok(said)
    }

    pub async fn schedules(&self, channel: &str) -> Result<Vec<schedule::Model>> {
        Ok(schedule::Entity::find()
            .filter(schedule::Column::Channel.eq(channel))
            .filter(schedule::Column::DoneAt.is_null())
            .order_by_asc(schedule::Column::At)
            .all(&self.reader)
            .await?)
    }

    /// Carries out what is due (also what came due while nothing ran) and moves switches on: draining that is
    /// done, resuming that may go. Returns whether anything changed.
    pub async fn move_switches(&self) -> Result<bool> {
        let now = self.now();
        let mut changed = false;
        // What was asked of a channel that left the configuration waits until it is back.
        let here: Vec<String> = self.channels().await?.into_iter().map(|row| row.id).collect();
        for due in schedule::Entity::find()
            .filter(schedule::Column::DoneAt.is_null())
            .filter(schedule::Column::Channel.is_in(here))
            .filter(schedule::Column::At.lte(micros(now)))
            .order_by_asc(schedule::Column::At)
            .all(&self.reader)
            .await?
        {
            changed = true;
            self.carry_out(due).await?;
        }
        for row in self.channels().await? {
            let state = State::parse(&row.state).unwrap_or(State::Active);
            let over = row.suspend_until.is_some_and(|until| instant(until) <= now);
            if over && matches!(state, State::Draining | State::Suspended) {
                changed = true;
                self.resume(&[row.id], Some("the suspension's end has come"), "uriba").await?;
            } else if state == State::Draining && self.draining(&row).await?.remaining == 0 {
                changed = true;
                self.advance(&row, State::Suspended).await?;
            } else if state == State::Resuming && self.may_go(&row).await? {
                changed = true;
                self.advance(&row, State::Active).await?;
            }
        }
        if changed {
            self.bells.targets.notify_waiters();
        }
        Ok(changed)
    }

    async fn carry_out(&self, due: schedule::Model) -> Result<()> {
        let tx = self.begin().await?;
        // Another instance may have been sooner, or somebody has taken it back.
        let due = schedule::Entity::find_by_id(due.id).lock_exclusive().one(&tx).await?;
        let Some(due) = due.filter(|due| due.done_at.is_none()) else { return Ok(()) };
        let row = find(&tx, &due.channel).await?;
        let over = due.until.is_some_and(|until| until <= micros(self.now()));
        let wanted = Suspension {
            mode: due.mode.as_deref().and_then(Mode::parse).unwrap_or(Mode::Zero),
            reason: due.reason.clone(),
            from: None,
            until: maybe_instant(end_of_both(&row, due.until)),
            poll: due.poll,
        };
        match due.action.as_str() {
            "resume" => drop(self.resume_one(&tx, row, due.reason.as_deref(), &due.by).await?),
            _ if over => {}
            _ => {
                let row = channel::Model { suspend_until: None, ..row };
                self.suspend_one(&tx, row, &wanted, &due.by).await?;
            }
        }
        let mut done = due.into_active_model();
        done.done_at = Set(Some(micros(self.now())));
        done.update(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Moves the switch on unless an operator moved it meanwhile.
    async fn advance(&self, row: &channel::Model, to: State) -> Result<()> {
        let tx = self.begin().await?;
        let mut update = channel::Entity::update_many()
            .col_expr(channel::Column::State, Expr::value(to.word()))
            .filter(channel::Column::Id.eq(&row.id))
            .filter(channel::Column::SwitchVersion.eq(row.switch_version));
        if to == State::Active {
            update = update.col_expr(channel::Column::SuspendMode, Expr::value(Option::<String>::None));
        }
        if update.exec(&tx).await?.rows_affected > 0 {
            self.reconsider_channel(&tx, &row.id).await?;
            self.log_switch(&tx, &row.id, "channel.state", None, Some(to.word().to_owned()), "uriba").await?;
        }
        Ok(tx.commit().await?)
    }

    /// Stock may flow again once the orders of the suspension are read and counted.
    async fn may_go(&self, row: &channel::Model) -> Result<bool> {
        if row.mall == STOREFRONT {
            return Ok(true);
        }
        if row.last_poll_at.is_none_or(|polled| polled < row.suspended_at.unwrap_or(0)) {
            return Ok(false);
        }
        let due = stock::Entity::find()
            .filter(holds(stock::Column::Due))
            .filter(stock::Column::Pool.eq(&row.pool))
            .count(&self.reader)
            .await?;
        Ok(due == 0)
    }

    pub async fn draining(&self, row: &channel::Model) -> Result<Draining> {
        // From one moment: what is read meanwhile may be counted as neither unread nor lit otherwise.
        self.draining_on(&self.snapshot().await?, row).await
    }

    pub(super) async fn draining_on(&self, db: &impl ConnectionTrait, row: &channel::Model) -> Result<Draining> {
        use publication::Column;
        let now = micros(self.now());
        // Few are left after a while, so each is asked for by its own index, and then whose it is.
        let listing_of = Expr::col((publication::Entity, Column::ListingId));
        let ours = Query::select()
            .expr(Expr::value(1))
            .from(listing::Entity)
            .and_where(listing::Column::Id.into_expr().eq(listing_of))
            .and_where(listing::Column::State.is_in(["ready", "new"]))
            .and_where(listing::Column::NotOurs.eq(false))
            .to_owned();
        let base = publication::Entity::find().filter(Column::Channel.eq(&row.id)).filter(Expr::exists(ours));
        let lit = base.clone().filter(Column::Lit.eq(true));
        let dark = base.filter(Column::Lit.into_expr().not());
        let awake = || Condition::any().add(Column::SetAsideUntil.is_null()).add(Column::SetAsideUntil.lte(now));
        let unread = dark.clone().filter(Column::ReadAt.is_null()).filter(awake()).count(db).await?;
        let read_before = dark.filter(Column::ReadAt.lt(row.suspended_at.unwrap_or(0)));
        let remaining =
            lit.clone().filter(awake()).count(db).await? + unread + read_before.filter(awake()).count(db).await?;
        Ok(Draining { remaining, set_aside: lit.filter(Column::SetAsideUntil.gt(now)).count(db).await? })
    }
}

/// When a suspension ends that begins by itself, perhaps while another holds: what somebody has switched off by hand is
/// not switched on by what was planned before.
fn end_of_both(row: &channel::Model, until: Option<i64>) -> Option<i64> {
    match State::parse(&row.state) {
        Some(State::Draining | State::Suspended) => Some(Ord::max(row.suspend_until?, until?)),
        _ => until,
    }
}

/// What an id of the schedule names.
enum DueId<'a> {
    Switch(i64),
    /// The end of a suspension.
    Until(&'a str),
    Plan(&'a str),
}

impl<'a> DueId<'a> {
    fn parse(id: &'a str) -> Option<Self> {
        if let Some(channel) = id.strip_prefix(UNTIL) {
            return Some(Self::Until(channel));
        }
        if let Some(name) = id.strip_prefix(PLAN) {
            return Some(Self::Plan(name));
        }
        id.parse().ok().map(Self::Switch)
    }
}

/// The id in the schedule of a suspension's end.
pub(super) fn of_until(channel: &str) -> String {
    format!("{UNTIL}{channel}")
}

/// The id in the schedule of a plan that has not begun.
pub(super) fn of_plan(name: &str) -> String {
    format!("{PLAN}{name}")
}
