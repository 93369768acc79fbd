//! What a listing ought to show (`target`), what we are saying (`writes`), and what we know the mall to show
//! (`anchor` and what happened since).
//!
//! The anchor is a figure with the window of time in which it was true. Sales *placed* after the window lower
//! it, sales placed before never do, whenever they are heard of; sales placed inside it leave a doubt, which
//! the next reading removes. The malls sell by themselves, so every figure here is a belief, and
//! [`Publication::next`] writes only what is right whichever way the doubt falls.

use jiff::Timestamp;
use uriba_sdk::Write;

use super::{
    drift::{Correction, Pushed},
    suspend::Mode,
};

/// Everything known about one listing's figure, in listing units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publication {
    pub target: Option<i64>,
    pub anchor: Option<Look>,
    /// Confirmed relative writes since the anchor.
    pub applied: i64,
    /// Units sold by this channel that were placed after the anchor.
    pub sold_since: i64,
    /// The mall may show so many less (sales in the anchor's window, orders edited upward) …
    pub slack_down: i64,
    /// … or so many more (cancelled units that it may have put back).
    pub slack_up: i64,
    /// The mall showed more than expected, and no cancel has explained it yet.
    pub surplus: Option<(i64, Timestamp)>,
    /// Units that may be gone already, to orders that nobody has read yet.
    pub unbooked: Option<Unbooked>,
    /// Writes whose outcome is open, oldest first.
    pub writes: Vec<Outstanding>,
    /// What the slack has grown by since the oldest of them left: it may have come after they took effect.
    pub since_told: Slack,
    /// A reading that decides once the orders up to it are known.
    pub waiting: Option<Look>,
    pub read_due: Option<Timestamp>,
    /// Set by a baseline reading: the item exists and is ours to write.
    pub checked: bool,
    /// The next write must be absolute (the mall sells without a limit).
    pub absolute_next: bool,
    /// Nobody can read this mall: what was written is taken to stand once it must have landed.
    pub by_time: bool,
    /// The last write that was settled.
    pub pushed: Option<Pushed>,
    pub correction: Option<Correction>,
    /// The mall, or somebody else, keeps this figure whatever we write; a person must look.
    pub kept: Option<i64>,
    pub set_aside_until: Option<Timestamp>,
}

/// The mall may show so many less, and so many more, than is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slack {
    pub down: i64,
    pub up: i64,
}

/// A figure, and the window of time in which the mall showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub value: i64,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// A write took the place of a figure, or of a part of it, that may have been sold unseen before. What was sold
/// so is known once the orders are known up to then; until that it counts in the ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbooked {
    pub units: i64,
    pub until: Timestamp,
    /// Taken away by a relative write: a figure above zero after it proves that they were there.
    pub taken: bool,
}

/// A write that was claimed and isn't settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outstanding {
    pub id: i64,
    pub write: Write,
    pub sent_at: Timestamp,
    /// After this instant it has landed or never will.
    pub horizon: Timestamp,
    pub state: WriteState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteState {
    /// No answer was recorded: on its way, lost, or the process died. All the same until the horizon.
    Unknown,
    /// Accepted; takes effect later.
    Accepted,
}

/// The figure that the mall shows, as far as it can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub low: i64,
    pub mid: i64,
    pub high: i64,
}

/// How this mall lets stock be written, beside absolute figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ways {
    pub relative: bool,
    pub compare_and_set: bool,
}

/// What holds around the listing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Situation {
    pub now: Timestamp,
    /// All of the channel's orders up to here are known.
    pub watermark: Option<Timestamp>,
    pub live: bool,
    pub switch: Option<Mode>,
    /// The channel's open orders are covered.
    pub baseline_done: bool,
    /// Something forbids raising this listing.
    pub stop_raise: bool,
    /// Facts came in since the target was computed.
    pub outdated: bool,
    pub not_ours: bool,
    /// In escrow: by so many listing units the ceiling may grow ([`super::exposure::room`]).
    pub room: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Urgency {
    Raise,
    Decrease,
    Zero,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Rest(Standing),
    /// Read what the mall shows before anything else.
    Read,
    Write {
        write: Write,
        urgency: Urgency,
        units: i64,
    },
}

