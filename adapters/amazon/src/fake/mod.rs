//! Amazon's fake: Login with Amazon, Orders 2026-01-01, Listings Items 2021-08-01, Feeds 2021-06-30 and Sellers v1 over
//! the common book.
//!
//! It is strict about what the model files state (parameters, the two-minute rule, page tokens bound to their
//! parameters and to a day, quantities) and acts out what makes Amazon awkward: a submission shows at once and
//! takes effect minutes later, over whatever was sold meanwhile. What nobody is sure of is a switch.

mod account;
mod feeds;
mod listings;
mod login;
mod notice;
mod orders;
mod reply;
mod shop;

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use jiff::Timestamp;
use uriba_sdk::{
    Listed, Order, Restored, Settings,
    fake::{Book, FakeMall, FakeOptions, FakeServer, IdMaker, Notification, Reply, Stage, Visit},
};

use orders::{State, state};
use reply::AmazonDialect;
use shop::{SWITCHES, Shop, Switch};

use crate::card::{
    ACCOUNT, CARD, FEED, FEED_DOWNLOAD, FEED_PLACE, FEED_REPORT, FEED_STATE, FEED_UPLOAD, JAPAN, LIST, ORDER, PUSH,
    READ, SEARCH, TOKEN,
};

/// Shops of one application share it; Amazon counts per selling account all the same.
const CLIENT_ID: &str = "amzn1.application-oa2-client.00000000000000000000000000000fab";

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(AmazonFake::start(options).await) as Box<dyn FakeMall> })
}

struct AmazonFake {
    shop: Arc<Shop>,
    server: FakeServer,
}

impl AmazonFake {
    async fn start(options: FakeOptions) -> Self {
        let book = Book::new(options.env.clone(), ids(&options.shop), std::time::Duration::ZERO);
        let shop = Arc::new(Shop::new(book.clone(), &options.shop));
        let account = format!("amazon-{}", options.shop);
        let server = FakeServer::start(book, &options, &CARD, CLIENT_ID, &account, Box::new(AmazonDialect)).await;
        shop.set_storage(server.uri());
        let fake = Self { shop, server };
        fake.mount().await;
        fake
    }

    async fn mount(&self) {
        let server = &self.server;
        let shop = self.shop.clone();
        server.endpoint(TOKEN, "POST", "^/auth/o2/token$", move |visit| login::token(&shop, visit)).await;
        let shop = self.shop.clone();
        server.endpoint(SEARCH, "GET", "^/orders/2026-01-01/orders$", move |visit| orders::search(&shop, visit)).await;
        let shop = self.shop.clone();
        let path = "^/orders/2026-01-01/orders/[^/]+$";
        server.endpoint(ORDER, "GET", path, move |visit| orders::single(&shop, visit)).await;
        let shop = self.shop.clone();
        let path = "^/listings/2021-08-01/items/[^/]+$";
        let named = |request: &wiremock::Request| request.url.query_pairs().any(|(name, _)| name == "identifiers");
        server.endpoint_where(READ, "GET", path, named, move |visit| listings::search(&shop, visit)).await;
        let shop = self.shop.clone();
        server.endpoint(LIST, "GET", path, move |visit| listings::list(&shop, visit)).await;
        let shop = self.shop.clone();
        let path = "^/listings/2021-08-01/items/[^/]+/[^/]+$";
        server.endpoint(PUSH, "PATCH", path, move |visit| listings::patch(&shop, visit)).await;
        let shop = self.shop.clone();
        let path = "^/sellers/v1/marketplaceParticipations$";
        server.endpoint(ACCOUNT, "GET", path, move |visit| account::participations(&shop, visit)).await;
        self.mount_feeds().await;
        // Any other address (a SKU whose slash was not encoded, say) is "denied", not "not found".
        for method in ["GET", "PATCH", "PUT", "POST", "DELETE"] {
            server.endpoint("elsewhere", method, ".*", |_| reply::denied("")).await;
        }
    }
}

