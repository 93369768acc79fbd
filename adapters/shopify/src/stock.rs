//! Stock, both ways: updates to a mutation's variables, and answers to outcomes and readings. Pure like
//! [`crate::orders`].

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};
use uriba_sdk::{Applied, Class, Counter, Outcome, Refusal, RefusedWhy, Update, Write, wire::excerpt};

use crate::{
    card::WRITES_MAX,
    graphql::{self, Ref},
};

/// One entry of a mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub item: String,
    pub location: String,
    pub quantity: i64,
    /// The figure that must be shown for it; `None` writes over whatever is shown.
    pub from: Option<i64>,
}

impl Entry {
    pub fn new(update: &Update, item: String, location: String) -> Option<Self> {
        let (quantity, from) = match update.write {
            Write::Absolute(figure) => (figure, None),
            Write::CompareAndSet { from, to } => (to, Some(from)),
            Write::Relative(_) => return None,
        };
        Some(Self { item, location, quantity, from })
    }
}

/// Before anything is sent: what the card doesn't offer is refused as a whole.
pub fn is_offered(updates: &[Update]) -> bool {
    updates.len() <= WRITES_MAX && !updates.iter().any(|update| matches!(update.write, Write::Relative(_)))
}

/// `changeFromQuantity` must be there in each entry, and `null` is how one opts out of the comparison.
pub fn variables(entries: &[&Entry], key: &str) -> Value {
    let quantity = |entry: &&Entry| {
        json!({
            "inventoryItemId": entry.item,
            "locationId": entry.location,
            "quantity": entry.quantity,
            "changeFromQuantity": entry.from,
        })
    };
    let quantities: Vec<_> = entries.iter().map(quantity).collect();
    let reference = format!("gid://uriba/Push/{key}");
    let input = json!({
        "name": "available",
        "reason": "correction",
        "referenceDocumentUri": reference,
        "quantities": quantities,
    });
    json!({"input": input, "key": key})
}

/// A UUID of random bytes. Never made of what is written: the same figure written again another day is another
/// request, which Shopify would answer with the first one's result and not carry out.
pub fn idempotency_key(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// What became of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Is(Outcome),
    /// Another figure was shown than was expected; which one, the answer doesn't say.
    Stale,
    /// Nothing was wrong with it, and it was not written because of others.
    Untouched,
}

/// An answer that has a say about entries, or the class of one that refuses the request as such.
pub fn told(data: &str, entries: &[&Entry]) -> Result<Vec<Told>, Class> {
    let malformed = |what: String| Class::Malformed { what };
    let wire: WireAnswer = graphql::parse(data).map_err(malformed)?;
    let payload = wire.inventory_set_quantities;
    let mut told: Vec<Option<Told>> = vec![None; entries.len()];
    for error in &payload.user_errors {
        let place = error.place().filter(|place| *place < entries.len());
        let Some(place) = place else { return Err(error.of_the_request()) };
        told[place].get_or_insert_with(|| error.told(entries[place]));
    }
    let changes = payload.inventory_adjustment_group.map(|group| group.changes);
    let clean = payload.user_errors.is_empty();
    let rest = |entry: &Entry| match &changes {
        _ if clean => {
            let now = changes.as_deref().and_then(|changes| change(changes, entry)).and_then(|change| change.now);
            Told::Is(Outcome::Applied { now })
        }
        // Errors, and a group of changes all the same: what is among them was written.
        Some(changes) => match change(changes, entry) {
            Some(change) => Told::Is(Outcome::Applied { now: change.now }),
            None => Told::Is(Outcome::Unknown),
        },
        None => Told::Untouched,
    };
    Ok(told.into_iter().zip(entries).map(|(told, entry)| told.unwrap_or_else(|| rest(entry))).collect())
}

fn change<'a>(changes: &'a [WireChange], entry: &Entry) -> Option<&'a WireChange> {
    let of = |place: &Option<Ref>, id: &str| place.as_ref().is_some_and(|place| place.id == id);
    // `on_hand` moves along with it.
    let available = |change: &&WireChange| change.name == "available";
    changes
        .iter()
        .filter(available)
        .find(|change| of(&change.item, &entry.item) && of(&change.location, &entry.location))
}

