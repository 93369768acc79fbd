//! Random days: the tree always ends at the numbers that stand in the rows, and asked afterwards for any moment
//! of the day it gives the numbers that stood there then.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uriba::{
    domain::{
        explain::Term,
        reservation::{Ask, Line as Wanted, Wish},
        settle::Exchange,
    },
    store::{explain::Question, publications::Performed, reservations::Request},
};
use uriba_sdk::{Env, Line, Order, Outcome};

use super::explain::{CHANNELS, explain};
use crate::support::{
    SHOP, TestBase, WAREHOUSE, WEB, for_all, line, on_every_database, order, outlet, outlines, seconds,
};

#[derive(Clone, Debug)]
enum Act {
    Moved {
        warehouse: bool,
        display: bool,
        units: i64,
        minutes_ago: i64,
    },
    Counted {
        warehouse: bool,
        units: i64,
        minutes_ago: i64,
    },
    /// The order's next state.
    Ordered {
        id: usize,
        channel: usize,
        ordered: u32,
        cancelled: u32,
        shipped: u32,
        in_packs: bool,
    },
    Shows {
        channel: usize,
        less: i64,
    },
    Reserved {
        id: usize,
        units: u32,
    },
    Released {
        id: usize,
    },
    /// Writes what is to be written; the mall answers, or nobody knows.
    Pushed {
        channel: usize,
        answered: bool,
    },
    ClosedDays,
}

use Act::{ClosedDays, Counted, Moved, Ordered, Pushed, Released, Reserved, Shows};

fn act() -> impl Strategy<Value = Act> {
    let (channel, ago) = (0..CHANNELS.len(), 0..3_000_i64);
    prop_oneof![
        3 => (any::<bool>(), any::<bool>(), -4..9_i64, ago.clone())
            .prop_map(|(warehouse, display, units, minutes_ago)| Moved { warehouse, display, units, minutes_ago }),
        1 => (any::<bool>(), 0..30_i64, ago)
            .prop_map(|(warehouse, units, minutes_ago)| Counted { warehouse, units, minutes_ago }),
        4 => (0..4_usize, channel.clone(), 1..5_u32, 0..3_u32, 0..3_u32, any::<bool>()).prop_map(
            |(id, channel, ordered, cancelled, shipped, in_packs)| Ordered { id, channel, ordered, cancelled, shipped, in_packs }
        ),
        2 => (channel.clone(), -1..3_i64).prop_map(|(channel, less)| Shows { channel, less }),
        1 => (0..3_usize, 1..3_u32).prop_map(|(id, units)| Reserved { id, units }),
        1 => (0..3_usize).prop_map(|id| Released { id }),
        2 => (channel, any::<bool>()).prop_map(|(channel, answered)| Pushed { channel, answered }),
        1 => Just(ClosedDays),
    ]
}

/// The numbers that stood in the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stood {
    on_hand: Option<i64>,
    taken: [i64; 3],
    sellable: Option<i64>,
    /// By channel: target and shown.
    listings: Vec<(Option<i64>, Option<i64>)>,
}

#[tokio::test]
async fn the_tree_gives_the_numbers_of_now_and_of_every_moment_before() {
    on_every_database(async |base| {
        base.open_channels(&CHANNELS).await;
        base.open_storefront().await;
        base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
        for_all(12, prop::collection::vec(act(), 1..14), async |number, story| {
            let sku = format!("sku-{number}");
            base.list(&CHANNELS, &sku).await;
            base.map("a", &format!("{sku}-pack"), &sku, 2).await;
            base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
            let mut moments = Vec::new();
            for act in &story {
                base.env.advance(seconds(3_600));
                play(base, &sku, act).await;
                base.recompute(&CHANNELS).await;
                let stood = stood(base, &sku).await;
                same(&stood, &explain(base, Question { sku: &sku, ..Question::default() }).await, "now")?;
                moments.push((base.env.now(), stood));
            }
            for (at, stood) in &moments {
                let tree = explain(base, Question { sku: &sku, channel: None, at: Some(*at), kept_from: None }).await;
                same(stood, &tree, &format!("at {at}"))?;
            }
            Ok(())
        })
        .await;
    })
    .await;
}

