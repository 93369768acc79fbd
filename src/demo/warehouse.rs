//! What truly lies on the shelves, kept by the demo itself: the hub is not asked, and is compared with it.

use super::goods::GOODS;

pub struct Warehouse {
    on_hand: Vec<i64>,
    pub delivered: i64,
    pub shipped: i64,
}

impl Warehouse {
    pub fn new() -> Self {
        Self { on_hand: GOODS.iter().map(|good| good.opening).collect(), delivered: 0, shipped: 0 }
    }

    pub fn on_hand(&self, good: usize) -> i64 {
        self.on_hand[good]
    }

    /// Takes the goods off the shelves, all of them or, when something is missing, none.
    pub fn ship(&mut self, parcel: &[(usize, i64)]) -> bool {
        let mut rest = self.on_hand.clone();
        for (good, units) in parcel {
            rest[*good] -= units;
        }
        if rest.iter().any(|left| *left < 0) {
            return false;
        }
        self.on_hand = rest;
        self.shipped += parcel.iter().map(|(_, units)| units).sum::<i64>();
        true
    }

    pub fn deliver(&mut self, good: usize, units: i64) {
        self.on_hand[good] += units;
        self.delivered += units;
    }
}
