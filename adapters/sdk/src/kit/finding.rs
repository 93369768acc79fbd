//! Searches: open orders, changed ones, revisions and families, and nothing that was not asked for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Finding, Miss, Planned, Shop, cannot, check, ensure, failed, shop::sold_out};
use crate::{
    card::FoundBy,
    fake::{Fault, Stage, Times},
    mall::Span,
    order::FulfilledBy,
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "a search for open orders misses none and leaves out closed ones",
            "`Query::open_only`: only orders that still hold stock, and all of those",
            open_only,
        ),
        check(
            "a change is found by its time",
            "`OrdersCard::found_by`: with `Updated`, a window holds what changed in it, and nothing that did not",
            changed,
        ),
        check(
            "a revision grows with each change and only then",
            "`Head::revision`: known open orders are read again only when it has grown",
            revisions,
        ),
        check(
            "an old state that comes after a new one is told as old",
            "`Order::revision`: grows with every change, so that an answer from before it can be set aside",
            stale,
        ),
        check(
            "all members of a split order are found",
            "`Span::Family`: every order that the mall made out of one, whichever was split when",
            families,
        ),
    ]
}

async fn open_only(shop: Arc<Shop>) -> Finding {
    if !shop.card().orders.open_filter {
        return cannot("the card has no open_filter");
    }
    let key = shop.list(0, 500);
    let book = shop.book();
    let mut placed = Vec::new();
    for stage in shop.fake.stages() {
        placed.push(book.place_as(&[(&key, 2)], *stage, FulfilledBy::Seller).map_err(|_| sold_out())?);
    }
    for act in 0..5 {
        let id = shop.place(&[(&key, 3)])?;
        shop.env.advance(Duration::from_secs(30));
        match act {
            0 => book.ship(&id),
            1 => book.cancel(&id),
            2 => book.ship_units(&id, "1", 1),
            3 => book.cancel_units(&id, "1", 1),
            _ => {}
        }
        placed.push(id);
    }
    shop.settle();
    let span = Span::Window { from: shop.edge() - jiff::SignedDuration::from_hours(1), to: shop.edge() };
    let found: BTreeSet<_> = shop.pull_all(span, true).await?.ids().into_iter().collect();
    for id in &placed {
        let closed = shop.expected(id)?.is_closed();
        let stage = book.order(id).map(|kept| kept.stage);
        ensure(found.contains(id) != closed, || {
            (format!("open orders; {id} ({stage:?}) is one: {}", !closed), format!("found were {found:?}"))
        })?;
    }
    Ok(())
}

async fn changed(shop: Arc<Shop>) -> Finding {
    if shop.card().orders.found_by == FoundBy::Placed {
        return cannot("searches go by the time of placing");
    }
    let key = shop.list(0, 500);
    let (early, quiet) = (shop.place(&[(&key, 2)])?, shop.place(&[(&key, 2)])?);
    shop.env.advance(Duration::from_secs(7_200));
    let from = crate::env::Env::now(shop.env.as_ref());
    shop.book().ship(&early);
    shop.settle();
    let found = shop.pull_all(Span::Window { from, to: shop.edge() }, false).await?.ids();
    ensure(found.contains(&early), || (format!("{early}, which changed after {from}"), format!("found: {found:?}")))?;
    ensure(!found.contains(&quiet), || (format!("not {quiet}, unchanged since {from}"), format!("found: {found:?}")))
}

async fn revisions(shop: Arc<Shop>) -> Finding {
    if !shop.card().orders.heads_carry_revision {
        return cannot("the mall's list has no revision");
    }
    let key = shop.list(0, 500);
    let id = shop.place(&[(&key, 5)])?;
    let book = shop.book();
    let acts: [(&str, &(dyn Fn() + Sync)); 5] = [
        ("nothing", &|| ()),
        ("a partial shipment", &|| book.ship_units(&id, "1", 1)),
        ("a partial cancel", &|| book.cancel_units(&id, "1", 1)),
        ("an edit", &|| book.edit(&id, "1", 4)),
        ("the last shipment", &|| book.ship(&id)),
    ];
    let mut before = None;
    for (what, act) in acts {
        shop.env.advance(Duration::from_secs(120));
        let known = shop.expected(&id)?;
        act();
        let visible = shop.expected(&id)? != known;
        shop.settle();
        let revision = revision(&shop, &id).await?;
        let grew = before.is_none_or(|before| if visible { before < revision } else { before <= revision });
        let rule = if visible { "a larger revision" } else { "no smaller revision" };
        ensure(grew, || (format!("{rule} after {what}"), format!("it went from {before:?} to {revision}")))?;
        let again = self::revision(&shop, &id).await?;
        ensure(revision == again, || (format!("revision {revision} while nothing changes"), format!("{again}")))?;
        before = Some(revision);
    }
    Ok(())
}

