//! The ledger at past instants: as it was, as it was known then, and always the full sum.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use proptest::prelude::*;
use uriba::domain::business_day::BusinessDays;
use uriba_sdk::Env;

use crate::support::{SHOP, TestBase, WAREHOUSE, allowances, clock, for_all, on_every_database, seconds};

const PLACES: [&str; 2] = [SHOP, WAREHOUSE];

/// Something heard of: so many hours after the one before, about an hour of the story.
#[derive(Clone, Debug)]
struct Heard {
    after: u64,
    hour: i64,
    what: What,
    /// The engine comes by, and closes the days that are over.
    closes: bool,
}

#[derive(Clone, Debug)]
enum What {
    Moved { place: usize, display: bool, units: i64 },
    Transferred { from: usize, to: usize, display: bool, units: i64 },
    Counted { place: usize, units: i64 },
}

use What::{Counted, Moved, Transferred};

/// Over four days, so that much of it is told of days that are closed.
const HOURS: i64 = 96;

fn heard() -> impl Strategy<Value = Heard> {
    let place = 0..PLACES.len();
    let what = prop_oneof![
        4 => (place.clone(), any::<bool>(), -6..9_i64)
            .prop_map(|(place, display, units)| Moved { place, display, units }),
        2 => (place.clone(), place.clone(), any::<bool>(), 1..5_i64)
            .prop_map(|(from, to, display, units)| Transferred { from, to, display, units }),
        3 => (place, 0..30_i64).prop_map(|(place, units)| Counted { place, units }),
    ];
    // Few hours, so that events of one instant are common.
    (0..30_u64, 0..HOURS / 8, what, any::<bool>()).prop_map(|(after, hour, what, closes)| Heard {
        after,
        hour: hour * 8,
        what,
        closes,
    })
}

#[tokio::test]
async fn any_past_instant_is_the_full_sum_as_it_was_and_as_it_was_known() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        for_all(24, prop::collection::vec(heard(), 1..12), async |number, story| {
            let sku = format!("sku-{number}");
            base.map("a", &sku, &sku, 1).await;
            let began = base.env.now();
            let mut told_at = Vec::new();
            for (index, heard) in story.iter().enumerate() {
                base.env.advance(seconds(heard.after * 3_600));
                tell(base, &sku, index, heard, began).await;
                told_at.push(base.env.now());
                if heard.closes {
                    close_days(base).await;
                }
            }
            close_days(base).await;
            for hour in (-4..=HOURS).step_by(12) {
                ask(base, &sku, &story, (began, hour), None).await?;
                for known in [0, story.len() / 2, story.len() - 1] {
                    let known_at = told_at[known];
                    let heard = told_at.iter().filter(|told| **told <= known_at).count();
                    ask(base, &sku, &story[..heard], (began, hour), Some(known_at)).await?;
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

/// The store's answer against the entries' plain sum, and against the model by place.
async fn ask(
    base: &TestBase,
    sku: &str,
    heard: &[Heard],
    (began, hour): (Timestamp, i64),
    known_at: Option<Timestamp>,
) -> Result<(), String> {
    let at = later(began, hour);
    let found = base.store.on_hand_at(sku, at, known_at).await.unwrap();
    let when = format!("at {at}, known at {known_at:?}");
    let full = full_sum(base, sku, at, known_at.unwrap_or(Timestamp::MAX)).await;
    let held: BTreeMap<_, _> = found.iter().filter(|(_, units)| **units != 0).map(|(k, v)| (k.clone(), *v)).collect();
    if held != full {
        return Err(format!("{when}: {held:?}, but the entries sum to {full:?}"));
    }
    for (place, name) in PLACES.iter().enumerate() {
        let there: i64 = found.iter().filter(|((location, _), _)| location == name).map(|(_, units)| units).sum();
        let expected = model(heard, place, hour);
        if there != expected {
            return Err(format!("{when}: {name} had {there}, where {expected} were"));
        }
    }
    Ok(())
}

/// By place, what is not zero.
async fn full_sum(base: &TestBase, sku: &str, at: Timestamp, known_at: Timestamp) -> BTreeMap<(String, String), i64> {
    let sql = format!(
        "SELECT location, bin, quantity FROM stock_entry WHERE sku_id = {} AND occurred_at <= {} AND recorded_at <= {}",
        base.sku(sku).await,
        at.as_microsecond(),
        known_at.as_microsecond()
    );
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut sums = BTreeMap::new();
    for row in base.rows(&sql).await {
        *sums.entry((text(&row["location"]), text(&row["bin"]))).or_insert(0) += row["quantity"].as_i64().unwrap();
    }
    sums.retain(|_, units| *units != 0);
    sums
}

/// The newest count by then (of several of one instant the last one heard of), and what occurred after it.
fn model(heard: &[Heard], place: usize, until: i64) -> i64 {
    let by_then = || heard.iter().filter(|heard| heard.hour <= until);
    let counts = by_then().filter_map(|heard| match heard.what {
        Counted { place: counted, units } if counted == place => Some((heard.hour, units)),
        _ => None,
    });
    let newest = counts.max_by_key(|(hour, _)| *hour);
    let since = newest.map_or(i64::MIN, |(hour, _)| hour);
    let moved = by_then().filter(|heard| heard.hour > since).map(|heard| match heard.what {
        Moved { place: moved, units, .. } if moved == place => units,
        Transferred { from, to, units, .. } => units * (i64::from(to == place) - i64::from(from == place)),
        _ => 0,
    });
    newest.map_or(0, |(_, units)| units) + moved.sum::<i64>()
}

async fn tell(base: &TestBase, sku: &str, index: usize, heard: &Heard, began: Timestamp) {
    let (key, occurred_at) = (format!("{sku}/{index}"), later(began, heard.hour));
    let bin = |display: bool| if display { "display" } else { "main" };
    let (kind, entries) = match heard.what {
        Moved { place, display, units } => ("receipt", vec![(PLACES[place], bin(display), units)]),
        Transferred { from, to, display, units } => {
            ("transfer", vec![(PLACES[from], "main", -units), (PLACES[to], bin(display), units)])
        }
        Counted { place, units } => {
            base.count_as(&key, sku, PLACES[place], units, occurred_at).await;
            return;
        }
    };
    let mut movement = base.movement(kind, &key, sku, &entries).await;
    movement.occurred_at = occurred_at;
    assert_eq!(base.book(movement).await, 1);
}

fn later(from: Timestamp, hours: i64) -> Timestamp {
    from + SignedDuration::from_hours(hours)
}

pub fn days() -> BusinessDays {
    BusinessDays { zone: TimeZone::get("Asia/Tokyo").unwrap(), starts: Time::midnight() }
}

async fn close_days(base: &TestBase) {
    while base.store.close_days(&days()).await.unwrap() {}
}

async fn shop_at(base: &TestBase, at: Timestamp, known_at: Option<Timestamp>) -> i64 {
    let found = base.store.on_hand_at("tea", at, known_at).await.unwrap();
    found.iter().filter(|((location, _), _)| location == SHOP).map(|(_, units)| units).sum()
}

#[tokio::test]
async fn a_late_receipt_was_there_but_nobody_knew() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("18:00"));
        let mut goods = base.movement("receipt", "goods-in", "tea", &[(SHOP, "main", 5)]).await;
        goods.occurred_at = clock("15:00");
        base.book(goods).await;
        let asked = async |known_at| shop_at(base, clock("16:00"), known_at).await;
        assert_eq!(asked(None).await, 15, "as it was");
        assert_eq!(asked(Some(clock("17:00"))).await, 10, "as it was known then");
        assert_eq!(asked(Some(clock("18:00"))).await, 15, "and once it had been told");
        assert_eq!(shop_at(base, clock("14:00"), None).await, 10);
    })
    .await;
}

