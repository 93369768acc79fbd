//! Orders by id: known, unknown, many, odd.

use std::{collections::BTreeSet, sync::Arc};

use super::{Finding, Miss, Planned, Shop, check, ensure};
use crate::{
    fake::{Fault, Times},
    mall::{Found, Unread},
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("unknown ids are told missing, known ones beside them are read", unknown),
        check("a full batch of ids is read, a larger one is refused or read", full),
        check("an order with an unknown status holds its stock or is set apart", odd_status),
        check("an absurd order does not hide its neighbours", absurd),
    ]
}

async fn unknown(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 500);
    let (first, last) = (shop.place(&[(&key, 2)])?, shop.place(&[(&key, 3)])?);
    shop.settle();
    let foreign = foreign(&shop).await?;
    let ids = [first.clone(), foreign.clone(), last.clone()];
    let found = shop.find(&ids).await?;
    ensure(found.missing == [foreign.clone()], || {
        format!("{foreign} is unknown, but missing are {:?}", found.missing)
    })?;
    ensure(found.unread.is_empty(), || format!("unread: {:?}", found.unread))?;
    shop.same(&[first, last], &found.orders)?;
    let alone = shop.find(std::slice::from_ref(&foreign)).await?;
    let expected = Found { missing: vec![foreign], ..Found::default() };
    ensure(alone == expected, || format!("asked for an unknown order alone: {alone:?}"))
}

/// An id as the mall spells them that this shop has not given out: a busier shop has.
async fn foreign(shop: &Shop) -> Result<String, Miss> {
    let busier = shop.sibling("a").await?;
    let key = busier.list(0, 500);
    let mut id = String::new();
    for _ in 0..40 {
        id = busier.place(&[(&key, 1)])?;
    }
    ensure(shop.book().order(&id).is_none(), || format!("the fake gave the id {id} out again"))?;
    Ok(id)
}

async fn full(shop: Arc<Shop>) -> Finding {
    let (one, two) = (shop.list(0, 5_000), shop.list(1, 5_000));
    let max = shop.card().orders.by_id_max;
    let mut ids = Vec::new();
    for n in 0..=max {
        ids.push(shop.place(&[(if n % 2 == 0 { &one } else { &two }, 1)])?);
    }
    shop.settle();
    let batch = &ids[..max];
    let found = shop.by_id(batch).await?;
    ensure(found.missing.is_empty() && found.unread.is_empty(), || format!("of {max} ids: {:?}", found.missing))?;
    shop.same(batch, &found.orders)?;
    match shop.by_id(&ids).await {
        Err(_) => Ok(()),
        Ok(found) => shop.same(&ids, &found.orders),
    }
}

async fn odd_status(shop: Arc<Shop>) -> Finding {
    let (one, two) = (shop.list(0, 500), shop.list(1, 500));
    let ids = [shop.place(&[(&one, 2)])?, shop.place(&[(&one, 1), (&two, 3)])?, shop.place(&[(&two, 1)])?];
    shop.settle();
    let card = &shop.card().orders;
    shop.book().fault(card.by_id, Fault::UnknownStatus, Times::Probability(1.0));
    let found = shop.find(&ids).await?;
    held(&shop, &ids, found.orders.iter().map(|order| (&order.id, unshipped(order))), &found.unread)?;
    shop.book().clear_faults();
    shop.book().fault(card.search, Fault::UnknownStatus, Times::Probability(1.0));
    let haul = shop.search().await?;
    let found: BTreeSet<_> = haul.ids().into_iter().collect();
    ensure(found == ids.iter().cloned().collect(), || format!("a search with unknown statuses found {found:?}"))?;
    if card.pages_carry_orders {
        held(&shop, &ids, haul.orders.iter().map(|order| (&order.id, unshipped(order))), &haul.unread)?;
    }
    Ok(())
}

fn unshipped(order: &crate::order::Order) -> u32 {
    order.lines.iter().map(crate::order::Line::unshipped).sum()
}

/// Each order still holds all its units, or is unread with its id.
fn held<'a>(
    shop: &Shop,
    ids: &[String],
    orders: impl Iterator<Item = (&'a String, u32)> + Clone,
    unread: &[Unread],
) -> Finding {
    for id in ids {
        let ordered = unshipped(&shop.expected(id)?);
        let apart = unread.iter().any(|unread| unread.order_id.as_ref() == Some(id));
        let read: Vec<_> = orders.clone().filter(|(found, _)| *found == id).map(|(_, units)| units).collect();
        let whole = !read.is_empty() && read.iter().all(|units| *units == ordered);
        ensure(apart || whole, || {
            format!("{id} holds {ordered} units; with an unknown status it was read as {read:?}")
        })?;
    }
    Ok(())
}

async fn absurd(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 500);
    let ids = [shop.place(&[(&key, 2)])?, shop.place(&[(&key, 1)])?, shop.place(&[(&key, 3)])?];
    let mut kept = shop.book().order(&ids[1]).ok_or_else(|| Miss::Failed("the fake lost an order".into()))?;
    kept.order.lines[0].ordered = u32::MAX;
    kept.order.lines[0].mall_key = None;
    shop.book().insert(kept.order, kept.stage);
    shop.settle();
    let neighbours = [ids[0].clone(), ids[2].clone()];
    let found = shop.find(&ids).await?;
    shop.same(&neighbours, &found.orders)?;
    let haul = shop.search().await?;
    let ids_found = haul.ids();
    for id in &neighbours {
        ensure(ids_found.contains(id), || format!("{id} is hidden by {}", ids[1]))?;
    }
    // Itself it is set apart, or read as it stands: four billion units of nothing known.
    let apart = found.unread.iter().any(|unread| unread.order_id.as_ref() == Some(&ids[1]));
    let read = found.orders.iter().filter(|order| order.id == ids[1]).collect::<Vec<_>>();
    let stands = read.iter().all(|order| order.lines.iter().all(|line| line.ordered == u32::MAX));
    ensure(apart || (!read.is_empty() && stands), || {
        format!("4294967295 units of an unnamed item were read as {read:?}")
    })
}
