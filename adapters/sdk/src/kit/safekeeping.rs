//! Credentials that a mall replaces when they are used: kept for good before the new one is.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use secrecy::SecretString;

use super::{
    Finding, Planned, Shop, cannot, check,
    duty::{Bench, Duty, Told, ensure_fine, words},
    ensure,
};
use crate::wire::{Safe, SafeInMemory};

pub(super) fn all() -> Vec<Planned> {
    vec![check(
        "a credential that the mall replaces is kept before the new one is used",
        "`Wire::replaced`, `Wire::in_force`: durable when it returns, and only then may the new one be used",
        kept,
    )]
}

/// The safe of every shop here: it counts, and can be shut.
#[derive(Default)]
pub(super) struct Watched {
    inner: SafeInMemory,
    puts: AtomicUsize,
    is_shut: AtomicBool,
}

#[async_trait]
impl Safe for Watched {
    async fn get(&self, channel: &str, name: &str) -> Result<Option<SecretString>, String> {
        self.inner.get(channel, name).await
    }

    async fn put(&self, channel: &str, name: &str, secret: &SecretString) -> Result<(), String> {
        if self.is_shut.load(Ordering::SeqCst) {
            return Err("the safe is shut".into());
        }
        self.puts.fetch_add(1, Ordering::SeqCst);
        self.inner.put(channel, name, secret).await
    }
}

async fn kept(shop: Arc<Shop>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    for _ in 0..3 {
        let told = bench.perform_with(&shop, shop.restarted()?.as_ref(), Duty::Search).await?;
        ensure_fine(&told, "a search after a restart")?;
    }
    if shop.safe.puts.load(Ordering::SeqCst) == 0 {
        return cannot("the mall replaces no credential");
    }
    shop.safe.is_shut.store(true, Ordering::SeqCst);
    let told = bench.perform_with(&shop, shop.restarted()?.as_ref(), Duty::Search).await?;
    ensure(!matches!(told, Ok(Told::Fine)), || {
        ("an error while the new credential can't be kept: it may not be used", words(&told))
    })
}
