//! Between a publication's row and the belief that it holds, and the columns that follow from the belief.

use uriba_sdk::Write;

use super::{entity::publication, instant, maybe_instant, micros, publication_rows::Listed};
use crate::domain::{
    drift::{Correction, Pushed},
    plan::Stake,
    publication::{Look, Outstanding, Publication, Slack, Unbooked, Urgency},
    reading,
};

pub(super) fn belief(row: &publication::Model, writes: Vec<Outstanding>) -> Publication {
    let look = |value: Option<i64>, from: Option<i64>, to: Option<i64>| {
        Some(Look { value: value?, from: instant(from?), to: instant(to?) })
    };
    let correction = row.correction.zip(row.corrected_at).map(|(amount, at)| Correction {
        amount,
        at: instant(at),
        count: u32::try_from(row.corrections).unwrap_or(0),
    });
    Publication {
        target: row.target,
        anchor: look(row.anchor, row.anchor_from, row.anchor_to),
        applied: row.applied,
        sold_since: row.sold_since,
        slack_down: row.slack_down,
        slack_up: row.slack_up,
        surplus: row.surplus.zip(row.surplus_at).map(|(units, at)| (units, instant(at))),
        unbooked: unbooked(row),
        writes,
        since_told: Slack { down: row.since_told_down, up: row.since_told_up },
        waiting: look(row.waiting, row.waiting_from, row.waiting_to),
        read_due: maybe_instant(row.read_due),
        checked: row.checked,
        absolute_next: row.absolute_next,
        by_time: row.by_time,
        pushed: pushed(row),
        correction,
        kept: row.kept,
        set_aside_until: maybe_instant(row.set_aside_until),
    }
}

fn unbooked(row: &publication::Model) -> Option<Unbooked> {
    let (units, until) = row.unbooked.zip(row.unbooked_until)?;
    Some(Unbooked { units, until: instant(until), taken: row.unbooked_taken })
}

fn pushed(row: &publication::Model) -> Option<Pushed> {
    let at = instant(row.pushed_sent_at?);
    Some(Pushed { from: row.pushed_from?, to: row.pushed_to?, at, seen: row.pushed_seen })
}

/// When a settled listing is to be looked at again.
fn look_at(belief: &Publication, row: &publication::Model) -> Option<i64> {
    let read_at = row.read_at.filter(|_| belief.checked && belief.writes.is_empty())?;
    let sold = row.sold_lately + belief.sold_since;
    Some(micros(reading::due(instant(read_at), belief.ceiling().unwrap_or(0), sold)))
}

