//! Modes and shares: read and decided anew whenever a SKU is computed, and when a decision is due to be looked at again.
//!
//! The decision is [`crate::domain::exposure::balance()`]'s. It is made under the lock of the stock row, before the
//! targets that follow from it, and kept with what it rested on whenever it differs from the one before.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QuerySelect,
    sea_query::{Expr, Query},
};
use serde::{Deserialize, Serialize};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    bundles::{self, Component, Shelved, exploded},
    channels::STOREFRONT,
    decrees::Decrees,
    demand::{Subject, taught},
    dialect,
    entity::{balance_event, bundle_unit, channel, exposure_wish, listing, recall, share, sku, stock},
    exposure::{Drawn, Draws, recalled},
    instant,
    log::Entry,
    maybe_instant, micros,
    recompute::Allowance,
    stock::{lock_skus, pieces},
};
use crate::domain::{
    allocation,
    demand::{Demand, Forecast, Prior},
    exposure::{
        self, Balance, Listing, Mode, Reach, Stock, balance,
        mode::{InForce, Policy, Wish},
    },
    health::LaneState,
    shelf::Shelf,
    suspend,
    time::between,
};

/// How a channel's listings can be moved, by its mall's card and its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// By a change, or by compare and set: what a listing gives is certain at once.
    pub direct: bool,
    /// A sale there is known, and answered everywhere else, so long after it happened.
    pub blind: Duration,
    /// Units that a listing gives away are certainly unsold so long after they were asked for.
    pub turn: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { direct: true, blind: Duration::from_secs(65), turn: Duration::from_secs(5) }
    }
}

/// Shares by listing, of each SKU of theirs that is in escrow, in units of that SKU.
#[derive(Debug, Default)]
pub(super) struct Shares {
    by_listing: HashMap<i64, BTreeMap<i64, i64>>,
}

impl Shares {
    /// By component, what of it one sale of the listing takes counted in bundles: how many units of its own SKU
    /// the listing may show. `None`: nothing of it is in escrow.
    pub fn of(&self, listing: i64, parts: &[Component]) -> Option<i64> {
        let shares = self.by_listing.get(&listing)?;
        let each =
            parts.iter().filter_map(|part| Some(shares.get(&part.sku_id)?.div_euclid(Ord::max(part.quantity, 1))));
        each.min()
    }

    pub async fn load(db: &impl ConnectionTrait, listings: &BTreeSet<i64>) -> Result<Self> {
        let mut found = Self::default();
        for piece in pieces(listings) {
            for row in share::Entity::find().filter(share::Column::ListingId.is_in(piece)).all(db).await? {
                found.by_listing.entry(row.listing_id).or_default().insert(row.sku_id, row.units);
            }
        }
        Ok(found)
    }
}

/// Everything that a decision looks at beside the SKU's own shelf.
struct Around {
    draws: Draws,
    channels: HashMap<String, channel::Model>,
    taught: HashMap<Subject, Demand>,
    recalled: HashMap<i64, (i64, i64)>,
    shares: Shares,
}

impl Store {
    /// Gives a SKU another name, or says in which mode it is to be sold (`Some(None)`: as its pool is).
    pub async fn set_sku(
        &self,
        code: &str,
        name: Option<&str>,
        exposure: Option<Option<Wish>>,
        who: &str,
    ) -> Result<()> {
        let tx = self.begin().await?;
        let row = self.sku(&tx, code).await?;
        let subject = format!("sku/{}", row.code);
        if let Some(name) = name.filter(|name| row.name.as_deref() != Some(*name)) {
            let renamed = sku::ActiveModel { id: Set(row.id), name: Set(Some(name.to_owned())), ..Default::default() };
            sku::Entity::update(renamed).exec(&tx).await?;
            let entry = Entry { who, what: "sku.name", subject: &subject, why: None, detail: Some(name.to_owned()) };
            self.write_log(&tx, entry).await?;
        }
        if let Some(wish) = exposure
            && self.put_wish(&tx, of_sku(row.id), wish, who).await?
        {
            let rows = stock::Entity::find().filter(stock::Column::SkuId.eq(row.id)).all(&tx).await?;
            let bumps: Vec<_> = rows.into_iter().map(|row| (row.sku_id, row.pool)).collect();
            lock_skus(&tx, &[row.id].into()).await?;
            dialect::bump_stock(&tx, &bumps, false, micros(self.now())).await?;
            let detail = Some(format!("sold {}", wish.map_or("as its pool is", Wish::word)));
            self.write_log(&tx, Entry { who, what: "sku.exposure", subject: &subject, why: None, detail }).await?;
        }
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(())
    }

