//! Listings: what their keys are, how each is written, what the shop lists, and whose shop it is.
//!
//! How a listing is written is the program's word, given with the key when it is resolved, and kept by the hub at the
//! beginning of the listing's handle. So one card serves every program, and a shop may differ from item to item.

use uriba_sdk::{AccountSheet, Listed, Resolved, Shelf, mall::ListingKey, wire::excerpt};

use crate::protocol::{CatalogueAnswer, HelloAnswer, ItemBody, KeyBody, ResolveAnswer, read};

/// Kinds of listings, by how they are best written. Figures are taken by all of them.
pub const ABSOLUTE: &str = "absolute";
pub const RELATIVE: &str = "relative";
pub const COMPARE_AND_SET: &str = "compare_and_set";

/// A key is a word that people type into a table of mappings.
const KEY_CHARS_MAX: usize = 200;

/// The kind that stands at the beginning of the handle; before a key is resolved, what every program can do.
pub fn kind_of(_key: &str, handle: Option<&str>) -> &'static str {
    let word = handle.and_then(|handle| handle.split_once(':')).map(|(word, _)| word);
    [RELATIVE, COMPARE_AND_SET].into_iter().find(|kind| word == Some(kind)).unwrap_or(ABSOLUTE)
}

/// What the program gave as its handle.
pub fn handle_of(handle: Option<&str>) -> Option<String> {
    let (_, own) = handle?.split_once(':')?;
    (!own.is_empty()).then(|| own.to_owned())
}

pub fn item(listing: &ListingKey) -> ItemBody {
    ItemBody { key: listing.key.clone(), handle: handle_of(listing.handle.as_deref()) }
}

/// An answer for each key, in order. What no program can make sense of is refused; the others wait for its word.
pub fn judged(keys: &[String]) -> Vec<Resolved> {
    let judge = |given: &String| {
        let is_word =
            !given.trim().is_empty() && given.chars().count() <= KEY_CHARS_MAX && !given.contains(char::is_control);
        let waiting = ListingKey { key: given.clone(), handle: None };
        let problem = format!("a key has 1 to {KEY_CHARS_MAX} characters, and none that can't be seen");
        Resolved { given: given.clone(), key: if is_word { Ok(waiting) } else { Err(problem) } }
    };
    keys.iter().map(judge).collect()
}

/// The keys that wait, with their places, in parts of at most so many.
pub fn parts(judged: &[Resolved], most: usize) -> Vec<(Vec<usize>, Vec<String>)> {
    let waiting: Vec<_> = judged.iter().enumerate().filter(|(_, answer)| answer.key.is_ok()).collect();
    let part = |part: &[(usize, &Resolved)]| part.iter().map(|(n, answer)| (*n, answer.given.clone())).unzip();
    waiting.chunks(most).map(part).collect()
}

/// One answer per key, in order and naming it.
pub fn resolved(body: &[u8], keys: &[String]) -> Result<Vec<Result<ListingKey, String>>, String> {
    let answer: ResolveAnswer = read(body)?;
    let given = answer.keys.iter().map(|key| &key.given);
    if !given.eq(keys.iter()) {
        return Err(format!("{} answers for {} keys, or not in their order", answer.keys.len(), keys.len()));
    }
    answer.keys.into_iter().map(listing).collect()
}

fn listing(told: KeyBody) -> Result<Result<ListingKey, String>, String> {
    match (told.problem, told.key) {
        (Some(problem), _) => Ok(Err(excerpt(problem.as_bytes()))),
        (None, Some(key)) if !key.is_empty() => {
            // A way to write that nobody knows yet: figures, which every program takes.
            let kind = kind_of("", told.write.as_deref().map(|word| format!("{word}:")).as_deref());
            let own = told.handle.unwrap_or_default();
            let is_plain = kind == ABSOLUTE && own.is_empty();
            Ok(Ok(ListingKey { key, handle: (!is_plain).then(|| format!("{kind}:{own}")) }))
        }
        _ => Err(format!("{} has neither a key nor a problem", excerpt(told.given.as_bytes()))),
    }
}

pub fn shelf(body: &[u8]) -> Result<Shelf, String> {
    let answer: CatalogueAnswer = read(body)?;
    let items = answer.items.into_iter();
    let items = items.map(|item| Listed { key: item.key, code: item.code, jan: item.jan, title: item.title });
    Ok(Shelf { items: items.collect(), next: answer.next.filter(|next| !next.is_empty()) })
}

pub fn sheet(body: &[u8]) -> Result<AccountSheet, String> {
    let hello: HelloAnswer = read(body)?;
    if hello.shop.trim().is_empty() {
        return Err("the program does not say whose shop it is".into());
    }
    let program = format!("the program is {}", excerpt(hello.program.as_bytes()));
    let notes = hello.notes.iter().map(|note| excerpt(note.as_bytes())).filter(|note| !note.trim().is_empty());
    Ok(AccountSheet {
        shop: hello.shop,
        ends: hello.token_ends.map(|at| ("token", at)).into_iter().collect(),
        notes: std::iter::once(program).chain(notes).collect(),
    })
}
