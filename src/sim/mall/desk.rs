//! The mall's answers.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uriba_sdk::{
    Order, Write,
    card::{Batch, BelowZero, FoundBy, WriteMode},
};

use super::{
    Kept, Mall,
    letters::{BY_ID, Counters, Entry, HeadLetter, Listed, PUSH, READ, SEARCH, Said, Search, Whole},
    nature::QUANTITY_MAX,
};
use crate::{
    domain::time::{earlier, later},
    sim::Lie,
};

/// Orders on a page.
const PAGE: usize = 6;
/// The number of the order that a broken mall shows to nobody.
const FORGOTTEN: u64 = 7;

/// How the mall happens to answer this time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whim {
    /// Orders come in the state that they had before their last change.
    pub stale: bool,
    /// A page names its first order twice, and in the wrong order.
    pub jumbled: bool,
    /// Writes are accepted, and nothing happens.
    pub lies: bool,
    /// The first item that is written is being worked on, and refused.
    pub busy: bool,
    /// How long an accepted write takes.
    pub effect: Duration,
}

pub struct Answered {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answered {
    fn ok(letter: &impl Serialize) -> Self {
        Self { status: 200, body: serde_json::to_vec(letter).expect("these types are always JSON") }
    }

    fn bad(status: u16) -> Self {
        Self { status, body: Vec::new() }
    }
}

impl Mall {
    pub fn answer(&mut self, operation: &str, body: &[u8], now: Timestamp, whim: Whim) -> Answered {
        self.settle(now);
        if self.lie == Some(Lie::AlwaysBusy) && operation != PUSH {
            return Answered::bad(429);
        }
        match operation {
            SEARCH => serde_json::from_slice(body).map(|asked| self.search(&asked, now, whim)),
            BY_ID => serde_json::from_slice(body).map(|ids: Vec<String>| self.by_id(&ids, now, whim)),
            PUSH => serde_json::from_slice(body).map(|entries: Vec<Entry>| self.push(&entries, now, whim)),
            READ => serde_json::from_slice(body).map(|keys: Vec<String>| self.read(&keys)),
            _ => return Answered::bad(404),
        }
        .unwrap_or(Answered::bad(400))
    }

    fn search(&mut self, asked: &Search, now: Timestamp, whim: Whim) -> Answered {
        let card = &self.nature.card().orders;
        // Clocks are not further apart than this; where there is no edge the mall doesn't mind.
        let edge = card.edge.saturating_sub(Duration::from_secs(2));
        if asked.family.is_none() && !edge.is_zero() && asked.to > earlier(now, edge) {
            self.breaches.push(format!("orders were asked for up to {} at {now}, beyond the edge", asked.to));
        }
        let published = self.orders.values().filter_map(|kept| self.published(kept, now));
        let mut found: Vec<(Timestamp, &Order)> =
            published.filter_map(|order| Some((self.found_at(order, asked)?, order))).collect();
        found.sort_by_key(|(at, order)| (*at, order.id.clone()));
        let after = |(at, order): &(Timestamp, &Order)| Some(format!("{at}/{}", order.id));
        found.retain(|found| asked.token.is_none() || after(found) > asked.token);
        let next = found.get(PAGE - 1).filter(|_| found.len() > PAGE).and_then(after);
        found.truncate(PAGE);
        if whim.jumbled {
            found.reverse();
            found.extend(found.first().copied());
        }
        let orders: Vec<Order> = found.iter().map(|(_, order)| self.stated(order, whim)).collect();
        let listed = if card.pages_carry_orders {
            Listed { heads: Vec::new(), orders, next }
        } else {
            let revision = |order: &Order| order.revision.filter(|_| card.heads_carry_revision);
            let head = |(_, order): &(Timestamp, &Order)| HeadLetter {
                id: order.id.clone(),
                placed_at: order.placed_at,
                revision: revision(order),
            };
            Listed { heads: found.iter().map(head).collect(), orders: Vec::new(), next }
        };
        Answered::ok(&listed)
    }

    /// The time by which the search finds it, if it does.
    fn found_at(&self, order: &Order, asked: &Search) -> Option<Timestamp> {
        if let Some(family) = &asked.family {
            let is_member = order.id == *family || order.family.as_ref().is_some_and(|of| of.id == *family);
            return is_member.then_some(order.placed_at);
        }
        let at = match self.nature.card().orders.found_by {
            FoundBy::Placed => order.placed_at,
            FoundBy::Updated => order.updated_at.unwrap_or(order.placed_at),
        };
        let open = !asked.open_only || !order.is_closed();
        ((asked.from..=asked.to).contains(&at) && open).then_some(at)
    }

