//! The right half: claim, settle, and what readings bring. Perform, between them, knows no store.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use uriba_sdk::{Card, Outcome, Refusal, Update, Write, env::DEADLINE};

use super::{
    Result, Store, StoreError, dialect,
    entity::{channel, listing, provisional_hold, publication, stock, stop_raise},
    exposure::{Rooms, in_escrow},
    lease::Lease,
    maybe_instant, micros,
    publication_desk::Desk,
    publication_rows::{Happened, Listed, sales},
    shares::sell_shares,
    stops::{any_stopped, stopped_listings},
};
use crate::domain::{
    drift::{Cause, OnDrift},
    plan::{self, Wish},
    publication::{Next, Outstanding, Situation, Ways, WriteState, growth},
    settle::{self, Exchange, Times},
    suspend::{Mode, State},
    time::{earlier, later},
};

/// The channel, as the right half needs it.
#[derive(Clone, Debug)]
pub struct Outlet {
    pub channel: String,
    pub pool: String,
    pub card: &'static Card,
    pub ways: Ways,
    pub times: Times,
    pub on_drift: OnDrift,
}

/// Writes that are recorded as told. Made by [`Store::claim`], used up by [`Store::settle`]: whoever holds
/// one must perform it or let its horizon pass.
#[derive(Debug)]
pub struct Claim {
    items: Vec<Claimed>,
}

#[derive(Debug)]
struct Claimed {
    listing: i64,
    write: i64,
    update: Update,
}

impl Claim {
    pub fn updates(&self) -> Vec<Update> {
        self.items.iter().map(|item| item.update.clone()).collect()
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
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
    /// Whether any listing shows something else than it ought to.
    pub async fn wants_writes(&self, channel: &str) -> Result<bool> {
        let wanting = publication::Entity::find()
            .select_only()
            .column(publication::Column::ListingId)
            .filter(publication::Column::Channel.eq(channel))
            .filter(publication::Column::Wants.eq(true));
        Ok(wanting.limit(1).into_tuple::<i64>().one(&self.reader).await?.is_some())
    }

    /// The next batch for the mall, written down as told before it leaves.
    pub async fn claim(&self, lease: &Lease, outlet: &Outlet, now: Timestamp) -> Result<Option<Claim>> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let situation = situation(&tx, &outlet.channel, now).await?;
        let stops = Stops::load(&tx, &outlet.channel).await?;
        let mut ids = candidates(&tx, outlet, &situation, &stops).await?;
        let stopped = stopped_first(&tx, outlet, &situation).await?;
        ids.extend(&stopped);
        if ids.is_empty() {
            return Ok(None);
        }
        self.lock_shared_out(&tx, &outlet.pool, &ids).await?;
        let mut listed = self.listed(&tx, &ids).await?;
        let outdated = outdated(&tx, &outlet.pool, &listed).await?;
        let mut rooms = Rooms::load(self, &tx, &outlet.pool, &listed).await?;
        let mut wishes = Vec::new();
        for (index, item) in listed.iter().enumerate().filter(|(_, item)| item.listing.state == "ready") {
            let listing = &item.listing;
            let here = Situation {
                stop_raise: stops.forbid(listing),
                outdated: outdated.contains(&listing.sku_id),
                not_ours: listing.not_ours,
                room: rooms.of(listing),
                ..situation
            };
            if let Next::Write { write, urgency, units } = item.publication.next(outlet.ways, &here) {
                let priority = item.listing.priority;
                // What is off sale goes before everything else of its urgency, as if it had waited for ever.
                let since = stopped.contains(&item.id()).then_some(Timestamp::MIN);
                let since = since.or(maybe_instant(item.row.wants_since));
                wishes.push(Wish { listing: index, write, urgency, units, priority, since });
            }
        }
        plan::urgent_first(&mut wishes, now);
        let batch = plan::batch(outlet.card, wishes);
        if batch.is_empty() {
            return Ok(None);
        }
        let mut items = Vec::new();
        let mut chosen = Vec::new();
        let mut events = Vec::new();
        for wish in batch {
            let item = &mut listed[wish.listing];
            let growth = growth(wish.write);
            // Another listing of the batch has taken the units.
            if growth > 0 && rooms.of(&item.listing).is_some_and(|room| growth > room) {
                continue;
            }
            rooms.take(&item.listing, growth);
            let write = self.id();
            let horizon = settle::horizon(later(now, DEADLINE), &outlet.times);
            let state = WriteState::Unknown;
            item.publication.claim(Outstanding { id: write, write: wish.write, sent_at: now, horizon, state });
            events.push(told(item.id(), wish.write));
            let update =
                Update { key: item.listing.mall_key.clone(), handle: item.listing.handle.clone(), write: wish.write };
            items.push(Claimed { listing: item.id(), write, update });
            chosen.push(item.clone());
        }
        if items.is_empty() {
            return Ok(None);
        }
        self.save_listed(&tx, &chosen).await?;
        self.happened(&tx, events).await?;
        tx.commit().await?;
        Ok(Some(Claim { items }))
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
            let answered_at = Set(Some(micros(exchange.answered_at)));
            let id = Set(outlet.channel.clone());
            channel::ActiveModel { id, last_push_at: answered_at, ..Default::default() }.update(&tx).await?;
        }
        let ids: BTreeSet<i64> = claim.items.iter().map(|item| item.listing).collect();
        self.lock_stock_of(&tx, &ids).await?;
        let mut listed = self.listed(&tx, &ids).await?;
        let sales = sales(&tx, &listed, micros(exchange.look(0, outlet.times.precision).from)).await?;
        let mut settled = Settled::default();
        let mut desk = Desk::new(outlet);
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
    let row = channel::Entity::find_by_id(channel).one(db).await?;
    let row = row.ok_or_else(|| StoreError::Missing { kind: "channel", name: channel.to_owned() })?;
    Ok(situation_of(&row, now))
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
            .filter(stock::Column::Due.eq(true));
        found.extend(due.into_tuple::<i64>().all(tx).await?);
    }
    Ok(found)
}

