//! Facts of the mall that nobody is sure of: whichever way they are, the adapter says what is true.
//!
//! A switch may also close something for good (an address that isn't registered, a console that holds the
//! items). Then an error is right, and a success that isn't one is wrong all the same.

use std::sync::Arc;

use super::{Finding, Miss, Planned, Shop, batches, cannot, check, ensure};
use crate::{
    error::Class,
    stock::{Outcome, Write},
};

pub(super) fn all() -> Vec<Planned> {
    vec![check("whichever way the uncertain facts are, what the adapter says is true", either_way)]
}

async fn either_way(shop: Arc<Shop>) -> Finding {
    let switches = shop.fake.switches();
    if switches.is_empty() {
        return cannot("the fake has no switches");
    }
    for switch in switches {
        for on in [false, true] {
            let fresh = Shop::open(shop.entry).await?;
            fresh.fake.set_switch(switch, on);
            if let Err(Miss::Failed(why)) = truthful(&fresh).await {
                let way = if on { "on" } else { "off" };
                return Err(Miss::Failed(format!("{switch} {way}: {why}{}", fresh.spy.recent())));
            }
        }
    }
    Ok(())
}

async fn truthful(shop: &Shop) -> Finding {
    let key = shop.list(20, 500);
    let ids = [shop.place(&[(&key, 3)])?, shop.place(&[(&key, 2)])?, shop.place(&[(&key, 4)])?];
    shop.env.advance(std::time::Duration::from_secs(60));
    shop.book().ship(&ids[1]);
    shop.book().cancel_units(&ids[2], "1", 1);
    shop.settle();
    if let Ok(haul) = shop.search().await {
        let found = haul.ids();
        ensure(ids.iter().all(|id| found.contains(id)), || format!("of {ids:?} a search found {found:?}"))?;
    }
    if let Ok(found) = shop.find(&ids).await {
        let read: Vec<_> = found.orders.iter().map(|order| order.id.clone()).collect();
        ensure(found.missing.is_empty() && read.len() + found.unread.len() == ids.len(), || format!("{found:?}"))?;
        shop.same(&read, &found.orders)?;
    }
    for way in shop.card().writes {
        let batch = batches::batch(shop, way.mode, way.batch_max.min(3));
        let result = batches::push(shop, &batch).await?;
        batches::judge(shop, &batch, &result).map_err(Miss::Failed)?;
    }
    below_zero(shop).await?;
    readings(shop).await
}

/// Whatever a mall does with 2 less 3, the figure that it answers is the figure that it shows.
async fn below_zero(shop: &Shop) -> Finding {
    if !shop.card().offers(crate::card::WriteMode::Relative) {
        return Ok(());
    }
    let key = shop.list(21, 2);
    let updates = shop.updates(&[(key.clone(), Write::Relative(-3))]).await?;
    let result = shop.push(&updates).await;
    shop.take_effect();
    let figure = shop.figure(&key);
    let fits = match &result {
        Ok(outcomes) => match outcomes.as_slice() {
            [Outcome::Applied { now }] => now.is_none_or(|now| now == figure),
            [Outcome::Refused(_)] => figure == 2,
            [Outcome::Unknown | Outcome::Pending { .. }] => true,
            _ => false,
        },
        Err(error) => matches!(error.class, Class::Malformed { .. } | Class::Transient { .. }) || figure == 2,
    };
    ensure(fits, || format!("2 less 3 shows {figure}, told as {result:?}"))
}

async fn readings(shop: &Shop) -> Finding {
    let figures = [7, 0, 1];
    let keys: Vec<_> = figures.iter().enumerate().map(|(n, figure)| shop.list(30 + n, *figure)).collect();
    let batch_max = shop.card().reads.as_ref().map_or(1, |way| way.batch_max);
    for (keys, figures) in keys.chunks(batch_max).zip(figures.chunks(batch_max)) {
        let listings = shop.resolved(keys).await?;
        let Some(Ok(readings)) = shop.read(&listings).await else { continue };
        let read: Vec<_> = readings.iter().filter_map(|reading| reading.found).map(|found| found.quantity).collect();
        let shown: Vec<_> = figures.iter().map(|figure| Some(*figure)).collect();
        ensure(read == shown, || format!("{keys:?} show {shown:?}, read as {read:?}"))?;
    }
    Ok(())
}
