//! Orders by id: known, unknown, many, odd.

use std::{collections::BTreeSet, sync::Arc};

use super::{Finding, Miss, Planned, Shop, batches::over, check, ensure};
use crate::{
    fake::{Fault, Times},
    mall::{Found, Unread},
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "unknown ids are told missing, known ones beside them are read",
            "`Mall::by_id`: an id that the mall doesn't know comes back once, in `Found::missing` or in `Found::gone`",
            unknown,
        ),
        check(
            "an id that no mall gives finds nothing and breaks nothing",
            "`Mall::by_id`: whatever an id is made of, it is an id: never a part of an address or of a body",
            odd_ids,
        ),
        check(
            "a full batch of ids is read, a larger one is refused or read",
            "`OrdersCard::by_id_max`: so many ids a call; more are an error, or are split so that each is answered",
            full,
        ),
        check(
            "an order with an unknown status holds its stock or is set apart",
            "`Mall`: unknown enum values never break an order, and never free stock",
            odd_status,
        ),
        check(
            "an absurd order does not hide its neighbours",
            "`Page::unread`: what can't be read is set apart, and its neighbours are read all the same",
            absurd,
        ),
    ]
}

async fn unknown(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 500);
    let (first, last) = (shop.place(&[(&key, 2)])?, shop.place(&[(&key, 3)])?);
    shop.settle();
    let foreign = foreign(&shop).await?;
    let ids = [first.clone(), foreign.clone(), last.clone()];
    let found = shop.find(&ids).await?;
    let told = found.absent().eq([&foreign]) && found.unread.is_empty();
    ensure(told, || (format!("{foreign} told missing or gone, the others read"), apart(&found)))?;
    shop.same(&[first, last], &found.orders)?;
    let alone = shop.find(std::slice::from_ref(&foreign)).await?;
    // The same word for it, whoever else is asked for.
    let expected = Found { missing: found.missing, gone: found.gone, ..Found::default() };
    ensure(alone == expected, || (format!("{expected:?}"), format!("{alone:?}")))
}

async fn odd_ids(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 500);
    let known = shop.place(&[(&key, 2)])?;
    shop.settle();
    let odd = ["", " ", "../../orders", "x/y?z=1&w=2#v", "\"'; --", "{}", "%2e%2e", "注文", "0", "line\r\nbreak"];
    for id in odd.iter().map(|id| (*id).to_owned()).chain(["9".repeat(3_000)]) {
        let ids = std::slice::from_ref(&id);
        // A mall may refuse to be asked for it; what it may not do is answer with something.
        let Ok(found) = shop.by_id(ids).await else { continue };
        ensure(found.absent().eq(ids) && found.orders.is_empty() && found.unread.is_empty(), || {
            let short: String = id.chars().take(40).collect();
            (format!("{short:?} told missing or gone, or an error"), format!("{found:?}"))
        })?;
    }
    shop.reads_back(&[known]).await
}

/// What was not read.
fn apart(found: &Found) -> String {
    format!("missing {:?}, gone {:?}, unread {:?}", found.missing, found.gone, found.unread)
}

/// An id as the mall spells them that this shop has not given out: a busier shop has.
async fn foreign(shop: &Shop) -> Result<String, Miss> {
    let busier = shop.sibling("a").await?;
    let key = busier.list(0, 500);
    let mut id = String::new();
    for _ in 0..40 {
        id = busier.place(&[(&key, 1)])?;
    }
    let fresh = shop.book().order(&id).is_none();
    ensure(fresh, || ("a fake that counts its orders in their ids", format!("it gave {id} out again")))?;
    Ok(id)
}

async fn full(shop: Arc<Shop>) -> Finding {
    let (one, two) = (shop.list(0, 5_000), shop.list(1, 5_000));
    let max = shop.card().orders.by_id_max;
    let [one_more, most] = over(max);
    let mut ids = Vec::new();
    for n in 0..most {
        ids.push(shop.place(&[(if n % 2 == 0 { &one } else { &two }, 1)])?);
    }
    shop.settle();
    for count in [max, one_more, most] {
        let batch = &ids[..count];
        let found = match shop.by_id(batch).await {
            Err(_) if count > max => continue,
            found => found?,
        };
        let whole = found.absent().count() == 0 && found.unread.is_empty();
        ensure(whole, || (format!("{count} ids, of which {max} fit, answered"), apart(&found)))?;
        shop.same(batch, &found.orders)?;
    }
    Ok(())
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
    let whole = found == ids.iter().cloned().collect();
    ensure(whole, || (format!("{ids:?} found, whatever their status"), format!("found were {found:?}")))?;
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
            (format!("{id} holding {ordered} units, or unread"), format!("with an unknown status it holds {read:?}"))
        })?;
    }
    Ok(())
}

async fn absurd(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 500);
    let ids = [shop.place(&[(&key, 2)])?, shop.place(&[(&key, 1)])?, shop.place(&[(&key, 3)])?];
    let mut kept = shop.kept(&ids[1])?;
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
        ensure(ids_found.contains(id), || (format!("{id} beside {}", ids[1]), format!("found were {ids_found:?}")))?;
    }
    // Itself it is set apart, or read as it stands: four billion units of nothing known.
    let apart = found.unread.iter().any(|unread| unread.order_id.as_ref() == Some(&ids[1]));
    let read = found.orders.iter().filter(|order| order.id == ids[1]).collect::<Vec<_>>();
    let stands = read.iter().all(|order| order.lines.iter().all(|line| line.ordered == u32::MAX));
    ensure(apart || (!read.is_empty() && stands), || {
        ("4294967295 units of an unnamed item set apart, or read as they stand", format!("{read:?}"))
    })
}
