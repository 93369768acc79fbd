//! The right half: claim, settle, and what readings bring. Perform, between them, knows no store.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uriba_sdk::{Card, Outcome, Refusal, Update, Write, env::DEADLINE};

use super::{
    Result, Store, StoreError, dialect,
    entity::{channel, listing, provisional_hold, stock},
    exposure::{Rooms, in_escrow},
    lease::Lease,
    maybe_instant, micros,
    publication_belief::stake,
    publication_desk::Desk,
    publication_rows::{Happened, Listed, sales},
    queue::{Look, Stops, candidates, stopped_first},
    shares::sell_shares,
    tickets::Ticket,
};
use crate::domain::{
    drift::{Cause, OnDrift},
    plan::{self, Carrier, Wish},
    publication::{Next, Outstanding, Situation, Urgency, Ways, WriteState, growth},
    settle::{self, Exchange, Times},
    suspend::{Mode, State},
    time::later,
};

/// The channel, as the right half needs it.
#[derive(Clone, Debug)]
pub struct Outlet {
    pub channel: String,
    pub pool: String,
    pub card: &'static Card,
    pub times: Times,
    pub on_drift: OnDrift,
}

impl Outlet {
    /// How a listing of this mall can be written.
    pub fn ways_of(&self, listing: &listing::Model) -> Ways {
        plan::ways(self.card, kind_of(self.card, listing))
    }
}

/// The kind of listing that it is, by the mall's card.
pub(super) fn kind_of(card: &Card, listing: &listing::Model) -> &'static str {
    (card.kind_of)(&listing.mall_key, listing.handle.as_deref())
}

/// Writes that are recorded as told. Made by [`Store::claim`], used up by [`Store::settle`]: whoever holds
/// one must perform it or let its horizon pass.
#[derive(Debug)]
pub struct Claim {
    items: Vec<Claimed>,
}

#[derive(Debug)]
pub(super) struct Claimed {
    pub listing: i64,
    pub write: i64,
    pub update: Update,
}

impl Claim {
    /// Writes of which the mall says only now what became of them.
    pub(super) fn again(items: Vec<Claimed>) -> Self {
        Self { items }
    }

    pub fn updates(&self) -> Vec<Update> {
        self.items.iter().map(|item| item.update.clone()).collect()
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Listings that are told something else than zero: of a claim that can only lower there are none.
    pub fn lit(&self) -> BTreeSet<i64> {
        let lit = self.items.iter().filter(|item| item.update.write != Write::Absolute(0));
        lit.map(|item| item.listing).collect()
    }
}

/// What a claim may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    All,
    /// The quota has nothing left but what is kept for zeros.
    Zeros,
}

/// So many times a claim looks further when all it finds must rest.
const ROUNDS_MAX: u32 = 20;

enum Round {
    Claimed(Claim),
    /// Everything that was looked at rests now: others come forward.
    Rested,
    Nothing,
}

/// How a claim ended.
#[derive(Debug)]
pub enum Performed {
    /// One outcome per update.
    Answered(Vec<Outcome>),
    /// Nothing was written because of these entries.
    Rejected(Vec<(usize, Refusal)>),
    NotApplied,
    Unknown,
}

/// What settling found, for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub applied: usize,
    pub refused: usize,
    pub unknown: usize,
    /// When the targets that are now shown were computed.
    pub since: Vec<Timestamp>,
    pub drifts: Vec<Cause>,
}

impl Store {
    /// The next batch for the mall, written down as told before it leaves. What can't be written now, whatever the
    /// reason, rests, so that it isn't in the way of the others.
    pub async fn claim(&self, lease: &Lease, outlet: &Outlet, now: Timestamp) -> Result<Option<Claim>> {
        self.claim_of(lease, outlet, Kinds::All, Carrier::Answer, now).await
    }

    /// The same, of some kinds of writes.
    pub async fn claim_of(
        &self,
        lease: &Lease,
        outlet: &Outlet,
        kinds: Kinds,
        by: Carrier,
        now: Timestamp,
    ) -> Result<Option<Claim>> {
        self.wake(lease, &outlet.channel, now).await?;
        for round in 0..ROUNDS_MAX {
            match self.claim_round(lease, outlet, Look { kinds, by, round }, now).await? {
                Round::Claimed(claim) => return Ok(Some(claim)),
                Round::Rested => {}
                Round::Nothing => return Ok(None),
            }
        }
        Ok(None)
    }