/// The listing's state as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    InSync,
    Pending,
    Unknown,
    Held,
    SetAside,
    Suspended,
    Frozen,
    /// Its SKU is off sale everywhere.
    Stopped,
    Unstocked,
    Shadow,
}

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::SetAside => "set_aside",
            Self::Suspended => "suspended",
            Self::Frozen => "frozen",
            Self::Stopped => "stopped",
            Self::Unstocked => "unstocked",
            Self::Shadow => "shadow",
        }
    }
}

impl Publication {
    pub fn shown(&self) -> Option<Shown> {
        let mid = self.anchor?.value + self.applied - self.sold_since;
        Some(Shown { low: mid - self.slack_down, mid, high: mid + self.slack_up })
    }

    /// The largest number of units that the mall may still sell, or may have sold, unseen. Of a mall of which nobody
    /// knows what it shows: as many as we have told it to; `None`: nothing.
    pub fn ceiling(&self) -> Option<i64> {
        let unbooked = self.unbooked.map_or(0, |unbooked| unbooked.units);
        let writes = self.writes.iter().map(|outstanding| growth(outstanding.write));
        let told = unbooked + writes.sum::<i64>();
        let Some(shown) = self.shown() else {
            return Some(told + self.since_told.up).filter(|units| *units > 0);
        };
        Some(shown.high.max(0) + told)
    }

    /// Nothing is on its way, and no doubt is left about what was sold: lowering is done, raising may begin.
    pub fn is_settled(&self) -> bool {
        let certain = self.shown().is_some_and(|shown| shown.low == shown.high);
        certain && self.writes.is_empty() && self.unbooked.is_none()
    }

    /// The orders are known up to here.
    pub fn orders_known(&mut self, watermark: Timestamp) {
        self.unbooked = self.unbooked.filter(|unbooked| unbooked.until > watermark);
    }

    /// So many units were overwritten, or taken away, before `until`.
    pub fn may_have_sold(&mut self, units: i64, until: Timestamp, taken: bool) {
        if units <= 0 {
            return;
        }
        let (before, taken_before) = self.unbooked.map_or((0, true), |unbooked| (unbooked.units, unbooked.taken));
        self.unbooked = Some(Unbooked { units: before + units, until, taken: taken && taken_before });
    }

    /// What to do next about this listing.
    pub fn next(&self, ways: Ways, situation: &Situation) -> Next {
        let zeroed = situation.switch == Some(Mode::Zero);
        if !situation.live {
            return Next::Rest(Standing::Shadow);
        }
        if situation.switch == Some(Mode::Freeze) {
            return Next::Rest(Standing::Frozen);
        }
        if situation.not_ours {
            return Next::Rest(Standing::Held);
        }
        let Some(wanted) = (if zeroed { Some(0) } else { self.target }) else {
            return Next::Rest(Standing::Unstocked);
        };
        if self.set_aside_until.is_some_and(|until| until > situation.now) {
            return Next::Rest(Standing::SetAside);
        }
        if !self.checked {
            return Next::Read;
        }
        if wanted == 0 {
            return self.zero(situation.now, zeroed);
        }
        if self.is_kept_from(wanted) {
            return Next::Rest(Standing::Held);
        }
        if !situation.baseline_done {
            return Next::Rest(Standing::Unknown);
        }
        if !self.writes.is_empty() {
            return self.again(wanted, situation);
        }
        match self.shown() {
            Some(shown) => self.move_to(wanted, shown, ways, situation),
            None if self.absolute_next || self.by_time => self.raise(Write::Absolute(wanted), wanted, situation),
            None => Next::Read,
        }
    }

    /// To zero is always absolute, and goes over unsettled writes: it can never raise anything.
    fn zero(&self, now: Timestamp, zeroed: bool) -> Next {
        let rest = if zeroed { Standing::Suspended } else { Standing::InSync };
        let write = self.to_zero();
        match self.writes.last() {
            Some(last) if last.write == Write::Absolute(0) => {
                let lost = last.state == WriteState::Unknown && last.horizon <= now;
                if lost { write } else { Next::Rest(Standing::Pending) }
            }
            Some(_) => write,
            None if self.shown().is_some_and(|shown| shown.high <= 0) => Next::Rest(rest),
            None => write,
        }
    }