#[tokio::test]
async fn a_shipment_heard_of_after_the_count_left_before_it_in_both_views() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("15:45"));
        base.count("tea", SHOP, 8, clock("15:30")).await;
        base.env.advance_to(clock("16:00"));
        let mut late = base.movement("issue", "parcel", "tea", &[(SHOP, "main", -2)]).await;
        late.occurred_at = clock("15:00");
        base.book(late).await;
        let was = async |time: &str| shop_at(base, clock(time), None).await;
        assert_eq!((was("14:59").await, was("15:00").await, was("15:29").await), (10, 8, 8));
        assert_eq!((was("15:30").await, was("16:00").await), (8, 8), "the count stays the count");
        let known = async |time: &str| shop_at(base, clock(time), Some(clock("15:50"))).await;
        assert_eq!((known("15:29").await, known("15:30").await), (10, 8), "before the parcel was heard of");
    })
    .await;
}

#[tokio::test]
async fn a_sample_taken_before_the_count_and_told_of_after_it_stays_a_sample() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("15:45"));
        base.count("tea", SHOP, 10, clock("15:30")).await;
        let entries = [(SHOP, "main", -1), (SHOP, "display", 1)];
        let mut sample = base.movement("transfer", "sample", "tea", &entries).await;
        sample.occurred_at = clock("15:00");
        base.book(sample).await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["display"]), (9, 1));
    })
    .await;
}

#[tokio::test]
async fn an_older_count_holds_until_the_next_one() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("18:00"));
        base.count("tea", SHOP, 8, clock("17:00")).await;
        base.count("tea", SHOP, 50, clock("16:00")).await;
        let was = async |time: &str| shop_at(base, clock(time), None).await;
        assert_eq!([was("15:59").await, was("16:00").await, was("16:59").await, was("17:00").await], [10, 50, 50, 8]);
        assert_eq!(base.in_shop("tea").await, 8);
    })
    .await;
}

#[tokio::test]
async fn a_day_without_movements_takes_no_snapshot_and_a_late_one_corrects_all_that_follow() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let evening = |day: i64| later(clock("23:00"), 24 * day);
        for day in [0, 3] {
            base.env.advance_to(evening(day));
            base.receive("tea", SHOP, 1).await;
        }
        base.env.advance_to(evening(5));
        close_days(base).await;
        let taken = "SELECT quantity, known FROM stock_snapshot ORDER BY at";
        let rows = async || {
            let rows = base.rows(taken).await;
            rows.iter()
                .map(|row| (row["quantity"].as_i64().unwrap(), row["known"].as_i64().unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(rows().await, [(11, 11), (12, 12)]);
        let mut late = base.movement("receipt", "late", "tea", &[(SHOP, "main", 100)]).await;
        late.occurred_at = evening(1);
        base.book(late).await;
        assert_eq!(rows().await, [(11, 11), (112, 12)]);
        assert_eq!(shop_at(base, evening(2), None).await, 111);
        base.env.advance_to(evening(7));
        close_days(base).await;
        assert_eq!(rows().await, [(11, 11), (111, 11), (112, 12), (112, 112)], "its own day, and the day it was told");
        let before = base.everything().await;
        close_days(base).await;
        assert_eq!(base.everything().await, before, "what is closed is closed");
    })
    .await;
}
