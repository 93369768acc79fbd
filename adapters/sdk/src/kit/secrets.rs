//! No secret is ever written down: not in an error, not in what is kept of an odd order, not in a trace.

use std::{fmt::Debug, sync::Arc};

use tracing::instrument::WithSubscriber;

use super::{Finding, Miss, Planned, Shop, capture::Capture, check, duty::Bench, ensure, failed};
use crate::{
    env::HeaderMap,
    fake::{Fault, Times},
    mall::Notice,
};

pub(super) fn all() -> Vec<Planned> {
    vec![check(
        "no secret is in any error, trace, setting or unread order",
        "`MallError`, `Unread::redacted`, `Settings`: none carries a credential, an access token or a signature",
        none_written,
    )]
}

async fn none_written(shop: Arc<Shop>) -> Finding {
    let capture = Capture::default();
    let said = everything(&shop).with_subscriber(capture.clone()).await?;
    let mut secrets = shop.spy.secrets();
    // A shop's id is a credential on malls that put it into every order's id: a name, not a secret.
    let names: Vec<_> = shop.book().orders().into_iter().map(|kept| kept.order.id).collect();
    let names: Vec<_> = names.into_iter().chain(shop.fake.shop_name()).collect();
    secrets.retain(|secret| !names.iter().any(|name| name.contains(secret.as_str())));
    let traces = capture.text();
    ensure(!secrets.is_empty(), || ("credentials in the adapter's requests", "none"))?;
    ensure(traces.contains(shop.card().mall), || ("traces of the adapter's calls", "none"))?;
    for secret in &secrets {
        for (place, text) in [("what the adapter said", &said), ("the traces", &traces)] {
            if let Some(at) = text.find(secret.as_str()) {
                let start = text[..at].char_indices().rev().nth(80).map_or(0, |(index, _)| index);
                let seen = format!("one of {} characters, after: {}", secret.len(), &text[start..at]);
                return Err(failed(format!("no secret in {place}"), seen));
            }
        }
    }
    Ok(())
}

/// All that an adapter says while everything goes right and wrong.
async fn everything(shop: &Shop) -> Result<String, Miss> {
    let mut said = format!("{:?}", shop.settings);
    let bench = Bench::of_requests(shop).await?;
    for (duty, operation) in bench.duties.iter().copied() {
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
    shop.book().clear_faults();
    extras(shop, &mut said).await?;
    Ok(said)
}

async fn extras(shop: &Shop, said: &mut String) -> Result<(), Miss> {
    let extras = shop.mall.extras();
    if let Some(account) = extras.account {
        note(said, &shop.patiently(|| account.account()).await?.notes);
    }
    if let Some(catalogue) = extras.catalogue {
        note(said, &shop.patiently(|| catalogue.list(None)).await?);
    }
    if let Some(wakeup) = extras.wakeup
        && let Some(order) = shop.book().orders().first()
        && let Some(sent) = shop.fake.notification(&order.order.id)
    {
        let body = [sent.body.as_slice(), b" "].concat();
        for headers in [sent.header_map(), HeaderMap::new()] {
            note(said, &wakeup.read(&Notice { headers: &headers, body: &body }));
        }
    }
    if let Some(consent) = extras.consent {
        note(said, &consent.page(" ", " ").err());
        note(said, &shop.patiently(|| consent.redeem("no-such-code", " ")).await.err());
    }
    Ok(())
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
