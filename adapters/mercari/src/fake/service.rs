//! One request at the mall: admission, the document, its points, and what becomes of it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uriba_sdk::fake::{Book, BookOrder, FakeOptions, Fault, Item, Reply, Visit};

use super::{
    CLIENT,
    budget::{Budget, Level},
    document::{Field, Given, Operation},
    fault,
    switches::Switches,
    view,
};
use crate::{
    card::{LIST, ORDER, POINTS, QUANTITY_MAX, SEARCH, SHOP, VARIANT, WRITE, WRITE_ONE},
    graphql::{VARIANTS_MAX, points},
};

const FIRST_MAX: u64 = 500;
const SLOW_ABOVE: usize = 20;

pub struct Service {
    pub book: Book,
    pub shop: String,
    pub token: String,
    pub switches: Arc<Switches>,
    pub budget: Budget,
}

/// Code and message of an error.
type Refused = (&'static str, String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    query: String,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(rename = "operationName")]
    _name: Option<String>,
}

/// Which of the card's operations a body asks for: its first root field.
pub fn operation(body: &[u8]) -> Option<String> {
    let asked: Asked = serde_json::from_slice(body).ok()?;
    Operation::parse(&asked.query)?.fields.first().map(|field| field.name.clone())
}

impl Service {
    pub fn new(book: Book, options: &FakeOptions) -> Self {
        let token = format!("msp_{}", view::opaque(&format!("token of {}", options.shop)));
        let (shop, budget) = (options.shop.clone(), Budget::new(options.meters.clone()));
        Self { book, shop, token, switches: Arc::default(), budget }
    }

    pub fn name(&self) -> String {
        format!("うつわや {}", self.shop)
    }

    pub fn answer(&self, visit: &Visit<'_>) -> Reply {
        if let Some(refusal) = self.turned_away(visit) {
            return refusal;
        }
        let bad = |why: &str| Reply::json(400, &fault("GRAPHQL_VALIDATION_FAILED", why));
        let Ok(asked) = serde_json::from_slice::<Asked>(&visit.request.body) else { return bad("invalid JSON") };
        let Some(operation) = Operation::parse(&asked.query) else { return bad("Syntax Error") };
        let values = asked.variables.unwrap_or_default();
        let checked = match operation.checked(&values) {
            Ok(checked) => checked,
            Err(why) => return bad(&why),
        };
        if self.switches.is_on("batch-unknown") && operation.fields.iter().any(|field| field.name == WRITE) {
            return bad("Unknown type \"UpdateProductVariantsInput\"");
        }
        let list_rows = if self.switches.is_on("lists-cost-more") { u64::from(points::LIST) } else { 1 };
        let points = operation.points(&values, list_rows);
        visit.took(POINTS, points);
        let level = self.budget.spend(points, self.book.env());
        if !level.fits {
            return self.throttled(Some(level.resets_in));
        }
        let reply = self.execute(&checked, visit);
        self.with_level(reply, &level)
    }

    /// What is looked at before the document is.
    fn turned_away(&self, visit: &Visit<'_>) -> Option<Reply> {
        if self.switches.is_on("unregistered-ip") {
            let body = b"Not Found\n".to_vec();
            return Some(Reply { status: 404, headers: Vec::new(), mime: "text/plain", body });
        }
        let header = |name| visit.request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if header("content-type") != "application/json" {
            return Some(Reply::json(400, &fault("BAD_REQUEST", "the body is no JSON")));
        }
        let Some(token) = header("authorization").strip_prefix("Bearer ") else {
            return Some(Reply::json(400, &fault("BAD_REQUEST", "malformed Authorization header")));
        };
        if self.switches.is_on("other-environment") {
            return Some(Reply::json(400, &fault("BAD_REQUEST", "access token of another environment")));
        }
        if token != self.token || self.switches.is_on("token-deleted") {
            return Some(Reply::json(401, &fault("UNAUTHENTICATED", "invalid token")));
        }
        let named = header("user-agent")
            .split_once('/')
            .is_some_and(|(name, version)| name == CLIENT && !version.is_empty() && !version.contains(' '));
        (!named).then(|| Reply::json(403, &fault("FORBIDDEN", "this User-Agent is not known")))
    }

    pub fn throttled(&self, wait: Option<Duration>) -> Reply {
        let body = fault("RESOURCE_EXHAUSTED", "rate limit exceeded");
        let status = if self.switches.is_on("throttles-with-an-error") { 200 } else { 429 };
        let reply = Reply::json(status, &body);
        wait.iter().fold(reply, |reply, wait| reply.with_header("X-Ratelimit-Reset", self.reset(*wait)))
    }

