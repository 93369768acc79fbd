//! The storefront's fake: its two tables over the common book, behind DynamoDB's JSON protocol.
//!
//! It knows the part of DynamoDB that the adapter uses and refuses everything else as DynamoDB would: an unknown
//! field, a placeholder that is defined and not used, a key twice in a batch, a signature that doesn't fit. It does
//! not evaluate expressions: it knows the adapter's, and what each means. That they mean it to DynamoDB as well is
//! what `tests/server` shows against a server that evaluates them.

mod counters;
mod deltas;
mod door;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use serde_json::{Value, json};
use uriba_sdk::{
    FulfilledBy, Listed, Order, Restored, Settings,
    fake::{Book, Dialect, FakeMall, FakeOptions, FakeServer, Reply, Stage, Visit},
};

use crate::{
    auth::crc32,
    card::{CARD, LIST, ORDERS, PUSH, READ, SEARCH, TABLES},
};

pub const STOCK: &str = "net_stock";
pub const DELTAS: &str = "net_stock_delta";
pub const REGION: &str = "ap-northeast-1";

const SWITCHES: &[&str] = &["rows_without_version", "short_pages", "answers_in_part"];

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(Storefront::start(options).await) as Box<dyn FakeMall> })
}

struct Storefront {
    shop: Arc<Shop>,
    server: FakeServer,
}

/// What the endpoints share.
pub struct Shop {
    pub book: Book,
    pub name: String,
    pub locked_out: AtomicBool,
    switches: [AtomicBool; 3],
}

impl Shop {
    pub fn is_on(&self, switch: &str) -> bool {
        SWITCHES.iter().zip(&self.switches).any(|(name, on)| *name == switch && on.load(Ordering::Relaxed))
    }

    pub fn account(&self) -> String {
        format!("{:012}", self.name.bytes().fold(4_711_u64, |sum, byte| sum * 31 + u64::from(byte)))
    }

    pub fn settings(&self) -> Settings {
        let name = self.name.to_uppercase();
        let credentials = [
            ("access_key_id", format!("ASIAFAKE{name}4GJ2K7QZ")),
            ("secret_access_key", format!("fakeSecret/{name}+9cXv2mT8qLr4Ws6Yb1Nd3Hf5")),
            ("session_token", format!("FakeSession{name}//7pQ2vXz9Lk4Rm8Tn6Wb1Yc3Jd5Hf0Sg")),
        ];
        let credentials = credentials.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect();
        Settings { credentials, ..Settings::default() }
    }
}

type Handler = fn(&Shop, &Visit<'_>, &Value) -> Answered;

/// The answer's body, or a refusal.
pub type Answered = Result<Value, Refused>;

pub struct Refused {
    pub code: &'static str,
    pub message: String,
    /// The row, where a condition didn't hold.
    pub item: Option<Value>,
}

impl Refused {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), item: None }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }
}

impl Storefront {
    async fn start(options: FakeOptions) -> Self {
        let ids = |n, at: Timestamp| format!("W{}-{n:06}", at.strftime("%Y%m%d"));
        let book = Book::new(options.env.clone(), ids, CARD.orders.visibility_lag);
        let (name, locked_out, switches) = (options.shop.clone(), AtomicBool::new(false), Default::default());
        let shop = Arc::new(Shop { book: book.clone(), name, locked_out, switches });
        let server = FakeServer::start(book, &options, &CARD, &options.shop, &options.shop, Box::new(Words)).await;
        let endpoints: [(&'static str, Handler); 6] = [
            (SEARCH, deltas::query),
            (ORDERS, deltas::batch),
            (PUSH, counters::update),
            (READ, counters::batch),
            (LIST, counters::scan),
            (TABLES, counters::describe),
        ];
        for (operation, handler) in endpoints {
            let wanted = move |request: &wiremock::Request| door::operation(request) == operation;
            let shop = shop.clone();
            let answer = move |visit: &Visit<'_>| {
                door::admit(&shop, visit.request)
                    .and_then(|body| handler(&shop, visit, &body))
                    .map_or_else(refused, answered)
            };
            server.endpoint_where(operation, "POST", "^/$", wanted, answer).await;
        }
        Self { shop, server }
    }
}

