//! Read-back: figures, flags, missing items, full batches.

use std::sync::Arc;

use super::{
    Finding, Miss, Planned, Shop,
    batches::over,
    check, ensure, failed,
    listings::update,
    tickets::decided,
    writing::{shown, single, write},
};
use crate::{
    card::Figure,
    fake::{Fault, Item},
    mall::ListingKey,
    stock::{Counter, Outcome, Reading},
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "a read-back tells figures and missing items, in order",
            "`Readback::read`: one reading per key in order; `Reading::found` is None where the mall has no such item",
            figures,
        ),
        check(
            "whatever the mall made of a write, a read-back tells the figure",
            "`Readback::read`: what the mall shows now; how doubts about writes are settled",
            told_in_the_end,
        ),
        check(
            "a full read-back is answered, a larger one is refused or answered",
            "`ReadWay::batch_max`: so many keys a call; more are an error, or are split so that each is answered",
            full,
        ),
        check(
            "a read-back tells what sells past zero",
            "`Counter::sells_past_zero`: the mall goes on selling at zero",
            sells_past_zero,
        ),
        check(
            "a read-back tells what the mall fulfils itself",
            "`Counter::not_ours`: fulfilled by the mall, so never written",
            not_ours,
        ),
        check(
            "a read-back tells what is sold without a limit",
            "`Counter::quantity`: None where the mall sells without a limit",
            unlimited,
        ),
    ]
}

async fn read(shop: &Shop, keys: &[String]) -> Result<Vec<Reading>, Miss> {
    let listings = shop.resolved(keys).await?;
    read_as(shop, &listings).await
}

async fn read_as(shop: &Shop, listings: &[ListingKey]) -> Result<Vec<Reading>, Miss> {
    match (shop.read(listings).await, &shop.card().reads) {
        (Some(readings), Some(_)) => Ok(readings?),
        (None, None) => Err(Miss::CannotDo("the mall shows no figures".into())),
        (offered, said) => {
            let (said, offered) = (said.is_some(), offered.is_some());
            Err(failed(format!("read-back among the extras: {said}, by the card"), format!("{offered}")))
        }
    }
}

async fn figures(shop: Arc<Shop>) -> Finding {
    let max = shop.card().quantity_max;
    let figures = [Some(7), None, Some(0), Some(max), None, Some(1)];
    let keys: Vec<_> = figures
        .iter()
        .enumerate()
        .map(|(n, figure)| figure.map_or_else(|| shop.fake.mall_key(7_000 + n), |figure| shop.list(n, figure)))
        .collect();
    let expected = keys.iter().zip(figures).map(|(key, figure)| Reading {
        key: key.clone(),
        found: figure.map(|figure| Counter { quantity: Some(figure), sells_past_zero: false, not_ours: false }),
    });
    let expected: Vec<_> = expected.collect();
    let batch_max = shop.card().reads.as_ref().map_or(1, |way| way.batch_max);
    let mut readings = Vec::new();
    for keys in keys.chunks(batch_max) {
        readings.extend(read(&shop, keys).await?);
    }
    ensure(readings == expected, || (format!("{expected:#?}"), format!("{readings:#?}")))?;
    // What a shopper buys is gone from the next reading.
    shop.place(&[(&keys[0], 2)])?;
    let after = read(&shop, &keys[..1]).await?;
    let figure = after.first().and_then(|reading| reading.found).and_then(|found| found.quantity);
    ensure(figure == Some(5), || ("5 after 2 of 7 were bought", format!("{figure:?}")))
}

/// A success that changed nothing, and a figure that somebody changed by hand.
async fn told_in_the_end(shop: Arc<Shop>) -> Finding {
    if shop.mall.extras().readback.is_none() {
        return Err(Miss::CannotDo("the mall shows no figures".into()));
    }
    for way in single(&shop) {
        let listing = shop.list_kind(way.kind, 0, 5).await?;
        shop.fault(way.operation, Fault::Silent);
        let outcomes = shop.push(&[update(&listing, write(way.mode, 5, 2))]).await.unwrap_or_default();
        shop.book().clear_faults();
        read_as_sold(&shop, &listing, "after a success that changed nothing", &outcomes).await?;
        shop.book().set(&listing.key, 4);
        read_as_sold(&shop, &listing, "after a change by hand", &[]).await?;
    }
    Ok(())
}

