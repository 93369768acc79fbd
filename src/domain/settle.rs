//! What answers and readings prove about a listing.
//!
//! Nothing is assumed: an accepted write that takes effect later, or one whose answer was lost, stays
//! outstanding until a reading past its horizon, with the orders known up to that reading, tells what the
//! mall shows; earlier only when the reading fits the new figure and no other.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uriba_sdk::{Outcome, Refusal, RefusedWhy, Write, wire::ClockOff};

use super::{
    drift::Pushed,
    publication::{Look, Outstanding, Publication, Slack, WriteState, growth},
    time::{earlier, later},
};

/// After a refusal the listing rests this long; doubled each time up to the maximum.
const REST: Duration = Duration::from_secs(300);
const REST_MAX: Duration = Duration::from_secs(6 * 3_600);

/// A sale of this listing by its channel, as intake recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sale {
    pub placed_at: Timestamp,
    pub units: i64,
}

/// The card's times that settling needs, after overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Grain of the mall's order times.
    pub precision: Duration,
    pub late_apply: Duration,
    /// Accepted now, effective at most so much later; `None`: at once.
    pub effect_max: Option<Duration>,
    pub effect_typical: Duration,
    pub readable: bool,
}

/// When the exchange took place, by our clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub sent_at: Timestamp,
    pub answered_at: Timestamp,
    /// How far the mall's clock is off, where that is certain.
    pub clock: Option<ClockOff>,
}

impl Exchange {
    /// With a mall whose clock agrees with ours, as far as anybody knows.
    pub fn new(sent_at: Timestamp, answered_at: Timestamp) -> Self {
        Self { sent_at, answered_at, clock: None }
    }

    /// What the mall showed meanwhile, by the mall's own clock: its orders carry times of that one. A clock ahead of
    /// ours moves the end only, since the beginning is held against horizons too, which are ours.
    pub fn look(self, value: i64, precision: Duration) -> Look {
        let off = self.clock.filter(|off| off.certain() != SignedDuration::ZERO);
        let (least, most) = off.map_or_else(Default::default, |off| (off.least.min(SignedDuration::ZERO), off.most));
        Look { value, from: moved(earlier(self.sent_at, precision), least), to: moved(self.answered_at, most) }
    }
}

fn moved(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.saturating_add(by).unwrap_or(instant)
}

/// What came out of it, for the history, for holds and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The figure is certain again.
    Settled {
        shown: i64,
    },
    /// The mall shows less than known: so many listing units were sold to orders not seen yet.
    Missing {
        units: i64,
        since: Timestamp,
        at: Timestamp,
    },
    /// The mall shows more than known.
    Surplus {
        units: i64,
    },
    /// Neither the old nor the new figure explains the reading.
    Drift {
        expected: i64,
        read: i64,
    },
    Refused(Refusal),
    /// Nothing can be said yet.
    Open,
}

/// Settles one write by its outcome. `refusals`: how often this listing was refused in a row before.
pub fn outcome(
    publication: &mut Publication,
    write_id: i64,
    outcome: &Outcome,
    exchange: Exchange,
    times: &Times,
    sales: &[Sale],
    refusals: u32,
) -> Vec<Note> {
    let Some(index) = publication.writes.iter().position(|outstanding| outstanding.id == write_id) else {
        return Vec::new();
    };
    let look = |value| exchange.look(value, times.precision);
    match outcome {
        Outcome::Applied { now } => {
            publication.set_aside_until = None;
            applied(publication, index, *now, look, exchange, times, sales)
        }
        Outcome::Conflict { shows } => {
            publication.writes.remove(index);
            reading(publication, look(*shows), None, sales, times)
        }
        Outcome::Refused(refusal) => {
            publication.forget(write_id);
            match refusal.why {
                // The mall shows less than believed: read, and the orders will explain it.
                RefusedWhy::BelowZero => publication.wants_read(exchange.answered_at),
                RefusedWhy::Busy => {
                    publication.set_aside_until = Some(later(exchange.answered_at, Duration::from_secs(10)));
                }
                RefusedWhy::NoSuchItem | RefusedWhy::OutOfRange | RefusedWhy::NotOurs | RefusedWhy::Other => {
                    let rest = REST.saturating_mul(2_u32.saturating_pow(refusals)).min(REST_MAX);
                    publication.set_aside_until = Some(later(exchange.answered_at, rest));
                }
            }
            vec![Note::Refused(refusal.clone())]
        }
        Outcome::Unknown | Outcome::Pending { .. } => {
            unknown(publication, write_id, exchange, times);
            vec![Note::Open]
        }
    }
}