impl AmazonFake {
    async fn mount_feeds(&self) {
        type Handler = fn(&Shop, &Visit<'_>) -> Reply;
        let endpoints: [(&'static str, &str, &str, Handler); 6] = [
            (FEED_PLACE, "POST", "^/feeds/2021-06-30/documents$", feeds::place),
            (FEED, "POST", "^/feeds/2021-06-30/feeds$", feeds::create),
            (FEED_STATE, "GET", "^/feeds/2021-06-30/feeds/[^/]+$", feeds::state),
            (FEED_REPORT, "GET", "^/feeds/2021-06-30/documents/[^/]+$", feeds::document),
            (FEED_UPLOAD, "PUT", "^/presigned/[^/]+$", feeds::upload),
            (FEED_DOWNLOAD, "GET", "^/presigned/[^/]+$", feeds::download),
        ];
        for (operation, method, path, handler) in endpoints {
            let shop = self.shop.clone();
            self.server.endpoint(operation, method, path, move |visit| handler(&shop, visit)).await;
        }
    }
}

impl FakeMall for AmazonFake {
    fn book(&self) -> &Book {
        &self.shop.book
    }

    fn siblings(&self) -> BTreeMap<String, String> {
        [("lead_time_to_ship_max_days".to_owned(), "3".to_owned())].into()
    }

    fn settings(&self, channel: &str) -> Settings {
        let credentials = [
            ("client_id", CLIENT_ID.to_owned()),
            ("client_secret", self.shop.client_secret()),
            ("refresh_token", self.shop.refresh_token()),
            ("seller_id", self.shop.seller()),
            ("marketplace_id", JAPAN.to_owned()),
            ("hook_secret", self.shop.hook_secret()),
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
        match n % 5 {
            0 => format!("TEA-{name}-{n:04}"),
            1 => format!("tea {name}/{n}"),
            2 => format!("緑茶-{name}+{n}"),
            3 => format!("TEA,{name},{n}"),
            _ => format!("100%&tea#{name}?{n}"),
        }
    }

    fn spelling(&self, key: &str) -> String {
        format!(" {key}\u{3000}")
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unpaid, Stage::Ready, Stage::PreOrder, Stage::Requested]
    }

    fn expressible(&self, mut order: Order) -> Order {
        let updated_at = second(order.updated_at.unwrap_or(order.placed_at));
        let state = state(&order, Stage::Ready);
        order.family = None;
        order.placed_at = second(order.placed_at);
        order.updated_at = Some(updated_at);
        order.revision = Some(updated_at.as_millisecond());
        for line in &mut order.lines {
            if state != State::Cancelled && !self.shop.is_on(Switch::PartialCancelKeepsOrdered) {
                line.ordered -= line.cancelled;
                line.cancelled = 0;
            }
            if matches!(state, State::PartiallyShipped | State::Shipped)
                && self.shop.is_on(Switch::OmitsQuantityFulfilled)
            {
                // Without the fulfilled figure, what is not waiting reads as shipped.
                line.shipped += line.cancelled;
                line.cancelled = 0;
            }
            line.returned = 0;
            line.restored = Restored::Unknown;
            (line.shipped_at, line.original) = (None, None);
        }
        order
    }

    fn shop_name(&self) -> Option<String> {
        Some(format!("{} ({})", self.shop.store(), self.shop.seller()))
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        self.shop.book.item(key)?;
        let (code, jan, title) = (None, listings::jan(key), Some(listings::TITLE.to_owned()));
        Some(Listed { key: key.to_owned(), code, jan, title })
    }

    fn notification(&self, order: &str) -> Option<Notification> {
        notice::order_change(&self.shop, order)
    }

    fn notification_of(&self, body: &[u8]) -> Option<Notification> {
        Some(notice::signed(&self.shop, body))
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

/// Amazon's order times have whole seconds in every published example.
fn second(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}

/// `250-1234567-7654321`, from different ranges for different shops.
fn ids(shop: &str) -> IdMaker {
    const MAKERS: [IdMaker; 4] = [
        |n, at| order_id(249, n, at),
        |n, at| order_id(250, n, at),
        |n, at| order_id(251, n, at),
        |n, at| order_id(503, n, at),
    ];
    let sum: usize = shop.bytes().map(usize::from).sum();
    MAKERS[sum % MAKERS.len()]
}

fn order_id(range: u64, n: u64, placed_at: Timestamp) -> String {
    let moment = placed_at.as_second().unsigned_abs() % 10_000_000;
    format!("{range}-{moment:07}-{:07}", n % 10_000_000)
}