impl FakeMall for Storefront {
    fn book(&self) -> &Book {
        &self.shop.book
    }

    fn settings(&self, channel: &str) -> Settings {
        Settings { channel: channel.to_owned(), base_url: Some(self.server.uri()), ..self.shop.settings() }
    }

    fn mall_key(&self, n: usize) -> String {
        let shop = &self.shop.name;
        match n % 4 {
            0 => format!("49012345{n:05}{shop}"),
            1 => format!("Tea {shop}/{n} \"green\""),
            2 => format!("緑茶-{shop}-{n}"),
            _ => format!("#tea:{shop}%{n}\\"),
        }
    }

    fn spelling(&self, key: &str) -> String {
        format!(" {key}\u{3000}")
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unpaid, Stage::Ready, Stage::OnHold, Stage::PreOrder, Stage::Screening, Stage::Requested]
    }

    fn expressible(&self, mut order: Order) -> Order {
        order.family = None;
        order.placed_at = milli(order.placed_at);
        order.updated_at = Some(milli(order.updated_at.unwrap_or(order.placed_at)));
        order.fulfilled_by = FulfilledBy::Seller;
        order.revision = order.revision.filter(|_| !self.shop.is_on("rows_without_version"));
        for line in &mut order.lines {
            line.restored = match (line.cancelled, line.restored) {
                (0, _) => Restored::Unknown,
                (_, Restored::No) => Restored::No,
                _ => Restored::Yes,
            };
            line.shipped_at = line.shipped_at.map(milli);
            line.original = None;
        }
        order
    }

    fn raises_absolutely(&self) -> bool {
        false
    }

    fn shop_name(&self) -> Option<String> {
        Some(format!("{}/{REGION}/{STOCK}", self.shop.account()))
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        Some(Listed {
            key: key.to_owned(),
            code: None,
            jan: Some(counters::jan(key)),
            title: Some(counters::title(key)),
        })
    }

    fn expire_credentials(&self) {
        self.shop.locked_out.store(true, Ordering::Relaxed);
    }

    fn renew_credentials(&self) {
        self.shop.locked_out.store(false, Ordering::Relaxed);
    }

    fn switches(&self) -> &'static [&'static str] {
        SWITCHES
    }

    fn set_switch(&self, name: &str, on: bool) {
        for (_, switch) in SWITCHES.iter().zip(&self.shop.switches).filter(|(known, _)| **known == name) {
            switch.store(on, Ordering::Relaxed);
        }
    }
}

/// How DynamoDB words what every mall has.
struct Words;

impl Dialect for Words {
    fn throttled(&self, _operation: &str, retry_after: Option<u64>) -> Reply {
        let code = "ProvisionedThroughputExceededException";
        let reply = refused(Refused::new(code, "The level of configured provisioned throughput was exceeded"));
        retry_after.iter().fold(reply, |reply, seconds| reply.with_header("retry-after", seconds.to_string()))
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        refused(Refused::new("ResourceInUseException", "Table is being updated"))
    }

    fn expired(&self, _operation: &str) -> Reply {
        refused(door::expired())
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        let code = if status == 503 { "ServiceUnavailable" } else { "InternalServerError" };
        Reply { status, ..refused(Refused::new(code, "")) }
    }
}

fn answered(body: Value) -> Reply {
    reply(200, &body)
}

fn refused(refused: Refused) -> Reply {
    let mut body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{}", refused.code),
        "message": refused.message,
    });
    if let Some(item) = refused.item {
        body["Item"] = item;
    }
    reply(400, &body)
}

fn reply(status: u16, body: &Value) -> Reply {
    let body = body.to_string().into_bytes();
    let checksum = crc32(&body).to_string();
    Reply { status, headers: Vec::new(), mime: "application/x-amz-json-1.0", body }.with_header("x-amz-crc32", checksum)
}

