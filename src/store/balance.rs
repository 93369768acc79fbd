//! Modes and shares: read and decided anew whenever a SKU is computed, and when a decision is due to be looked at again.
//!
//! The decision is [`crate::domain::exposure::balance()`]'s. It is made under the lock of the stock row, before the
//! targets that follow from it, and kept with what it rested on whenever it differs from the one before
//! ([`decisions`](super::decisions)). A preview decides in the same way and keeps nothing ([`numbers`](super::numbers)).

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Query},
};
use serde::{Deserialize, Serialize};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    bundles::{self, Shelved},
    channels::STOREFRONT,
    decisions::Fresh,
    decrees::Decrees,
    demand::{Lesson, Subject, learn, prior, taught},
    dialect,
    entity::{bundle_unit, channel, listing, recall, stock},
    exposure::{Drawn, Draws, recalled},
    instant,
    intake_load::open_holds,
    maybe_instant, micros,
    publications::situation_of,
    recompute::Allowance,
    shares::Shares,
    standing::epsilon,
    stock::{lock_skus, pieces},
    wishes::{Wished, wishes},
};
use crate::domain::{
    allocation,
    demand::{Demand, Forecast, Prior},
    exposure::{
        Absence, Balance, Listing, Mode, Reach, Stock, balance,
        mode::{InForce, Policy, Wish},
        reach::Standing,
    },
    shelf::Shelf,
    suspend,
    time::between,
};

/// How a channel's listings can be moved, by its mall's card and its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// By a change, or by compare and set: what a listing gives is certain at once.
    pub direct: bool,
    /// A sale there is known, and answered everywhere else, so long after it happened.
    pub blind: Duration,
    /// Units that a listing gives away are certainly unsold so long after they were asked for.
    pub turn: Duration,
    /// When its orders are known up to no later than so long ago, they count as unheard.
    pub blind_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            direct: true,
            blind: Duration::from_secs(65),
            turn: Duration::from_secs(5),
            blind_after: Duration::from_secs(180),
        }
    }
}

/// A switch that a preview supposes to be thrown and to have done its work: its state, and whether it leaves zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thrown {
    pub state: suspend::State,
    pub zeroed: bool,
}

/// By channel.
pub(super) type Switches = HashMap<String, Thrown>;

/// What is said of the pool's SKUs and channels, or supposed.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub decrees: &'a Decrees,
    pub allowances: &'a HashMap<String, Allowance>,
    pub supposed: &'a Switches,
}

/// What was decided about a SKU, and on what it rests.
pub(super) struct Weighed {
    pub row: stock::Model,
    pub wish: Wish,
    pub of: Stock,
    pub listings: Vec<Listing<i64>>,
    /// On which channel each listing is.
    pub channels: Vec<String>,
    pub decided: Balance<i64>,
}

/// What was decided about some SKUs of a pool, before anything of it is kept.
pub(super) struct Weighing {
    pub each: Vec<Weighed>,
    /// What was in force.
    shares: Shares,
    lights: Vec<(Subject, Lesson)>,
}

/// Everything that decisions look at beside each SKU's own shelf.
struct Around<'a> {
    shelved: &'a Shelved,
    decrees: &'a Decrees,
    allowances: &'a HashMap<String, Allowance>,
    channels: HashMap<String, channel::Model>,
    draws: Draws,
    taught: HashMap<Subject, Demand>,
    prior: Prior,
    epsilon: f64,
    recalled: HashMap<i64, (i64, i64)>,
    shares: Shares,
    /// By listing, of those channels of which nobody hears: units of what it sells that a reading misses.
    missing: HashMap<i64, i64>,
    supposed: &'a Switches,
}

impl Store {
    /// What the hub can do about the channel's listings has changed: what they share is looked at again.
    pub(super) async fn reconsider_channel(&self, tx: &DatabaseTransaction, channel: &str) -> Result<()> {
        let sold = Query::select()
            .column(listing::Column::SkuId)
            .from(listing::Entity)
            .and_where(listing::Column::Channel.eq(channel))
            .to_owned();
        self.reconsider_where(tx, stock::Column::Mode.is_not_null().and(sells_of(&sold))).await
    }

