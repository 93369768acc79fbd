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
    pub drifts: usize,
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
            drifts: 0,
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
        let Some(counter) = reading.found else { return self.absent(item, situation.now) };
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
            return;
        };
        if counter.not_ours {
            item.publication.read_due = None;
            return;
        }
        let before = item.publication.shown().map(|shown| shown.mid);
        let notes = settle::reading(&mut item.publication, look(figure), situation.watermark, sold, &self.outlet.times);
        if first || before != Some(figure) {
            let detail = before.map(|before| format!("believed {before}"));
            self.events.push(Happened { listing_id: item.id(), what: "read", value: Some(figure), detail });
        }
        self.take(item, notes, situation.now);
    }

    fn absent(&mut self, item: &mut Listed, now: Timestamp) {
        item.publication.checked = false;
        item.publication.anchor = None;
        item.publication.writes.clear();
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
    }

    pub fn take(&mut self, item: &mut Listed, notes: Vec<Note>, now: Timestamp) {
        for note in notes {
            match note {
                Note::Settled { shown } => {
                    let event = Happened { listing_id: item.id(), what: "shown", value: Some(shown), detail: None };
                    if item.row.shown != Some(shown) || item.row.open_writes > 0 {
                        self.events.push(event);
                    }
                }
                Note::Missing { units, since, at } => self.hold(item, units, since, at),
                Note::Surplus { units } => self.events.push(Happened {
                    listing_id: item.id(),
                    what: "surplus",
                    value: Some(units),
                    detail: Some("the mall shows more than known".into()),
                }),
                Note::Drift { expected, read } => {
                    self.drifts += 1;
                    let keeps = item.publication.corrects(expected - read, now);
                    self.drifted(item, expected, read, keeps);
                }
                Note::Refused(refusal) => self.refused(item, &refusal),
                Note::Open => {}
            }
        }
    }

    /// The request certainly had no effect.
    pub fn not_sent(&mut self, listing_id: i64) {
        self.events.push(Happened { listing_id, what: "not_sent", value: None, detail: None });
    }

    fn hold(&mut self, item: &Listed, units: i64, since: Timestamp, at: Timestamp) {
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
        let detail = Some("sold to orders not seen yet".to_owned());
        self.events.push(Happened { listing_id: item.id(), what: "missing", value: Some(units), detail });
    }

    fn drifted(&mut self, item: &Listed, expected: i64, read: i64, keeps: bool) {
        let (channel, key) = (&item.listing.channel, &item.listing.mall_key);
        let detail = Some(format!("expected {expected}"));
        self.events.push(Happened { listing_id: item.id(), what: "drift", value: Some(read), detail });
        if keeps {
            let message = format!(
                "{channel} keeps {read} for {key} whatever is written, or someone else writes it: stopped until you look"
            );
            self.call("other_writer", item, message);
        } else {
            let message = format!("{channel} shows {read} for {key} where {expected} was expected: corrected");
            self.call("drift", item, message);
        }
    }

    fn refused(&mut self, item: &mut Listed, refusal: &Refusal) {
        let code = refusal.code.as_deref().map_or(String::new(), |code| format!(" ({code})"));
        let detail = Some(format!("{}{code}", refusal.message));
        self.events.push(Happened { listing_id: item.id(), what: "refused", value: None, detail: detail.clone() });
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
