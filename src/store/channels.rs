//! Channels: what the configuration says of them, the operator's switch, the lanes' health.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};

use super::{
    Result, Store, StoreError, dialect,
    entity::{channel, configuration, listing, location, pool, publication, schedule, stock},
    instant,
    log::Entry,
    maybe_instant, micros,
};
use crate::domain::{
    health::{Lane, LaneState},
    suspend::{self, Mode, State},
};

/// A channel as the configuration has it.
#[derive(Clone, Debug)]
pub struct ChannelSetup {
    pub id: String,
    pub mall: String,
    pub name: String,
    pub pool: String,
    /// Only for a channel that is new here; afterwards the database's word counts.
    pub live: bool,
}

#[derive(Clone, Debug)]
pub struct PoolSetup {
    pub id: String,
    pub locations: Vec<String>,
}

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneName {
    Orders,
    Stock,
}

/// How far a draining channel is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draining {
    /// Listings that may show something, or were not read since the suspension.
    pub remaining: u64,
    pub set_aside: u64,
}

impl Store {
    /// Brings pools, locations and channels in line with the configuration, and records it.
    pub async fn configure(&self, pools: &[PoolSetup], channels: &[ChannelSetup], body: &str) -> Result<()> {
        let tx = self.begin().await?;
        for (rank, setup) in pools.iter().enumerate() {
            self.configure_pool(&tx, rank, setup).await?;
        }
        let mut named = BTreeSet::new();
        for setup in channels {
            named.insert(setup.id.clone());
            self.configure_channel(&tx, setup).await?;
        }
        channel::Entity::update_many()
            .col_expr(channel::Column::Configured, Expr::value(false))
            .filter(channel::Column::Id.is_not_in(named))
            .exec(&tx)
            .await?;
        let last = configuration::Entity::find().order_by_desc(configuration::Column::Id).one(&tx).await?;
        if last.is_none_or(|last| last.body != body) {
            let row = configuration::ActiveModel {
                id: Set(self.id()),
                at: Set(micros(self.now())),
                body: Set(body.to_owned()),
            };
            row.insert(&tx).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn configure_pool(&self, tx: &DatabaseTransaction, rank: usize, setup: &PoolSetup) -> Result<()> {
        if pool::Entity::find_by_id(&setup.id).one(tx).await?.is_none() {
            let rank = i64::try_from(rank).unwrap_or(i64::MAX);
            pool::ActiveModel { id: Set(setup.id.clone()), rank: Set(rank) }.insert(tx).await?;
        }
        let left = location::Entity::find()
            .filter(location::Column::Pool.eq(&setup.id))
            .filter(location::Column::Code.is_not_in(setup.locations.clone()))
            .all(tx)
            .await?;
        let mut moved = !left.is_empty();
        for row in left {
            let mut row = row.into_active_model();
            row.pool = Set(None);
            row.update(tx).await?;
        }
        let codes: BTreeSet<String> = setup.locations.iter().cloned().collect();
        super::stock::ensure_locations(self, tx, &codes).await?;
        for (rank, code) in setup.locations.iter().enumerate() {
            let rank = i64::try_from(rank).unwrap_or(i64::MAX);
            let row = location::Entity::find_by_id(code).one(tx).await?;
            let Some(row) = row.filter(|row| row.pool.as_ref() != Some(&setup.id) || row.rank != rank) else { continue };
            moved |= row.pool.as_ref() != Some(&setup.id);
            let mut row = row.into_active_model();
            row.pool = Set(Some(setup.id.clone()));
            row.rank = Set(rank);
            row.update(tx).await?;
        }
        if moved {
            dialect::stock_rows_of_pool(tx, &setup.id, micros(self.now())).await?;
        }
        Ok(())
    }

    async fn configure_channel(&self, tx: &DatabaseTransaction, setup: &ChannelSetup) -> Result<()> {
        let Some(row) = channel::Entity::find_by_id(&setup.id).one(tx).await? else {
            new_channel(setup, micros(self.now())).into_active_model().reset_all().insert(tx).await?;
            return Ok(());
        };
        if row.mall != setup.mall {
            return Err(StoreError::Refused(format!(
                "channel {:?} was of mall {:?} and can't become {:?}: give it another id",
                setup.id, row.mall, setup.mall
            )));
        }
        let before = row.pool.clone();
        let mut row = row.into_active_model();
        row.name = Set(setup.name.clone());
        row.pool = Set(setup.pool.clone());
        row.configured = Set(true);
        row.update(tx).await?;
        if before != setup.pool {
            self.bump_listings(tx, &setup.id, &setup.pool).await?;
        }
        Ok(())
    }

    async fn bump_listings(&self, tx: &DatabaseTransaction, channel: &str, pool: &str) -> Result<()> {
        let skus: BTreeSet<i64> = listing::Entity::find()
            .select_only()
            .column(listing::Column::SkuId)
            .filter(listing::Column::Channel.eq(channel))
            .into_tuple::<i64>()
            .all(tx)
            .await?
            .into_iter()
            .collect();
        let rows: Vec<_> = skus.into_iter().map(|sku| (sku, pool.to_owned())).collect();
        dialect::bump_stock(tx, &rows, false, micros(self.now())).await
    }

    pub async fn channels(&self) -> Result<Vec<channel::Model>> {
        let all = channel::Entity::find().filter(channel::Column::Configured.eq(true));
        Ok(all.order_by_asc(channel::Column::Id).all(&self.reader).await?)
    }

    pub async fn channel(&self, id: &str) -> Result<channel::Model> {
        find(&self.reader, id).await
    }

    // -- the switch -------------------------------------------------------------------------------------------

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
        self.log_switch(tx, &row.id, "channel.resume", reason, Some(format!("now {}", row.state)), who).await?;
        Ok(row)
    }

    pub async fn set_mode(&self, id: &str, live: bool, who: &str) -> Result<channel::Model> {
        let tx = self.begin().await?;
        let row = find(&tx, id).await?;
        let word = if live { "live" } else { "shadow" };
        if row.mode == word {
            return Ok(row);
        }
        let mut active = row.into_active_model();
        active.mode = Set(word.into());
        let row = active.update(&tx).await?;
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
        self.log_switch(tx, channel, "channel.schedule", wanted.and_then(|wanted| wanted.reason.as_deref()), detail, who)
            .await
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
        for due in schedule::Entity::find()
            .filter(schedule::Column::DoneAt.is_null())
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
        let row = find(&tx, &due.channel).await?;
        let wanted = Suspension {
            mode: due.mode.as_deref().and_then(Mode::parse).unwrap_or(Mode::Zero),
            reason: due.reason.clone(),
            from: None,
            until: maybe_instant(due.until),
            poll: due.poll,
        };
        let over = wanted.until.is_some_and(|until| until <= self.now());
        match due.action.as_str() {
            "resume" => drop(self.resume_one(&tx, row, due.reason.as_deref(), &due.by).await?),
            _ if over => {}
            _ => drop(self.suspend_one(&tx, row, &wanted, &due.by).await?),
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
        update.exec(&tx).await?;
        self.log_switch(&tx, &row.id, "channel.state", None, Some(to.word().to_owned()), "uriba").await?;
        Ok(tx.commit().await?)
    }

    /// Stock may flow again once the orders of the suspension are read and counted.
    async fn may_go(&self, row: &channel::Model) -> Result<bool> {
        if row.last_poll_at.is_none_or(|polled| polled < row.suspended_at.unwrap_or(0)) {
            return Ok(false);
        }
        let due = stock::Entity::find()
            .filter(stock::Column::Due.eq(true))
            .filter(stock::Column::Pool.eq(&row.pool))
            .count(&self.reader)
            .await?;
        Ok(due == 0)
    }

    pub async fn draining(&self, row: &channel::Model) -> Result<Draining> {
        self.draining_on(&self.reader, row).await
    }

    pub(super) async fn draining_on(&self, db: &impl ConnectionTrait, row: &channel::Model) -> Result<Draining> {
        use publication::Column;
        let now = micros(self.now());
        let ours = Query::select()
            .column(listing::Column::Id)
            .from(listing::Entity)
            .and_where(listing::Column::Channel.eq(&row.id))
            .and_where(listing::Column::State.is_in(["ready", "new"]))
            .and_where(listing::Column::NotOurs.eq(false))
            .to_owned();
        let base = publication::Entity::find()
            .filter(Column::Channel.eq(&row.id))
            .filter(Column::ListingId.in_subquery(ours));
        let resting = base.clone().filter(Column::SetAsideUntil.gt(now)).filter(Column::Lit.eq(true));
        let awake = Condition::any().add(Column::SetAsideUntil.is_null()).add(Column::SetAsideUntil.lte(now));
        let unsure = Condition::any()
            .add(Column::Lit.eq(true))
            .add(Column::ReadAt.is_null())
            .add(Column::ReadAt.lt(row.suspended_at.unwrap_or(0)));
        let remaining = base.filter(awake).filter(unsure).count(db).await?;
        Ok(Draining { remaining, set_aside: resting.count(db).await? })
    }

    // -- health -----------------------------------------------------------------------------------------------

    pub async fn set_lane(&self, id: &str, which: LaneName, lane: &Lane) -> Result<()> {
        let tx = self.begin().await?;
        let mut row = channel::ActiveModel { id: Set(id.to_owned()), ..Default::default() };
        let (state, until) = (lane.state.word().to_owned(), lane.until.map(micros));
        match which {
            LaneName::Orders => {
                row.orders_lane = Set(state);
                row.orders_until = Set(until);
                row.orders_cause = Set(lane.cause.clone());
                row.orders_failures = Set(lane.failures.into());
            }
            LaneName::Stock => {
                row.stock_lane = Set(state);
                row.stock_until = Set(until);
                row.stock_cause = Set(lane.cause.clone());
                row.stock_failures = Set(lane.failures.into());
            }
        }
        row.update(&tx).await?;
        Ok(tx.commit().await?)
    }

    pub async fn note_push(&self, id: &str) -> Result<()> {
        let tx = self.begin().await?;
        let row = channel::ActiveModel {
            id: Set(id.to_owned()),
            last_push_at: Set(Some(micros(self.now()))),
            ..Default::default()
        };
        row.update(&tx).await?;
        Ok(tx.commit().await?)
    }
}

/// A channel's lane as its row has it.
pub fn lane(row: &channel::Model, which: LaneName) -> Lane {
    let (state, until, cause, failures) = match which {
        LaneName::Orders => (&row.orders_lane, row.orders_until, &row.orders_cause, row.orders_failures),
        LaneName::Stock => (&row.stock_lane, row.stock_until, &row.stock_cause, row.stock_failures),
    };
    Lane {
        state: LaneState::parse(state).unwrap_or_default(),
        until: maybe_instant(until),
        cause: cause.clone(),
        failures: u32::try_from(failures).unwrap_or(0),
    }
}

async fn find(db: &impl ConnectionTrait, id: &str) -> Result<channel::Model> {
    let row = channel::Entity::find_by_id(id).one(db).await?.filter(|row| row.configured);
    row.ok_or_else(|| StoreError::Missing { kind: "channel", name: id.to_owned() })
}

fn new_channel(setup: &ChannelSetup, now: i64) -> channel::Model {
    channel::Model {
        id: setup.id.clone(),
        mall: setup.mall.clone(),
        name: setup.name.clone(),
        pool: setup.pool.clone(),
        mode: if setup.live { "live" } else { "shadow" }.into(),
        state: State::Active.word().into(),
        suspend_mode: None,
        suspend_reason: None,
        suspended_by: None,
        suspended_at: None,
        suspend_until: None,
        poll: true,
        switch_version: 0,
        orders_lane: LaneState::Flowing.word().into(),
        orders_until: None,
        orders_cause: None,
        orders_failures: 0,
        stock_lane: LaneState::Flowing.word().into(),
        stock_until: None,
        stock_cause: None,
        stock_failures: 0,
        baseline: "pending".into(),
        watermark: None,
        last_poll_at: None,
        next_poll_at: None,
        last_push_at: None,
        configured: true,
        created_at: now,
    }
}