    async fn claim_round(&self, lease: &Lease, outlet: &Outlet, look: Look, now: Timestamp) -> Result<Round> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let row = channel_row(&tx, &outlet.channel).await?;
        let situation = situation_of(&row, now);
        let stops = Stops::load(&tx, &outlet.channel).await?;
        let mut ids = candidates(&tx, outlet, &situation, &stops, look).await?;
        let stopped = stopped_first(&tx, outlet, &situation).await?;
        ids.extend(&stopped);
        if ids.is_empty() {
            return Ok(Round::Nothing);
        }
        self.lock_shared_out(&tx, &outlet.pool, &ids).await?;
        let mut listed = self.listed(&tx, &ids).await?;
        let outdated = outdated(&tx, &outlet.pool, &listed).await?;
        let mut rooms = Rooms::load(self, &tx, &outlet.pool, &listed).await?;
        let (mut wishes, mut resting) = (Vec::new(), Vec::new());
        for (index, item) in listed.iter().enumerate() {
            let listing = &item.listing;
            let here = Situation {
                stop_raise: stops.forbid(listing),
                outdated: outdated.contains(&listing.sku_id),
                not_ours: listing.not_ours,
                room: rooms.of(listing),
                ..situation
            };
            match item.publication.next(outlet.ways_of(listing), &here) {
                Next::Write { write, urgency, units } if listing.state == "ready" => {
                    // What is off sale goes before everything else of its urgency.
                    let first = stopped.contains(&item.id()).then_some(i64::MAX);
                    let rank = first.unwrap_or_else(|| stake(item, urgency, units, item.row.pace).rank());
                    let since = maybe_instant(item.row.wants_since);
                    let kind = kind_of(outlet.card, listing);
                    wishes.push(Wish { listing: index, kind, write, urgency, rank, since });
                }
                // It is computed in a moment.
                _ if here.outdated => {}
                _ => resting.push(item.id()),
            }
        }
        if situation.switch.is_none() {
            self.rest(&tx, &resting, now).await?;
        }
        // A zero waits for nobody's ticket, unless everything is to be zero.
        let waits = look.by == Carrier::Ticket && situation.switch.is_none();
        wishes.retain(|wish| !waits || wish.urgency != Urgency::Zero);
        wishes.retain(|wish| look.kinds == Kinds::All || wish.urgency == Urgency::Zero);
        let batch = plan::batch(outlet.card, wishes, look.by, row.turn, now);
        let (items, chosen) = self.told(batch, &mut listed, &mut rooms, &outlet.times, now);
        if items.is_empty() {
            tx.commit().await?;
            let more = situation.switch.is_none() && !resting.is_empty();
            return Ok(if more { Round::Rested } else { Round::Nothing });
        }
        self.save_listed(&tx, &chosen).await?;
        self.happened(&tx, items.iter().map(|item| told(item.listing, item.update.write)).collect()).await?;
        tx.commit().await?;
        Ok(Round::Claimed(Claim { items }))
    }

    /// Of a batch, what there is room for.
    fn told(
        &self,
        batch: Vec<Wish<usize>>,
        listed: &mut [Listed],
        rooms: &mut Rooms,
        times: &Times,
        now: Timestamp,
    ) -> (Vec<Claimed>, Vec<Listed>) {
        let (mut items, mut chosen) = (Vec::new(), Vec::new());
        for wish in batch {
            let item = &mut listed[wish.listing];
            let growth = growth(wish.write);
            // Another listing of the batch has taken the units.
            if growth > 0 && rooms.of(&item.listing).is_some_and(|room| growth > room) {
                continue;
            }
            rooms.take(&item.listing, growth);
            let write = self.id();
            let horizon = settle::horizon(later(now, DEADLINE), times);
            let state = WriteState::Unknown;
            item.publication.claim(Outstanding { id: write, write: wish.write, sent_at: now, horizon, state });
            let update =
                Update { key: item.listing.mall_key.clone(), handle: item.listing.handle.clone(), write: wish.write };
            items.push(Claimed { listing: item.id(), write, update });
            chosen.push(item.clone());
        }
        (items, chosen)
    }

    /// Consumes a claim with what came of it.
    pub async fn settle(
        &self,
        lease: &Lease,
        outlet: &Outlet,
        claim: Claim,
        performed: Performed,
        exchange: Exchange,
    ) -> Result<Settled> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        if matches!(performed, Performed::Answered(_) | Performed::Rejected(_)) {
            channel::Entity::update_many()
                .col_expr(channel::Column::LastPushAt, Expr::value(micros(exchange.answered_at)))
                .col_expr(channel::Column::Turn, Expr::col(channel::Column::Turn).add(1))
                .filter(channel::Column::Id.eq(&outlet.channel))
                .exec(&tx)
                .await?;
        }
        let ids: BTreeSet<i64> = claim.items.iter().map(|item| item.listing).collect();
        self.lock_stock_of(&tx, &ids).await?;
        let mut listed = self.listed(&tx, &ids).await?;
        let sales = sales(&tx, &listed, micros(exchange.look(0, outlet.times.precision).from)).await?;
        let mut settled = Settled::default();
        let mut desk = Desk::new(outlet);
        let mut tickets = Vec::new();
        for (index, item) in claim.items.iter().enumerate() {
            let Some(target) = listed.iter_mut().find(|listed| listed.id() == item.listing) else { continue };
            let sold = sales.get(&item.listing).map_or(&[][..], Vec::as_slice);
            let outcome = match &performed {
                Performed::Answered(outcomes) => outcomes.get(index).cloned().unwrap_or(Outcome::Unknown),
                Performed::Rejected(refused) => match refused.iter().find(|(entry, _)| *entry == index) {
                    Some((_, refusal)) => Outcome::Refused(refusal.clone()),
                    None => {
                        settle::not_sent(&mut target.publication, item.write);
                        desk.not_sent(target.id());
                        continue;
                    }
                },
                Performed::NotApplied => {
                    settle::not_sent(&mut target.publication, item.write);
                    desk.not_sent(target.id());
                    continue;
                }
                Performed::Unknown => Outcome::Unknown,
            };
            settled.count(&outcome, target);
            if let Outcome::Pending { ticket } = &outcome {
                tickets.push(Ticket { write: item.write, ticket: ticket.clone() });
            }
            let refusals = u32::try_from(target.row.refusals).unwrap_or(0);
            let notes =
                settle::outcome(&mut target.publication, item.write, &outcome, exchange, &outlet.times, sold, refusals);
            if matches!(outcome, Outcome::Applied { .. }) {
                target.row.pushed_at = Some(micros(exchange.answered_at));
                if target.row.refusals > 0 {
                    target.row.refusals = 0;
                    target.row.refusal = None;
                    desk.calm.push(target.listing.clone());
                }
            }
            desk.take(target, notes, exchange.answered_at);
        }
        settled.drifts = std::mem::take(&mut desk.drifts);
        self.close_desk(&tx, desk).await?;
        self.save_listed(&tx, &listed).await?;
        self.keep_tickets(&tx, &outlet.channel, tickets).await?;
        tx.commit().await?;
        Ok(settled)
    }

    /// In escrow a raise takes from what nobody holds, which is decided under the lock of the stock row.
    async fn lock_shared_out(&self, tx: &DatabaseTransaction, pool: &str, listings: &BTreeSet<i64>) -> Result<()> {
        if self.writes_alone() {
            return Ok(());
        }
        let mut skus = BTreeSet::new();
        for piece in super::stock::pieces(listings) {
            let rows = listing::Entity::find().select_only().column(listing::Column::SkuId);
            skus.extend(rows.filter(listing::Column::Id.is_in(piece)).into_tuple::<i64>().all(tx).await?);
        }
        match in_escrow(tx, pool, &super::bundles::touched(tx, &skus).await?).await?.is_empty() {
            true => Ok(()),
            false => self.lock_stock_of(tx, listings).await,
        }
    }

    /// A reading may lead to a hold, which moves the stock row; that row is locked before any publication.
    /// (SQLite has one writer, so nothing there is locked by row.)
    pub(super) async fn lock_stock_of(&self, tx: &DatabaseTransaction, listings: &BTreeSet<i64>) -> Result<()> {
        if self.writes_alone() {
            return Ok(());
        }
        let mut skus = BTreeSet::new();
        for piece in super::stock::pieces(listings) {
            let rows = listing::Entity::find().select_only().column(listing::Column::SkuId);
            skus.extend(rows.filter(listing::Column::Id.is_in(piece)).into_tuple::<i64>().all(tx).await?);
        }
        // From here on nobody changes what these are made of.
        super::stock::lock_skus(tx, &skus).await?;
        for piece in super::stock::pieces(&super::bundles::touched(tx, &skus).await?) {
            let rows = stock::Entity::find().filter(stock::Column::SkuId.is_in(piece));
            rows.order_by_asc(stock::Column::SkuId).lock_exclusive().all(tx).await?;
        }
        Ok(())
    }

    pub(super) async fn close_desk(&self, tx: &DatabaseTransaction, desk: Desk<'_>) -> Result<()> {
        let mut bumps = BTreeSet::new();
        // What a reading misses is gone from the share as well.
        sell_shares(tx, &desk.missing).await?;
        for hold in desk.holds {
            bumps.insert((hold.sku_id, hold.pool.clone()));
            let row = provisional_hold::Model { id: self.id(), recorded_at: micros(self.now()), ..hold };
            row.into_active_model().reset_all().insert(tx).await?;
        }
        let bumps: Vec<_> = bumps.into_iter().collect();
        dialect::bump_stock(tx, &bumps, false, micros(self.now())).await?;
        if !bumps.is_empty() {
            self.bells.facts.notify_waiters();
        }
        for row in desk.listings {
            listing::Entity::update(row.into_active_model().reset_all()).exec(tx).await?;
        }
        for row in desk.calm {
            self.calm(tx, "set_aside", &format!("{}/{}", row.channel, row.mall_key)).await?;
        }
        for call in desk.calls {
            if matches!(call.kind, "mall_limit" | "other_writer") {
                // What was being put right isn't any more.
                self.calm(tx, "drift", &call.subject).await?;
            }
            self.raise(tx, call).await?;
        }
        self.happened(tx, desk.events).await
    }
}

