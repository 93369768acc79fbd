//! uriba itself: the real `Publication::next`, `settle`, `allocation`, `demand` and `exposure::balance`, in memory.
//!
//! What the service has around them is left out: no database, no HTTP, no faults. Polls, lags, writes on their way
//! and readings take their time.

use std::time::Duration;

use jiff::Timestamp;
use uriba::domain::{
    allocation::{self, Rules},
    demand::{Demand, Prior, Tally as Seen},
    exposure::{
        self, Listing, Mode, Reach, Stock, after_sale,
        blind::counted,
        mode::{InForce, Policy},
    },
    publication::{Look, Next, Outstanding, Publication, Situation, Urgency, Ways, WriteState},
    settle::{self, Exchange, Note, Sale, Times},
};
use uriba_sdk::{Outcome, Write};

use super::{
    street::{CHANNELS, SHOP, Scenario, Shopper},
    world::{Agenda, MANNERS, Malls, PUSH_MS, Tally},
};

/// A refused checkout wants its units kept so long.
const RECALL_MS: i64 = 60_000;
/// A channel that was not heard of for three polls is blind.
const BLIND_POLLS: i64 = 3;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Poll(usize),
    /// The channel's line to its mall is free: write or read something.
    Turn(usize),
    Lands(usize, usize, i64, Say),
    Answers(usize, Vec<(usize, i64)>, i64),
    Read(usize, usize, i64),
    Reconsider(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Say {
    Figure(i64),
    Change(i64),
}

struct Face {
    publication: Publication,
    share: Option<i64>,
    demand: Demand,
    sales: Vec<Sale>,
    held: Vec<(i64, Timestamp)>,
}

struct Sku {
    faces: Vec<Face>,
    shop: Demand,
    booked: i64,
    in_force: Option<InForce>,
    reconsider_at: i64,
    recalled: i64,
    recalled_until: i64,
}

pub struct Hub<'a> {
    scenario: &'a Scenario,
    policy: Policy,
    skus: Vec<Sku>,
    malls: Malls,
    agenda: Agenda<Event>,
    watermarks: [i64; SHOP],
    busy: [bool; SHOP],
    prior: Prior,
    writes: i64,
}

pub fn play(scenario: &Scenario, shoppers: &[Shopper], phases: [f64; SHOP], policy: Policy) -> Tally {
    let mut hub = Hub::open(scenario, phases, policy);
    for shopper in shoppers {
        while let Some((ms, event)) = hub.agenda.before(shopper.ms) {
            hub.on(ms, event);
        }
        if shopper.channel == SHOP {
            hub.checkout(shopper);
        } else {
            hub.malls.visit(shopper);
        }
    }
    hub.malls.tally
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + ms).expect("within a year")
}

fn ms_of(instant: Timestamp) -> i64 {
    instant.as_millisecond() - 1_800_000_000_000
}

fn span(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}

impl<'a> Hub<'a> {
    fn open(scenario: &'a Scenario, phases: [f64; SHOP], policy: Policy) -> Self {
        let whole: f64 = scenario.popular.iter().sum();
        let skus = scenario.popular.iter().map(|part| Sku::new(scenario, part / whole));
        let mut hub = Self {
            scenario,
            policy,
            skus: skus.collect(),
            malls: Malls::new(scenario),
            agenda: Agenda::new(),
            watermarks: [-1; SHOP],
            busy: [false; SHOP],
            prior: Prior::default(),
            writes: 0,
        };
        for (channel, phase) in phases.into_iter().enumerate() {
            hub.agenda.add((phase * MANNERS[channel].poll_ms as f64) as i64, Event::Poll(channel));
        }
        // The day begins with everything on show, and settled.
        for sku in 0..hub.skus.len() {
            hub.balance(sku, 0);
            for channel in 0..SHOP {
                let figure = hub.skus[sku].faces[channel].publication.target.unwrap_or(0);
                let publication = &mut hub.skus[sku].faces[channel].publication;
                publication.anchor = Some(Look { value: figure, from: at(-1_000), to: at(-1_000) });
                hub.malls.shows[channel][sku] = figure;
                hub.lit(sku, channel, 0);
            }
        }
        hub
    }

