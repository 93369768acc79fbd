//! Lists in pieces: a limit, and an opaque cursor that says where the last piece ended.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::{Result, StoreError};

/// A piece of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it as `cursor` to go on; `null` on the last page.
    pub next_cursor: Option<String>,
}

/// Which piece of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    limit: u64,
    cursor: Option<String>,
}

impl Paging {
    pub const LIMIT: u64 = 100;
    pub const LIMIT_MAX: u64 = 1_000;

    pub fn new(limit: Option<u64>, cursor: Option<String>) -> Self {
        Self { limit: limit.unwrap_or(Self::LIMIT).clamp(1, Self::LIMIT_MAX), cursor }
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// One row more than asked for tells whether there is another page.
    pub(super) fn fetch(&self) -> u64 {
        self.limit + 1
    }

    /// The `N` texts that the cursor was made of.
    pub(super) fn after<const N: usize>(&self) -> Result<Option<[String; N]>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let foreign = || StoreError::Invalid("the cursor is not one that this list gave".into());
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
        let parts: Vec<String> = serde_json::from_slice(&bytes).map_err(|_| foreign())?;
        Ok(Some(parts.try_into().map_err(|_| foreign())?))
    }

    /// The id that the cursor was made of.
    pub(super) fn after_id(&self) -> Result<Option<i64>> {
        let Some([id]) = self.after::<1>()? else { return Ok(None) };
        Ok(Some(number(&id)?))
    }

    /// Cuts the extra row off, and makes the cursor from the last one that stays.
    pub(super) fn cut<T>(&self, mut items: Vec<T>, place: impl Fn(&T) -> Vec<String>) -> (Vec<T>, Option<String>) {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if items.len() <= limit {
            return (items, None);
        }
        items.truncate(limit);
        let next = items.last().map(|last| {
            let parts = serde_json::to_vec(&place(last)).expect("texts are always JSON");
            URL_SAFE_NO_PAD.encode(parts)
        });
        (items, next)
    }
}

/// A number that a cursor was made of.
pub(super) fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| StoreError::Invalid("the cursor is not one that this list gave".into()))
}

impl<T> Page<T> {
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}
