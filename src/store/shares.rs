//! What modes leave a listing of what is sellable: in escrow its share; in shared mode everything but what channels
//! of which nobody hears may have sold.
//!
//! Targets are made from these rows and nothing else of the exposure's, so they can be computed again from what is
//! stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
};

use super::{
    Result,
    balance::Weighed,
    bundles::{Component, exploded},
    entity::{blind, listing, share},
    micros,
    stock::pieces,
};
use crate::domain::exposure;

/// A listing's share of one SKU, in units of that SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// What the last decision gave it, less what it sold since.
    pub units: i64,
    pub noted: i64,
    /// When that was.
    pub at: i64,
}

/// Units of a SKU that a listing may have sold unheard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blind {
    pub listing: i64,
    pub channel: String,
    pub units: i64,
}

/// Of some listings, and of the SKUs that they sell.
#[derive(Debug, Default)]
pub(super) struct Shares {
    by_listing: HashMap<i64, BTreeMap<i64, Share>>,
    by_sku: HashMap<i64, Vec<Blind>>,
}

impl Shares {
    /// `skus`: what the listings are made of.
    pub async fn load(
        db: &impl ConnectionTrait,
        pool: &str,
        listings: &BTreeSet<i64>,
        skus: &BTreeSet<i64>,
    ) -> Result<Self> {
        let mut found = Self::default();
        for piece in pieces(listings) {
            for row in share::Entity::find().filter(share::Column::ListingId.is_in(piece)).all(db).await? {
                let noted = row.noted.unwrap_or(row.units);
                found.give(row.listing_id, row.sku_id, Share { units: row.units, noted, at: row.at });
            }
        }
        for piece in pieces(skus) {
            let rows = blind::Entity::find().filter(blind::Column::SkuId.is_in(piece));
            for row in rows.filter(blind::Column::Pool.eq(pool)).all(db).await? {
                found.withhold(row.sku_id, Blind { listing: row.listing_id, channel: row.channel, units: row.units });
            }
        }
        Ok(found)
    }

    pub fn give(&mut self, listing: i64, sku: i64, share: Share) {
        self.by_listing.entry(listing).or_default().insert(sku, share);
    }

    pub fn withhold(&mut self, sku: i64, blind: Blind) {
        self.by_sku.entry(sku).or_default().push(blind);
    }

    pub fn share(&self, listing: i64, sku: i64) -> Option<Share> {
        self.by_listing.get(&listing)?.get(&sku).copied()
    }

    /// What was just decided about a SKU, instead of what is in force.
    pub fn decide(&mut self, weighed: &Weighed, at: Timestamp) {
        let sku = weighed.row.sku_id;
        for shares in self.by_listing.values_mut() {
            shares.remove(&sku);
        }
        self.by_sku.remove(&sku);
        for (share, channel) in weighed.decided.shares.iter().zip(&weighed.channels) {
            if let Some(units) = share.units {
                self.give(share.listing, sku, Share { units, noted: units, at: micros(at) });
            }
            if share.blind > 0 {
                self.withhold(sku, Blind { listing: share.listing, channel: channel.clone(), units: share.blind });
            }
        }
    }

    /// By component, what of it one sale of the listing takes counted in bundles: how many units of its own SKU
    /// the listing may show. `None`: nothing of it is in escrow.
    pub fn of(&self, listing: i64, parts: &[Component]) -> Option<i64> {
        let shares = self.by_listing.get(&listing)?;
        let each = parts
            .iter()
            .filter_map(|part| Some(shares.get(&part.sku_id)?.units.div_euclid(Ord::max(part.quantity, 1))));
        each.min()
    }

    /// What this listing itself may have sold unheard.
    pub fn blind(&self, listing: i64, sku: i64) -> i64 {
        let of = self.by_sku.get(&sku).into_iter().flatten().find(|blind| blind.listing == listing);
        of.map_or(0, |blind| blind.units)
    }

    /// What is withheld of a SKU from a channel: what others may have sold.
    pub fn withheld_from<'a>(&'a self, channel: &'a str, sku: i64) -> impl Iterator<Item = &'a Blind> {
        self.by_sku.get(&sku).into_iter().flatten().filter(move |blind| blind.channel != channel)
    }

    pub fn units_withheld_from(&self, channel: &str, sku: i64) -> i64 {
        self.withheld_from(channel, sku).map(|blind| blind.units).sum()
    }

    pub fn withholds(&self, sku: i64) -> bool {
        self.by_sku.contains_key(&sku)
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