/// Listings that may have something to write: the most urgent ones, and those that have waited for longest.
async fn candidates(
    tx: &DatabaseTransaction,
    outlet: &Outlet,
    situation: &Situation,
    stops: &Stops,
) -> Result<BTreeSet<i64>> {
    use publication::Column;
    let now = micros(situation.now);
    let most = outlet.card.writes.iter().map(|way| way.batch_max).max().unwrap_or(1) as u64 * 2 + 20;
    let base = || {
        publication::Entity::find()
            .select_only()
            .column(Column::ListingId)
            .filter(Column::Channel.eq(&outlet.channel))
            .limit(most)
    };
    if !situation.live || situation.switch == Some(Mode::Freeze) {
        return Ok(BTreeSet::new());
    }
    if situation.switch == Some(Mode::Zero) {
        let untold =
            Condition::any().add(Column::OpenWrites.eq(0)).add(Column::Told.ne(0)).add(Column::ReadDue.lte(now));
        let awake = Condition::any().add(Column::SetAsideUntil.is_null()).add(Column::SetAsideUntil.lte(now));
        let lit = base().filter(Column::Lit.eq(true)).filter(Column::Checked.eq(true)).filter(untold).filter(awake);
        let lit: Vec<i64> = lit.order_by_desc(Column::Rank).into_tuple().all(tx).await?;
        return Ok(lit.into_iter().collect());
    }
    let ready = Condition::any().add(Column::ReadyAt.is_null()).add(Column::ReadyAt.lte(now));
    let mut wanting = base().filter(Column::Wants.eq(true)).filter(ready);
    if !stops.0.is_empty() {
        wanting = wanting.filter(Condition::any().add(Column::Urgency.gt(0)).add(stops.elsewhere()));
    }
    if !outlet.ways.relative {
        // An absolute raise waits until the orders are known past what it would overwrite.
        let watermark = situation.watermark.map_or(i64::MIN, micros);
        let known = Condition::any()
            .add(Column::Urgency.gt(0))
            .add(Column::AnchorTo.is_null())
            .add(Column::AnchorTo.lt(watermark));
        wanting = wanting.filter(known);
    }
    let aged = wanting
        .clone()
        .filter(Column::WantsSince.lt(micros(earlier(situation.now, plan::AGED))))
        .order_by_desc(Column::Urgency)
        .order_by_asc(Column::WantsSince);
    let aged: Vec<i64> = aged.into_tuple().all(tx).await?;
    let largest = wanting.order_by_desc(Column::Urgency).order_by_desc(Column::Rank);
    let largest: Vec<i64> = largest.into_tuple().all(tx).await?;
    Ok(aged.into_iter().chain(largest).collect())
}

