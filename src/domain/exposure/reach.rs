//! What the hub can do about a listing's figure, from the state of its channel and its own.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{
    health::{Lane, LaneState},
    suspend,
    time::between,
};

/// What the hub can do about a listing's figure now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Lowered by a change, or by compare and set: what it gives is certain at once.
    Direct,
    /// Only figures: lowered through zero, raised from zero.
    ThroughZero,
    /// Its mall doesn't answer for now or refuses it, and may do better by itself, or its channel is being emptied: what
    /// it shows is not for others, and they wait.
    Away,
    /// It can't be written until somebody does something, or has not been writable for so long that nobody waits for
    /// it any more: frozen, refused again and again, without a known figure, its mall down for a night.
    Outside,
    /// Its channel has not begun: in shadow, or its open orders are still being read. Outside, too; but what it would
    /// get is said all the same.
    Shadow,
}

/// What decides it.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub live: bool,
    /// `None`: it was never thrown.
    pub switch: Option<suspend::State>,
    /// By the switch it is to show nothing: its units are for others as its zero settles.
    pub emptied: bool,
    /// The channel's open orders are read.
    pub covered: bool,
    pub absence: Option<Absence>,
    /// By a change, or by compare and set.
    pub direct: bool,
    /// The mall refused it, and is asked again later.
    pub refused: Option<Absence>,
    /// Its key exists, it is ours, and what it shows is known, or will be once what it was told has landed.
    pub known: bool,
}

impl Reach {
    pub fn of(standing: &Standing) -> Self {
        let on = matches!(standing.switch, None | Some(suspend::State::Active));
        match standing.absence.max(standing.refused) {
            _ if !standing.live || !standing.covered => Self::Shadow,
            _ if !standing.known || !(on || standing.emptied) => Self::Outside,
            Some(Absence::Gone) => Self::Outside,
            Some(Absence::Away) => Self::Away,
            None if !on => Self::Away,
            None if standing.direct => Self::Direct,
            None => Self::ThroughZero,
        }
    }
}

/// A channel whose listings can't be moved for the time being, or one listing that can't. A wait of a few seconds, as a
/// mall asks for when it is asked too fast or is busy with the item, is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Absence {
    Away,
    /// For so long that the others no longer wait.
    Gone,
}

/// A wait that is over before this changes nothing.
const AWAY_AFTER: Duration = Duration::from_secs(60);
/// The others wait so long, longer than most malls' small maintenance …
const GONE_AFTER: Duration = Duration::from_secs(3_600);
/// … and so long for a lane that somebody has to look at.
const TRIPPED_AFTER: Duration = Duration::from_secs(900);
/// Rests double from five minutes on: a listing is refused so often in a row when it has been refused for those 15.
const GONE_AFTER_REFUSALS: i64 = 3;
/// A lane that nobody has tried since its wait ended is not known to be down.
const TRIED_FOR: Duration = Duration::from_secs(60);

impl Absence {
    /// `since`: the stock lane hasn't flowed from then on. `unheard`: what a listing that knows figures only gives is
    /// certain when orders are known, so there silence beyond what is usual is an absence too. All of it takes its
    /// time, so that a lane that comes and goes moves nobody's shares.
    pub fn of(lane: &Lane, since: Option<Timestamp>, unheard: Option<Duration>, now: Timestamp) -> Option<Self> {
        let tried = lane.until.is_none_or(|until| between(until, now) < TRIED_FOR);
        let down = since.filter(|_| lane.state != LaneState::Flowing && tried).map(|since| between(since, now));
        let tripped = down.filter(|_| lane.state == LaneState::Tripped);
        let longest = down.max(unheard)?;
        match () {
            () if longest >= GONE_AFTER || tripped.is_some_and(|down| down >= TRIPPED_AFTER) => Some(Self::Gone),
            () if longest >= AWAY_AFTER => Some(Self::Away),
            () => None,
        }
    }

    /// A listing that was set aside, having been refused so often in a row.
    pub fn of_refusals(refusals: i64) -> Option<Self> {
        match refusals {
            ..=0 => None,
            1..GONE_AFTER_REFUSALS => Some(Self::Away),
            _ => Some(Self::Gone),
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Gone => "gone",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Away, Self::Gone].into_iter().find(|absence| absence.word() == word)
    }
}
