//! Malls that sell, forget to tell, clamp, lose answers and apply late; a hub in escrow that acts by the real rules.

use proptest::prelude::*;
use uriba_sdk::{Outcome, Write};

use super::*;
use crate::domain::{
    publication::{Look, Next, Outstanding, Publication, Situation, Ways, WriteState},
    settle::{self, Exchange, Note, Sale, Times},
};

const STOCK: i64 = 9;
/// Orders can be found so long after they were placed.
const LAG_S: i64 = 20;

#[derive(Clone, Copy, Debug)]
enum Act {
    Buy(usize, i64),
    Poll(usize),
    Push(usize, Fate),
    Read(usize),
    Checkout(i64),
    /// Shares follow a demand that changes like the weather: orders an hour of each mall.
    Balance([f64; 3]),
    Wait(i64),
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    /// Applied, and the answer doesn't say what is shown now.
    Curt,
    /// Applied, and the answer lost.
    Lost,
    /// Never applied, and no answer.
    Nothing,
    /// Applied, so long after it was given up.
    Late(i64),
}

struct Mall {
    relative: bool,
    real: i64,
    unread: Vec<Sale>,
    sales: Vec<Sale>,
    late: Vec<(i64, Write)>,
    publication: Publication,
    watermark: i64,
    /// Units missing at a reading, and when: held until orders explain them.
    held: Vec<(i64, Timestamp)>,
    share: Option<i64>,
}

struct World {
    second: i64,
    stock: i64,
    booked: i64,
    malls: Vec<Mall>,
}

fn times() -> Times {
    Times {
        precision: Duration::from_secs(1),
        late_apply: MINUTE,
        effect_max: None,
        effect_typical: Duration::ZERO,
        readable: true,
    }
}

impl Mall {
    fn new(relative: bool) -> Self {
        let anchor = Some(Look { value: 3, from: at(-30), to: at(-29) });
        let publication = Publication { anchor, target: Some(3), checked: true, ..Publication::default() };
        let (unread, sales, late, held) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { relative, real: 3, unread, sales, late, publication, watermark: 0, held, share: Some(3) }
    }

    fn land(&mut self, write: Write) -> Option<i64> {
        self.real = match write {
            Write::Absolute(figure) => figure,
            // A mall that clamps: the worst there is for escrow.
            Write::Relative(delta) => (self.real + delta).max(0),
            Write::CompareAndSet { .. } => panic!("nobody here can"),
        };
        self.relative.then_some(self.real)
    }

    fn note(&mut self, notes: Vec<Note>) {
        for note in notes {
            if let Note::Missing { units, at, .. } = note {
                self.held.push((units, at));
                self.share = self.share.map(|share| after_sale(share, units));
            }
        }
    }

    fn ways(&self) -> Ways {
        Ways { relative: self.relative, compare_and_set: false }
    }
}

impl World {
    fn new() -> Self {
        Self { second: 0, stock: STOCK, booked: 0, malls: [true, false, true].into_iter().map(Mall::new).collect() }
    }

    fn sellable(&self) -> i64 {
        let held: i64 = self.malls.iter().flat_map(|mall| &mall.held).map(|(units, _)| units).sum();
        self.stock - self.booked - held
    }

    fn exposure(&self) -> i64 {
        self.malls.iter().map(|mall| mall.publication.ceiling().unwrap()).sum()
    }

    fn sold(&self) -> i64 {
        let unread = self.malls.iter().flat_map(|mall| &mall.unread).map(|sale| sale.units);
        self.booked + unread.sum::<i64>()
    }

    fn act(&mut self, act: Act) {
        self.wait(1);
        match act {
            Act::Buy(index, units) => {
                let second = self.second;
                let mall = &mut self.malls[index];
                if mall.real >= units {
                    mall.real -= units;
                    mall.unread.push(Sale { placed_at: at(second), units });
                }
            }
            Act::Poll(index) => self.poll(index),
            Act::Push(index, fate) => self.push(index, fate),
            Act::Read(index) => self.read(index),
            Act::Checkout(units) => {
                if units <= free(self.exposure(), self.sellable()) {
                    self.booked += units;
                }
            }
            Act::Balance(rates) => self.balance(rates),
            Act::Wait(seconds) => self.wait(seconds),
        }
    }

