//! What the adapter says about itself: its card, its settings, its spelling of keys.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Finding, Planned, Shop, check, ensure};
use crate::card::{BelowZero, Card, OperationCard, Scope, WriteMode, WriteWay};

/// Items of a fake that show every shape of a key.
const SHAPES: usize = 60;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "the card agrees with itself",
            "`Card`: the engine plans with these facts, so none may contradict another, and each has a dated source",
            |shop| async move { agrees(&shop) },
        ),
        check(
            "each kind of listing in the card is some item's, and no item is of another",
            "`Card::kind_of`: gives a word of `WriteWay::kind` for every key with its handle",
            kinds,
        ),
        check(
            "each required credential is asked for by name",
            "`Settings::credential`, `OpenMall`: what is wrong with the settings is said before the first request",
            |shop| async move { asks(&shop) },
        ),
        check(
            "every spelling of a key resolves to that key",
            "`Mall::resolve`: the normalised key for the user's spelling, one answer per key in order",
            resolves,
        ),
        check(
            "a call about nothing is answered with nothing",
            "`Mall`: no id, no update, no key is no question",
            answers_nothing,
        ),
    ]
}

fn agrees(shop: &Shop) -> Finding {
    let card = shop.card();
    let own = || (format!("the card of {}", shop.entry.id), format!("the card of {}", card.mall));
    ensure(card.mall == shop.entry.id, own)?;
    holds(jiff::tz::TimeZone::get(card.zone).is_ok(), "zone is an IANA name", || card.zone.to_owned())?;
    holds(card.quantity_max >= 1, "a listing can hold one unit", || format!("quantity_max {}", card.quantity_max))?;
    quotas_agree(card)?;
    unique("operations", card.operations.iter().map(|operation| operation.name))?;
    card.operations.iter().try_for_each(|operation| takes_from_known(card, operation))?;
    ways_agree(card)?;
    orders_agree(card)?;
    if let Some(lag) = card.times.effect_lag {
        holds(lag.typical <= lag.max, "a typical effect_lag of at most its max", || format!("{lag:?}"))?;
    }
    unique("credentials", card.credentials.iter().map(|credential| credential.key))?;
    unique("options", card.options.iter().map(|option| option.key))?;
    holds(!card.sources.is_empty(), "at least one source", || "none".into())?;
    for source in card.sources {
        let dated = source.read_on.parse::<jiff::civil::Date>().is_ok();
        let full = !source.fact.is_empty() && !source.source.is_empty();
        holds(dated && full, "sources with a fact, a place and an ISO date", || format!("{source:?}"))?;
    }
    Ok(())
}

fn holds(holds: bool, expected: &str, seen: impl FnOnce() -> String) -> Finding {
    ensure(holds, || (expected, seen()))
}

fn quotas_agree(card: &Card) -> Finding {
    unique("quotas", card.quotas.iter().map(|quota| quota.name))?;
    for quota in card.quotas {
        let rate = quota.per_second.is_finite() && quota.per_second > 0.0;
        let fits = rate && quota.burst >= 1 && quota.per_day != Some(0);
        holds(fits, "quotas that let some request pass", || format!("{quota:?}"))?;
        if let Scope::Credential(key) = quota.scope {
            let known = card.credentials.iter().any(|credential| credential.key == key);
            holds(known, "quotas shared by a credential of the card", || format!("{quota:?}"))?;
        }
    }
    Ok(())
}

fn takes_from_known(card: &Card, operation: &OperationCard) -> Finding {
    let quota = |name: &str| card.quotas.iter().find(|quota| quota.name == name);
    for name in operation.quotas {
        let known = quota(name).is_some();
        holds(known, "operations that take from quotas of the card", || format!("{} takes {name}", operation.name))?;
    }
    for (name, points) in operation.costs {
        let fits = quota(name).is_some_and(|quota| (1..=quota.burst).contains(points));
        let expected = "costs that name a quota of the card and fit into its burst";
        holds(fits, expected, || format!("{} costs {points} of {name}", operation.name))?;
        let once = !operation.quotas.contains(name);
        holds(once, "a request that is counted by a quota or priced by it", || format!("{operation:?}"))?;
    }
    unique("costs", operation.costs.iter().map(|(name, _)| *name))
}

fn ways_agree(card: &Card) -> Finding {
    let named = |name: &str| {
        let known = card.operation(name).is_some();
        holds(known, "ways whose operation is among the card's operations", || name.to_owned())
    };
    named(card.orders.search)?;
    named(card.orders.by_id)?;
    if let Some(reads) = &card.reads {
        named(reads.operation)?;
        holds(reads.batch_max >= 1, "a read-back of at least one key", || format!("{reads:?}"))?;
    }
    holds(!card.writes.is_empty(), "a way to write stock", || "none".into())?;
    let takes = |way: &WriteWay| card.operation(way.operation).map(|operation| operation.takes);
    let mut seen = BTreeSet::new();
    for way in card.writes {
        named(way.operation)?;
        holds(way.batch_max >= 1, "a push of at least one update", || format!("{way:?}"))?;
        let relative = way.mode == WriteMode::Relative;
        let said = way.below_zero != BelowZero::NotApplicable;
        holds(relative == said, "below_zero said of relative ways and of no other", || format!("{way:?}"))?;
        let once = seen.insert(format!("{:?} of {:?} in {:?}", way.mode, way.kind, takes(way)));
        holds(once, "one way per kind and mode, or a slower one besides", || format!("another {way:?}"))?;
    }
    Ok(())
}

