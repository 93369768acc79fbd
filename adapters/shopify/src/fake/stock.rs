//! `inventorySetQuantities` and the levels of inventory items.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use uriba_sdk::fake::{Fault as Acted, Item};

use super::{Asked, FIGURES_NOT_TOLD, FIRST_ERROR_ONLY, GOOD_ENTRIES_STAND, NO_OP_HAS_NO_GROUP, desk::Fault, shop};
use crate::card::{QUANTITY_MAX, WRITES_MAX};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Input {
    name: String,
    reason: String,
    reference_document_uri: Option<String>,
    quantities: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    inventory_item_id: String,
    location_id: String,
    quantity: i64,
    change_from_quantity: Option<i64>,
}

/// Answers by idempotency key, with what was asked.
pub type Replays = BTreeMap<String, (Value, Value)>;

pub fn set(asked: &Asked<'_, '_>) -> Result<Value, Fault> {
    asked.needs("write_inventory")?;
    let directive = asked.document.fields.iter().flat_map(|field| &field.directives).next();
    if directive.map(String::as_str) != Some("idempotent(key: $key)") {
        let message = "The @idempotent directive is required for this mutation but was not provided.";
        return Err(Fault::of("BAD_REQUEST", message));
    }
    let (key, input) = (asked.text("key")?.to_owned(), asked.variables["input"].clone());
    if let Some((before, answer)) = asked.desk.replay(&key) {
        let told = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH";
        return Ok(if before == input { answer } else { payload(None, vec![error(told, None)]) });
    }
    let answer = carry_out(asked, input.clone())?;
    asked.desk.keep(key, (input, answer.clone()));
    Ok(answer)
}

fn carry_out(asked: &Asked<'_, '_>, input: Value) -> Result<Value, Fault> {
    let input: Input = serde_json::from_value(input).map_err(|error| Fault::invalid(error.to_string()))?;
    if input.quantities.len() > WRITES_MAX {
        return Err(Fault::invalid("The input array size is greater than the maximum allowed of 250"));
    }
    let whole = [
        (input.name == "available" || input.name == "on_hand", "INVALID_NAME"),
        (input.reason == "correction", "INVALID_REASON"),
        (input.reference_document_uri.is_none_or(|uri| uri.starts_with("gid://")), "INVALID_REFERENCE_DOCUMENT"),
    ];
    if let Some((_, code)) = whole.into_iter().find(|(good, _)| !good) {
        return Ok(payload(None, vec![error(code, None)]));
    }
    let mut entries = Vec::new();
    for entry in input.quantities {
        if entry.get("changeFromQuantity").is_none() {
            return Err(Fault::invalid("changeFromQuantity must be given, or be null"));
        }
        entries.push(serde_json::from_value::<Wanted>(entry).map_err(|error| Fault::invalid(error.to_string()))?);
    }
    let mut errors = wrong(asked, &entries);
    if asked.visit.has(&Acted::Partial) && !entries.is_empty() {
        errors.insert(0, "A_CODE_OF_TOMORROW");
    }
    let stands = errors.is_empty() || asked.desk.is(GOOD_ENTRIES_STAND);
    let good: Vec<_> = entries.iter().enumerate().filter(|(n, _)| stands && !errors.contains_key(n)).collect();
    let changes: Vec<_> = good.iter().filter_map(|(_, wanted)| write(asked, wanted)).flatten().collect();
    let named = if asked.desk.is(FIRST_ERROR_ONLY) { 1 } else { errors.len() };
    let errors: Vec<_> = errors.into_iter().take(named).map(|(n, code)| error(code, Some(n))).collect();
    let is_noted = !(changes.is_empty() && asked.desk.is(NO_OP_HAS_NO_GROUP));
    Ok(payload((stands && is_noted).then_some(changes), errors))
}

