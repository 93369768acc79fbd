//! What goes wrong, and how often. Each seed draws which kinds of trouble its world knows and how much of each, so
//! that some worlds are calm but for one thing, and some know all of it. When the safety phase ends, all of it does.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    clock::Parked,
    mall::{
        Whim,
        letters::{PUSH, READ},
        nature::Nature,
    },
};
use crate::domain::time::later;

/// A clock that is kept by a time service is not further off.
pub const SKEW_MS: i64 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    Delay,
    LostBefore,
    LostAfter,
    LateApplication,
    ServerError,
    CutOff,
    Throttling,
    Maintenance,
    ExpiredCredentials,
    StaleState,
    JumbledPage,
    SilentAcceptance,
    HandEdit,
    OtherWriter,
    ClockSkew,
    DatabaseError,
    LostStep,
    Kill,
    Pause,
    BusyItem,
}

/// Those that there were from the first: others have dice of their own, so that a seed plays what it always played.
const ALL: [Trouble; 19] = [
    Trouble::Delay,
    Trouble::LostBefore,
    Trouble::LostAfter,
    Trouble::LateApplication,
    Trouble::ServerError,
    Trouble::CutOff,
    Trouble::Throttling,
    Trouble::Maintenance,
    Trouble::ExpiredCredentials,
    Trouble::StaleState,
    Trouble::JumbledPage,
    Trouble::SilentAcceptance,
    Trouble::HandEdit,
    Trouble::OtherWriter,
    Trouble::ClockSkew,
    Trouble::DatabaseError,
    Trouble::LostStep,
    Trouble::Kill,
    Trouble::Pause,
];

impl Trouble {
    /// Of a hundred requests (or transactions) at the usual strength.
    fn per_cent(self) -> f64 {
        match self {
            Self::Delay | Self::StaleState | Self::JumbledPage => 5.0,
            Self::LostBefore | Self::LostAfter | Self::LateApplication | Self::ServerError | Self::CutOff => 2.0,
            Self::BusyItem => 4.0,
            Self::Throttling => 1.0,
            Self::SilentAcceptance => 0.5,
            Self::DatabaseError | Self::LostStep => 0.3,
            Self::Maintenance | Self::ExpiredCredentials | Self::Kill => 0.05,
            // These come by the clock, or are there all the time.
            Self::HandEdit | Self::OtherWriter | Self::ClockSkew | Self::Pause => 0.0,
        }
    }
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    pub out: Duration,
    pub back: Duration,
    pub passage: Passage,
    pub whim: Whim,
    /// The instance ends (or the step does) before it leaves, or once it is answered.
    pub ends_before: Option<Parked>,
    pub ends_after: Option<Parked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    Through,
    LostBefore,
    LostAfter,
    /// It lands so long after it was sent; the sender has given up by then.
    Late(Duration),
    CutOff,
    /// The mall answers without doing anything.
    Says(u16, Option<Duration>),
}

pub struct Faults {
    dice: StdRng,
    later_dice: StdRng,
    per_cent: BTreeMap<Trouble, f64>,
    closed: BTreeMap<String, Timestamp>,
    locked_out: BTreeMap<String, Timestamp>,
}

impl Faults {
    /// A world without any.
    pub fn none(seed: u64) -> Self {
        let (per_cent, closed, locked_out) = <_>::default();
        let [dice, later_dice] = [seed, !seed].map(StdRng::seed_from_u64);
        Self { dice, later_dice, per_cent, closed, locked_out }
    }

    pub fn drawn(seed: u64) -> Self {
        let mut faults = Self::none(seed);
        let density = faults.dice.random_range(0.1..0.9);
        for trouble in ALL {
            if faults.dice.random_bool(density) {
                let strength = [0.3, 1.0, 3.0][faults.dice.random_range(0..3)];
                faults.per_cent.insert(trouble, trouble.per_cent() * strength);
            }
        }
        if faults.later_dice.random_bool(density) {
            faults.per_cent.insert(Trouble::BusyItem, Trouble::BusyItem.per_cent());
        }
        faults
    }

    pub fn only(seed: u64, kept: &[Trouble]) -> Self {
        let mut faults = Self::none(seed);
        faults.per_cent = kept.iter().map(|trouble| (*trouble, trouble.per_cent() * 3.0)).collect();
        faults
    }

    /// Without what changes or shows a figure behind everybody's back, whom nothing can hold against.
    pub fn leave_figures_alone(&mut self) {
        for trouble in [Trouble::HandEdit, Trouble::OtherWriter, Trouble::SilentAcceptance, Trouble::Pause] {
            self.per_cent.remove(&trouble);
        }
    }

    pub fn end(&mut self) {
        self.per_cent.clear();
        self.closed.clear();
        self.locked_out.clear();
    }

