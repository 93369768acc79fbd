//! Malls of which nobody hears, and malls that nobody can write: what the others do meanwhile.

use std::time::Duration;

use uriba::{domain::exposure::mode::Wish, store::explain::Question};
use uriba_sdk::{
    Env,
    fake::{Fault, Times},
};

use crate::hub::Hub;

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// Ten sell within half an hour on Rakuten, which shows 40 at first, as Yahoo! does.
async fn busy_rakuten() -> Hub {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 40).await;
    hub.run_until("both malls show 40", minutes(10), |hub| hub.shows(0, 40)).await;
    for _ in 0..10 {
        hub.buy("rakuten", 0, 1);
        hub.run_for(minutes(3)).await;
    }
    hub.run_until("both malls show 30", minutes(5), |hub| hub.shows(0, 30)).await;
    hub
}

async fn withheld(hub: &Hub, at: Option<jiff::Timestamp>) -> Option<i64> {
    let question = Question { sku: "tea", channel: Some("yahoo"), at, kept_from: None };
    let tree = hub.store.explain(&question, &hub.outlines()).await.unwrap();
    tree.check().unwrap();
    let term = tree.find("blind")?;
    term.terms.last()?.whole()
}

#[tokio::test]
async fn a_mall_of_which_nobody_hears_is_allowed_for_and_never_stops_the_others() {
    let hub = busy_rakuten().await;
    hub.book("rakuten").fault("orders.search", Fault::Status(503), Times::Probability(1.0));
    for _ in 0..3 {
        hub.buy("rakuten", 0, 1);
    }
    // Three are missing when the counter is read; what is not known beyond that is withheld, too.
    let allows = |hub: &Hub| (1..27).contains(&hub.counter("yahoo", 0));
    hub.run_until("yahoo shows what rakuten can't have sold", minutes(10), allows).await;
    let first = (hub.env.now(), hub.counter("yahoo", 0));
    let said = withheld(&hub, None).await.unwrap();
    assert_eq!(27 + said, first.1);
    hub.run_for(minutes(60)).await;
    let later = hub.counter("yahoo", 0);
    assert!((1..first.1).contains(&later), "more for an hour than for some minutes: {later}");
    for _ in 0..5 {
        hub.buy("yahoo", 0, 1);
        hub.run_for(minutes(5)).await;
        assert!(hub.counter("yahoo", 0) > 0);
    }
    hub.book("rakuten").clear_faults();
    hub.run_until("both malls show 22", minutes(15), |hub| hub.shows(0, 22)).await;
    assert_eq!(withheld(&hub, None).await, None);
    assert_eq!(withheld(&hub, Some(first.0)).await, Some(said), "and what was withheld then can still be told");
    let report = hub.store.verify(&hub.store.allowances().await.unwrap()).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}

/// Trace 37.
#[tokio::test]
async fn a_mall_that_is_down_for_a_night_keeps_its_units_and_doesnt_stop_the_rest() {
    let hub = Hub::open(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL]).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.store.set_sku("tea", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
    let on_show = |hub: &Hub| (hub.counter("rakuten", 0), hub.counter("yahoo", 0));
    hub.run_until("both show their share of ten", minutes(60), |hub| {
        let (rakuten, yahoo) = on_show(hub);
        rakuten + yahoo == 10 && rakuten > 0 && yahoo > 0
    })
    .await;
    let (rakutens, mut left) = on_show(&hub);
    for operation in ["orders.search", "orders.get", "stock.push", "stock.read"] {
        hub.book("rakuten").fault(operation, Fault::Maintenance, Times::Probability(1.0));
    }
    while left > 0 {
        hub.buy("yahoo", 0, 1);
        left -= 1;
        hub.run_for(minutes(2)).await;
        let (rakuten, yahoo) = on_show(&hub);
        assert_eq!((rakuten, yahoo), (rakutens, left), "each sells its own");
    }
    let again = |hub: &Hub| hub.counter("yahoo", 0) > 0;
    hub.run_until("yahoo isn't stopped by rakuten for the night", minutes(100), again).await;
    hub.buy("yahoo", 0, 1);
    hub.run_for(minutes(10)).await;
    assert!(hub.counter("yahoo", 0) > 0, "and goes on");
    hub.book("rakuten").clear_faults();
    let left = rakutens - 1;
    hub.run_until("in the morning they share what is left", minutes(60), |hub| {
        let (rakuten, yahoo) = on_show(hub);
        rakuten + yahoo == left
    })
    .await;
    assert_eq!(hub.meters.violations(), Vec::<String>::new());
}