/// Listings whose SKU is off sale and that are to show nothing now.
async fn stopped_first(tx: &DatabaseTransaction, outlet: &Outlet, situation: &Situation) -> Result<BTreeSet<i64>> {
    use publication::Column;
    if !situation.live || situation.switch.is_some() || !any_stopped(tx).await? {
        return Ok(BTreeSet::new());
    }
    let now = micros(situation.now);
    let ready = Condition::any().add(Column::ReadyAt.is_null()).add(Column::ReadyAt.lte(now));
    let most = outlet.card.writes.iter().map(|way| way.batch_max).max().unwrap_or(1) as u64;
    let rows = publication::Entity::find()
        .select_only()
        .column(Column::ListingId)
        .filter(Column::Channel.eq(&outlet.channel))
        .filter(Column::Wants.eq(true))
        .filter(Column::Urgency.gt(0))
        .filter(Column::ListingId.in_subquery(stopped_listings()))
        .filter(ready)
        .order_by_desc(Column::Rank)
        .limit(most);
    Ok(rows.into_tuple::<i64>().all(tx).await?.into_iter().collect())
}

/// What forbids raising, loaded once per claim.
pub(super) struct Stops(HashSet<String>);

/// The scope of what forbids raises everywhere.
pub(super) const EVERYTHING: &str = "everything";

impl Stops {
    pub(super) async fn load(db: &impl sea_orm::ConnectionTrait, channel: &str) -> Result<Self> {
        let rows = stop_raise::Entity::find().filter(stop_raise::Column::EndedAt.is_null()).all(db).await?;
        let all = rows.into_iter().map(|row| row.scope).collect::<HashSet<_>>();
        let whole = format!("channel:{channel}");
        Ok(Self(if all.contains(&whole) || all.contains(EVERYTHING) { HashSet::from(["*".to_owned()]) } else { all }))
    }

    /// Listings that nothing stops. Without this, raises that may not go would fill every batch.
    fn elsewhere(&self) -> sea_orm::sea_query::Expr {
        use sea_orm::sea_query::{Expr, Query};
        if self.0.contains("*") {
            return Expr::value(false);
        }
        let ids = |prefix: &str| -> Vec<i64> {
            self.0.iter().filter_map(|scope| scope.strip_prefix(prefix)?.parse().ok()).take(500).collect()
        };
        let stopped = Query::select()
            .column(listing::Column::Id)
            .from(listing::Entity)
            .and_where(listing::Column::SkuId.is_in(ids("sku:")).or(listing::Column::Id.is_in(ids("listing:"))))
            .to_owned();
        publication::Column::ListingId.not_in_subquery(stopped)
    }

    pub(super) fn forbid(&self, listing: &listing::Model) -> bool {
        self.0.contains("*")
            || self.0.contains(&format!("sku:{}", listing.sku_id))
            || self.0.contains(&format!("listing:{}", listing.id))
    }
}

impl Settled {
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