    fn times(&self, channel: usize) -> Times {
        let lags = channel == 1 && self.scenario.effect_s > 0.0;
        Times {
            precision: Duration::from_secs(1),
            late_apply: Duration::from_secs(60),
            effect_max: lags.then_some(Duration::from_secs(900)),
            effect_typical: Duration::from_secs_f64(self.scenario.effect_s),
            readable: true,
        }
    }

    fn on(&mut self, ms: i64, event: Event) {
        match event {
            Event::Poll(channel) => self.poll(channel, ms),
            Event::Turn(channel) => {
                self.busy[channel] = false;
                self.turn(channel, ms);
            }
            Event::Lands(channel, sku, _, say) => {
                let shows = &mut self.malls.shows[channel][sku];
                *shows = match say {
                    Say::Figure(figure) => figure,
                    Say::Change(delta) => (*shows + delta).max(0),
                };
            }
            Event::Answers(channel, items, sent) => self.answers(channel, items, sent, ms),
            Event::Read(channel, sku, sent) => {
                let look = Look { value: self.malls.shows[channel][sku], from: at(sent), to: at(ms) };
                let (times, watermark) = (self.times(channel), at(self.watermarks[channel]));
                let face = &mut self.skus[sku].faces[channel];
                let notes = settle::reading(&mut face.publication, look, Some(watermark), &face.sales, &times);
                face.note(notes);
                self.lit(sku, channel, ms);
                self.balance(sku, ms);
                self.on(ms, Event::Turn(channel));
            }
            Event::Reconsider(sku) => {
                if self.skus[sku].reconsider_at <= ms {
                    self.balance(sku, ms);
                }
            }
        }
    }

    fn poll(&mut self, channel: usize, ms: i64) {
        let manner = MANNERS[channel];
        self.agenda.add(ms + manner.poll_ms, Event::Poll(channel));
        if self.scenario.is_down(channel, ms) {
            (0..self.skus.len()).for_each(|sku| self.balance(sku, ms));
            return;
        }
        let mut touched: Vec<usize> = Vec::new();
        for placed in self.malls.found(channel, ms - manner.lag_ms) {
            self.skus[placed.sku].book(channel, at(placed.ms));
            touched.push(placed.sku);
        }
        self.watermarks[channel] = ms - manner.lag_ms - 1;
        let (times, watermark) = (self.times(channel), at(self.watermarks[channel]));
        for (index, sku) in self.skus.iter_mut().enumerate() {
            let face = &mut sku.faces[channel];
            if face.publication.is_settled() {
                continue;
            }
            face.publication.orders_known(watermark);
            let notes = settle::judge(&mut face.publication, at(ms), Some(watermark), &face.sales, &times);
            face.note(notes);
            touched.push(index);
        }
        touched.sort_unstable();
        touched.dedup();
        for sku in touched {
            self.lit(sku, channel, ms);
            self.balance(sku, ms);
        }
        self.turn(channel, ms);
    }

    /// The shop asks the hub itself.
    fn checkout(&mut self, shopper: &Shopper) {
        let escrow = self.skus[shopper.sku].mode() == Mode::Escrow;
        let sellable = self.sellable(shopper.sku);
        let free = if escrow { exposure::free(self.skus[shopper.sku].exposure(), sellable) } else { sellable };
        self.malls.count(shopper, free >= 1);
        let sku = &mut self.skus[shopper.sku];
        if free >= 1 {
            sku.booked += 1;
            sku.shop.sold(1, at(shopper.ms));
        } else if escrow && sellable > 0 {
            (sku.recalled, sku.recalled_until) = (1, shopper.ms + RECALL_MS);
        }
        sku.shop.shows(free > 1, at(shopper.ms));
        self.balance(shopper.sku, shopper.ms);
    }

    fn sellable(&self, sku: usize) -> i64 {
        let held: i64 = self.skus[sku].faces.iter().flat_map(|face| &face.held).map(|(units, _)| units).sum();
        self.scenario.stock[sku] - self.skus[sku].booked - held
    }

    fn lit(&mut self, sku: usize, channel: usize, ms: i64) {
        // Time counts as far as the orders are known: until then nobody can say that nothing sold.
        let known = at(self.watermarks[channel].clamp(0, ms));
        let face = &mut self.skus[sku].faces[channel];
        let lit = face.publication.shown().is_some_and(|shown| shown.mid > 0);
        face.demand.shows(lit, known);
    }

