//! The second transaction of the left half: SKUs whose facts changed → targets of their listings.
//!
//! The stock rows are locked in SKU order before anything is read, and facts bump those rows in their own
//! transaction, so nothing can change between the reading and the writing. The cost follows what changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use serde::{Deserialize, Serialize};

use super::{
    Result, Store,
    attention::Call,
    balance::Pace,
    bundles::{self, Shelved, stocked_in},
    catalogue::sold_in_pool,
    core_files,
    decrees::Decrees,
    dialect::holds,
    entity::{listing, provisional_hold, stock, stock_balance, unshipped},
    micros, reservations,
    shares::Shares,
    stock as ledger,
};
use crate::domain::{
    allocation::{self, Rules},
    ledger::MAIN,
    shelf::Shelf,
};

/// SKUs per transaction.
pub const SKUS_MAX: usize = 500;

/// What a channel brings to its targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allowance {
    pub rules: Rules,
    pub quantity_max: i64,
    #[serde(default)]
    pub pace: Pace,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { rules: Rules::default(), quantity_max: i64::MAX, pace: Pace::default() }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recomputed {
    pub skus: usize,
    pub targets: usize,
}

impl Store {
    /// Recomputes at most [`SKUS_MAX`] SKUs. Channels without an allowance keep their targets.
    pub async fn recompute(&self, allowances: &HashMap<String, Allowance>) -> Result<Recomputed> {
        let due = stock::Entity::find().filter(holds(stock::Column::Due)).limit(SKUS_MAX as u64);
        if due.clone().limit(1).one(&self.reader).await?.is_none() {
            return Ok(Recomputed::default());
        }
        let tx = self.begin().await?;
        let done = self.recompute_due(&tx, allowances).await?;
        tx.commit().await?;
        // Even where no target changed: raises may have waited for that to be known.
        self.bells.targets.notify_waiters();
        Ok(done)
    }

    async fn recompute_due(
        &self,
        tx: &DatabaseTransaction,
        allowances: &HashMap<String, Allowance>,
    ) -> Result<Recomputed> {
        let due = stock::Entity::find().filter(holds(stock::Column::Due)).limit(SKUS_MAX as u64);
        let mut rows = due.order_by_asc(stock::Column::SkuId).lock_exclusive().all(tx).await?;
        rows.sort_by(|a, b| (&a.pool, a.sku_id).cmp(&(&b.pool, b.sku_id)));
        let mut done = Recomputed { skus: rows.len(), targets: 0 };
        let mut pools: BTreeMap<String, Vec<stock::Model>> = BTreeMap::new();
        for row in rows {
            pools.entry(row.pool.clone()).or_default().push(row);
        }
        for (pool, rows) in pools {
            done.targets += self.recompute_pool(tx, &pool, &rows, allowances).await?;
            let skus: Vec<i64> = rows.iter().map(|row| row.sku_id).collect();
            stock::Entity::update_many()
                .col_expr(stock::Column::Computed, Expr::col(stock::Column::Version))
                .col_expr(stock::Column::Due, Expr::value(false))
                .filter(stock::Column::Pool.eq(&pool))
                .filter(stock::Column::SkuId.is_in(skus))
                .exec(tx)
                .await?;
        }
        Ok(done)
    }

    async fn recompute_pool(
        &self,
        tx: &DatabaseTransaction,
        pool: &str,
        rows: &[stock::Model],
        allowances: &HashMap<String, Allowance>,
    ) -> Result<usize> {
        let skus: BTreeSet<i64> = rows.iter().map(|row| row.sku_id).collect();
        let versions: HashMap<i64, i64> = rows.iter().map(|row| (row.sku_id, row.version)).collect();
        let mut shelved = Shelved::load(tx, pool, &skus).await?;
        let mut decrees = Decrees::load(tx, &skus, self.now()).await?;
        let moved = self.balance_pool(tx, pool, rows, &shelved, &decrees, allowances).await?;
        // The share of a bundle's listing is decided with the component.
        let around = bundles::touched(tx, &moved).await?;
        if !around.is_subset(&skus) {
            shelved = Shelved::load(tx, pool, &around.union(&skus).copied().collect()).await?;
            decrees = Decrees::load(tx, &around, self.now()).await?.and(decrees);
        }
        let listings = sold_in_pool(tx, pool, &around.union(&skus).copied().collect()).await?;
        let ids = listings.iter().map(|row| row.id).collect();
        let shares = Shares::load(tx, pool, &ids, &stocked_in(&shelved.made_of)).await?;
        let mut listed = self.listed_of(tx, listings).await?;
        let now = micros(self.now());
        let (mut changed, mut targets) = (Vec::new(), 0);
        for item in &mut listed {
            let Some(allowance) = allowances.get(&item.listing.channel) else { continue };
            let target = wanted(&item.listing, allowance, &shelved, &shares, &decrees);
            if item.publication.target == target {
                // What it rested for may be there now.
                if item.row.rests_until.is_some() {
                    changed.push(item.clone());
                }
                continue;
            }
            targets += 1;
            item.publication.target = target;
            item.row.target_version = versions.get(&item.listing.sku_id).copied().unwrap_or(0);
            item.row.target_at = Some(now);
            changed.push(item.clone());
        }
        self.save_listed(tx, &changed).await?;
        // A bundle is not short by itself: its components are, and each says so where it is due.
        let own: HashMap<i64, Shelf> = shelved.shelves.into_iter().filter(|(sku, _)| skus.contains(sku)).collect();
        self.report_oversold(tx, pool, &own).await?;
        Ok(targets)
    }