    /// The same of some listings.
    pub(super) async fn reconsider_listings(&self, tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<()> {
        for piece in pieces(&bundles::touched(tx, skus).await?) {
            let named = stock::Column::Mode.is_not_null().and(stock::Column::SkuId.is_in(piece));
            self.reconsider_where(tx, named).await?;
        }
        Ok(())
    }

    pub(super) async fn reconsider_where(&self, tx: &DatabaseTransaction, named: Expr) -> Result<()> {
        stock::Entity::update_many()
            .col_expr(stock::Column::ReconsiderAt, Expr::value(micros(self.now())))
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
            // Few are due to be looked at, and nearly all are computed: the first is to be looked for.
            .filter(stock::Column::Due.into_expr().not())
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
        // Whoever computes it says when it is due again, if ever.
        stock::Entity::update_many()
            .col_expr(stock::Column::ReconsiderAt, Expr::value(Option::<i64>::None))
            .filter(stock::Column::SkuId.is_in(rows.iter().map(|row| row.sku_id)))
            .filter(stock::Column::ReconsiderAt.lte(now))
            .filter(dialect::holds(stock::Column::Due))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(rows.len())
    }

    /// Decides, and keeps what was decided. Returns the SKUs of which something changed that targets rest on.
    pub(super) async fn balance_pool(
        &self,
        tx: &DatabaseTransaction,
        pool: &str,
        rows: &[stock::Model],
        shelved: &Shelved,
        decrees: &Decrees,
        allowances: &HashMap<String, Allowance>,
    ) -> Result<BTreeSet<i64>> {
        let said = Said { decrees, allowances, supposed: &Switches::new() };
        let Some(weighing) = self.weigh_pool(tx, pool, rows, shelved, said).await? else {
            return Ok(BTreeSet::new());
        };
        let mut changed = BTreeSet::new();
        for weighed in &weighing.each {
            if self.keep(tx, &Fresh { weighed, shares: &weighing.shares }).await? {
                changed.insert(weighed.row.sku_id);
            }
        }
        learn(tx, &weighing.lights, decrees.at).await?;
        Ok(changed)
    }

    /// Decides about those of the SKUs that are, or are to be, sold otherwise than shared, or of which a channel may
    /// have sold something unheard. `None`: about none of them.
    pub(super) async fn weigh_pool(
        &self,
        tx: &DatabaseTransaction,
        pool: &str,
        rows: &[stock::Model],
        shelved: &Shelved,
        said: Said<'_>,
    ) -> Result<Option<Weighing>> {
        let ids: Vec<i64> = rows.iter().map(|row| row.sku_id).collect();
        let wishes = wishes(tx, pool, &ids, said.decrees).await?;
        let wish = |sku: i64| wishes.get(&sku).map_or(Wish::Shared, |wished: &Wished| wished.wish);
        let channels = channel::Entity::find().filter(channel::Column::Pool.eq(pool)).all(tx).await?;
        let known: BTreeSet<i64> = shelved.shelves.keys().copied().collect();
        let withheld = Shares::load(tx, pool, &BTreeSet::new(), &known).await?;
        let unheard = channels.iter().any(|row| row.unheard_s.is_some());
        let apart = |row: &&stock::Model| {
            unheard || withheld.withholds(row.sku_id) || row.mode.is_some() || wish(row.sku_id) != Wish::Shared
        };
        let apart: Vec<&stock::Model> = rows.iter().filter(apart).filter(|row| known.contains(&row.sku_id)).collect();
        if apart.is_empty() {
            return Ok(None);
        }
        let skus = apart.iter().map(|row| row.sku_id).collect();
        let around = self.around(tx, pool, &skus, channels, shelved, said).await?;
        let each = apart.into_iter().filter_map(|row| around.weigh(row, wish(row.sku_id))).collect();
        let lights = around.shop_lights(&skus);
        Ok(Some(Weighing { each, shares: around.shares, lights }))
    }

    async fn around<'a>(
        &self,
        tx: &DatabaseTransaction,
        pool: &str,
        skus: &BTreeSet<i64>,
        channels: Vec<channel::Model>,
        shelved: &'a Shelved,
        said: Said<'a>,
    ) -> Result<Around<'a>> {
        let Said { decrees, allowances, supposed } = said;
        let draws = self.draws_on(tx, pool, skus).await?;
        let listings: BTreeSet<i64> = draws.values().flatten().map(|drawn| drawn.listed.id()).collect();
        let subjects = listings.iter().chain(skus).copied().collect();
        let mut missing: HashMap<i64, i64> = HashMap::new();
        if channels.iter().any(|row| row.unheard_s.is_some()) {
            let open = open_holds(tx, &listings).await?.into_iter();
            missing.extend(open.map(|(listing, holds)| (listing, holds.iter().map(|hold| hold.remaining).sum())));
        }
        let thrown = |row: channel::Model| match supposed.get(&row.id) {
            Some(thrown) => channel::Model { state: thrown.state.word().to_owned(), ..row },
            None => row,
        };
        Ok(Around {
            shelved,
            decrees,
            allowances,
            draws,
            channels: channels.into_iter().map(thrown).map(|row| (row.id.clone(), row)).collect(),
            taught: taught(tx, &subjects).await?,
            prior: prior(tx).await?,
            epsilon: epsilon(tx, pool).await?,
            recalled: recalled(tx, pool, skus, decrees.at).await?,
            shares: Shares::load(tx, pool, &listings, skus).await?,
            missing,
            supposed,
        })
    }
}

