//! Which of the waiting writes go into the next request: zeros first, then other decreases by what they lose as long
//! as they wait, then raises by what they miss, those that their seller put first before the others.
//!
//! What waits loses so much: of the units between the figure that the mall shows and the one that it ought to show,
//! those that customers are likely to ask for before age brings the wish to the front. Where nobody knows how fast a
//! listing sells, every unit counts as asked for.
//!
//! **Nothing starves.** A quarter of the places that zeros leave is for those that have waited for [`AGED`], the oldest
//! first, whatever they are. So behind *n* others, with *q* places a second and *z* zeros meanwhile, a wish is in a
//! request after at most `AGED + 4 (n + z + 1) / q`.

pub mod backlog;

use std::{cmp::Reverse, time::Duration};

use jiff::Timestamp;
use uriba_sdk::{
    Write,
    card::{Card, WriteMode, WriteWay},
};

use super::{
    publication::{Urgency, Ways},
    time::later,
};

/// Whoever has waited so long has a part of the places for itself.
pub const AGED: Duration = Duration::from_secs(300);
/// One place in so many.
const AGED_ONE_IN: usize = 4;

/// The largest weight of one wish: half of a rank, the priority is the other half.
const WEIGHT_MAX: i64 = i32::MAX as i64;
/// Losses from 2^-40 units on have a weight of their own, in steps of 2^(1/2^24).
const WEIGHT_LEAST: f64 = -40.0;
const WEIGHT_STEPS: f64 = (1 << 24) as f64;

/// A listing's wish to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish<T> {
    pub listing: T,
    /// The listing's kind, by the card.
    pub kind: &'static str,
    pub write: Write,
    pub urgency: Urgency,
    pub rank: i64,
    pub since: Option<Timestamp>,
}

/// What a listing's wish is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stake {
    pub urgency: Urgency,
    /// What the listing ought to show.
    pub target: i64,
    /// By so many units it shows more, or less.
    pub units: i64,
    pub priority: i64,
    /// Listing units sold in 10⁹ s; `None`: nobody counts.
    pub pace: Option<i64>,
}

impl Stake {
    /// The order of going in one figure, age aside: among wishes of one urgency the largest goes first. Priorities are
    /// smaller than [`WEIGHT_MAX`] either way.
    pub fn rank(&self) -> i64 {
        match self.urgency {
            Urgency::Raise => (self.priority << 32) + self.weight(),
            Urgency::Decrease | Urgency::Zero => (self.weight() << 32) + self.priority,
        }
    }

    fn weight(&self) -> i64 {
        let Some(pace) = self.pace else { return self.units.clamp(0, WEIGHT_MAX) };
        let weight = (self.loss(pace).log2() - WEIGHT_LEAST) * WEIGHT_STEPS;
        // A float that is out of the range, or no number, becomes an end of it or zero.
        (weight as i64).clamp(0, WEIGHT_MAX)
    }

    /// Units that are sold and not there, or not sold though they are there, before age counts.
    fn loss(&self, pace: i64) -> f64 {
        let (more, less) = match self.urgency {
            Urgency::Zero => (self.units, 0),
            Urgency::Decrease => (self.target + self.units, self.target),
            Urgency::Raise => (self.target, self.target - self.units),
        };
        let asked = pace.max(0) as f64 * 1e-9 * AGED.as_secs_f64();
        sold(more, asked) - sold(less, asked)
    }
}

/// Of a figure, the units that are sold while so many are asked for on average: each goes with the same chance.
fn sold(figure: i64, asked: f64) -> f64 {
    let figure = figure.max(0) as f64;
    if figure < 1.0 { 0.0 } else { figure * -(-asked / figure).exp_m1() }
}

/// What the card offers for listings of this kind.
pub fn ways(card: &Card, kind: &str) -> Ways {
    Ways {
        relative: card.write_way(kind, WriteMode::Relative).is_some() && card.reads.is_some(),
        compare_and_set: card.write_way(kind, WriteMode::CompareAndSet).is_some(),
    }
}

/// What it offers for every listing, of whichever kind.
pub fn common_ways(card: &Card) -> Ways {
    let each = || card.writes.iter().map(|way| ways(card, way.kind));
    Ways {
        relative: !card.writes.is_empty() && each().all(|ways| ways.relative),
        compare_and_set: !card.writes.is_empty() && each().all(|ways| ways.compare_and_set),
    }
}