async fn read_as_sold(shop: &Shop, listing: &ListingKey, when: &str, outcomes: &[Outcome]) -> Finding {
    let outcomes = decided(shop, outcomes.to_vec()).await?;
    shop.take_effect();
    let item = shop.book().item(&listing.key);
    let item = item.ok_or_else(|| failed(format!("a fake that keeps {}", listing.key), "it lost it"))?;
    let submitted = shop.card().reads.as_ref().is_some_and(|way| way.figure == Figure::Submitted);
    let read = shown(shop, listing).await?;
    let fits = read == Some(item.counter) || (submitted && read == Some(item.submitted));
    ensure(fits, || {
        (format!("{} read {when}", item.counter), format!("{read:?} is read; the push was told as {outcomes:?}"))
    })
}

async fn full(shop: Arc<Shop>) -> Finding {
    let max = shop.card().reads.as_ref().map_or(0, |way| way.batch_max);
    for count in [max].into_iter().chain(over(max)) {
        let keys: Vec<_> = (0..count).map(|n| shop.list(n, i64::try_from(n % 90).unwrap_or(0))).collect();
        let listings = shop.resolved(&keys).await?;
        let readings = match shop.read(&listings).await {
            Some(Err(_)) if count > max => continue,
            Some(readings) => readings?,
            None => return Err(Miss::CannotDo("the mall shows no figures".into())),
        };
        let whole = readings.len() == count;
        ensure(whole, || (format!("{count} readings for as many keys"), readings.len().to_string()))?;
        for (n, (reading, key)) in readings.iter().zip(&keys).enumerate() {
            let figure = reading.found.and_then(|found| found.quantity);
            let right = reading.key == *key && figure == i64::try_from(n % 90).ok();
            ensure(right, || (format!("{} of {key}, which is key {n} of {count}", n % 90), format!("{reading:?}")))?;
        }
    }
    Ok(())
}

/// Lists a plain item and an odd one side by side. The plain one must read as plain.
async fn beside_plain(shop: &Shop, odd: fn(&mut Item)) -> Result<Counter, Miss> {
    let keys = [shop.list(0, 6), shop.list_as(1, 4, odd)];
    let mut found = Vec::new();
    for key in &keys {
        let reading = read(shop, std::slice::from_ref(key)).await?.pop();
        let counter = reading.and_then(|reading| reading.found);
        found.push(counter.ok_or_else(|| failed(format!("a figure for {key}, which is listed"), "missing"))?);
    }
    let plain = Counter { quantity: Some(6), sells_past_zero: false, not_ours: false };
    ensure(found[0] == plain, || (format!("{plain:?} for a plain item"), format!("{:?}", found[0])))?;
    Ok(found[1])
}

async fn sells_past_zero(shop: Arc<Shop>) -> Finding {
    let counter = beside_plain(&shop, |item| item.sells_past_zero = true).await?;
    told(counter.sells_past_zero, "sells past zero")
}

async fn not_ours(shop: Arc<Shop>) -> Finding {
    let counter = beside_plain(&shop, |item| item.not_ours = true).await?;
    told(counter.not_ours, "is not ours")
}

async fn unlimited(shop: Arc<Shop>) -> Finding {
    let counter = beside_plain(&shop, |item| item.unlimited = true).await?;
    told(counter.quantity.is_none(), "is sold without a limit")
}

/// The fake may have no words for it: then a reading can't tell, and the table should say so.
fn told(told: bool, what: &str) -> Finding {
    if told { Ok(()) } else { Err(Miss::CannotDo(format!("no reading tells that an item {what}"))) }
}