    pub(super) async fn put_wish(
        &self,
        tx: &DatabaseTransaction,
        scope: String,
        wish: Option<Wish>,
        who: &str,
    ) -> Result<bool> {
        let known = exposure_wish::Entity::find_by_id(&scope).one(tx).await?;
        let word = wish.map(Wish::word);
        if known.as_ref().map(|row| row.mode.as_str()) == word {
            return Ok(false);
        }
        exposure_wish::Entity::delete_by_id(&scope).exec(tx).await?;
        if let Some(word) = word {
            let (at, who) = (micros(self.now()), who.to_owned());
            let row = exposure_wish::Model { scope, mode: word.to_owned(), at, who };
            exposure_wish::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
        }
        Ok(true)
    }

    /// What the hub can do about the channel's listings has changed: what they share is looked at again.
    pub(super) async fn reconsider_channel(&self, tx: &DatabaseTransaction, channel: &str) -> Result<()> {
        let sold = || {
            Query::select()
                .column(listing::Column::SkuId)
                .from(listing::Entity)
                .and_where(listing::Column::Channel.eq(channel))
                .to_owned()
        };
        let parts = Query::select()
            .column(bundle_unit::Column::ComponentId)
            .from(bundle_unit::Entity)
            .and_where(bundle_unit::Column::BundleId.in_subquery(sold()))
            .to_owned();
        let named = stock::Column::SkuId.in_subquery(sold()).or(stock::Column::SkuId.in_subquery(parts));
        self.reconsider_where(tx, named).await
    }

