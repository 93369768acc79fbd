//! Texts beyond ASCII, in whatever encoding the mall sends them.

use std::sync::Arc;

use super::{Finding, Planned, Shop, cannot, check, ensure};
use crate::{
    error::Class,
    fake::{Fault, Times},
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "characters beyond ASCII are read in the mall's own encoding",
            "`Mall`: adapters translate encodings; bodies are bytes until their reader has decoded them",
            beyond_ascii,
        ),
        check(
            "a torn character hides no order",
            "`Mall::pull`, `Mall::by_id`: what can't be read is unread or `Malformed`, never left out",
            torn,
        ),
    ]
}

async fn beyond_ascii(shop: Arc<Shop>) -> Finding {
    let keys: Vec<_> = (0..12).map(|n| shop.list(n, 50)).collect();
    shop.spy.saw_beyond_ascii();
    let mut ids = Vec::new();
    for key in &keys {
        ids.push(shop.place(&[(key, 2)])?);
    }
    shop.settle();
    shop.reads_back(&ids).await?;
    let mut seen = shop.spy.saw_beyond_ascii();
    for key in keys.iter().filter(|key| !key.is_ascii()) {
        seen = true;
        let listing = shop.listing(key).await?;
        ensure(listing.key == *key, || (format!("{key} as it is"), listing.key.clone()))?;
        if let Some(readings) = shop.read(std::slice::from_ref(&listing)).await {
            let readings = readings?;
            let read = readings.first().is_some_and(|reading| reading.key == *key && reading.found.is_some());
            ensure(read, || (format!("a reading of {key}"), format!("{readings:?}")))?;
        }
    }
    if seen { Ok(()) } else { cannot("no answer of the fake has such a character") }
}

async fn torn(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 50);
    let mut ids = Vec::new();
    for n in 1..5 {
        ids.push(shop.place(&[(&key, n)])?);
    }
    shop.settle();
    shop.spy.saw_beyond_ascii();
    shop.reads_back(&ids).await?;
    if !shop.spy.saw_beyond_ascii() {
        return cannot("no order of the fake has a character beyond ASCII");
    }
    let orders = &shop.card().orders;
    let tear = |operation| shop.book().fault(operation, Fault::BrokenCharacter, Times::Probability(1.0));
    tear(orders.by_id);
    match shop.find(&ids).await {
        Ok(found) => {
            let unread = found.unread.iter().filter_map(|unread| unread.order_id.clone());
            let read: Vec<_> = found.orders.iter().map(|order| order.id.clone()).collect();
            let told: Vec<_> = read.iter().cloned().chain(unread).collect();
            let nameless = found.unread.iter().any(|unread| unread.order_id.is_none());
            let whole = nameless || ids.iter().all(|id| told.contains(id));
            ensure(whole, || (format!("{ids:?} read or unread"), format!("{found:?}")))?;
            shop.same(&read, &found.orders)?;
        }
        Err(error) => {
            let malformed = matches!(error.class, Class::Malformed { .. });
            ensure(malformed, || ("all orders, or Malformed", format!("{error}")))?;
        }
    }
    shop.book().clear_faults();
    tear(orders.search);
    let haul = shop.search().await;
    shop.book().clear_faults();
    let Ok(haul) = haul else { return Ok(()) };
    let nameless = haul.unread.iter().any(|unread| unread.order_id.is_none());
    let (found, read) = (haul.ids(), haul.orders.iter().map(|order| order.id.clone()).collect::<Vec<_>>());
    let whole = nameless || ids.iter().all(|id| found.contains(id));
    ensure(whole, || (format!("a search with {ids:?}, or an error"), format!("found were {found:?}")))?;
    shop.same(&read, &haul.orders)
}
