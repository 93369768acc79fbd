//! One instance of uriba: its own engine and connections on the world's database, and a task for each step that the
//! service's driver would keep going. The steps are the real ones; only how often an idle one looks again is the
//! world's, because a look costs the simulator more than it costs a machine that has nothing else to do.

use std::{sync::Arc, time::Duration};

use super::{
    Ground,
    clock::Bell,
    env::{Around, SimEnv},
    scheduler::{Owner, Scheduler},
};
use crate::{
    domain::time::between,
    engine::{Again, Channel, ChannelPlan, Engine, EngineError, driver::chain, expire, observe, poll, push, snapshot},
    store::{Result, Store, StoreError},
};

/// By the world's clock.
const LEASE: Duration = Duration::from_secs(180);
const GLANCE: Duration = Duration::from_secs(60);
const AFTER_ERROR: Duration = Duration::from_secs(2);
/// A step that has nothing to do asks to be called again after so long; it is called a little later here.
const IDLE: std::ops::RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(5);
const STRETCHED: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    Leases,
    Computing,
    Expiring,
    ClosingDays,
}

const DUTIES: [(Duty, &str); 4] = [
    (Duty::Leases, "leases"),
    (Duty::Computing, "recompute"),
    (Duty::Expiring, "expire"),
    (Duty::ClosingDays, "snapshot"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Poll,
    Push,
    Observe,
}

const LANES: [(Lane, &str); 3] = [(Lane::Poll, "poll"), (Lane::Push, "push"), (Lane::Observe, "observe")];

pub struct Instance {
    pub number: usize,
    ground: Arc<Ground>,
    engine: Arc<Engine>,
}

impl Instance {
    pub async fn open(
        ground: &Arc<Ground>,
        number: usize,
        seed: u64,
        url: &str,
        plans: Vec<ChannelPlan>,
    ) -> std::result::Result<Self, EngineError> {
        let env = Arc::new(SimEnv::new(ground.clone(), format!("instance {number}"), seed));
        let around = Arc::new(Around { ground: ground.clone(), mortal: true });
        let store = Store::open_to_try(url, env, around).await?;
        let engine = Arc::new(Engine::open(store, plans).await?);
        Ok(Self { number, ground: ground.clone(), engine })
    }

    pub fn owner(&self) -> Owner {
        Owner::Instance(self.number)
    }

    pub fn start(&self, scheduler: &mut Scheduler) {
        scheduler.listen(self.owner(), &self.engine.store.bells);
        for (_, word) in DUTIES {
            self.begin(word, scheduler);
        }
        for here in &self.engine.channels {
            for (_, word) in LANES {
                self.begin(&format!("{word} {}", here.id()), scheduler);
            }
        }
    }

    /// Begins a task by its name, also one that was lost.
    pub fn begin(&self, task: &str, scheduler: &mut Scheduler) {
        let (ground, engine) = (self.ground.clone(), self.engine.clone());
        if let Some((duty, _)) = DUTIES.iter().find(|(_, word)| *word == task) {
            scheduler.spawn(self.owner(), task, keep_duty(ground, engine, *duty));
        } else if let Some((word, id)) = task.split_once(' ')
            && let Some((lane, _)) = LANES.iter().find(|(_, name)| *name == word)
            && let Some(here) = engine.channel(id).cloned()
        {
            scheduler.spawn(self.owner(), task, keep_lane(ground, engine, here, *lane));
        }
    }
}

async fn keep_duty(ground: Arc<Ground>, engine: Arc<Engine>, duty: Duty) {
    loop {
        let done = match duty {
            Duty::Leases => engine.take_free_leases(LEASE).await.map(|()| LEASE / 3),
            Duty::Computing => engine.recompute().await.map(|again| pause(&engine, again, GLANCE)),
            Duty::Expiring => expire::step(&engine).await.map(|()| GLANCE),
            Duty::ClosingDays => snapshot::step(&engine).await.map(|again| pause(&engine, again, GLANCE * 60)),
        };
        let rest = done.unwrap_or_else(|error| {
            ground.note(|| format!("{duty:?}: {}", chain(&error)));
            AFTER_ERROR
        });
        let bell = (duty == Duty::Computing).then_some(Bell::Facts);
        ground.clock.rest_or(rest, bell).await;
    }
}

/// A round that found work is followed by the next at once; an idle one by `idle`.
fn pause(engine: &Engine, again: Again, idle: Duration) -> Duration {
    match again {
        Again::Now => Duration::from_millis(20),
        Again::At(at) => between(engine.env.now(), at).max(idle),
    }
}

async fn keep_lane(ground: Arc<Ground>, engine: Arc<Engine>, here: Arc<Channel>, lane: Lane) {
    loop {
        let Some(lease) = here.lease() else {
            ground.clock.rest(GLANCE / 4).await;
            continue;
        };
        let rest = match step(&engine.store, &here, lane, &lease).await {
            Ok(Again::Now) => Duration::from_millis(1),
            Ok(Again::At(at)) => stretched(between(engine.env.now(), at)),
            Err(StoreError::Superseded { lease }) => {
                ground.note(|| format!("superseded in {lease}"));
                here.hold(None);
                AFTER_ERROR
            }
            Err(error) => {
                ground.note(|| format!("{lane:?} {}: {}", here.id(), chain(&error)));
                AFTER_ERROR
            }
        };
        let bell = (lane == Lane::Push).then_some(Bell::Targets);
        ground.clock.rest_or(rest, bell).await;
    }
}

fn stretched(pause: Duration) -> Duration {
    let pause = if IDLE.contains(&pause) { pause * STRETCHED } else { pause };
    pause.clamp(Duration::from_millis(1), GLANCE * 2)
}

async fn step(store: &Store, here: &Channel, lane: Lane, lease: &crate::store::lease::Lease) -> Result<Again> {
    match lane {
        Lane::Poll => poll::step(store, here, lease).await,
        Lane::Push => push::step(store, here, lease).await,
        Lane::Observe => observe::step(store, here, lease).await,
    }
}
