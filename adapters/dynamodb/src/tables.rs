//! What the tables are (for the account) and what they list (for the catalogue).

use serde::Deserialize;
use serde_json::{Value, json};
use uriba_sdk::{AccountSheet, Listed, Shelf};

use crate::{
    layout::{Layout, Spelling},
    stock::normal,
    value::{Row, text_of},
};

/// Items of one page of the catalogue.
pub const SHELF: usize = 500;

pub fn shelf_of(layout: &Layout, token: Option<&str>) -> Result<Value, String> {
    let names = &layout.names;
    let mut body = json!({
        "TableName": layout.stock_table,
        "ProjectionExpression": "#k, #t, #j",
        "ExpressionAttributeNames": {"#k": names.item, "#t": names.title, "#j": names.jan},
        "Limit": SHELF,
    });
    if let Some(token) = token {
        let after: Row = serde_json::from_str(token).map_err(|error| error.to_string())?;
        body["ExclusiveStartKey"] = Value::Object(after);
    }
    Ok(body)
}

pub fn shelf(layout: &Layout, body: &[u8]) -> Result<Shelf, String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Items")]
        items: Vec<Row>,
        #[serde(rename = "LastEvaluatedKey")]
        last: Option<Row>,
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let names = &layout.names;
    let listed = |row: &Row| {
        let own = |name: &str| text_of(row, name).map(str::to_owned);
        let key = normal(text_of(row, &names.item)?).ok()?;
        Some(Listed { key, code: None, jan: own(&names.jan), title: own(&names.title) })
    };
    let next = answer.last.map(|last| serde_json::to_string(&last)).transpose().map_err(|error| error.to_string())?;
    Ok(Shelf { items: answer.items.iter().filter_map(listed).collect(), next })
}

#[derive(Deserialize)]
pub struct Table {
    #[serde(rename = "TableArn", default)]
    arn: String,
    #[serde(rename = "TableStatus")]
    status: String,
    #[serde(rename = "KeySchema", default)]
    keys: Vec<Key>,
    #[serde(rename = "AttributeDefinitions", default)]
    attributes: Vec<Attribute>,
    #[serde(rename = "GlobalSecondaryIndexes", default)]
    indexes: Vec<Index>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "AttributeName")]
    name: String,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "AttributeName")]
    name: String,
    #[serde(rename = "AttributeType")]
    kind: String,
}

#[derive(Deserialize)]
struct Index {
    #[serde(rename = "IndexName")]
    name: String,
    #[serde(rename = "KeySchema", default)]
    keys: Vec<Key>,
    #[serde(rename = "Projection", default)]
    projection: Projection,
}

#[derive(Default, Deserialize)]
struct Projection {
    #[serde(rename = "ProjectionType", default)]
    kind: String,
}

pub fn table(body: &[u8]) -> Result<Table, String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Table")]
        table: Table,
    }
    serde_json::from_slice::<Answer>(body).map(|answer| answer.table).map_err(|error| error.to_string())
}

/// The shop is `123456789012/ap-northeast-1/net_stock`. The notes say where the tables are not as the README has them.
pub fn sheet(layout: &Layout, stock: &Table, deltas: &Table) -> AccountSheet {
    let names = &layout.names;
    let mut notes = Vec::new();
    for (table, name, key) in [(stock, &layout.stock_table, &names.item), (deltas, &layout.delta_table, &names.order)] {
        if table.status != "ACTIVE" {
            notes.push(format!("table {name} is {}", table.status));
        }
        if !is_keyed_by(&table.keys, &[key]) {
            notes.push(format!("table {name} must have the partition key {key} and no sort key"));
        }
        if table.kind(key) != "S" {
            notes.push(format!("the key {key} of table {name} must be text (S)"));
        }
    }
    let index = deltas.indexes.iter().find(|index| index.name == layout.index);
    match index {
        None => {
            notes.push(format!("table {} has no index {}: no order can be found", layout.delta_table, layout.index))
        }
        Some(index) => {
            if !is_keyed_by(&index.keys, &[&names.day, &names.updated]) {
                let keys = format!("the keys {} and {}", names.day, names.updated);
                notes.push(format!("index {} must have {keys}", layout.index));
            }
            if index.projection.kind == "KEYS_ONLY" {
                notes.push(format!("index {} must project what an order is read from, or ALL", layout.index));
            }
            let (kind, spelled) = if layout.clock == Spelling::Iso { ("S", "iso") } else { ("N", "millis") };
            if deltas.kind(&names.updated) != kind {
                notes
                    .push(format!("{} of index {} is not {kind}: times = \"{spelled}\"?", names.updated, layout.index));
            }
        }
    }
    // arn:aws:dynamodb:REGION:ACCOUNT:table/NAME
    let mut arn = stock.arn.splitn(6, ':').skip(3);
    let (region, account) = (arn.next().unwrap_or(&layout.region), arn.next().unwrap_or("unknown"));
    AccountSheet { shop: format!("{account}/{region}/{}", layout.stock_table), ends: Vec::new(), notes }
}

impl Table {
    fn kind(&self, name: &str) -> &str {
        self.attributes.iter().find(|attribute| attribute.name == name).map_or("", |attribute| &attribute.kind)
    }
}

fn is_keyed_by(keys: &[Key], names: &[&String]) -> bool {
    keys.len() == names.len() && keys.iter().zip(names).all(|(key, name)| key.name == **name)
}
