//! Drives the steps as a service: one task per lane of each channel, one for recomputation, one for what
//! expires, one for leases. Tasks meet only in the database; bells between them save waiting, never work.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Again, Channel, Engine, expire, observe, poll, push, snapshot, watch};
use crate::{
    domain::time::between,
    store::{Result, StoreError, lease::Lease, recompute::SKUS_MAX},
};

/// By the database's clock; renewed three times in its life.
const LEASE: Duration = Duration::from_secs(30);
/// What changes a hundred times a second needs no hundred targets a second, whose transactions would take the
/// database's time from those that change it. The first change after a rest is not held up.
const BREATH: Duration = Duration::from_millis(20);
/// After an error of the database a step waits this long.
const AFTER_ERROR: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
enum Lane {
    Poll,
    Push,
    Observe,
}

impl Engine {
    /// Runs until cancelled; each step that has begun is finished.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<()> {
        let tasks = TaskTracker::new();
        tasks.spawn(self.clone().keep_leases(stop.clone()));
        tasks.spawn(self.clone().keep_computing(stop.clone()));
        tasks.spawn(self.clone().keep_expiring(stop.clone()));
        tasks.spawn(self.clone().keep_closing_days(stop.clone()));
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
            for (group, channels) in self.groups() {
                let names = || channels.iter().map(|here| here.id()).collect::<Vec<_>>().join(", ");
                let held = channels.iter().any(|here| here.held().is_some());
                match self.take_group(&group, &channels, LEASE).await {
                    Ok(false) if held => tracing::warn!(channels = names(), "another instance has taken over"),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::error!(channels = names(), error = %chain(&error), "the lease could not be renewed");
                        channels.iter().for_each(|here| here.hold(None));
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
            match self.recompute_piece().await {
                Ok(0) => tokio::select! {
                    () = bell => {}
                    () = self.env.sleep(self.glance()) => {}
                    () = stop.cancelled() => {}
                },
                Ok(skus) if skus < SKUS_MAX => self.pause(BREATH.mul_f64(self.env.speed()), None, &stop).await,
                Ok(_) => {}
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

    async fn keep_closing_days(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match snapshot::step(&self).await {
                Ok(Again::Now) => tokio::task::yield_now().await,
                Ok(Again::At(at)) => self.pause(between(self.env.now(), at), None, &stop).await,
                Err(error) => self.after_error("snapshot", &error, &stop).await,
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