/// What tells the outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// Its answer.
    Answer,
    /// A ticket, much later: for many listings at once.
    Ticket,
}

/// One batch holds no more, whatever the mall takes: it is one transaction.
const BATCH_MOST: usize = 5_000;

/// The ways to write whose requests are carried so.
fn carried(card: &Card, by: Carrier) -> impl Iterator<Item = &WriteWay> {
    let takes = |way: &WriteWay| card.operation(way.operation).map_or(Duration::ZERO, |operation| operation.takes);
    card.writes.iter().filter(move |way| takes(way).is_zero() == (by == Carrier::Answer))
}

/// The most listings of one request.
pub fn batch_max(card: &Card, by: Carrier) -> usize {
    carried(card, by).map(|way| way.batch_max).max().unwrap_or(1).min(BATCH_MOST)
}

/// Operations that such requests are.
pub fn operations(card: &Card, by: Carrier) -> Vec<&str> {
    let mut operations: Vec<_> = carried(card, by).map(|way| way.operation).collect();
    operations.sort_unstable();
    operations.dedup();
    operations
}

/// How long such a request usually takes to be decided.
pub fn takes(card: &Card, by: Carrier) -> Duration {
    let decided = |name: &str| card.operation(name).map_or(Duration::ZERO, |operation| operation.takes);
    operations(card, by).into_iter().map(decided).max().unwrap_or_default()
}

/// The channel's next batch. `turn` counts its requests.
pub fn batch<T>(card: &Card, mut wishes: Vec<Wish<T>>, by: Carrier, turn: i64, now: Timestamp) -> Vec<Wish<T>> {
    wishes.retain(|wish| way(card, wish, by).is_some());
    let wishes = ordered(card, wishes, by, turn, now);
    let Some(first) = wishes.first().and_then(|wish| way(card, wish, by)) else { return Vec::new() };
    let most = first.batch_max.min(BATCH_MOST);
    let operation = first.operation;
    let fits = |way: &WriteWay| way.operation == operation && way.batch_max >= most;
    wishes.into_iter().filter(|wish| way(card, wish, by).is_some_and(fits)).take(most).collect()
}

fn ordered<T>(card: &Card, mut wishes: Vec<Wish<T>>, by: Carrier, turn: i64, now: Timestamp) -> Vec<Wish<T>> {
    wishes.sort_by_key(|wish| Reverse((wish.urgency, wish.rank, wish.since.map(Reverse))));
    let zeros = wishes.iter().take_while(|wish| wish.urgency == Urgency::Zero).count();
    let most = wishes.first().and_then(|wish| way(card, wish, by)).map_or(0, |way| way.batch_max);
    let is_aged = |wish: &Wish<T>| wish.since.is_some_and(|since| later(since, AGED) <= now);
    let mut aged: Vec<usize> = (zeros..wishes.len()).filter(|index| is_aged(&wishes[*index])).collect();
    aged.sort_by_key(|index| wishes[*index].since);
    aged.truncate(places(turn, most.saturating_sub(zeros)));
    let mut place: Vec<Option<usize>> = vec![None; wishes.len()];
    for (order, index) in aged.into_iter().enumerate() {
        place[index] = Some(order);
    }
    let mut placed: Vec<_> = wishes.into_iter().zip(place).enumerate().collect();
    placed.sort_by_key(|(index, (wish, place))| {
        (Reverse(wish.urgency == Urgency::Zero), place.is_none(), place.unwrap_or(*index))
    });
    placed.into_iter().map(|(_, (wish, _))| wish).collect()
}

/// How many of this request's places are for the oldest: together a quarter of all.
fn places(turn: i64, most: usize) -> usize {
    let turn = usize::try_from(turn.rem_euclid(AGED_ONE_IN as i64)).unwrap_or(0);
    (turn + 1) * most / AGED_ONE_IN - turn * most / AGED_ONE_IN
}

fn way<'a, T>(card: &'a Card, wish: &Wish<T>, by: Carrier) -> Option<&'a WriteWay> {
    let mode = match wish.write {
        Write::Absolute(_) => WriteMode::Absolute,
        Write::Relative(_) => WriteMode::Relative,
        Write::CompareAndSet { .. } => WriteMode::CompareAndSet,
    };
    carried(card, by).find(|way| way.kind == wish.kind && way.mode == mode)
}

#[cfg(test)]
mod tests;