    fn published<'a>(&self, kept: &'a Kept, now: Timestamp) -> Option<&'a Order> {
        if self.lie == Some(Lie::ForgottenOrder) && kept.order.id == format!("{}-{FORGOTTEN:05}", self.id) {
            return None;
        }
        if kept.published_at <= now { Some(&kept.order) } else { kept.before.as_ref() }
    }

    /// As the mall happens to state it; where states are numbered, an old one carries its old number.
    fn stated(&self, order: &Order, whim: Whim) -> Order {
        let before = self.orders.get(&order.id).and_then(|kept| kept.before.as_ref()).filter(|_| whim.stale);
        before.unwrap_or(order).clone()
    }

    fn by_id(&self, ids: &[String], now: Timestamp, whim: Whim) -> Answered {
        let mut whole = Whole::default();
        for id in ids {
            let known = self.orders.get(id).and_then(|kept| self.published(kept, now).map(|_| &kept.order));
            match known {
                Some(order) => whole.orders.push(self.stated(order, whim)),
                None => whole.missing.push(id.clone()),
            }
        }
        Answered::ok(&whole)
    }

    fn read(&self, keys: &[String]) -> Answered {
        let more = i64::from(self.lie == Some(Lie::FalseReading));
        let counters: Counters = keys.iter().map(|key| self.counter(key).map(|figure| figure + more)).collect();
        Answered::ok(&counters)
    }

    fn push(&mut self, entries: &[Entry], now: Timestamp, whim: Whim) -> Answered {
        let card = self.nature.card();
        let way = entries.first().and_then(|entry| card.write_way("", mode(entry.write)));
        let Some(way) = way.filter(|way| entries.len() <= way.batch_max) else {
            self.breaches.push(format!("a batch of {} writes that the card doesn't allow", entries.len()));
            return Answered::bad(400);
        };
        if way.batch == Batch::AllOrNothing {
            let busy = |n: usize| (whim.busy && n == 0).then_some(Said::Busy);
            let judged = entries.iter().enumerate().map(|(n, entry)| (n, busy(n).or_else(|| self.judge(entry))));
            let refused: Vec<(usize, Said)> = judged.filter_map(|(n, said)| Some((n, said?))).collect();
            if !refused.is_empty() {
                return Answered { status: 422, ..Answered::ok(&refused) };
            }
        }
        if whim.lies {
            return Answered::ok(&entries.iter().map(|_| Said::Applied { now: None }).collect::<Vec<_>>());
        }
        let busy = usize::from(whim.busy);
        let mut said = vec![Said::Busy; busy];
        said.extend(self.write(&entries[busy..], now, whim.effect));
        Answered::ok(&said)
    }

    /// Why the entry is refused.
    fn judge(&self, entry: &Entry) -> Option<Said> {
        let Some(counter) = self.counter(&entry.key) else {
            return (!self.nature.accepts_anything).then_some(Said::NoSuchItem);
        };
        let below = self.nature.card().write_way("", mode(entry.write)).map(|way| way.below_zero);
        match entry.write {
            Write::Absolute(figure) | Write::CompareAndSet { to: figure, .. } => {
                (!(0..=QUANTITY_MAX).contains(&figure)).then_some(Said::OutOfRange)
            }
            Write::Relative(delta) => {
                (counter + delta < 0 && below == Some(BelowZero::Refused)).then_some(Said::BelowZero)
            }
        }
    }

    pub(super) fn write(&mut self, entries: &[Entry], now: Timestamp, effect: Duration) -> Vec<Said> {
        entries.iter().map(|entry| self.write_one(entry, now, effect)).collect()
    }

    fn write_one(&mut self, entry: &Entry, now: Timestamp, effect: Duration) -> Said {
        if let Some(refused) = self.judge(entry) {
            return refused;
        }
        let Some(counter) = self.counter(&entry.key) else { return Said::Applied { now: None } };
        let card = self.nature.card();
        let clamps = card.write_way("", mode(entry.write)).is_some_and(|way| way.below_zero == BelowZero::Clamped);
        let figure = match entry.write {
            Write::Absolute(figure) => figure,
            Write::Relative(delta) if clamps => (counter + delta).max(0),
            Write::Relative(delta) => counter + delta,
            Write::CompareAndSet { from, .. } if from != counter => return Said::Conflict { shows: counter },
            Write::CompareAndSet { to, .. } => to,
        };
        if card.times.effect_lag.is_some() {
            if let Some(item) = self.items.get_mut(&entry.key) {
                item.pending.push((later(now, effect), figure));
            }
            return Said::Applied { now: None };
        }
        self.set(&entry.key, figure, "written");
        Said::Applied { now: self.nature.tells_figure.then_some(figure) }
    }
}

fn mode(write: Write) -> WriteMode {
    match write {
        Write::Absolute(_) => WriteMode::Absolute,
        Write::Relative(_) => WriteMode::Relative,
        Write::CompareAndSet { .. } => WriteMode::CompareAndSet,
    }
}
