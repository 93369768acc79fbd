//! Bulk-get and bulk-upsert of InventoryAPI 2.1.
//!
//! A write may erase the lead times and shipping places that it leaves out (certain for a single PUT, assumed
//! for the bulk form), so each push reads its records first and says them again. That read also tells which
//! records don't exist: an absolute write would be accepted for them and make an orphan that later reads would
//! take for an item.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};
use uriba_sdk::{Counter, Reading, Refusal, RefusedWhy, Update, Write};

use crate::key::Key;

/// A thousand records of the usual size are an eighth of this.
const BYTES_MAX: usize = 4 << 20;
/// The fields that a write must say again.
const SIBLINGS: [&str; 2] = ["operationLeadTime", "shipFromIds"];

/// The records that exist, by normalised key.
pub type Records = HashMap<String, Record>;

pub struct Record {
    quantity: Option<i64>,
    siblings: Vec<(&'static str, Value)>,
}

/// A body that asks for each key once: the mall refuses a pair that comes twice.
pub fn ask<'a>(keys: impl Iterator<Item = &'a str>) -> Value {
    let keys: BTreeSet<&str> = keys.collect();
    let pairs = keys.into_iter().filter_map(pair);
    json!({"inventories": pairs.collect::<Vec<_>>()})
}

pub fn read(body: &[u8]) -> Result<Records, String> {
    if body.len() > BYTES_MAX {
        return Err(format!("an answer of {} bytes", body.len()));
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
    let rows = body["inventories"].as_array().ok_or("no inventories")?;
    rows.iter().map(record).collect()
}

fn record(row: &Value) -> Result<(String, Record), String> {
    let (Some(manage_number), Some(variant_id)) = (row["manageNumber"].as_str(), row["variantId"].as_str()) else {
        return Err("a record without manageNumber or variantId".into());
    };
    let stored = SIBLINGS.iter().filter(|name| !row[**name].is_null());
    let siblings = stored.map(|name| (*name, without_nulls(&row[*name]))).collect();
    Ok((Key::stated(manage_number, variant_id).to_string(), Record { quantity: row["quantity"].as_i64(), siblings }))
}

/// A lead time with one of its two parts comes back with only that part, and a null isn't an id.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, field)| !field.is_null())
            .map(|(name, field)| (name.clone(), field.clone()))
            .collect(),
        other => other.clone(),
    }
}

/// One reading per key; a record that the answer leaves out doesn't exist.
pub fn readings<'a>(records: &Records, keys: impl Iterator<Item = &'a str>) -> Result<Vec<Reading>, String> {
    keys.map(|key| {
        let found = match records.get(key) {
            None => None,
            Some(record) => {
                let quantity = record.quantity.ok_or_else(|| format!("the quantity of {key} is not a number"))?;
                // Whether an item takes orders at zero is a setting of the item, which this API doesn't show.
                Some(Counter { quantity: Some(quantity), sells_past_zero: false, not_ours: false })
            }
        };
        Ok(Reading { key: key.to_owned(), found })
    })
    .collect()
}

/// The entries that must not be sent.
pub fn refused(updates: &[Update], records: &Records) -> Vec<(usize, Refusal)> {
    let refusal = |why, message: &str| Some(Refusal { why, code: None, message: message.to_owned() });
    let verdict = |update: &Update| match update.write {
        Write::CompareAndSet { .. } => refusal(RefusedWhy::Other, "Rakuten has no compare-and-set"),
        _ if !records.contains_key(&update.key) => {
            refusal(RefusedWhy::NoSuchItem, "RMS has no stock record for this 商品管理番号 and SKU管理番号")
        }
        _ => None,
    };
    updates.iter().enumerate().filter_map(|(index, update)| Some((index, verdict(update)?))).collect()
}

/// The body that writes `updates`, each in its own mode, with what the records hold beside the quantity.
pub fn upsert(updates: &[Update], records: &Records) -> Value {
    let entries = updates.iter().filter_map(|update| {
        let (mode, quantity) = match update.write {
            Write::Absolute(figure) => ("ABSOLUTE", figure),
            Write::Relative(change) => ("RELATIVE", change),
            Write::CompareAndSet { .. } => return None,
        };
        let mut entry = pair(&update.key)?;
        entry["mode"] = mode.into();
        entry["quantity"] = quantity.into();
        for (name, value) in records.get(&update.key).into_iter().flat_map(|record| &record.siblings) {
            entry[*name] = value.clone();
        }
        Some(entry)
    });
    json!({"inventories": entries.collect::<Vec<_>>()})
}

fn pair(key: &str) -> Option<Value> {
    let (manage_number, variant_id) = key.split_once('/')?;
    Some(json!({"manageNumber": manage_number, "variantId": variant_id}))
}