    fn with_level(&self, reply: Reply, level: &Level) -> Reply {
        let reply = reply.with_header("X-Ratelimit-Reset", self.reset(level.resets_in));
        match self.switches.is_on("names-what-is-left") {
            true => reply.with_header("X-Ratelimit-Remaining", level.left.to_string()),
            false => reply,
        }
    }

    fn reset(&self, wait: Duration) -> String {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        match self.switches.is_on("reset-since-1970") {
            true => (self.book.now().as_second() + i64::try_from(seconds).unwrap_or(0)).to_string(),
            false => seconds.to_string(),
        }
    }

    fn execute(&self, checked: &[Given<'_>], visit: &Visit<'_>) -> Reply {
        let (mut data, mut errors, mut nothing) = (Map::new(), Vec::new(), false);
        for (field, arguments) in checked {
            let mut failed = |refused: Vec<Refused>| {
                errors.extend(refused.into_iter().map(|refused| self.error(&refused, &field.alias)));
            };
            match self.resolve(field, arguments, visit) {
                Ok((value, refused)) => {
                    data.insert(field.alias.clone(), field.select(&value));
                    failed(refused);
                }
                Err(refused) => {
                    data.insert(field.alias.clone(), Value::Null);
                    let missing = refused.0 == "NOT_FOUND";
                    nothing |= !missing || self.switches.is_on("missing-takes-all");
                    failed(vec![refused]);
                }
            }
        }
        let data = if nothing || data.values().all(Value::is_null) { Value::Null } else { Value::Object(data) };
        match errors.is_empty() {
            true => Reply::json(200, &json!({"data": data})),
            false => Reply::json(200, &json!({"data": data, "errors": errors})),
        }
    }

    fn error(&self, (code, message): &Refused, alias: &str) -> Value {
        let mut error = match self.switches.is_on("words-in-messages") {
            true => json!({"message": format!("{code}: {message}"), "path": [alias]}),
            false => json!({"message": message, "path": [alias], "extensions": {"code": code}}),
        };
        if self.switches.is_on("missing-without-path")
            && let Some(fields) = error.as_object_mut()
        {
            fields.remove("path");
        }
        error
    }

    /// The field's value, with errors that leave it standing; or the error that takes its place.
    fn resolve(
        &self,
        field: &Field,
        arguments: &Map<String, Value>,
        visit: &Visit<'_>,
    ) -> Result<(Value, Vec<Refused>), Refused> {
        let plain = |value| Ok((value, Vec::new()));
        match field.name.as_str() {
            SEARCH => self.search(arguments, visit).map(|value| (value, Vec::new())),
            ORDER => {
                let id = arguments["id"].as_str().unwrap_or_default();
                let found = self.book.visible().into_iter().find(|found| found.order.id == id);
                let found = found.ok_or_else(|| not_found("orderTransaction"))?;
                plain(view::order(&found, visit, &self.switches))
            }
            VARIANT => {
                let (key, item) = self.find(&arguments["by"]).ok_or_else(|| not_found("productVariant"))?;
                plain(view::variant(&key, &item))
            }
            LIST => {
                let products = view::products(&self.book.items());
                plain(connection(&products, arguments).ok_or_else(|| invalid("after"))?)
            }
            SHOP => plain(json!({
                "id": view::opaque(&self.shop),
                "name": self.name(),
                "shopStatus": if self.switches.is_on("unpublished-shop") { "UNOPENED" } else { "OPENED" },
                "businessKind": "CORPORATION",
            })),
            WRITE => self.write(&arguments["input"]["productVariants"], visit),
            WRITE_ONE => {
                let variant = self.set(&arguments["by"], &arguments["input"], visit)?;
                plain(json!({"productVariant": variant}))
            }
            name => Err(("INTERNAL", format!("no such field: {name}"))),
        }
    }

    fn search(&self, arguments: &Map<String, Value>, visit: &Visit<'_>) -> Result<Value, Refused> {
        let time = |name: &str| arguments.get(name).and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
        let statuses: Option<Vec<&str>> = arguments
            .get("statuses")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect());
        let asked_for = |found: &BookOrder| {
            let placed = found.order.placed_at;
            let status = view::status(found);
            time("orderedDateGte").is_none_or(|from| from <= placed)
                && time("orderedDateLt").is_none_or(|end| placed < end)
                && match &statuses {
                    Some(named) => named.contains(&status),
                    None => status != "CANCELED" || !self.switches.is_on("cancelled-only-if-named"),
                }
        };
        let mut found = self.book.visible();
        found.retain(asked_for);
        found.sort_by_key(|found| (found.order.placed_at, found.number));
        if self.switches.is_on("newest-first") {
            found.reverse();
        }
        let rows: Vec<_> =
            found.iter().map(|found| (found.order.id.clone(), view::order(found, visit, &self.switches))).collect();
        let mut page = connection(&rows, arguments).ok_or_else(|| invalid("first or after"))?;
        let edges = page["edges"].as_array_mut().map(std::mem::take).unwrap_or_default();
        if self.switches.is_on("slow-pages") && arguments["first"].as_u64() > Some(SLOW_ABOVE as u64) {
            return Err(("DEADLINE_EXCEEDED", "the query took too long".into()));
        }
        page["edges"] = match visit.fault {
            Some(Fault::DuplicateRows) => edges.into_iter().flat_map(|edge| [edge.clone(), edge]).collect(),
            Some(Fault::ShuffleRows) => edges.into_iter().rev().collect(),
            _ => Value::Array(edges),
        };
        Ok(page)
    }

