//! What can be had of a SKU now, and how its places stand.

use std::collections::BTreeSet;

use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::{
    Result, Store, StoreError,
    bundles::Shelved,
    dialect,
    exposure::{exposed, in_escrow},
    reservations::{shops, sku_ids},
    stops::stopped_among,
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
    /// It is off sale everywhere: nothing can be had of it, whatever there is.
    pub stopped: bool,
}

impl Store {
    /// In the order of the codes.
    pub async fn availability(&self, channel: &str, codes: &[String]) -> Result<Vec<AvailabilitySheet>> {
        let tx = self.snapshot().await?;
        let missing = |kind, name: &str| StoreError::Missing { kind, name: name.to_owned() };
        let shop =
            shops(&tx, [channel].into(), None).await?.remove(channel).ok_or_else(|| missing("channel", channel))?;
        let ids = sku_ids(&tx, codes.iter().map(String::as_str).collect()).await?;
        let skus: BTreeSet<i64> = ids.values().copied().collect();
        let shelved = Shelved::load(&tx, &shop.pool, &skus).await?;
        let mut free = Shelved::load(&tx, &shop.pool, &skus).await?;
        self.without_shares(&tx, &shop.pool, &mut free).await?;
        let shipped = dialect::shipped(&tx, &shop.pool, &skus).await?;
        let stopped = stopped_among(&tx, &skus, None).await?;
        let sheet = |code: &String| {
            let sku = *ids.get(code).ok_or_else(|| missing("SKU", code))?;
            let sellable = shelved.sellable(sku);
            let is_stopped = stopped.contains_key(&sku);
            let available = if shop.is_suspended || is_stopped { 0 } else { free.sellable(sku).unwrap_or(0).max(0) };
            let is_stocked = shelved.made_of[&sku].iter().any(|component| component.sku_id == sku);
            let taken = is_stocked.then(|| {
                let shelf = shelved.shelves.get(&sku).copied().unwrap_or_default();
                shelf.unshipped + shelf.held + shipped.get(&sku).copied().unwrap_or(0)
            });
            let offered = sellable.zip(taken).map(|(sellable, taken)| sellable + taken);
            Ok(AvailabilitySheet { sku: code.clone(), sellable, available, offered, taken, stopped: is_stopped })
        };
        codes.iter().map(sheet).collect()
    }

    /// Takes off the shelves what malls may sell of SKUs in escrow: no checkout can have that.
    async fn without_shares(&self, tx: &DatabaseTransaction, pool: &str, shelved: &mut Shelved) -> Result<()> {
        let guarded = in_escrow(tx, pool, &shelved.shelves.keys().copied().collect()).await?;
        if guarded.is_empty() {
            return Ok(());
        }
        for (sku, drawn) in self.draws_on(tx, pool, &guarded).await? {
            if let Some(on_hand) = shelved.shelves.get_mut(&sku).and_then(|shelf| shelf.on_hand.as_mut()) {
                *on_hand -= exposed(&drawn);
            }
        }
        Ok(())
    }
}