    /// The same of some listings.
    pub(super) async fn reconsider_listings(&self, tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<()> {
        for piece in pieces(&bundles::touched(tx, skus).await?) {
            self.reconsider_where(tx, stock::Column::SkuId.is_in(piece)).await?;
        }
        Ok(())
    }

    async fn reconsider_where(&self, tx: &DatabaseTransaction, named: Expr) -> Result<()> {
        stock::Entity::update_many()
            .col_expr(stock::Column::ReconsiderAt, Expr::value(micros(self.now())))
            .filter(stock::Column::Mode.is_not_null())
            .filter(named)
            .exec(tx)
            .await?;
        self.bells.facts.notify_waiters();
        Ok(())
    }

    /// Has everything computed again whose mode and shares are due to be looked at. Returns how many SKUs.
    pub async fn reconsider(&self) -> Result<usize> {
        let now = micros(self.now());
        let due = stock::Entity::find()
            .filter(stock::Column::ReconsiderAt.lte(now))
            .filter(stock::Column::Due.eq(false))
            .limit(ROWS_PER_STATEMENT as u64);
        let rows = due.all(self.reader()).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let tx = self.begin().await?;
        recall::Entity::delete_many().filter(recall::Column::Until.lte(now)).exec(&tx).await?;
        lock_skus(&tx, &rows.iter().map(|row| row.sku_id).collect()).await?;
        let bumps: Vec<_> = rows.iter().map(|row| (row.sku_id, row.pool.clone())).collect();
        dialect::bump_stock(&tx, &bumps, false, now).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(rows.len())
    }

    /// Decides about those of the SKUs that are, or are to be, sold otherwise than shared. Returns the SKUs whose
    /// shares have changed.
    pub(super) async fn balance_pool(
        &self,
        tx: &DatabaseTransaction,
        pool: &str,
        rows: &[stock::Model],
        shelved: &Shelved,
        decrees: &Decrees,
        allowances: &HashMap<String, Allowance>,
    ) -> Result<BTreeSet<i64>> {
        let wishes = wishes(tx, pool, rows, decrees).await?;
        if wishes.is_empty() {
            return Ok(BTreeSet::new());
        }
        let skus: BTreeSet<i64> = wishes.keys().copied().filter(|sku| shelved.shelves.contains_key(sku)).collect();
        let around = self.around(tx, pool, &skus).await?;
        let mut changed = BTreeSet::new();
        for row in rows.iter().filter(|row| skus.contains(&row.sku_id)) {
            let Some(sellable) = shelved.shelves.get(&row.sku_id).and_then(Shelf::sellable) else { continue };
            let policy = Policy { wish: wishes[&row.sku_id], ..Policy::default() };
            let in_force = row
                .mode
                .as_deref()
                .and_then(Mode::parse)
                .map(|mode| InForce { mode, since: row.mode_since.map_or(self.now(), instant) });
            let stock = self.stock_of(row.sku_id, sellable, &around);
            let drawn = around.draws.get(&row.sku_id).map_or(&[][..], Vec::as_slice);
            let counted = drawn.iter().filter(|drawn| drawn.counts());
            let listings: Vec<Listing<i64>> = counted
                .map(|drawn| self.listing_of(row.sku_id, drawn, shelved, decrees, allowances, &around))
                .collect();
            let decided = balance(&stock, &listings, &policy, in_force, self.now());
            if self.keep(tx, row, &stock, &listings, &decided).await? {
                changed.insert(row.sku_id);
            }
        }
        Ok(changed)
    }

    async fn around(&self, tx: &DatabaseTransaction, pool: &str, skus: &BTreeSet<i64>) -> Result<Around> {
        let draws = self.draws_on(tx, pool, skus).await?;
        let rows = channel::Entity::find().filter(channel::Column::Pool.eq(pool)).all(tx).await?;
        let listings: BTreeSet<i64> = draws.values().flatten().map(|drawn| drawn.listed.id()).collect();
        let subjects = listings.iter().chain(skus).copied().collect();
        Ok(Around {
            draws,
            channels: rows.into_iter().map(|row| (row.id.clone(), row)).collect(),
            taught: taught(tx, &subjects).await?,
            recalled: recalled(tx, pool, skus, self.now()).await?,
            shares: Shares::load(tx, &listings).await?,
        })
    }

    fn stock_of(&self, sku: i64, sellable: i64, around: &Around) -> Stock {
        let shops = around.channels.values().filter(|row| row.mall == STOREFRONT && row.configured);
        let mut shops: Vec<&str> = shops.map(|row| row.id.as_str()).collect();
        shops.sort_unstable();
        let taught = shops.iter().filter_map(|id| around.taught.get(&((*id).to_owned(), sku)));
        let storefront = match (shops.is_empty(), busiest(taught)) {
            (true, _) => None,
            (false, known) => Some(self.forecast(known, self.now())),
        };
        let (recalled, until) = around.recalled.get(&sku).copied().unwrap_or_default();
        Stock { sellable, storefront, recalled, recalled_until: (recalled > 0).then(|| instant(until)) }
    }

    fn listing_of(
        &self,
        sku: i64,
        drawn: &Drawn,
        shelved: &Shelved,
        decrees: &Decrees,
        allowances: &HashMap<String, Allowance>,
        around: &Around,
    ) -> Listing<i64> {
        let row = &drawn.listed.listing;
        let allowance = allowances.get(&row.channel);
        let channel = around.channels.get(&row.channel);
        let pace = allowance.map_or_else(Pace::default, |allowance| allowance.pace);
        let sellable = shelved.sellable(row.sku_id).unwrap_or(0);
        // One that is off sale needs nothing of it.
        let most = allowance.filter(|_| !decrees.is_stopped(row.sku_id)).map_or(0, |allowance| {
            let rules = decrees.rules(allowance, row);
            allocation::target_of_share(Ord::max(sellable, 0), row.units, &rules, allowance.quantity_max, self.now())
        });
        let known_until = channel.and_then(|row| maybe_instant(row.watermark)).unwrap_or(self.now());
        Listing {
            listing: row.id,
            units: drawn.units,
            ceiling: drawn.listed.publication.ceiling(),
            share: around.shares.by_listing.get(&row.id).and_then(|shares| shares.get(&sku)).copied(),
            reach: channel.map_or(Reach::Outside, |channel| self.reach(drawn, channel, pace)),
            fixed: None,
            priority: row.priority,
            most,
            forecast: self.forecast(around.taught.get(&(row.channel.clone(), row.id)), known_until),
            silent: between(known_until, self.now()),
            blind: pace.blind,
            turn: pace.turn,
        }
    }

    fn reach(&self, drawn: &Drawn, channel: &channel::Model, pace: Pace) -> Reach {
        let belief = &drawn.listed.publication;
        let is_off = !matches!(suspend::State::parse(&channel.state), Some(suspend::State::Active) | None);
        let aside = belief.set_aside_until.is_some_and(|until| until > self.now());
        let is_shut = channel.baseline != "done" || channel.stock_lane == LaneState::Tripped.word();
        let is_off = is_off || is_shut || channel.mode != "live";
        let known = belief.anchor.is_some() && drawn.listed.listing.state == "ready" && !drawn.listed.listing.not_ours;
        match () {
            () if is_off || aside || !known => Reach::Outside,
            () if channel.stock_lane == LaneState::Waiting.word() => Reach::Away,
            () if pace.direct => Reach::Direct,
            () => Reach::ThroughZero,
        }
    }

    /// `until`: time counts as far as the orders are known; nobody can say that nothing was sold since.
    fn forecast(&self, known: Option<&Demand>, until: Timestamp) -> Forecast {
        known.copied().unwrap_or_else(|| Demand::new(until)).forecast(&Prior::default(), until)
    }

    /// Writes a decision down. Returns whether it differs from what is in force.
    async fn keep(
        &self,
        tx: &DatabaseTransaction,
        row: &stock::Model,
        of: &Stock,
        listings: &[Listing<i64>],
        decided: &Balance<i64>,
    ) -> Result<bool> {
        let now = micros(self.now());
        let word = decided.mode.word();
        let moved = row.mode.as_deref() != Some(word);
        let mut update = stock::Entity::update_many()
            .col_expr(stock::Column::ReconsiderAt, Expr::value(micros(decided.reconsider_at)))
            .filter(stock::Column::SkuId.eq(row.sku_id))
            .filter(stock::Column::Pool.eq(&row.pool));
        if moved {
            update = update
                .col_expr(stock::Column::Mode, Expr::value(word))
                .col_expr(stock::Column::ModeSince, Expr::value(now));
        }
        update.exec(tx).await?;
        let before: Vec<Option<i64>> = listings.iter().map(|listing| listing.share).collect();
        let after: Vec<Option<i64>> = decided.shares.iter().map(|share| share.units).collect();
        if !moved && before == after {
            return Ok(false);
        }
        let gone = share::Entity::delete_many();
        gone.filter(share::Column::SkuId.eq(row.sku_id)).filter(share::Column::Pool.eq(&row.pool)).exec(tx).await?;
        let fresh = decided.shares.iter().filter_map(|decided| {
            let row = share::Model {
                listing_id: decided.listing,
                sku_id: row.sku_id,
                pool: row.pool.clone(),
                units: decided.units?,
                because: format!("{:?}", decided.because),
                at: now,
            };
            Some(row.into_active_model().reset_all())
        });
        let fresh: Vec<share::ActiveModel> = fresh.collect();
        if !fresh.is_empty() {
            share::Entity::insert_many(fresh).exec_without_returning(tx).await?;
        }
        let event = balance_event::ActiveModel {
            id: Set(self.id()),
            sku_id: Set(row.sku_id),
            pool: Set(row.pool.clone()),
            at: Set(now),
            mode: Set(word.to_owned()),
            body: Set(body(of, listings, decided)),
        };
        balance_event::Entity::insert(event).exec_without_returning(tx).await?;
        Ok(true)
    }
}

/// Units that these listings sold, of their own SKUs, leave their shares; `balance` decides who gets more.
pub(super) async fn sell_shares(tx: &DatabaseTransaction, sold: &[(listing::Model, i64)]) -> Result<()> {
    let ids: BTreeSet<i64> = sold.iter().map(|(row, _)| row.id).collect();
    for piece in pieces(&ids) {
        for row in share::Entity::find().filter(share::Column::ListingId.is_in(piece)).all(tx).await? {
            let of: Vec<&(listing::Model, i64)> = sold.iter().filter(|(of, _)| of.id == row.listing_id).collect();
            let Some((listing, _)) = of.first() else { continue };
            let made_of = exploded(tx, &[listing.sku_id].into()).await?;
            let parts = made_of.get(&listing.sku_id).map_or(&[][..], Vec::as_slice);
            let each = parts.iter().find(|part| part.sku_id == row.sku_id).map_or(1, |part| part.quantity);
            let units: i64 = of.iter().map(|(_, units)| units * each).sum();
            let left = exposure::after_sale(row.units, units);
            share::Entity::update(share::ActiveModel { units: Set(left), ..row.into_active_model() }).exec(tx).await?;
        }
    }
    Ok(())
}

/// Of several shops of the seller's own on one pool the one that sells most stands for all.
fn busiest<'a>(shops: impl Iterator<Item = &'a Demand>) -> Option<&'a Demand> {
    shops.max_by(|a, b| a.usual.orders.total_cmp(&b.usual.orders))
}

