//! The delta table: the book's orders as rows, by key and through the index.

use jiff::Timestamp;
use serde_json::{Value, json};
use uriba_sdk::{
    Line, Order, Restored,
    fake::{BookOrder, Fault, Stage, Visit},
};

use super::{Answered, DELTAS, Refused, Shop, batch_of, known, milli, project, projected};
use crate::value::{number, text};

const CONDITION: &str = "#d = :day AND #u BETWEEN :from AND :to";

pub fn query(shop: &Shop, visit: &Visit<'_>, body: &Value) -> Answered {
    let given = known(
        body,
        &[
            "TableName",
            "IndexName",
            "KeyConditionExpression",
            "ProjectionExpression",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "Limit",
            "ExclusiveStartKey",
        ],
    )?;
    let names = &body["ExpressionAttributeNames"];
    if body["TableName"] != DELTAS || body["IndexName"] != "by_update" {
        return Err(Refused::new("ResourceNotFoundException", "Requested resource not found"));
    }
    if body["KeyConditionExpression"] != CONDITION || names["#d"] != "day" || names["#u"] != "updated_at" {
        return Err(Refused::invalid("Query condition missed key schema element"));
    }
    let attributes = projected(given, &["#d", "#u"])?;
    let value = |name: &str| body["ExpressionAttributeValues"][name]["S"].as_str().map(str::to_owned);
    let (Some(day), Some(from), Some(to)) = (value(":day"), value(":from"), value(":to")) else {
        return Err(Refused::invalid("Condition parameter type does not match schema type"));
    };
    if from > to {
        return Err(Refused::invalid("The BETWEEN operator requires upper bound to be greater than lower bound"));
    }
    let limit = usize::try_from(body["Limit"].as_u64().unwrap_or(1_000)).unwrap_or(0);
    if limit == 0 {
        return Err(Refused::invalid("Limit must be at least 1"));
    }
    let limit = if shop.is_on("short_pages") { 1 } else { limit };
    let mut found: Vec<_> = shop.book.visible();
    found.retain(|found| {
        let changed = spelled(changed(&found.order));
        !is_deleted(found) && changed.starts_with(&day) && from <= changed && changed <= to
    });
    let place = |found: &BookOrder| (spelled(changed(&found.order)), found.order.id.clone());
    found.sort_by_key(place);
    if let Some(start) = given.get("ExclusiveStartKey") {
        let part = |name: &str| start[name]["S"].as_str().map(str::to_owned);
        let (Some(changed), Some(id), Some(_)) = (part("updated_at"), part("order_id"), part("day")) else {
            return Err(Refused::invalid("The provided starting key is invalid"));
        };
        found.retain(|found| place(found) > (changed.clone(), id.clone()));
    }
    found.truncate(limit);
    // A page that ends at its limit names a next one, even where nothing comes any more.
    let last = found.last().filter(|_| found.len() == limit).map(place);
    let mut answer = json!({"Items": rows(shop, &found, visit, &attributes), "Count": found.len()});
    if let Some((changed, id)) = last {
        answer["LastEvaluatedKey"] = json!({"order_id": text(&id), "day": text(&day), "updated_at": text(&changed)});
    }
    Ok(answer)
}

/// By key the table itself is read, which lags behind nothing.
pub fn batch(shop: &Shop, visit: &Visit<'_>, body: &Value) -> Answered {
    let (wanted, attributes, unprocessed) = batch_of(shop, body, DELTAS, "order_id")?;
    let mut found: Vec<_> = wanted.iter().filter_map(|id| shop.book.order(id)).collect();
    found.retain(|found| !is_deleted(found));
    Ok(json!({"Responses": {DELTAS: rows(shop, &found, visit, &attributes)}, "UnprocessedKeys": unprocessed}))
}

/// An order that is hidden for ever is one whose row was deleted.
fn is_deleted(found: &BookOrder) -> bool {
    found.visible_at == Timestamp::MAX
}

fn rows(shop: &Shop, found: &[BookOrder], visit: &Visit<'_>, attributes: &[String]) -> Vec<Value> {
    let mut rows: Vec<_> = found.iter().map(|found| project(&row(shop, found, visit), attributes)).collect();
    match visit.fault {
        Some(Fault::DuplicateRows) => rows = rows.into_iter().flat_map(|row| [row.clone(), row]).collect(),
        Some(Fault::ShuffleRows) => rows.reverse(),
        _ => {}
    }
    rows
}

fn row(shop: &Shop, found: &BookOrder, visit: &Visit<'_>) -> Value {
    let stale = found.before.as_deref().filter(|_| visit.has(&Fault::StaleRows));
    let order = stale.unwrap_or(&found.order);
    let state = if visit.has(&Fault::UnknownStatus) { "in_orbit" } else { state(order, found.stage) };
    let changed = spelled(changed(order));
    let mut row = json!({
        "order_id": text(&order.id),
        "day": text(&changed[..10]),
        "placed_at": text(&spelled(order.placed_at)),
        "updated_at": text(&changed),
        "state": text(state),
        "buyer": {"M": {"name": text("見本 花子"), "mail": text("hanako@example.com")}},
    });
    if let Some(version) = order.revision.filter(|_| !shop.is_on("rows_without_version")) {
        row["version"] = number(version);
    }
    let at = if state == "shipped" { left_together(order) } else { None };
    if let Some(at) = at {
        row["shipped_at"] = text(&spelled(at));
    }
    let lines: Vec<_> = order.lines.iter().map(|each| json!({"M": line(each, state, at.is_some())})).collect();
    row["lines"] = json!({"L": lines});
    row
}

/// A state that speaks for whole orders leaves the lines nothing to say.
fn line(line: &Line, state: &str, together: bool) -> Value {
    let mut fields = json!({"line": text(&line.id), "quantity": number(line.ordered.into())});
    if let Some(item) = &line.mall_key {
        fields["item"] = text(item);
    }
    let said = |figure: u32, by: &str| figure > 0 && state != by;
    for (name, figure, told) in [
        ("cancelled", line.cancelled, said(line.cancelled, "cancelled")),
        ("shipped", line.shipped, said(line.shipped, "shipped")),
        ("returned", line.returned, line.returned > 0),
    ] {
        if told {
            fields[name] = number(figure.into());
        }
    }
    if let Some(at) = line.shipped_at.filter(|_| !together) {
        fields["shipped_at"] = text(&spelled(at));
    }
    match line.restored {
        Restored::Unknown => {}
        restored => fields["put_back"] = json!({"BOOL": restored == Restored::Yes}),
    }
    fields
}

fn state(order: &Order, stage: Stage) -> &'static str {
    let all = |figure: fn(&Line) -> u32| order.lines.iter().all(|line| figure(line) == line.ordered);
    if all(|line| line.cancelled) {
        return "cancelled";
    }
    if all(|line| line.shipped) {
        return "shipped";
    }
    match stage {
        Stage::Unpaid => "reserved",
        Stage::Ready => "paid",
        Stage::OnHold => "on_hold",
        Stage::PreOrder => "preorder",
        Stage::Screening => "screening",
        Stage::Requested => "cancel_requested",
    }
}

/// When all of it left, if that was at one time.
fn left_together(order: &Order) -> Option<Timestamp> {
    let mut times = order.lines.iter().filter(|line| line.shipped > 0).map(|line| line.shipped_at);
    let first = times.next().flatten()?;
    times.all(|time| time == Some(first)).then_some(first)
}

fn changed(order: &Order) -> Timestamp {
    order.updated_at.unwrap_or(order.placed_at)
}

fn spelled(instant: Timestamp) -> String {
    format!("{:.3}", milli(instant))
}
