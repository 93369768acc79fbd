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

    pub fn oversold_by(&self) -> i64 {
        self.sellable().map_or(0, |sellable| (-sellable).max(0))
    }
}