    fn wait(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.second += 1;
            let now = self.second;
            for mall in &mut self.malls {
                let (due, late) = mall.late.iter().partition(|(when, _)| *when <= now);
                mall.late = late;
                let due: Vec<(i64, Write)> = due;
                for (_, write) in due {
                    mall.land(write);
                }
            }
        }
    }

    fn poll(&mut self, index: usize) {
        let now = at(self.second);
        let watermark = self.second - LAG_S;
        let mall = &mut self.malls[index];
        let (seen, unread) = mall.unread.iter().partition(|sale| sale.placed_at <= at(watermark));
        mall.unread = unread;
        let seen: Vec<Sale> = seen;
        for sale in seen {
            mall.sales.push(sale);
            mall.publication.sold(sale.units, sale.placed_at);
            let mut left = sale.units;
            for (held, _) in mall.held.iter_mut().filter(|(_, stamp)| sale.placed_at <= *stamp) {
                let explained = left.min(*held);
                (*held, left) = (*held - explained, left - explained);
            }
            mall.share = mall.share.map(|share| after_sale(share, left));
            self.booked += sale.units;
        }
        mall.watermark = watermark;
        mall.publication.orders_known(at(watermark));
        let sales = mall.sales.clone();
        let notes = settle::judge(&mut mall.publication, now, Some(at(watermark)), &sales, &times());
        mall.note(notes);
    }

    fn push(&mut self, index: usize, fate: Fate) {
        let room = room(self.exposure(), self.sellable(), 0, 1);
        let now = self.second;
        let mall = &mut self.malls[index];
        let here = Situation {
            now: at(now),
            watermark: Some(at(mall.watermark)),
            live: true,
            switch: None,
            baseline_done: true,
            stop_raise: false,
            outdated: false,
            not_ours: false,
            room: Some(room),
        };
        mall.publication.target = mall.share.or(Some(0));
        let Next::Write { write, .. } = mall.publication.next(mall.ways(), &here) else { return };
        let horizon = settle::horizon(at(now), &times());
        mall.publication.claim(Outstanding { id: now, write, sent_at: at(now), horizon, state: WriteState::Unknown });
        let exchange = Exchange::new(at(now), at(now + 2));
        match fate {
            Fate::Answered | Fate::Curt => {
                let figure = mall.land(write).filter(|_| matches!(fate, Fate::Answered));
                let sales = mall.sales.clone();
                let outcome = Outcome::Applied { now: figure };
                let notes = settle::outcome(&mut mall.publication, now, &outcome, exchange, &times(), &sales, 0);
                mall.note(notes);
                self.second += 2;
            }
            Fate::Lost => {
                mall.land(write);
                settle::unknown(&mut mall.publication, now, exchange, &times());
            }
            Fate::Nothing => settle::unknown(&mut mall.publication, now, exchange, &times()),
            Fate::Late(seconds) => {
                mall.late.push((now + seconds, write));
                settle::unknown(&mut mall.publication, now, exchange, &times());
            }
        }
    }

    fn read(&mut self, index: usize) {
        let mall = &mut self.malls[index];
        let look = Look { value: mall.real, from: at(self.second - 1), to: at(self.second) };
        let sales = mall.sales.clone();
        let notes = settle::reading(&mut mall.publication, look, Some(at(mall.watermark)), &sales, &times());
        mall.note(notes);
        self.second += 1;
    }

    fn balance(&mut self, rates: [f64; 3]) {
        let now = at(self.second);
        let stock = Stock { storefront: Some(Forecast::certain(1e-4)), ..stock(self.sellable()) };
        let listings: Vec<Listing<&'static str>> = self
            .malls
            .iter()
            .zip(rates)
            .map(|(mall, rate)| Listing {
                ceiling: mall.publication.ceiling(),
                share: mall.share,
                reach: if mall.relative { Reach::Direct } else { Reach::ThroughZero },
                ..selling(rate, listing("here", 0))
            })
            .collect();
        let decided = balance(&stock, &listings, &ESCROW, None, now);
        let shared: i64 = decided.shares.iter().map(|share| share.units.unwrap()).sum();
        assert!(shared <= self.sellable().max(0), "{shared} of {} are shared out", self.sellable());
        for (mall, share) in self.malls.iter_mut().zip(decided.shares) {
            mall.share = share.units;
        }
    }
}

fn rate() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.01), Just(1.0), Just(100.0)]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let fate = prop_oneof![
        3 => Just(Fate::Answered),
        3 => Just(Fate::Curt),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Nothing),
        1 => (1..60_i64).prop_map(Fate::Late),
    ];
    let act = prop_oneof![
        4 => (0..3_usize, 1..6_i64).prop_map(|(mall, units)| Act::Buy(mall, units)),
        4 => (0..3_usize).prop_map(Act::Poll),
        6 => (0..3_usize, fate).prop_map(|(mall, fate)| Act::Push(mall, fate)),
        2 => (0..3_usize).prop_map(Act::Read),
        1 => (1..3_i64).prop_map(Act::Checkout),
        3 => [rate(), rate(), rate()].prop_map(Act::Balance),
        2 => (1..60_i64).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_that_the_hub_does_exposes_more_than_there_is(acts in acts()) {
        let mut world = World::new();
        for act in acts {
            let before = world.exposure() - world.sellable();
            world.act(act);
            let after = world.exposure() - world.sellable();
            // Orders within an anchor's window lower sellable for certain and `shown` perhaps, until the next reading.
            let heard = matches!(act, Act::Poll(_) | Act::Read(_));
            prop_assert!(heard || after <= before.max(0), "{act:?} took the bound from {before} to {after}");
            prop_assert!(world.sold() <= STOCK, "{} of {STOCK} are sold", world.sold());
        }
    }
}
