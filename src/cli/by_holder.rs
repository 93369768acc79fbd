//! Work on malls that whoever runs the channels does; where nobody does, a command holds them for as long as it takes,
//! and does nothing else with them.

use std::time::Duration;

use super::{
    desk::Desk,
    failure::{Done, Failure},
    lock::InstanceLock,
};
use crate::{domain::time::between, engine::Again, engine::Engine};

/// How often is looked whether there is more.
const LOOK: Duration = Duration::from_millis(300);
/// Renewed while it works; a killed command blocks the next one for no longer.
const LEASE: Duration = Duration::from_secs(30);
/// A service that has just begun takes its leases within this time.
const NOBODY_FOR: Duration = Duration::from_secs(15);

/// Until `look` finds it done: by a service, else by `work` with the malls' keys of this configuration and the lock of
/// a service, taken in the name of `command`.
pub async fn done<S>(
    desk: &Desk,
    command: &'static str,
    look: impl AsyncFn() -> Result<Option<S>, Failure>,
    work: impl AsyncFn(&Engine) -> Done,
) -> Result<S, Failure> {
    let unfinished = || Failure::failed("the service that worked on it has gone; run it again");
    if let Some(over) = look().await? {
        return Ok(over);
    }
    if desk.store.is_served().await? {
        return watch(desk, look).await;
    }
    let database = desk.store.file().map(ToOwned::to_owned);
    let _lock = database.map(|file| InstanceLock::take(&file, command, desk.store.now())).transpose()?;
    let engine = desk.engine().await?;
    engine.take_free_leases(LEASE).await?;
    let done = tokio::select! {
        done = work(&engine) => done,
        lost = keep_leases(&engine) => Err(lost),
    };
    engine.release_leases().await?;
    done?;
    look().await?.ok_or_else(unfinished)
}

async fn watch<S>(desk: &Desk, look: impl AsyncFn() -> Result<Option<S>, Failure>) -> Result<S, Failure> {
    let env = desk.store.env();
    let mut served_at = env.elapsed();
    loop {
        if let Some(over) = look().await? {
            return Ok(over);
        }
        if desk.store.is_served().await? {
            served_at = env.elapsed();
        } else if env.elapsed().saturating_sub(served_at) > NOBODY_FOR {
            return Err(Failure::failed("the service that read has gone; run it again once one runs, or without any"));
        }
        env.sleep(LOOK).await;
    }
}

/// What a step wants before it is called again.
pub async fn rest(engine: &Engine, again: Again) {
    match again {
        Again::Now => tokio::task::yield_now().await,
        Again::At(at) => engine.env.sleep(between(engine.env.now(), at).min(LOOK).max(LOOK / 10)).await,
    }
}

/// Ends only when they can't be kept.
async fn keep_leases(engine: &Engine) -> Failure {
    loop {
        engine.env.sleep(LEASE / 3).await;
        if let Err(error) = engine.take_free_leases(LEASE).await {
            return error.into();
        }
    }
}