    fn find(&self, by: &Value) -> Option<(String, Item)> {
        let mut items = self.book.items().into_iter();
        match (by["skuCode"].as_str(), by["id"].as_str()) {
            (Some(sku), _) => items.find(|(key, _)| view::sku_of(key) == Some(sku)),
            (_, Some(id)) => items.find(|(key, _)| view::variant_id(key) == id),
            _ => None,
        }
    }

    /// All or nothing, or what can be: nobody knows.
    fn write(&self, entries: &Value, visit: &Visit<'_>) -> Result<(Value, Vec<Refused>), Refused> {
        let entries = entries.as_array().cloned().unwrap_or_default();
        if entries.is_empty() || entries.len() > VARIANTS_MAX {
            return Err(invalid("1 to 20 variants"));
        }
        let bad: Vec<_> = entries.iter().map(|entry| self.refusal(&entry["by"], &entry["input"]).err()).collect();
        let per_entry = self.switches.is_on("batch-per-entry");
        if let (Some(refused), false) = (bad.iter().flatten().next(), per_entry) {
            return Err(refused.clone());
        }
        let (mut written, mut refused) = (Vec::new(), Vec::new());
        for (n, (entry, bad)) in entries.iter().zip(bad).enumerate() {
            let torn = visit.has(&Fault::Partial) && n == 0;
            match bad.or_else(|| torn.then(|| ("FAILED_PRECONDITION", "the variant is being edited".into()))) {
                Some(why) => refused.push(why),
                None => written.push(self.set(&entry["by"], &entry["input"], visit)?),
            }
        }
        Ok((json!({"productVariants": written}), refused))
    }

    /// The item that a write is for, if it may be written so.
    fn refusal(&self, by: &Value, input: &Value) -> Result<(String, i64), Refused> {
        if self.switches.is_on("unpublished-shop") {
            return Err(("PERMISSION_DENIED", "permission denied".into()));
        }
        let figure = input["stockQuantity"].as_i64().unwrap_or(-1);
        let (key, _) = self.find(by).ok_or_else(|| not_found("productVariant"))?;
        if !(0..=QUANTITY_MAX).contains(&figure) {
            return Err(("INVALID_ARGUMENT", "stockQuantity".into()));
        }
        Ok((key, figure))
    }

    fn set(&self, by: &Value, input: &Value, visit: &Visit<'_>) -> Result<Value, Refused> {
        let (key, figure) = self.refusal(by, input)?;
        if !visit.has(&Fault::Silent) {
            self.book.set(&key, figure);
        }
        let item = self.book.item(&key).ok_or_else(|| not_found("productVariant"))?;
        let mut shown = view::variant(&key, &item);
        if visit.has(&Fault::Silent) {
            shown["stockQuantity"] = json!(figure);
        }
        Ok(shown)
    }
}

/// A page of rows, each with what names it in a cursor.
fn connection(rows: &[(String, Value)], arguments: &Map<String, Value>) -> Option<Value> {
    let first = arguments["first"].as_u64().filter(|first| (1..=FIRST_MAX).contains(first))?;
    let begin = match arguments.get("after").and_then(Value::as_str) {
        Some(after) => rows.iter().position(|(name, _)| cursor(name) == after)? + 1,
        None => 0,
    };
    let rows = &rows[begin..];
    let shown: Vec<_> = rows.iter().take(usize::try_from(first).ok()?).collect();
    let edges: Vec<_> = shown.iter().map(|(name, row)| json!({"cursor": cursor(name), "node": row})).collect();
    let last = shown.last().map(|(name, _)| cursor(name));
    let page = json!({"hasNextPage": rows.len() > shown.len(), "endCursor": last});
    Some(json!({"edges": edges, "pageInfo": page}))
}

fn cursor(name: &str) -> String {
    format!("c{}", view::opaque(name))
}

fn not_found(what: &str) -> Refused {
    ("NOT_FOUND", format!("{what} not found"))
}

fn invalid(what: &str) -> Refused {
    ("INVALID_ARGUMENT", format!("invalid argument: {what}"))
}
