//! Ends of business days: snapshots of the ledger, so that any past moment is one of them and a day's entries.

use std::time::Duration;

use super::{Again, Engine};
use crate::{domain::time::later, store::Result};

/// Only midnight brings work.
const PAUSE: Duration = Duration::from_secs(60);

/// One piece; `Now` while there is more.
pub async fn step(engine: &Engine) -> Result<Again> {
    let more = engine.store.close_days(&engine.days).await?;
    Ok(if more { Again::Now } else { Again::At(later(engine.env.now(), PAUSE)) })
}