/// The request may or may not have taken effect.
pub fn unknown(publication: &mut Publication, write_id: i64, exchange: Exchange, times: &Times) {
    let horizon = horizon(exchange.answered_at, times);
    if let Some(outstanding) = publication.writes.iter_mut().find(|outstanding| outstanding.id == write_id) {
        outstanding.state = WriteState::Unknown;
        outstanding.horizon = outstanding.horizon.max(horizon);
        let due = outstanding.horizon;
        publication.wants_read(due);
    }
}

/// The request certainly had no effect.
pub fn not_sent(publication: &mut Publication, write_id: i64) {
    publication.forget(write_id);
}

/// When a write that leaves now has landed for certain, or never will.
pub fn horizon(sent_at: Timestamp, times: &Times) -> Timestamp {
    later(sent_at, times.late_apply + times.effect_max.unwrap_or_default())
}

fn applied(
    publication: &mut Publication,
    index: usize,
    now: Option<i64>,
    look: impl Fn(i64) -> Look,
    exchange: Exchange,
    times: &Times,
    sales: &[Sale],
) -> Vec<Note> {
    let written = publication.writes[index].write;
    publication.absolute_next = false;
    if let Some(effect_max) = times.effect_max {
        let outstanding = &mut publication.writes[index];
        outstanding.state = WriteState::Accepted;
        outstanding.horizon = later(exchange.answered_at, effect_max);
        let due = if times.readable { later(exchange.answered_at, times.effect_typical) } else { outstanding.horizon };
        publication.wants_read(due);
        return vec![Note::Open];
    }
    let others = publication.writes.iter().enumerate().filter(|(other, _)| *other != index);
    if let Some(last) = others.map(|(_, outstanding)| outstanding.horizon).filter(|at| *at > exchange.answered_at).max()
    {
        // An older write may still land over this one.
        publication.writes[index].state = WriteState::Accepted;
        publication.writes[index].horizon = last;
        publication.wants_read(last);
        return vec![Note::Open];
    }
    // Older writes whose answer was lost may have landed, and sold, before this one.
    let lost = publication.writes.iter().enumerate().filter(|(other, _)| *other != index);
    let lost: i64 = lost.map(|(_, outstanding)| growth(outstanding.write)).sum();
    let before = publication.shown().map_or(0, |shown| shown.high.max(0)) + lost;
    let from = publication.shown().map_or(0, |shown| shown.mid);
    publication.pushed = Some(said(publication, pushed(written, from, exchange.sent_at)));
    let late = publication.close();
    match written {
        Write::Absolute(figure) | Write::CompareAndSet { to: figure, .. } => {
            let overwritten = if let Write::CompareAndSet { from, .. } = written { before - from } else { before };
            publication.may_have_sold(overwritten, look(0).to, false);
            set_anchor(publication, look(now.unwrap_or(figure)), sales);
            doubt(publication, late);
            if let Some(read) = now.filter(|read| *read != figure) {
                // It says so itself: written again and again it would say the same.
                return vec![Note::Drift { expected: figure, read }];
            }
            if figure == 0 {
                // Some malls accept anything: a zero is believed when it is read.
                publication.wants_read(exchange.answered_at);
            }
            let shown = publication.shown().map_or(figure, |shown| shown.mid);
            vec![Note::Settled { shown }]
        }
        Write::Relative(delta) => {
            publication.applied += delta;
            if now.is_none_or(|figure| figure <= 0) {
                // Clamped at zero, or the answer doesn't say: they may have been sold before they were taken.
                publication.may_have_sold(-delta, look(0).to, true);
                if delta < 0 {
                    publication.wants_read(exchange.answered_at);
                }
            }
            match now {
                Some(figure) => {
                    let before = publication.pushed;
                    let notes = reading(publication, look(figure), None, sales, times);
                    doubt(publication, late);
                    // A mall's own word on what it has just done is not the same as being seen to show it.
                    publication.pushed = before;
                    notes
                }
                None => vec![Note::Settled { shown: publication.shown().map_or(0, |shown| shown.mid) }],
            }
        }
    }
}

