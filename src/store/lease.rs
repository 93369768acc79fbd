//! Who may act for a group of channels. A lease has an end by the database's clock and a fence that grows with
//! each new holder; every write of a step confirms the fence in its own transaction.
//!
//! It does not promise that a superseded holder sends nothing to a mall: a request may already be on its way.
//! It promises that such a holder can write nothing here, and the new holder reads back what it inherits.

use std::time::Duration;

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::{Result, Store, StoreError, dialect, entity::lease, micros};

/// Proof of having held the lease when it was taken. Only this file can make one.
#[derive(Clone, Debug)]
pub struct Lease {
    name: String,
    fence: i64,
}

impl Lease {
    pub fn name(&self) -> &str {
        &self.name
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
    /// Takes or renews a lease; `None` while somebody else holds it.
    pub async fn take_lease(&self, name: &str, holder: &str, length: Duration) -> Result<Option<Lease>> {
        let tx = self.begin().await?;
        let ttl_us = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        let fence = dialect::take_lease(&tx, name, holder, ttl_us).await?;
        tx.commit().await?;
        Ok(fence.map(|fence| Lease { name: name.to_owned(), fence }))
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
}
