//! How long the demo waits for the hub to settle.

use std::time::Duration;

/// Runs out with the time in which the hub could work. A machine that slept meanwhile, as a closed laptop does,
/// wakes up with a clock that has gone on; that is not held against the hub.
pub struct Patience {
    left: Duration,
    seen: Duration,
    /// No more than this passes between two looks, unless the machine slept.
    apart: Duration,
}

impl Patience {
    pub fn new(now: Duration, length: Duration, apart: Duration) -> Self {
        Self { left: length, seen: now, apart }
    }

    /// Looks at the clock.
    pub fn is_over(&mut self, now: Duration) -> bool {
        self.left = self.left.saturating_sub(now.saturating_sub(self.seen).min(self.apart));
        self.seen = now;
        self.left.is_zero()
    }
}
