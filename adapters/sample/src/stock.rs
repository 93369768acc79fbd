//! Stock, both ways: updates to a request's body, and bodies to outcomes and readings. Pure like [`crate::orders`].

// scaffold+ #![expect(unused, reason = "not all of it is written yet")]

use serde::Deserialize;
use serde_json::{Value, json};
use uriba_sdk::{
    Class, Counter, Outcome, Reading, Refusal, RefusedWhy, Update, Write, mall::ListingKey, wire::excerpt,
};

use crate::card::WRITES_MAX;

/// Refuses before anything is sent what the card doesn't offer: `Rejected` says that nothing was written.
pub fn writes(updates: &[Update]) -> Result<Value, Class> {
    // scaffold: Err(Class::Malformed { what: "not written yet: stock::writes".into() })
    let write = |update: &Update| match update.write {
        Write::Absolute(figure) => Some(json!({"item": update.key, "set": figure})),
        // Written only if the mall shows what the hub believes that it shows.
        Write::CompareAndSet { from, to } => Some(json!({"item": update.key, "set": to, "if": from})),
        Write::Relative(_) => None,
    };
    let writes: Option<Vec<_>> = updates.iter().map(write).collect();
    match writes {
        Some(writes) if writes.len() <= WRITES_MAX => Ok(json!({"writes": writes})),
        _ => Err(Class::Rejected { refused: Vec::new() }),
    }
}

pub fn lookup(keys: &[ListingKey]) -> Value {
    // scaffold: json!({"not written yet": "stock::lookup"})
    json!({"items": keys.iter().map(|key| &key.key).collect::<Vec<_>>()})
}

/// One result per write, in order and naming its item. Anything else is not understood, never guessed at.
pub fn outcomes(body: &[u8], updates: &[Update]) -> Result<Vec<Outcome>, String> {
    // scaffold: Err("not written yet: stock::outcomes".into())
    let answer: WireResults = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if answer.results.len() != updates.len() {
        return Err(format!("{} results for {} writes", answer.results.len(), updates.len()));
    }
    answer.results.into_iter().zip(updates).map(|(result, update)| outcome(result, update)).collect()
}

/// The answer holds only items that exist, in any order.
pub fn readings(body: &[u8], keys: &[ListingKey]) -> Result<Vec<Reading>, String> {
    // scaffold: Err("not written yet: stock::readings".into())
    let answer: WireReadings = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let find = |key: &ListingKey| {
        let item = answer.items.iter().find(|item| item.item == key.key)?;
        let quantity = (!item.unlimited).then_some(item.quantity);
        let not_ours = item.ships_from.as_deref() == Some("mall");
        Some(Counter { quantity, sells_past_zero: item.sells_past_zero, not_ours })
    };
    Ok(keys.iter().map(|key| Reading { key: key.key.clone(), found: find(key) }).collect())
}

// scaffold:
#[derive(Deserialize)]
struct WireResults {
    results: Vec<WireResult>,
}

#[derive(Deserialize)]
struct WireResult {
    item: String,
    /// Absent: written.
    refused: Option<String>,
    /// The figure that the mall shows after the write, or instead of it.
    quantity: Option<i64>,
}

#[derive(Deserialize)]
struct WireReadings {
    items: Vec<WireReading>,
}

#[derive(Deserialize)]
struct WireReading {
    item: String,
    quantity: i64,
    #[serde(default)]
    unlimited: bool,
    #[serde(default)]
    sells_past_zero: bool,
    ships_from: Option<String>,
}

fn outcome(result: WireResult, update: &Update) -> Result<Outcome, String> {
    if result.item != update.key {
        return Err(format!("a result for {} where {} was written", excerpt(result.item.as_bytes()), update.key));
    }
    let Some(word) = result.refused else { return Ok(Outcome::Applied { now: result.quantity }) };
    let why = match (word.as_str(), result.quantity) {
        ("conflict", Some(shows)) => return Ok(Outcome::Conflict { shows }),
        ("no_such_item", _) => RefusedWhy::NoSuchItem,
        ("out_of_range", _) => RefusedWhy::OutOfRange,
        ("ships_from_mall", _) => RefusedWhy::NotOurs,
        ("busy", _) => RefusedWhy::Busy,
        // A word that nobody knows is a refusal all the same.
        _ => RefusedWhy::Other,
    };
    let message = "the mall refused this write".into();
    Ok(Outcome::Refused(Refusal { why, code: Some(excerpt(word.as_bytes())), message }))
}
