//! What answers and readings lead to beyond the listing's own row: holds, attention, history.

use jiff::Timestamp;
use uriba_sdk::{Reading, Refusal, RefusedWhy};

use super::{
    attention::Call,
    entity::{listing, provisional_hold},
    micros,
    publication_rows::{Happened, Listed},
    publications::Outlet,
};
use crate::domain::{
    drift::{Cause, Deviation, Verdict},
    publication::{Look, Situation},
    settle::{self, Note, Sale},
    time::later,
};

/// Consequences gathered while beliefs change, written once at the end.
pub(super) struct Desk<'a> {
    outlet: &'a Outlet,
    pub holds: Vec<provisional_hold::Model>,
    /// SKU units that readings miss, by listing.
    pub missing: Vec<(listing::Model, i64)>,
    pub listings: Vec<listing::Model>,
    pub calm: Vec<listing::Model>,
    pub calls: Vec<Call>,
    pub events: Vec<Happened>,
    pub drifts: Vec<Cause>,
    /// What each look found, for those who asked.
    pub glances: Vec<Glance>,
}

/// What the mall shows of a listing, beside what was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    pub listing_id: i64,
    pub shows: Option<i64>,
    pub believed: Option<i64>,
    pub target: Option<i64>,
    /// What a difference most likely is; `None` where there is none, or a write on its way may be it.
    pub cause: Option<Cause>,
}

impl<'a> Desk<'a> {
    pub fn new(outlet: &'a Outlet) -> Self {
        Self {
            outlet,
            holds: Vec::new(),
            missing: Vec::new(),
            listings: Vec::new(),
            calm: Vec::new(),
            calls: Vec::new(),
            events: Vec::new(),
            drifts: Vec::new(),
            glances: Vec::new(),
        }
    }

    pub fn look(
        &mut self,
        item: &mut Listed,
        reading: &Reading,
        look: impl Fn(i64) -> Look,
        situation: &Situation,
        sold: &[Sale],
    ) {
        let glance = Glance {
            listing_id: item.id(),
            shows: reading.found.and_then(|counter| counter.quantity),
            believed: item.publication.shown().map(|shown| shown.mid),
            target: item.row.target,
            cause: None,
        };
        let cause = self.read(item, reading, look, situation, sold);
        self.glances.push(Glance { cause, ..glance });
    }

    /// What is different from what was believed, if anything is.
    fn read(
        &mut self,
        item: &mut Listed,
        reading: &Reading,
        look: impl Fn(i64) -> Look,
        situation: &Situation,
        sold: &[Sale],
    ) -> Option<Cause> {
        let Some(counter) = reading.found else { return Some(self.absent(item, situation.now)) };
        let known = item.listing.clone();
        item.listing.state = "ready".into();
        item.listing.problem = None;
        item.listing.sells_past_zero = counter.sells_past_zero;
        item.listing.not_ours = counter.not_ours;
        if known != item.listing {
            self.listings.push(item.listing.clone());
            self.calm.push(item.listing.clone());
        }
        if counter.sells_past_zero && !known.sells_past_zero {
            let message =
                format!("{} sells {} past zero: its counter holds nothing back", known.channel, known.mall_key);
            self.call("sells_past_zero", item, message);
        }
        let first = !item.publication.checked;
        item.publication.checked = true;
        let Some(figure) = counter.quantity else {
            item.publication.anchor = None;
            item.publication.absolute_next = true;
            item.publication.read_due = None;
            return None;
        };
        if counter.not_ours {
            item.publication.read_due = None;
            let is_lost = !known.not_ours && !first;
            return is_lost.then(|| self.orphaned(item, "it isn't ours to write any more"));
        }
        let before = item.publication.shown().map(|shown| shown.mid);
        let notes = settle::reading(&mut item.publication, look(figure), situation.watermark, sold, &self.outlet.times);
        if first || before != Some(figure) {
            let detail = before.map(|before| format!("believed {before}"));
            self.events.push(Happened::new(item.id(), "read", Some(figure), detail));
        }
        self.take(item, notes, situation.now)
    }

    fn orphaned(&mut self, item: &Listed, how: &str) -> Cause {
        self.drifts.push(Cause::Orphan);
        let event = Happened::new(item.id(), "drift", None, Some(how.to_owned()));
        self.events.push(event.because(Cause::Orphan));
        Cause::Orphan
    }

    fn absent(&mut self, item: &mut Listed, now: Timestamp) -> Cause {
        if item.publication.checked {
            self.orphaned(item, "the mall has no such item any more");
        }
        item.publication.checked = false;
        item.publication.anchor = None;
        item.publication.close();
        item.publication.waiting = None;
        item.publication.read_due = Some(later(now, std::time::Duration::from_secs(3_600)));
        if item.listing.state != "missing" {
            item.listing.state = "missing".into();
            item.listing.problem = Some("the mall has no such item".into());
            self.listings.push(item.listing.clone());
            let message = format!(
                "{} has no item {}: nothing is pushed for it until it exists there",
                item.listing.channel, item.listing.mall_key
            );
            self.call("set_aside", item, message);
        }
        Cause::Orphan
    }

