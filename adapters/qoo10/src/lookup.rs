//! Naming listings, and looking at what is listed.

use std::collections::{HashMap, hash_map::Entry};

use uriba_sdk::{Class, Counter, Reading, Result, Shelf, mall::ListingKey};

use crate::{
    Qoo10,
    items::{self, Item, LIVE, STATES, Variant},
    key::{self, Handle},
    qapi,
};

/// Items whose options one page of the catalogue asks for, a request each.
const SHELF_ITEMS: usize = 20;

/// A key as the mall's own list has it, and its handle where the listing is there.
pub struct Named {
    pub key: String,
    pub handle: Option<Handle>,
}

impl Qoo10 {
    /// The mall's list is walked once for all keys, then each item that was found is asked for its options: an item
    /// with options has no figure of its own to write.
    pub async fn name(&self, keys: &[String]) -> Result<Vec<std::result::Result<Named, String>>> {
        let keys: Vec<_> = keys.iter().map(|given| key::normal(given)).collect();
        let codes = keys.iter().flatten().map(|key| key::split(key).0.to_owned()).collect();
        let items = self.find_items(codes).await?;
        let mut variants: HashMap<&str, Option<Vec<Variant>>> = HashMap::new();
        for item in items.values() {
            if let Entry::Vacant(vacant) = variants.entry(item.number.as_str()) {
                vacant.insert(self.variants(("ItemCode", &item.number)).await?);
            }
        }
        let named = |key: String| {
            let (code, option) = key::split(&key);
            let Some(item) = items.get(code) else { return Ok(Named { key, handle: None }) };
            let handle = match variants.get(item.number.as_str()).and_then(Option::as_ref) {
                Some(variants) => items::handle(item, option, variants)?,
                None => None,
            };
            let choice = handle.as_ref().and_then(|handle| handle.option.as_ref());
            let option = choice.map_or(option.unwrap_or_default(), |choice| choice.code.as_str());
            Ok(Named { key: key::join(item.key_code(), option), handle })
        };
        Ok(keys.into_iter().map(|key| key.and_then(named)).collect())
    }

    /// The item that each code means: the seller's code, or else the mall's number, or else the seller's code in
    /// another case.
    async fn find_items(&self, codes: Vec<String>) -> Result<HashMap<String, Item>> {
        let mut found: HashMap<String, (u8, Item)> = HashMap::new();
        let mut wanted: HashMap<String, Vec<String>> = HashMap::new();
        for code in codes {
            let spellings = wanted.entry(code.to_ascii_lowercase()).or_default();
            if !spellings.contains(&code) {
                spellings.push(code);
            }
        }
        let all: usize = wanted.values().map(Vec::len).sum();
        for state in STATES {
            let (mut page, mut pages) = (1, 1);
            while page <= pages && found.values().filter(|(rank, _)| *rank == 0).count() < all {
                let listed = self.item_page(state, page).await?;
                for item in listed.items {
                    for (rank, code) in spelled(&item, &wanted) {
                        if found.get(&code).is_none_or(|(known, _)| rank < *known) {
                            found.insert(code, (rank, item.clone()));
                        }
                    }
                }
                (page, pages) = (page + 1, listed.pages);
            }
        }
        Ok(found.into_iter().map(|(code, (_, item))| (code, item)).collect())
    }

    async fn item_page(&self, state: &str, page: i64) -> Result<items::ItemPage> {
        self.read(&qapi::LIST, &[("ItemStatus", state), ("Page", &page.to_string())], items::page).await
    }

    /// An item's options; `None`: the mall shows no such item, or not in its present state.
    async fn variants(&self, item: (&str, &str)) -> Result<Option<Vec<Variant>>> {
        let reply = self.ask(&qapi::INVENTORY, &[item]).await?;
        if reply.code != 0 {
            return Ok(None);
        }
        let variants = items::variants(reply.object);
        let wrong = |what| self.wire.error(qapi::INVENTORY.operation, Class::Malformed { what }, "");
        variants.map(Some).map_err(wrong)
    }

    async fn figure(&self, item: (&str, &str)) -> Result<Option<i64>> {
        let reply = self.ask(&qapi::DETAIL, &[item]).await?;
        if reply.code != 0 {
            return Ok(None);
        }
        let wrong = |what| self.wire.error(qapi::DETAIL.operation, Class::Malformed { what }, "");
        items::figure(reply.object).map_err(wrong)
    }