    fn to_zero(&self) -> Next {
        let units = self.shown().and(self.ceiling()).unwrap_or(i64::from(u32::MAX));
        Next::Write { write: Write::Absolute(0), urgency: Urgency::Zero, units }
    }

    /// With writes outstanding only an absolute write of unknown outcome may be repeated, after its horizon:
    /// whichever of the two lands last, it is ours.
    fn again(&self, wanted: i64, situation: &Situation) -> Next {
        let lost = self.writes.iter().all(|outstanding| {
            outstanding.state == WriteState::Unknown
                && matches!(outstanding.write, Write::Absolute(_))
                && outstanding.horizon <= situation.now
        });
        if !lost {
            return Next::Rest(Standing::Pending);
        }
        let falls = self.shown().is_some_and(|shown| wanted <= shown.low);
        if falls && situation.room.is_none_or(|room| wanted <= room) {
            let units = self.ceiling().unwrap_or(0) - wanted;
            return Next::Write { write: Write::Absolute(wanted), urgency: Urgency::Decrease, units };
        }
        self.write_again(wanted, wanted, situation)
    }

    /// The same figure once more, whatever the mall shows; through zero where nobody could tell what came of it.
    fn write_again(&self, wanted: i64, units: i64, situation: &Situation) -> Next {
        if situation.room.is_some_and(|room| wanted > room) {
            return self.to_zero();
        }
        self.raise(Write::Absolute(wanted), units, situation)
    }

    fn move_to(&self, wanted: i64, shown: Shown, ways: Ways, situation: &Situation) -> Next {
        let write = |delta: i64| {
            if self.absolute_next {
                Write::Absolute(wanted)
            } else if ways.relative {
                Write::Relative(delta)
            } else if ways.compare_and_set {
                Write::CompareAndSet { from: shown.mid, to: wanted }
            } else {
                Write::Absolute(wanted)
            }
        };
        if wanted < shown.low {
            // From the bottom of the doubt: never takes away more than is certainly there.
            let units = shown.low - wanted;
            let write = write(-units);
            // 5 → 3 by a figure: five may have been sold unseen, and three more are on show. Through zero then.
            if situation.room.is_some_and(|room| growth(write) > room.max(0)) {
                return self.to_zero();
            }
            return Next::Write { write, urgency: Urgency::Decrease, units };
        }
        // Below zero by what came after the reading: some malls stop at zero when more is taken away than there is, and
        // a raise from what is believed would bring those units back. A mall that was read below zero is there.
        let unread = shown.mid < 0 && self.anchor.is_some_and(|anchor| anchor.value > shown.mid);
        let doubtful = shown.low < shown.high || unread;
        if doubtful && self.by_time {
            return self.write_again(wanted, wanted - shown.low, situation);
        }
        if doubtful {
            return Next::Read;
        }
        if wanted == shown.mid {
            return Next::Rest(Standing::InSync);
        }
        let units = wanted - shown.mid;
        self.raise(write(units), units, situation)
    }

    fn raise(&self, write: Write, units: i64, situation: &Situation) -> Next {
        if situation.stop_raise {
            return Next::Rest(Standing::Held);
        }
        // What was just sold has left `shown`, and not yet the target: the difference would be sold twice.
        if situation.outdated {
            return Next::Rest(Standing::Pending);
        }
        // An absolute raise overwrites sales that nobody has told us of, unless the orders are known up to the
        // instant at which the mall showed what we believe it shows.
        let absolute = matches!(write, Write::Absolute(_));
        let since = self.writes.iter().map(|outstanding| outstanding.sent_at).max();
        let since = since.max(self.anchor.map(|anchor| anchor.to));
        let known = match (since, situation.watermark) {
            (Some(since), Some(watermark)) => watermark > since,
            (None, watermark) => watermark.is_some(),
            (Some(_), None) => false,
        };
        if absolute && !known {
            return Next::Rest(Standing::Pending);
        }
        let Some((write, units)) = within(write, units, situation.room) else {
            return Next::Rest(Standing::Pending);
        };
        Next::Write { write, urgency: Urgency::Raise, units }
    }