/// Takes in what the mall shows. `watermark`: the orders are known up to there.
pub fn reading(
    publication: &mut Publication,
    look: Look,
    watermark: Option<Timestamp>,
    sales: &[Sale],
    times: &Times,
) -> Vec<Note> {
    publication.read_due = None;
    if !publication.writes.is_empty() {
        publication.waiting = Some(look);
        return judge(publication, look.to, watermark, sales, times);
    }
    if look.value > 0 {
        publication.unbooked = publication.unbooked.filter(|unbooked| !unbooked.taken || unbooked.until > look.from);
    }
    let before = publication.shown().zip(publication.anchor);
    if let Some(pushed) = publication.pushed {
        publication.seen(look.value, units_between(sales, pushed.at, look.to));
    }
    set_anchor(publication, look, sales);
    let Some((shown, anchor)) = before else {
        return vec![Note::Settled { shown: look.value }];
    };
    // What is known to have been sold after the look was not yet gone when the mall was read.
    let after: i64 = sales.iter().filter(|sale| sale.placed_at > look.to).map(|sale| sale.units).sum();
    let within: i64 = units_between(sales, look.from, look.to);
    let (low, high) = (shown.low + after, shown.high + after + within);
    // Between the two, nobody can say yet whether it was sold or never there.
    publication.may_have_sold(high - within - low.max(look.value), look.to, false);
    if look.value < low {
        return vec![Note::Missing { units: low - look.value, since: anchor.from, at: look.to }];
    }
    // A mall that stopped at zero, where sales and what was taken away were more than it had, gave nothing back.
    let high = high.max(0);
    if look.value > high {
        let units = look.value - high;
        // What comes back each time that it is put right began the first time: a mall that says yes and does nothing.
        let since = publication.surplus.filter(|(before, _)| *before == units).map_or(look.to, |(_, at)| at);
        publication.surplus = Some((units, since));
        return vec![Note::Surplus { units }];
    }
    vec![Note::Settled { shown: look.value }]
}

/// Tries to settle outstanding writes with the reading that waits; again each time the watermark moves.
pub fn judge(
    publication: &mut Publication,
    now: Timestamp,
    watermark: Option<Timestamp>,
    sales: &[Sale],
    times: &Times,
) -> Vec<Note> {
    let Some(look) = publication.waiting else { return Vec::new() };
    if publication.writes.is_empty() {
        publication.waiting = None;
        return Vec::new();
    }
    if watermark.is_none_or(|watermark| watermark < look.to) {
        return vec![Note::Open];
    }
    if publication.by_time {
        let late = publication.close();
        set_anchor(publication, look, sales);
        doubt(publication, late);
        return vec![Note::Settled { shown: look.value }];
    }
    let landed = publication.writes.iter().all(|outstanding| outstanding.horizon <= look.from);
    if !landed && !fits_only_the_last(publication, look, sales) {
        publication.waiting = None;
        let last = publication.writes.iter().map(|outstanding| outstanding.horizon).max().unwrap_or(now);
        let again = later(now, times.effect_typical.max(Duration::from_secs(30)));
        publication.wants_read(again.min(later(last, times.precision)));
        return vec![Note::Open];
    }
    let explained = explained(publication, look, sales);
    let before = publication.shown().map_or(look.value, |shown| shown.mid);
    let expected = accepted_in_vain(publication, look, sales).unwrap_or(before);
    let in_vain = expected != before;
    publication.pushed = publication.writes.last().map(|last| Pushed {
        seen: !in_vain && fits_absolute(last, look, sales),
        ..pushed(last.write, before, last.sent_at)
    });
    let late = publication.close();
    set_anchor(publication, look, sales);
    doubt(publication, late);
    if explained && !in_vain {
        vec![Note::Settled { shown: look.value }]
    } else {
        vec![Note::Drift { expected, read: look.value }]
    }
}

/// A mall that takes its time said yes to one figure, and shows the old one when its time is over: the figure that it
/// ought to show by now.
fn accepted_in_vain(publication: &Publication, look: Look, sales: &[Sale]) -> Option<i64> {
    let [only] = publication.writes.as_slice() else { return None };
    let (Write::Absolute(figure) | Write::CompareAndSet { to: figure, .. }) = only.write else { return None };
    let is_due = only.state == WriteState::Accepted && only.horizon <= look.from;
    (is_due && !fits_absolute(only, look, sales)).then(|| figure - units_between(sales, only.sent_at, look.to))
}

/// Said again word for word, it is as old as it was when it was first said in vain.
fn said(publication: &Publication, pushed: Pushed) -> Pushed {
    let same = |last: &Pushed| (last.from, last.to, last.seen) == (pushed.from, pushed.to, false);
    publication.pushed.filter(same).unwrap_or(pushed)
}

fn pushed(write: Write, from: i64, at: Timestamp) -> Pushed {
    let to = match write {
        Write::Absolute(figure) | Write::CompareAndSet { to: figure, .. } => figure,
        Write::Relative(delta) => from + delta,
    };
    Pushed { from, to, at, seen: false }
}