/// What is shown at one location, by inventory item. Items that don't exist or aren't stocked there are not among them.
pub fn counters(data: &str) -> Result<HashMap<String, Counter>, String> {
    #[derive(Deserialize)]
    struct Wire {
        nodes: Vec<Option<Value>>,
    }
    let wire: Wire = graphql::parse(data)?;
    let mut counters = HashMap::new();
    for node in wire.nodes.into_iter().flatten() {
        if node["__typename"].as_str().is_some_and(|name| name != "InventoryItem") {
            continue;
        }
        let item: WireItem = serde_json::from_value(node).map_err(|error| error.to_string())?;
        if let Some(counter) = item.counter()? {
            counters.insert(item.id, counter);
        }
    }
    Ok(counters)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAnswer {
    inventory_set_quantities: WirePayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePayload {
    inventory_adjustment_group: Option<WireGroup>,
    user_errors: Vec<WireError>,
}

#[derive(Deserialize)]
struct WireGroup {
    #[serde(default)]
    changes: Vec<WireChange>,
}

#[derive(Deserialize)]
struct WireChange {
    name: String,
    #[serde(rename = "quantityAfterChange")]
    now: Option<i64>,
    item: Option<Ref>,
    location: Option<Ref>,
}

#[derive(Deserialize)]
struct WireError {
    code: Option<String>,
    /// `["input", "quantities", "3", "quantity"]`, or nothing where the request as such is at fault.
    field: Option<Vec<Value>>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireItem {
    id: String,
    tracked: bool,
    variants: Option<WireVariants>,
    inventory_level: Option<WireLevel>,
}

#[derive(Deserialize)]
struct WireVariants {
    nodes: Vec<WireVariant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireVariant {
    inventory_policy: Option<String>,
    requires_components: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLevel {
    is_active: Option<bool>,
    quantities: Vec<WireQuantity>,
}

#[derive(Deserialize)]
struct WireQuantity {
    name: String,
    quantity: i64,
}

impl WireError {
    fn place(&self) -> Option<usize> {
        let path = self.field.as_deref()?;
        let at = path.iter().position(|part| part == "quantities")?;
        match path.get(at + 1)? {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64().and_then(|number| number.try_into().ok()),
        }
    }

    fn told(&self, entry: &Entry) -> Told {
        let why = match self.code.as_deref().unwrap_or_default() {
            "CHANGE_FROM_QUANTITY_STALE" if entry.from.is_some() => return Told::Stale,
            "INVALID_INVENTORY_ITEM" => RefusedWhy::NoSuchItem,
            "INVALID_QUANTITY_NEGATIVE" | "INVALID_QUANTITY_TOO_HIGH" | "INVALID_QUANTITY_TOO_LOW" => {
                RefusedWhy::OutOfRange
            }
            // The parent of a bundle has what its components have.
            "NON_MUTABLE_INVENTORY_ITEM" => RefusedWhy::NotOurs,
            // A word that nobody knows is a refusal all the same.
            _ => RefusedWhy::Other,
        };
        let (code, message) = (self.code.as_deref(), self.message.as_deref().unwrap_or_default());
        let code = code.map(|code| excerpt(code.as_bytes()));
        Told::Is(Outcome::Refused(Refusal { why, code, message: excerpt(message.as_bytes()) }))
    }

    fn of_the_request(&self) -> Class {
        match self.code.as_deref().unwrap_or("no code") {
            // It is still being carried out somewhere.
            "IDEMPOTENCY_CONCURRENT_REQUEST" => Class::Transient { applied: Applied::Unknown },
            "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED" => Class::Transient { applied: Applied::No },
            code => {
                let what = format!("an error that is about no entry: {}", excerpt(code.as_bytes()));
                Class::Malformed { what }
            }
        }
    }
}

impl WireItem {
    fn counter(&self) -> Result<Option<Counter>, String> {
        let variants = self.variants.as_ref().map_or(&[][..], |variants| variants.nodes.as_slice());
        let sells_past_zero = variants.iter().any(|variant| variant.inventory_policy.as_deref() == Some("CONTINUE"));
        let not_ours = variants.iter().any(|variant| variant.requires_components == Some(true));
        if !self.tracked {
            return Ok(Some(Counter { quantity: None, sells_past_zero, not_ours }));
        }
        // A figure at an inactive level is sold to nobody.
        let level = self.inventory_level.as_ref().filter(|level| level.is_active != Some(false));
        let Some(level) = level else { return Ok(None) };
        let available = level.quantities.iter().find(|quantity| quantity.name == "available");
        let Some(available) = available else { return Err(format!("{} has no figure", self.id)) };
        Ok(Some(Counter { quantity: Some(available.quantity), sells_past_zero, not_ours }))
    }
}
