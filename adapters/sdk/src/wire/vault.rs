//! Access tokens, cached until shortly before they expire.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::error::Result;

/// Renewed so long before its end, for requests that are still on their way when it comes; a token that lives
/// for a few minutes only, after three quarters of its life.
const MARGIN: SignedDuration = SignedDuration::from_secs(120);

/// A fresh access token and how long it lives.
pub struct Token {
    pub secret: SecretString,
    pub lives: Duration,
}

/// One slot per credential; the slot's lock keeps a second refresh from starting beside the first.
#[derive(Default)]
pub struct Vault {
    slots: std::sync::Mutex<HashMap<String, Arc<Mutex<Option<Cached>>>>>,
}

struct Cached {
    secret: SecretString,
    until: Timestamp,
}

impl Vault {
    pub(super) async fn token<F>(&self, name: &str, now: Timestamp, refresh: F) -> Result<SecretString>
    where
        F: Future<Output = Result<Token>> + Send,
    {
        let slot = self.slot(name);
        let mut slot = slot.lock().await;
        if let Some(cached) = slot.as_ref().filter(|cached| now < cached.until) {
            return Ok(cached.secret.clone());
        }
        *slot = None;
        let fresh = refresh.await?;
        let lives = SignedDuration::try_from(fresh.lives).unwrap_or(SignedDuration::ZERO);
        let until = now.saturating_add(lives - MARGIN.min(lives / 4)).unwrap_or(now);
        *slot = Some(Cached { secret: fresh.secret.clone(), until });
        Ok(fresh.secret)
    }

    pub(super) async fn forget(&self, name: &str) {
        *self.slot(name).lock().await = None;
    }

    /// The channel has other credentials now.
    pub fn forget_all_of(&self, channel: &str) {
        let prefix = format!("{channel}/");
        self.slots.lock().expect("no panic happens under this lock").retain(|name, _| !name.starts_with(&prefix));
    }

    fn slot(&self, name: &str) -> Arc<Mutex<Option<Cached>>> {
        let mut slots = self.slots.lock().expect("no panic happens under this lock");
        slots.entry(name.to_owned()).or_default().clone()
    }
}
