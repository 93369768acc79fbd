//! Pages: every order once whatever the mall does with them, and tokens that can be put aside.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    Finding, Miss, Planned, Shop, cannot, check, ensure,
    shop::{Haul, span_of},
};
use crate::{
    env::Env,
    fake::{Fault, Times},
    mall::{Page, Query, Span},
};

/// Orders placed while looking for the second page.
const CROWDS: [usize; 3] = [130, 1_100, 2_200];

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "each order is found exactly once over several pages",
            "`Mall::pull`: every order of the window is in some page, and the last page has no `next`",
            pages,
        ),
        check(
            "a page's token outlives the adapter that gave it",
            "`Query::token`: the hub stores the `next` of a page, and may go on with it after a restart",
            token_outlives,
        ),
        check(
            "rows that come twice or in another order change nothing",
            "`Mall::pull`, `Mall::by_id`: what the mall's page looks like is the adapter's matter",
            rows,
        ),
        check(
            "a search says that it is complete only as far as it is",
            "`Page::read_to`: the instant up to which the mall says that this search is complete",
            read_to,
        ),
    ]
}

/// Places orders until a search has a second page; `None` where one page holds them all.
async fn crowd(shop: &Shop) -> Result<Option<(BTreeSet<String>, Haul)>, Miss> {
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
            return Ok(Some((placed, haul)));
        }
    }
    Ok(None)
}

async fn pages(shop: Arc<Shop>) -> Finding {
    match crowd(&shop).await? {
        Some(_) => Ok(()),
        None => cannot(format!("a page holds more than {} orders", CROWDS[CROWDS.len() - 1])),
    }
}

/// Exactly these ids, each once.
fn once(placed: &BTreeSet<String>, haul: &Haul) -> Finding {
    let ids = haul.ids();
    let found: BTreeSet<_> = ids.iter().cloned().collect();
    let short = |ids: Vec<&String>| ids.into_iter().take(5).cloned().collect::<Vec<_>>();
    let expected = || format!("{} orders, each once in {} pages", placed.len(), haul.pages);
    let missed = short(placed.difference(&found).collect());
    ensure(missed.is_empty(), || (expected(), format!("missed: {missed:?}")))?;
    let strange = short(found.difference(placed).collect());
    ensure(strange.is_empty(), || (expected(), format!("found without being placed: {strange:?}")))?;
    ensure(ids.len() == found.len(), || (expected(), format!("{} rows for {} orders", ids.len(), found.len())))
}

/// Each page by another adapter.
async fn token_outlives(shop: Arc<Shop>) -> Finding {
    let Some((placed, _)) = crowd(&shop).await? else { return cannot("there is one page") };
    let span = span_of(shop.card().orders.span_max);
    let from = (shop.edge() - span).max(shop.opened_at());
    let mut query = Query { span: Span::Window { from, to: shop.edge() }, open_only: false, token: None };
    let mut found = BTreeSet::new();
    for _ in 0..CROWDS[2] {
        let later = shop.restarted()?;
        let page = shop.patiently(|| later.pull(&query)).await?;
        found.extend(ids(&page));
        let Some(next) = page.next else { break };
        query.token = Some(next);
    }
    let missed: Vec<_> = placed.difference(&found).take(5).collect();
    ensure(missed.is_empty(), || {
        (format!("{} orders over pages with a restart before each", placed.len()), format!("missed: {missed:?}"))
    })
}

fn ids(page: &Page) -> Vec<String> {
    let heads = page.heads.iter().map(|head| head.id.clone());
    heads.chain(page.orders.iter().map(|order| order.id.clone())).collect()
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
        let expected = || format!("all 30 orders, with {fault:?} in the answer");
        shop.book().fault(orders.search, fault.clone(), Times::Next(1));
        let haul = shop.search().await?;
        let found: BTreeSet<_> = haul.ids().into_iter().collect();
        let whole = found == placed.iter().cloned().collect();
        ensure(whole, || (expected(), format!("a search found {found:?}")))?;
        let read: Vec<_> = haul.orders.iter().map(|order| order.id.clone()).collect();
        shop.same(&read, &haul.orders)?;
        shop.book().clear_faults();
        shop.book().fault(orders.by_id, fault.clone(), Times::Next(1));
        let found = shop.find(&placed).await?;
        let absent: Vec<_> = found.absent().collect();
        let whole = absent.is_empty() && found.unread.is_empty();
        ensure(whole, || (expected(), format!("missing or gone {absent:?}, unread {:?}", found.unread)))?;
        shop.same(&placed, &found.orders)?;
        shop.book().clear_faults();
    }
    Ok(())
}

/// An order that no search can find yet lies beyond what is complete.
async fn read_to(shop: Arc<Shop>) -> Finding {
    let key = shop.list(0, 500);
    shop.place(&[(&key, 1)])?;
    shop.settle();
    let mut told = false;
    for wait in [0, 1, 30, 200] {
        let hidden = shop.place(&[(&key, 1)])?;
        let placed_at = shop.kept(&hidden)?.order.placed_at;
        shop.env.advance(Duration::from_secs(wait));
        let mut query =
            Query { span: Span::Window { from: shop.opened_at(), to: shop.edge() }, open_only: false, token: None };
        let mut found = false;
        let read_to = loop {
            let page = shop.pull(&query).await?;
            found |= ids(&page).contains(&hidden);
            match page.next {
                Some(next) => query.token = Some(next),
                None => break page.read_to,
            }
        };
        let Some(read_to) = read_to else { continue };
        told = true;
        let (now, grain) = (shop.env.now(), span_of(shop.card().orders.precision));
        ensure(read_to <= now, || (format!("nothing later than {now}"), format!("complete up to {read_to}")))?;
        ensure(found || read_to < placed_at + grain, || {
            let expected = format!("complete up to before {placed_at}: {hidden} is of then, and is not found yet");
            (expected, format!("complete up to {read_to}"))
        })?;
        shop.settle();
    }
    if told { Ok(()) } else { cannot("the mall does not say how far a search is complete") }
}
