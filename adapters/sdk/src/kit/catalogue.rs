//! What the shop lists: every item once, by the key that resolves to itself.

use std::{collections::BTreeMap, sync::Arc};

use super::{Finding, Miss, Planned, Shop, cannot, check, ensure, shop::span_of};
use crate::mall::{Catalogue, Listed, Shelf};

/// Items listed while looking for the second page.
const CROWDS: [usize; 3] = [12, 130, 1_100];
/// No catalogue of the kit has so many pages.
const PAGES_MAX: usize = 1_200;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "the catalogue names every listed item once over its pages",
            "`Catalogue::list`: what the shop lists, each item in one page, and the last page has no `next`",
            whole,
        ),
        check(
            "the catalogue tells of an item what the mall tells",
            "`Listed`: the key as `Mall::resolve` gives it; code, JAN and title where the mall keeps them",
            told,
        ),
    ]
}

async fn whole(shop: Arc<Shop>) -> Finding {
    let Some(catalogue) = shop.mall.extras().catalogue else { return cannot("the adapter offers no catalogue") };
    let empty = all_pages(&shop, catalogue).await?;
    ensure(empty.0.is_empty(), || ("nothing in a shop that lists nothing", format!("{:?}", short(&empty.0))))?;
    let mut listed = BTreeMap::new();
    for crowd in CROWDS {
        for n in listed.len()..crowd {
            listed.insert(shop.list(n, 5), n);
        }
        shop.env.advance(shop.card().times.poll_interval);
        let (items, pages) = all_pages(&shop, catalogue).await?;
        once(&listed, &items)?;
        if pages > 1 {
            break;
        }
    }
    // What has left the shop is not listed any more, and what the mall fulfils or sells without a limit is.
    let gone = shop.fake.mall_key(0);
    shop.book().unlist(&gone);
    listed.remove(&gone);
    shop.list_as(1, 0, |item| item.not_ours = true);
    shop.list_as(2, 5, |item| item.unlimited = true);
    let (items, _) = all_pages(&shop, catalogue).await?;
    once(&listed, &items)
}

/// All items, and how many pages they came in. Each page may come from another adapter.
async fn all_pages(shop: &Shop, catalogue: &dyn Catalogue) -> Result<(Vec<Listed>, usize), Miss> {
    let (mut items, mut pages, mut token) = (Vec::new(), 0, None::<String>);
    loop {
        let shelf: Shelf = shop.patiently(|| catalogue.list(token.as_deref())).await?;
        pages += 1;
        items.extend(shelf.items);
        let Some(next) = shelf.next else { return Ok((items, pages)) };
        let moves = token.as_ref() != Some(&next) && pages < PAGES_MAX;
        ensure(moves, || ("a last page, without a token", format!("{pages} pages, and {next} again")))?;
        token = Some(next);
    }
}

fn once(listed: &BTreeMap<String, usize>, items: &[Listed]) -> Finding {
    let expected = || format!("{} items, each once", listed.len());
    let mut found = BTreeMap::<&str, usize>::new();
    for item in items {
        *found.entry(item.key.as_str()).or_default() += 1;
    }
    let missed: Vec<_> = listed.keys().filter(|key| !found.contains_key(key.as_str())).take(5).collect();
    ensure(missed.is_empty(), || (expected(), format!("missed: {missed:?}")))?;
    let strange: Vec<_> = found.keys().filter(|key| !listed.contains_key(**key)).take(5).collect();
    ensure(strange.is_empty(), || (expected(), format!("not listed: {strange:?}")))?;
    let twice: Vec<_> = found.iter().filter(|(_, times)| **times > 1).take(5).collect();
    ensure(twice.is_empty(), || (expected(), format!("more than once: {twice:?}")))
}

fn short(items: &[Listed]) -> &[Listed] {
    &items[..items.len().min(5)]
}

async fn told(shop: Arc<Shop>) -> Finding {
    let Some(catalogue) = shop.mall.extras().catalogue else { return cannot("the adapter offers no catalogue") };
    let keys: Vec<_> = (0..CROWDS[0]).map(|n| shop.list(n, 5)).collect();
    shop.env.advance(shop.card().times.poll_interval);
    let before = crate::env::Env::now(shop.env.as_ref());
    let (items, _) = all_pages(&shop, catalogue).await?;
    let named: Vec<_> = items.iter().map(|item| item.key.clone()).collect();
    for (key, listing) in named.iter().zip(shop.resolved(&named).await?) {
        ensure(listing.key == *key, || (format!("{key} resolves to itself"), format!("to {:?}", listing.key)))?;
    }
    let mut said = false;
    for key in &keys {
        let Some(expected) = shop.fake.listed(key) else { continue };
        said = true;
        let item = items.iter().find(|item| item.key == *key);
        ensure(item == Some(&expected), || (format!("{expected:?}"), format!("{item:?}")))?;
    }
    let took = crate::env::Env::now(shop.env.as_ref()).duration_since(before);
    let day = span_of(std::time::Duration::from_secs(86_400));
    ensure(took < day, || ("a dozen items listed within a day of the mall's quotas", format!("it took {took:?}")))?;
    if said { Ok(()) } else { cannot("the fake says nothing of an item but its key") }
}
