//! Whatever is duplicated, delayed or replayed: an order counts once, as its newest state says.

use proptest::{prelude::*, sample::Index};
use uriba_sdk::{Line, Order};

use crate::support::{TestBase, allowances, for_all, line, on_every_database, order};

const RECEIVED: i64 = 1_000;

/// One line of one state, per listing: single units, a pack of three, and one that is mapped late.
#[derive(Clone, Debug)]
struct Stated {
    ordered: u32,
    cancelled: u32,
    shipped: u32,
}

/// An order's states, oldest first; a line may be missing from any of them.
type History = Vec<Vec<Option<Stated>>>;

#[derive(Clone, Debug)]
struct Story {
    orders: Vec<History>,
    /// What arrives beside each newest state: an order, and one of its states.
    arrivals: Vec<(Index, Index)>,
    /// When, among these, the newest states arrive.
    newest: Vec<Index>,
    /// When the late item is mapped.
    mapped: Index,
}

fn stated() -> impl Strategy<Value = Stated> + Clone {
    (1..9_u32, 0..9_u32, 0..9_u32).prop_map(|(ordered, shipped, cancelled)| {
        let shipped = shipped.min(ordered);
        Stated { ordered, shipped, cancelled: cancelled.min(ordered - shipped) }
    })
}

fn story() -> impl Strategy<Value = Story> {
    let lines = prop::collection::vec(prop::option::weighted(0.8, stated()), 3);
    let history = prop::collection::vec(lines, 1..5);
    (1..4_usize).prop_flat_map(move |orders| {
        (
            prop::collection::vec(history.clone(), orders),
            prop::collection::vec(any::<(Index, Index)>(), 0..10),
            prop::collection::vec(any::<Index>(), orders),
            any::<Index>(),
        )
            .prop_map(|(orders, arrivals, newest, mapped)| Story { orders, arrivals, newest, mapped })
    })
}

impl Story {
    /// Order and state, in the order of their arrival; each newest state is among them.
    fn deliveries(&self) -> Vec<(usize, usize)> {
        let pick = |(order, state): &(Index, Index)| {
            let order = order.index(self.orders.len());
            (order, state.index(self.orders[order].len()))
        };
        let mut deliveries: Vec<_> = self.arrivals.iter().map(pick).collect();
        for (order, at) in self.newest.iter().enumerate() {
            let at = at.index(deliveries.len() + 1);
            deliveries.insert(at, (order, self.orders[order].len() - 1));
        }
        deliveries
    }

    /// What the newest states hold, in SKU units.
    fn held(&self) -> i64 {
        let newest = self.orders.iter().filter_map(|history| history.last());
        let lines = newest.flat_map(|lines| lines.iter().zip([1, 3, 1]));
        lines.filter_map(|(line, units)| Some(i64::from(line.as_ref()?.held()) * units)).sum()
    }
}

impl Stated {
    fn held(&self) -> u32 {
        self.ordered - self.cancelled - self.shipped
    }
}

#[tokio::test]
async fn with_revisions_the_order_of_arrival_and_repetition_change_nothing() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        for_all(40, story(), async |number, story| {
            let names = Names::list(base, number).await;
            let deliveries = story.deliveries();
            let mapped = story.mapped.index(deliveries.len() + 1);
            for (step, (order, state)) in deliveries.into_iter().enumerate() {
                if step == mapped {
                    names.map_late(base).await;
                }
                let seen = names.order(order, &story.orders[order][state]);
                base.read("a", &[Order { revision: Some(state as i64), ..seen }]).await;
            }
            names.map_late(base).await;
            names.compare(base, story.held()).await
        })
        .await;
        whole(base).await;
    })
    .await;
}

#[tokio::test]
async fn without_revisions_the_last_state_counts_once_it_was_read_twice() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        for_all(30, story(), async |number, story| {
            let names = Names::list(base, number).await;
            names.map_late(base).await;
            let last = (0..story.orders.len()).map(|order| (order, story.orders[order].len() - 1));
            let twice = last.clone().chain(last.clone()).chain(last);
            for (order, state) in story.deliveries().into_iter().chain(twice) {
                base.read("a", &[names.order(order, &story.orders[order][state])]).await;
            }
            names.compare(base, story.held()).await
        })
        .await;
        whole(base).await;
    })
    .await;
}

async fn whole(base: &TestBase) {
    base.recompute(&["a"]).await;
    let report = base.store.verify(&allowances(&["a"])).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}

/// A SKU of this telling's own, and its three listings.
struct Names {
    sku: String,
    keys: [String; 3],
}

impl Names {
    async fn list(base: &TestBase, number: u32) -> Self {
        let sku = format!("sku-{number}");
        let keys = [sku.clone(), format!("{sku}-pack"), format!("{sku}-late")];
        base.map("a", &keys[0], &sku, 1).await;
        base.map("a", &keys[1], &sku, 3).await;
        base.receive(&sku, crate::support::SHOP, RECEIVED).await;
        Self { sku, keys }
    }

    async fn map_late(&self, base: &TestBase) {
        base.map("a", &self.keys[2], &self.sku, 1).await;
    }

    fn order(&self, order_index: usize, state: &[Option<Stated>]) -> Order {
        let present = state.iter().zip(&self.keys).filter_map(|(stated, key)| Some((stated.as_ref()?, key)));
        let lines: Vec<Line> = present
            .map(|(stated, key)| Line {
                cancelled: stated.cancelled,
                shipped: stated.shipped,
                ..line(key, stated.ordered)
            })
            .collect();
        order(&format!("{}/{order_index}", self.sku), &lines)
    }

    async fn compare(&self, base: &TestBase, held: i64) -> Result<(), String> {
        let unshipped = base.unshipped(&self.sku).await;
        if unshipped != held {
            return Err(format!("unshipped is {unshipped}, the newest states hold {held}"));
        }
        let sku = base.sku(&self.sku).await;
        let sql = "SELECT l.shipped, p.quantity FROM order_line l JOIN line_part p ON p.line_id = l.id";
        let lines = base.rows(&format!("{sql} WHERE p.sku_id = {sku}")).await;
        let number = |value: &serde_json::Value| value.as_i64().expect("it is one");
        let gone: i64 = lines.iter().map(|line| number(&line["shipped"]) * number(&line["quantity"])).sum();
        let there = base.in_shop(&self.sku).await;
        if there != RECEIVED - gone {
            return Err(format!("{there} are there, of {RECEIVED} received and {gone} shipped"));
        }
        Ok(())
    }
}