async fn stood(base: &TestBase, sku: &str) -> Stood {
    let sheet = base.store.sku_sheet(sku, &outlines(&CHANNELS)).await.unwrap();
    let pool = &sheet.pools[0];
    Stood {
        on_hand: pool.on_hand,
        taken: [pool.unshipped, pool.held, pool.provisional],
        sellable: pool.sellable,
        listings: sheet.listings.iter().map(|listing| (listing.target, listing.shown)).collect(),
    }
}

fn same(stood: &Stood, tree: &Term, when: &str) -> Result<(), String> {
    let of = |name: &str| tree.find(name).and_then(Term::whole);
    let taken = ["unshipped", "held", "provisional"].map(|name| -of(name).unwrap_or(0));
    let shown = tree.terms.iter().filter(|term| term.name == "shown");
    let listings = shown.map(|term| (term.find("target").and_then(Term::whole), term.whole())).collect();
    let told = Stood { on_hand: of("on_hand"), taken, sellable: of("sellable"), listings };
    if told == *stood { Ok(()) } else { Err(format!("{when} stood {stood:?}, but the tree says {told:?}: {tree:#?}")) }
}

async fn play(base: &TestBase, sku: &str, act: &Act) {
    let ago = |minutes: i64| -> Timestamp { base.env.now() - SignedDuration::from_mins(minutes) };
    let place = |warehouse: bool| if warehouse { WAREHOUSE } else { SHOP };
    let key = format!("{sku}/{}", base.store.id());
    match *act {
        Moved { warehouse, display, units, minutes_ago } => {
            let bin = if display { "display" } else { "main" };
            let mut movement = base.movement("receipt", &key, sku, &[(place(warehouse), bin, units)]).await;
            movement.occurred_at = ago(minutes_ago);
            base.book(movement).await;
        }
        Counted { warehouse, units, minutes_ago } => {
            base.count_as(&key, sku, place(warehouse), units, ago(minutes_ago)).await;
        }
        Ordered { id, channel, ordered, cancelled, shipped, in_packs } => {
            let key = if in_packs && channel == 0 { format!("{sku}-pack") } else { sku.to_owned() };
            let (cancelled, shipped) = (cancelled.min(ordered), shipped.min(ordered - cancelled.min(ordered)));
            let line = Line { cancelled, shipped, ..line(&key, ordered) };
            let placed_at = ago(20);
            let id = format!("{sku}-{id}");
            let revision = Some(base.store.now().as_second());
            base.read(CHANNELS[channel], &[Order { revision, placed_at, ..order(&id, &[line]) }]).await;
        }
        Shows { channel, less } => {
            let shown = base.publication(CHANNELS[channel], sku).await.shown.unwrap_or(6);
            base.observe(CHANNELS[channel], sku, (shown - less).max(0)).await;
        }
        Reserved { id, units } => {
            let line = Wanted { sku: sku.to_owned(), quantity: units.into() };
            let wish = Wish { channel: WEB.into(), lines: vec![line], ttl_s: 86_400, holder: None };
            // Whether there is enough is not this story's matter.
            let _ = base.store.reserve(&[request(sku, id, Ask::Reserve(wish))], 0).await.unwrap();
        }
        Released { id } => {
            let _ = base.store.reserve(&[request(sku, id, Ask::Release { reason: None })], 0).await.unwrap();
        }
        Pushed { channel, answered } => push(base, CHANNELS[channel], answered).await,
        ClosedDays => while base.store.close_days(&super::ledger_time::days()).await.unwrap() {},
    }
}

fn request(sku: &str, id: usize, ask: Ask) -> Request {
    Request { id: format!("{sku}-{id}"), ask }
}

async fn push(base: &TestBase, channel: &str, answered: bool) {
    let lease = base.lease(channel).await;
    let outlet = outlet(channel);
    let Some(claim) = base.store.claim(&lease, &outlet, base.env.now()).await.unwrap() else { return };
    let sent_at = base.env.now();
    let performed = if answered {
        Performed::Answered(vec![Outcome::Applied { now: None }; claim.len()])
    } else {
        Performed::Unknown
    };
    base.store.settle(&lease, &outlet, claim, performed, Exchange::new(sent_at, sent_at)).await.unwrap();
}
