//! Whatever is counted and moved, in whatever order it is heard of: on hand is the newest count and what
//! occurred after it.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uriba_sdk::Env;

use crate::support::{SHOP, TestBase, WAREHOUSE, allowances, for_all, on_every_database};

const PLACES: [&str; 3] = [SHOP, WAREHOUSE, "elsewhere"];
const BINS: [&str; 2] = ["main", "display"];

/// Something heard of, with the minute in which it occurred.
#[derive(Clone, Debug)]
enum Heard {
    Moved { minute: i64, place: usize, bin: usize, units: i64 },
    Transferred { minute: i64, from: usize, to: usize, bin: usize, units: i64 },
    Counted { minute: i64, place: usize, units: i64 },
}

use Heard::{Counted, Moved, Transferred};

fn heard() -> impl Strategy<Value = Heard> {
    // Few minutes, so that events of one instant are common.
    let (minute, place, bin) = (0..12_i64, 0..PLACES.len(), 0..BINS.len());
    prop_oneof![
        4 => (minute.clone(), place.clone(), bin.clone(), -6..9_i64)
            .prop_map(|(minute, place, bin, units)| Moved { minute, place, bin, units }),
        2 => (minute.clone(), place.clone(), place.clone(), bin, 1..5_i64)
            .prop_map(|(minute, from, to, bin, units)| Transferred { minute, from, to, bin, units }),
        3 => (minute, place, 0..30_i64).prop_map(|(minute, place, units)| Counted { minute, place, units }),
    ]
}

#[tokio::test]
async fn on_hand_is_the_newest_count_and_what_came_after_it() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        for_all(60, prop::collection::vec(heard(), 1..14), async |number, story| {
            let sku = format!("sku-{number}");
            base.map("a", &sku, &sku, 1).await;
            for (index, heard) in story.iter().enumerate() {
                tell(base, &sku, index, heard).await;
            }
            for (place, name) in PLACES.iter().enumerate() {
                let (found, expected) = (base.on_hand(&sku, name).await, expected(&story, place));
                if found != expected {
                    return Err(format!("{name} has {found}, where {expected} are"));
                }
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

async fn tell(base: &TestBase, sku: &str, index: usize, heard: &Heard) {
    let key = format!("{sku}/{index}");
    let (kind, minute, entries) = match *heard {
        Moved { minute, place, bin, units } => ("receipt", minute, vec![(PLACES[place], BINS[bin], units)]),
        Transferred { minute, from, to, bin, units } => {
            ("transfer", minute, vec![(PLACES[from], "main", -units), (PLACES[to], BINS[bin], units)])
        }
        Counted { minute, place, units } => {
            // A key of its own: the same place may be counted twice in a minute.
            let as_of = at(base, minute);
            base.count_as(&key, sku, PLACES[place], units, as_of).await;
            return;
        }
    };
    let mut movement = base.movement(kind, &key, sku, &entries).await;
    movement.occurred_at = at(base, minute);
    assert_eq!(base.book(movement.clone()).await, 1);
    assert_eq!(base.book(movement).await, 0);
}

fn at(base: &TestBase, minute: i64) -> Timestamp {
    base.env.now() + SignedDuration::from_mins(minute)
}

/// The model: the newest count (of several of one instant the last one heard of), and what occurred after it.
fn expected(story: &[Heard], place: usize) -> i64 {
    let counts = story.iter().filter_map(|heard| match *heard {
        Counted { minute, place: counted, units } if counted == place => Some((minute, units)),
        _ => None,
    });
    let newest = counts.max_by_key(|(minute, _)| *minute);
    let since = newest.map_or(i64::MIN, |(minute, _)| minute);
    let later = story.iter().map(|heard| match *heard {
        Moved { minute, place: moved, units, .. } if moved == place && minute > since => units,
        Transferred { minute, from, to, units, .. } if minute > since => {
            units * (i64::from(to == place) - i64::from(from == place))
        }
        _ => 0,
    });
    newest.map_or(0, |(_, units)| units) + later.sum::<i64>()
}
