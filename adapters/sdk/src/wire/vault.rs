//! Access tokens, cached until shortly before they expire; and credentials that malls replace, which outlive the
//! process.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::error;

/// Renewed so long before its end, for requests that are still on their way when it comes; a token that lives
/// for a few minutes only, after three quarters of its life.
const MARGIN: SignedDuration = SignedDuration::from_secs(120);

/// A fresh access token and how long it lives.
pub struct Token {
    pub secret: SecretString,
    pub lives: Duration,
}

/// Where credentials that a mall replaced are kept: by channel, and by a name that also says which configured one they
/// came from. An error says in words why the safe can't be used.
#[async_trait]
pub trait Safe: Send + Sync {
    async fn get(&self, channel: &str, name: &str) -> Result<Option<SecretString>, String>;

    /// Durable when it returns.
    async fn put(&self, channel: &str, name: &str, secret: &SecretString) -> Result<(), String>;
}

/// Forgets everything at its end: for tools and tests.
#[derive(Default)]
pub struct SafeInMemory(std::sync::Mutex<HashMap<(String, String), SecretString>>);

#[async_trait]
impl Safe for SafeInMemory {
    async fn get(&self, channel: &str, name: &str) -> Result<Option<SecretString>, String> {
        let kept = self.0.lock().expect("no panic happens under this lock");
        Ok(kept.get(&(channel.to_owned(), name.to_owned())).cloned())
    }

    async fn put(&self, channel: &str, name: &str, secret: &SecretString) -> Result<(), String> {
        let mut kept = self.0.lock().expect("no panic happens under this lock");
        kept.insert((channel.to_owned(), name.to_owned()), secret.clone());
        Ok(())
    }
}

/// One slot per credential; the slot's lock keeps a second refresh from starting beside the first.
pub struct Vault {
    pub(super) safe: Arc<dyn Safe>,
    slots: std::sync::Mutex<HashMap<String, Arc<Mutex<Option<Cached>>>>>,
}

struct Cached {
    secret: SecretString,
    until: Timestamp,
}

impl Default for Vault {
    fn default() -> Self {
        Self::new(Arc::new(SafeInMemory::default()))
    }
}

impl Vault {
    pub fn new(safe: Arc<dyn Safe>) -> Self {
        Self { safe, slots: std::sync::Mutex::default() }
    }

    pub(super) async fn token<F>(&self, name: &str, now: Timestamp, refresh: F) -> error::Result<SecretString>
    where
        F: Future<Output = error::Result<Token>> + Send,
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
