//! Looks at what the mall shows: keys that nobody has looked up yet, then what is unsettled, asked for or risky and
//! long unread, by its deadline ([`crate::domain::reading`]), within the quota of reading.

use std::time::Duration;

use jiff::Timestamp;
use uriba_sdk::MallError;

use super::{Again, Channel, discover, tickets};
use crate::{
    domain::{health::LaneState, time::later},
    store::{
        Result, Store,
        channels::{LaneName, lane},
        entity::channel,
        lease::Lease,
    },
};

const KEYS_PER_LOOKUP: u64 = 200;
const LISTINGS_BY_TIME: u64 = 200;

pub async fn step(store: &Store, here: &Channel, lease: &Lease) -> Result<Again> {
    let now = store.now();
    let row = store.channel(here.id()).await?;
    let lane = lane(&row, LaneName::Stock);
    if lane.state == LaneState::Tripped {
        store.fail_audits(lease, here.id(), lane.cause.as_deref().unwrap_or("the stock lane is stopped")).await?;
    }
    if let Some(until) = lane.until.filter(|until| *until > now) {
        return sooner(discover::step(store, here, lease).await?, until);
    }
    here.before_probe(&lane);
    if let Some(again) = tickets::step(store, here, lease).await? {
        return Ok(again);
    }
    let line = here.line();
    let fresh = store.new_listings(here.id(), KEYS_PER_LOOKUP).await?;
    if !fresh.is_empty() {
        let keys: Vec<String> = fresh.iter().map(|row| row.given_key.clone()).collect();
        return match line.mall.resolve(&keys).await {
            Ok(resolved) => {
                let keys = fresh.iter().map(|row| row.id).zip(resolved).collect();
                store.keys_resolved(lease, here.id(), keys).await?;
                Ok(Again::Now)
            }
            Err(error) => failed(store, here, lease, &row, &error).await,
        };
    }
    let (Some(readback), Some(way)) = (line.mall.extras().readback, here.outlet.card.reads.as_ref()) else {
        store.fail_audits(lease, here.id(), "this mall can't be read back").await?;
        return by_time(store, here, lease, now).await;
    };
    let ready = line.wire.ready_at(way.operation);
    if ready > now {
        return Ok(Again::At(ready));
    }
    let wanted = store.to_read(here.id(), now, way.batch_max as u64).await?;
    if wanted.is_empty() {
        return sooner(discover::step(store, here, lease).await?, later(now, Duration::from_secs(2)));
    }
    let (ids, keys): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let sent_at = store.now();
    match readback.read(&keys).await {
        Ok(readings) => {
            let exchange = here.exchange(way.operation, sent_at, store.now());
            let readings: Vec<_> = ids.into_iter().zip(readings).collect();
            let settled = store.take_readings(lease, &here.outlet, &readings, exchange).await?;
            here.count_drifts(&settled.drifts);
            here.went_well(store, lease, &row, LaneName::Stock).await?;
            Ok(Again::Now)
        }
        Err(error) => failed(store, here, lease, &row, &error).await,
    }
}

/// A mall that shows its stock to nobody: what was written is taken to stand once it must have landed.
async fn by_time(store: &Store, here: &Channel, lease: &Lease, now: Timestamp) -> Result<Again> {
    let due = store.to_read(here.id(), now, LISTINGS_BY_TIME).await?;
    if due.is_empty() {
        return sooner(discover::step(store, here, lease).await?, later(now, Duration::from_secs(5)));
    }
    store.settle_by_time(lease, &here.outlet, &due.into_iter().map(|(id, _)| id).collect()).await?;
    Ok(Again::Now)
}

/// When to come again: by then at the latest.
fn sooner(again: Again, at: Timestamp) -> Result<Again> {
    Ok(match again {
        Again::Now => Again::Now,
        Again::At(other) => Again::At(other.min(at)),
    })
}

async fn failed(
    store: &Store,
    here: &Channel,
    lease: &Lease,
    row: &channel::Model,
    error: &MallError,
) -> Result<Again> {
    let reaction = here.went_wrong(store, lease, row, LaneName::Stock, error, store.now()).await?;
    if reaction.lane.state == LaneState::Tripped {
        store.fail_audits(lease, here.id(), &error.to_string()).await?;
    }
    Ok(reaction.lane.until.map_or(Again::Now, Again::At))
}
