//! Which of the waiting writes go into the next request.

use uriba_sdk::{
    Write,
    card::{Card, WriteMode, WriteWay},
};

use super::publication::{Urgency, Ways};

/// A listing's wish to write, as read from its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish<T> {
    pub listing: T,
    pub write: Write,
    pub urgency: Urgency,
    pub units: i64,
}

/// What the card offers for this mall's listings.
pub fn ways(card: &Card) -> Ways {
    Ways {
        relative: card.write_way(WriteMode::Relative).is_some() && card.reads.is_some(),
        compare_and_set: card.write_way(WriteMode::CompareAndSet).is_some(),
        readable: card.reads.is_some(),
    }
}

/// The first batch of the wishes, which come most urgent first: those that the first one's operation takes
/// together, in their order, as many as one request may carry.
pub fn batch<T>(card: &Card, wishes: Vec<Wish<T>>) -> Vec<Wish<T>> {
    let Some(first) = wishes.first().and_then(|wish| way(card, wish.write)) else { return Vec::new() };
    let most = first.batch_max;
    let operation = first.operation;
    wishes
        .into_iter()
        .filter(|wish| way(card, wish.write).is_some_and(|way| way.operation == operation && way.batch_max >= most))
        .take(most)
        .collect()
}

fn way(card: &Card, write: Write) -> Option<&WriteWay> {
    card.write_way(match write {
        Write::Absolute(_) => WriteMode::Absolute,
        Write::Relative(_) => WriteMode::Relative,
        Write::CompareAndSet { .. } => WriteMode::CompareAndSet,
    })
}
