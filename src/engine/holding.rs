//! Leases as the engine holds them. Whoever takes a group over takes its quotas as they were left, and what was
//! said in its name as still on its way; whoever holds one no more keeps nothing and sends nothing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, RwLock, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use uriba_sdk::wire::{QuotaKey, QuotaShelf, QuotaState};

use super::{Channel, Engine, EngineError, driver::chain};
use crate::store::{Result, Store, lease::Lease};

/// Stores what is left of quotas, each under the lease of those who share it.
pub(super) struct QuotaKeeper {
    store: Store,
    /// By scope.
    leases: RwLock<HashMap<String, Lease>>,
}

impl QuotaKeeper {
    pub fn new(store: Store) -> Self {
        Self { store, leases: RwLock::default() }
    }

    fn lease(&self, scope: &str) -> Option<Lease> {
        self.leases.read().expect("no panic happens under this lock").get(scope).cloned()
    }

    fn hold(&self, scope: &str, lease: &Lease) {
        self.leases.write().expect("no panic happens under this lock").insert(scope.to_owned(), lease.clone());
    }
}

#[async_trait]
impl QuotaShelf for QuotaKeeper {
    async fn save(&self, key: &QuotaKey, state: &QuotaState) {
        let Some(lease) = self.lease(&key.scope) else { return };
        if let Err(error) = self.store.save_quota(&lease, key, state).await {
            let error = chain(&error);
            tracing::warn!(scope = key.scope, quota = key.name, error, "the quota's state was not saved");
        }
    }
}

impl Engine {
    /// Channels that share a quota are worked by one instance.
    pub(super) fn groups(&self) -> BTreeMap<String, Vec<Arc<Channel>>> {
        let mut groups: BTreeMap<String, Vec<Arc<Channel>>> = BTreeMap::new();
        for here in &self.channels {
            groups.entry(here.group()).or_default().push(here.clone());
        }
        groups
    }

    /// Takes or renews a group's lease; `false` while somebody else holds it.
    pub(super) async fn take_group(&self, group: &str, channels: &[Arc<Channel>], length: Duration) -> Result<bool> {
        let Some(lease) = self.store.take_lease(group, &self.holder, length).await? else {
            channels.iter().for_each(|here| here.hold(None));
            return Ok(false);
        };
        if lease.is_taken_over() {
            channels.iter().for_each(|here| here.inherits.store(true, Ordering::Relaxed));
        }
        for here in channels {
            if here.held().is_none_or(|held| !held.is_same(&lease)) {
                self.take_over(here, &lease).await?;
            }
            here.hold(Some(lease.clone()));
        }
        Ok(true)
    }

    /// Nobody else writes here any more, so what stands here is final.
    async fn take_over(&self, here: &Channel, lease: &Lease) -> Result<()> {
        let keeps = |key: &QuotaKey| self.keeper.lease(&key.scope).is_some_and(|kept| kept.is_same(lease));
        let fresh: Vec<QuotaKey> = here.quota_keys().into_iter().filter(|key| !keeps(key)).collect();
        if !fresh.is_empty() {
            self.gates.resume(&fresh, &self.store.quotas().await?, self.env.as_ref());
            fresh.iter().for_each(|key| self.keeper.hold(&key.scope, lease));
        }
        if here.inherits.load(Ordering::Relaxed) {
            self.store.inherit(lease, &here.outlet).await?;
            here.inherits.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes or renews every lease that nobody else holds.
    pub async fn take_free_leases(&self, length: Duration) -> Result<()> {
        for (group, channels) in self.groups() {
            self.take_group(&group, &channels, length).await?;
        }
        Ok(())
    }

    /// Takes every group's lease, or names the one that somebody else holds.
    pub async fn take_leases(&self, length: Duration) -> std::result::Result<(), EngineError> {
        for (group, channels) in self.groups() {
            if !self.take_group(&group, &channels, length).await? {
                return Err(EngineError::Held(group));
            }
        }
        Ok(())
    }

    /// The quotas first: they are written under the leases.
    pub async fn release_leases(&self) -> Result<()> {
        self.gates.save_all(self.env.as_ref()).await;
        for (group, channels) in self.groups() {
            let held = channels.iter().any(|here| here.held().is_some());
            channels.iter().for_each(|here| here.hold(None));
            if held {
                self.store.release_lease(&group, &self.holder).await?;
            }
        }
        Ok(())
    }
}