/// Where a channel stands, from its row.
pub(super) async fn situation(db: &impl ConnectionTrait, channel: &str, now: Timestamp) -> Result<Situation> {
    Ok(situation_of(&channel_row(db, channel).await?, now))
}

async fn channel_row(db: &impl ConnectionTrait, channel: &str) -> Result<channel::Model> {
    let row = channel::Entity::find_by_id(channel).one(db).await?;
    row.ok_or_else(|| StoreError::Missing { kind: "channel", name: channel.to_owned() })
}

pub fn situation_of(row: &channel::Model, now: Timestamp) -> Situation {
    let mode = row.suspend_mode.as_deref().and_then(Mode::parse);
    let switch = match State::parse(&row.state) {
        Some(State::Active) | None => None,
        // While resuming the mall keeps what the suspension left there.
        Some(State::Resuming) => Some(Mode::Freeze),
        Some(State::Draining | State::Suspended) => mode,
    };
    Situation {
        now,
        watermark: maybe_instant(row.watermark),
        live: row.mode == "live",
        switch,
        baseline_done: row.baseline == "done",
        stop_raise: false,
        outdated: false,
        not_ours: false,
        room: None,
    }
}

/// SKUs whose facts changed since their targets were computed. Read after the beliefs are locked: whatever sale a
/// belief knows of has marked its SKU by then.
async fn outdated(tx: &DatabaseTransaction, pool: &str, listed: &[Listed]) -> Result<HashSet<i64>> {
    let mut found = HashSet::new();
    for piece in super::stock::pieces(&listed.iter().map(|item| item.listing.sku_id).collect()) {
        let due = stock::Entity::find()
            .select_only()
            .column(stock::Column::SkuId)
            .filter(stock::Column::SkuId.is_in(piece))
            .filter(stock::Column::Pool.eq(pool))
            .filter(dialect::holds(stock::Column::Due));
        found.extend(due.into_tuple::<i64>().all(tx).await?);
    }
    Ok(found)
}

impl Settled {
    pub(super) fn add(&mut self, other: Self) {
        self.applied += other.applied;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.since.extend(other.since);
        self.drifts.extend(other.drifts);
    }

    fn count(&mut self, outcome: &Outcome, item: &Listed) {
        match outcome {
            Outcome::Applied { .. } => {
                self.applied += 1;
                self.since
                    .extend(maybe_instant(item.row.target_at).filter(|_| item.row.pushed_at < item.row.target_at));
            }
            Outcome::Refused(_) | Outcome::Conflict { .. } => self.refused += 1,
            Outcome::Unknown | Outcome::Pending { .. } => self.unknown += 1,
        }
    }
}

fn told(listing_id: i64, write: Write) -> Happened {
    let (value, detail) = match write {
        Write::Absolute(value) => (value, "absolute".to_owned()),
        Write::Relative(value) => (value, "relative".to_owned()),
        Write::CompareAndSet { from, to } => (to, format!("if it shows {from}")),
    };
    Happened::new(listing_id, "told", Some(value), Some(detail))
}