/// What is wrong with entries, by their places.
fn wrong(asked: &Asked<'_, '_>, entries: &[Wanted]) -> BTreeMap<usize, &'static str> {
    let mut seen = BTreeSet::new();
    let code = |wanted: &Wanted, twice: bool| {
        let Some(item) = asked.desk.book.item(&wanted.inventory_item_id) else { return Some("INVALID_INVENTORY_ITEM") };
        if !shop::is_location(asked, &wanted.location_id) {
            return Some("INVALID_LOCATION");
        }
        let stale = wanted.change_from_quantity.is_some_and(|from| from != item.counter);
        [
            (twice, "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"),
            (item.not_ours, "NON_MUTABLE_INVENTORY_ITEM"),
            (item.siblings.contains_key("not_stocked"), "ITEM_NOT_STOCKED_AT_LOCATION"),
            (wanted.quantity < 0, "INVALID_QUANTITY_NEGATIVE"),
            (wanted.quantity > QUANTITY_MAX, "INVALID_QUANTITY_TOO_HIGH"),
            (stale, "CHANGE_FROM_QUANTITY_STALE"),
        ]
        .into_iter()
        .find_map(|(is_so, code)| is_so.then_some(code))
    };
    let mut wrong = BTreeMap::new();
    for (n, wanted) in entries.iter().enumerate() {
        let twice = !seen.insert((&wanted.inventory_item_id, &wanted.location_id));
        wrong.extend(code(wanted, twice).map(|code| (n, code)));
    }
    wrong
}

/// The changes that a write makes: none where the figure is shown already.
fn write(asked: &Asked<'_, '_>, wanted: &Wanted) -> Option<[Value; 2]> {
    let silent = asked.visit.has(&Acted::Silent);
    let (before, after) = asked.desk.book.with_item(&wanted.inventory_item_id, |item: &mut Item| {
        let before = item.counter;
        if !silent {
            item.counter = item.keeps_at_most.map_or(wanted.quantity, |most| wanted.quantity.min(most));
            item.submitted = wanted.quantity;
        }
        (before, if silent { wanted.quantity } else { item.counter })
    })?;
    let told = !asked.desk.is(FIGURES_NOT_TOLD);
    let change = |name: &str, now: Option<i64>| {
        json!({
            "name": name,
            "delta": after - before,
            "quantityAfterChange": now,
            "item": {"id": wanted.inventory_item_id},
            "location": {"id": wanted.location_id},
        })
    };
    (before != after).then(|| [change("on_hand", None), change("available", told.then_some(after))])
}

fn payload(changes: Option<Vec<Value>>, errors: Vec<Value>) -> Value {
    let group = changes.map(|changes| json!({"reason": "correction", "changes": changes}));
    json!({"inventorySetQuantities": {"inventoryAdjustmentGroup": group, "userErrors": errors}})
}

fn error(code: &str, place: Option<usize>) -> Value {
    let field = place.map(|n| json!(["input", "quantities", n.to_string(), "quantity"]));
    json!({"code": code, "field": field, "message": "The change could not be made."})
}

pub fn levels(asked: &Asked<'_, '_>) -> Result<Value, Fault> {
    asked.needs("read_inventory")?;
    let location = asked.text("location")?;
    let known = shop::is_location(asked, location);
    let view = |key: &str| {
        let item = asked.desk.book.item(key)?;
        let committed: i64 =
            asked.desk.book.orders().iter().flat_map(|found| found.order.lines.clone()).fold(0, |sum, line| {
                let of_it = line.mall_key.as_deref() == Some(key);
                if of_it { sum + i64::from(line.unshipped()) } else { sum }
            });
        let quantity = |name: &str, quantity: i64| json!({"name": name, "quantity": quantity, "updatedAt": null});
        let level = json!({
            "isActive": !item.siblings.contains_key("inactive"),
            "quantities": [quantity("available", item.counter), quantity("committed", committed),
                quantity("on_hand", item.counter + committed)],
        });
        let stocked = known && !item.siblings.contains_key("not_stocked");
        Some(json!({
            "__typename": "InventoryItem",
            "id": key,
            "sku": shop::sku(key),
            "tracked": !item.unlimited,
            "variants": {"nodes": [shop::view(asked, key)]},
            "inventoryLevel": stocked.then_some(level),
        }))
    };
    let asked_for: Vec<_> = asked.ids()?.into_iter().map(view).collect();
    Ok(only_named(json!({"nodes": asked_for}), asked))
}

/// `quantities` holds those that were named in the document, and nothing beside them.
fn only_named(mut answer: Value, asked: &Asked<'_, '_>) -> Value {
    let text = String::from_utf8_lossy(&asked.visit.request.body).into_owned();
    for node in answer["nodes"].as_array_mut().into_iter().flatten() {
        let quantities = node.pointer_mut("/inventoryLevel/quantities").and_then(Value::as_array_mut);
        if let Some(quantities) = quantities {
            quantities.retain(|quantity| {
                let name = quantity["name"].as_str().unwrap_or_default();
                text.contains(&format!("\\\"{name}\\\""))
            });
        }
    }
    answer
}