    pub fn knows(&self, trouble: Trouble) -> bool {
        self.per_cent.contains_key(&trouble)
    }

    pub fn names(&self) -> Vec<String> {
        let kinds: BTreeSet<&Trouble> = self.per_cent.keys().collect();
        kinds.into_iter().map(|trouble| format!("{trouble:?}")).collect()
    }

    fn strikes(&mut self, trouble: Trouble) -> bool {
        let chance = self.per_cent.get(&trouble).copied().unwrap_or_default() / 100.0;
        let dice = if ALL.contains(&trouble) { &mut self.dice } else { &mut self.later_dice };
        dice.random_bool(chance.clamp(0.0, 1.0))
    }

    fn between_ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.dice.random_range(least..=most))
    }

    /// A transaction that can't begin, or an instance that ends where it stands.
    pub fn of_transaction(&mut self) -> Option<Result<(), Parked>> {
        if self.strikes(Trouble::DatabaseError) {
            return Some(Ok(()));
        }
        self.ending().map(Err)
    }

    fn ending(&mut self) -> Option<Parked> {
        if self.strikes(Trouble::Kill) {
            return Some(Parked::Killed);
        }
        self.strikes(Trouble::LostStep).then_some(Parked::Lost)
    }

    pub fn of_request(&mut self, nature: &Nature, mall: &str, operation: &str, now: Timestamp) -> Fate {
        let slow = self.strikes(Trouble::Delay);
        let most = if slow { 45_000 } else { 400 };
        let (out, back) = (self.between_ms(20, most), self.between_ms(20, most));
        Fate {
            out,
            back,
            passage: self.passage(nature, mall, operation, now),
            whim: self.whim(nature),
            ends_before: self.ending(),
            ends_after: self.ending(),
        }
    }

    fn passage(&mut self, nature: &Nature, mall: &str, operation: &str, now: Timestamp) -> Passage {
        if let Some(until) = self.closed.get(mall).copied().filter(|until| *until > now) {
            return Passage::Says(503, Some(crate::domain::time::between(now, until)));
        }
        if self.locked_out.get(mall).is_some_and(|until| *until > now) {
            return Passage::Says(401, None);
        }
        if self.strikes(Trouble::Maintenance) {
            let length = Duration::from_secs(self.dice.random_range(300..7_200));
            self.closed.insert(mall.to_owned(), later(now, length));
            return Passage::Says(503, Some(length));
        }
        if self.strikes(Trouble::ExpiredCredentials) {
            let length = Duration::from_secs(self.dice.random_range(600..7_200));
            self.locked_out.insert(mall.to_owned(), later(now, length));
            return Passage::Says(401, None);
        }
        if self.strikes(Trouble::Throttling) {
            let wait = self.dice.random_bool(0.7).then(|| Duration::from_secs(self.dice.random_range(1..120)));
            return Passage::Says(429, wait);
        }
        if self.strikes(Trouble::ServerError) {
            return Passage::Says(500, None);
        }
        if operation == PUSH && self.strikes(Trouble::LateApplication) {
            let most = nature.card().times.late_apply;
            return Passage::Late(most.mul_f64(self.dice.random_range(0.1..1.0)));
        }
        let kinds = [
            (Trouble::LostBefore, Passage::LostBefore),
            (Trouble::LostAfter, Passage::LostAfter),
            (Trouble::CutOff, Passage::CutOff),
        ];
        let struck = kinds.into_iter().find(|(trouble, _)| self.strikes(*trouble));
        struck.map_or(Passage::Through, |(_, passage)| passage)
    }

    /// What can't be noticed by reading can't be promised to be put right: a mall that can't be read doesn't lie.
    fn whim(&mut self, nature: &Nature) -> Whim {
        let lag = nature.card().times.effect_lag;
        let readable = nature.card().operation(READ).is_some() && nature.card().reads.is_some();
        let most = lag.map_or(0, |lag| if self.knows(Trouble::Delay) { lag.max } else { lag.typical }.as_secs());
        Whim {
            stale: self.strikes(Trouble::StaleState),
            jumbled: self.strikes(Trouble::JumbledPage),
            lies: readable && self.strikes(Trouble::SilentAcceptance),
            busy: self.strikes(Trouble::BusyItem),
            effect: Duration::from_secs(if most == 0 { 0 } else { self.dice.random_range(most / 4..most) }),
        }
    }

    /// In milliseconds: what an instance's clock is ahead of the malls'.
    pub fn ahead_ms(&mut self) -> i64 {
        if self.knows(Trouble::ClockSkew) { self.dice.random_range(-SKEW_MS..=SKEW_MS) } else { 0 }
    }

    /// So long after a change a search shows it, at most the card's lag.
    pub fn hidden(&mut self, nature: &Nature) -> Duration {
        nature.card().orders.visibility_lag.mul_f64(self.dice.random_range(0.0..0.95))
    }
}
