//! What is asked of a world. What isn't, its seed draws.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::Trouble;
use crate::domain::exposure::mode::Wish;

/// How long it is played, and what is already known of it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The safety phase.
    pub days: f64,
    /// Keeps every event.
    pub events: bool,
    /// Keeps every statement that the hub has its database run.
    pub statements: bool,
    /// `None`: as the seed draws them.
    pub troubles: Option<Vec<Trouble>>,
    /// The number of malls; `None`: as the seed draws.
    pub malls: Option<usize>,
    /// How stock is shown, who can be read, and who touches it; `None`: as the seed draws.
    pub kind: Option<Kind>,
    /// A world is at rest within so long after the last trouble, or something is wrong with it.
    pub rest_within: Duration,
    /// The world itself is broken, to see that somebody notices.
    pub lie: Option<Lie>,
}

impl Default for Options {
    fn default() -> Self {
        let rest_within = Duration::from_secs(12 * 3_600);
        Self {
            days: 1.0,
            events: false,
            statements: false,
            troubles: None,
            malls: None,
            kind: None,
            rest_within,
            lie: None,
        }
    }
}

/// What sort of world it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub exposure: Wish,
    /// One of the malls shows its stock to nobody.
    pub blind: bool,
    /// Only customers and the hub move figures: nobody edits one, takes goods away or changes an order, no mall lies.
    /// In escrow nothing at all may be sold twice then.
    pub quiet: bool,
}

impl Kind {
    /// Everything that is as it always was.
    pub const PLAIN: Self = Self { exposure: Wish::Shared, blind: false, quiet: false };

    pub(super) fn drawn(seed: u64) -> Self {
        // Its own dice: another sort of world must not make others of the old ones.
        let mut dice = StdRng::seed_from_u64(!seed);
        let exposure = [Wish::Shared, Wish::Escrow, Wish::Auto][dice.random_range(0..3)];
        let quiet = exposure == Wish::Escrow && dice.random_bool(0.5);
        Self { exposure, blind: dice.random_bool(0.25), quiet }
    }

    pub(super) fn word(self) -> String {
        let marks = [(self.quiet, " quiet"), (self.blind, " blind")];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        format!("{}{marks}", self.exposure.word())
    }
}

/// Ways in which a world is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A mall never shows one of its orders to anybody.
    ForgottenOrder,
    /// A mall shows one more than it sells.
    FalseReading,
    /// A mall's own counter is no lock: it sells on below zero.
    SellsPastZero,
    /// A mall allows half of what its card says.
    HalfTheQuota,
    /// Goods come in, and nobody tells the hub.
    LostMovement,
    /// The seller believes to have switched every mall off, and hasn't.
    DeafSwitch,
}
