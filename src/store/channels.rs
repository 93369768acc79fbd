//! Channels: what the configuration says of them, and their lanes' health.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde::{Deserialize, Serialize};

use super::{
    Result, Store, StoreError,
    attention::Call,
    dialect,
    entity::{channel, configuration, listing, location, pool},
    lease::Lease,
    maybe_instant, micros,
    recompute::Allowance,
    wishes::of_pool,
};
use crate::domain::{
    exposure::mode::Wish,
    health::{Lane, LaneState},
    suspend::State,
    windows,
};

/// The word that stands for a mall where there is none: the seller's own shop or till, which calls uriba.
/// Nothing is polled or pushed, its items are SKUs by their code, and it has no listings.
pub const STOREFRONT: &str = "storefront";
/// [`channel::Model::on_cancel`]: cancelled units are looked at before they are sold again.
pub(super) const REVIEW: &str = "review";

/// A channel as the configuration has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelSetup {
    pub id: String,
    pub mall: String,
    pub name: String,
    pub pool: String,
    /// Only for a channel that is new here; afterwards the database's word counts.
    pub live: bool,
    /// Cancelled units are looked at before they are sold again.
    pub review: bool,
    /// Its rules, and what its mall can hold.
    pub allowance: Allowance,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolSetup {
    pub id: String,
    pub locations: Vec<String>,
    /// In which mode its SKUs are to be sold; `None`: shared.
    #[serde(default)]
    pub exposure: Option<Wish>,
    /// The largest risk that `auto` takes, for each unit sold; `None`: [`Policy`]'s.
    ///
    /// [`Policy`]: crate::domain::exposure::mode::Policy
    #[serde(default)]
    pub epsilon: Option<f64>,
}

/// The channels, to see on which something can be listed.
pub struct Shops(std::collections::HashMap<String, String>);

impl Shops {
    /// Why nothing can be listed on this channel.
    pub fn fault(&self, channel: &str) -> Option<String> {
        match self.0.get(channel) {
            None => Some(format!("there is no channel {channel:?}")),
            Some(mall) => unlisted(channel, mall),
        }
    }
}