    fn balance(&mut self, index: usize, ms: i64) {
        let sellable = self.sellable(index);
        let sku = &self.skus[index];
        let recalled = if sku.recalled_until > ms { sku.recalled } else { 0 };
        let stock = Stock {
            sellable,
            storefront: Some(sku.shop.forecast(&self.prior, at(ms))),
            recalled,
            recalled_until: (recalled > 0).then(|| at(sku.recalled_until)),
        };
        let listings: Vec<Listing<usize>> = (0..SHOP).map(|channel| self.listing(sku, channel, ms)).collect();
        let decided = exposure::balance(&stock, &listings, &self.policy, sku.in_force, at(ms));
        let sku = &mut self.skus[index];
        if sku.in_force.is_none_or(|in_force| in_force.mode != decided.mode) {
            sku.in_force = Some(InForce { mode: decided.mode, since: at(ms) });
        }
        for (channel, share) in decided.shares.iter().enumerate() {
            let others = decided.shares.iter().map(|share| share.blind).sum::<i64>() - share.blind;
            let face = &mut sku.faces[channel];
            face.share = share.units;
            face.publication.target = Some(match share.units {
                Some(units) => allocation::target_of_share(units, 1, &Rules::default(), 99_999, at(ms)),
                None => allocation::target(sellable, others, 1, &Rules::default(), 99_999, at(ms)),
            });
        }
        let again = ms_of(decided.reconsider_at).max(ms + 1_000);
        if sku.reconsider_at <= ms || again < sku.reconsider_at {
            sku.reconsider_at = again;
            self.agenda.add(again, Event::Reconsider(index));
        }
        (0..SHOP).for_each(|channel| self.turn(channel, ms));
    }

    fn listing(&self, sku: &Sku, channel: usize, ms: i64) -> Listing<usize> {
        let (face, manner) = (&sku.faces[channel], MANNERS[channel]);
        let heard = span(manner.poll_ms + manner.lag_ms + 2 * PUSH_MS);
        let effect = Duration::from_secs_f64(if channel == 1 { 2.0 * self.scenario.effect_s } else { 0.0 });
        let reach = match manner.relative {
            _ if self.scenario.is_down(channel, ms) => Reach::Away,
            true => Reach::Direct,
            false => Reach::ThroughZero,
        };
        Listing {
            listing: channel,
            units: 1,
            ceiling: face.publication.ceiling(),
            share: face.share,
            reach,
            fixed: None,
            priority: 0,
            most: 99_999,
            forecast: face.demand.forecast(&self.prior, at(self.watermarks[channel].clamp(0, ms))),
            silent: span(ms - self.watermarks[channel]),
            missing: 0,
            unheard: counted(span(ms - self.watermarks[channel]), span(BLIND_POLLS * manner.poll_ms)),
            blind: heard,
            turn: if manner.relative { span(3 * PUSH_MS) } else { heard + effect },
        }
    }

    /// One request: the most urgent writes, else a reading that is due.
    fn turn(&mut self, channel: usize, ms: i64) {
        if self.busy[channel] || self.scenario.is_down(channel, ms) {
            return;
        }
        let manner = MANNERS[channel];
        let ways = Ways { relative: manner.relative, compare_and_set: false };
        let mut wishes: Vec<(Urgency, i64, usize, Write)> = Vec::new();
        let mut reads = None;
        for (index, sku) in self.skus.iter().enumerate() {
            let publication = &sku.faces[channel].publication;
            let room = (sku.mode() == Mode::Escrow).then(|| exposure::room(sku.exposure(), self.sellable(index), 0, 1));
            let here = Situation {
                now: at(ms),
                watermark: Some(at(self.watermarks[channel])),
                live: true,
                switch: None,
                baseline_done: true,
                stop_raise: false,
                outdated: false,
                not_ours: false,
                room,
            };
            match publication.next(ways, &here) {
                Next::Write { write, urgency, units } => wishes.push((urgency, units, index, write)),
                Next::Read => reads = Some(index),
                Next::Rest(_) => {}
            }
            if publication.read_due.is_some_and(|due| due <= at(ms)) {
                reads = Some(index);
            }
        }
        wishes.sort_by_key(|(urgency, units, ..)| std::cmp::Reverse((*urgency, *units)));
        wishes.truncate(manner.batch);
        if wishes.is_empty() {
            if let Some(sku) = reads {
                self.busy[channel] = true;
                self.skus[sku].faces[channel].publication.read_due = None;
                self.agenda.add(ms + PUSH_MS / 2, Event::Read(channel, sku, ms));
            }
            return;
        }
        self.busy[channel] = true;
        let times = self.times(channel);
        let effect = if channel == 1 { (self.scenario.effect_s * 1_000.0) as i64 } else { 0 };
        let mut items = Vec::new();
        for (_, _, sku, write) in wishes {
            self.writes += 1;
            self.malls.tally.pushes += 1;
            let say = match write {
                Write::Absolute(figure) | Write::CompareAndSet { to: figure, .. } => Say::Figure(figure),
                Write::Relative(delta) => Say::Change(delta),
            };
            let horizon = settle::horizon(at(ms), &times);
            let (id, state) = (self.writes, WriteState::Unknown);
            self.skus[sku].faces[channel].publication.claim(Outstanding { id, write, sent_at: at(ms), horizon, state });
            self.agenda.add(ms + PUSH_MS / 2 + effect, Event::Lands(channel, sku, id, say));
            items.push((sku, id));
        }
        self.agenda.add(ms + PUSH_MS, Event::Answers(channel, items, ms));
    }

