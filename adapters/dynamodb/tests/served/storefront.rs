//! The storefront, as this crate's README has it: tables, checkout, failed payment, shipment.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use uriba_sdk::{
    Env, SystemEnv,
    env::{HeaderValue, Http, HttpRequest, Method},
};

pub struct Storefront {
    url: &'static str,
    env: SystemEnv,
    http: Http,
    pub stock: String,
    pub deltas: String,
}

/// How a storefront takes a checkout back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    Mark,
    Delete,
}

impl Storefront {
    /// With tables of its own. `changed`: the type of the index's sort key.
    pub async fn open(url: &'static str, changed: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let env = SystemEnv::new();
        let name = format!("{:08x}-{}", env.random() >> 32, NEXT.fetch_add(1, Ordering::Relaxed));
        let (stock, deltas) = (format!("stock-{name}"), format!("deltas-{name}"));
        let shop = Self { url, env, http: Http::new(), stock, deltas };
        let keys = |names: &[&str]| -> Value {
            names
                .iter()
                .zip(["HASH", "RANGE"])
                .map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind}))
                .collect()
        };
        let kind = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
        let stock = json!({
            "TableName": shop.stock,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": keys(&["item"]),
            "AttributeDefinitions": [kind("item", "S")],
        });
        let deltas = json!({
            "TableName": shop.deltas,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": keys(&["order_id"]),
            "AttributeDefinitions": [kind("order_id", "S"), kind("day", "S"), kind("updated_at", changed)],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by_update",
                "KeySchema": keys(&["day", "updated_at"]),
                "Projection": {"ProjectionType": "ALL"},
            }],
        });
        for table in [stock, deltas] {
            assert_eq!(shop.call("CreateTable", &table).await.0, 200);
        }
        shop
    }

    pub fn now(&self) -> Timestamp {
        self.env.now()
    }

    pub fn options(&self) -> Vec<(&str, &str)> {
        vec![("stock_table", &self.stock), ("delta_table", &self.deltas)]
    }

    /// No server here checks a signature; it only has to look like one.
    pub async fn call(&self, action: &str, body: &Value) -> (u16, Value) {
        let mut request = HttpRequest::new(Method::POST, self.url);
        let scope = "Credential=AKIDEXAMPLE/20261120/ap-northeast-1/dynamodb/aws4_request";
        for (name, value) in [
            ("content-type", "application/x-amz-json-1.0".to_owned()),
            ("x-amz-target", format!("DynamoDB_20120810.{action}")),
            ("x-amz-date", "20261120T010000Z".to_owned()),
            ("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host;x-amz-date, Signature=0000")),
        ] {
            request.headers.insert(name, HeaderValue::from_str(&value).unwrap());
        }
        request.body = body.to_string().into_bytes();
        let answer = self.http.exchange(request, Duration::from_secs(30)).await.unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    pub async fn list(&self, item: &str, figure: i64) {
        let row = json!({"item": {"S": item}, "quantity": number(figure), "title": {"S": format!("茶 {item}")}});
        assert_eq!(self.call("PutItem", &json!({"TableName": self.stock, "Item": row})).await.0, 200);
    }

    pub async fn counter(&self, item: &str) -> i64 {
        let asked = json!({"TableName": self.stock, "Key": {"item": {"S": item}}, "ConsistentRead": true});
        let (_, answer) = self.call("GetItem", &asked).await;
        answer["Item"]["quantity"]["N"].as_str().unwrap().parse().unwrap()
    }

    /// Rows as they are, for stories about finding them.
    pub async fn put(&self, rows: &[Value]) {
        for rows in rows.chunks(25) {
            let puts: Vec<_> = rows.iter().map(|row| json!({"PutRequest": {"Item": row}})).collect();
            let (status, answer) = self.call("BatchWriteItem", &json!({"RequestItems": {&self.deltas: puts}})).await;
            assert_eq!((status, &answer["UnprocessedItems"]), (200, &json!({})), "{answer}");
        }
    }

    /// The units leave the counter and the row comes into being, both or neither. False: sold out.
    pub async fn checkout(&self, order: &str, wanted: &[(&str, i64)]) -> bool {
        let now = spelled(self.now());
        let line = |(item, units): &(&str, i64)| json!({"M": {"item": {"S": item}, "quantity": number(*units)}});
        let row = json!({
            "order_id": {"S": order},
            "day": {"S": &now[..10]},
            "placed_at": {"S": now},
            "updated_at": {"S": now},
            "state": {"S": "reserved"},
            "version": number(1),
            "lines": {"L": wanted.iter().map(line).collect::<Vec<_>>()},
            "buyer": {"S": "見本 花子"},
        });
        let mut steps: Vec<_> = wanted.iter().map(|(item, units)| self.take(item, *units)).collect();
        steps.push(json!({"Put": {
            "TableName": self.deltas,
            "Item": row,
            "ConditionExpression": "attribute_not_exists(order_id)",
        }}));
        self.transact(steps).await
    }

    /// The payment failed: the units come back and the row says so, or goes, both or neither. Said again it changes
    /// nothing, because the row's condition doesn't hold any more. True: it came back by this call.
    pub async fn undo(&self, order: &str, wanted: &[(&str, i64)], how: Undo) -> bool {
        let mut steps: Vec<_> = wanted.iter().map(|(item, units)| self.bring(item, *units)).collect();
        let mut step = json!({
            "TableName": self.deltas,
            "Key": {"order_id": {"S": order}},
            "ConditionExpression": "#s = :reserved",
            "ExpressionAttributeNames": {"#s": "state"},
            "ExpressionAttributeValues": {":reserved": {"S": "reserved"}},
        });
        steps.push(match how {
            Undo::Delete => json!({"Delete": step}),
            Undo::Mark => {
                let now = spelled(self.now());
                step["UpdateExpression"] = json!("SET #s = :cancelled, updated_at = :now, #d = :day ADD version :one");
                step["ExpressionAttributeNames"]["#d"] = json!("day");
                for (name, value) in [(":cancelled", "cancelled"), (":now", &now), (":day", &now[..10])] {
                    step["ExpressionAttributeValues"][name] = json!({"S": value});
                }
                step["ExpressionAttributeValues"][":one"] = number(1);
                json!({"Update": step})
            }
        });
        self.transact(steps).await
    }

    fn take(&self, item: &str, units: i64) -> Value {
        let condition = ("quantity >= :units", json!({":change": number(-units), ":units": number(units)}));
        self.move_counter(item, condition)
    }

    fn bring(&self, item: &str, units: i64) -> Value {
        self.move_counter(item, ("attribute_exists(quantity)", json!({":change": number(units)})))
    }

    fn move_counter(&self, item: &str, (condition, values): (&str, Value)) -> Value {
        json!({"Update": {
            "TableName": self.stock,
            "Key": {"item": {"S": item}},
            "UpdateExpression": "ADD quantity :change",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }})
    }

    async fn transact(&self, steps: Vec<Value>) -> bool {
        loop {
            let (status, answer) = self.call("TransactWriteItems", &json!({"TransactItems": steps})).await;
            let told = answer.to_string();
            match status {
                200 => return true,
                // Somebody else's write is under way: the same again.
                _ if told.contains("TransactionConflict") => tokio::task::yield_now().await,
                _ => {
                    assert!(told.contains("ConditionalCheckFailed"), "{status} {answer}");
                    return false;
                }
            }
        }
    }
}

pub fn number(value: i64) -> Value {
    json!({"N": value.to_string()})
}

pub fn spelled(instant: Timestamp) -> String {
    format!("{instant:.3}")
}
