//! Ids of rows. They grow with time, so that rows lie in the order of their making.
//!
//! Listings don't: each has an id in the *room* of its SKU, the ids that follow the SKU's own. What is computed for an
//! SKU and told to its malls are rows by listing, and so they lie on one page, however large the catalogue is, and however
//! long ago each of them was mapped.

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::Ordering,
};

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::{Result, Store, dialect};

/// The SKU's own id, and those of its first listings.
pub(super) const ROOM: i64 = 16;

impl Store {
    /// Each millisecond begins at a random one of 2^20 places and counts on from there, so two instances hardly meet (and
    /// if they do, the insert fails and the step is done again).
    pub fn id(&self) -> i64 {
        self.ids(1)
    }

    /// The id of an SKU, with room behind it.
    pub(super) fn room(&self) -> i64 {
        self.ids(ROOM)
    }

    /// The first of so many, which it is a multiple of.
    fn ids(&self, many: i64) -> i64 {
        let now_ms = first_id_at(self.env.now()) >> 20;
        let mut last = self.last_id.load(Ordering::Relaxed);
        loop {
            let next = if last >> 20 >= now_ms {
                last + 1
            } else {
                (now_ms << 20) | i64::from((self.env.random() & 0xf_ffff) as u32)
            };
            let first = (next + many - 1) / many * many;
            match self.last_id.compare_exchange_weak(last, first + many - 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return first,
                Err(seen) => last = seen,
            }
        }
    }
}

/// The smallest id that a row of this instant can have.
pub(super) fn first_id_at(at: Timestamp) -> i64 {
    const EPOCH_MS: i64 = 1_767_225_600_000;
    (at.as_millisecond() - EPOCH_MS).max(0) << 20
}

/// What is left of the rooms of SKUs that are locked.
pub(super) struct Rooms {
    /// The last id that is taken, by SKU.
    last: HashMap<i64, i64>,
}

impl Rooms {
    pub async fn of(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<Self> {
        // SKUs have no room that were made before there were rooms.
        let roomy: Vec<i64> = skus.iter().copied().filter(|sku| sku % ROOM == 0).collect();
        Ok(Self { last: dialect::last_of_rooms(tx, &roomy).await? })
    }

    /// The next id in the SKU's room. `None`: it is full.
    pub fn next(&mut self, sku: i64) -> Option<i64> {
        let last = self.last.get_mut(&sku)?;
        (*last + 1 < sku + ROOM).then(|| {
            *last += 1;
            *last
        })
    }
}
