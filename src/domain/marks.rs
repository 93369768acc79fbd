//! What follows from a publication whatever the channel's state: by these columns the steps find it.

use jiff::Timestamp;

use super::publication::{Next, Publication, Situation, Urgency, Ways};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// There is something to write, once the channel and the time allow it.
    pub wants: Option<Urgency>,
    pub at_risk: i64,
    /// Nothing of it can be done before then.
    pub ready_at: Option<Timestamp>,
    /// The mall may show something above zero.
    pub lit: bool,
    pub reads: bool,
}

impl Publication {
    pub fn marks(&self, not_ours: bool) -> Marks {
        let ideal = Situation {
            now: Timestamp::MAX,
            watermark: Some(Timestamp::MAX),
            live: true,
            switch: None,
            baseline_done: true,
            stop_raise: false,
            outdated: false,
            not_ours,
            room: None,
        };
        let ways = Ways { relative: true, compare_and_set: false };
        let (wants, at_risk, reads) = match self.next(ways, &ideal) {
            Next::Write { urgency, units, .. } => (Some(urgency), units, false),
            Next::Read => (None, 0, true),
            Next::Rest(_) => (None, 0, false),
        };
        let horizon = self.writes.iter().map(|outstanding| outstanding.horizon).max();
        let waits = horizon.filter(|_| wants.is_some() && self.target != Some(0));
        let dark = self.writes.is_empty() && self.shown().is_some_and(|shown| shown.high <= 0);
        Marks { wants, at_risk, ready_at: waits.max(self.set_aside_until), lit: !dark && !not_ours, reads }
    }
}
