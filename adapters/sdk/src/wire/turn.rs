//! A turn to write. What a write says is decided, and recorded, before it leaves; if it then waited, what it says
//! would grow old, and a switch thrown meanwhile would come too late. So the tokens that it will take are spoken for
//! before anything is decided, nothing in a turn waits longer than the turn says, and a write that leaves later than
//! that, because something before it took its time, asks whether it may still.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;

use super::{
    day::Worth,
    gates::{Charge, Gates},
};

/// Whether what was decided may still be said.
#[async_trait]
pub trait Clearance: Send + Sync {
    async fn stands(&self) -> bool;
}

/// In force until it is dropped. A wire has one at a time.
#[must_use]
pub struct Turn {
    state: Slot,
    gates: Arc<Gates>,
}

pub(super) type Slot = Arc<Mutex<Option<Spoken>>>;

/// What a turn means for the requests of its wire.
#[derive(Clone)]
pub(super) struct Spoken {
    /// By operation, what it will take.
    pub booked: Vec<(String, Vec<Charge>)>,
    pub worth: Worth,
    /// By [`crate::env::Env::elapsed`]: nothing waits for a quota beyond it.
    pub until: Duration,
    pub clearance: Option<Arc<dyn Clearance>>,
}

impl Turn {
    /// For one who has booked what is spoken for.
    pub(super) fn begin(state: Slot, gates: Arc<Gates>, spoken: Spoken) -> Self {
        let before = held(&state).replace(spoken);
        if let Some(before) = before {
            free(&gates, &before);
        }
        Self { state, gates }
    }

    /// What is to be said is decided: from here on it may wait until then, by [`crate::env::Env::elapsed`].
    pub fn decided(&self, until: Duration, clearance: Arc<dyn Clearance>) {
        if let Some(spoken) = held(&self.state).as_mut() {
            (spoken.until, spoken.clearance) = (until, Some(clearance));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(spoken) = held(&self.state).take() {
            free(&self.gates, &spoken);
        }
    }
}

/// The request takes what was spoken for it.
pub(super) fn taken(state: &Slot, operation: &str) {
    if let Some(spoken) = held(state).as_mut() {
        spoken.booked.retain(|(booked, _)| booked != operation);
    }
}

fn free(gates: &Gates, spoken: &Spoken) {
    let charges: Vec<_> = spoken.booked.iter().flat_map(|(_, charges)| charges.clone()).collect();
    gates.unbook(&charges);
}

pub(super) fn held(state: &Slot) -> std::sync::MutexGuard<'_, Option<Spoken>> {
    state.lock().expect("no panic happens under this lock")
}