    /// What the mall's own interface shows, which is what was written last; its page may still sell by the figure
    /// before. All options of an item come in one answer.
    pub async fn figures(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let mut known: HashMap<(&str, String), Option<Vec<Variant>>> = HashMap::new();
        let mut readings = Vec::with_capacity(keys.len());
        for listing in keys {
            let handle = listing.handle.as_deref().and_then(Handle::read);
            let (code, option) = key::split(&listing.key);
            let mut quantity = None;
            for (field, code) in addresses(handle.as_ref(), code) {
                quantity = if key::kind_of(&listing.key, listing.handle.as_deref()) == key::ITEM {
                    self.figure((field, &code)).await?
                } else {
                    let variants = match known.entry((field, code)) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(vacant) => {
                            let variants = self.variants((vacant.key().0, &vacant.key().1)).await?;
                            vacant.insert(variants)
                        }
                    };
                    let choice = handle.as_ref().and_then(|handle| handle.option.as_ref());
                    let variants = variants.as_deref().unwrap_or_default();
                    let variant = match choice {
                        Some(choice) => variants.iter().find(|variant| variant.is(choice)),
                        None => items::find(variants, option.unwrap_or_default()).unwrap_or_default(),
                    };
                    variant.map(|variant| variant.quantity)
                };
                if quantity.is_some() {
                    break;
                }
            }
            let counter = |quantity| Counter { quantity: Some(quantity), sells_past_zero: false, not_ours: false };
            readings.push(Reading { key: listing.key.clone(), found: quantity.map(counter) });
        }
        Ok(readings)
    }

    /// The token is the state's place among those on sale, the page and the first item of it.
    pub async fn shelf(&self, token: Option<&str>) -> Result<Shelf> {
        let place = match token {
            None => Some((0, 1, 0)),
            Some(token) => place(token),
        };
        let what = || Class::Malformed { what: "a page token of somebody else's".into() };
        let (mut state, mut page, mut first) =
            place.ok_or_else(|| self.wire.error(qapi::LIST.operation, what(), ""))?;
        let mut shelf = Shelf::default();
        while state < LIVE && shelf.items.is_empty() {
            let listed = self.item_page(STATES[state], page).await?;
            for item in listed.items.iter().skip(first).take(SHELF_ITEMS) {
                let variants = self.variants(("ItemCode", &item.number)).await?;
                shelf.items.extend(variants.map(|variants| items::listed(item, &variants)).unwrap_or_default());
            }
            first += SHELF_ITEMS;
            if first >= listed.items.len() {
                (page, first) = (page + 1, 0);
                if page > listed.pages {
                    (state, page) = (state + 1, 1);
                }
            }
        }
        shelf.next = (state < LIVE).then(|| format!("{state}.{page}.{first}"));
        Ok(shelf)
    }
}

/// The wanted codes that mean this item, each with how well.
fn spelled(item: &Item, wanted: &HashMap<String, Vec<String>>) -> Vec<(u8, String)> {
    let mut found = Vec::new();
    if let Some(own) = &item.code {
        let spellings = wanted.get(&own.to_ascii_lowercase()).into_iter().flatten();
        found.extend(spellings.map(|code| (if code == own { 0 } else { 2 }, code.clone())));
    }
    let is_number = |code: &&String| **code == item.number;
    found.extend(wanted.get(&item.number).into_iter().flatten().filter(is_number).map(|code| (1, code.clone())));
    found
}

/// How an item can be asked for: by its number where it is known, else by what the code may be.
fn addresses(handle: Option<&Handle>, code: &str) -> Vec<(&'static str, String)> {
    match handle {
        Some(handle) => vec![("ItemCode", handle.item.clone())],
        None => {
            let number = key::is_item_number(code).then(|| ("ItemCode", code.to_owned()));
            std::iter::once(("SellerCode", code.to_owned())).chain(number).collect()
        }
    }
}

fn place(token: &str) -> Option<(usize, i64, usize)> {
    let mut parts = token.split('.');
    let place = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (parts.next().is_none() && place.0 < LIVE).then_some(place)
}
