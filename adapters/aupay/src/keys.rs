//! What a listing is called: by people and order lines in one word, by the stock calls in up to three.
//!
//! A plain item is its item code. A choice is the item code followed by what order lines call `itemManagementId`: the
//! horizontal and the vertical code in one. That can't be taken apart again, so the parts come from the shop's own
//! list of stock and travel in the handle; where two listings have the same word, it is refused.
//!
//! The unused axis is `-` or nothing, and clients have seen doubled hyphens in the word, so hyphens in a row count as
//! one and those at the end as none.

use std::collections::BTreeMap;

use uriba_sdk::{Resolved, mall::ListingKey};

use crate::stock::{Row, Stock};

/// The kinds of listings in the card.
pub const ITEM: &str = "item";
pub const CHOICES: &str = "choices";

/// Item codes have at most 256 characters, and codes of choices are no longer.
const KEY_MAX: usize = 600;
/// Between the parts of a handle. No code holds it.
const SEPARATOR: char = '\t';
/// Listings named in a message.
const NAMED_MAX: usize = 5;

/// Which listing the stock calls are about, in the mall's own spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub item: String,
    pub choice: Option<Choice>,
}

/// A pair of axes. `-` is an axis that isn't used, and so is nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice {
    pub horizontal: String,
    pub vertical: String,
}

impl Choice {
    pub fn is(&self, other: &Self) -> bool {
        used(&self.horizontal) == used(&other.horizontal) && used(&self.vertical) == used(&other.vertical)
    }
}

/// The code of an axis, or nothing where it isn't used.
pub fn used(code: &str) -> &str {
    if code == "-" { "" } else { code }
}

impl Place {
    pub fn key(&self) -> String {
        let choice = self.choice.as_ref();
        key(
            &self.item,
            &choice.map_or_else(String::new, |choice| [used(&choice.horizontal), used(&choice.vertical)].concat()),
        )
    }

    pub fn handle(&self) -> String {
        match &self.choice {
            None => self.item.clone(),
            Some(Choice { horizontal, vertical }) => {
                format!("{}{SEPARATOR}{horizontal}{SEPARATOR}{vertical}", self.item)
            }
        }
    }

    /// What a key and its handle name. Without a handle the listing was not there when it was looked for; then the
    /// key can only be an item code.
    pub fn of(key: &str, handle: Option<&str>) -> Self {
        let mut parts = handle.unwrap_or(key).split(SEPARATOR);
        let item = parts.next().unwrap_or_default().to_owned();
        let choice = parts.next().map(|horizontal| Choice {
            horizontal: horizontal.to_owned(),
            vertical: parts.next().unwrap_or_default().to_owned(),
        });
        Self { item, choice }
    }

    fn words(&self) -> String {
        match &self.choice {
            None => format!("the item {} without choices", self.item),
            Some(choice) => format!("{} with {:?} and {:?}", self.item, choice.horizontal, choice.vertical),
        }
    }
}

pub fn kind_of(_key: &str, handle: Option<&str>) -> &'static str {
    if handle.is_some_and(|handle| handle.contains(SEPARATOR)) { CHOICES } else { ITEM }
}

/// The normalised mall key of an order line or a listing.
pub fn key(item: &str, management_id: &str) -> String {
    normal(&[item, management_id].concat())
}

/// Lower case, half width, no doubled hyphens and none at the end. Whether the mall tells upper from lower case is not
/// established; if two codes differ in nothing else, neither can be named.
pub fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars().map(narrow).flat_map(char::to_lowercase) {
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    let length = out.trim_end_matches('-').len();
    out.truncate(length);
    out
}

/// Full-width forms as half-width ones.
fn narrow(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

/// Reads a person's spelling as far as that goes without the shop.
pub fn spelled(given: &str) -> Result<String, String> {
    let key = normal(given);
    if key.is_empty() || key.chars().count() > KEY_MAX {
        return Err(format!("a key must have 1 to {KEY_MAX} characters"));
    }
    if key.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("a key is `itemCode`, or `itemCode` and `itemManagementId` in one word".into());
    }
    Ok(key)
}

/// Everything that the shop lists, by key.
#[derive(Debug, Default)]
pub struct Directory {
    places: BTreeMap<String, Vec<Place>>,
    /// Keys of the choices of an item, by the item's own key.
    choices: BTreeMap<String, Vec<String>>,
}

impl Directory {
    pub fn add(&mut self, row: &Row) {
        for place in row.places() {
            let key = place.key();
            if place.choice.is_some() {
                self.choices.entry(normal(&row.item)).or_default().push(key.clone());
            }
            let places = self.places.entry(key).or_default();
            // A row may come twice, with the unused axis in another spelling.
            let same = |known: &Place| match (&known.choice, &place.choice) {
                (Some(one), Some(other)) => one.is(other),
                (one, other) => one == other,
            };
            if !places.iter().any(|known| known.item == place.item && same(known)) {
                places.push(place);
            }
        }
    }

    pub fn resolve(&self, given: &str) -> Resolved {
        Resolved { given: given.to_owned(), key: spelled(given).and_then(|key| self.listing(key)) }
    }

    fn listing(&self, key: String) -> Result<ListingKey, String> {
        match self.places.get(&key).map_or(&[][..], Vec::as_slice) {
            [place] => Ok(ListingKey { handle: Some(place.handle()), key }),
            [] => match self.choices.get(&key) {
                Some(choices) => {
                    let some = choices.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
                    Err(format!("the item has choices, and each is a listing of its own: {some}"))
                }
                // Perhaps it will be listed: then it is found missing until it is mapped again.
                None => Ok(ListingKey { key, handle: None }),
            },
            several => {
                let words = several.iter().take(NAMED_MAX).map(Place::words).collect::<Vec<_>>().join("; or ");
                Err(format!(
                    "this could be {words}. Orders name both by the same word, so neither can be kept apart: \
                     give one of them another code at the mall"
                ))
            }
        }
    }
}

impl Row {
    pub fn places(&self) -> Vec<Place> {
        let place = |choice: Option<&Choice>| Place { item: self.item.clone(), choice: choice.cloned() };
        let places = match &self.stock {
            Stock::Plain(_) => vec![place(None)],
            Stock::Choices(choices) => choices.iter().map(|(choice, _)| place(Some(choice))).collect(),
        };
        // A code that could not travel in a handle could not be addressed either.
        places.into_iter().filter(|place| !place.handle().chars().any(|c| c.is_control() && c != SEPARATOR)).collect()
    }
}