impl Around<'_> {
    /// `None`: there is no figure to decide about.
    fn weigh(&self, row: &stock::Model, wish: Wish) -> Option<Weighed> {
        let (sku, at) = (row.sku_id, self.decrees.at);
        let sellable = self.shelved.shelves.get(&sku).and_then(Shelf::sellable)?;
        let policy = Policy { wish, eps: self.epsilon, ..Policy::default() };
        let since = row.mode_since.map_or(at, instant);
        let in_force = row.mode.as_deref().and_then(Mode::parse).map(|mode| InForce { mode, since });
        let of = self.stock_of(sku, sellable);
        let drawn = self.draws.get(&sku).map_or(&[][..], Vec::as_slice);
        let drawn: Vec<&Drawn> = drawn.iter().filter(|drawn| drawn.counts()).collect();
        let listings: Vec<Listing<i64>> = drawn.iter().map(|drawn| self.listing_of(sku, drawn)).collect();
        let decided = balance(&of, &listings, &policy, in_force, at);
        let channels = drawn.iter().map(|drawn| drawn.listed.listing.channel.clone()).collect();
        Some(Weighed { row: row.clone(), wish, of, listings, channels, decided })
    }

    fn stock_of(&self, sku: i64, sellable: i64) -> Stock {
        let shops = self.shops();
        let taught = shops.iter().filter_map(|id| self.taught.get(&((*id).to_owned(), sku)));
        let storefront = match (shops.is_empty(), busiest(taught)) {
            (true, _) => None,
            (false, known) => Some(self.forecast(known, self.decrees.at)),
        };
        let (recalled, until) = self.recalled.get(&sku).copied().unwrap_or_default();
        Stock { sellable, storefront, recalled, recalled_until: (recalled > 0).then(|| instant(until)) }
    }

    fn listing_of(&self, sku: i64, drawn: &Drawn) -> Listing<i64> {
        let (row, at) = (&drawn.listed.listing, self.decrees.at);
        let allowance = self.allowances.get(&row.channel);
        let channel = self.channels.get(&row.channel);
        let pace = allowance.map_or_else(Pace::default, |allowance| allowance.pace);
        let sellable = self.shelved.sellable(row.sku_id).unwrap_or(0);
        // One that is off sale needs nothing of it.
        let most = allowance.filter(|_| !self.decrees.is_stopped(row.sku_id)).map_or(0, |allowance| {
            let rules = self.decrees.rules(allowance, row);
            allocation::target_of_share(Ord::max(sellable, 0), row.units, &rules, allowance.quantity_max, at)
        });
        let known_until = channel.and_then(|row| maybe_instant(row.watermark)).unwrap_or(at);
        let silent = between(known_until, at);
        // A mall that is to show nothing has a part of nothing: what it still shows is all that is not for others.
        let (zeroed, emptied) = match self.supposed.get(&row.channel) {
            Some(thrown) => (thrown.zeroed, thrown.zeroed),
            None => (false, channel.is_some_and(|row| situation_of(row, at).switch == Some(suspend::Mode::Zero))),
        };
        let ceiling = if zeroed { Some(0) } else { drawn.listed.publication.ceiling() };
        let shown = ceiling.unwrap_or(0).saturating_mul(drawn.units);
        let share = self.shares.share(row.id, sku).map(|share| share.units);
        // Of the SKU, in each unit of what the listing sells.
        let each = drawn.units / Ord::max(row.units, 1);
        let unheard = channel.and_then(|row| row.unheard_s).and_then(|seconds| u64::try_from(seconds).ok());
        Listing {
            listing: row.id,
            units: drawn.units,
            ceiling,
            share: share.map(|units| if emptied { Ord::min(units, shown) } else { units }),
            reach: channel.map_or(Reach::Outside, |channel| self.reach(drawn, channel, emptied, pace)),
            fixed: row.share.map(|share| share.saturating_mul(each)),
            priority: row.priority,
            most,
            forecast: self.forecast(self.taught.get(&(row.channel.clone(), row.id)), known_until),
            silent,
            // Heard of again a moment ago: the channel's row is about to say so.
            unheard: unheard.map(Duration::from_secs).filter(|_| silent > pace.blind_after),
            missing: self.missing.get(&row.id).map_or(0, |units| units * each),
            blind: pace.blind,
            turn: pace.turn,
        }
    }

    fn reach(&self, drawn: &Drawn, channel: &channel::Model, emptied: bool, pace: Pace) -> Reach {
        let belief = &drawn.listed.publication;
        let listing = &drawn.listed.listing;
        let rests = belief.set_aside_until.filter(|until| *until > self.decrees.at);
        Reach::of(&Standing {
            live: channel.mode == "live",
            switch: suspend::State::parse(&channel.state),
            emptied,
            covered: channel.baseline == "done",
            absence: channel.absence.as_deref().and_then(Absence::parse),
            direct: pace.direct,
            refused: rests.and_then(|_| Absence::of_refusals(drawn.listed.row.refusals)),
            known: belief.ceiling().is_some() && listing.state == "ready" && !listing.not_ours,
        })
    }

    /// The seller's own shop sells a SKU as long as there is any: time without doesn't say that nobody wants it.
    fn shop_lights(&self, skus: &BTreeSet<i64>) -> Vec<(Subject, Lesson)> {
        let shops = self.shops();
        let each = skus.iter().flat_map(|sku| shops.iter().map(move |shop| ((*shop).to_owned(), *sku)));
        let changed = each.filter_map(|subject| {
            let sellable = self.shelved.shelves.get(&subject.1).and_then(Shelf::sellable)?;
            let lit = sellable > 0;
            (self.taught.get(&subject)?.lit != lit).then_some((subject, Lesson::Shows(lit)))
        });
        changed.collect()
    }

    /// The seller's own shops on the pool, in their order.
    fn shops(&self) -> Vec<&str> {
        let shops = self.channels.values().filter(|row| row.mall == STOREFRONT && row.configured);
        let mut shops: Vec<&str> = shops.map(|row| row.id.as_str()).collect();
        shops.sort_unstable();
        shops
    }

    /// `until`: time counts as far as the orders are known; nobody can say that nothing was sold since.
    fn forecast(&self, known: Option<&Demand>, until: Timestamp) -> Forecast {
        known.copied().unwrap_or_else(|| Demand::new(until)).forecast(&self.prior, until)
    }
}

/// Stock rows of what this selects, and of what that is made of.
pub(super) fn sells_of(skus: &sea_orm::sea_query::SelectStatement) -> Expr {
    let parts = Query::select()
        .column(bundle_unit::Column::ComponentId)
        .from(bundle_unit::Entity)
        .and_where(bundle_unit::Column::BundleId.in_subquery(skus.clone()))
        .to_owned();
    stock::Column::SkuId.in_subquery(skus.clone()).or(stock::Column::SkuId.in_subquery(parts))
}

/// Of several shops of the seller's own on one pool the one that sells most stands for all.
fn busiest<'a>(shops: impl Iterator<Item = &'a Demand>) -> Option<&'a Demand> {
    shops.max_by(|a, b| a.usual.orders.total_cmp(&b.usual.orders))
}
