//! Shoppers: who comes when, to which channel, for what. Drawn once per seed, so that every hub meets the same.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Rakuten, Amazon, Yahoo!, the seller's own shop.
pub const CHANNELS: usize = 4;
pub const SHOP: usize = 3;
/// How demand is spread over them.
pub const PARTS: [f64; CHANNELS] = [0.4, 0.3, 0.2, 0.1];

#[derive(Clone, Copy, Debug)]
pub struct Shopper {
    pub ms: i64,
    pub channel: usize,
    pub sku: usize,
}

/// From then on, so many orders a second on each channel, over all SKUs.
#[derive(Clone, Debug)]
pub struct Phase {
    pub from_s: f64,
    pub per_second: [f64; CHANNELS],
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub says: &'static str,
    /// Units of each SKU.
    pub stock: Vec<i64>,
    /// The part of the orders that each SKU draws.
    pub popular: Vec<f64>,
    pub phases: Vec<Phase>,
    pub length_s: f64,
    pub seeds: u64,
    /// What the hub has seen before the start: orders a second, over all SKUs. `None`: nothing.
    pub usual: Option<[f64; CHANNELS]>,
    /// This channel's API is down from – to; its customers go on buying.
    pub outage: Option<(usize, f64, f64)>,
    /// Figures of the second channel take effect so much later.
    pub effect_s: f64,
}

impl Scenario {
    pub fn shoppers(&self, seed: u64) -> Vec<Shopper> {
        let mut dice = StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9).wrapping_add(7));
        let mut shoppers = Vec::new();
        let whole: f64 = self.popular.iter().sum();
        for (index, phase) in self.phases.iter().enumerate() {
            let end = self.phases.get(index + 1).map_or(self.length_s, |next| next.from_s);
            let all: f64 = phase.per_second.iter().sum();
            let mut clock = phase.from_s;
            loop {
                clock += -(1.0 - dice.random::<f64>()).ln() / all;
                if clock >= end {
                    break;
                }
                let channel = pick(&phase.per_second, dice.random::<f64>() * all);
                let sku = pick(&self.popular, dice.random::<f64>() * whole);
                shoppers.push(Shopper { ms: (clock * 1_000.0) as i64, channel, sku });
            }
        }
        shoppers
    }

    pub fn is_down(&self, channel: usize, ms: i64) -> bool {
        self.outage
            .is_some_and(|(which, from, to)| which == channel && (from * 1_000.0..to * 1_000.0).contains(&(ms as f64)))
    }
}

fn pick(weights: &[f64], mut at: f64) -> usize {
    for (index, weight) in weights.iter().enumerate() {
        at -= weight;
        if at < 0.0 {
            return index;
        }
    }
    weights.len() - 1
}

fn split(per_second: f64) -> [f64; CHANNELS] {
    PARTS.map(|part| part * per_second)
}

const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

pub fn scenarios() -> Vec<Scenario> {
    let one = |name, says, stock, per_second, length_s, seeds| Scenario {
        name,
        says,
        stock: vec![stock],
        popular: vec![1.0],
        phases: vec![Phase { from_s: 0.0, per_second: split(per_second) }],
        length_s,
        seeds,
        usual: Some(split(per_second)),
        outage: None,
        effect_s: 0.0,
    };
    let sale = one(
        "sale day",
        "300 units, 0.05 orders a second for 2 hours, twenty times the usual",
        300,
        0.05,
        2.0 * HOUR,
        100,
    );
    let sale = Scenario { usual: Some(split(0.05 / 20.0)), ..sale };
    let flash = one("flash", "100 units, 2 orders a second for 10 minutes, nothing known before", 100, 2.0, 600.0, 200);
    let wander = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1], [0.4, 0.3, 0.2, 0.1]];
    let wander = wander
        .iter()
        .enumerate()
        .map(|(index, parts)| Phase { from_s: index as f64 * HOUR / 2.0, per_second: parts.map(|part| part * 0.05) });
    vec![
        one("slow", "2 units, two orders a month, 60 days", 2, 2.0 / (30.0 * DAY), 60.0 * DAY, 400),
        one("long tail", "3 units, one order an hour, 10 hours", 3, 1.0 / HOUR, 10.0 * HOUR, 2_000),
        sale.clone(),
        Scenario { usual: None, ..flash },
        catalogue(),
        Scenario {
            name: "outage",
            says: "the sale day; the first mall's API is down from minute 70 to 100, its customers go on",
            outage: Some((0, 4_200.0, 6_000.0)),
            ..sale.clone()
        },
        Scenario {
            name: "wandering demand",
            says: "the sale day; every half hour another mall has most of the orders",
            phases: wander.collect(),
            ..sale.clone()
        },
        Scenario {
            name: "late figures",
            says: "the sale day; Amazon's figures take effect 4 minutes after they are accepted",
            effect_s: 240.0,
            ..sale
        },
    ]
}

/// 200 SKUs, 20,000 orders a year; a tenth of them on one day, a third of that in the hour from 20:00.
fn catalogue() -> Scenario {
    let popular: Vec<f64> = (1..=200).map(|rank| 1.0 / f64::from(rank)).collect();
    let whole: f64 = popular.iter().sum();
    let year = 20_000.0;
    let stock = popular.iter().map(|part| ((year / 10.0 * part / whole).round() as i64).max(1)).collect();
    let phase = |from_s, orders, seconds| Phase { from_s, per_second: split(orders / seconds) };
    let day = year / 10.0;
    Scenario {
        name: "super sale",
        says: "200 SKUs, 20,000 orders a year, a tenth of them on this day, a third of those from 20 to 21 o'clock",
        stock,
        popular,
        phases: vec![
            phase(0.0, day * 0.5, 20.0 * HOUR),
            phase(20.0 * HOUR, day / 3.0, HOUR),
            phase(21.0 * HOUR, day / 6.0, 3.0 * HOUR),
        ],
        length_s: DAY,
        seeds: 50,
        usual: Some(split(year / (365.0 * DAY))),
        outage: None,
        effect_s: 0.0,
    }
}