/// What is wanted of these SKUs, where that is anything but shared, or was until now.
async fn wishes(
    tx: &DatabaseTransaction,
    pool: &str,
    rows: &[stock::Model],
    decrees: &Decrees,
) -> Result<HashMap<i64, Wish>> {
    let of_pool = exposure_wish::Entity::find_by_id(of_pool(pool)).one(tx).await?;
    let of_pool = of_pool.and_then(|row| Wish::parse(&row.mode)).unwrap_or(Wish::Shared);
    let scopes: Vec<String> = rows.iter().map(|row| of_sku(row.sku_id)).collect();
    let own = exposure_wish::Entity::find().filter(exposure_wish::Column::Scope.is_in(scopes)).all(tx).await?;
    let own: HashMap<String, Wish> =
        own.into_iter().filter_map(|row| Some((row.scope, Wish::parse(&row.mode)?))).collect();
    let wanted = rows.iter().map(|row| {
        let planned = decrees.plan(row.sku_id).and_then(|plan| plan.exposure);
        let own = || own.get(&of_sku(row.sku_id)).copied();
        (row, planned.or_else(own).unwrap_or(of_pool))
    });
    let apart = wanted.filter(|(row, wanted)| *wanted != Wish::Shared || row.mode.is_some());
    Ok(apart.map(|(row, wanted)| (row.sku_id, wanted)).collect())
}

pub(super) fn of_pool(pool: &str) -> String {
    format!("pool:{pool}")
}

pub(super) fn of_sku(sku: i64) -> String {
    format!("sku:{sku}")
}

/// What the decision rested on, for people.
fn body(of: &Stock, listings: &[Listing<i64>], decided: &Balance<i64>) -> String {
    let each = listings.iter().zip(&decided.shares).map(|(listing, share)| {
        serde_json::json!({
            "listing": listing.listing.to_string(),
            "ceiling": listing.ceiling,
            "before": listing.share,
            "share": share.units,
            "because": format!("{:?}", share.because),
            "orders_per_day": listing.forecast.orders_per_second() * 86_400.0,
        })
    });
    serde_json::json!({
        "why": format!("{:?}", decided.why),
        "sellable": of.sellable,
        "exposure": decided.exposure,
        "bound": decided.bound,
        "unshared": decided.unshared,
        "recalled": of.recalled,
        "listings": each.collect::<Vec<_>>(),
    })
    .to_string()
}
