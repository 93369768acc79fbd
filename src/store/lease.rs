//! Who may act for a group of channels. A lease has an end by the database's clock and a fence that grows with
//! each new holder; every write of a step confirms the fence in its own transaction.
//!
//! The holder knows an end of its own, by its own clock and counted from before it asked, so never later than
//! the database's: its requests must be over by then. It does not promise that nothing of a superseded holder
//! reaches a mall: a machine may sleep between looking at its clock and sending. It promises that such a holder
//! can write nothing here, and the new holder reads back what it inherits.

use std::time::Duration;

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use super::{
    Result, Store, StoreError, dialect,
    entity::{lease, listing_write},
    micros,
    publications::Outlet,
};
use crate::domain::settle;

/// Proof of having held the lease when it was taken. Only this file can make one.
#[derive(Clone, Debug)]
pub struct Lease {
    name: String,
    fence: i64,
    until: Duration,
    taken_over: bool,
}

impl Lease {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its end, by the holder's [`uriba_sdk::Env::elapsed`].
    pub fn until(&self) -> Duration {
        self.until
    }

    /// The last holder never gave it back: what it was saying may still be on its way.
    pub fn is_taken_over(&self) -> bool {
        self.taken_over
    }

    /// The same holding, perhaps renewed.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.name, self.fence) == (&other.name, other.fence)
    }

    /// Fails when somebody else has taken over; keeps the fence from moving until the transaction ends.
    pub async fn confirm(&self, tx: &DatabaseTransaction) -> Result<()> {
        match dialect::fence(tx, &self.name).await? {
            Some(fence) if fence == self.fence => Ok(()),
            _ => Err(StoreError::Superseded { lease: self.name.clone() }),
        }
    }
}

impl Store {
    /// Takes or renews a lease, for so long of the machine's time; `None` while somebody else holds it.
    pub async fn take_lease(&self, name: &str, holder: &str, length: Duration) -> Result<Option<Lease>> {
        let until = self.env.elapsed() + length.mul_f64(self.env.speed());
        let tx = self.begin().await?;
        let ttl_us = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        let clock = self.surroundings.as_ref().map(|surroundings| micros(surroundings.clock()));
        let taken = dialect::take_lease(&tx, name, holder, ttl_us, clock).await?;
        tx.commit().await?;
        Ok(taken.map(|(fence, taken_over)| Lease { name: name.to_owned(), fence, until, taken_over }))
    }

    /// Whether an instance holds a lease now, by this process's clock: a hint for people, not a lock.
    pub async fn is_served(&self) -> Result<bool> {
        let live = lease::Entity::find().filter(lease::Column::ExpiresAt.gt(micros(self.now())));
        Ok(live.one(&self.reader).await?.is_some())
    }

    pub async fn release_lease(&self, name: &str, holder: &str) -> Result<()> {
        let tx = self.begin().await?;
        dialect::release_lease(&tx, name, holder).await?;
        Ok(tx.commit().await?)
    }

    /// What the last holder said without hearing of it may have left until its lease ended, which is now at the
    /// latest: nothing is concluded of it before it must have landed.
    pub async fn inherit(&self, lease: &Lease, outlet: &Outlet) -> Result<usize> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let horizon = settle::horizon(self.now(), &outlet.times);
        let open: Vec<i64> = listing_write::Entity::find()
            .select_only()
            .column(listing_write::Column::ListingId)
            .filter(listing_write::Column::Channel.eq(&outlet.channel))
            .filter(listing_write::Column::State.eq("unknown"))
            .filter(listing_write::Column::Horizon.lt(micros(horizon)))
            .into_tuple()
            .all(&tx)
            .await?;
        let mut listed = self.listed(&tx, &open.into_iter().collect()).await?;
        for item in &mut listed {
            item.publication.may_land_until(horizon);
        }
        self.save_listed(&tx, &listed).await?;
        tx.commit().await?;
        Ok(listed.len())
    }
}