async fn revision(shop: &Shop, id: &str) -> Result<i64, Miss> {
    let haul = shop.search().await?;
    let heads = haul.heads.iter().filter(|head| head.id == id).map(|head| head.revision);
    let orders = haul.orders.iter().filter(|order| order.id == id).map(|order| order.revision);
    let revision = heads.chain(orders).next().flatten();
    revision.ok_or_else(|| failed(format!("{id} with a revision, as the card says"), "it was found without"))
}

/// Only what has a revision can be told from what came before it.
async fn stale(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 500);
    let id = shop.place(&[(&key, 5)])?;
    shop.settle();
    let early = shop.find(std::slice::from_ref(&id)).await?;
    shop.env.advance(Duration::from_secs(120));
    shop.book().ship_units(&id, "1", 2);
    shop.settle();
    let of = |found: crate::mall::Found| found.orders.into_iter().next().and_then(|order| order.revision);
    let (Some(first), Some(second)) = (of(early), of(shop.find(std::slice::from_ref(&id)).await?)) else {
        return cannot("orders have no revision");
    };
    shop.book().fault(shop.card().orders.by_id, Fault::StaleRows, Times::Probability(1.0));
    let old = shop.find(std::slice::from_ref(&id)).await?;
    shop.book().clear_faults();
    let Some(order) = old.orders.into_iter().next() else { return cannot("an old state is not read at all") };
    if order.lines.iter().all(|line| line.shipped > 0) {
        return cannot("the fake never answers with an old state");
    }
    let told = order.revision.is_some_and(|revision| revision < second);
    ensure(told, || {
        (format!("a revision below {second}, as it was ({first})"), format!("the old state has {:?}", order.revision))
    })
}

async fn families(shop: Arc<Shop>) -> Finding {
    if !shop.card().orders.families {
        return cannot("the mall splits no orders");
    }
    let (one, two) = (shop.list(0, 500), shop.list(1, 500));
    let root = shop.place(&[(&one, 5), (&two, 2)])?;
    let other = shop.place(&[(&one, 1)])?;
    shop.env.advance(Duration::from_secs(60));
    let lost = || failed("a fake that splits its orders", "it did not split one");
    let first = shop.book().split(&root, "1", 2).ok_or_else(lost)?;
    shop.env.advance(Duration::from_secs(60));
    let second = shop.book().split(&root, "2", 1).ok_or_else(lost)?;
    shop.settle();
    let members = [root.clone(), first, second];
    // A mall may need several searches for one family, whose finds overlap.
    let found: BTreeSet<_> = shop.pull_all(Span::Family(root.clone()), false).await?.ids().into_iter().collect();
    let whole = found == members.iter().cloned().collect();
    ensure(whole, || (format!("the family {members:?}, without {other}"), format!("found were {found:?}")))?;
    shop.reads_back(&members).await?;
    // A member cut off from one that was cut off is of the same family.
    let third = shop.book().split(&members[1], "1", 1).ok_or_else(lost)?;
    shop.settle();
    let found = shop.pull_all(Span::Family(root), false).await?.ids();
    ensure(found.contains(&third), || (format!("{third} as well, split off later"), format!("found were {found:?}")))
}

/// Every stage that this mall tells apart, or the plain one.
pub(super) fn stages(shop: &Shop) -> Vec<Stage> {
    let stages = shop.fake.stages();
    if stages.is_empty() { vec![Stage::Ready] } else { stages.to_vec() }
}
