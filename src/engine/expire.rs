//! What time alone brings: due switches, rules whose dates have come, channels of which nobody hears or that can't be
//! written, modes and shares to be looked at again, holds past their time, doubts that the orders should have
//! explained by now, keys of malls that end, what a day has taught, and the end of what was kept long enough.

use super::Engine;
use crate::store::{Result, Store};

/// One round over everything that expires.
pub async fn step(engine: &Engine) -> Result<()> {
    engine.store.move_switches().await?;
    engine.store.turn_rules().await?;
    engine.store.watch_channels().await?;
    engine.store.reconsider().await?;
    engine.store.watch_outside().await?;
    end_holds(&engine.store).await?;
    for here in &engine.channels {
        let Some(lease) = here.lease() else { continue };
        let unseen = here.plan.timing.unseen_for_at_most.unwrap_or(here.outlet.card.times.unseen_for_at_most);
        here.count_drifts(&engine.store.expire_doubts(&lease, &here.outlet, unseen).await?);
        if let Some(settings) = here.look_at_credentials() {
            engine.store.note_credentials(&lease, here.outlet.card.credentials, &settings).await?;
        }
    }
    engine.store.learn_catalogue().await?;
    engine.store.sweep(engine.history).await?;
    Ok(())
}

/// In pieces, between which reservations go on.
async fn end_holds(store: &Store) -> Result<()> {
    loop {
        let ended = store.expire_reservations().await?;
        if ended == 0 {
            return Ok(());
        }
        metrics::counter!("uriba_reservations_total", "result" => "expired").increment(ended as u64);
        tracing::info!(ended, "holds have expired");
    }
}