/// Nobody can look: time alone says what was written, by `now` and once the orders are known so far ([`judge`]). A
/// write of which nobody heard whether it was taken is made again.
pub fn by_time(
    publication: &mut Publication,
    now: Timestamp,
    watermark: Option<Timestamp>,
    sales: &[Sale],
    times: &Times,
) -> Vec<Note> {
    publication.by_time = true;
    publication.checked = true;
    publication.read_due = None;
    let Some(landed) = publication.writes.iter().map(|outstanding| outstanding.horizon).max() else {
        return Vec::new();
    };
    if landed > now {
        publication.wants_read(landed);
        return vec![Note::Open];
    }
    let Some((last, older)) = publication.writes.split_last() else { return Vec::new() };
    // An older one that could still land when the last one left may have landed over it.
    let stands = last.state == WriteState::Accepted && older.iter().all(|before| before.horizon <= last.sent_at);
    let (Write::Absolute(value), true) = (last.write, stands) else {
        publication.writes.iter_mut().for_each(|outstanding| outstanding.state = WriteState::Unknown);
        return vec![Note::Open];
    };
    let from = earlier(last.sent_at, times.precision);
    // Where nothing was on show when it left, whatever was sold since was sold of this figure.
    let then = figure_at(publication, Look { value, from, to: from }, sales);
    let was_dark = then.is_some_and(|(_, high)| high <= 0) && publication.writes.len() == 1;
    publication.waiting = Some(Look { value, from, to: if was_dark { from } else { landed } });
    judge(publication, now, watermark, sales, times)
}

/// The reading fits the newest absolute write less what sold since, and nothing that may have stood before.
fn fits_only_the_last(publication: &Publication, look: Look, sales: &[Sale]) -> bool {
    let Some((last, older)) = publication.writes.split_last() else { return false };
    // A lost write may still land over the newest one.
    let lost = older.iter().any(|write| write.state == WriteState::Unknown && write.horizon > look.from);
    if lost || last.state != WriteState::Accepted || !fits_absolute(last, look, sales) {
        return false;
    }
    let old = figure_at(publication, look, sales);
    let fits_old = old.is_none_or(|(low, high)| (low..=high).contains(&look.value));
    !fits_old && !older.iter().any(|outstanding| fits_absolute(outstanding, look, sales))
}

/// n − s ≤ r ≤ n, s = sales placed between sending and reading.
fn fits_absolute(outstanding: &Outstanding, look: Look, sales: &[Sale]) -> bool {
    match outstanding.write {
        Write::Absolute(n) | Write::CompareAndSet { to: n, .. } => {
            let sold = units_between(sales, outstanding.sent_at, look.to);
            (n - sold..=n).contains(&look.value)
        }
        Write::Relative(_) => true,
    }
}

/// Some combination of what was shown and what was written gives the figure read.
fn explained(publication: &Publication, look: Look, sales: &[Sale]) -> bool {
    if publication.writes.iter().any(|outstanding| {
        matches!(outstanding.write, Write::Absolute(_) | Write::CompareAndSet { .. })
            && fits_absolute(outstanding, look, sales)
    }) {
        return true;
    }
    let Some((low, high)) = figure_at(publication, look, sales) else { return true };
    let deltas = publication.writes.iter().map(|outstanding| match outstanding.write {
        Write::Relative(delta) => delta,
        Write::Absolute(_) | Write::CompareAndSet { .. } => 0,
    });
    std::iter::once(0).chain(deltas).any(|delta| (low + delta..=high + delta).contains(&look.value))
}

/// What the mall would show at the look if none of the outstanding writes had landed.
fn figure_at(publication: &Publication, look: Look, sales: &[Sale]) -> Option<(i64, i64)> {
    let anchor = publication.anchor?;
    let surely = units_between(sales, anchor.to, look.from);
    let perhaps = units_between(sales, look.from, look.to);
    let mid = anchor.value + publication.applied - surely;
    Some((mid - publication.slack_down - perhaps, mid + publication.slack_up))
}

/// Units placed in `from < t ≤ to`.
fn units_between(sales: &[Sale], from: Timestamp, to: Timestamp) -> i64 {
    sales.iter().filter(|sale| sale.placed_at > from && sale.placed_at <= to).map(|sale| sale.units).sum()
}

/// Nobody can say whether these changes are in the anchor, which was set without them.
fn doubt(publication: &mut Publication, late: Slack) {
    publication.slack_down += late.down;
    publication.slack_up += late.up;
}

/// From now on the figure is this one, less what was placed after it.
pub fn set_anchor(publication: &mut Publication, look: Look, sales: &[Sale]) {
    publication.anchor = Some(look);
    publication.applied = 0;
    publication.sold_since = sales.iter().filter(|sale| sale.placed_at > look.to).map(|sale| sale.units).sum();
    publication.slack_down = units_between(sales, look.from, look.to);
    publication.slack_up = 0;
    publication.waiting = None;
    if publication.slack_down > 0 {
        publication.wants_read(later(look.to, Duration::from_secs(1)));
    }
}
