//! eBay's fake: OAuth, Sell Fulfillment, Sell Inventory and the account's calls over the common book.
//!
//! It is strict about what the descriptions state (the filters' grammar, 25 SKUs, 50 ids, encodings, unknown fields)
//! and acts out what makes eBay awkward: a quantity at two levels, 207 with a status per entry, offsets over a live
//! set, purchases that are not paid and show nowhere, 250 revisions a day, and listings that end at zero. What nobody
//! is sure of is a switch.

mod account;
mod inventory;
mod login;
mod orders;
mod reply;
mod shop;

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use jiff::Timestamp;
use uriba_sdk::{
    FulfilledBy, Listed, Order, Restored, Settings,
    fake::{Book, FakeMall, FakeOptions, FakeServer, IdMaker, Reply, Stage, Visit},
};
use wiremock::Request;

use reply::EbayDialect;
use shop::{SWITCHES, Shop};

use crate::card::{CARD, ITEMS, OFFERS, ORDER, PROGRAMS, PUSH, RATES, READ, SEARCH, SHIPMENTS, SINGLE, TOKEN, USER};

/// Shops of one application share it, and its quotas.
const CLIENT_ID: &str = "Uriba-urfake-SBX-0000000000fa-b0000000";

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(EbayFake::start(options).await) as Box<dyn FakeMall> })
}

struct EbayFake {
    shop: Arc<Shop>,
    server: FakeServer,
}

type Answer = fn(&Shop, &Visit<'_>) -> Reply;

const ENDPOINTS: &[(&str, &str, &str, Answer)] = &[
    (TOKEN, "POST", "^/identity/v1/oauth2/token$", login::token),
    (SHIPMENTS, "GET", "^/sell/fulfillment/v1/order/[^/]+/shipping_fulfillment$", orders::shipments),
    (SINGLE, "GET", "^/sell/fulfillment/v1/order/[^/]+$", orders::single),
    (PUSH, "POST", "^/sell/inventory/v1/bulk_update_price_quantity$", inventory::bulk_update),
    (READ, "POST", "^/sell/inventory/v1/bulk_get_inventory_item$", inventory::bulk_get),
    (OFFERS, "GET", "^/sell/inventory/v1/offer$", inventory::offers),
    (ITEMS, "GET", "^/sell/inventory/v1/inventory_item$", inventory::items),
    (USER, "GET", "^/commerce/identity/v1/user/$", account::user),
    (PROGRAMS, "GET", "^/sell/account/v1/program/get_opted_in_programs$", account::programs),
    (RATES, "GET", "^/developer/analytics/v1_beta/rate_limit/$", account::rates),
];

impl EbayFake {
    async fn start(options: FakeOptions) -> Self {
        let book = Book::new(options.env.clone(), ids(&options.shop), Duration::ZERO);
        let shop = Arc::new(Shop::new(book.clone(), &options.shop));
        let account = format!("ebay-{}", options.shop);
        let server = FakeServer::start(book, &options, &CARD, CLIENT_ID, &account, Box::new(EbayDialect)).await;
        let fake = Self { shop, server };
        fake.mount().await;
        fake
    }

    async fn mount(&self) {
        for (operation, method, path, answer) in ENDPOINTS {
            let shop = self.shop.clone();
            self.server.endpoint(operation, method, path, move |visit| answer(&shop, visit)).await;
        }
        // One address for both: orderIds makes eBay overlook everything else.
        let path = "^/sell/fulfillment/v1/order$";
        let asks_by_id = |request: &Request| request.url.query_pairs().any(|(name, _)| name == "orderIds");
        let shop = self.shop.clone();
        self.server.endpoint_where(ORDER, "GET", path, asks_by_id, move |visit| orders::by_ids(&shop, visit)).await;
        let shop = self.shop.clone();
        let searches = move |request: &Request| !asks_by_id(request);
        self.server.endpoint_where(SEARCH, "GET", path, searches, move |visit| orders::search(&shop, visit)).await;
    }
}

impl FakeMall for EbayFake {
    fn book(&self) -> &Book {
        &self.shop.book
    }

    fn settings(&self, channel: &str) -> Settings {
        let credentials = [
            ("client_id", CLIENT_ID.to_owned()),
            ("client_secret", self.shop.client_secret()),
            ("refresh_token", self.shop.refresh_token()),
        ];
        Settings {
            channel: channel.to_owned(),
            base_url: Some(self.server.uri()),
            auth_url: Some(self.server.uri()),
            credentials: credentials.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect(),
            options: BTreeMap::new(),
        }
    }

    fn mall_key(&self, n: usize) -> String {
        let name = &self.shop.name;
        match n % 4 {
            0 => format!("TEA-{name}-{n:04}"),
            1 => format!("tea {name}/{n}"),
            2 => format!("緑茶-{name}+{n}"),
            _ => format!("100%&tea#{name}?{n}"),
        }
    }

    fn spelling(&self, key: &str) -> String {
        format!(" {key}\u{3000}")
    }

    fn shop_name(&self) -> Option<String> {
        Some(self.shop.seller())
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        self.shop.record(key)?;
        let (jan, title) = (Some("4900000000016".to_owned()), Some(inventory::title(key)));
        Some(Listed { key: key.to_owned(), code: None, jan, title })
    }

    fn redirect(&self) -> String {
        self.shop.ru_name()
    }

    fn consent_code(&self, redirect: &str) -> Option<String> {
        (redirect == self.shop.ru_name()).then(|| self.shop.issue_code())
    }

    /// Unpaid purchases show nowhere, so the fake has no stage for them.
    fn stages(&self) -> &'static [Stage] {
        &[Stage::Ready, Stage::Requested]
    }

    fn expressible(&self, mut order: Order) -> Order {
        let updated_at = self.shop.stated(order.updated_at.unwrap_or(order.placed_at));
        let cancelled = orders::is_cancelled(&order);
        order.family = None;
        order.placed_at = self.shop.stated(order.placed_at);
        order.updated_at = Some(updated_at);
        order.revision = Some(updated_at.as_millisecond());
        order.fulfilled_by = FulfilledBy::Seller;
        for line in &mut order.lines {
            // Orders are cancelled as a whole or not at all.
            line.cancelled = if cancelled { line.ordered - line.shipped.min(line.ordered) } else { 0 };
            line.returned = 0;
            line.restored = Restored::Unknown;
            (line.shipped_at, line.original) = (None, None);
        }
        order
    }

    fn expire_credentials(&self) {
        self.shop.revoke(true);
    }

    fn renew_credentials(&self) {
        self.shop.revoke(false);
    }

    fn switches(&self) -> &'static [&'static str] {
        SWITCHES
    }

    fn set_switch(&self, name: &str, on: bool) {
        self.shop.turn(name, on);
    }
}

/// `12-34567-00001`, from different ranges for different shops.
fn ids(shop: &str) -> IdMaker {
    const MAKERS: [IdMaker; 4] = [
        |n, at| order_id(9, n, at),
        |n, at| order_id(12, n, at),
        |n, at| order_id(17, n, at),
        |n, at| order_id(26, n, at),
    ];
    let sum: usize = shop.bytes().map(usize::from).sum();
    MAKERS[sum % MAKERS.len()]
}

fn order_id(range: u64, n: u64, placed_at: Timestamp) -> String {
    let moment = placed_at.as_second().unsigned_abs() % 100_000;
    format!("{range:02}-{moment:05}-{:05}", n % 100_000)
}
