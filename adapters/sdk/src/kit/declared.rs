//! What the adapter says about itself: its card, its settings, its spelling of keys.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Finding, Planned, Shop, check, ensure};
use crate::card::{BelowZero, Card, Scope, WriteMode};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("the card agrees with itself", |shop| async move { agrees(&shop) }),
        check("each required credential is asked for by name", |shop| async move { asks(&shop) }),
        check("every spelling of a key resolves to that key", resolves),
        check("a call about nothing is answered with nothing", answers_nothing),
    ]
}

fn agrees(shop: &Shop) -> Finding {
    let card = shop.card();
    ensure(card.mall == shop.entry.id, || format!("the card is of {}, the entry of {}", card.mall, shop.entry.id))?;
    ensure(jiff::tz::TimeZone::get(card.zone).is_ok(), || format!("no such zone: {}", card.zone))?;
    ensure(card.quantity_max >= 1, || format!("quantity_max {}", card.quantity_max))?;
    quotas_agree(card)?;
    operations_agree(card)?;
    orders_agree(card)?;
    if let Some(lag) = card.times.effect_lag {
        ensure(lag.typical <= lag.max, || format!("{lag:?}"))?;
    }
    unique("credentials", card.credentials.iter().map(|credential| credential.key))?;
    unique("options", card.options.iter().map(|option| option.key))?;
    ensure(!card.sources.is_empty(), || "the card names no source".into())?;
    for source in card.sources {
        let dated = source.read_on.parse::<jiff::civil::Date>().is_ok();
        let full = !source.fact.is_empty() && !source.source.is_empty();
        ensure(dated && full, || format!("an incomplete source: {source:?}"))?;
    }
    Ok(())
}

fn quotas_agree(card: &Card) -> Finding {
    unique("quotas", card.quotas.iter().map(|quota| quota.name))?;
    for quota in card.quotas {
        let rate = quota.per_second.is_finite() && quota.per_second > 0.0;
        ensure(rate && quota.burst >= 1 && quota.per_day != Some(0), || format!("no request fits: {quota:?}"))?;
        if let Scope::Credential(key) = quota.scope {
            let known = card.credentials.iter().any(|credential| credential.key == key);
            ensure(known, || format!("{} is shared by the unknown credential {key}", quota.name))?;
        }
    }
    Ok(())
}

fn operations_agree(card: &Card) -> Finding {
    unique("operations", card.operations.iter().map(|operation| operation.name))?;
    for operation in card.operations {
        for name in operation.quotas {
            let known = card.quotas.iter().any(|quota| quota.name == *name);
            ensure(known, || format!("{} takes from the unknown quota {name}", operation.name))?;
        }
    }
    let named = |name: &str| ensure(card.operation(name).is_some(), || format!("{name} is not among the operations"));
    named(card.orders.search)?;
    named(card.orders.by_id)?;
    if let Some(reads) = &card.reads {
        named(reads.operation)?;
        ensure(reads.batch_max >= 1, || "no key fits into a read-back".into())?;
    }
    ensure(!card.writes.is_empty(), || "the card names no way to write stock".into())?;
    for way in card.writes {
        named(way.operation)?;
        ensure(way.batch_max >= 1, || format!("no update fits into {way:?}"))?;
        let relative = way.mode == WriteMode::Relative;
        let said = way.below_zero != BelowZero::NotApplicable;
        ensure(relative == said, || format!("below_zero does not fit the mode: {way:?}"))?;
    }
    Ok(())
}

fn orders_agree(card: &Card) -> Finding {
    let orders = &card.orders;
    let zero = Duration::ZERO;
    ensure(orders.by_id_max >= 1, || "no id fits into a call".into())?;
    ensure(orders.precision > zero, || "times without a grain".into())?;
    ensure(orders.span_max > orders.edge + orders.overlap, || "a window is shorter than its overlap and edge".into())?;
    ensure(orders.reach >= orders.span_max, || "a window may be longer than the search reaches back".into())?;
    ensure(orders.overlap >= orders.visibility_lag, || "an order may appear after its window was read last".into())?;
    ensure(card.times.poll_interval > zero, || "a poll interval of nothing".into())
}

fn asks(shop: &Shop) -> Finding {
    for credential in shop.card().credentials.iter().filter(|credential| credential.required) {
        let mut settings = shop.settings.clone();
        ensure(settings.credentials.remove(credential.key).is_some(), || {
            format!("the fake's settings lack the required credential {}", credential.key)
        })?;
        let wanted = format!("credentials.{}", credential.key);
        match shop.reopened(&settings) {
            Ok(_) => return ensure(false, || format!("opened without {wanted}")),
            Err(error) => ensure(error.contains(&wanted), || format!("without {wanted} the adapter says: {error}"))?,
        }
    }
    let mut settings = shop.settings.clone();
    (settings.base_url, settings.auth_url) = (None, None);
    let opened = shop.reopened(&settings).err();
    ensure(opened.is_none(), || format!("without a base_url: {opened:?}"))
}

async fn resolves(shop: Arc<Shop>) -> Finding {
    let keys: Vec<_> = (0..12).map(|n| shop.list(n, 5)).collect();
    ensure(keys.iter().collect::<BTreeSet<_>>().len() == 12, || format!("the fake repeats keys: {keys:?}"))?;
    let spelled: Vec<_> = keys.iter().map(|key| shop.fake.spelling(key)).collect();
    let resolved = shop.resolved(&spelled).await?;
    for ((key, spelling), listing) in keys.iter().zip(&spelled).zip(&resolved) {
        ensure(listing.key == *key, || format!("{spelling:?} resolved to {:?}, not {key:?}", listing.key))?;
    }
    for (key, listing) in keys.iter().zip(shop.resolved(&keys).await?) {
        ensure(listing.key == *key, || format!("{key} resolved to {:?}", listing.key))?;
    }
    // Nonsense is told apart, and its neighbours are still resolved.
    let odd = [keys[0].clone(), String::new(), "長".repeat(4_000), keys[1].clone()];
    let answers = shop.patiently(|| shop.mall.resolve(&odd)).await?;
    let given: Vec<_> = answers.iter().map(|answer| answer.given.clone()).collect();
    ensure(given == odd, || format!("{} answers for 4 keys, or out of order", given.len()))?;
    ensure(answers[1].key.is_err() && answers[2].key.is_err(), || "an empty or endless key was accepted".into())?;
    let neighbours = [&answers[0], &answers[3]].map(|answer| answer.key.clone().map(|listing| listing.key));
    ensure(neighbours == [Ok(keys[0].clone()), Ok(keys[1].clone())], || format!("beside nonsense: {neighbours:?}"))
}

async fn answers_nothing(shop: Arc<Shop>) -> Finding {
    let found = shop.by_id(&[]).await?;
    ensure(found == crate::mall::Found::default(), || format!("by_id of nothing: {found:?}"))?;
    let outcomes = shop.push(&[]).await?;
    ensure(outcomes.is_empty(), || format!("push of nothing: {outcomes:?}"))?;
    let resolved = shop.patiently(|| shop.mall.resolve(&[])).await?;
    ensure(resolved.is_empty(), || format!("resolve of nothing: {resolved:?}"))?;
    match shop.read(&[]).await {
        Some(readings) => ensure(readings?.is_empty(), || "read of nothing".into()),
        None => Ok(()),
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Finding {
    let mut seen = BTreeSet::new();
    for name in names {
        ensure(!name.is_empty() && seen.insert(name), || format!("{what}: {name:?} is empty or there twice"))?;
    }
    Ok(())
}
