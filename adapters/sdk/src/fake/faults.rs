//! What a fake can be told to do wrong.

use std::{collections::HashMap, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};

/// One misbehaviour. The first group is acted out by [`super::FakeServer`] for every mall alike, the second by
/// the mall's own fake, which alone knows its rows and writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Answers after this long (of the fake's clock).
    Delay(Duration),
    /// Takes the request, does nothing, and does not answer in time.
    Hang,
    /// Does what was asked and does not answer in time.
    HangAfter,
    CloseBefore,
    CloseAfter,
    /// Answers with this status and does nothing.
    Status(u16),
    /// Does what was asked and answers with this status.
    StatusAfter(u16),
    Throttle {
        retry_after: Option<u64>,
    },
    /// The mall's own way of saying that it is closed.
    Maintenance,
    /// A maintenance page for people, in HTML.
    MaintenancePage,
    /// The credentials are refused once, although they are right.
    Expired,
    /// The first half of the right answer.
    Truncate,
    /// The right answer, but its first character beyond ASCII is torn.
    BrokenCharacter,
    /// Answers 200 with this body.
    Garbage(Vec<u8>),

    /// Each row of a page twice.
    DuplicateRows,
    /// The rows of a page in another order.
    ShuffleRows,
    /// Orders as they were before their last change.
    StaleRows,
    /// Claims success and changes nothing.
    Silent,
    /// Refuses the first entry of a batch.
    Partial,
    /// Orders carry a status that nobody knows.
    UnknownStatus,
}

impl Fault {
    /// Acted out by the mall's own fake rather than by the server around it.
    pub fn is_about_content(&self) -> bool {
        matches!(
            self,
            Self::DuplicateRows
                | Self::ShuffleRows
                | Self::StaleRows
                | Self::Silent
                | Self::Partial
                | Self::UnknownStatus
        )
    }

    pub(super) fn closes(&self) -> bool {
        matches!(self, Self::CloseBefore | Self::CloseAfter)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Times {
    Next(u32),
    /// Each request with this probability, until cleared.
    Probability(f64),
}

/// Faults waiting to happen, per operation.
pub struct Faults {
    waiting: HashMap<String, Vec<(Fault, Times)>>,
    rng: StdRng,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self { waiting: HashMap::new(), rng: StdRng::seed_from_u64(seed) }
    }

    pub(super) fn add(&mut self, operation: &str, fault: Fault, times: Times) {
        if times != Times::Next(0) {
            self.waiting.entry(operation.to_owned()).or_default().push((fault, times));
        }
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The fault of the next request of this operation, if any.
    pub(super) fn next(&mut self, operation: &str) -> Option<Fault> {
        let waiting = self.waiting.get_mut(operation)?;
        for index in 0..waiting.len() {
            match &mut waiting[index].1 {
                Times::Next(left) => {
                    *left -= 1;
                    let last = *left == 0;
                    let fault = waiting[index].0.clone();
                    if last {
                        waiting.remove(index);
                    }
                    return Some(fault);
                }
                Times::Probability(p) => {
                    if self.rng.random_bool(p.clamp(0.0, 1.0)) {
                        return Some(waiting[index].0.clone());
                    }
                }
            }
        }
        None
    }
}
