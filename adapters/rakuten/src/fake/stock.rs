//! Bulk-get and bulk-upsert over the book's items, and the orphans beside them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uriba_sdk::fake::{Fault, Reply, Visit};

use super::{ERASES, ORPHANS, Shop, stated};
use crate::time;

const FIGURES: std::ops::RangeInclusive<i64> = 0..=99_999;
/// An orphan is purged so long after its last update.
const ORPHAN_LIVES: SignedDuration = SignedDuration::from_hours(24);
const SIBLINGS: [&str; 2] = ["operationLeadTime", "shipFromIds"];

pub fn bulk_get(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let pairs = match pairs(&visit.request.body, 1_000) {
        Ok(pairs) => pairs,
        Err(errors) => return refusal(&errors),
    };
    let orphans = shop.orphans();
    let mut rows = Vec::new();
    for (pair, key) in pairs {
        let (figure, siblings) = match shop.book.item(&key) {
            Some(item) => (item.counter, item.siblings),
            None => match orphans.get(&key).filter(|_| shop.on(ORPHANS)) {
                Some((figure, _)) => (*figure, BTreeMap::new()),
                None => continue,
            },
        };
        let at = time::written(shop.book.now().as_second()).map(|text| text.replace("+0900", "+09:00"));
        let manage_number = pair["manageNumber"].as_str().map(str::to_ascii_lowercase);
        let mut row = json!({
            "manageNumber": manage_number, "variantId": pair["variantId"], "quantity": figure,
            "created": at, "updated": at,
        });
        for name in SIBLINGS {
            if let Some(stored) = siblings.get(name).and_then(|text| serde_json::from_str::<Value>(text).ok()) {
                row[name] = stored;
            }
        }
        rows.push(row);
    }
    if visit.has(&Fault::DuplicateRows) {
        rows.extend(rows.clone());
    }
    if visit.has(&Fault::ShuffleRows) {
        rows.reverse();
    }
    Reply::json(200, &json!({"inventories": rows}))
}

pub fn bulk_upsert(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let pairs = match pairs(&visit.request.body, 400) {
        Ok(pairs) => pairs,
        Err(errors) => return refusal(&errors),
    };
    let mut errors: Vec<Value> = Vec::new();
    let mut writes = Vec::new();
    for (index, (entry, key)) in pairs.into_iter().enumerate() {
        match write(shop, &entry, &key) {
            Ok(write) => writes.push((index, key, entry, write)),
            Err((code, field)) => errors.push(error(code, index, field)),
        }
    }
    if visit.has(&Fault::Partial) {
        errors.insert(0, error("IE0002", 0, "quantity"));
    }
    if !errors.is_empty() {
        return refusal(&errors);
    }
    if visit.has(&Fault::Silent) {
        return Reply::empty(204);
    }
    let mut done: Vec<(String, i64)> = Vec::new();
    for (index, key, _, write) in &writes {
        match shop.apply(key, *write) {
            Some(moved) => done.push((key.clone(), moved)),
            // A shopper was quicker than the check: all or nothing, so what was done is taken back.
            None => {
                done.iter().for_each(|(key, moved)| shop.take_back(key, *moved));
                return refusal(&[error("IE0117", *index, "quantity")]);
            }
        }
    }
    writes.iter().for_each(|(_, key, entry, _)| shop.store_siblings(key, entry));
    Reply::empty(204)
}

#[derive(Clone, Copy)]
enum Mode {
    To(i64),
    By(i64),
}

/// What an entry asks for, or the code and field of what is wrong with it.
fn write(shop: &Shop, entry: &Value, key: &str) -> Result<Mode, (&'static str, &'static str)> {
    let stored = shop.book.item(key).map(|item| item.counter).or_else(|| Some(shop.orphans().get(key)?.0));
    let figure = match &entry["quantity"] {
        Value::Null => return Err(("IE0001", "quantity")),
        figure => figure.as_i64().ok_or(("IE0002", "quantity"))?,
    };
    for name in SIBLINGS {
        let right = entry[name].is_null()
            || if name == "shipFromIds" { entry[name].is_array() } else { entry[name].is_object() };
        if !right {
            return Err(("IE0002", name));
        }
    }
    match (entry["mode"].as_str(), stored) {
        (Some("ABSOLUTE"), _) if FIGURES.contains(&figure) => Ok(Mode::To(figure)),
        (Some("ABSOLUTE"), _) => Err(("IE0003", "quantity")),
        (Some("RELATIVE"), None) => Err(("IE0500", "mode")),
        (Some("RELATIVE"), Some(stored)) if FIGURES.contains(&stored.saturating_add(figure)) => Ok(Mode::By(figure)),
        (Some("RELATIVE"), Some(_)) => Err(("IE0117", "quantity")),
        (None, _) => Err(("IE0001", "mode")),
        (Some(_), _) => Err(("IE0002", "mode")),
    }
}

