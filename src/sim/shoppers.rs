//! Customers of the malls, and the warehouse that serves them. They arrive by chance, in bursts now and then, and in
//! crowds on the one sale day; some cancel, some want more, some orders are split, most are shipped.

use std::{sync::Arc, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{Ground, seller::Seller};

/// On a usual day, over all malls.
const ORDERS_A_DAY: f64 = 150.0;
const BURST: f64 = 12.0;
const BURST_LENGTH: Duration = Duration::from_secs(900);
const SALE: f64 = 6.0;
const SALE_LENGTH: Duration = Duration::from_secs(2 * 3_600);

pub struct Shoppers {
    ground: Arc<Ground>,
    seller: Arc<Seller>,
    dice: StdRng,
    /// Nobody comes any more from then on.
    until: Duration,
    sale_at: Duration,
    burst_until: Duration,
    plans: Vec<(Duration, String, String, Deed)>,
}

/// What becomes of an order.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Cancel,
    Raise,
    Split,
    Ship,
    Return,
}

impl Shoppers {
    pub fn new(ground: Arc<Ground>, seller: Arc<Seller>, seed: u64, until: Duration) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let sale_at = until.mul_f64(dice.random_range(0.1..0.8));
        Self { ground, seller, dice, until, sale_at, burst_until: Duration::ZERO, plans: Vec::new() }
    }

    /// Orders that were placed before the hub was there.
    pub fn come_early(&mut self, orders: usize) {
        for _ in 0..orders {
            self.buy();
        }
    }

    pub async fn live(mut self) {
        loop {
            let now = self.ground.clock.elapsed();
            let gap = self.gap(now);
            let planned = self.plans.iter().map(|(at, ..)| *at).min().unwrap_or(Duration::MAX);
            let next = (now + gap).min(planned.max(now));
            if next >= self.until {
                return;
            }
            self.ground.clock.rest(next.saturating_sub(now)).await;
            let now = self.ground.clock.elapsed();
            match self.plans.iter().position(|(at, ..)| *at <= now) {
                Some(index) => {
                    let (_, mall, order, deed) = self.plans.swap_remove(index);
                    self.carry_out(&mall, &order, deed);
                }
                None => self.buy(),
            }
        }
    }

    fn gap(&mut self, now: Duration) -> Duration {
        if self.burst_until < now && self.dice.random_bool(0.02) {
            self.burst_until = now + BURST_LENGTH;
        }
        let mut rate = ORDERS_A_DAY / 86_400.0;
        if now < self.burst_until {
            rate *= BURST;
        }
        if now >= self.sale_at && now < self.sale_at + SALE_LENGTH {
            rate *= SALE;
        }
        let luck: f64 = self.dice.random_range(1e-9..1.0);
        Duration::from_secs_f64(-luck.ln() / rate)
    }

    fn hidden(&self, mall: &str) -> Duration {
        let nature = self.ground.with(mall, |mall| mall.nature);
        nature.map(|nature| self.ground.faults().hidden(nature)).unwrap_or_default()
    }

    fn buy(&mut self) {
        let shelves = self.seller.shelves();
        // Some goods sell much better than others.
        let pick = |dice: &mut StdRng| {
            let x: f64 = dice.random_range(0.0..1.0);
            shelves[((x * x * shelves.len() as f64) as usize).min(shelves.len() - 1)].clone()
        };
        let (mall, key, _) = pick(&mut self.dice);
        let mut wanted = vec![(key, if self.dice.random_bool(0.7) { 1 } else { self.dice.random_range(2..4) })];
        if self.dice.random_bool(0.15) {
            let (_, other, _) = pick(&mut self.dice);
            let sold_there = shelves.iter().any(|(at, key, _)| *at == mall && *key == other);
            if sold_there && other != wanted[0].0 {
                wanted.push((other, 1));
            }
        }
        let (now, hidden) = (self.ground.clock.now(), self.hidden(&mall));
        let bought = self.ground.with(&mall, |mall| mall.buy(&wanted, now, hidden)).flatten();
        let Some(id) = bought else {
            self.ground.tally().turned_away += 1;
            return;
        };
        self.ground.tally().orders += 1;
        self.ground.note(|| format!("{mall} sells {wanted:?} as {id}"));
        self.ground.note_effects(&mall);
        self.seller.look_at_worst();
        self.plan(mall, id);
    }

    fn plan(&mut self, mall: String, id: String) {
        let now = self.ground.clock.elapsed();
        let within =
            |dice: &mut StdRng, hours: f64| now + Duration::from_secs_f64(dice.random_range(1.0..hours * 3_600.0));
        let mut at = |this: &mut StdRng, hours, deed| {
            let at = within(this, hours);
            self.plans.push((at, mall.clone(), id.clone(), deed));
        };
        let dice = &mut self.dice;
        if dice.random_bool(0.08) && !self.seller.kind.quiet {
            at(dice, 2.0, Deed::Raise);
        }
        if dice.random_bool(0.1) {
            at(dice, 4.0, Deed::Split);
        }
        match dice.random_range(0..10) {
            0..2 => at(dice, 6.0, Deed::Cancel),
            2..9 => {
                at(dice, 12.0, Deed::Ship);
                if dice.random_bool(0.05) {
                    at(dice, 24.0, Deed::Return);
                }
            }
            _ => {}
        }
    }

    fn carry_out(&mut self, mall: &str, order: &str, deed: Deed) {
        let (now, hidden) = (self.ground.clock.now(), self.hidden(mall));
        let done = match deed {
            Deed::Cancel => self.ground.with(mall, |mall| mall.cancel(order, now, hidden)),
            Deed::Raise => self.ground.with(mall, |mall| mall.raise(order, 1, now, hidden)),
            Deed::Split => {
                let split =
                    |mall: &mut super::mall::Mall| mall.nature.card().orders.families && mall.split(order, now, hidden);
                self.ground.with(mall, split)
            }
            Deed::Return => self.ground.with(mall, |mall| mall.send_back(order, now, hidden)),
            Deed::Ship => Some(self.seller.ship(mall, order, hidden)),
        };
        if done == Some(true) {
            self.ground.note(|| format!("{mall} {order}: {deed:?}"));
            self.ground.note_effects(mall);
            self.seller.look_at_worst();
        }
    }
}
