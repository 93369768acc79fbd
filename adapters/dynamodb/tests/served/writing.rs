//! The counter under shoppers, failed payments and the hub at once.

use std::{collections::BTreeMap, sync::Arc};

use uriba_sdk::{Applied, Class, Outcome, RefusedWhy, Write};

use crate::{
    server::{Hub, Loss, url},
    storefront::{Storefront, Undo},
};

const ITEMS: [&str; 3] = ["4901234567894", "緑茶/小", "pot \"large\""];
const BEGIN: i64 = 60;
const SHOPPERS: usize = 4;
const CHECKOUTS: usize = 25;

type Sold = Vec<(String, Vec<(&'static str, i64)>)>;

/// Shoppers buy until it is gone; every third payment fails, is taken back one way or the other, and is taken back
/// again and again. What stays sold.
async fn shop(shop: Arc<Storefront>, shopper: usize) -> Sold {
    let mut sold = Sold::new();
    for n in 0..CHECKOUTS {
        let order = format!("W{shopper}-{n:04}");
        let first = (ITEMS[(n + shopper) % 3], 1 + (n % 3) as i64);
        let wanted = if n % 2 == 0 { vec![first] } else { vec![first, (ITEMS[(n + shopper + 1) % 3], 1)] };
        if !shop.checkout(&order, &wanted).await {
            continue;
        }
        if n % 3 != 0 {
            sold.push((order, wanted));
            continue;
        }
        let how = if n % 2 == 0 { Undo::Mark } else { Undo::Delete };
        let mut came_back = 0;
        for _ in 0..3 {
            came_back += usize::from(shop.undo(&order, &wanted, how).await);
        }
        assert_eq!(came_back, 1, "{order} {how:?}");
    }
    sold
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn beside_checkouts_the_counter_is_never_rewound_and_the_sum_agrees() {
    let Some(url) = url() else { return };
    let storefront = Arc::new(Storefront::open(url, "S").await);
    for item in ITEMS {
        storefront.list(item, BEGIN).await;
    }
    let began = storefront.now();
    let hub = Hub::open(url, &storefront.options());
    let shoppers: Vec<_> = (0..SHOPPERS).map(|n| tokio::spawn(shop(storefront.clone(), n))).collect();
    let mut applied: BTreeMap<&str, i64> = BTreeMap::new();
    for round in 0..30_i64 {
        // Up and down in turn, now and then by more than there is.
        let deltas = [5, -3, if round % 4 == 0 { -500 } else { -(round % 5) - 1 }];
        let writes: Vec<_> = ITEMS.iter().zip(deltas).map(|(item, delta)| (*item, Write::Relative(delta))).collect();
        let outcomes = hub.push(&writes).await.unwrap();
        for ((item, delta), outcome) in ITEMS.iter().zip(deltas).zip(&outcomes) {
            match outcome {
                Outcome::Applied { now } => {
                    assert!(now.is_some_and(|now| now >= 0), "{item} {delta}: {now:?}");
                    *applied.entry(*item).or_default() += delta;
                }
                Outcome::Refused(refusal) => {
                    let why = refusal.why;
                    assert!(matches!(why, RefusedWhy::BelowZero | RefusedWhy::Busy), "{item} {delta}: {refusal:?}");
                }
                other => panic!("{item} {delta}: {other:?}"),
            }
        }
    }
    let mut sold = Sold::new();
    for shopper in shoppers {
        sold.extend(shopper.await.unwrap());
    }
    assert!(sold.len() > 20, "{} orders are too few to show anything", sold.len());

    // Whatever went on at once: begun with, plus what the hub brought, less what is sold.
    for item in ITEMS {
        let units: i64 =
            sold.iter().flat_map(|(_, lines)| lines).filter(|line| line.0 == item).map(|line| line.1).sum();
        let counter = storefront.counter(item).await;
        assert_eq!(counter, BEGIN + applied.get(item).unwrap_or(&0) - units, "{item}");
        assert_eq!(hub.shown(item).await, Some(counter));
    }
    // And the hub sees just those orders holding units.
    let (orders, _) = hub.orders(began, storefront.now()).await;
    let mut open: Vec<_> = orders.iter().filter(|order| !order.is_closed()).map(|order| order.id.clone()).collect();
    let mut left: Vec<_> = sold.into_iter().map(|(order, _)| order).collect();
    open.sort();
    left.sort();
    assert_eq!(open, left);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_zero_ends_the_sale_and_no_figure_begins_it_again() {
    let Some(url) = url() else { return };
    let storefront = Arc::new(Storefront::open(url, "S").await);
    let item = ITEMS[0];
    storefront.list(item, 40).await;
    let hub = Hub::open(url, &storefront.options());
    assert!(storefront.checkout("before", &[(item, 2)]).await);
    let shopper = tokio::spawn({
        let storefront = storefront.clone();
        async move {
            for n in 0.. {
                if !storefront.checkout(&format!("during-{n}"), &[(item, 1)]).await {
                    return n;
                }
            }
            0
        }
    });
    while storefront.counter(item).await > 30 {}
    assert_eq!(hub.push(&[(item, Write::Absolute(0))]).await.unwrap(), [Outcome::Applied { now: Some(0) }]);
    assert!(shopper.await.unwrap() < 38, "the zero came before the last unit was sold");
    assert_eq!(storefront.counter(item).await, 0);

    // What comes back comes back once, zero or not, and can be taken off sale again.
    for _ in 0..3 {
        storefront.undo("before", &[(item, 2)], Undo::Delete).await;
    }
    assert_eq!(hub.shown(item).await, Some(2));
    let outcomes =
        hub.push(&[(item, Write::Absolute(5)), (item, Write::Absolute(1)), (item, Write::Absolute(0))]).await;
    let outcomes = outcomes.unwrap();
    assert!(matches!(&outcomes[0], Outcome::Refused(refusal) if refusal.why == RefusedWhy::BelowZero), "{outcomes:?}");
    assert_eq!(outcomes[1..], [1, 0].map(|now| Outcome::Applied { now: Some(now) }));
    // Only what is added raises it.
    assert_eq!(hub.push(&[(item, Write::Relative(7))]).await.unwrap(), [Outcome::Applied { now: Some(7) }]);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_reading_tells_whether_it_landed() {
    let Some(url) = url() else { return };
    let storefront = Storefront::open(url, "S").await;
    let item = ITEMS[1];
    storefront.list(item, 10).await;
    let hub = Hub::open(url, &storefront.options());
    for (loss, shows) in [(Loss::Answer, 13), (Loss::Request, 13)] {
        *hub.network.loss.lock().unwrap() = loss;
        let error = hub.push(&[(item, Write::Relative(3))]).await.unwrap_err();
        assert_eq!(error.class, Class::Transient { applied: Applied::Unknown }, "{loss:?}");
        assert_eq!(hub.shown(item).await, Some(shows), "{loss:?}");
    }
    assert_eq!(hub.push(&[(item, Write::Relative(-3))]).await.unwrap(), [Outcome::Applied { now: Some(10) }]);
}

#[tokio::test]
async fn a_refusal_says_whether_the_item_or_the_units_are_missing() {
    let Some(url) = url() else { return };
    let storefront = Storefront::open(url, "S").await;
    let (item, bare) = (ITEMS[2], "listed without a counter");
    storefront.list(item, 2).await;
    let row = serde_json::json!({"TableName": storefront.stock, "Item": {"item": {"S": bare}}});
    assert_eq!(storefront.call("PutItem", &row).await.0, 200);
    let hub = Hub::open(url, &storefront.options());
    let why = |outcome: &Outcome| match outcome {
        Outcome::Refused(refusal) => Some(refusal.why),
        _ => None,
    };
    let writes = [
        (item, Write::Relative(-3)),
        (item, Write::Relative(999_999_999)),
        ("nothing", Write::Relative(1)),
        ("nothing", Write::Relative(-1)),
        ("nothing", Write::Absolute(0)),
        (bare, Write::Relative(-1)),
    ];
    let outcomes = hub.push(&writes).await.unwrap();
    let (short, none) = (Some(RefusedWhy::BelowZero), Some(RefusedWhy::NoSuchItem));
    let expected = [short, Some(RefusedWhy::OutOfRange), none, none, none, short];
    assert_eq!(outcomes.iter().map(why).collect::<Vec<_>>(), expected, "{outcomes:?}");
    assert_eq!((storefront.counter(item).await, hub.shown("nothing").await, hub.shown(bare).await), (2, None, Some(0)));
    // No item comes into being by a write, and a counter does.
    assert_eq!(hub.push(&[(bare, Write::Relative(4))]).await.unwrap(), [Outcome::Applied { now: Some(4) }]);
}