    async fn report_oversold(&self, tx: &DatabaseTransaction, pool: &str, shelves: &HashMap<i64, Shelf>) -> Result<()> {
        let open = super::attention::open_subjects(tx, "oversold").await?;
        for (sku, shelf) in shelves {
            let short = shelf.oversold_by();
            if short == 0 && open.is_empty() {
                continue;
            }
            let code = super::catalogue::sku_code(tx, *sku).await?;
            let subject = format!("{code}@{pool}");
            if short > 0 {
                let message = format!("{code} is oversold by {short} in pool {pool}: more is ordered than there is");
                let call = Call { kind: "oversold", subject, sku: Some(code), message, ..Call::default() };
                self.raise(tx, call).await?;
            } else if open.contains(&subject) {
                self.calm(tx, "oversold", &subject).await?;
            }
        }
        Ok(())
    }
}

/// What the listing ought to show now; `None` without a stock figure, unless it is off sale.
pub(super) fn wanted(
    listing: &listing::Model,
    allowance: &Allowance,
    shelved: &Shelved,
    shares: &Shares,
    decrees: &Decrees,
) -> Option<i64> {
    let (sku, most, at) = (listing.sku_id, allowance.quantity_max, decrees.at);
    if decrees.is_stopped(sku) {
        return Some(0);
    }
    let rules = decrees.rules(allowance, listing);
    let sellable = shelved.sellable(sku)?;
    let parts = shelved.made_of.get(&sku).map_or(&[][..], Vec::as_slice);
    if let Some(share) = shares.of(listing.id, parts) {
        return Some(allocation::target_of_share(share.min(sellable), listing.units, &rules, most, at));
    }
    let heard = shelved.sellable_without(sku, |part| shares.units_withheld_from(&listing.channel, part))?;
    Some(allocation::target(sellable, sellable - heard, listing.units, &rules, most, at))
}

/// Everything that sellable is made of, from one moment.
pub(super) async fn shelves(
    tx: &DatabaseTransaction,
    pool: &str,
    skus: &BTreeSet<i64>,
    rows: &[stock::Model],
) -> Result<HashMap<i64, Shelf>> {
    let mut shelves: HashMap<i64, Shelf> =
        rows.iter().map(|row| (row.sku_id, Shelf { on_hand: row.stocked.then_some(0), ..Shelf::default() })).collect();
    let locations = ledger::location_pools(tx).await?;
    let in_pool = |code: &str| locations.get(code).is_some_and(|found| found.as_deref() == Some(pool));
    for piece in ledger::pieces(skus) {
        let balances = stock_balance::Entity::find()
            .filter(stock_balance::Column::SkuId.is_in(piece.clone()))
            .filter(stock_balance::Column::Bin.eq(MAIN))
            .all(tx)
            .await?;
        for row in balances.iter().filter(|row| in_pool(&row.location)) {
            if let Some(on_hand) = shelves.get_mut(&row.sku_id).and_then(|shelf| shelf.on_hand.as_mut()) {
                *on_hand += row.quantity;
            }
        }
        let orders = unshipped::Entity::find()
            .filter(unshipped::Column::SkuId.is_in(piece.clone()))
            .filter(unshipped::Column::Pool.eq(pool))
            .all(tx)
            .await?;
        for row in orders {
            shelves.entry(row.sku_id).or_default().unshipped += row.quantity;
        }
        let holds = provisional_hold::Entity::find()
            .filter(provisional_hold::Column::SkuId.is_in(piece.clone()))
            .filter(provisional_hold::Column::Pool.eq(pool))
            .filter(provisional_hold::Column::EndedAt.is_null())
            .all(tx)
            .await?;
        for row in holds {
            shelves.entry(row.sku_id).or_default().provisional += row.remaining;
        }
        for (component, units) in super::bundles::held_in_bundles(tx, pool, &piece).await? {
            shelves.entry(component).or_default().provisional += units;
        }
    }
    for (sku, quantity) in reservations::held(tx, pool, skus).await? {
        shelves.entry(sku).or_default().held += quantity;
    }
    for (sku, units) in core_files::not_in_core(tx, pool, skus).await? {
        shelves.entry(sku).or_default().shipped_not_in_core = units;
    }
    Ok(shelves)
}