    fn answers(&mut self, channel: usize, items: Vec<(usize, i64)>, sent: i64, ms: i64) {
        self.busy[channel] = false;
        let times = self.times(channel);
        let exchange = Exchange::new(at(sent), at(ms));
        for (sku, id) in items {
            let face = &mut self.skus[sku].faces[channel];
            let answer = Outcome::Applied { now: None };
            let notes = settle::outcome(&mut face.publication, id, &answer, exchange, &times, &face.sales, 0);
            face.note(notes);
            if let Some(due) = face.publication.read_due {
                self.agenda.add(ms_of(due).max(ms), Event::Turn(channel));
            }
            self.lit(sku, channel, ms);
            self.balance(sku, ms);
        }
        self.turn(channel, ms);
    }
}

impl Sku {
    fn new(scenario: &Scenario, part: f64) -> Self {
        let demand = |channel: usize| {
            let mut demand = Demand::new(at(0));
            if let Some(usual) = scenario.usual {
                // A month of the usual, as the tallies would stand.
                let rate = usual[channel] * part;
                let seen = |seconds: f64| Seen { orders: rate * seconds, shown_s: seconds };
                (demand.usual, demand.lately) = (seen(20.0 * 86_400.0), seen(2_000.0));
                (demand.units, demand.largest) = (demand.usual.orders, demand.usual.orders.min(1.0));
                demand.lit = true;
            }
            demand
        };
        let face = |channel| Face {
            publication: Publication { checked: true, ..Publication::default() },
            share: None,
            demand: demand(channel),
            sales: Vec::new(),
            held: Vec::new(),
        };
        let shop = Demand { lit: true, ..demand(CHANNELS - 1) };
        let faces = (0..SHOP).map(face).collect();
        Self { faces, shop, booked: 0, in_force: None, reconsider_at: 0, recalled: 0, recalled_until: 0 }
    }

    fn mode(&self) -> Mode {
        self.in_force.map_or(Mode::Shared, |in_force| in_force.mode)
    }

    fn exposure(&self) -> i64 {
        self.faces.iter().map(|face| face.publication.ceiling().unwrap_or(0)).sum()
    }

    fn book(&mut self, channel: usize, placed_at: Timestamp) {
        let face = &mut self.faces[channel];
        self.booked += 1;
        face.sales.push(Sale { placed_at, units: 1 });
        face.publication.sold(1, placed_at);
        face.demand.sold(1, placed_at);
        match face.held.iter_mut().find(|(held, stamp)| *held > 0 && placed_at <= *stamp) {
            // Its share has fallen by this one already, when it was missed.
            Some((held, _)) => *held -= 1,
            None => face.share = face.share.map(|share| after_sale(share, 1)),
        }
    }
}

impl Face {
    fn note(&mut self, notes: Vec<Note>) {
        for note in notes {
            if let Note::Missing { units, at, .. } = note {
                self.held.push((units, at));
                self.share = self.share.map(|share| after_sale(share, units));
            }
        }
    }
}
