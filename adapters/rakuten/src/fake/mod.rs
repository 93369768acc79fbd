//! The fake shop: the common book behind RMS WEB SERVICE's order and inventory functions.
//!
//! A gateway stands before every function, as at the mall: it looks at the keys, at whether the function is ticked
//! and at the content type, in this order. Behind it, [`orders`] and [`stock`] answer from the book. What the book
//! has no place for (orphans: stock records of items that don't exist) is kept here.

mod items;
mod model;
mod orders;
mod stock;

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::json;
use uriba_sdk::{
    Listed, Order, Settings,
    fake::{Book, Dialect, FakeMall, FakeOptions, FakeServer, IdMaker, Reply, Stage, Visit},
};
use wiremock::Request;

use crate::{
    card::{CARD, GET, LICENSE, LIST, PUSH, READ, SEARCH, SHOP},
    key::Key,
    time,
};

/// Facts that nobody is sure of, with what the fake takes for true at first.
const ERASES: &str = "bulk_upsert_erases_lead_times";
const FORBIDDEN: &str = "function_off_is_403";
const SLASHLESS: &str = "slashless_order_paths_accepted";
const ORPHANS: &str = "orphans_are_readable";
const NOTHING_IS_404: &str = "no_items_is_404";
const SWITCHES: [&str; 5] = [ERASES, FORBIDDEN, SLASHLESS, ORPHANS, NOTHING_IS_404];
/// Off until somebody turns them on.
const OFF_AT_FIRST: [&str; 2] = [FORBIDDEN, NOTHING_IS_404];

const EXPIRY_DATE: &str = r"^/es/1\.0/license-management/license-key/expiry-date$";

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(Fake::start(options).await) as Box<dyn FakeMall> })
}

struct Fake {
    server: FakeServer,
    shop: Arc<Shop>,
}

/// What the handlers share.
struct Shop {
    name: String,
    book: Book,
    secret: String,
    license: String,
    refused: AtomicBool,
    switches: Mutex<HashMap<String, bool>>,
    /// Figure and last update of stock records without an item.
    orphans: Mutex<BTreeMap<String, (i64, Timestamp)>>,
}

impl Fake {
    async fn start(options: FakeOptions) -> Self {
        let visibility_lag = CARD.orders.visibility_lag;
        let shop = Arc::new(Shop {
            book: Book::new(options.env.clone(), order_ids(&options.shop), visibility_lag),
            secret: format!("SP400001_fake-{}", options.shop),
            license: format!("SL400001_fake-{}", options.shop),
            name: options.shop.clone(),
            refused: AtomicBool::new(false),
            switches: Mutex::default(),
            orphans: Mutex::default(),
        });
        let (book, name) = (shop.book.clone(), &options.shop);
        let server = FakeServer::start(book, &options, &CARD, name, name, Box::new(Words)).await;
        type Function = fn(&Shop, &Visit<'_>) -> Reply;
        let functions: [(&'static str, &str, &str, &'static str, Function); 7] = [
            (SEARCH, "POST", r"^/es/2\.0/order/searchOrder/?$", "rpay.order.searchOrder", orders::search),
            (GET, "POST", r"^/es/2\.0/order/getOrder/?$", "rpay.order.getOrder", orders::get),
            (READ, "POST", r"^/es/2\.1/inventories/bulk-get$", "inventories.bulk.get", stock::bulk_get),
            (PUSH, "POST", r"^/es/2\.1/inventories/bulk-upsert$", "inventories.bulk.upsert", stock::bulk_upsert),
            (LIST, "GET", r"^/es/2\.0/items/search$", "items.search", items::search),
            (SHOP, "GET", r"^/es/1\.0/shop/shopMaster$", "shop.shopMaster.get", items::shop_master),
            (LICENSE, "GET", EXPIRY_DATE, "license.expiryDate.get", items::expiry_date),
        ];
        for (operation, method, path, name, function) in functions {
            let shop = shop.clone();
            let answer = move |visit: &Visit<'_>| match shop.gate(visit.request, name) {
                Some(refusal) => refusal,
                None => function(&shop, visit),
            };
            server.endpoint(operation, method, path, answer).await;
        }
        Self { server, shop }
    }
}

impl Shop {
    /// What the gateway refuses, before the function sees the request.
    fn gate(&self, request: &Request, function: &str) -> Option<Reply> {
        let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let order = function.starts_with("rpay.");
        if order && !request.url.path().ends_with('/') && !self.on(SLASHLESS) {
            return Some(Reply::json(404, &json!({"message": "no such path"})));
        }
        let expected = format!("ESA {}", STANDARD.encode(format!("{}:{}", self.secret, self.license)));
        if self.refused.load(Ordering::SeqCst) || header("authorization") != expected {
            return Some(unauthorised(order));
        }
        if !self.on(&format!("function:{function}")) {
            let status = if self.on(FORBIDDEN) { 403 } else { 401 };
            return Some(Reply::json(status, &json!({"Results": {"errorCode": "ES04-01", "message": "Bad Request"}})));
        }
        if request.method.as_str() == "GET" {
            return None;
        }
        let json = header("content-type").to_ascii_lowercase().replace(' ', "");
        let right = if order { json == "application/json;charset=utf-8" } else { json.starts_with("application/json") };
        let refusal = json!({"Results": {"errorCode": "ES04-03", "message": "Unsupported Media Type"}});
        (!right).then(|| Reply::json(415, &refusal))
    }

