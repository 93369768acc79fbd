//! What listings ought to show, by what a transaction sees: computed as [`recompute`](super::recompute) does it, modes and
//! shares included, of which nothing is kept. So a preview tells the figures that are wanted when what it tries is done.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::{
    Result, Store,
    balance::{Said, Switches},
    bundles::{self, Shelved, stocked_in},
    decrees::Decrees,
    entity::{listing, stock},
    recompute::{Allowance, wanted},
    rules::{allowances, pools_of},
    shares::Shares,
    stock::pieces,
};
use crate::domain::shelf::Shelf;

/// Each listing with what it ought to show.
pub(super) type Numbers = BTreeMap<i64, (listing::Model, Option<i64>)>;

/// By pool and SKU.
pub(super) type Shelves = BTreeMap<(String, i64), Shelf>;

/// What is supposed beside what stands there.
#[derive(Debug)]
pub(super) struct Supposed {
    /// What comes before and what comes after are computed for one instant: nothing but the change tells them apart.
    pub at: Timestamp,
    /// Put on the shelves.
    pub shelves: Shelves,
    pub switches: Switches,
}

impl Supposed {
    pub fn nothing(at: Timestamp) -> Self {
        Self { at, shelves: Shelves::new(), switches: Switches::new() }
    }
}

impl Store {
    /// Of every listing of these SKUs.
    pub(super) async fn numbers_on(
        &self,
        tx: &DatabaseTransaction,
        skus: &BTreeSet<i64>,
        at: Timestamp,
    ) -> Result<Numbers> {
        let mut rows = Vec::new();
        for piece in pieces(skus) {
            rows.extend(listing::Entity::find().filter(listing::Column::SkuId.is_in(piece)).all(tx).await?);
        }
        self.numbers_of(tx, rows, &Supposed::nothing(at)).await
    }

    pub(super) async fn numbers_of(
        &self,
        tx: &DatabaseTransaction,
        rows: Vec<listing::Model>,
        supposed: &Supposed,
    ) -> Result<Numbers> {
        let allowances: HashMap<String, Allowance> = allowances(tx).await?;
        let pools = pools_of(tx).await?;
        let mut by_pool: BTreeMap<&str, Vec<listing::Model>> = BTreeMap::new();
        for row in rows {
            if let Some(pool) = pools.get(&row.channel) {
                by_pool.entry(pool).or_default().push(row);
            }
        }
        let mut numbers = Numbers::new();
        for (pool, rows) in by_pool {
            let skus = bundles::touched(tx, &rows.iter().map(|row| row.sku_id).collect()).await?;
            let mut shelved = Shelved::load(tx, pool, &skus).await?;
            for (sku, shelf) in &mut shelved.shelves {
                if let Some(shift) = supposed.shelves.get(&(pool.to_owned(), *sku)) {
                    *shelf = shelf.plus(*shift);
                }
            }
            let decrees = Decrees::load(tx, &skus, supposed.at).await?;
            let ids = rows.iter().map(|row| row.id).collect();
            let said = Said { decrees: &decrees, allowances: &allowances, supposed: &supposed.switches };
            let shares = self.shares_of(tx, pool, &ids, &shelved, said).await?;
            for row in rows {
                let Some(allowance) = allowances.get(&row.channel) else { continue };
                let number = wanted(&row, allowance, &shelved, &shares, &decrees);
                numbers.insert(row.id, (row, number));
            }
        }
        Ok(numbers)
    }

    /// The shares of these listings, decided anew.
    async fn shares_of(
        &self,
        tx: &DatabaseTransaction,
        pool: &str,
        listings: &BTreeSet<i64>,
        shelved: &Shelved,
        said: Said<'_>,
    ) -> Result<Shares> {
        let stocked = stocked_in(&shelved.made_of);
        let mut rows = Vec::new();
        for piece in pieces(&stocked) {
            let here = stock::Entity::find().filter(stock::Column::Pool.eq(pool));
            rows.extend(here.filter(stock::Column::SkuId.is_in(piece)).all(tx).await?);
        }
        let mut shares = Shares::load(tx, pool, listings, &stocked).await?;
        let weighing = self.weigh_pool(tx, pool, &rows, shelved, said).await?;
        for weighed in weighing.iter().flat_map(|weighing| &weighing.each) {
            shares.decide(weighed, said.decrees.at);
        }
        Ok(shares)
    }
}