fn orders_agree(card: &Card) -> Finding {
    let orders = &card.orders;
    let said = || format!("{orders:?}");
    holds(orders.by_id_max >= 1, "at least one id in a call", said)?;
    holds(orders.precision > Duration::ZERO, "times with a grain", said)?;
    holds(orders.span_max > orders.edge + orders.overlap, "windows longer than their overlap and edge", said)?;
    holds(orders.reach >= orders.span_max, "windows no longer than the search reaches back", said)?;
    holds(orders.overlap >= orders.visibility_lag, "no order that appears after its window was read last", said)?;
    holds(card.times.poll_interval > Duration::ZERO, "a poll interval", || "none".into())
}

async fn kinds(shop: Arc<Shop>) -> Finding {
    let named = shop.kinds();
    let keys: Vec<_> = (0..SHAPES).map(|n| shop.list(n, 5)).collect();
    let listings = shop.resolved(&keys).await?;
    let mut given = BTreeSet::new();
    for listing in &listings {
        let kind = shop.kind_of(listing);
        let told = || (format!("a kind out of {named:?}"), format!("{listing:?} is of the kind {kind:?}"));
        ensure(named.contains(kind), told)?;
        given.insert(kind);
    }
    // The word may not be a matter of when it is asked for.
    for (listing, again) in listings.iter().zip(shop.resolved(&keys).await?) {
        let (one, other) = (shop.kind_of(listing), shop.kind_of(&again));
        ensure(one == other, || (format!("{} stays of the kind {one:?}", listing.key), format!("{other:?}")))?;
    }
    ensure(given == named, || {
        (format!("every kind of the card, {named:?}, among {SHAPES} items of the fake"), format!("{given:?}"))
    })
}

fn asks(shop: &Shop) -> Finding {
    for credential in shop.card().credentials.iter().filter(|credential| credential.required) {
        let mut settings = shop.settings.clone();
        let given = settings.credentials.remove(credential.key).is_some();
        ensure(given, || (format!("settings of the fake with {}", credential.key), "they lack it"))?;
        let wanted = format!("credentials.{}", credential.key);
        let said = shop.reopened(&settings).err().unwrap_or_else(|| "it opens".into());
        ensure(said.contains(&wanted), || (format!("without it, a word on {wanted}"), said))?;
    }
    let mut settings = shop.settings.clone();
    (settings.base_url, settings.auth_url) = (None, None);
    let refused = shop.reopened(&settings).err();
    ensure(refused.is_none(), || ("without a base_url, the mall's own address", format!("{refused:?}")))
}

async fn resolves(shop: Arc<Shop>) -> Finding {
    let keys: Vec<_> = (0..12).map(|n| shop.list(n, 5)).collect();
    let distinct = keys.iter().collect::<BTreeSet<_>>().len();
    ensure(distinct == 12, || ("a fake with a key for each item", format!("{keys:?}")))?;
    let spelled: Vec<_> = keys.iter().map(|key| shop.fake.spelling(key)).collect();
    for given in [&spelled, &keys] {
        for ((key, given), listing) in keys.iter().zip(given).zip(shop.resolved(given).await?) {
            ensure(listing.key == *key, || (format!("{given:?} resolves to {key:?}"), format!("{:?}", listing.key)))?;
        }
    }
    // Nonsense is told apart, and its neighbours are still resolved.
    let odd = [keys[0].clone(), String::new(), "長".repeat(4_000), keys[1].clone()];
    let answers = shop.resolve(&odd).await?;
    let refused = answers[1].key.is_err() && answers[2].key.is_err();
    ensure(refused, || {
        (
            "an empty key and an endless one are refused",
            format!("{:?} and {:?}", answers[1].key.is_ok(), answers[2].key.is_ok()),
        )
    })?;
    let neighbours = [&answers[0], &answers[3]].map(|answer| answer.key.clone().map(|listing| listing.key));
    let right = neighbours == [Ok(keys[0].clone()), Ok(keys[1].clone())];
    ensure(right, || ("keys beside nonsense resolve all the same", format!("{neighbours:?}")))
}

async fn answers_nothing(shop: Arc<Shop>) -> Finding {
    let nothing = |of: &str, seen: String| (format!("{of} of nothing gives nothing"), seen);
    let found = shop.by_id(&[]).await?;
    ensure(found == crate::mall::Found::default(), || nothing("by_id", format!("{found:?}")))?;
    let outcomes = shop.push(&[]).await?;
    ensure(outcomes.is_empty(), || nothing("push", format!("{outcomes:?}")))?;
    let resolved = shop.resolve(&[]).await?;
    ensure(resolved.is_empty(), || nothing("resolve", format!("{resolved:?}")))?;
    if let Some(readings) = shop.read(&[]).await {
        let readings = readings?;
        ensure(readings.is_empty(), || nothing("read", format!("{readings:?}")))?;
    }
    if let Some(tickets) = shop.mall.extras().tickets {
        let answers = shop.patiently(|| tickets.redeem(&[])).await?;
        ensure(answers.is_empty(), || nothing("redeem", format!("{answers:?}")))?;
    }
    Ok(())
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Finding {
    let mut seen = BTreeSet::new();
    for name in names {
        let fresh = !name.is_empty() && seen.insert(name);
        ensure(fresh, || (format!("{what} with a name for each"), format!("{name:?} is empty or there twice")))?;
    }
    Ok(())
}
