//! A SKU: what there is of it in each pool, and what each channel makes of that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Outlines, Page, Paging, Showing};
use crate::{
    domain::shelf::Shelf,
    store::{
        Result, Store, dialect,
        entity::{channel, listing, sku, stock},
        publication_rows::Listed,
        recompute::shelves,
        stock::pieces,
    },
};

/// What is stocked and counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Sku)]
pub struct SkuSheet {
    pub code: String,
    pub name: Option<String>,
    pub pools: Vec<PoolSheet>,
    pub listings: Vec<Showing>,
}

/// One SKU in one pool, in SKU units: `sellable` is `on_hand` less everything that is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PoolStock)]
pub struct PoolSheet {
    pub pool: String,
    /// `null`: no stock event has ever named the SKU here, which is not the same as none.
    pub on_hand: Option<i64>,
    pub unshipped: i64,
    pub held: i64,
    pub provisional: i64,
    pub shipped_not_in_core: i64,
    /// Negative: oversold by so many. `null` when there is no figure.
    pub sellable: Option<i64>,
    pub exposure: ExposureSheet,
}

/// How much can still be sold unseen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Exposure)]
pub struct ExposureSheet {
    pub mode: String,
    /// No write is open, and what every mall shows is known.
    pub settled: bool,
    /// The sum of the listings' ceilings. Listings that sell without an end have none and are left out.
    pub units: i64,
    /// At most so many units can be oversold, whatever happens next; 0 where there is no figure to oversell.
    pub bound: i64,
}

/// Sums over all SKUs that have a figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolTotals {
    pub pool: String,
    pub oversold: i64,
    pub bound: i64,
}

impl Store {
    /// By code.
    pub async fn sku_sheets(&self, outlines: &Outlines, paging: &Paging) -> Result<Page<SkuSheet>> {
        let tx = self.snapshot().await?;
        let mut query = sku::Entity::find().order_by_asc(sku::Column::Code);
        if let Some([after]) = paging.after()? {
            query = query.filter(sku::Column::Code.gt(after));
        }
        let rows = query.limit(paging.fetch()).all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.code.clone()]);
        Ok(Page { items: self.skus_of(&tx, rows, outlines).await?, next_cursor })
    }

    pub async fn sku_sheet(&self, code: &str, outlines: &Outlines) -> Result<SkuSheet> {
        let tx = self.snapshot().await?;
        let row = self.sku(&tx, code).await?;
        let mut sheets = self.skus_of(&tx, vec![row], outlines).await?;
        Ok(sheets.pop().expect("one row makes one sheet"))
    }

    /// By pool. Looks at every SKU, so it is not for every request.
    pub async fn pool_totals(&self) -> Result<Vec<PoolTotals>> {
        let rows = dialect::pool_totals(self.reader()).await?;
        Ok(rows.into_iter().map(|(pool, oversold, bound)| PoolTotals { pool, oversold, bound }).collect())
    }

    async fn skus_of(
        &self,
        tx: &DatabaseTransaction,
        rows: Vec<sku::Model>,
        outlines: &Outlines,
    ) -> Result<Vec<SkuSheet>> {
        let skus: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
        let shelves = shelves_of(tx, &skus).await?;
        let pools: HashMap<String, String> =
            channel::Entity::find().all(tx).await?.into_iter().map(|row| (row.id, row.pool)).collect();
        let mut listings = Vec::new();
        for piece in pieces(&skus) {
            let found = listing::Entity::find()
                .filter(listing::Column::SkuId.is_in(piece))
                .order_by_asc(listing::Column::Channel)
                .order_by_asc(listing::Column::MallKey)
                .all(tx)
                .await?;
            listings.extend(found);
        }
        let mut showing = self.showing(tx, listings.iter().map(|row| row.id).collect(), outlines).await?;
        let mut of_sku: HashMap<i64, Vec<(Listed, Showing)>> = HashMap::new();
        for row in listings {
            of_sku.entry(row.sku_id).or_default().extend(showing.remove(&row.id));
        }
        Ok(rows
            .into_iter()
            .map(|row| {
                let listed = of_sku.remove(&row.id).unwrap_or_default();
                let in_pool = |pool: &str| -> Vec<&(Listed, Showing)> {
                    listed
                        .iter()
                        .filter(|(_, showing)| pools.get(&showing.channel).is_some_and(|of| of == pool))
                        .collect()
                };
                let here = shelves.get(&row.id).into_iter().flatten();
                let pools = here.map(|(pool, shelf)| pool_sheet(pool, shelf, &in_pool(pool))).collect();
                let listings = listed.iter().map(|(_, showing)| showing.clone()).collect();
                SkuSheet { code: row.code, name: row.name, pools, listings }
            })
            .collect())
    }
}

/// By SKU and pool.
async fn shelves_of(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<HashMap<i64, BTreeMap<String, Shelf>>> {
    let mut by_pool: BTreeMap<String, Vec<stock::Model>> = BTreeMap::new();
    for piece in pieces(skus) {
        for row in stock::Entity::find().filter(stock::Column::SkuId.is_in(piece)).all(tx).await? {
            by_pool.entry(row.pool.clone()).or_default().push(row);
        }
    }
    let mut found: HashMap<i64, BTreeMap<String, Shelf>> = HashMap::new();
    for (pool, rows) in by_pool {
        let here = rows.iter().map(|row| row.sku_id).collect();
        for (sku, shelf) in shelves(tx, &pool, &here, &rows).await? {
            found.entry(sku).or_default().insert(pool.clone(), shelf);
        }
    }
    Ok(found)
}

fn pool_sheet(pool: &str, shelf: &Shelf, listed: &[&(Listed, Showing)]) -> PoolSheet {
    let sellable = shelf.sellable();
    let units: i64 = listed.iter().filter_map(|(_, showing)| showing.ceiling).sum();
    let settled = listed.iter().all(|(item, _)| {
        let known = item.publication.shown().is_some_and(|shown| shown.low == shown.high);
        known && item.publication.writes.is_empty()
    });
    PoolSheet {
        pool: pool.to_owned(),
        on_hand: shelf.on_hand,
        unshipped: shelf.unshipped,
        held: shelf.held,
        provisional: shelf.provisional,
        shipped_not_in_core: shelf.shipped_not_in_core,
        sellable,
        exposure: ExposureSheet {
            mode: "shared".to_owned(),
            settled,
            units,
            bound: sellable.map_or(0, |sellable| (units - sellable).max(0)),
        },
    }
}
