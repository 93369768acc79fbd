//! Channels: what the configuration says of them, and their lanes' health.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::{
    Result, Store, StoreError,
    attention::Call,
    dialect,
    entity::{channel, configuration, listing, location, pool},
    lease::Lease,
    maybe_instant, micros,
};
use crate::domain::{
    health::{Lane, LaneState},
    suspend::State,
    windows,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneName {
    Orders,
    Stock,
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
        if last.as_ref().is_none_or(|last| last.body != body) {
            let row = configuration::ActiveModel {
                id: Set(self.id()),
                at: Set(micros(self.now())),
                body: Set(body.to_owned()),
            };
            row.insert(&tx).await?;
        }
        if last.is_some_and(|last| last.body != body) {
            // The channels' rules stand in the configuration alone: what rests on them is computed again.
            for setup in channels {
                self.bump_listings(&tx, &setup.id, &setup.pool).await?;
            }
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
            let Some(row) = row.filter(|row| row.pool.as_ref() != Some(&setup.id) || row.rank != rank) else {
                continue;
            };
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

    /// Writes a lane's health down, with the item that it raises. A lane that flows needs nobody any more.
    pub async fn set_lane(
        &self,
        lease: &Lease,
        id: &str,
        which: LaneName,
        lane: &Lane,
        call: Option<Call>,
    ) -> Result<()> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
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
        if *lane == Lane::succeeded() {
            for kind in ["lane", "credentials"] {
                self.calm(&tx, kind, &which.subject(id)).await?;
            }
        }
        if let Some(call) = call {
            self.raise(&tx, call).await?;
        }
        Ok(tx.commit().await?)
    }

    /// How far the mall's clock is ahead of ours (negative: behind).
    pub async fn note_clock(&self, lease: &Lease, id: &str, off: SignedDuration) -> Result<()> {
        let complaint = windows::clock_complaint(off);
        if complaint.is_none() && !super::attention::is_open(&self.reader, "clock", id).await? {
            return Ok(());
        }
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        match complaint {
            None => self.calm(&tx, "clock", id).await?,
            Some(complaint) => {
                let message = format!(
                    "{id}: {complaint}; orders are read up to the mall's present only, and what was sold before or \
                     after a reading may be mistaken: set this machine's clock (NTP)"
                );
                let (subject, channel) = (id.to_owned(), Some(id.to_owned()));
                self.raise(&tx, Call { kind: "clock", subject, channel, message, ..Call::default() }).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

impl LaneName {
    pub fn word(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Stock => "stock",
        }
    }

    /// As attention items name it.
    pub fn subject(self, channel: &str) -> String {
        format!("{channel}/{}", self.word())
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

pub(super) async fn find(db: &impl ConnectionTrait, id: &str) -> Result<channel::Model> {
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
