//! What a shop lists, where somebody asks: one page at a time, when nothing else is to be read.

use std::time::Duration;

use super::{Again, Channel};
use crate::{
    domain::{health::LaneState, time::later},
    store::{
        Result, Store,
        channels::{LaneName, lane},
        lease::Lease,
    },
};

/// How often is looked whether somebody asks.
const GLANCE: Duration = Duration::from_secs(2);

pub async fn step(store: &Store, here: &Channel, lease: &Lease) -> Result<Again> {
    let now = store.now();
    let Some(asked) = store.open_discovery(here.id()).await? else { return Ok(Again::At(later(now, GLANCE))) };
    let row = store.channel(here.id()).await?;
    let lane = lane(&row, LaneName::Stock);
    if let Some(until) = lane.until.filter(|until| *until > now) {
        if lane.state == LaneState::Tripped {
            let why = lane.cause.as_deref().unwrap_or("the stock lane is stopped");
            store.fail_discovery(lease, here.id(), why).await?;
        }
        return Ok(Again::At(until));
    }
    here.before_probe(&lane);
    let line = here.line();
    let Some(catalogue) = line.mall.extras().catalogue else {
        store.fail_discovery(lease, here.id(), "this mall can't say what a shop lists").await?;
        return Ok(Again::Now);
    };
    match catalogue.list(asked.token.as_deref()).await {
        Ok(shelf) => {
            store.take_shelf(lease, asked, shelf).await?;
            here.went_well(store, lease, &row, LaneName::Stock).await?;
            Ok(Again::Now)
        }
        Err(error) => {
            let reaction = here.went_wrong(store, lease, &row, LaneName::Stock, &error, store.now()).await?;
            if reaction.lane.state == LaneState::Tripped {
                store.fail_discovery(lease, here.id(), &error.to_string()).await?;
            }
            Ok(reaction.lane.until.map_or(Again::Now, Again::At))
        }
    }
}
