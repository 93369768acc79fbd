//! Facts of the mall that nobody is sure of: whichever way they are, the adapter says what is true.
//!
//! A switch may also close something for good (an address that isn't registered, a console that holds the
//! items). Then an error is right, and a success that isn't one is wrong all the same.

use std::sync::Arc;

use super::{Finding, Miss, Planned, Shop, batches, cannot, check, ensure, failed, listings::update, tickets::decided};
use crate::{
    card::WriteMode,
    error::Class,
    mall::{Hint, Notice},
    stock::{Outcome, Write},
};

pub(super) fn all() -> Vec<Planned> {
    vec![check(
        "whichever way the uncertain facts are, what the adapter says is true",
        "`FakeMall::switches`: facts that nobody is sure of, each tried both ways",
        either_way,
    )]
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
            let told = match truthful(&fresh).await {
                Ok(()) => fresh.within_quotas(),
                missed => missed,
            };
            if let Err(Miss::Failed { expected, seen }) = told {
                let way = if on { "on" } else { "off" };
                let exchanges: String = fresh.spy.recent().iter().map(|exchange| format!("\n{exchange}")).collect();
                return Err(failed(expected, format!("{switch} {way}: {seen}{exchanges}")));
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
        let whole = ids.iter().all(|id| found.contains(id));
        ensure(whole, || (format!("{ids:?} found"), format!("a search found {found:?}")))?;
    }
    if let Ok(found) = shop.find(&ids).await {
        let read: Vec<_> = found.orders.iter().map(|order| order.id.clone()).collect();
        let whole = found.absent().count() == 0 && read.len() + found.unread.len() == ids.len();
        ensure(whole, || (format!("{ids:?} read or unread"), format!("{found:?}")))?;
        shop.same(&read, &found.orders)?;
    }
    for way in shop.card().writes {
        let batch = batches::batch(shop, way, way.batch_max.min(3)).await?;
        let told = batches::push(shop, &batch).await;
        let result = batches::in_the_end(shop, &batch, told).await?;
        batches::judge(shop, &batch, &result)?;
    }
    for way in shop.card().writes.iter().filter(|way| way.mode == WriteMode::Relative) {
        below_zero(shop, way.kind).await?;
    }
    readings(shop).await?;
    notified(shop, &ids[0])
}

/// Whatever a mall does with 2 less 3, the figure that it answers is the figure that it shows.
async fn below_zero(shop: &Shop, kind: &str) -> Finding {
    let listing = shop.list_kind(kind, 21, 2).await?;
    let told = shop.push(&[update(&listing, Write::Relative(-3))]).await;
    let result = match told {
        Ok(outcomes) => Ok(decided(shop, outcomes).await?),
        Err(error) => Err(error),
    };
    shop.take_effect();
    let figure = shop.figure(&listing.key);
    let fits = match &result {
        Ok(outcomes) => match outcomes.as_slice() {
            [Outcome::Applied { now }] => now.is_none_or(|now| now == figure),
            [Outcome::Refused(_)] => figure == 2,
            [Outcome::Unknown] => true,
            _ => false,
        },
        Err(error) => matches!(error.class, Class::Malformed { .. } | Class::Transient { .. }) || figure == 2,
    };
    ensure(fits, || (format!("2 less 3 told as it is: {figure} for sale"), format!("{result:?}")))
}

async fn readings(shop: &Shop) -> Finding {
    let figures = [7, 0, 1];
    let keys: Vec<_> = figures.iter().enumerate().map(|(n, figure)| shop.list(30 + n, *figure)).collect();
    let batch_max = shop.card().reads.as_ref().map_or(1, |way| way.batch_max);
    for (keys, figures) in keys.chunks(batch_max).zip(figures.chunks(batch_max)) {
        let listings = shop.listings(keys).await?;
        let Some(Ok(readings)) = shop.read(&listings).await else { continue };
        let read: Vec<_> = readings.iter().filter_map(|reading| reading.found).map(|found| found.quantity).collect();
        let shown: Vec<_> = figures.iter().map(|figure| Some(*figure)).collect();
        ensure(read == shown, || (format!("{shown:?} of {keys:?}"), format!("{read:?}")))?;
    }
    Ok(())
}

/// A genuine notification may be refused, but it never names another order.
fn notified(shop: &Shop, order: &str) -> Finding {
    let (Some(wakeup), Some(sent)) = (shop.mall.extras().wakeup, shop.fake.notification(order)) else {
        return Ok(());
    };
    let told = wakeup.read(&Notice { headers: &sent.header_map(), body: &sent.body });
    let fits = !matches!(&told, Ok(Hint::Orders(ids)) if *ids != [order]);
    ensure(fits, || (format!("a hint to {order}, if any"), format!("{told:?}")))
}
