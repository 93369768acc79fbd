//! Drives each due step until it wants to wait: `uriba run-once`, and tests.

use tokio_util::sync::CancellationToken;

use super::{Again, Channel, Engine, expire, observe, poll, push, snapshot, watch};
use crate::store::Result;

/// A step that never comes to rest is stopped here; the next run goes on.
const TURNS_MAX: usize = 10_000;

/// What `run-once --step` may name.
pub const STEPS: [&str; 7] = ["import", "poll", "recompute", "observe", "push", "expire", "snapshot"];

/// How many pieces of work were done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub import: usize,
    pub poll: usize,
    pub recompute: usize,
    pub observe: usize,
    pub push: usize,
}

impl Engine {
    /// One round: files and orders first, then targets, then what the malls show, then what they are told.
    pub async fn run_once(&self, step: Option<&str>, channel: Option<&str>) -> Result<Done> {
        let wanted = |name: &str| step.is_none_or(|step| step == name);
        let mut done = Done::default();
        if wanted("expire") {
            expire::step(self).await?;
        }
        if wanted("import") && channel.is_none() {
            done.import += watch::step(self, &CancellationToken::new()).await?;
        }
        let here = || self.channels.iter().filter(|here| channel.is_none_or(|id| here.id() == id));
        if wanted("poll") {
            for here in here() {
                done.poll += self.turn(here, "poll").await?;
            }
        }
        if wanted("recompute") {
            done.recompute += self.recompute_all().await?;
        }
        if wanted("observe") {
            for here in here() {
                done.observe += self.turn(here, "observe").await?;
            }
            if wanted("recompute") {
                done.recompute += self.recompute_all().await?;
            }
        }
        if wanted("push") {
            for here in here() {
                done.push += self.turn(here, "push").await?;
            }
        }
        if wanted("expire") {
            expire::step(self).await?;
        }
        if wanted("snapshot") {
            while snapshot::step(self).await? == Again::Now {}
        }
        Ok(done)
    }

    pub async fn recompute_all(&self) -> Result<usize> {
        let mut turns = 0;
        while turns < TURNS_MAX && self.recompute().await? == Again::Now {
            turns += 1;
        }
        Ok(turns)
    }

    async fn turn(&self, here: &Channel, step: &str) -> Result<usize> {
        let Some(lease) = here.lease() else { return Ok(0) };
        let mut turns = 0;
        while turns < TURNS_MAX {
            let again = match step {
                "poll" => poll::step(&self.store, here, &lease).await?,
                "observe" => observe::step(&self.store, here, &lease).await?,
                _ => push::step(&self.store, here, &lease).await?,
            };
            if again != Again::Now {
                break;
            }
            turns += 1;
        }
        Ok(turns)
    }
}
