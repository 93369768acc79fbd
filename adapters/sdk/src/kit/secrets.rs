//! No secret is ever written down: not in an error, not in what is kept of an odd order, not in a trace.

use std::{fmt::Debug, sync::Arc};

use tracing::instrument::WithSubscriber;

use super::{Finding, Miss, Planned, Shop, capture::Capture, check, duty::Bench, ensure, over_http};
use crate::fake::{Fault, Times};

pub(super) fn all() -> Vec<Planned> {
    vec![check("no secret is in any error, trace, setting or unread order", none_written)]
}

async fn none_written(shop: Arc<Shop>) -> Finding {
    over_http(&shop)?;
    let capture = Capture::default();
    let said = everything(&shop).with_subscriber(capture.clone()).await?;
    let mut secrets = shop.spy.secrets();
    // A shop's id is a credential on malls that put it into every order's id: a name, not a secret.
    let orders = shop.book().orders();
    secrets.retain(|secret| !orders.iter().any(|kept| kept.order.id.contains(secret.as_str())));
    ensure(!secrets.is_empty(), || "the adapter sent no credential at all".into())?;
    let traces = capture.text();
    ensure(traces.contains(shop.card().mall), || "the calls left no trace to look into".into())?;
    for secret in &secrets {
        for (place, text) in [("what the adapter said", &said), ("the traces", &traces)] {
            if let Some(at) = text.find(secret.as_str()) {
                let start = text[..at].char_indices().rev().nth(80).map_or(0, |(index, _)| index);
                return ensure(false, || {
                    format!("a secret of {} characters in {place}, after: {}", secret.len(), &text[start..at])
                });
            }
        }
    }
    Ok(())
}

/// All that an adapter says while everything goes right and wrong.
async fn everything(shop: &Shop) -> Result<String, Miss> {
    let mut said = format!("{:?}", shop.settings);
    let bench = Bench::new(shop)?;
    for (duty, operation) in Bench::duties(shop) {
        for fault in faults() {
            if let Some(fault) = fault {
                shop.fault(operation, fault);
            }
            let result = bench.perform(shop, duty).await?;
            shop.book().clear_faults();
            if let Err(error) = &result {
                said.push_str(&format!("\n{error}\n{error:?}"));
            }
            note(&mut said, &result);
        }
        shop.fake.expire_credentials();
        for _ in 0..2 {
            note(&mut said, &bench.perform(shop, duty).await?);
        }
        shop.fake.renew_credentials();
    }
    let card = &shop.card().orders;
    for operation in [card.search, card.by_id] {
        shop.book().fault(operation, Fault::UnknownStatus, Times::Probability(1.0));
    }
    let haul = shop.search().await?;
    note(&mut said, &haul.unread);
    note(&mut said, &shop.find(&haul.ids()).await?);
    Ok(said)
}

/// `None`: all goes well.
fn faults() -> Vec<Option<Fault>> {
    let page = "<html><body>no such page</body></html>".into();
    let faults = [
        Fault::Status(500),
        Fault::Throttle { retry_after: Some(1) },
        Fault::Maintenance,
        Fault::MaintenancePage,
        Fault::Expired,
        Fault::Truncate,
        Fault::CloseAfter,
        Fault::Garbage(page),
    ];
    std::iter::once(None).chain(faults.into_iter().map(Some)).collect()
}

fn note(said: &mut String, what: &impl Debug) {
    said.push_str(&format!("\n{what:?}"));
}
