//! A mall whose clock is not ours: somebody hears of it, and nothing is taken to be known beyond its present.

use std::{sync::Arc, time::Duration};

use uriba_sdk::{Env, fake::ManualEnv};

use crate::{hub::Hub, support::Off};

#[tokio::test]
async fn a_malls_clock_that_is_off_is_named_and_nothing_is_known_beyond_its_present() {
    let env = Arc::new(ManualEnv::new(7));
    let mall = Arc::new(Off::by(env.clone(), -40));
    let hub = Hub::open_on(&[&uriba_rakuten::MALL, &uriba_yahoo::MALL], env, mall.clone(), |_| {}).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("both show 10", minutes(10), |hub| hub.shows(0, 10)).await;
    for _ in 0..5 {
        hub.buy("rakuten", 0, 1);
        hub.run_for(Duration::from_secs(70)).await;
        for id in ["rakuten", "yahoo"] {
            let known = hub.store.channel(id).await.unwrap().watermark.unwrap();
            assert!(known <= mall.now().as_microsecond(), "{id}: orders that the mall has yet to get are not known");
        }
    }
    let items = complaints(&hub).await;
    assert_eq!(items.len(), 2, "{items:?}");
    assert!(items.iter().any(|item| item.starts_with("rakuten: the mall's clock is 39 s behind")), "{items:?}");
    hub.run_until("both show 5", minutes(10), |hub| hub.shows(0, 5)).await;
    mall.set(30);
    hub.run_for(minutes(2)).await;
    let items = complaints(&hub).await;
    // An answer's time is of whole seconds: what is certain may be a second less.
    let ahead = |item: &String| ["29", "30"].iter().any(|n| item.contains(&format!("clock is {n} s ahead of")));
    assert!(items.iter().all(ahead), "{items:?}");
    mall.set(3);
    hub.run_for(minutes(2)).await;
    assert_eq!(complaints(&hub).await, Vec::<String>::new(), "that much is of no account");
}

async fn complaints(hub: &Hub) -> Vec<String> {
    let items = hub.store.attention(None, 100).await.unwrap();
    items.into_iter().filter(|item| item.kind == "clock").map(|item| item.message).collect()
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}
