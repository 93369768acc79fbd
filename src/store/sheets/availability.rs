//! What can be had of a SKU now, and how its places stand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    domain::shelf::Shelf,
    store::{
        Result, Store, StoreError, dialect,
        entity::stock,
        recompute::shelves,
        reservations::{recipes, shops},
        stock::pieces,
    },
};

/// One SKU as a shop sees it, from one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Availability)]
pub struct AvailabilitySheet {
    pub sku: String,
    /// Negative: oversold by so many. `null`: no stock event has ever named the SKU here.
    pub sellable: Option<i64>,
    /// What a reservation on this channel can have now.
    pub available: i64,
    /// Places in all: `sellable` and `taken`. `null` where there is no figure, and for a bundle, whose places are
    /// its components'.
    pub offered: Option<i64>,
    /// Units ordered and not shipped, shipped, and held. `null` for a bundle.
    pub taken: Option<i64>,
}

impl Store {
    /// In the order of the codes.
    pub async fn availability(&self, channel: &str, codes: &[String]) -> Result<Vec<AvailabilitySheet>> {
        let tx = self.snapshot().await?;
        let mut shops = shops(&tx, [channel].into()).await?;
        let missing = |kind, name: &str| StoreError::Missing { kind, name: name.to_owned() };
        let shop = shops.remove(channel).ok_or_else(|| missing("channel", channel))?;
        let recipes = recipes(&tx, codes.iter().map(String::as_str).collect()).await?;
        if let Some(unknown) = codes.iter().find(|code| !recipes.contains_key(*code)) {
            return Err(missing("SKU", unknown));
        }
        let skus: BTreeSet<i64> = recipes.values().flatten().map(|part| part.sku).collect();
        let shelves = shelves_in(&tx, &shop.pool, &skus).await?;
        let shipped = dialect::shipped(&tx, &shop.pool, &skus).await?;
        let places = |sku: i64| {
            let shelf = shelves.get(&sku).copied().unwrap_or_default();
            let taken = shelf.unshipped + shelf.held + shipped.get(&sku).copied().unwrap_or(0);
            (shelf.sellable(), taken)
        };
        let sheet = |code: &String| {
            let parts = &recipes[code];
            let of_part = |part: &crate::domain::reservation::Part| {
                Some(places(part.sku).0?.div_euclid(part.quantity.max(1)))
            };
            let sellable = parts.iter().map(of_part).collect::<Option<Vec<i64>>>();
            let sellable = sellable.and_then(|sellable| sellable.into_iter().min());
            let available = if shop.is_suspended { 0 } else { sellable.unwrap_or(0).max(0) };
            let own = parts.first().filter(|part| parts.len() == 1 && part.quantity == 1);
            let taken = own.map(|part| places(part.sku).1);
            let offered = sellable.zip(taken).map(|(sellable, taken)| sellable + taken);
            AvailabilitySheet { sku: code.clone(), sellable, available, offered, taken }
        };
        Ok(codes.iter().map(sheet).collect())
    }
}

async fn shelves_in(tx: &DatabaseTransaction, pool: &str, skus: &BTreeSet<i64>) -> Result<HashMap<i64, Shelf>> {
    let mut rows = Vec::new();
    for piece in pieces(skus) {
        let here = stock::Entity::find().filter(stock::Column::SkuId.is_in(piece)).filter(stock::Column::Pool.eq(pool));
        rows.extend(here.all(tx).await?);
    }
    let known: BTreeMap<i64, ()> = rows.iter().map(|row| (row.sku_id, ())).collect();
    shelves(tx, pool, &known.into_keys().collect(), &rows).await
}
