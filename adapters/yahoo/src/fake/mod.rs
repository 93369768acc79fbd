//! The stateful fake: the common book behind this mall's formats, and as strict as the mall is said to be.
//!
//! * [`service`] keeps what is asked before any content is looked at: tokens with their lives, the encrypted
//!   signature, registered addresses; and words the errors.
//! * [`orders`] answers orderList and orderInfo, [`stock`] getStock and setStock.
//! * [`mod@file`] writes the stock file.
//! * [`view`] is how the mall shows an order of the book, and what of it survives the format.
//!
//! Facts that nobody is sure of are switches; README, Uncertain, tells why each is one.

mod file;
mod orders;
mod service;
mod stock;
mod view;

use std::{future::Future, pin::Pin, sync::Arc};

use jiff::Timestamp;
use uriba_sdk::{
    Listed, Order, Settings,
    fake::{Book, FakeMall, FakeOptions, FakeServer, IdMaker, Stage},
};

use crate::card::CARD;
use service::{CLIENT_ID, CLIENT_SECRET, KEY_VERSION, Service, Words};
use view::View;

/// Order APIs refuse an address that is not registered.
pub const UNREGISTERED_IP: &str = "unregistered-ip";
/// The mall no longer accepts the store's public key.
pub const KEY_EXPIRED: &str = "public-key-expired";
/// The store is being published: no stock is written.
pub const PUBLISHING: &str = "publishing";
/// Too many requests are answered with 429 instead of 403.
pub const THROTTLES_WITH_429: &str = "throttles-with-429";
/// Maintenance is told by a code instead of by the general body.
pub const MAINTENANCE_BY_CODE: &str = "maintenance-by-code";
/// Errors are JSON, as once seen.
pub const ERRORS_IN_JSON: &str = "errors-in-json";
/// The children of a split carry `IsSplit`, not the order that was split.
pub const CHILDREN_CARRY_IS_SPLIT: &str = "children-carry-is-split";
/// The order that was split keeps its full `Quantity`.
pub const ORIGINAL_KEEPS_QUANTITY: &str = "original-keeps-quantity";
/// A split cancels the order and makes two new ones, as the page of orderSplit says.
pub const SPLIT_REPLACES_ORIGINAL: &str = "split-replaces-original";
/// Times without an offset.
pub const TIMES_WITHOUT_OFFSET: &str = "times-without-offset";
/// Times as `YYYYMMDDhhmmss`.
pub const TIMES_COMPACT: &str = "times-compact";
/// An order that the store doesn't have is refused, not answered with an empty result.
pub const UNKNOWN_ORDER_REFUSED: &str = "unknown-order-refused";
/// At most 100 rows per page, whatever is asked for.
pub const SMALL_PAGES: &str = "small-pages";
/// A relative write below zero leaves zero instead of being refused.
pub const BELOW_ZERO_CLAMPS: &str = "below-zero-clamps";
/// A relative write below zero leaves a negative figure.
pub const BELOW_ZERO_GOES_NEGATIVE: &str = "below-zero-goes-negative";
/// Stock is written, and the new figures can't be read back.
pub const FIGURES_UNREADABLE: &str = "figures-unreadable";

/// Each answer of the token endpoint gives another refresh token, as one client says.
pub const REFRESH_TOKEN_ROTATES: &str = "refresh-token-rotates";

/// A file is not there as soon as it is ordered.
pub const FILE_TAKES_A_WHILE: &str = "file-takes-a-while";

/// What nobody is sure of.
const SWITCHES: &[&str] = &[
    THROTTLES_WITH_429,
    MAINTENANCE_BY_CODE,
    ERRORS_IN_JSON,
    CHILDREN_CARRY_IS_SPLIT,
    ORIGINAL_KEEPS_QUANTITY,
    SPLIT_REPLACES_ORIGINAL,
    TIMES_WITHOUT_OFFSET,
    TIMES_COMPACT,
    UNKNOWN_ORDER_REFUSED,
    SMALL_PAGES,
    BELOW_ZERO_CLAMPS,
    BELOW_ZERO_GOES_NEGATIVE,
    FIGURES_UNREADABLE,
    REFRESH_TOKEN_ROTATES,
    FILE_TAKES_A_WHILE,
];

/// States that a store can come into. Turned on like switches, and not among them: the contract can't be kept in
/// each of them.
const STATES: &[&str] = &[UNREGISTERED_IP, KEY_EXPIRED, PUBLISHING];

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(Fake::start(options).await) as Box<dyn FakeMall> })
}

