//! What time alone brings: due switches, rules whose dates have come, and doubts that the orders should have explained by now.

use super::Engine;
use crate::store::Result;

/// One round over everything that expires.
pub async fn step(engine: &Engine) -> Result<()> {
    engine.store.move_switches().await?;
    engine.store.turn_rules().await?;
    for here in &engine.channels {
        let Some(lease) = here.lease() else { continue };
        let unseen = here.plan.timing.unseen_for_at_most.unwrap_or(here.outlet.card.times.unseen_for_at_most);
        let drifts = engine.store.expire_doubts(&lease, here.id(), unseen).await?;
        metrics::counter!("uriba_drift_total", "channel" => here.id().to_owned()).increment(drifts as u64);
    }
    Ok(())
}
