//! Drives the steps as a service: one task per lane of each channel, one for recomputation, one for what
//! expires, one for leases. Tasks meet only in the database; bells between them save waiting, never work.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Again, Channel, Engine, EngineError, expire, observe, poll, push, watch};
use crate::{
    domain::time::between,
    store::{Result, StoreError, lease::Lease},
};

/// By the database's clock; renewed three times in its life.
const LEASE: Duration = Duration::from_secs(30);
/// After an error of the database a step waits this long.
const AFTER_ERROR: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
enum Lane {
    Poll,
    Push,
    Observe,
}

impl Engine {
    /// Takes every group's lease, or names the one that somebody else holds.
    pub async fn take_leases(&self, length: Duration) -> std::result::Result<(), EngineError> {
        for here in &self.channels {
            match self.store.take_lease(&here.group(), &self.holder, length).await? {
                Some(lease) => here.hold(Some(lease)),
                None => return Err(EngineError::Held(here.group())),
            }
        }
        Ok(())
    }

    pub async fn release_leases(&self) -> Result<()> {
        for here in &self.channels {
            if here.lease().is_some() {
                here.hold(None);
                self.store.release_lease(&here.group(), &self.holder).await?;
            }
        }
        self.gates.save_all(self.env.as_ref()).await;
        Ok(())
    }

    /// Runs until cancelled; each step that has begun is finished.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<()> {
        let tasks = TaskTracker::new();
        tasks.spawn(self.clone().keep_leases(stop.clone()));
        tasks.spawn(self.clone().keep_computing(stop.clone()));
        tasks.spawn(self.clone().keep_expiring(stop.clone()));
        if !self.watched.is_empty() {
            tasks.spawn(self.clone().keep_watching(stop.clone()));
        }
        for here in &self.channels {
            for lane in [Lane::Poll, Lane::Push, Lane::Observe] {
                tasks.spawn(self.clone().keep_lane(here.clone(), lane, stop.clone()));
            }
        }
        tasks.close();
        tasks.wait().await;
        self.release_leases().await
    }

    async fn keep_leases(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            for here in &self.channels {
                match self.store.take_lease(&here.group(), &self.holder, LEASE).await {
                    Ok(lease) => {
                        if lease.is_none() && here.lease().is_some() {
                            tracing::warn!(channel = here.id(), "another instance has taken over");
                        }
                        here.hold(lease);
                    }
                    Err(error) => {
                        tracing::error!(error = %chain(&error), "the lease could not be renewed");
                        here.hold(None);
                    }
                }
            }
            let pause = (LEASE / 3).mul_f64(self.env.speed());
            self.pause(pause, None, &stop).await;
        }
    }

    async fn keep_computing(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let bell = self.store.bells.facts.notified();
            match self.recompute().await {
                Ok(Again::Now) => {}
                Ok(Again::At(at)) => {
                    let pause = between(self.env.now(), at);
                    tokio::select! {
                        () = bell => {}
                        () = self.env.sleep(pause) => {}
                        () = stop.cancelled() => {}
                    }
                }
                Err(error) => self.after_error("recompute", &error, &stop).await,
            }
        }
    }

    async fn keep_expiring(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match expire::step(&self).await {
                Ok(()) => self.pause(self.glance(), Some(&self.store.bells.switches), &stop).await,
                Err(error) => self.after_error("expire", &error, &stop).await,
            }
        }
    }

    async fn keep_watching(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match watch::step(&self, &stop).await {
                Ok(_) => self.pause(watch::PACE.mul_f64(self.env.speed()), None, &stop).await,
                Err(error) => self.after_error("import", &error, &stop).await,
            }
        }
    }

    async fn keep_lane(self: Arc<Self>, here: Arc<Channel>, lane: Lane, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let bell = self.store.bells.targets.notified();
            let Some(lease) = here.lease() else {
                self.pause(self.glance(), None, &stop).await;
                continue;
            };
            match self.step(&here, lane, &lease).await {
                Ok(Again::Now) => tokio::task::yield_now().await,
                Ok(Again::At(at)) => {
                    // A switch thrown by another process is noticed within a second.
                    let pause = between(self.env.now(), at).min(self.glance());
                    tokio::select! {
                        () = bell, if matches!(lane, Lane::Push) => {}
                        () = self.env.sleep(pause) => {}
                        () = stop.cancelled() => {}
                    }
                }
                Err(StoreError::Superseded { lease }) => {
                    tracing::warn!(lease, channel = here.id(), "superseded; standing by");
                    here.hold(None);
                }
                Err(error) => self.after_error(lane.word(), &error, &stop).await,
            }
        }
    }

    async fn step(&self, here: &Channel, lane: Lane, lease: &Lease) -> Result<Again> {
        let started = self.env.elapsed();
        let again = match lane {
            Lane::Poll => poll::step(&self.store, here, lease).await,
            Lane::Push => push::step(&self.store, here, lease).await,
            Lane::Observe => observe::step(&self.store, here, lease).await,
        };
        if again.as_ref().is_ok_and(|again| *again == Again::Now) {
            let spent = self.env.elapsed().saturating_sub(started);
            metrics::histogram!("uriba_step_seconds", "step" => lane.word()).record(spent.as_secs_f64());
        }
        again
    }

    async fn after_error(&self, step: &str, error: &StoreError, stop: &CancellationToken) {
        tracing::error!(step, error = %chain(error), "a step failed; it will be tried again");
        self.pause(AFTER_ERROR.mul_f64(self.env.speed()), None, stop).await;
    }

    async fn pause(&self, length: Duration, bell: Option<&Notify>, stop: &CancellationToken) {
        let rung = async {
            match bell {
                Some(bell) => bell.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.env.sleep(length) => {}
            () = rung => {}
            () = stop.cancelled() => {}
        }
    }
}

impl Lane {
    fn word(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Push => "push",
            Self::Observe => "observe",
        }
    }
}

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