pub(super) fn unlisted(channel: &str, mall: &str) -> Option<String> {
    (mall == STOREFRONT)
        .then(|| format!("{channel} is your own storefront: it sells each SKU by its code, and has no listings"))
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
        self.configure_names(&tx, pools, channels).await?;
        self.configure_numbers(&tx, pools, channels, body).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(())
    }

    /// The part that moves no number: who is there, and what they are called.
    pub(super) async fn configure_names(
        &self,
        tx: &DatabaseTransaction,
        pools: &[PoolSetup],
        channels: &[ChannelSetup],
    ) -> Result<()> {
        for (rank, setup) in pools.iter().enumerate() {
            if pool::Entity::find_by_id(&setup.id).one(tx).await?.is_none() {
                let rank = i64::try_from(rank).unwrap_or(i64::MAX);
                let row = pool::ActiveModel { id: Set(setup.id.clone()), rank: Set(rank), epsilon: Set(setup.epsilon) };
                row.insert(tx).await?;
            }
        }
        let locations: BTreeSet<String> = pools.iter().flat_map(|setup| setup.locations.iter().cloned()).collect();
        super::stock::ensure_locations(self, tx, &locations).await?;
        let mut named = BTreeSet::new();
        for setup in channels {
            named.insert(setup.id.clone());
            self.configure_channel(tx, setup).await?;
        }
        channel::Entity::update_many()
            .col_expr(channel::Column::Configured, Expr::value(false))
            .filter(channel::Column::Id.is_not_in(named))
            .exec(tx)
            .await?;
        Ok(())
    }

    /// The part that says what is sold from where, and by which rules.
    pub(super) async fn configure_numbers(
        &self,
        tx: &DatabaseTransaction,
        pools: &[PoolSetup],
        channels: &[ChannelSetup],
        body: &str,
    ) -> Result<()> {
        for setup in pools {
            self.configure_pool(tx, setup).await?;
        }
        let mut bumps = BTreeSet::new();
        for setup in channels {
            let row = find(tx, &setup.id).await?;
            let mut moved = self.put_channel_rules(tx, &row, &setup.allowance).await?;
            if row.pool != setup.pool {
                let active = channel::ActiveModel {
                    id: Set(setup.id.clone()),
                    pool: Set(setup.pool.clone()),
                    ..Default::default()
                };
                active.update(tx).await?;
                moved = true;
            }
            if moved {
                bumps.extend(listed_skus(tx, &setup.id).await?.into_iter().map(|sku| (sku, setup.pool.clone())));
            }
        }
        let skus = bumps.iter().map(|(sku, _)| *sku).collect();
        super::stock::lock_skus(tx, &super::bundles::touched(tx, &skus).await?).await?;
        dialect::bump_stock(tx, &bumps.into_iter().collect::<Vec<_>>(), false, micros(self.now())).await?;
        let last = configuration::Entity::find().order_by_desc(configuration::Column::Id).one(tx).await?;
        if last.is_none_or(|last| last.body != body) {
            let row = configuration::ActiveModel {
                id: Set(self.id()),
                at: Set(micros(self.now())),
                body: Set(body.to_owned()),
            };
            row.insert(tx).await?;
        }
        Ok(())
    }

    async fn configure_pool(&self, tx: &DatabaseTransaction, setup: &PoolSetup) -> Result<()> {
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
        moved |= self.put_wish(tx, of_pool(&setup.id), setup.exposure, "configuration").await?;
        let known = pool::Entity::find_by_id(&setup.id).one(tx).await?;
        if let Some(known) = known.filter(|known| known.epsilon != setup.epsilon) {
            moved = true;
            pool::ActiveModel { epsilon: Set(setup.epsilon), ..known.into_active_model() }.update(tx).await?;
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
        let mut row = row.into_active_model();
        row.name = Set(setup.name.clone());
        row.on_cancel = Set(on_cancel(setup.review).into());
        row.configured = Set(true);
        row.update(tx).await?;
        Ok(())
    }

    pub async fn channels(&self) -> Result<Vec<channel::Model>> {
        let all = channel::Entity::find().filter(channel::Column::Configured.eq(true));
        Ok(all.order_by_asc(channel::Column::Id).all(&self.reader).await?)
    }

    pub async fn shops(&self) -> Result<Shops> {
        Ok(Shops(self.channels().await?.into_iter().map(|row| (row.id, row.mall)).collect()))
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
                let since = find(&tx, id).await?.stock_since.unwrap_or(micros(self.now()));
                row.stock_since = Set((lane.state != LaneState::Flowing).then_some(since));
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

async fn listed_skus(tx: &DatabaseTransaction, channel: &str) -> Result<Vec<i64>> {
    let skus = listing::Entity::find().select_only().column(listing::Column::SkuId).distinct();
    Ok(skus.filter(listing::Column::Channel.eq(channel)).into_tuple().all(tx).await?)
}

fn on_cancel(review: bool) -> &'static str {
    if review { REVIEW } else { "restock" }
}

fn new_channel(setup: &ChannelSetup, now: i64) -> channel::Model {
    channel::Model {
        id: setup.id.clone(),
        mall: setup.mall.clone(),
        name: setup.name.clone(),
        pool: setup.pool.clone(),
        on_cancel: on_cancel(setup.review).into(),
        rules: None,
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
        stock_since: None,
        absence: None,
        absent_since: None,
        unheard_s: None,
        // A storefront has no open orders that anybody would have to read first.
        baseline: if setup.mall == STOREFRONT { "done" } else { "pending" }.into(),
        read_from: None,
        watermark: None,
        orders_seen: 0,
        lag: None,
        last_poll_at: None,
        next_poll_at: None,
        last_push_at: None,
        turn: 0,
        configured: true,
        created_at: now,
    }
}