    /// What is different, if anything is.
    pub fn take(&mut self, item: &mut Listed, notes: Vec<Note>, now: Timestamp) -> Option<Cause> {
        let mut found = None;
        for note in notes {
            match note {
                Note::Settled { shown } => {
                    let event = Happened::new(item.id(), "shown", Some(shown), None);
                    if item.row.shown != Some(shown) || item.row.open_writes > 0 {
                        self.events.push(event);
                    }
                }
                Note::Missing { units, since, at } => {
                    let cause = item.publication.suspect(Deviation { amount: units, seen_at: at });
                    self.hold(item, units, since, at, cause);
                    found = Some(cause);
                }
                Note::Surplus { units } => {
                    let cause = item.publication.suspect(Deviation { amount: -units, seen_at: now });
                    let detail = Some("the mall shows more than known".to_owned());
                    self.events.push(Happened::new(item.id(), "surplus", Some(units), detail).because(cause));
                    found = Some(cause);
                }
                Note::Drift { expected, read } => {
                    let deviation = Deviation { amount: expected - read, seen_at: now };
                    let verdict = item.publication.deviates(deviation, self.outlet.on_drift, now);
                    self.drifted(item, expected, Verdict { shows: read, ..verdict });
                    found = Some(verdict.cause);
                }
                Note::Refused(refusal) => self.refused(item, &refusal),
                Note::Open => {}
            }
        }
        found
    }

    /// The request certainly had no effect.
    pub fn not_sent(&mut self, listing_id: i64) {
        self.events.push(Happened::new(listing_id, "not_sent", None, None));
    }

    fn hold(&mut self, item: &Listed, units: i64, since: Timestamp, at: Timestamp, cause: Cause) {
        let sku_units = units * item.listing.units;
        self.missing.push((item.listing.clone(), sku_units));
        self.holds.push(provisional_hold::Model {
            id: 0,
            listing_id: item.id(),
            channel: item.listing.channel.clone(),
            sku_id: item.listing.sku_id,
            pool: self.outlet.pool.clone(),
            units: sku_units,
            remaining: sku_units,
            since: micros(since),
            at: micros(at),
            recorded_at: 0,
            ended_at: None,
            cause: None,
        });
        let detail = Some("held back until the orders of that time are all in".to_owned());
        self.events.push(Happened::new(item.id(), "missing", Some(units), detail).because(cause));
    }

    /// The orders should have explained it by now.
    pub fn unexplained(&mut self, item: &mut Listed, deviation: Deviation, now: Timestamp) {
        let verdict = item.publication.deviates(deviation, self.outlet.on_drift, now);
        self.drifted(item, verdict.shows + deviation.amount, verdict);
    }

    /// A figure that nothing explains, for the history, for metrics and for people.
    fn drifted(&mut self, item: &Listed, expected: i64, verdict: Verdict) {
        let Verdict { cause, shows, stops } = verdict;
        self.drifts.push(cause);
        let detail = Some(format!("expected {expected}"));
        self.events.push(Happened::new(item.id(), "drift", Some(shows), detail).because(cause));
        let (channel, key, why) = (&item.listing.channel, &item.listing.mall_key, cause.sentence());
        let (kind, message) = match (stops, cause) {
            (false, _) => (
                "drift",
                format!(
                    "{channel} showed {shows} for {key} where {expected} was expected: most likely {why}; put right"
                ),
            ),
            (true, Cause::MallDefect) => (
                "mall_limit",
                format!("{channel} keeps {shows} for {key} whatever is written: no more than that until you look"),
            ),
            (true, Cause::OtherWriter) => (
                "other_writer",
                format!("somebody else writes {key} on {channel}, to {shows}: uriba has stopped there until you look"),
            ),
            (true, _) => (
                "drift",
                format!(
                    "{channel} shows {shows} for {key} where {expected} was expected: most likely {why}; no more than that until you look"
                ),
            ),
        };
        self.call(kind, item, message);
    }

    fn refused(&mut self, item: &mut Listed, refusal: &Refusal) {
        let code = refusal.code.as_deref().map_or(String::new(), |code| format!(" ({code})"));
        let detail = Some(format!("{}{code}", refusal.message));
        self.events.push(Happened::new(item.id(), "refused", None, detail.clone()));
        if matches!(refusal.why, RefusedWhy::BelowZero | RefusedWhy::Busy) {
            return;
        }
        item.row.refusals += 1;
        item.row.refusal = detail;
        if refusal.why == RefusedWhy::NoSuchItem {
            item.publication.checked = false;
        }
        let message = format!(
            "{} refuses {}: {}{code}; it rests, the others go on",
            item.listing.channel, item.listing.mall_key, refusal.message
        );
        self.call("set_aside", item, message);
    }

    fn call(&mut self, kind: &'static str, item: &Listed, message: String) {
        self.calls.push(Call {
            kind,
            subject: format!("{}/{}", item.listing.channel, item.listing.mall_key),
            channel: Some(item.listing.channel.clone()),
            sku: None,
            mall_key: Some(item.listing.mall_key.clone()),
            message,
        });
    }
}
