//! What time and people do to beliefs: holds that no order explained, figures that nothing explained, keys
//! that were looked up, items that somebody has dealt with.

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use uriba_sdk::Resolved;

use super::{
    Result, Store,
    attention::Call,
    dialect,
    entity::{attention, channel, listing, provisional_event, provisional_hold, publication},
    intake_load::open_holds,
    lease::Lease,
    maybe_instant, micros,
    publication_rows::{Happened, Listed},
};
use crate::domain::time::earlier;

impl Store {
    /// Holds and surpluses that the orders should have explained by now are drift: put right, and reported.
    /// The same twice within the hour stops the hub from fighting over the figure.
    pub async fn expire_doubts(&self, lease: &Lease, channel: &str, unseen_for_at_most: Duration) -> Result<usize> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let now = self.now();
        let row = channel::Entity::find_by_id(channel).one(&tx).await?;
        let Some(watermark) = row.and_then(|row| maybe_instant(row.watermark)) else { return Ok(0) };
        let over = micros(earlier(now, unseen_for_at_most).min(watermark));
        let holds = provisional_hold::Entity::find()
            .filter(provisional_hold::Column::Channel.eq(channel))
            .filter(provisional_hold::Column::EndedAt.is_null())
            .filter(provisional_hold::Column::At.lt(over))
            .order_by_asc(provisional_hold::Column::SkuId)
            .all(&tx)
            .await?;
        let surplus: Vec<i64> = publication::Entity::find()
            .select_only()
            .column(publication::Column::ListingId)
            .filter(publication::Column::Channel.eq(channel))
            .filter(publication::Column::SurplusAt.lt(over))
            .into_tuple()
            .all(&tx)
            .await?;
        if holds.is_empty() && surplus.is_empty() {
            return Ok(0);
        }
        super::stock::lock_skus(&tx, &holds.iter().map(|hold| hold.sku_id).collect()).await?;
        let bumps: std::collections::BTreeSet<_> = holds.iter().map(|hold| (hold.sku_id, hold.pool.clone())).collect();
        dialect::bump_stock(&tx, &bumps.into_iter().collect::<Vec<_>>(), false, micros(now)).await?;
        let ids = holds.iter().map(|hold| hold.listing_id).chain(surplus).collect();
        let mut listed = self.listed(&tx, &ids).await?;
        // An order may have ended one of them while the listings were locked by its page.
        let mut open: Vec<_> = open_holds(&tx, &ids).await?.into_values().flatten().collect();
        open.sort_by_key(|hold| hold.id);
        let mut drifts = 0;
        for hold in open.into_iter().filter(|hold| hold.at < over) {
            if let Some(item) = listed.iter_mut().find(|item| item.id() == hold.listing_id) {
                let units = hold.remaining / item.listing.units.max(1);
                self.unexplained(&tx, item, units, now).await?;
                drifts += 1;
            }
            let mut row = hold.into_active_model();
            row.ended_at = Set(Some(micros(now)));
            row.cause = Set(Some("drift".into()));
            row.update(&tx).await?;
        }
        for item in &mut listed {
            if let Some((units, _)) = item.publication.surplus.filter(|(_, at)| micros(*at) < over) {
                item.publication.surplus = None;
                self.unexplained(&tx, item, -units, now).await?;
                drifts += 1;
            }
        }
        self.save_listed(&tx, &listed).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(drifts)
    }

    /// Orders explained so many units of a provisional hold.
    pub(super) async fn explained(&self, tx: &DatabaseTransaction, hold_id: i64, units: i64) -> Result<()> {
        let row = provisional_event::ActiveModel {
            id: Set(self.id()),
            hold_id: Set(hold_id),
            units: Set(units),
            recorded_at: Set(micros(self.now())),
        };
        row.insert(tx).await?;
        Ok(())
    }

    /// `missing` units are gone without an order (negative: there are more, without a cancel).
    async fn unexplained(
        &self,
        tx: &DatabaseTransaction,
        item: &mut Listed,
        missing: i64,
        now: Timestamp,
    ) -> Result<()> {
        let keeps = item.publication.corrects(missing, now);
        let (channel, key) = (item.listing.channel.clone(), item.listing.mall_key.clone());
        let (less, units) = (if missing > 0 { "less" } else { "more" }, missing.abs());
        let event = Happened { listing_id: item.id(), what: "drift", value: Some(missing), detail: None };
        self.happened(tx, vec![event]).await?;
        let (kind, message) = if keeps {
            let shown = item.publication.kept.unwrap_or(0);
            let message = format!(
                "{channel} keeps {shown} for {key} whatever is written, or someone else writes it: stopped until you look"
            );
            (if missing > 0 { "mall_limit" } else { "other_writer" }, message)
        } else {
            ("drift", format!("{channel} showed {units} {less} of {key} than any order explains: being put right"))
        };
        let subject = format!("{channel}/{key}");
        let call = Call { kind, subject, channel: Some(channel), mall_key: Some(key), message, ..Call::default() };
        self.raise(tx, call).await
    }

    /// Listings whose key the adapter hasn't looked at yet.
    pub async fn new_listings(&self, channel: &str, most: u64) -> Result<Vec<listing::Model>> {
        Ok(listing::Entity::find()
            .filter(listing::Column::Channel.eq(channel))
            .filter(listing::Column::State.eq("new"))
            .limit(most)
            .all(&self.reader)
            .await?)
    }

    /// The adapter's word on the keys: normalised, or not a key of this mall.
    pub async fn keys_resolved(&self, lease: &Lease, channel: &str, keys: Vec<(i64, Resolved)>) -> Result<()> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        // No page of this channel is being taken in meanwhile.
        let channel = channel::Entity::find_by_id(channel).lock_exclusive().one(&tx).await?;
        let Some(channel) = channel else { return Ok(()) };
        let mut known = Vec::new();
        for (id, resolved) in keys {
            let Some(row) = listing::Entity::find_by_id(id).one(&tx).await? else { continue };
            let problem = match &resolved.key {
                Err(problem) => Some(problem.clone()),
                Ok(found) => {
                    let twin = listing::Entity::find()
                        .filter(listing::Column::Channel.eq(&channel.id))
                        .filter(listing::Column::MallKey.eq(&found.key))
                        .filter(listing::Column::Id.ne(id))
                        .one(&tx)
                        .await?;
                    twin.map(|twin| format!("is the same item as {}", twin.given_key))
                }
            };
            let mut active = row.into_active_model();
            match (&problem, resolved.key) {
                (None, Ok(found)) => {
                    active.mall_key = Set(found.key);
                    active.handle = Set(found.handle);
                    active.state = Set("ready".into());
                }
                _ => active.state = Set("invalid".into()),
            }
            active.problem = Set(problem.clone());
            let row = active.update(&tx).await?;
            if let Some(problem) = problem {
                let message = format!("{} {} {problem}", channel.id, row.given_key);
                let subject = format!("{}/{}", channel.id, row.given_key);
                let mall_key = Some(row.given_key);
                let call = Call {
                    kind: "set_aside",
                    subject,
                    channel: Some(channel.id.clone()),
                    mall_key,
                    message,
                    ..Call::default()
                };
                self.raise(&tx, call).await?;
            } else {
                self.adopt_lines(&tx, &channel, &row).await?;
                known.push(row);
            }
        }
        self.adopt_unread(&tx, &channel, &known.iter().collect::<Vec<_>>()).await?;
        Ok(tx.commit().await?)
    }

    /// What an attention item forbade is allowed again, now that a person has dealt with it.
    pub(super) async fn release_hold_of(
        &self,
        tx: &DatabaseTransaction,
        item: &attention::Model,
        who: &str,
    ) -> Result<()> {
        if item.kind == "unread_order" {
            return self.release_unread(tx, &item.subject, who).await;
        }
        let (Some(channel), Some(key)) = (&item.channel, &item.mall_key) else { return Ok(()) };
        if !matches!(item.kind.as_str(), "set_aside" | "mall_limit" | "other_writer") {
            return Ok(());
        }
        let found = listing::Entity::find()
            .filter(listing::Column::Channel.eq(channel))
            .filter(listing::Column::MallKey.eq(key))
            .one(tx)
            .await?;
        let Some(found) = found else { return Ok(()) };
        let mut listed = self.listed(tx, &[found.id].into()).await?;
        for item in &mut listed {
            item.publication.set_aside_until = None;
            item.publication.kept = None;
            item.publication.correction = None;
            item.publication.wants_read(self.now());
        }
        self.save_listed(tx, &listed).await
    }
}
