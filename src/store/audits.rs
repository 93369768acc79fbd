//! Audits: somebody asks what the malls show now.
//!
//! A request has a part for each channel, with the listings to read in their order. The readings themselves are those
//! of the observe step of whoever holds the channel's lease: what it finds of a listing that an open part names is
//! noted there, in the transaction that takes the reading in.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, JoinType,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError,
    channels::STOREFRONT,
    entity::{audit, audit_item, channel, listing, publication},
    instant,
    lease::Lease,
    log::Entry,
    micros,
    publication_desk::Glance,
};
use crate::domain::{reading::Reason, settle::Exchange};

/// What is read of each channel when nobody says how much.
pub const LISTINGS: u64 = 500;
/// A day's readings of the slowest mall.
pub const LISTINGS_MAX: u64 = 100_000;

/// Where a part stands.
pub const OPEN: &str = "open";
pub const DONE: &str = "done";
pub const FAILED: &str = "failed";

impl Store {
    /// Asks for the riskiest and longest unread listings of a channel, or of each, to be read back. Returns the
    /// request's id.
    pub async fn ask_audit(&self, channel: Option<&str>, limit: u64, who: &str) -> Result<i64> {
        if !(1..=LISTINGS_MAX).contains(&limit) {
            return Err(StoreError::Invalid(format!("limit must be 1 to {LISTINGS_MAX} listings, not {limit}")));
        }
        let tx = self.begin().await?;
        let configured = channel::Entity::find().filter(channel::Column::Configured.eq(true));
        let mut rows = configured.order_by_asc(channel::Column::Id).all(&tx).await?;
        if let Some(id) = channel {
            rows.retain(|row| row.id == id);
            match rows.first() {
                None => return Err(StoreError::Missing { kind: "channel", name: id.to_owned() }),
                Some(row) if row.mall == STOREFRONT => {
                    return Err(StoreError::Invalid(format!("{id} is your own shop: no mall shows anything for it")));
                }
                Some(_) => {}
            }
        }
        rows.retain(|row| row.mall != STOREFRONT);
        let request = self.id();
        for row in rows {
            self.ask_part(&tx, request, &row.id, limit, who).await?;
        }
        let subject = channel.map_or("channels".to_owned(), |id| format!("channel/{id}"));
        let detail = Some(format!("at most {limit} listings of each"));
        self.write_log(&tx, Entry { who, what: "audit", subject: &subject, why: None, detail }).await?;
        tx.commit().await?;
        Ok(request)
    }

