//! Claim, perform, settle. A crash anywhere between them leaves writes of unknown outcome, which readings
//! settle.

use uriba_sdk::{Applied, Class, Mall, MallError, Update};

use super::{Again, Channel};
use crate::{
    domain::time::{earlier, later},
    store::{
        Result, Store,
        channels::{LaneName, lane},
        lease::Lease,
        publications::Performed,
    },
};

pub async fn step(store: &Store, here: &Channel, lease: &Lease) -> Result<Again> {
    let now = store.now();
    let row = store.channel(here.id()).await?;
    let lane = lane(&row, LaneName::Stock);
    if let Some(until) = lane.until.filter(|until| *until > now) {
        return Ok(Again::At(until));
    }
    let operation = here.outlet.card.writes.first().map_or("stock.push", |way| way.operation);
    here.before_probe(&lane);
    let line = here.line();
    // The batch is written down while the quota's last moments pass, so that it leaves when it may.
    let due = earlier(line.wire.ready_at(operation), here.lead());
    if due > now {
        return Ok(Again::At(due));
    }
    let idle = Again::At(later(now, std::time::Duration::from_secs(5)));
    // Mostly nothing is to be written, and then nobody's turn at the database is taken to find out.
    if row.state == "active" && !store.wants_writes(here.id()).await? {
        return Ok(idle);
    }
    let began = store.env().elapsed();
    let Some(claim) = store.claim(lease, &here.outlet, now).await? else { return Ok(idle) };
    here.claimed_in(store.env().elapsed().saturating_sub(began));
    let updates = claim.updates();
    let sent_at = store.now();
    let (performed, failure) = perform(line.mall.as_ref(), &updates).await;
    let exchange = here.exchange(operation, sent_at, store.now());
    let result = failure.as_ref().map_or("ok", |error| error.class.word());
    let channel = here.id().to_owned();
    metrics::counter!("uriba_push_requests_total", "channel" => channel.clone(), "result" => result).increment(1);
    let settled = store.settle(lease, &here.outlet, claim, performed, exchange).await?;
    for (outcome, count) in [("applied", settled.applied), ("refused", settled.refused), ("unknown", settled.unknown)] {
        metrics::counter!("uriba_push_items_total", "channel" => channel.clone(), "outcome" => outcome)
            .increment(count as u64);
    }
    here.count_drifts(&settled.drifts);
    for since in settled.since {
        let took = crate::domain::time::between(since, exchange.answered_at);
        metrics::histogram!("uriba_propagation_seconds", "channel" => channel.clone()).record(took.as_secs_f64());
    }
    match failure {
        None => {
            here.went_well(store, lease, &row, LaneName::Stock).await?;
            Ok(Again::Now)
        }
        Some(error) => {
            let reaction = here.went_wrong(store, lease, &row, LaneName::Stock, &error, exchange.answered_at).await?;
            Ok(reaction.lane.until.map_or(Again::Now, Again::At))
        }
    }
}

/// Sends the updates. Knows the adapter and nothing else: no store is in reach.
pub async fn perform(mall: &dyn Mall, updates: &[Update]) -> (Performed, Option<MallError>) {
    let error = match mall.push(updates).await {
        Ok(outcomes) if outcomes.len() == updates.len() => return (Performed::Answered(outcomes), None),
        // An adapter that loses count has lost track: nothing of its answer can be trusted.
        Ok(_) => return (Performed::Unknown, None),
        Err(error) => error,
    };
    let performed = match &error.class {
        Class::Rejected { refused } => return (Performed::Rejected(refused.clone()), None),
        Class::Transient { applied: Applied::Unknown } | Class::Malformed { .. } => Performed::Unknown,
        Class::Auth { .. }
        | Class::Throttled { .. }
        | Class::Maintenance { .. }
        | Class::Transient { applied: Applied::No } => Performed::NotApplied,
    };
    (performed, Some(error))
}
