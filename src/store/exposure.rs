//! What the malls may still sell of a SKU, read while its stock row is locked.
//!
//! Whoever changes a belief locks the stock rows of what its listing sells first (see
//! [`Store::lock_stock_of`]), so under that lock the ceilings are what they say, and of two writes that want the same
//! units one comes second. Nothing is summed up beside the beliefs that could differ from them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use super::{
    Result, Store,
    bundles::{self, Component, Shelved},
    catalogue::sold_in_pool,
    entity::{listing, recall, stock},
    micros,
    publication_rows::Listed,
    stock::pieces,
};
use crate::domain::{exposure, shelf::Shelf};

/// A listing that draws on a stocked SKU, alone or as a bundle.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub listed: Listed,
    /// What one sale takes of the SKU.
    pub units: i64,
}

impl Drawn {
    /// One that sells past zero, or shows a fixed number, has no ceiling: it is left out and named beside the sum.
    pub fn counts(&self) -> bool {
        !self.listed.listing.sells_past_zero && self.listed.listing.unlimited.is_none()
    }

    pub fn exposed(&self) -> i64 {
        let ceiling = self.listed.publication.ceiling().filter(|_| self.counts());
        ceiling.unwrap_or(0).saturating_mul(self.units)
    }
}

/// By stocked SKU, everything in the pool that draws on it.
pub(super) type Draws = HashMap<i64, Vec<Drawn>>;

impl Store {
    pub(super) async fn draws_on(&self, db: &impl ConnectionTrait, pool: &str, skus: &BTreeSet<i64>) -> Result<Draws> {
        let around = bundles::touched(db, skus).await?;
        let rows = sold_in_pool(db, pool, &around).await?;
        let made_of = bundles::exploded(db, &rows.iter().map(|row| row.sku_id).collect()).await?;
        let mut draws = Draws::new();
        for listed in self.peek_listed(db, &rows.iter().map(|row| row.id).collect()).await? {
            let parts = made_of.get(&listed.listing.sku_id).map_or(&[][..], Vec::as_slice);
            for part in parts.iter().filter(|part| skus.contains(&part.sku_id)) {
                let units = part.quantity.saturating_mul(listed.listing.units);
                draws.entry(part.sku_id).or_default().push(Drawn { listed: listed.clone(), units });
            }
        }
        Ok(draws)
    }
}

pub(super) fn exposed(drawn: &[Drawn]) -> i64 {
    drawn.iter().map(Drawn::exposed).sum()
}

/// Of these SKUs, and of what they are made of, those that are sold in escrow here.
pub(super) async fn in_escrow(db: &impl ConnectionTrait, pool: &str, skus: &BTreeSet<i64>) -> Result<BTreeSet<i64>> {
    let mut found = BTreeSet::new();
    for piece in pieces(skus) {
        let rows = stock::Entity::find()
            .select_only()
            .column(stock::Column::SkuId)
            .filter(stock::Column::SkuId.is_in(piece))
            .filter(stock::Column::Pool.eq(pool))
            .filter(stock::Column::Mode.eq("escrow"));
        found.extend(rows.into_tuple::<i64>().all(db).await?);
    }
    Ok(found)
}

/// Units that refused checkouts want back, by SKU, and until when.
pub(super) async fn recalled(
    db: &impl ConnectionTrait,
    pool: &str,
    skus: &BTreeSet<i64>,
    now: jiff::Timestamp,
) -> Result<HashMap<i64, (i64, i64)>> {
    let mut found: HashMap<i64, (i64, i64)> = HashMap::new();
    for piece in pieces(skus) {
        let rows = recall::Entity::find()
            .filter(recall::Column::SkuId.is_in(piece))
            .filter(recall::Column::Pool.eq(pool))
            .filter(recall::Column::Until.gt(micros(now)));
        for row in rows.all(db).await? {
            let sum = found.entry(row.sku_id).or_default();
            *sum = (sum.0 + row.quantity, sum.1.max(row.until));
        }
    }
    Ok(found)
}

/// By how much ceilings may grow, while a batch is put together.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// Units that nobody holds, of SKUs in escrow.
    free: BTreeMap<i64, i64>,
    made_of: HashMap<i64, Vec<Component>>,
}

impl Rooms {
    pub async fn load(store: &Store, tx: &DatabaseTransaction, pool: &str, listings: &[Listed]) -> Result<Self> {
        let made_of = bundles::exploded(tx, &listings.iter().map(|item| item.listing.sku_id).collect()).await?;
        let stocked: BTreeSet<i64> = made_of.values().flatten().map(|part| part.sku_id).collect();
        let guarded = in_escrow(tx, pool, &stocked).await?;
        if guarded.is_empty() {
            return Ok(Self::default());
        }
        let shelved = Shelved::load(tx, pool, &guarded).await?;
        let draws = store.draws_on(tx, pool, &guarded).await?;
        let recalled = recalled(tx, pool, &guarded, store.now()).await?;
        let free = |sku: &i64| {
            let sellable = shelved.shelves.get(sku).and_then(Shelf::sellable).unwrap_or(0);
            let exposed = draws.get(sku).map_or(0, |drawn| exposed(drawn));
            exposure::free(exposed, sellable) - recalled.get(sku).map_or(0, |(units, _)| *units)
        };
        Ok(Self { free: guarded.iter().map(|sku| (*sku, free(sku))).collect(), made_of })
    }

    /// In listing units; `None`: nothing that it sells is in escrow.
    pub fn of(&self, listing: &listing::Model) -> Option<i64> {
        self.parts(listing).map(|(units, free)| free.div_euclid(units.max(1))).min()
    }

    /// The listing's ceiling has grown by so many listing units.
    pub fn take(&mut self, listing: &listing::Model, growth: i64) {
        let taken: Vec<(i64, i64)> = self
            .made_of
            .get(&listing.sku_id)
            .into_iter()
            .flatten()
            .map(|part| (part.sku_id, growth * part.quantity * listing.units))
            .collect();
        for (sku, units) in taken {
            if let Some(free) = self.free.get_mut(&sku) {
                *free -= units;
            }
        }
    }

    /// What one sale takes of each component in escrow, and how much of that is free.
    fn parts(&self, listing: &listing::Model) -> impl Iterator<Item = (i64, i64)> {
        let parts = self.made_of.get(&listing.sku_id).into_iter().flatten();
        parts.filter_map(|part| Some((part.quantity * listing.units, *self.free.get(&part.sku_id)?)))
    }
}
