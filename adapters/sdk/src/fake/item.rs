//! One thing that a fake mall sells, with the counter that the mall keeps by itself.

use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What the mall sells from now.
    pub counter: i64,
    /// What was last written, where writes take effect later.
    pub submitted: i64,
    pub sells_past_zero: bool,
    /// Fulfilled by the mall.
    pub not_ours: bool,
    /// Sold without a limit.
    pub unlimited: bool,
    /// A buyer's cancel puts the units back.
    pub restores_on_cancel: bool,
    /// Silently keeps at most this many.
    pub keeps_at_most: Option<i64>,
    /// Whatever else the mall stores beside the figure (lead times, say), by name.
    pub siblings: std::collections::BTreeMap<String, String>,
    /// Writes that take effect later, in the order of their arrival.
    pub(super) pending: Vec<(Timestamp, i64)>,
    /// See [`super::Book::page_lags`].
    pub(super) page_lags: bool,
}

impl Item {
    pub fn new(counter: i64) -> Self {
        Self {
            counter,
            submitted: counter,
            sells_past_zero: false,
            not_ours: false,
            unlimited: false,
            restores_on_cancel: true,
            keeps_at_most: None,
            siblings: std::collections::BTreeMap::new(),
            pending: Vec::new(),
            page_lags: false,
        }
    }

    pub(super) fn set(&mut self, figure: i64) {
        self.show(figure);
        self.submitted = figure;
        if self.page_lags {
            self.pending.clear();
        }
    }

    /// So many are bought (negative: given back).
    pub(super) fn take(&mut self, units: i64) {
        self.counter -= units;
        if self.page_lags {
            self.submitted -= units;
            self.pending.iter_mut().for_each(|(_, figure)| *figure -= units);
        }
    }

    pub(super) fn settle_due(&mut self, now: Timestamp) {
        // By their times, however long nobody has looked.
        self.pending.sort_by_key(|(at, _)| *at);
        while self.pending.first().is_some_and(|(at, _)| *at <= now) {
            let (_, figure) = self.pending.remove(0);
            self.show(figure);
        }
    }

    fn show(&mut self, figure: i64) {
        self.counter = self.keeps_at_most.map_or(figure, |most| figure.min(most));
    }
}
