//! Split orders, whatever is heard of them when: after a search of the family, what its members hold is
//! unshipped, once.

use proptest::{prelude::*, sample::Index};
use uriba::{
    domain::intake::Manner,
    store::{intake::Intake, polling::Work},
};
use uriba_sdk::{Line, Order};

use crate::support::{CARD, SHOP, TestBase, allowances, family, for_all, intake, line, on_every_database, order};

#[derive(Clone, Debug)]
struct Split {
    /// What each of the children got.
    children: Vec<u32>,
    /// What is left on the order that was split.
    left: u32,
    cancelled: u32,
    shipped: u32,
    /// The mall says what was first ordered.
    states_original: bool,
    /// Which member's state arrives, beside each newest one: 0 is the order before its split.
    arrivals: Vec<Index>,
    newest: Vec<Index>,
}

fn split() -> impl Strategy<Value = Split> {
    let children = prop::collection::vec(1..4_u32, 0..3);
    let arrivals = prop::collection::vec(any::<Index>(), 0..8);
    let newest = prop::collection::vec(any::<Index>(), 3);
    (children, 1..5_u32, 0..3_u32, 0..5_u32, any::<bool>(), arrivals, newest).prop_map(
        |(children, left, cancelled, shipped, states_original, arrivals, newest)| Split {
            children,
            left,
            cancelled,
            shipped: shipped.min(left),
            states_original,
            arrivals,
            newest,
        },
    )
}

impl Split {
    fn ordered(&self) -> u32 {
        self.left + self.cancelled + self.children.iter().sum::<u32>()
    }

    /// State 0 is the order before its split, 1 what is left of it, 2 and on the children.
    fn state(&self, sku: &str, state: usize) -> Order {
        let (member, original, revision) = (state.saturating_sub(1), state < 2, i64::from(state > 0));
        let (units, shipped) = match state {
            0 => (self.ordered(), 0),
            1 => (self.left, self.shipped),
            _ => (self.children[state - 2], 0),
        };
        let first = (self.states_original && original).then(|| self.ordered());
        let line = Line { id: format!("{member}"), shipped, original: first, ..line(sku, units) };
        let id = if original { sku.to_owned() } else { format!("{sku}-{member}") };
        Order { family: family(sku, original), revision: Some(revision), ..order(&id, &[line]) }
    }

    fn deliveries(&self) -> Vec<usize> {
        let states = 2 + self.children.len();
        let mut deliveries: Vec<usize> = self.arrivals.iter().map(|index| index.index(states)).collect();
        for (state, at) in (1..states).zip(&self.newest) {
            deliveries.insert(at.index(deliveries.len() + 1), state);
        }
        deliveries
    }
}

#[tokio::test]
async fn after_the_search_a_familys_members_hold_what_they_hold_and_no_more() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        for_all(60, split(), async |number, split| {
            let sku = format!("sku-{number}");
            base.map("a", &sku, &sku, 1).await;
            base.receive(&sku, SHOP, 100).await;
            for state in split.deliveries() {
                base.read_as(&splits(), &[split.state(&sku, state)], &[]).await;
            }
            search(base).await;
            let truth = i64::from(split.left - split.shipped + split.children.iter().sum::<u32>());
            let (held, there) = (base.unshipped(&sku).await, base.in_shop(&sku).await);
            if (held, there) != (truth, 100 - i64::from(split.shipped)) {
                return Err(format!("{held} are held where {truth} are, and {there} are there"));
            }
            Ok(())
        })
        .await;
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

fn splits() -> Intake {
    Intake { manner: Manner { families: true, units_max: 10_000 }, ..intake("a") }
}

/// Every search that is wanted ends; the members were all read before.
async fn search(base: &TestBase) {
    let channel = base.store.channel("a").await.unwrap();
    while let Work::Page(window) = base.store.poll_work(&channel, &CARD.orders).await.unwrap() {
        base.end_window(&splits(), window.id).await;
    }
}
