//! Finding rows: by their time of change through the index, and by their keys.
//!
//! The index's partitions are days of UTC, each in so many parts, and are read one after the other. A page is one
//! Query; its token names the partition and where in it the next page begins.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uriba_sdk::{Class, Found, Order, Page, Query, Span, Unread, wire::excerpt};

use crate::{
    layout::{Layout, Spelling, second},
    orders,
    value::{Row, number, text, text_of},
};

/// Rows of one page. A page also ends at a megabyte.
pub const PAGE: usize = 100;

#[derive(Serialize, Deserialize)]
struct Token {
    partition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Row>,
}

/// One page's request, with what is needed to know the next one.
#[derive(Debug)]
pub struct Asked {
    pub body: Value,
    partition: String,
    next_partition: Option<String>,
}

/// Whole seconds at both ends: whether a storefront writes `01:00:00Z` or `01:00:00.000Z`, the second is searched.
pub fn page_of(layout: &Layout, query: &Query) -> Result<Asked, Class> {
    let odd = |what: String| Class::Malformed { what };
    let Span::Window { from, to } = query.span else {
        return Err(odd("a storefront's orders are not split".into()));
    };
    let token: Option<Token> =
        query.token.as_deref().map(serde_json::from_str).transpose().map_err(|error| odd(error.to_string()))?;
    let partitions = layout.partitions(from, to);
    let at = match &token {
        Some(token) => partitions.iter().position(|partition| *partition == token.partition),
        None => Some(0),
    };
    let at = at.filter(|at| *at < partitions.len()).ok_or_else(|| odd("a page of another window".into()))?;
    let (attributes, mut names) = orders::projection(layout);
    names["#d"] = json!(layout.names.day);
    names["#u"] = json!(layout.names.updated);
    let (from, to) = bounds(layout.clock, from, to);
    let mut body = json!({
        "TableName": layout.delta_table,
        "IndexName": layout.index,
        "KeyConditionExpression": "#d = :day AND #u BETWEEN :from AND :to",
        "ProjectionExpression": attributes,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {":day": text(&partitions[at]), ":from": from, ":to": to},
        "Limit": PAGE,
    });
    if let Some(after) = token.and_then(|token| token.after) {
        body["ExclusiveStartKey"] = Value::Object(after);
    }
    Ok(Asked { body, partition: partitions[at].clone(), next_partition: partitions.get(at + 1).cloned() })
}

fn bounds(clock: Spelling, from: Timestamp, to: Timestamp) -> (Value, Value) {
    let (from, to) = (second(from), second(to));
    match clock {
        // In text a full stop comes before any digit, and the Z after all of them.
        Spelling::Iso => (text(format!("{from:.0}").replace('Z', ".").as_str()), text(&format!("{to:.0}"))),
        Spelling::Millis => (number(from.as_millisecond()), number(to.as_millisecond() + 999)),
    }
}

#[derive(Deserialize)]
struct WirePage {
    #[serde(rename = "Items")]
    items: Vec<Row>,
    #[serde(rename = "LastEvaluatedKey")]
    last: Option<Row>,
}

pub fn page(layout: &Layout, asked: Asked, body: &[u8]) -> Result<Page, String> {
    let answer: WirePage = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let (orders, unread) = orders::read_each(layout, &answer.items);
    let next = match (answer.last, asked.next_partition) {
        (after @ Some(_), _) => Some(Token { partition: asked.partition, after }),
        (None, next) => next.map(|partition| Token { partition, after: None }),
    };
    let next = next.map(|token| serde_json::to_string(&token)).transpose().map_err(|error| error.to_string())?;
    Ok(Page { orders, unread, next, ..Page::default() })
}

/// The rows of one BatchGetItem, and the keys that it left for another one.
pub struct Batch {
    pub rows: Vec<Row>,
    pub left: Vec<Row>,
}

/// Each key once: DynamoDB refuses a batch that names one twice.
pub fn keys<'a>(attribute: &str, wanted: impl Iterator<Item = &'a str>) -> Vec<Row> {
    let unique: BTreeSet<&str> = wanted.collect();
    unique.into_iter().map(|key| Row::from_iter([(attribute.to_owned(), text(key))])).collect()
}

/// `projection`: which attributes, and the names of its placeholders.
pub fn batch_of(table: &str, keys: &[Row], projection: &(String, Value)) -> Value {
    let (asked, names) = projection;
    let wanted = json!({
        "Keys": keys,
        "ConsistentRead": true,
        "ProjectionExpression": asked,
        "ExpressionAttributeNames": names,
    });
    json!({"RequestItems": {table: wanted}})
}

pub fn batch(table: &str, body: &[u8]) -> Result<Batch, String> {
    use std::collections::HashMap;
    #[derive(Deserialize)]
    struct Keys {
        #[serde(rename = "Keys")]
        keys: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Responses")]
        responses: HashMap<String, Vec<Row>>,
        #[serde(rename = "UnprocessedKeys", default)]
        unprocessed: HashMap<String, Keys>,
    }
    let mut answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let left = answer.unprocessed.remove(table).map(|keys| keys.keys).unwrap_or_default();
    let rows = answer.responses.remove(table);
    if let Some(other) = answer.responses.keys().chain(answer.unprocessed.keys()).next() {
        return Err(format!("an answer about {}", excerpt(other.as_bytes())));
    }
    match rows {
        // Without any row the table may be left out, but not if all is said to be done.
        None if left.is_empty() => Err(format!("the answer says nothing about {table}")),
        rows => Ok(Batch { rows: rows.unwrap_or_default(), left }),
    }
}

/// What the rows say of the orders asked for. A row is consistent: what isn't there is not there any more, or never
/// was. A storefront that deletes the rows of failed payments deletes no others.
pub fn found(layout: &Layout, ids: &[String], rows: &[Row]) -> Result<Found, String> {
    let asked: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let told: Vec<&str> = rows.iter().filter_map(|row| text_of(row, &layout.names.order)).collect();
    if let Some(strange) = told.iter().find(|id| !asked.contains(*id)) {
        return Err(format!("a row of {}, which was not asked for", excerpt(strange.as_bytes())));
    }
    let (orders, unread): (Vec<Order>, Vec<Unread>) = orders::read_each(layout, rows);
    let mut absent: Vec<String> = Vec::new();
    for id in ids.iter().filter(|id| !told.contains(&id.as_str())) {
        if !absent.contains(id) {
            absent.push(id.clone());
        }
    }
    let (missing, gone) = if layout.gone_is_cancelled { (Vec::new(), absent) } else { (absent, Vec::new()) };
    Ok(Found { orders, unread, missing, gone })
}