/// The row to write: the belief, and what follows from it.
pub(super) fn row(listed: &Listed, pace: Option<i64>, now: i64) -> publication::Model {
    let belief = &listed.publication;
    let mut marks = belief.marks(listed.listing.not_ours);
    // What is no key of this mall can be neither written nor read.
    let is_key = listed.listing.state != "invalid";
    if !is_key {
        (marks.wants, marks.reads) = (None, false);
    }
    let old = &listed.row;
    let read_due = belief.read_due.filter(|_| is_key).map(micros);
    // Whatever else it rested for, the belief has changed since.
    let rests_until = marks.ready_at.map(micros).filter(|at| marks.wants.is_some() && *at > now);
    publication::Model {
        target: belief.target,
        anchor: belief.anchor.map(|look| look.value),
        anchor_from: belief.anchor.map(|look| micros(look.from)),
        anchor_to: belief.anchor.map(|look| micros(look.to)),
        applied: belief.applied,
        sold_since: belief.sold_since,
        slack_down: belief.slack_down,
        slack_up: belief.slack_up,
        surplus: belief.surplus.map(|(units, _)| units),
        surplus_at: belief.surplus.map(|(_, at)| micros(at)),
        unbooked: belief.unbooked.map(|unbooked| unbooked.units),
        unbooked_until: belief.unbooked.map(|unbooked| micros(unbooked.until)),
        unbooked_taken: belief.unbooked.is_some_and(|unbooked| unbooked.taken),
        since_told_down: belief.since_told.down,
        since_told_up: belief.since_told.up,
        waiting: belief.waiting.map(|look| look.value),
        waiting_from: belief.waiting.map(|look| micros(look.from)),
        waiting_to: belief.waiting.map(|look| micros(look.to)),
        checked: belief.checked,
        absolute_next: belief.absolute_next,
        by_time: belief.by_time,
        pushed_from: belief.pushed.map(|pushed| pushed.from),
        pushed_to: belief.pushed.map(|pushed| pushed.to),
        pushed_sent_at: belief.pushed.map(|pushed| micros(pushed.at)),
        pushed_seen: belief.pushed.is_some_and(|pushed| pushed.seen),
        look_at: look_at(belief, old),
        correction: belief.correction.map(|correction| correction.amount),
        corrected_at: belief.correction.map(|correction| micros(correction.at)),
        corrections: belief.correction.map_or(0, |correction| i64::from(correction.count)),
        kept: belief.kept,
        set_aside_until: belief.set_aside_until.map(micros),
        shown: belief.shown().map(|shown| shown.mid),
        told: belief.writes.last().map(|outstanding| told(belief, outstanding.write)),
        open_writes: i64::try_from(belief.writes.len()).unwrap_or(i64::MAX),
        wants: marks.wants.is_some(),
        lit: marks.lit,
        urgency: urgency_rank(marks.wants),
        rank: marks.wants.map_or(0, |urgency| stake(listed, urgency, marks.at_risk, pace).rank()),
        wants_since: marks.wants.map(|_| old.wants_since.unwrap_or(now)),
        ready_at: marks.ready_at.map(micros),
        pace,
        queued: marks.wants.is_some() && rests_until.is_none(),
        rests_until,
        read_due: if marks.reads { Some(read_due.unwrap_or(now)) } else { read_due },
        ..old.clone()
    }
}

/// What a wish of the listing is about.
pub(super) fn stake(listed: &Listed, urgency: Urgency, units: i64, pace: Option<i64>) -> Stake {
    let target = listed.publication.target.unwrap_or(0);
    Stake { urgency, target, units, priority: listed.listing.priority, pace }
}

fn told(belief: &Publication, write: Write) -> i64 {
    match write {
        Write::Absolute(to) | Write::CompareAndSet { to, .. } => to,
        Write::Relative(delta) => belief.shown().map_or(delta, |shown| shown.mid + delta),
    }
}

/// As the column `urgency` has it.
pub(super) fn urgency_rank(urgency: Option<Urgency>) -> i64 {
    match urgency {
        Some(Urgency::Zero) => 2,
        Some(Urgency::Decrease) => 1,
        Some(Urgency::Raise) | None => 0,
    }
}

pub(super) fn blank(listing_id: i64, channel: &str) -> publication::Model {
    publication::Model {
        listing_id,
        channel: channel.to_owned(),
        target: None,
        target_version: 0,
        target_at: None,
        anchor: None,
        anchor_from: None,
        anchor_to: None,
        applied: 0,
        sold_since: 0,
        slack_down: 0,
        slack_up: 0,
        surplus: None,
        surplus_at: None,
        unbooked: None,
        unbooked_until: None,
        unbooked_taken: false,
        since_told_down: 0,
        since_told_up: 0,
        waiting: None,
        waiting_from: None,
        waiting_to: None,
        checked: false,
        absolute_next: false,
        by_time: false,
        correction: None,
        corrected_at: None,
        corrections: 0,
        kept: None,
        set_aside_until: None,
        refusals: 0,
        refusal: None,
        shown: None,
        told: None,
        open_writes: 0,
        wants: false,
        lit: false,
        urgency: 0,
        rank: 0,
        wants_since: None,
        pace: None,
        queued: false,
        rests_until: None,
        ready_at: None,
        read_due: None,
        read_at: None,
        sold_lately: 0,
        look_at: None,
        pushed_from: None,
        pushed_to: None,
        pushed_sent_at: None,
        pushed_seen: false,
        pushed_at: None,
    }
}
