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
    /// What people ask of the hub beside stock and orders.
    pub chores: Chores,
}

impl Kind {
    /// Everything that is as it always was.
    pub const PLAIN: Self = Self { exposure: Wish::Shared, blind: false, quiet: false, chores: Chores::of(&[]) };

    pub(super) fn drawn(seed: u64) -> Self {
        // Its own dice: another sort of world must not make others of the old ones.
        let mut dice = StdRng::seed_from_u64(!seed);
        let exposure = [Wish::Shared, Wish::Escrow, Wish::Auto][dice.random_range(0..3)];
        let quiet = exposure == Wish::Escrow && dice.random_bool(0.5);
        Self { exposure, blind: dice.random_bool(0.25), quiet, chores: Chores::drawn(seed) }
    }

    pub(super) fn word(self) -> String {
        let marks = [(self.quiet, " quiet"), (self.blind, " blind")];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        let chores = Chore::ALL.into_iter().filter(|chore| self.chores.has(*chore));
        let chores: String = chores.map(|chore| format!(" {}", chore.word())).collect();
        format!("{}{marks}{chores}", self.exposure.word())
    }
}

/// Something that people ask of the hub's desk again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// SKUs are taken off sale everywhere, and put back.
    Stops,
    /// Sale plans are made, changed, taken back and left to end.
    Plans,
    /// Malls are switched off and on at a set time.
    Schedule,
    Audits,
    /// Orders of past spans are read again.
    Backfills,
}

impl Chore {
    pub const ALL: [Self; 5] = [Self::Stops, Self::Plans, Self::Schedule, Self::Audits, Self::Backfills];

    fn word(self) -> &'static str {
        match self {
            Self::Stops => "stops",
            Self::Plans => "plans",
            Self::Schedule => "schedule",
            Self::Audits => "audits",
            Self::Backfills => "backfills",
        }
    }
}

/// Those of a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chores(u8);

impl Chores {
    pub const fn of(chores: &[Chore]) -> Self {
        let (mut set, mut index) = (0, 0);
        while index < chores.len() {
            set |= 1 << chores[index] as u8;
            index += 1;
        }
        Self(set)
    }

    pub fn has(self, chore: Chore) -> bool {
        self.0 & (1 << chore as u8) != 0
    }

    fn drawn(seed: u64) -> Self {
        // Its own dice again: a world without any is the same that it was before there were any.
        let mut dice = StdRng::seed_from_u64((!seed).rotate_left(32));
        if dice.random_bool(0.3) {
            return Self::default();
        }
        let drawn: Vec<Chore> = Chore::ALL.into_iter().filter(|_| dice.random_bool(0.6)).collect();
        Self::of(&drawn)
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
    /// It believes to have taken every SKU off sale, and hasn't.
    DeafStop,
    /// It believes that every SKU follows a plan with a cap of nothing.
    DeafPlan,
    /// Every SKU follows a plan of which the seller believes that it is over.
    EndlessPlan,
    /// The seller believes to have asked for switches at a set time.
    DeafSchedule,
    /// A mall asks whoever wants to read anything to come again later, for ever.
    AlwaysBusy,
}
