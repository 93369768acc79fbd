//! Writes that a mall took for later: it is asked what became of them until it says so.
//!
//! Until then nobody knows what such a listing shows; a write without an outcome is all that it is. What the mall says
//! at last is settled like the answer of a request that began when the write was sent.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use uriba_sdk::{Outcome, Update};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    entity::{listing, listing_write, write_ticket},
    instant,
    lease::Lease,
    micros,
    publications::{Claim, Claimed, Outlet, Performed, Settled},
    write_rows::write_of,
};
use crate::domain::{
    settle::{self, Exchange},
    time::later,
};

/// Between two questions about one ticket.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// So many are asked about at once; adapters ask once for what one answer tells.
const AT_ONCE: u64 = 10_000;

/// A ticket, and the write that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub write: i64,
    pub ticket: String,
}

impl Store {
    /// The mall took these writes for later.
    pub(super) async fn keep_tickets(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        tickets: Vec<Ticket>,
    ) -> Result<()> {
        let ask_at = micros(later(self.now(), ASK_EVERY));
        let row = |Ticket { write, ticket }| write_ticket::ActiveModel {
            write_id: Set(write),
            channel: Set(channel.to_owned()),
            ticket: Set(ticket),
            ask_at: Set(ask_at),
        };
        let rows: Vec<_> = tickets.into_iter().map(row).collect();
        for piece in rows.chunks(ROWS_PER_STATEMENT) {
            let newer = OnConflict::column(write_ticket::Column::WriteId)
                .update_columns([write_ticket::Column::Ticket, write_ticket::Column::AskAt])
                .to_owned();
            write_ticket::Entity::insert_many(piece.to_vec()).on_conflict(newer).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    /// What the mall is to be asked about now, longest waiting first.
    pub async fn due_tickets(&self, channel: &str, now: Timestamp) -> Result<Vec<Ticket>> {
        let due = write_ticket::Entity::find()
            .filter(write_ticket::Column::Channel.eq(channel))
            .filter(write_ticket::Column::AskAt.lte(micros(now)))
            .order_by_asc(write_ticket::Column::AskAt)
            .limit(AT_ONCE);
        let rows = due.all(&self.reader).await?;
        Ok(rows.into_iter().map(|row| Ticket { write: row.write_id, ticket: row.ticket }).collect())
    }

    /// What the mall said about these, in their order. What it has not decided may still land: nobody takes it for lost
    /// before it is asked again.
    pub async fn settle_tickets(
        &self,
        lease: &Lease,
        outlet: &Outlet,
        asked: &[Ticket],
        told: &[Option<Outcome>],
        answered_at: Timestamp,
    ) -> Result<Settled> {
        let mut open = Vec::new();
        let mut decided: HashMap<i64, &Outcome> = HashMap::new();
        for (ticket, outcome) in asked.iter().zip(told) {
            match outcome {
                Some(outcome) if !matches!(outcome, Outcome::Pending { .. }) => {
                    decided.insert(ticket.write, outcome);
                }
                _ => open.push(ticket.write),
            }
        }
        self.ask_again(lease, outlet, &open).await?;
        let rows = self.writes_of(&decided.keys().copied().collect::<Vec<_>>()).await?;
        let mut settled = Settled::default();
        // Writes that were sent at one time are one exchange.
        let mut by_time: HashMap<i64, (Vec<Claimed>, Vec<Outcome>)> = HashMap::new();
        for (row, listing) in rows {
            let Some(outcome) = decided.get(&row.id) else { continue };
            let write = write_of(&row);
            let update = Update { key: listing.mall_key, handle: listing.handle, write };
            let (items, outcomes) = by_time.entry(row.sent_at).or_default();
            items.push(Claimed { listing: listing.id, write: row.id, update });
            outcomes.push((*outcome).clone());
        }
        for (sent_at, (items, outcomes)) in by_time {
            let exchange = Exchange::new(instant(sent_at), answered_at);
            let claim = Claim::again(items);
            let more = self.settle(lease, outlet, claim, Performed::Answered(outcomes), exchange).await?;
            settled.add(more);
        }
        self.forget_tickets(lease, &decided.keys().copied().collect::<Vec<_>>()).await?;
        Ok(settled)
    }

    async fn ask_again(&self, lease: &Lease, outlet: &Outlet, writes: &[i64]) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let horizon = micros(settle::horizon(later(now, ASK_EVERY * 2), &outlet.times));
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        for piece in writes.chunks(ROWS_PER_STATEMENT) {
            write_ticket::Entity::update_many()
                .col_expr(write_ticket::Column::AskAt, Expr::value(micros(later(now, ASK_EVERY))))
                .filter(write_ticket::Column::WriteId.is_in(piece.iter().copied()))
                .exec(&tx)
                .await?;
            listing_write::Entity::update_many()
                .col_expr(listing_write::Column::Horizon, Expr::value(horizon))
                .filter(listing_write::Column::Id.is_in(piece.iter().copied()))
                .filter(listing_write::Column::Horizon.lt(horizon))
                .exec(&tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    async fn writes_of(&self, writes: &[i64]) -> Result<Vec<(listing_write::Model, listing::Model)>> {
        let mut found = Vec::new();
        for piece in writes.chunks(ROWS_PER_STATEMENT) {
            let rows = listing_write::Entity::find().filter(listing_write::Column::Id.is_in(piece.iter().copied()));
            let rows = rows.all(&self.reader).await?;
            let ids = rows.iter().map(|row| row.listing_id);
            let listings = listing::Entity::find().filter(listing::Column::Id.is_in(ids)).all(&self.reader).await?;
            let listings: HashMap<i64, listing::Model> = listings.into_iter().map(|row| (row.id, row)).collect();
            found
                .extend(rows.into_iter().filter_map(|row| Some((row.clone(), listings.get(&row.listing_id)?.clone()))));
        }
        Ok(found)
    }

    async fn forget_tickets(&self, lease: &Lease, writes: &[i64]) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        for piece in writes.chunks(ROWS_PER_STATEMENT) {
            let gone = write_ticket::Entity::delete_many();
            gone.filter(write_ticket::Column::WriteId.is_in(piece.iter().copied())).exec(&tx).await?;
        }
        Ok(tx.commit().await?)
    }
}
