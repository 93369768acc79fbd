//! Shopify's fake: the reverse mapper over the common book.
//!
//! * [`graphql`] reads documents and answers what they ask for, [`desk`] keeps tokens, permissions and points.
//! * [`orders`], [`stock`] and [`shop`] answer the fields at the root.
//!
//! Facts that nobody is sure of are switches; README, Uncertain, tells why each is one.

mod desk;
mod graphql;
mod orders;
mod shop;
mod stock;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::Value;
use sha2::Sha256;
use uriba_sdk::{
    FulfilledBy, Listed, Order, Restored, Settings,
    fake::{Book, FakeMall, FakeOptions, FakeServer, Notification, Reply, Stage, Visit},
};
use wiremock::Request;

use crate::card::{ACCOUNT, CARD, FIND, LIST, LOCATIONS, LOOK_UP, ORDER, PUSH, READ, SEARCH, TOKEN};
pub use desk::{CLIENT_ID, secret, sublinear};
use desk::{Desk, Fault, Words};
pub use graphql::Document;
pub use shop::sku;

/// Entries without an error are written, although others of the batch have one.
pub const GOOD_ENTRIES_STAND: &str = "good-entries-stand";
/// Of several bad entries only the first is named.
pub const FIRST_ERROR_ONLY: &str = "first-error-only";
/// A write that changes nothing is answered without a group of changes.
pub const NO_OP_HAS_NO_GROUP: &str = "no-op-has-no-group";
/// Changes come without the figure after them.
pub const FIGURES_NOT_TOLD: &str = "figures-not-told";
/// Unfulfilled are all units less the larger of those refunded and those fulfilled, as the REST field was computed.
pub const LARGER_OF_BOTH: &str = "larger-of-refunded-and-fulfilled";
/// Refunded units stay among the unfulfilled ones.
pub const UNFULFILLED_KEEPS_REFUNDED: &str = "unfulfilled-keeps-refunded";
/// A cancelled order keeps its figures.
pub const CANCEL_KEEPS_FIGURES: &str = "cancel-keeps-figures";
/// Connections cost their `first` times a node, from a bucket of half the size.
pub const LINEAR_COSTS: &str = "linear-costs";

const SWITCHES: &[&str] = &[
    GOOD_ENTRIES_STAND,
    FIRST_ERROR_ONLY,
    NO_OP_HAS_NO_GROUP,
    FIGURES_NOT_TOLD,
    LARGER_OF_BOTH,
    UNFULFILLED_KEEPS_REFUNDED,
    CANCEL_KEEPS_FIGURES,
    LINEAR_COSTS,
];

/// States that a shop can be in. Turned on like switches, and not among them: they are no doubt about facts.
pub const OTHER_VERSION: &str = "other-version";
pub const TWO_LOCATIONS: &str = "two-locations";
/// The search's filter has a name that this version doesn't know.
pub const FILTER_IGNORED: &str = "filter-ignored";
/// The app may not read orders older than 60 days.
pub const SIXTY_DAYS: &str = "sixty-days";
/// The app may not read orders.
pub const NO_ORDERS: &str = "no-orders";

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(ShopifyFake::start(options).await) as Box<dyn FakeMall> })
}

struct ShopifyFake {
    desk: Arc<Desk>,
    server: FakeServer,
}

type Handler = fn(&Asked<'_, '_>) -> Result<Value, Fault>;

/// A document with its variables.
pub struct Asked<'a, 'v> {
    pub desk: &'a Desk,
    pub visit: &'a Visit<'v>,
    pub document: &'a Document,
    pub variables: Value,
}

impl Asked<'_, '_> {
    pub fn text(&self, name: &str) -> Result<&str, Fault> {
        self.variables[name]
            .as_str()
            .ok_or_else(|| Fault::invalid(format!("Variable ${name} was provided invalid value")))
    }

    pub fn ids(&self) -> Result<Vec<&str>, Fault> {
        let ids = self.variables["ids"].as_array().ok_or_else(|| Fault::invalid("Variable $ids is required"))?;
        if ids.len() > 250 {
            return Err(Fault::invalid("The input array size is greater than the maximum allowed of 250"));
        }
        let whole = |id: &Value| -> Result<&str, Fault> { Err(Fault::invalid(format!("Invalid global id '{id}'"))) };
        ids.iter().map(|id| id.as_str().filter(|id| is_gid(id)).map_or_else(|| whole(id), Ok)).collect()
    }

