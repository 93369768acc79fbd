//! Virtual time. It stands still while anything runs and moves only from one rest to the next.
//!
//! Whoever waits for the mall, for the time or for a bell rests here: that is where the scheduler may let another
//! go on. Waiting for the database is no rest: its threads are the machine's, and whoever asks it something keeps
//! the stage until the answer is there. So nothing depends on how fast the machine is.

use std::{
    pin::Pin,
    sync::{Mutex, MutexGuard},
    task::{Context, Poll},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// What may wake a rest before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bell {
    Facts,
    Targets,
}

/// How whoever was on stage has left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    Until(Duration, Option<Bell>),
    /// The process ends here.
    Killed,
    /// This step fails here, as if the database had gone away.
    Lost,
}

pub struct Clock {
    origin: Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    passed: Duration,
    parked: Option<Parked>,
}

impl Clock {
    /// Begins on 2026-11-20 at 10:00 in Japan.
    pub fn new() -> Self {
        let origin = "2026-11-20T01:00:00Z".parse().expect("a constant instant");
        Self { origin, state: Mutex::default() }
    }

    pub fn elapsed(&self) -> Duration {
        self.lock().passed
    }

    pub fn now(&self) -> Timestamp {
        self.at(self.elapsed())
    }

    pub fn at(&self, passed: Duration) -> Timestamp {
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        self.origin.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Never goes back.
    pub fn advance_to(&self, passed: Duration) {
        let mut state = self.lock();
        state.passed = state.passed.max(passed);
    }

    pub fn park(&self, parked: Parked) {
        self.lock().parked = Some(parked);
    }

    pub fn take_parked(&self) -> Option<Parked> {
        self.lock().parked.take()
    }

    pub fn rest(&self, length: Duration) -> Rest<'_> {
        self.rest_or(length, None)
    }

    pub fn rest_or(&self, length: Duration, bell: Option<Bell>) -> Rest<'_> {
        Rest { clock: self, parked: Some(Parked::Until(self.elapsed() + length, bell)) }
    }

    /// Whoever waits for this is never called again.
    pub fn end(&self, parked: Parked) -> Rest<'_> {
        Rest { clock: self, parked: Some(parked) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }
}

/// Over when the scheduler comes back to whoever rests.
pub struct Rest<'a> {
    clock: &'a Clock,
    parked: Option<Parked>,
}

impl Future for Rest<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.parked.take() {
            Some(parked) => {
                self.clock.park(parked);
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}
