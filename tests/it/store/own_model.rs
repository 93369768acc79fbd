//! Whatever a storefront and its warehouse do to orders, in whatever order: the lines stay what a simple account
//! says, stock follows them, and nothing is done by halves.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uriba::{
    domain::deed::Deed,
    store::{StoreError, own_orders::Recorded},
};

use super::{
    deeds::ask,
    own_orders::{open_shop, own},
};
use crate::support::{SHOP, TestBase, allowances, for_all, on_every_database};

#[derive(Clone, Debug)]
enum Act {
    Post { order: u8, units: u32 },
    Do { deed: Deed, order: u8, units: Option<u32> },
}

/// One line of tea, as somebody with a notebook would keep it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Note {
    ordered: u32,
    cancelled: u32,
    shipped: u32,
    expected: u32,
    back: u32,
}

impl Note {
    fn left(&self) -> u32 {
        self.ordered - self.cancelled - self.shipped
    }

    fn known_back(&self) -> u32 {
        self.expected.max(self.back)
    }

    /// False: it can't be done, and isn't.
    fn take(&mut self, deed: Deed, units: Option<u32>) -> bool {
        let out = self.shipped - self.known_back();
        let room = match deed {
            Deed::Ship => self.left(),
            Deed::Cancel => self.left() + out,
            Deed::Return => self.shipped - self.back,
        };
        let whole = if deed == Deed::Return && self.known_back() > 0 { self.known_back() - self.back } else { room };
        let units = units.unwrap_or(whole);
        if units > room || (deed == Deed::Return && self.shipped == 0) {
            return false;
        }
        match deed {
            Deed::Ship => self.shipped += units,
            Deed::Return => self.back += units,
            Deed::Cancel => {
                let here = units.min(self.left());
                self.cancelled += here;
                if units > here {
                    self.expected = self.known_back() + units - here;
                }
            }
        }
        true
    }
}

fn act() -> impl Strategy<Value = Act> {
    let deed = prop_oneof![Just(Deed::Ship), Just(Deed::Cancel), Just(Deed::Return)];
    let (order, units) = (0..2_u8, 1..5_u32);
    prop_oneof![
        2 => (order.clone(), units.clone()).prop_map(|(order, units)| Act::Post { order, units }),
        7 => (deed, order, prop::option::weighted(0.7, units))
            .prop_map(|(deed, order, units)| Act::Do { deed, order, units }),
    ]
}

#[tokio::test]
async fn no_deed_makes_a_line_that_cannot_be() {
    on_every_database(async |base| {
        open_shop(base).await;
        for_all(40, prop::collection::vec(act(), 1..16), async |number, story| {
            let sku = format!("tea-{number}");
            base.map("a", &sku, &sku, 1).await;
            base.receive(&sku, SHOP, 100).await;
            let mut notes: BTreeMap<u8, Note> = BTreeMap::new();
            for act in &story {
                tell(base, number, &sku, &mut notes, act).await.map_err(|why| format!("{act:?}: {why}"))?;
            }
            let left: u32 = notes.values().map(Note::left).sum();
            let there = 100 - notes.values().map(|note| i64::from(note.shipped - note.back)).sum::<i64>();
            let found = (base.unshipped(&sku).await, base.in_shop(&sku).await);
            (found == (left.into(), there)).then_some(()).ok_or(format!("{found:?}, where {left} and {there} are"))
        })
        .await;
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

async fn tell(
    base: &TestBase,
    number: u32,
    sku: &str,
    notes: &mut BTreeMap<u8, Note>,
    act: &Act,
) -> Result<(), String> {
    let id = |order: &u8| format!("{number}-{order}");
    match act {
        Act::Post { order, units } => {
            let recorded = base.store.post_order(&own(&id(order), &[(sku, *units)])).await.unwrap();
            let expected = match notes.get(order) {
                None => Recorded::New,
                Some(note) if note.ordered == *units => Recorded::Same,
                Some(_) => Recorded::Different,
            };
            notes.entry(*order).or_insert(Note { ordered: *units, ..Note::default() });
            (recorded == expected).then_some(()).ok_or(format!("{recorded:?}, not {expected:?}"))
        }
        Act::Do { deed, order, units } => {
            let lines: Vec<(&str, u32)> = units.iter().map(|units| (sku, *units)).collect();
            let done = base.store.do_to_order(&ask(*deed, "own", &id(order), &lines), "test").await;
            let Some(note) = notes.get_mut(order) else {
                return matches!(done, Err(StoreError::Missing { .. })).then_some(()).ok_or(format!("{done:?}"));
            };
            if note.take(*deed, *units) != done.is_ok() {
                return Err(format!("{done:?} at {note:?}"));
            }
            let line = base.own_line(&id(order)).await;
            let kept = (line.ordered, line.cancelled, line.shipped, line.returned, line.return_expected);
            let (expected, back) = (note.known_back() - note.back, note.back);
            let wanted: (i64, i64, i64, i64, i64) =
                (note.ordered.into(), note.cancelled.into(), note.shipped.into(), back.into(), expected.into());
            (kept == wanted).then_some(()).ok_or(format!("{kept:?}, not {wanted:?}"))
        }
    }
}