    pub fn needs(&self, scope: &str) -> Result<(), Fault> {
        let message = format!("Access denied. Required access: `{scope}` access scope.");
        if self.desk.may(scope) { Ok(()) } else { Err(Fault::of("ACCESS_DENIED", message)) }
    }

    /// One page of rows: those after the cursor, and whether there are more.
    pub fn page(&self, field: &str, rows: Vec<(String, Value)>) -> Result<Value, Fault> {
        let first = self.document.fields.iter().find(|found| found.name == field).and_then(graphql::Field::first);
        let first = first.filter(|first| *first <= 250).ok_or_else(|| Fault::invalid("first must be at most 250"))?;
        Ok(page(rows, self.variables["after"].as_str(), first as usize))
    }
}

pub fn page(mut rows: Vec<(String, Value)>, after: Option<&str>, first: usize) -> Value {
    // The cursor names the last row of the page before, so a change in between moves nothing.
    if let Some(after) = after {
        rows.retain(|(place, _)| place.as_str() > after);
    }
    let has_next = rows.len() > first;
    rows.truncate(first);
    let end = rows.last().map(|(place, _)| place.clone());
    let nodes: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    serde_json::json!({"pageInfo": {"hasNextPage": has_next, "endCursor": end}, "nodes": nodes})
}

fn is_gid(text: &str) -> bool {
    let number = text.strip_prefix("gid://shopify/").and_then(|rest| rest.split_once('/')).map(|(_, number)| number);
    number.is_some_and(|number| number.parse::<u64>().is_ok())
}

impl ShopifyFake {
    async fn start(options: FakeOptions) -> Self {
        let ids = |n: u64, _: Timestamp| format!("gid://shopify/Order/{}", 5_480_000 + n);
        let book = Book::new(options.env.clone(), ids, CARD.orders.visibility_lag);
        let scope = options.shop.clone();
        let server = FakeServer::start(book.clone(), &options, &CARD, &scope, &options.shop, Box::new(Words)).await;
        let desk = Arc::new(Desk::new(book, &options.shop));
        let endpoints: [(_, &[&str], Handler); 9] = [
            (SEARCH, &["Orders"], orders::search),
            (ORDER, &["OrdersById", "MoreLines"], orders::by_id),
            (PUSH, &["SetStock"], stock::set),
            (READ, &["Levels"], stock::levels),
            (FIND, &["VariantsBySku"], shop::search),
            (LOOK_UP, &["VariantsById"], shop::by_id),
            (LIST, &["Catalogue"], shop::search),
            (LOCATIONS, &["Locations"], shop::locations),
            (ACCOUNT, &["Account"], shop::account),
        ];
        for (operation, names, handler) in endpoints {
            let desk = desk.clone();
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let wanted = move |request: &Request| document(request).is_some_and(|found| names.contains(&found.0.name));
            let answer = move |visit: &Visit<'_>| answered(&desk, visit, handler);
            server.endpoint_where(operation, "POST", r"^/admin/api/[^/]+/graphql\.json$", wanted, answer).await;
        }
        let granting = desk.clone();
        server.endpoint(TOKEN, "POST", "^/admin/oauth/access_token$", move |visit| granting.grant(visit)).await;
        Self { desk, server }
    }
}

fn document(request: &Request) -> Option<(Document, Value)> {
    let mut body: Value = serde_json::from_slice(&request.body).ok()?;
    Some((Document::parse(body["query"].as_str()?)?, body["variables"].take()))
}

fn answered(desk: &Desk, visit: &Visit<'_>, handler: Handler) -> Reply {
    if let Some(reply) = desk.turned_away(visit) {
        return reply;
    }
    let Some((document, variables)) = document(visit.request) else {
        return Reply::json(400, &serde_json::json!({"errors": "Bad Request"}));
    };
    let ids = variables["ids"].as_array().map_or(0, Vec::len);
    let asked = Asked { desk, visit, document: &document, variables };
    desk.answer(visit, &document, ids, || {
        let there = handler(&asked)?;
        graphql::project(&there, &document.fields)
            .map_err(|field| Fault::of("undefinedField", format!("Field '{field}' doesn't exist")))
    })
}

impl FakeMall for ShopifyFake {
    fn book(&self) -> &Book {
        &self.desk.book
    }