struct Fake {
    server: FakeServer,
    service: Arc<Service>,
    shop: String,
}

impl Fake {
    async fn start(options: FakeOptions) -> Self {
        let ids: IdMaker = if options.shop == "b" { |n, _| order_id("b", n) } else { |n, _| order_id("a", n) };
        let book = Book::new(options.env.clone(), ids, CARD.orders.visibility_lag);
        let service = Arc::new(Service::new(book.clone(), &options.shop));
        let words = Box::new(Words(service.clone()));
        let server = FakeServer::start(book, &options, &CARD, CLIENT_ID, &options.shop, words).await;
        let at = service.clone();
        server.endpoint("auth.token", "POST", "^/yconnect/v2/token$", move |visit| at.issue(visit.request)).await;
        let at = service.clone();
        let path = "^/ShoppingWebService/V1/orderList$";
        server.endpoint("orders.search", "POST", path, move |visit| orders::list(&at, visit)).await;
        let at = service.clone();
        let path = "^/ShoppingWebService/V1/orderInfo$";
        server.endpoint("orders.get", "POST", path, move |visit| orders::one(&at, visit)).await;
        let at = service.clone();
        let path = "^/ShoppingWebService/V1/setStock$";
        server.endpoint("stock.push", "POST", path, move |visit| stock::write(&at, visit)).await;
        let at = service.clone();
        let path = "^/ShoppingWebService/V1/getStock$";
        server.endpoint("stock.read", "POST", path, move |visit| stock::read(&at, visit)).await;
        let at = service.clone();
        let path = "^/ShoppingWebService/V1/orderCount$";
        server.endpoint("account.read", "GET", path, move |visit| orders::count(&at, visit)).await;
        let at = service.clone();
        let path = "^/ShoppingWebService/V1/downloadRequest$";
        server.endpoint("catalogue.order", "POST", path, move |visit| file::order(&at, visit)).await;
        let at = service.clone();
        let path = "^/ShoppingWebService/V1/downloadSubmit$";
        server.endpoint("catalogue.file", "GET", path, move |visit| file::fetch(&at, visit)).await;
        Self { server, service, shop: options.shop }
    }
}

impl FakeMall for Fake {
    fn book(&self) -> &Book {
        &self.service.book
    }

    fn settings(&self, channel: &str) -> Settings {
        let credentials = [
            ("client_id", CLIENT_ID.to_owned()),
            ("client_secret", CLIENT_SECRET.to_owned()),
            ("refresh_token", self.service.refresh_token.clone()),
            ("seller_id", self.service.seller_id.clone()),
            ("public_key", self.service.public_pem()),
            ("public_key_version", KEY_VERSION.to_owned()),
        ];
        Settings {
            channel: channel.to_owned(),
            base_url: Some(self.server.uri()),
            auth_url: Some(self.server.uri()),
            credentials: credentials.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect(),
            ..Settings::default()
        }
    }

    fn mall_key(&self, n: usize) -> String {
        let item = format!("tea-{}-{n:03}", self.shop);
        if n.is_multiple_of(2) { item } else { format!("{item}:{item}-red") }
    }

    fn spelling(&self, key: &str) -> String {
        key.to_uppercase().replace(':', "：")
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Ready, Stage::Unpaid, Stage::OnHold, Stage::PreOrder]
    }

    fn expressible(&self, order: Order) -> Order {
        View::of(&self.service).expressible(order)
    }

    fn shop_name(&self) -> Option<String> {
        Some(self.service.seller_id.clone())
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        self.service.book.item(key).map(|_| Listed { key: key.to_owned(), ..Listed::default() })
    }

    fn consent_code(&self, redirect: &str) -> Option<String> {
        Some(self.service.agree(redirect))
    }

    fn expire_credentials(&self) {
        self.service.state().revoked = true;
    }

    fn renew_credentials(&self) {
        let now: Timestamp = self.service.book.now();
        self.service.state().consent(now);
    }

    fn switches(&self) -> &'static [&'static str] {
        SWITCHES
    }

    fn set_switch(&self, name: &str, on: bool) {
        let Some(known) = SWITCHES.iter().chain(STATES).find(|known| **known == name) else { return };
        let switches = &mut self.service.state().switches;
        if on {
            switches.insert(known);
        } else {
            switches.remove(known);
        }
    }
}

fn order_id(shop: &str, n: u64) -> String {
    format!("{}-{}", service::seller_id(shop), 10_000_000 + n)
}
