//! An audit: what was read of each channel, and where a mall shows something else than was believed.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::{
    Result, Store, StoreError,
    audits::{DONE, FAILED, OPEN},
    catalogue::sku_codes,
    entity::{audit, audit_item, listing},
    instant, maybe_instant,
};

/// The most differences of one channel that an answer names.
pub const DIFFERENCES_MAX: u64 = 1_000;

/// What a request to read the malls back has come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Audit)]
pub struct AuditSheet {
    pub id: String,
    /// `open` while anything is still to be read, then `done`, or `failed` where a channel could not be read.
    pub state: String,
    pub asked_at: Timestamp,
    pub asked_by: String,
    pub channels: Vec<AuditedChannel>,
    /// Where a mall shows something else than was believed; at most 1,000 of each channel.
    pub differences: Vec<Difference>,
}

/// How far one channel is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditedChannel {
    pub channel: String,
    /// `open`, `done` or `failed`.
    pub state: String,
    /// How many listings are to be read.
    pub listings: u64,
    pub read: u64,
    pub different: u64,
    pub ended_at: Option<Timestamp>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A listing of which the mall shows something else, in listing units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    pub channel: String,
    pub mall_key: String,
    pub sku: String,
    /// `null`: the mall has no such item.
    pub shows: Option<i64>,
    /// What was known of it until then.
    pub believed: Option<i64>,
    pub target: Option<i64>,
    /// What it most likely is: `hand_edit`, `lost_push`, `unseen_order`, `orphan`, `mall_defect` or `other_writer`.
    pub cause: String,
    pub read_at: Timestamp,
}

impl AuditSheet {
    pub fn is_open(&self) -> bool {
        self.state == OPEN
    }

    pub fn different(&self) -> u64 {
        self.channels.iter().map(|part| part.different).sum()
    }
}

impl Store {
    pub async fn audit_sheet(&self, request: i64) -> Result<AuditSheet> {
        let tx = self.snapshot().await?;
        let parts = audit::Entity::find().filter(audit::Column::Request.eq(request));
        let parts = parts.order_by_asc(audit::Column::Channel).all(&tx).await?;
        let missing = || StoreError::Missing { kind: "audit", name: request.to_string() };
        let first = parts.first().ok_or_else(missing)?;
        let (asked_at, asked_by) = (instant(first.asked_at), first.asked_by.clone());
        let of = |state: &str| parts.iter().any(|part| part.state == state);
        let state = if of(OPEN) {
            OPEN
        } else if of(FAILED) {
            FAILED
        } else {
            DONE
        }
        .to_owned();
        let (mut channels, mut differences) = (Vec::new(), Vec::new());
        for part in parts {
            let read = audit_item::Entity::find()
                .filter(audit_item::Column::AuditId.eq(part.id))
                .filter(audit_item::Column::ReadAt.is_not_null());
            let different = read.clone().filter(audit_item::Column::Cause.is_not_null());
            let rows = different.clone().order_by_asc(audit_item::Column::Place).limit(DIFFERENCES_MAX);
            differences.extend(self.differences(&tx, &part.channel, rows.all(&tx).await?).await?);
            channels.push(AuditedChannel {
                channel: part.channel,
                state: part.state,
                listings: u64::try_from(part.listings).unwrap_or(0),
                read: read.count(&tx).await?,
                different: different.count(&tx).await?,
                ended_at: maybe_instant(part.ended_at),
                problem: part.problem,
            });
        }
        Ok(AuditSheet { id: request.to_string(), state, asked_at, asked_by, channels, differences })
    }

    async fn differences(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        items: Vec<audit_item::Model>,
    ) -> Result<Vec<Difference>> {
        let mut listings: HashMap<i64, listing::Model> = HashMap::new();
        for piece in crate::store::stock::pieces(&items.iter().map(|item| item.listing_id).collect()) {
            let rows = listing::Entity::find().filter(listing::Column::Id.is_in(piece)).all(tx).await?;
            listings.extend(rows.into_iter().map(|row| (row.id, row)));
        }
        let skus: BTreeSet<i64> = listings.values().map(|row| row.sku_id).collect();
        let codes = sku_codes(tx, &skus).await?;
        let told = |item: audit_item::Model| {
            let listing = listings.get(&item.listing_id)?;
            Some(Difference {
                channel: channel.to_owned(),
                mall_key: listing.mall_key.clone(),
                sku: codes.get(&listing.sku_id)?.clone(),
                shows: item.shows,
                believed: item.believed,
                target: item.target,
                cause: item.cause?,
                read_at: instant(item.read_at?),
            })
        };
        Ok(items.into_iter().filter_map(told).collect())
    }
}