    fn settings(&self, channel: &str) -> Settings {
        let secret = |text: String| SecretString::from(text);
        let pairs =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Settings {
            channel: channel.into(),
            base_url: Some(self.server.uri()),
            credentials: [
                ("client_id".into(), secret(CLIENT_ID.into())),
                ("client_secret".into(), secret(self.desk.secret())),
            ]
            .into(),
            options: pairs(&[("shop", &shop::name(&self.desk.shop)), ("location", shop::LOCATION)]),
            ..Settings::default()
        }
    }

    fn mall_key(&self, n: usize) -> String {
        shop::item(&self.desk.shop, n)
    }

    /// By its SKU, or by the variant.
    fn spelling(&self, key: &str) -> String {
        if key.ends_with(['0', '2', '4', '6', '8']) { format!(" {} ", shop::sku(key)) } else { shop::variant(key) }
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unpaid, Stage::Ready, Stage::OnHold, Stage::PreOrder]
    }

    /// Whole seconds; no families; the time of the last change is the revision; and nothing about what came back, what
    /// was restocked and when it left.
    fn expressible(&self, mut order: Order) -> Order {
        let second = |at: Timestamp| {
            at.round(jiff::TimestampRound::new().smallest(jiff::Unit::Second).mode(jiff::RoundMode::Trunc))
        };
        let second = |at: Timestamp| second(at).unwrap_or(at);
        order.family = None;
        order.placed_at = second(order.placed_at);
        order.updated_at = Some(second(order.updated_at.unwrap_or(order.placed_at)));
        order.revision = order.updated_at.map(Timestamp::as_millisecond);
        order.fulfilled_by = FulfilledBy::Seller;
        for line in &mut order.lines {
            (line.returned, line.restored) = (0, Restored::Unknown);
            (line.shipped_at, line.original) = (None, None);
        }
        order
    }

    fn shop_name(&self) -> Option<String> {
        Some(format!("{} ({}.myshopify.com)", shop::NAME, shop::name(&self.desk.shop)))
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        self.desk.book.item(key).map(|item| shop::listed(key, &item))
    }

    fn notification(&self, order: &str) -> Option<Notification> {
        let number: u64 = order.rsplit('/').next()?.parse().ok()?;
        let body = serde_json::json!({"id": number, "admin_graphql_api_id": order, "email": "hanako@example.com"});
        self.notification_of(body.to_string().as_bytes())
    }

    fn notification_of(&self, body: &[u8]) -> Option<Notification> {
        Some(webhook(&self.desk.shop, "orders/updated", body))
    }

    fn expire_credentials(&self) {
        self.desk.locked_out.store(true, Ordering::Relaxed);
    }

    fn renew_credentials(&self) {
        self.desk.locked_out.store(false, Ordering::Relaxed);
    }

    fn switches(&self) -> &'static [&'static str] {
        SWITCHES
    }

    fn set_switch(&self, name: &str, on: bool) {
        let scope = match name {
            SIXTY_DAYS => Some("read_all_orders"),
            NO_ORDERS => Some("read_orders"),
            _ => None,
        };
        let mut scopes = self.desk.scopes.lock().expect("no panic happens under this lock");
        match scope {
            Some(scope) if on => scopes.remove(scope),
            Some(scope) => scopes.insert(scope.into()),
            None => false,
        };
        let mut switches = self.desk.switches.lock().expect("no panic happens under this lock");
        if on {
            switches.insert(name.into())
        } else {
            switches.remove(name)
        };
    }
}

/// A delivery as Shopify sends it.
pub fn webhook(shop: &str, topic: &str, body: &[u8]) -> Notification {
    let mac = Hmac::<Sha256>::new_from_slice(secret(shop).as_bytes()).map(|mac| mac.chain_update(body).finalize());
    let signature = mac.map(|mac| STANDARD.encode(mac.into_bytes())).unwrap_or_default();
    let headers = [
        ("X-Shopify-Topic", topic.to_owned()),
        ("X-Shopify-Hmac-Sha256", signature),
        ("X-Shopify-Shop-Domain", format!("{}.myshopify.com", shop::name(shop))),
        ("X-Shopify-API-Version", crate::card::VERSION.to_owned()),
        ("X-Shopify-Event-Id", "98880550-7158-44d4-b7cd-2c97c8a091b5".to_owned()),
        ("Content-Type", "application/json".to_owned()),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
    Notification { headers, body: body.to_vec(), signed: true }
}

/// The longest that Shopify's searches reach back without a permission.
pub fn reach() -> SignedDuration {
    SignedDuration::from_hours(60 * 24)
}
