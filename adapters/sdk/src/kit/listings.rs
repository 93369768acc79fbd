//! The shop's items by their kind, with the handles that the hub would keep for them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
};

use super::{Miss, Shop, ensure, failed, shop::Calling};
use crate::{
    card::WriteWay,
    fake::Item,
    mall::{ListingKey, Resolved},
    stock::{Update, Write},
};

/// Items whose kind is looked up at once, while looking for one.
const LOOKED_UP: usize = 32;
/// A kind that none of so many items has is no item's.
const FRUITLESS_MAX: usize = 96;

/// What was learned by resolving keys; kept as the hub keeps it, since a listing's handle does not change.
#[derive(Default)]
pub(super) struct Known {
    listings: Mutex<HashMap<String, ListingKey>>,
    /// The kind of the shop's `n`-th item.
    kinds: Mutex<Vec<&'static str>>,
}

impl Shop {
    /// The words that the card's ways to write use.
    pub(super) fn kinds(&self) -> BTreeSet<&'static str> {
        self.card().writes.iter().map(|way| way.kind).collect()
    }

    pub(super) fn kind_of(&self, listing: &ListingKey) -> &'static str {
        (self.card().kind_of)(&listing.key, listing.handle.as_deref())
    }

    /// The fewest updates that go this way: of two ways for the same writes, the slower one takes what is more than
    /// the other one holds.
    pub(super) fn least(&self, way: &WriteWay) -> usize {
        let takes = |way: &WriteWay| self.card().operation(way.operation).map(|operation| operation.takes);
        let others = self.card().writes.iter().filter(|other| other.kind == way.kind && other.mode == way.mode);
        others.filter(|other| takes(other) < takes(way)).map(|other| other.batch_max + 1).max().unwrap_or(1)
    }

    /// Lists the `n`-th item of a kind.
    pub(super) async fn list_kind(&self, kind: &str, n: usize, figure: i64) -> Result<ListingKey, Miss> {
        self.list_kind_as(kind, n, figure, |_| ()).await
    }

    pub(super) async fn list_kind_as(
        &self,
        kind: &str,
        n: usize,
        figure: i64,
        change: impl FnOnce(&mut Item) + Send,
    ) -> Result<ListingKey, Miss> {
        let key = self.list_as(self.nth(kind, n).await?, figure, change);
        self.listing(&key).await
    }

    /// Lists the first `count` items of a kind.
    pub(super) async fn list_many(&self, kind: &str, count: usize, figure: i64) -> Result<Vec<ListingKey>, Miss> {
        let mut keys = Vec::new();
        for n in 0..count {
            keys.push(self.list(self.nth(kind, n).await?, figure));
        }
        self.listings(&keys).await
    }

    /// Which of the shop's items is the `n`-th of this kind.
    pub(super) async fn nth(&self, kind: &str, n: usize) -> Result<usize, Miss> {
        if self.kinds().len() < 2 {
            return Ok(n);
        }
        loop {
            let kinds = self.known.kinds.lock().expect("no panic happens under this lock").clone();
            let of_kind: Vec<_> = (0..kinds.len()).filter(|index| kinds[*index] == kind).collect();
            if let Some(index) = of_kind.get(n) {
                return Ok(*index);
            }
            let since = of_kind.last().map_or(kinds.len(), |last| kinds.len() - last);
            ensure(since < FRUITLESS_MAX, || {
                let seen = kinds.iter().collect::<BTreeSet<_>>();
                (
                    format!("an item of the kind {kind:?} among the fake's"),
                    format!("of {} items: {seen:?}", kinds.len()),
                )
            })?;
            self.look_up_more(kinds.len()).await?;
        }
    }

    /// A mall may resolve only what it lists.
    async fn look_up_more(&self, known: usize) -> Result<(), Miss> {
        let indices = known..known + LOOKED_UP;
        let fresh: Vec<_> = indices.clone().filter(|n| self.book().item(&self.fake.mall_key(*n)).is_none()).collect();
        let keys: Vec<_> = indices.map(|n| self.fake.mall_key(n)).collect();
        let for_now: Vec<_> = fresh.iter().map(|n| self.list(*n, 5)).collect();
        let listings = self.listings(&keys).await?;
        for key in &for_now {
            self.book().unlist(key);
        }
        let mut kinds = self.known.kinds.lock().expect("no panic happens under this lock");
        kinds.extend(listings.iter().map(|listing| self.kind_of(listing)));
        Ok(())
    }

    /// A listed key with its handle.
    pub(super) async fn listing(&self, key: &str) -> Result<ListingKey, Miss> {
        let [listing] = <[ListingKey; 1]>::try_from(self.listings(&[key.to_owned()]).await?)
            .map_err(|answers| failed("one answer for one key", format!("{answers:?}")))?;
        Ok(listing)
    }

    /// Listed keys with their handles, as the hub would keep them with its mappings.
    pub(super) async fn listings(&self, keys: &[String]) -> Result<Vec<ListingKey>, Miss> {
        let known =
            |key: &String| self.known.listings.lock().expect("no panic happens under this lock").get(key).cloned();
        let strange: Vec<_> = keys.iter().filter(|key| known(key).is_none()).cloned().collect();
        if !strange.is_empty() {
            let found = self.resolved(&strange).await?;
            let mut listings = self.known.listings.lock().expect("no panic happens under this lock");
            listings.extend(strange.into_iter().zip(found));
        }
        Ok(keys.iter().filter_map(known).collect())
    }

    /// The same, asked for afresh.
    pub(super) async fn resolved(&self, keys: &[String]) -> Result<Vec<ListingKey>, Miss> {
        let one = |answer: Resolved| answer.key.map_err(|why| failed(format!("{:?} resolves", answer.given), why));
        self.resolve(keys).await?.into_iter().map(one).collect()
    }

    /// One answer per key, whatever it is.
    pub(super) async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>, Miss> {
        let resolved = self.patiently(|| -> Calling<'_, _> { self.mall.resolve(keys) }).await?;
        let given: Vec<_> = resolved.iter().map(|answer| answer.given.clone()).collect();
        ensure(given == keys, || {
            (format!("one answer per key, in order: {keys:?}"), format!("answers for {given:?}"))
        })?;
        Ok(resolved)
    }
}

pub(super) fn update(listing: &ListingKey, write: Write) -> Update {
    Update { key: listing.key.clone(), handle: listing.handle.clone(), write }
}
