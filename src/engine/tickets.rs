//! Asks what became of writes that the mall took for later.

use super::{Again, Channel};
use crate::store::{
    Result, Store,
    channels::{LaneName, lane},
    lease::Lease,
};

/// `None`: there is nothing to ask now.
pub(super) async fn step(store: &Store, here: &Channel, lease: &Lease) -> Result<Option<Again>> {
    let now = store.now();
    let line = here.line();
    let Some(tickets) = line.mall.extras().tickets else { return Ok(None) };
    let due = store.due_tickets(here.id(), now).await?;
    if due.is_empty() {
        return Ok(None);
    }
    let row = store.channel(here.id()).await?;
    if let Some(until) = lane(&row, LaneName::Stock).until.filter(|until| *until > now) {
        return Ok(Some(Again::At(until)));
    }
    let asked: Vec<String> = due.iter().map(|due| due.ticket.clone()).collect();
    match tickets.redeem(&asked).await {
        Ok(told) => {
            let settled = store.settle_tickets(lease, &here.outlet, &due, &told, store.now()).await?;
            here.count_drifts(&settled.drifts);
            here.went_well(store, lease, &row, LaneName::Stock).await?;
            Ok(Some(Again::Now))
        }
        Err(error) => {
            let reaction = here.went_wrong(store, lease, &row, LaneName::Stock, &error, store.now()).await?;
            Ok(Some(reaction.lane.until.map_or(Again::Now, Again::At)))
        }
    }
}
