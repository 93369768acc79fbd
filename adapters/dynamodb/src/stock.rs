//! The counter, both ways. It is never rewound: no write here raises it by a figure that was worked out from what the
//! counter showed earlier.
//!
//! * A relative write is `ADD`, which commutes with the storefront's own checkouts. Its condition keeps the counter
//!   from going below zero, and from being created for an item that doesn't exist.
//! * An absolute write is `SET` on condition that the counter shows as much or more. It takes units away from sale and
//!   never brings any back, so no sale that the hub hasn't seen can be sold again by it.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};
use uriba_sdk::{
    Class, Counter, Outcome, Reading, Refusal, RefusedWhy, Update, Write, mall::ListingKey, wire::excerpt,
};

use crate::{
    card::{QUANTITY_MAX, UPDATES_MAX},
    layout::Layout,
    value::{Row, number, number_of, text, text_of},
};

/// The most bytes of a partition key.
const KEY_BYTES_MAX: usize = 2_048;

/// The key as it is, without the blanks that people leave around it. Case and width tell items apart.
pub fn normal(given: &str) -> Result<String, String> {
    let key = given.trim();
    if key.is_empty() || key.len() > KEY_BYTES_MAX || key.chars().any(char::is_control) {
        return Err(format!("an item's key is 1 to {KEY_BYTES_MAX} bytes of text"));
    }
    Ok(key.to_owned())
}

/// A request for each update; or why this one needs none.
pub fn writes(layout: &Layout, updates: &[Update]) -> Result<Vec<Result<Value, Refusal>>, Class> {
    let offered = updates.iter().all(|update| !matches!(update.write, Write::CompareAndSet { .. }));
    if !offered || updates.len() > UPDATES_MAX {
        return Err(Class::Rejected { refused: Vec::new() });
    }
    Ok(updates.iter().map(|update| write(layout, update)).collect())
}

fn write(layout: &Layout, update: &Update) -> Result<Value, Refusal> {
    let range = |figure: i64| {
        let fits = (0..=QUANTITY_MAX).contains(&figure);
        let message = || format!("figures are 0 to {QUANTITY_MAX}");
        if fits { Ok(figure) } else { Err(refusal(RefusedWhy::OutOfRange, None, message())) }
    };
    let (expression, condition, values) = match update.write {
        Write::Relative(delta) if delta < 0 => {
            let taken = range(delta.saturating_neg())?;
            let values = json!({":delta": number(delta), ":taken": number(taken)});
            ("ADD #q :delta", "attribute_exists(#k) AND #q >= :taken", values)
        }
        Write::Relative(delta) => {
            let room = QUANTITY_MAX - range(delta)?;
            let values = json!({":delta": number(delta), ":room": number(room)});
            let condition = "attribute_exists(#k) AND (attribute_not_exists(#q) OR #q <= :room)";
            ("ADD #q :delta", condition, values)
        }
        Write::Absolute(figure) | Write::CompareAndSet { to: figure, .. } => {
            let values = json!({":figure": number(range(figure)?)});
            ("SET #q = :figure", "attribute_exists(#k) AND #q >= :figure", values)
        }
    };
    let names = &layout.names;
    Ok(json!({
        "TableName": layout.stock_table,
        "Key": {&names.item: text(&update.key)},
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#k": names.item, "#q": names.quantity},
        "ExpressionAttributeValues": values,
        "ReturnValues": "UPDATED_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }))
}

/// Written. The counter's new figure comes with the answer, as of that instant.
pub fn written(layout: &Layout, body: &[u8]) -> Result<Outcome, String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Attributes")]
        attributes: Row,
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let name = &layout.names.quantity;
    let now = number_of(&answer.attributes, name)?.ok_or_else(|| format!("the answer has no {name}"))?;
    Ok(Outcome::Applied { now: Some(now) })
}

/// The condition didn't hold, so nothing was written. The row as it is says why; without one there is no such item.
pub fn unmet(layout: &Layout, update: &Update, body: &[u8]) -> Outcome {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Item")]
        item: Option<Row>,
    }
    let item = serde_json::from_slice::<Answer>(body).ok().and_then(|answer| answer.item);
    let shows = item.as_ref().map(|item| number_of(item, &layout.names.quantity));
    let (why, message) = match (shows, update.write) {
        (None, _) => (RefusedWhy::NoSuchItem, format!("{} has no such item", layout.stock_table)),
        (Some(Err(what)), _) => (RefusedWhy::Other, what),
        (Some(Ok(shows)), Write::Relative(delta)) if delta >= 0 => {
            (RefusedWhy::OutOfRange, format!("{} and {delta} more are above {QUANTITY_MAX}", shows.unwrap_or(0)))
        }
        (Some(Ok(shows)), Write::Relative(delta)) => (
            RefusedWhy::BelowZero,
            format!("the counter shows {}, {} were to go", shows.unwrap_or(0), delta.unsigned_abs()),
        ),
        (Some(Ok(shows)), _) => {
            (RefusedWhy::BelowZero, format!("the counter shows {}: no figure raises it", shows.unwrap_or(0)))
        }
    };
    Outcome::Refused(refusal(why, Some("ConditionalCheckFailedException"), message))
}

/// Nothing was written, and the same write may work in a moment.
pub fn busy(code: Option<String>, message: &str) -> Outcome {
    Outcome::Refused(Refusal { why: RefusedWhy::Busy, code, message: message.into() })
}

fn refusal(why: RefusedWhy, code: Option<&str>, message: String) -> Refusal {
    Refusal { why, code: code.map(str::to_owned), message }
}

/// The attributes of a reading.
pub fn projection(layout: &Layout) -> (String, Value) {
    ("#k, #q".into(), json!({"#k": layout.names.item, "#q": layout.names.quantity}))
}

/// An item without a counter sells nothing: a checkout's condition doesn't hold for it.
pub fn readings(layout: &Layout, keys: &[ListingKey], rows: &[Row]) -> Result<Vec<Reading>, String> {
    let names = &layout.names;
    let mut shown = HashMap::new();
    for row in rows {
        let key = text_of(row, &names.item).ok_or_else(|| format!("{} is no text", names.item))?;
        if !keys.iter().any(|asked| asked.key == key) {
            return Err(format!("a row of {}, which was not asked for", excerpt(key.as_bytes())));
        }
        let figure = number_of(row, &names.quantity).map_err(|what| format!("{}: {what}", excerpt(key.as_bytes())))?;
        shown.insert(key, figure.unwrap_or(0));
    }
    let reading = |key: &ListingKey| {
        let counter = |figure: &i64| Counter { quantity: Some(*figure), sells_past_zero: false, not_ours: false };
        Reading { key: key.key.clone(), found: shown.get(key.key.as_str()).map(counter) }
    };
    Ok(keys.iter().map(reading).collect())
}
