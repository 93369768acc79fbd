//! Searches: every order once, whatever the pages do, and nothing that was not asked for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Finding, Miss, Planned, Shop, cannot, check, ensure, shop::Haul};
use crate::{
    card::FoundBy,
    fake::{Fault, Stage, Times},
    mall::Span,
    order::FulfilledBy,
};

/// Orders placed while looking for the second page.
const CROWDS: [usize; 3] = [130, 1_100, 2_200];

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("each order is found exactly once over several pages", pages),
        check("rows that come twice or in another order change nothing", rows),
        check("a search for open orders misses none and leaves out closed ones", open_only),
        check("a change is found by its time", changed),
        check("a revision grows with each change and only then", revisions),
        check("all members of a split order are found", families),
    ]
}

async fn pages(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 5_000);
    let mut placed = BTreeSet::new();
    for crowd in CROWDS {
        while placed.len() < crowd {
            placed.insert(shop.place(&[(&key, 1)])?);
            // Several orders share an instant, as in a sale.
            if placed.len() % 7 == 0 {
                shop.env.advance(Duration::from_secs(1));
            }
        }
        shop.settle();
        let haul = shop.search().await?;
        once(&placed, &haul)?;
        if haul.pages > 1 {
            return Ok(());
        }
    }
    cannot(format!("a page holds more than {} orders", placed.len()))
}

/// Exactly these ids, each once.
fn once(placed: &BTreeSet<String>, haul: &Haul) -> Finding {
    let ids = haul.ids();
    let found: BTreeSet<_> = ids.iter().cloned().collect();
    let short = |ids: Vec<&String>| ids.into_iter().take(5).cloned().collect::<Vec<_>>();
    let missed = short(placed.difference(&found).collect());
    ensure(missed.is_empty(), || {
        format!("of {} orders in {} pages these were missed: {missed:?}", placed.len(), haul.pages)
    })?;
    let strange = short(found.difference(placed).collect());
    ensure(strange.is_empty(), || format!("found without being placed: {strange:?}"))?;
    ensure(ids.len() == found.len(), || {
        format!("{} rows for {} orders in {} pages", ids.len(), found.len(), haul.pages)
    })
}

async fn rows(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 5_000);
    let mut placed = Vec::new();
    for n in 0..30 {
        placed.push(shop.place(&[(&key, 1 + n % 3)])?);
        shop.env.advance(Duration::from_secs(5));
    }
    shop.book().ship(&placed[3]);
    shop.settle();
    let orders = &shop.card().orders;
    for fault in [Fault::DuplicateRows, Fault::ShuffleRows] {
        shop.book().fault(orders.search, fault.clone(), Times::Next(1));
        let haul = shop.search().await?;
        let found: BTreeSet<_> = haul.ids().into_iter().collect();
        ensure(found == placed.iter().cloned().collect(), || format!("{fault:?} in a page: found {found:?}"))?;
        shop.same(haul.orders.iter().map(|order| order.id.clone()).collect::<Vec<_>>().as_slice(), &haul.orders)?;
        shop.book().clear_faults();
        shop.book().fault(orders.by_id, fault.clone(), Times::Next(1));
        let found = shop.find(&placed).await?;
        ensure(found.missing.is_empty() && found.unread.is_empty(), || format!("{fault:?} by id: {found:?}"))?;
        shop.same(&placed, &found.orders)?;
        shop.book().clear_faults();
    }
    Ok(())
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
        ensure(found.contains(id) != closed, || format!("{id} ({stage:?}, closed: {closed}) in {found:?}"))?;
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
    ensure(found.contains(&early), || format!("{early} changed after {from} and is not in {found:?}"))?;
    ensure(!found.contains(&quiet), || format!("{quiet} did not change after {from} and is in {found:?}"))
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
        ensure(grew, || format!("after {what} the revision went from {before:?} to {revision}"))?;
        ensure(revision == self::revision(&shop, &id).await?, || "it changes from one search to the next".into())?;
        before = Some(revision);
    }
    Ok(())
}

async fn revision(shop: &Shop, id: &str) -> Result<i64, Miss> {
    let haul = shop.search().await?;
    let heads = haul.heads.iter().filter(|head| head.id == id).map(|head| head.revision);
    let orders = haul.orders.iter().filter(|order| order.id == id).map(|order| order.revision);
    heads.chain(orders).next().flatten().ok_or_else(|| Miss::Failed(format!("{id} was found without a revision")))
}

async fn families(shop: Arc<Shop>) -> Finding {
    if !shop.card().orders.families {
        return cannot("the mall splits no orders");
    }
    let (one, two) = (shop.list(0, 500), shop.list(1, 500));
    let root = shop.place(&[(&one, 5), (&two, 2)])?;
    let other = shop.place(&[(&one, 1)])?;
    shop.env.advance(Duration::from_secs(60));
    let lost = || Miss::Failed("the fake could not split its order".into());
    let first = shop.book().split(&root, "1", 2).ok_or_else(lost)?;
    shop.env.advance(Duration::from_secs(60));
    let second = shop.book().split(&root, "2", 1).ok_or_else(lost)?;
    shop.settle();
    let members = [root.clone(), first, second];
    // A mall may need several searches for one family, whose finds overlap.
    let found: BTreeSet<_> = shop.pull_all(Span::Family(root.clone()), false).await?.ids().into_iter().collect();
    ensure(found == members.iter().cloned().collect(), || format!("the family is {members:?}, found were {found:?}"))?;
    ensure(!found.contains(&other), || format!("{other} is not of this family"))?;
    shop.reads_back(&members).await?;
    // A member cut off from one that was cut off is of the same family.
    let third = shop.book().split(&members[1], "1", 1).ok_or_else(lost)?;
    shop.settle();
    let found = shop.pull_all(Span::Family(root), false).await?.ids();
    ensure(found.contains(&third), || format!("{third}, split off later, is not in {found:?}"))
}

/// A stage is only a word for what is unshipped; every check that uses one lists enough.
pub(super) fn sold_out() -> Miss {
    Miss::Failed("the fake sold out of what the check listed".into())
}

/// Every stage that this mall tells apart, or the plain one.
pub(super) fn stages(shop: &Shop) -> Vec<Stage> {
    let stages = shop.fake.stages();
    if stages.is_empty() { vec![Stage::Ready] } else { stages.to_vec() }
}
