//! What time and people do to beliefs: holds that no order explained, figures that nothing explained, keys
//! that were looked up, items that somebody has dealt with.

use std::time::Duration;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use uriba_sdk::Resolved;

use super::{
    Result, Store, StoreError,
    attention::Call,
    catalogue::{Mapping, sku_code},
    dialect,
    entity::{attention, channel, listing, provisional_event, provisional_hold, publication},
    instant,
    intake_load::open_holds,
    lease::Lease,
    maybe_instant, micros,
    publication_desk::Desk,
    publications::Outlet,
};
use crate::domain::{
    allocation::Cap,
    drift::{Cause, Deviation},
    time::earlier,
};

impl Store {
    /// Holds and surpluses that the orders should have explained by now are drift: put right, and reported.
    /// The same twice within the hour stops the hub from fighting over the figure.
    pub async fn expire_doubts(
        &self,
        lease: &Lease,
        outlet: &Outlet,
        unseen_for_at_most: Duration,
    ) -> Result<Vec<Cause>> {
        let channel = outlet.channel.as_str();
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let now = self.now();
        let row = channel::Entity::find_by_id(channel).one(&tx).await?;
        let Some(watermark) = row.and_then(|row| maybe_instant(row.watermark)) else { return Ok(Vec::new()) };
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
            return Ok(Vec::new());
        }
        super::stock::lock_skus(&tx, &holds.iter().map(|hold| hold.sku_id).collect()).await?;
        let bumps: std::collections::BTreeSet<_> = holds.iter().map(|hold| (hold.sku_id, hold.pool.clone())).collect();
        dialect::bump_stock(&tx, &bumps.into_iter().collect::<Vec<_>>(), false, micros(now)).await?;
        let ids = holds.iter().map(|hold| hold.listing_id).chain(surplus).collect();
        let mut listed = self.listed(&tx, &ids).await?;
        // An order may have ended one of them while the listings were locked by its page.
        let mut open: Vec<_> = open_holds(&tx, &ids).await?.into_values().flatten().collect();
        open.sort_by_key(|hold| hold.id);
        let mut desk = Desk::new(outlet);
        for hold in open.into_iter().filter(|hold| hold.at < over) {
            if let Some(item) = listed.iter_mut().find(|item| item.id() == hold.listing_id) {
                let amount = hold.remaining / item.listing.units.max(1);
                desk.unexplained(item, Deviation { amount, seen_at: instant(hold.at) }, now);
            }
            let mut row = hold.into_active_model();
            row.ended_at = Set(Some(micros(now)));
            row.cause = Set(Some("drift".into()));
            row.update(&tx).await?;
        }
        for item in &mut listed {
            if let Some((units, seen_at)) = item.publication.surplus.filter(|(_, at)| micros(*at) < over) {
                item.publication.surplus = None;
                desk.unexplained(item, Deviation { amount: -units, seen_at }, now);
            }
        }
        let drifts = std::mem::take(&mut desk.drifts);
        self.close_desk(&tx, desk).await?;
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
                // It would stand first among those to be read, for ever.
                publication::Entity::update_many()
                    .col_expr(publication::Column::ReadDue, Expr::value(None::<i64>))
                    .filter(publication::Column::ListingId.eq(id))
                    .exec(&tx)
                    .await?;
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
        action: Option<&str>,
        who: &str,
    ) -> Result<()> {
        if item.kind == "unread_order" {
            return self.release_unread(tx, &item.subject, who).await;
        }
        let (Some(channel), Some(key)) = (&item.channel, &item.mall_key) else { return Ok(()) };
        if !matches!(item.kind.as_str(), "set_aside" | "drift" | "mall_limit" | "other_writer") {
            return Ok(());
        }
        let found = listing::Entity::find()
            .filter(listing::Column::Channel.eq(channel))
            .filter(listing::Column::MallKey.eq(key))
            .one(tx)
            .await?;
        let Some(found) = found else { return Ok(()) };
        if action == Some("accept") {
            self.accept_figure(tx, &found, who).await?;
        }
        let mut listed = self.listed(tx, &[found.id].into()).await?;
        for item in &mut listed {
            item.publication.set_aside_until = None;
            item.publication.kept = None;
            item.publication.correction = None;
            item.publication.wants_read(self.now());
        }
        self.save_listed(tx, &listed).await
    }

    /// What the mall shows is the most that is written there from now on.
    async fn accept_figure(&self, tx: &DatabaseTransaction, listing: &listing::Model, who: &str) -> Result<()> {
        let row = publication::Entity::find_by_id(listing.id).one(tx).await?;
        let name = format!("{} {}", listing.channel, listing.mall_key);
        let Some(figure) = row.as_ref().and_then(|row| row.kept.or(row.shown)) else {
            return Err(StoreError::Refused(format!("what {name} shows is not known: it has to be read first")));
        };
        let target = row.and_then(|row| row.target).unwrap_or(0);
        if figure > target {
            return Err(StoreError::Refused(format!(
                "{name} shows {figure}, and {target} can be sold: more can't be accepted. If they are there, count them; \
                 to write {target} again, use retry"
            )));
        }
        let mapping = Mapping {
            channel: listing.channel.clone(),
            mall_key: listing.mall_key.clone(),
            sku: sku_code(tx, listing.sku_id).await?,
            cap: Some(Cap::Always(figure)),
            ..Mapping::default()
        };
        self.map_piece(tx, &[mapping], false, who).await?;
        Ok(())
    }
}
