//! Claim, perform, settle. A crash anywhere between them leaves writes of unknown outcome, which readings
//! settle.
//!
//! A switch takes effect before the next request. So nothing is claimed before the quota of everything that the request
//! needs is spoken for ([`Wire::turn`]), a claim that must wait longer all the same is given back unsent, and one whose
//! write comes late, because the adapter had to ask something first, asks for the switch once more, and whether any of
//! its listings has been taken off sale.
//!
//! [`Wire::turn`]: uriba_sdk::Wire::turn

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use uriba_sdk::{
    Applied, Class, Mall, MallError, Update,
    wire::{Clearance, Turn, Worth},
};

use super::{Again, Channel, Line};
use crate::{
    domain::{
        plan::{self, Carrier, backlog},
        settle::Exchange,
        suspend::Mode,
        time::{between, later},
    },
    store::{
        Result, Store,
        channels::{LaneName, lane},
        lease::Lease,
        publications::{Kinds, Performed, Settled, situation_of},
    },
};

pub async fn step(store: &Store, here: &Channel, lease: &Lease) -> Result<Again> {
    let now = store.now();
    let row = store.channel(here.id()).await?;
    let lane = lane(&row, LaneName::Stock);
    if let Some(until) = lane.until.filter(|until| *until > now) {
        return Ok(Again::At(until));
    }
    let idle = Again::At(later(now, Duration::from_secs(5)));
    // Mostly nothing is to be written, and then nobody's turn at the database is taken to find out.
    if row.state == "active" && !store.wants_writes(here.id()).await? {
        return Ok(idle);
    }
    here.before_probe(&lane);
    let line = here.line();
    let by = carrier(store, here, &line).await?;
    let (turn, kinds) = match turn(&line, here, by) {
        Ok(turn) => turn,
        Err(at) => return Ok(Again::At(at)),
    };
    let began = store.env().elapsed();
    let outlet = here.outlet_by(by);
    let Some(claim) = store.claim_of(lease, &outlet, kinds, by, now).await? else {
        return Ok(if by == Carrier::Ticket { singly(here) } else { idle });
    };
    if by == Carrier::Ticket && claim.len() <= plan::batch_max(here.outlet.card, Carrier::Answer) {
        // So few go the other way after all.
        store.settle(lease, &outlet, claim, Performed::NotApplied, here.exchange("", now, now)).await?;
        return Ok(singly(here));
    }
    let claimed = store.env().elapsed();
    here.claimed_in(claimed.saturating_sub(began));
    let switch = Switch { store: store.clone(), channel: here.id().to_owned(), lit: claim.lit() };
    turn.decided(claimed + here.lead_max(), Arc::new(switch));
    let updates = claim.updates();
    let sent_at = store.now();
    let (performed, failure) = perform(line.writer.as_ref(), &updates).await;
    drop(turn);
    let operation = plan::operations(here.outlet.card, by).first().copied().unwrap_or_default();
    let exchange = here.exchange(operation, sent_at, store.now());
    let settled = store.settle(lease, &outlet, claim, performed, exchange).await?;
    if let Some(wait) = failure.as_ref().and_then(given_back) {
        tracing::debug!(channel = here.id(), ?wait, "a batch was given back unsent");
        return Ok(Again::At(later(exchange.answered_at, wait)));
    }
    here.count_drifts(&settled.drifts);
    count(here.id(), failure.as_ref(), settled, exchange);
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

/// By answers, unless so many listings wait that the mall's way for many at once is done with them sooner.
async fn carrier(store: &Store, here: &Channel, line: &Line) -> Result<Carrier> {
    let card = here.outlet.card;
    let many = plan::batch_max(card, Carrier::Ticket);
    if plan::operations(card, Carrier::Ticket).is_empty() || here.writes_singly() {
        return Ok(Carrier::Answer);
    }
    let few = plan::batch_max(card, Carrier::Answer);
    let waiting = store.waiting(here.id(), many as u64).await?;
    if waiting <= few as u64 {
        return Ok(Carrier::Answer);
    }
    let now = store.now();
    let singly = backlog::time_to_send(waiting.div_ceil(few as u64), &line.flows(&line.of_push(Carrier::Answer)), now);
    let at_once = line.of_push(Carrier::Ticket).into_iter().map(|operation| line.turns.ready_at(operation)).max();
    let at_once = at_once.map_or(Duration::ZERO, |at| between(now, at)) + plan::takes(card, Carrier::Ticket);
    Ok(if at_once < singly { Carrier::Ticket } else { Carrier::Answer })
}

fn singly(here: &Channel) -> Again {
    here.write_singly_for_now();
    Again::Now
}

/// The batch is written down while the quota's last moments pass, so that it leaves when it may. What a day's cap keeps
/// for zeros, nothing else is claimed for.
fn turn(line: &Line, here: &Channel, by: Carrier) -> std::result::Result<(Turn, Kinds), Timestamp> {
    let (operations, lead) = (line.of_push(by), here.lead());
    let ordinary = line.turns.turn(&operations, Worth::Ordinary, lead).map(|turn| (turn, Kinds::All));
    ordinary.or_else(|_| line.turns.turn(&operations, Worth::Urgent, lead).map(|turn| (turn, Kinds::Zeros)))
}

/// Our own quota, or the switch, kept it from leaving: how long to wait.
fn given_back(error: &MallError) -> Option<Duration> {
    match error.class {
        Class::Throttled { retry_after } if error.status.is_none() => retry_after,
        _ => None,
    }
}

/// Whether what was claimed may still be written.
struct Switch {
    store: Store,
    channel: String,
    /// Listings that it tells something else than zero.
    lit: BTreeSet<i64>,
}

#[async_trait]
impl Clearance for Switch {
    async fn stands(&self) -> bool {
        // If nobody can say, the settling will fail as well: better unsent.
        let Ok(row) = self.store.channel(&self.channel).await else { return false };
        let situation = situation_of(&row, self.store.now());
        situation.live
            && match situation.switch {
                None => !self.store.any_off_sale(&self.lit).await.unwrap_or(true),
                Some(Mode::Zero) => self.lit.is_empty(),
                Some(Mode::Freeze) => false,
            }
    }
}

fn count(channel: &str, failure: Option<&MallError>, settled: Settled, exchange: Exchange) {
    let channel = channel.to_owned();
    let result = failure.map_or("ok", |error| error.class.word());
    metrics::counter!("uriba_push_requests_total", "channel" => channel.clone(), "result" => result).increment(1);
    for (outcome, count) in [("applied", settled.applied), ("refused", settled.refused), ("unknown", settled.unknown)] {
        metrics::counter!("uriba_push_items_total", "channel" => channel.clone(), "outcome" => outcome)
            .increment(count as u64);
    }
    for since in settled.since {
        let took = between(since, exchange.answered_at);
        metrics::histogram!("uriba_propagation_seconds", "channel" => channel.clone()).record(took.as_secs_f64());
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
