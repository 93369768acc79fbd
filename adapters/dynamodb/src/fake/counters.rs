//! The table of counters: UpdateItem, reading by key, the list of items, and the tables themselves.

use serde_json::{Value, json};
use uriba_sdk::fake::{Fault, Item, Visit};

use super::{Answered, DELTAS, REGION, Refused, STOCK, Shop, batch_of, known, project, projected};
use crate::{
    tables::SHELF,
    value::{number, text},
};

/// What each of the adapter's pairs of expressions means.
#[derive(Clone, Copy)]
enum Deed {
    Take,
    Bring,
    Lower,
}

const DEEDS: [(&str, &str, Deed); 3] = [
    ("ADD #q :delta", "attribute_exists(#k) AND #q >= :taken", Deed::Take),
    ("ADD #q :delta", "attribute_exists(#k) AND (attribute_not_exists(#q) OR #q <= :room)", Deed::Bring),
    ("SET #q = :figure", "attribute_exists(#k) AND #q >= :figure", Deed::Lower),
];

pub fn update(shop: &Shop, visit: &Visit<'_>, body: &Value) -> Answered {
    known(
        body,
        &[
            "TableName",
            "Key",
            "UpdateExpression",
            "ConditionExpression",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ReturnValues",
            "ReturnValuesOnConditionCheckFailure",
        ],
    )?;
    if body["TableName"] != STOCK {
        return Err(Refused::new("ResourceNotFoundException", "Requested resource not found"));
    }
    let told = |name: &str| body[name].as_str().unwrap_or_default();
    let (expression, condition) = (told("UpdateExpression"), told("ConditionExpression"));
    let deed = DEEDS.iter().find(|(one, other, _)| (*one, *other) == (expression, condition)).map(|(_, _, deed)| *deed);
    let names = &body["ExpressionAttributeNames"];
    let known_names = names["#k"] == "item" && names["#q"] == "quantity";
    let returns = told("ReturnValues") == "UPDATED_NEW" && told("ReturnValuesOnConditionCheckFailure") == "ALL_OLD";
    let (Some(deed), Some(key), true, true) = (deed, body["Key"]["item"]["S"].as_str(), known_names, returns) else {
        return Err(Refused::invalid("Invalid expression, key or return values"));
    };
    if visit.has(&Fault::Partial) {
        return Err(Refused::new("TransactionConflictException", "Transaction is ongoing for the item"));
    }
    let values = &body["ExpressionAttributeValues"];
    let silent = visit.has(&Fault::Silent);
    let unmet = |item: Option<Value>| Refused {
        item,
        ..Refused::new("ConditionalCheckFailedException", "The conditional request failed")
    };
    match shop.book.with_item(key, |item| act(item, deed, values, silent).map_err(|shows| (key, shows))) {
        Some(Ok(figure)) => Ok(json!({"Attributes": {"quantity": number(figure?)}})),
        Some(Err((key, shows))) => Err(unmet(Some(row(key, shows)))),
        None => Err(unmet(None)),
    }
}

/// Condition and change within one look at the item: no checkout comes between. The figure after it; or the one that
/// is shown, because the condition doesn't hold.
fn act(item: &mut Item, deed: Deed, values: &Value, silent: bool) -> Result<Result<i64, Refused>, i64> {
    let shown = item.counter;
    let figure = match deed {
        Deed::Take | Deed::Bring => {
            let (Some(delta), bound) = (value(values, ":delta"), value(values, ":taken").or(value(values, ":room")))
            else {
                return Ok(Err(Refused::invalid("An expression attribute value used in expression is not defined")));
            };
            let bound = bound.unwrap_or(i64::MAX);
            if matches!(deed, Deed::Take) && shown < bound || matches!(deed, Deed::Bring) && shown > bound {
                return Err(shown);
            }
            shown + delta
        }
        Deed::Lower => match value(values, ":figure") {
            Some(figure) if figure <= shown => figure,
            Some(_) => return Err(shown),
            None => {
                return Ok(Err(Refused::invalid("An expression attribute value used in expression is not defined")));
            }
        },
    };
    if !silent {
        (item.counter, item.submitted) = (figure, figure);
    }
    Ok(Ok(figure))
}

fn value(values: &Value, name: &str) -> Option<i64> {
    values[name]["N"].as_str()?.parse().ok()
}

pub fn batch(shop: &Shop, _visit: &Visit<'_>, body: &Value) -> Answered {
    let (wanted, attributes, unprocessed) = batch_of(shop, body, STOCK, "item")?;
    let shown = wanted.iter().filter_map(|key| Some(project(&row(key, shop.book.item(key)?.counter), &attributes)));
    // A batch comes in no order.
    let rows: Vec<_> = shown.rev().collect();
    Ok(json!({"Responses": {STOCK: rows}, "UnprocessedKeys": unprocessed}))
}

pub fn scan(shop: &Shop, _visit: &Visit<'_>, body: &Value) -> Answered {
    let fields = ["TableName", "ProjectionExpression", "ExpressionAttributeNames", "Limit", "ExclusiveStartKey"];
    let given = known(body, &fields)?;
    if body["TableName"] != STOCK || body["Limit"] != json!(SHELF) {
        return Err(Refused::new("ResourceNotFoundException", "Requested resource not found"));
    }
    let attributes = projected(given, &[])?;
    let after = given.get("ExclusiveStartKey").map(|start| start["item"]["S"].as_str().unwrap_or_default().to_owned());
    let limit = if shop.is_on("short_pages") { 2 } else { SHELF };
    let items = shop.book.items().into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let items: Vec<_> = items.take(limit).collect();
    let rows: Vec<_> = items.iter().map(|(key, item)| project(&row(key, item.counter), &attributes)).collect();
    let mut answer = json!({"Count": rows.len(), "Items": rows});
    if let Some((key, _)) = items.last().filter(|_| items.len() == limit) {
        answer["LastEvaluatedKey"] = json!({"item": text(key)});
    }
    Ok(answer)
}

pub fn describe(shop: &Shop, _visit: &Visit<'_>, body: &Value) -> Answered {
    known(body, &["TableName"])?;
    let name = body["TableName"].as_str().unwrap_or_default();
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let kind = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let mut table = json!({
        "TableArn": format!("arn:aws:dynamodb:{REGION}:{}:table/{name}", shop.account()),
        "TableName": name,
        "TableStatus": "ACTIVE",
    });
    match name {
        STOCK => {
            table["KeySchema"] = json!([key("item", "HASH")]);
            table["AttributeDefinitions"] = json!([kind("item")]);
        }
        DELTAS => {
            table["KeySchema"] = json!([key("order_id", "HASH")]);
            table["AttributeDefinitions"] = json!([kind("order_id"), kind("day"), kind("updated_at")]);
            table["GlobalSecondaryIndexes"] = json!([{
                "IndexName": "by_update",
                "KeySchema": [key("day", "HASH"), key("updated_at", "RANGE")],
                "Projection": {"ProjectionType": "ALL"},
            }]);
        }
        _ => return Err(Refused::new("ResourceNotFoundException", "Requested resource not found: Table not found")),
    }
    Ok(json!({"Table": table}))
}

fn row(key: &str, figure: i64) -> Value {
    json!({"item": text(key), "quantity": number(figure), "title": text(&title(key)), "jan": text(&jan(key))})
}

pub fn title(key: &str) -> String {
    format!("Tea “{key}”")
}

pub fn jan(key: &str) -> String {
    format!("49{:011}", key.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 100_000_000_000))
}