    fn on(&self, switch: &str) -> bool {
        let switches = self.switches.lock().expect("no panic happens under this lock");
        switches.get(switch).copied().unwrap_or(!OFF_AT_FIRST.contains(&switch))
    }
}

/// Both envelopes have been reported; each half of the functions uses one here.
fn unauthorised(order: bool) -> Reply {
    let body = if order {
        json!({"Results": {"errorCode": "GA0001", "message": "Un-Authorised"}})
    } else {
        json!({"errors": [{"code": "GA0001", "message": "Un-Authorised"}]})
    };
    Reply::json(401, &body)
}

impl FakeMall for Fake {
    fn book(&self) -> &Book {
        &self.shop.book
    }

    fn siblings(&self) -> BTreeMap<String, String> {
        [("operationLeadTime", r#"{"normalDeliveryTimeId":1}"#), ("shipFromIds", "[1]")]
            .map(|(name, stored)| (name.to_owned(), stored.to_owned()))
            .into()
    }

    fn settings(&self, channel: &str) -> Settings {
        let credential = |key: &str, value: &str| (key.to_owned(), value.to_owned().into());
        Settings {
            channel: channel.to_owned(),
            base_url: Some(self.server.uri()),
            credentials: [
                credential("service_secret", &self.shop.secret),
                credential("license_key", &self.shop.license),
            ]
            .into(),
            ..Settings::default()
        }
    }

    /// An item without variations, and items of two variations that differ in nothing but case.
    fn mall_key(&self, n: usize) -> String {
        let (shop, item) = (&self.shop.name, n / 3);
        match n % 3 {
            0 => format!("mug-{shop}-{item:04}/mug-{shop}-{item:04}"),
            1 => format!("tee_{shop}_{item:04}/Navy-M"),
            _ => format!("tee_{shop}_{item:04}/navy-m"),
        }
    }

    fn spelling(&self, key: &str) -> String {
        match key.split_once('/') {
            Some((item, variant)) => format!(" {}／{variant}", item.to_uppercase().replace('M', "Ｍ")),
            None => key.to_owned(),
        }
    }

    fn stages(&self) -> &'static [Stage] {
        use Stage::{OnHold, PreOrder, Ready, Requested, Screening, Unpaid};
        &[Unpaid, Ready, OnHold, PreOrder, Screening, Requested]
    }

    fn expressible(&self, order: Order) -> Order {
        model::expressible(order)
    }

    fn shop_name(&self) -> Option<String> {
        Some(format!("{} ({})", items::name(&self.shop.name), items::url(&self.shop.name)))
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        self.shop.book.item(key).map(|_| items::listed(key))
    }

    fn expire_credentials(&self) {
        self.shop.refused.store(true, Ordering::SeqCst);
    }

    fn renew_credentials(&self) {
        self.shop.refused.store(false, Ordering::SeqCst);
    }

    fn switches(&self) -> &'static [&'static str] {
        &SWITCHES
    }

    /// Beside the uncertain facts: `function:rpay.order.searchOrder` and the like, off when not ticked in RMS.
    fn set_switch(&self, name: &str, on: bool) {
        self.shop.switches.lock().expect("no panic happens under this lock").insert(name.to_owned(), on);
    }
}

/// `400001-20261120-00000001`: the shop's number, the date in Japan, a number of eight digits.
fn order_ids(shop: &str) -> IdMaker {
    fn id<const SHOP: u32>(n: u64, placed_at: Timestamp) -> String {
        format!("{SHOP}-{}-{n:08}", placed_at.to_zoned(time::japan()).strftime("%Y%m%d"))
    }
    match shop {
        "a" => id::<400_001>,
        "b" => id::<400_002>,
        _ => id::<400_003>,
    }
}

/// The key as the Inventory API compares it.
fn stated(pair: &serde_json::Value) -> Option<String> {
    Some(Key::stated(pair["manageNumber"].as_str()?, pair["variantId"].as_str()?).to_string())
}

struct Words;

impl Dialect for Words {
    fn throttled(&self, _operation: &str, retry_after: Option<u64>) -> Reply {
        let reply = Reply::json(429, &json!({"message": "Too Many Requests"}));
        match retry_after {
            Some(seconds) => reply.with_header("Retry-After", seconds.to_string()),
            None => reply,
        }
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        Reply::html(503, "<html><body><p>RMS WEB SERVICE は現在メンテナンス中です</p></body></html>")
    }

    fn expired(&self, operation: &str) -> Reply {
        unauthorised(matches!(operation, SEARCH | GET))
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        Reply::json(status, &json!({"errors": [{"code": "X0000", "message": "unexpected"}]}))
    }
}