impl Shop {
    fn orphans(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (i64, Timestamp)>> {
        let now = self.book.now();
        let mut orphans = self.orphans.lock().expect("no panic happens under this lock");
        orphans.retain(|_, (_, updated)| now.duration_since(*updated) < ORPHAN_LIVES);
        orphans
    }

    /// By how much the figure moved; `None` when it would leave the range.
    fn apply(&self, key: &str, mode: Mode) -> Option<i64> {
        let moved = |figure: i64, most: Option<i64>| {
            let wanted = match mode {
                Mode::To(wanted) => wanted,
                Mode::By(change) => figure + change,
            };
            let kept = most.map_or(wanted, |most| wanted.min(most));
            FIGURES.contains(&wanted).then_some(kept - figure)
        };
        let of_item = self.book.with_item(key, |item| {
            let moved = moved(item.counter, item.keeps_at_most)?;
            item.counter += moved;
            item.submitted = item.counter;
            Some(moved)
        });
        of_item.unwrap_or_else(|| {
            let now = self.book.now();
            let mut orphans = self.orphans();
            let orphan = orphans.entry(key.to_owned()).or_insert((0, now));
            let moved = moved(orphan.0, None)?;
            *orphan = (orphan.0 + moved, now);
            Some(moved)
        })
    }

    fn take_back(&self, key: &str, moved: i64) {
        self.book.with_item(key, |item| item.counter -= moved);
    }

    fn store_siblings(&self, key: &str, entry: &Value) {
        let erases = self.on(ERASES);
        self.book.with_item(key, |item| {
            for name in SIBLINGS {
                if !entry[name].is_null() {
                    item.siblings.insert(name.to_owned(), entry[name].to_string());
                } else if erases {
                    item.siblings.remove(name);
                }
            }
        });
    }
}

/// The entries of a bulk request with their keys, or the mall's errors.
fn pairs(body: &[u8], most: usize) -> Result<Vec<(Value, String)>, Vec<Value>> {
    let whole = |code: &str, path: &str| {
        vec![json!({"code": code, "message": "the request", "metadata": {"propertyPath": path}})]
    };
    let body: Value = serde_json::from_slice(body).map_err(|_| whole("GE0011", ""))?;
    if body.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(whole("GE0011", ""));
    }
    let entries =
        body["inventories"].as_array().filter(|all| !all.is_empty()).ok_or_else(|| whole("IE0001", "inventories"))?;
    if entries.len() > most {
        return Err(whole("IE1101", "inventories"));
    }
    let mut errors = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        for field in ["manageNumber", "variantId"] {
            errors.extend(spelling(&entry[field]).map(|code| error(code, index, field)));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let pairs: Vec<(Value, String)> =
        entries.iter().filter_map(|entry| Some((entry.clone(), stated(entry)?))).collect();
    if pairs.iter().map(|(_, key)| key).collect::<BTreeSet<_>>().len() < pairs.len() {
        return Err(whole("IE1102", "inventories"));
    }
    Ok(pairs)
}

/// The code of what is wrong with a 商品管理番号 or SKU管理番号.
fn spelling(value: &Value) -> Option<&'static str> {
    match value.as_str() {
        None if value.is_null() => Some("IE0001"),
        None => Some("IE0002"),
        Some("") => Some("IE0001"),
        Some(text) if text.len() > 32 => Some("IE0004"),
        Some(text) if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) => None,
        Some(_) => Some("IE0002"),
    }
}

fn error(code: &str, index: usize, field: &str) -> Value {
    let path = format!("inventories[{index}].{field}");
    json!({"code": code, "message": format!("{field} of entry {index}"), "metadata": {"propertyPath": path}})
}

fn refusal(errors: &[Value]) -> Reply {
    Reply::json(400, &json!({"errors": errors}))
}
