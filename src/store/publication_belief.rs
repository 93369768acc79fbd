//! Between a publication's row and the belief that it holds, and the columns that follow from the belief.

use uriba_sdk::Write;

use super::{entity::publication, instant, maybe_instant, micros, publication_rows::Listed};
use crate::domain::{
    plan::Stake,
    publication::{Correction, Look, Outstanding, Publication, Unbooked, Urgency},
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
        waiting: look(row.waiting, row.waiting_from, row.waiting_to),
        read_due: maybe_instant(row.read_due),
        checked: row.checked,
        absolute_next: row.absolute_next,
        correction,
        kept: row.kept,
        set_aside_until: maybe_instant(row.set_aside_until),
    }
}

fn unbooked(row: &publication::Model) -> Option<Unbooked> {
    let (units, until) = row.unbooked.zip(row.unbooked_until)?;
    Some(Unbooked { units, until: instant(until), taken: row.unbooked_taken })
}

/// The row to write: the belief, and what follows from it.
pub(super) fn row(listed: &Listed, pace: Option<i64>, now: i64) -> publication::Model {
    let belief = &listed.publication;
    let mut marks = belief.marks(listed.listing.not_ours);
    if listed.listing.state == "invalid" {
        marks.wants = None;
    }
    let old = &listed.row;
    let read_due = belief.read_due.map(micros);
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
        waiting: belief.waiting.map(|look| look.value),
        waiting_from: belief.waiting.map(|look| micros(look.from)),
        waiting_to: belief.waiting.map(|look| micros(look.to)),
        checked: belief.checked,
        absolute_next: belief.absolute_next,
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
        waiting: None,
        waiting_from: None,
        waiting_to: None,
        checked: false,
        absolute_next: false,
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
        pushed_at: None,
    }
}
