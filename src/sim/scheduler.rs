//! Who goes on next. One task is on stage at a time, from one rest to its next; among those that are due at the
//! same instant the seed decides. A task is a loop over one step of one instance of the hub, or somebody outside
//! of it.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use rand::{RngCore, SeedableRng, rngs::StdRng};

use super::clock::{Bell, Clock, Parked};
use crate::store::Bells;

/// To whom a task belongs: an instance of the hub by its number, or nobody that can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    World,
    Instance(usize),
}

type Work = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    owner: Owner,
    name: String,
    work: Work,
    due: Duration,
    tie: u64,
    bell: Option<Bell>,
}

/// One bell of one instance, listened to.
struct Ear {
    owner: Owner,
    bell: Bell,
    bells: Arc<Bells>,
    ringing: Work,
}

/// What happened on stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    pub owner: Owner,
    pub task: String,
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Rests,
    Done,
    Killed,
    Lost,
}

pub struct Scheduler {
    ground: Arc<super::Ground>,
    tasks: Vec<Task>,
    ears: Vec<Ear>,
    dice: StdRng,
    /// Instances that are asleep, and until when.
    asleep: Vec<(Owner, Duration)>,
}

impl Scheduler {
    pub fn new(ground: Arc<super::Ground>, seed: u64) -> Self {
        let dice = StdRng::seed_from_u64(seed);
        Self { ground, tasks: Vec::new(), ears: Vec::new(), dice, asleep: Vec::new() }
    }

    fn clock(&self) -> &Clock {
        &self.ground.clock
    }

    pub fn spawn(&mut self, owner: Owner, name: impl Into<String>, work: impl Future<Output = ()> + 'static) {
        let (due, tie) = (self.clock().elapsed(), self.dice.next_u64());
        self.tasks.push(Task { owner, name: name.into(), work: Box::pin(work), due, tie, bell: None });
    }

    pub fn listen(&mut self, owner: Owner, bells: &Arc<Bells>) {
        for bell in [Bell::Facts, Bell::Targets] {
            let (bells, ringing) = (bells.clone(), ringing(bells.clone(), bell));
            self.ears.push(Ear { owner, bell, bells, ringing });
        }
    }

    /// Everything that it was about to do is dropped where it stands.
    pub fn kill(&mut self, owner: Owner) {
        self.tasks.retain(|task| task.owner != owner);
        self.ears.retain(|ear| ear.owner != owner);
        self.asleep.retain(|(asleep, _)| *asleep != owner);
    }

    /// The machine under this instance stands still for so long; its clock goes on.
    pub fn put_to_sleep(&mut self, owner: Owner, until: Duration) {
        self.asleep.push((owner, until));
    }

    /// When the next scene begins.
    fn next(&self) -> Option<(usize, Duration)> {
        let due = |task: &Task| {
            let wakes = self.asleep.iter().filter(|(owner, _)| *owner == task.owner).map(|(_, until)| *until);
            wakes.fold(task.due, Duration::max)
        };
        let times = self.tasks.iter().enumerate().map(|(index, task)| (due(task), task.tie, index));
        times.min().map(|(due, _, index)| (index, due))
    }

    /// Plays one scene, unless none begins by `limit`.
    pub async fn play(&mut self, limit: Duration) -> Option<Scene> {
        let (index, due) = self.next()?;
        if due > limit {
            self.clock().advance_to(limit);
            return None;
        }
        self.clock().advance_to(due);
        self.asleep.retain(|(_, until)| *until > due);
        let mut task = self.tasks.swap_remove(index);
        let parked = self.on_stage(&mut task.work).await;
        let (owner, name) = (task.owner, task.name.clone());
        let end = match parked {
            None => End::Done,
            Some(Parked::Killed) => End::Killed,
            Some(Parked::Lost) => End::Lost,
            Some(Parked::Until(due, bell)) => {
                (task.due, task.bell, task.tie) = (due, bell, self.dice.next_u64());
                self.tasks.push(task);
                End::Rests
            }
        };
        self.hear();
        Some(Scene { owner, task: name, end })
    }

    /// Until it rests or ends; `None`: it ended.
    async fn on_stage(&self, work: &mut Work) -> Option<Parked> {
        let clock = self.clock();
        clock.take_parked();
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => clock.take_parked().map_or(Poll::Pending, |parked| Poll::Ready(Some(parked))),
        })
        .await
    }

    /// Whoever waits for a bell that has rung is due now.
    fn hear(&mut self) {
        let now = self.clock().elapsed();
        for ear in &mut self.ears {
            if ear.ringing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                continue;
            }
            ear.ringing = ringing(ear.bells.clone(), ear.bell);
            let waiting = |task: &&mut Task| task.owner == ear.owner && task.bell == Some(ear.bell);
            self.tasks.iter_mut().filter(waiting).for_each(|task| task.due = task.due.min(now));
        }
    }
}

/// Listens from this moment on.
fn ringing(bells: Arc<Bells>, bell: Bell) -> Work {
    let mut ringing: Work = Box::pin(async move {
        match bell {
            Bell::Facts => bells.facts.notified().await,
            Bell::Targets => bells.targets.notified().await,
        }
    });
    let silent = ringing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
    debug_assert!(silent, "nobody rings before somebody listens");
    ringing
}