    async fn ask_part(
        &self,
        tx: &DatabaseTransaction,
        request: i64,
        channel: &str,
        limit: u64,
        who: &str,
    ) -> Result<()> {
        use publication::Column;
        let known = || {
            publication::Entity::find()
                .select_only()
                .column(Column::ListingId)
                .join(JoinType::InnerJoin, listing_of_publication())
                .filter(Column::Channel.eq(channel))
                .filter(listing::Column::State.is_in(["ready", "missing"]))
        };
        let settled = known().filter(Column::LookAt.is_not_null()).order_by_asc(Column::LookAt).limit(limit);
        let mut ids: Vec<i64> = settled.into_tuple().all(tx).await?;
        let left = limit - ids.len() as u64;
        if left > 0 {
            let others = known().filter(Column::LookAt.is_null()).order_by_asc(Column::ListingId).limit(left);
            ids.extend(others.into_tuple::<i64>().all(tx).await?);
        }
        let now = micros(self.now());
        let row = audit::Model {
            id: self.id(),
            request,
            channel: channel.to_owned(),
            state: if ids.is_empty() { DONE } else { OPEN }.to_owned(),
            asked_at: now,
            asked_by: who.to_owned(),
            listings: i64::try_from(ids.len()).unwrap_or(i64::MAX),
            ended_at: Some(now).filter(|_| ids.is_empty()),
            problem: None,
        };
        let items = (0..).zip(&ids).map(|(place, listing_id)| audit_item::ActiveModel {
            audit_id: Set(row.id),
            listing_id: Set(*listing_id),
            place: Set(place),
            read_at: Set(None),
            shows: Set(None),
            believed: Set(None),
            target: Set(None),
            cause: Set(None),
        });
        let items: Vec<_> = items.collect();
        row.into_active_model().reset_all().insert(tx).await?;
        for piece in items.chunks(ROWS_PER_STATEMENT) {
            audit_item::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    /// What the oldest open audit of the channel still has to read.
    pub(super) async fn asked_for(&self, channel: &str, most: u64) -> Result<Vec<(i64, Reason)>> {
        let open = audit::Entity::find().filter(audit::Column::Channel.eq(channel));
        let open = open.filter(audit::Column::State.eq(OPEN)).order_by_asc(audit::Column::Id);
        let Some(open) = open.one(&self.reader).await? else { return Ok(Vec::new()) };
        let at = instant(open.asked_at);
        let items: Vec<(i64, i64)> = audit_item::Entity::find()
            .select_only()
            .columns([audit_item::Column::ListingId, audit_item::Column::Place])
            .filter(audit_item::Column::AuditId.eq(open.id))
            .filter(audit_item::Column::ReadAt.is_null())
            .order_by_asc(audit_item::Column::Place)
            .limit(most)
            .into_tuple()
            .all(&self.reader)
            .await?;
        let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
        Ok(items.into_iter().map(|(listing, n)| (listing, Reason::Asked { at, place: place(n) })).collect())
    }

    /// What was found of listings that open audits ask for. A reading that was under way when somebody asked tells what a
    /// mall showed before.
    pub(super) async fn note_audited(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        glances: &[Glance],
        exchange: Exchange,
    ) -> Result<()> {
        let read_at = exchange.answered_at;
        let open = audit::Entity::find().filter(audit::Column::Channel.eq(channel));
        let open = open.filter(audit::Column::AskedAt.lte(micros(exchange.sent_at)));
        let open = open.filter(audit::Column::State.eq(OPEN)).all(tx).await?;
        let found: BTreeMap<i64, &Glance> = glances.iter().map(|glance| (glance.listing_id, glance)).collect();
        for part in open {
            for piece in super::stock::pieces(&found.keys().copied().collect()) {
                let asked = || {
                    let all = sea_orm::Condition::all().add(audit_item::Column::AuditId.eq(part.id));
                    all.add(audit_item::Column::ListingId.is_in(piece.clone()))
                        .add(audit_item::Column::ReadAt.is_null())
                };
                let rows = audit_item::Entity::find().filter(asked()).all(tx).await?;
                if rows.is_empty() {
                    continue;
                }
                audit_item::Entity::delete_many().filter(asked()).exec(tx).await?;
                let read = rows.into_iter().filter_map(|row| {
                    let glance = found.get(&row.listing_id)?;
                    let row = audit_item::Model {
                        read_at: Some(micros(read_at)),
                        shows: glance.shows,
                        believed: glance.believed,
                        target: glance.target,
                        cause: glance.cause.map(|cause| cause.word().to_owned()),
                        ..row
                    };
                    Some(row.into_active_model().reset_all())
                });
                audit_item::Entity::insert_many(read).exec_without_returning(tx).await?;
            }
            let left = audit_item::Entity::find()
                .filter(audit_item::Column::AuditId.eq(part.id))
                .filter(audit_item::Column::ReadAt.is_null());
            if left.one(tx).await?.is_none() {
                let mut row = part.into_active_model();
                row.state = Set(DONE.to_owned());
                row.ended_at = Set(Some(micros(read_at)));
                row.update(tx).await?;
            }
        }
        Ok(())
    }

    /// The mall can't be read now: whoever asked is told why instead of waiting.
    pub async fn fail_audits(&self, lease: &Lease, channel: &str, problem: &str) -> Result<()> {
        let open = audit::Entity::find().filter(audit::Column::Channel.eq(channel));
        if open.filter(audit::Column::State.eq(OPEN)).count(&self.reader).await? == 0 {
            return Ok(());
        }
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        audit::Entity::update_many()
            .col_expr(audit::Column::State, Expr::value(FAILED))
            .col_expr(audit::Column::EndedAt, Expr::value(micros(self.now())))
            .col_expr(audit::Column::Problem, Expr::value(problem))
            .filter(audit::Column::Channel.eq(channel))
            .filter(audit::Column::State.eq(OPEN))
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// A piece of the audits that ended before then is forgotten.
    pub(super) async fn forget_audits(&self, tx: &DatabaseTransaction, before: i64) -> Result<usize> {
        let old = audit::Entity::find().filter(audit::Column::EndedAt.lt(before)).order_by_asc(audit::Column::Id);
        let ids: BTreeSet<i64> =
            old.select_only().column(audit::Column::Id).limit(1).into_tuple().all(tx).await?.into_iter().collect();
        let items = audit_item::Entity::delete_many().filter(audit_item::Column::AuditId.is_in(ids.iter().copied()));
        let items = items.exec(tx).await?.rows_affected;
        audit::Entity::delete_many().filter(audit::Column::Id.is_in(ids)).exec(tx).await?;
        Ok(usize::try_from(items).unwrap_or(usize::MAX))
    }
}

fn listing_of_publication() -> sea_orm::RelationDef {
    publication::Entity::belongs_to(listing::Entity).from(publication::Column::ListingId).to(listing::Column::Id).into()
}