    /// The write is about to leave. Whatever becomes of it, of its answer or of this process, the mall is read
    /// once it must have landed: some malls accept anything, and some answers are lost.
    pub fn claim(&mut self, outstanding: Outstanding) {
        self.wants_read(outstanding.horizon);
        if let Some(unbooked) = self.unbooked.as_mut().filter(|_| growth(outstanding.write) > 0) {
            // What is shown from now on may be the units that this one brings.
            unbooked.taken = false;
        }
        self.writes.push(outstanding);
    }

    /// The write never had an effect.
    pub fn forget(&mut self, write_id: i64) {
        self.writes.retain(|outstanding| outstanding.id != write_id);
        if self.writes.is_empty() {
            self.since_told = Slack::default();
        }
    }

    /// No write is open any more. Returns what the slack has grown by since the oldest left: a figure that is believed
    /// from now on may be older than that.
    pub fn close(&mut self) -> Slack {
        self.writes.clear();
        std::mem::take(&mut self.since_told)
    }

    /// Whoever claimed these writes may have sent them later than it meant to.
    pub fn may_land_until(&mut self, horizon: Timestamp) {
        for outstanding in self.writes.iter_mut().filter(|outstanding| outstanding.state == WriteState::Unknown) {
            outstanding.horizon = outstanding.horizon.max(horizon);
        }
        self.wants_read(horizon);
    }

    /// The channel sold units of this listing; returns those that may or may not be in the anchor already.
    pub fn sold(&mut self, units: i64, placed_at: Timestamp) {
        let Some(anchor) = self.anchor else { return };
        if placed_at > anchor.to {
            self.sold_since += units;
        } else if placed_at > anchor.from {
            self.slack_down += units;
            self.wants_read(anchor.to);
        }
    }

    /// An order was edited upward at an unknown instant.
    pub fn rose(&mut self, units: i64, now: Timestamp) {
        if !self.writes.is_empty() {
            self.since_told.down += units;
        }
        if self.anchor.is_some() {
            self.slack_down += units;
            self.wants_read(now);
        }
    }

    /// Units were cancelled, and the mall may have put them back.
    pub fn gave_back(&mut self, units: i64, now: Timestamp) {
        if !self.writes.is_empty() {
            self.since_told.up += units;
        }
        let mut left = units;
        if let Some((surplus, at)) = self.surplus {
            let explained = surplus.min(left);
            left -= explained;
            self.surplus = (surplus > explained).then_some((surplus - explained, at));
        }
        if self.anchor.is_some() && left > 0 {
            self.slack_up += left;
            self.wants_read(now);
        }
    }

    pub fn wants_read(&mut self, at: Timestamp) {
        self.read_due = Some(self.read_due.map_or(at, |due| due.min(at)));
    }
}

/// By how much a write lets the ceiling grow as long as nobody knows whether it landed, and what was sold before.
pub fn growth(write: Write) -> i64 {
    match write {
        Write::Absolute(figure) => figure.max(0),
        // It lands only where nothing was sold unseen.
        Write::CompareAndSet { from, to } => (to - from).max(0),
        Write::Relative(delta) => delta.max(0),
    }
}

/// As much of a raise as the room allows; none where a figure would have to be written that takes more.
fn within(write: Write, units: i64, room: Option<i64>) -> Option<(Write, i64)> {
    let Some(room) = room.filter(|room| growth(write) > *room) else { return Some((write, units)) };
    let less = match write {
        Write::Absolute(figure) if units < figure => return None,
        Write::Absolute(_) => Write::Absolute(room),
        Write::CompareAndSet { from, .. } => Write::CompareAndSet { from, to: from + room },
        Write::Relative(_) => Write::Relative(room),
    };
    (room > 0).then_some((less, room))
}
