//! Read-back: figures, flags, missing items, full batches.

use std::sync::Arc;

use super::{Finding, Miss, Planned, Shop, check, ensure};
use crate::{
    fake::Item,
    mall::ListingKey,
    stock::{Counter, Reading},
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("a read-back tells figures and missing items, in order", figures),
        check("a full read-back is answered, a larger one is refused or answered", full),
        check("a read-back tells what sells past zero", sells_past_zero),
        check("a read-back tells what the mall fulfils itself", not_ours),
        check("a read-back tells what is sold without a limit", unlimited),
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
        (offered, _) => {
            Err(Miss::Failed(format!("the extras offer read-back: {}; the card says otherwise", offered.is_some())))
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
    ensure(readings == expected, || format!("expected {expected:#?}\nbut read {readings:#?}"))?;
    // What a shopper buys is gone from the next reading.
    shop.place(&[(&keys[0], 2)])?;
    let after = read(&shop, &keys[..1]).await?;
    let figure = after.first().and_then(|reading| reading.found).and_then(|found| found.quantity);
    ensure(figure == Some(5), || format!("2 of 7 were bought, and {figure:?} is read"))
}

async fn full(shop: Arc<Shop>) -> Finding {
    let max = shop.card().reads.as_ref().map_or(0, |way| way.batch_max);
    for count in [max, max + 1, max * 3 + 1] {
        let keys: Vec<_> = (0..count).map(|n| shop.list(n, i64::try_from(n % 90).unwrap_or(0))).collect();
        let listings = shop.resolved(&keys).await?;
        let readings = match shop.read(&listings).await {
            Some(Err(_)) if count > max => continue,
            Some(readings) => readings?,
            None => return Err(Miss::CannotDo("the mall shows no figures".into())),
        };
        ensure(readings.len() == count, || format!("{} readings for {count} keys", readings.len()))?;
        for (n, (reading, key)) in readings.iter().zip(&keys).enumerate() {
            let figure = reading.found.and_then(|found| found.quantity);
            let right = reading.key == *key && figure == i64::try_from(n % 90).ok();
            ensure(right, || format!("key {n} of {count}, {key}, was read as {reading:?}"))?;
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
        found.push(counter.ok_or_else(|| Miss::Failed(format!("{key} is listed and was read as missing")))?);
    }
    let plain = Counter { quantity: Some(6), sells_past_zero: false, not_ours: false };
    ensure(found[0] == plain, || format!("a plain item was read as {:?}", found[0]))?;
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
