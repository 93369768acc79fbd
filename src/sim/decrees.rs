//! What the seller has decreed: which SKUs are off sale everywhere, and which follow a plan. This is the world's own
//! word. What the hub tells a mall is held against it before it leaves, and what a listing ought to sell at rest follows
//! from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use uriba_sdk::Write;

use super::mall::letters::Entry;
use crate::{
    domain::time::{between, later},
    store::plans::NewPlan,
};

/// A write that was claimed before the stop may leave so long after it, no longer.
const CLAIMED_BEFORE: Duration = Duration::from_secs(1);
/// A plan's beginning is told to every mall that can be reached within so long, whoever sleeps or is killed meanwhile.
const TOLD_WITHIN: Duration = Duration::from_secs(1_800);

/// A listing: its mall and key.
pub type Place = (String, String);

/// A plan that the hub has accepted.
#[derive(Clone, Debug)]
pub struct Planned {
    /// From when it holds: never before it was accepted.
    pub plan: NewPlan,
    /// The listings whose numbers follow it.
    pub of: BTreeSet<Place>,
}

impl Planned {
    fn holds(&self, at: Timestamp) -> bool {
        self.plan.plan().holds(at)
    }
}

struct Stop {
    since: Timestamp,
    off: BTreeSet<Place>,
}

#[derive(Default)]
pub struct Decrees {
    /// By SKU.
    stops: BTreeMap<String, Stop>,
    plans: Vec<Planned>,
}

impl Decrees {
    /// Of one that is stopped already, the first stop stays.
    pub fn stop(&mut self, sku: &str, off: BTreeSet<Place>, since: Timestamp) {
        self.stops.entry(sku.to_owned()).or_insert(Stop { since, off });
    }

    pub fn resume(&mut self, sku: &str) {
        self.stops.remove(sku);
    }

    pub fn stopped(&self) -> Vec<String> {
        self.stops.keys().cloned().collect()
    }

    /// Since when a listing is off sale.
    pub fn off_since(&self, place: &Place) -> Option<Timestamp> {
        self.stops.values().filter(|stop| stop.off.contains(place)).map(|stop| stop.since).min()
    }

    pub fn plan(&mut self, planned: Planned) {
        self.plans.push(planned);
    }

    pub fn take_back(&mut self, name: &str) -> Option<Planned> {
        let index = self.plans.iter().position(|planned| planned.plan.name == name)?;
        Some(self.plans.remove(index))
    }

    /// Plans that are not over.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &Planned> {
        self.plans.iter().filter(move |planned| planned.plan.until > now)
    }

    /// Another of this name is not over, or holds for one of its SKUs at the same time.
    pub fn collides(&self, new: &NewPlan, now: Timestamp) -> bool {
        let from = new.from.max(now);
        self.live(now).any(|Planned { plan, .. }| {
            let both = plan.skus.iter().any(|sku| new.skus.contains(sku));
            plan.name == new.name || (both && from < plan.until && plan.from < new.until)
        })
    }

    /// What a listing follows.
    pub fn of_listing(&self, place: &Place, now: Timestamp) -> Option<&NewPlan> {
        self.plans.iter().find(|planned| planned.holds(now) && planned.of.contains(place)).map(|planned| &planned.plan)
    }

    pub fn of_sku(&self, sku: &str, now: Timestamp) -> Option<&NewPlan> {
        let follows = |planned: &&Planned| planned.holds(now) && planned.plan.skus.iter().any(|code| code == sku);
        self.plans.iter().find(follows).map(|planned| &planned.plan)
    }

    /// Plans that have still to begin or to end within so long.
    pub fn turning(&self, now: Timestamp, within: Duration) -> Vec<String> {
        let soon = |at: Timestamp| at > now && at < later(now, within);
        let turns = |planned: &&Planned| soon(planned.plan.from) || soon(planned.plan.until);
        self.plans.iter().filter(turns).map(|planned| planned.plan.name.clone()).collect()
    }

    /// What is wrong with telling a mall this.
    pub fn fault(&self, mall: &str, entries: &[Entry], now: Timestamp) -> Option<String> {
        entries.iter().find_map(|entry| {
            let place = (mall.to_owned(), entry.key.clone());
            let key = &entry.key;
            let off = self.off_since(&place).filter(|since| between(*since, now) > CLAIMED_BEFORE);
            if let Some(since) = off.filter(|_| entry.write != Write::Absolute(0)) {
                return Some(format!("{mall} {key} is off sale since {since} and was told {:?}", entry.write));
            }
            let plan = self.of_listing(&place, now).filter(|plan| later(plan.from, TOLD_WITHIN) < now)?;
            let most = plan.cap.filter(|cap| figure(entry.write).is_some_and(|figure| figure > *cap))?;
            Some(format!("{mall} {key} follows {}, which caps it at {most}, and was told {:?}", plan.name, entry.write))
        })
    }
}

/// What the write makes of the counter, if that can be said.
fn figure(write: Write) -> Option<i64> {
    match write {
        Write::Absolute(figure) | Write::CompareAndSet { to: figure, .. } => Some(figure),
        Write::Relative(_) => None,
    }
}
