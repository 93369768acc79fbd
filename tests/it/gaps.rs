//! What is not known for certain: keys that end, and spans of orders that nobody read.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::hub::Hub;

fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

async fn told(hub: &Hub, kind: &str) -> Vec<String> {
    let items = hub.store.attention(None, 100).await.unwrap();
    items.into_iter().filter(|item| item.kind == kind).map(|item| item.message).collect()
}

#[tokio::test]
async fn a_key_that_was_renewed_in_time_is_found_within_a_minute_and_nothing_stops() {
    let hub = Hub::open(&[&uriba_rakuten::MALL]).await;
    let here = hub.engine.channel("rakuten").unwrap();
    let settings = Arc::new(Mutex::new(here.plan.settings.clone()));
    let source = settings.clone();
    here.take_settings_from(Arc::new(move |_| Some(source.lock().unwrap().clone())));
    hub.engine.run_once(Some("expire"), None).await.unwrap();
    hub.env.advance(days(69));
    hub.engine.run_once(Some("expire"), None).await.unwrap();
    let said = told(&hub, "credentials").await;
    assert!(said.len() == 1 && said[0].contains("license_key ends in 21 days at the latest"), "{said:?}");
    settings.lock().unwrap().credentials.insert("license_key".into(), "a new one".into());
    hub.engine.run_once(Some("expire"), None).await.unwrap();
    assert_eq!(told(&hub, "credentials").await.len(), 1, "it was looked at a moment ago");
    hub.env.advance(Duration::from_secs(60));
    hub.engine.run_once(Some("expire"), None).await.unwrap();
    assert_eq!(told(&hub, "credentials").await, Vec::<String>::new());
    let sheet = hub.store.channel_sheet("rakuten", &hub.outlines()).await.unwrap();
    let license = sheet.credentials.iter().find(|credential| credential.name == "license_key").unwrap();
    assert_eq!(license.since, uriba_sdk::Env::now(hub.env.as_ref()));
}