pub fn milli(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).unwrap_or(instant)
}

/// A request's fields, all of them known.
pub fn known<'a>(body: &'a Value, fields: &[&str]) -> Result<&'a serde_json::Map<String, Value>, Refused> {
    let Some(given) = body.as_object() else { return Err(Refused::new("SerializationException", "not an object")) };
    match given.keys().find(|field| !fields.contains(&field.as_str())) {
        Some(field) => Err(Refused::invalid(format!("the fake does not know {field}"))),
        None => Ok(given),
    }
}

/// The attributes that a projection names. Every placeholder defined must be used, in it or in one of `others`.
pub fn projected(given: &serde_json::Map<String, Value>, others: &[&str]) -> Result<Vec<String>, Refused> {
    let expression = given.get("ProjectionExpression").and_then(Value::as_str).unwrap_or_default();
    let names = given.get("ExpressionAttributeNames").and_then(Value::as_object);
    let names = names.ok_or_else(|| Refused::invalid("no ExpressionAttributeNames"))?;
    let used: Vec<_> = expression.split(',').map(str::trim).collect();
    if let Some(unused) = names.keys().find(|mark| !used.contains(&mark.as_str()) && !others.contains(&mark.as_str())) {
        return Err(Refused::invalid(format!("Value provided in ExpressionAttributeNames unused: {unused}")));
    }
    let named = |mark: &&str| names.get(*mark).and_then(Value::as_str).map(str::to_owned);
    let attributes: Option<Vec<_>> = used.iter().map(named).collect();
    let attributes = attributes.ok_or_else(|| Refused::invalid("An attribute name is not defined"))?;
    let mut unique = attributes.clone();
    unique.sort();
    unique.dedup();
    if unique.len() < attributes.len() {
        return Err(Refused::invalid("Two document paths overlap with each other"));
    }
    Ok(attributes)
}

/// Just these attributes of a row.
pub fn project(row: &Value, attributes: &[String]) -> Value {
    let fields = attributes.iter().filter_map(|name| Some((name.clone(), row.get(name)?.clone())));
    Value::Object(fields.collect())
}

/// The single table and the keys of a BatchGetItem.
pub fn batch_of(
    shop: &Shop,
    body: &Value,
    table: &str,
    key: &str,
) -> Result<(Vec<String>, Vec<String>, Value), Refused> {
    let given = known(body, &["RequestItems"])?;
    let items = given.get("RequestItems").and_then(Value::as_object).filter(|items| items.len() == 1);
    let asked = items.and_then(|items| items.get(table));
    let asked = asked.ok_or_else(|| Refused::new("ResourceNotFoundException", "Requested resource not found"))?;
    let given = known(asked, &["Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"])?;
    if given.get("ConsistentRead") != Some(&Value::Bool(true)) {
        return Err(Refused::invalid("what is read by key must be consistent"));
    }
    let attributes = projected(given, &[])?;
    let keys = given.get("Keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let key_of = |value: &Value| {
        let fields = value.as_object().filter(|fields| fields.len() == 1)?;
        fields.get(key)?.get("S")?.as_str().map(str::to_owned)
    };
    let wanted: Option<Vec<_>> = keys.iter().map(key_of).collect();
    let mut wanted = wanted.ok_or_else(|| Refused::invalid("The provided key element does not match the schema"))?;
    if !(1..=100).contains(&wanted.len()) {
        return Err(Refused::invalid("Too many items requested for the BatchGetItem call"));
    }
    let mut unique = wanted.clone();
    unique.sort();
    unique.dedup();
    if unique.len() < wanted.len() {
        return Err(Refused::invalid("Provided list of item keys contains duplicates"));
    }
    let taken = if shop.is_on("answers_in_part") { wanted.len().min(30) } else { wanted.len() };
    let left: Vec<_> = wanted.split_off(taken).iter().map(|left| json!({key: {"S": left}})).collect();
    let unprocessed = if left.is_empty() { json!({}) } else { json!({table: {"Keys": left}}) };
    Ok((wanted, attributes, unprocessed))
}
