//! On hand, unshipped and holds → what can be sold.

/// One SKU in one pool, in SKU units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// Units in the main bins of the pool's locations; `None` when no stock event ever named the SKU there:
    /// no figure is not zero.
    pub on_hand: Option<i64>,
    pub unshipped: i64,
    pub held: i64,
    pub provisional: i64,
    pub shipped_not_in_core: i64,
}

impl Shelf {
    /// May be negative: then the SKU is oversold by that much.
    pub fn sellable(&self) -> Option<i64> {
        let taken = self.unshipped + self.held + self.provisional + self.shipped_not_in_core;
        self.on_hand.map(|on_hand| on_hand - taken)
    }

    /// What would lie there with this put on it.
    pub fn plus(self, more: Self) -> Self {
        let on_hand = match (self.on_hand, more.on_hand) {
            (None, None) => None,
            (here, more) => Some(here.unwrap_or(0) + more.unwrap_or(0)),
        };
        Self {
            on_hand,
            unshipped: self.unshipped + more.unshipped,
            held: self.held + more.held,
            provisional: self.provisional + more.provisional,
            shipped_not_in_core: self.shipped_not_in_core + more.shipped_not_in_core,
        }
    }

    /// What it takes to come from `before` to here.
    pub fn minus(self, before: Self) -> Self {
        let taken = Self {
            on_hand: before.on_hand.map(|on_hand| -on_hand),
            unshipped: -before.unshipped,
            held: -before.held,
            provisional: -before.provisional,
            shipped_not_in_core: -before.shipped_not_in_core,
        };
        self.plus(taken)
    }

    pub fn oversold_by(&self) -> i64 {
        self.sellable().map_or(0, |sellable| (-sellable).max(0))
    }
}
