//! The fake of メルカリShops: the book behind GraphQL, as strict as the mall is said to be.

mod budget;
mod document;
mod service;
mod switches;
mod view;

use std::{future::Future, pin::Pin, sync::Arc};

use secrecy::SecretString;
use serde_json::{Value, json};
use uriba_sdk::{
    Listed, Order, Settings,
    fake::{Book, Dialect, FakeMall, FakeOptions, FakeServer, Notification, Reply, Stage, Visit},
};

use crate::card::{CARD, LIST, ORDER, SEARCH, SHOP, VARIANT, WRITE, WRITE_ONE};
use service::Service;

const CLIENT: &str = "URIBA_TESTERS";
const PATH: &str = "^/v1/graphql$";
/// What other tools of the shop leave of an hour, when they are at it.
const OTHERS_LEAVE: u32 = 60;

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(MercariFake::start(options).await) as Box<dyn FakeMall> })
}

struct MercariFake {
    server: FakeServer,
    service: Arc<Service>,
}

impl MercariFake {
    async fn start(options: FakeOptions) -> Self {
        let ids = |n, _| view::opaque(&format!("order {n}"));
        let book = Book::new(options.env.clone(), ids, CARD.orders.visibility_lag);
        let service = Arc::new(Service::new(book.clone(), &options));
        let words = Box::new(Words(service.clone()));
        let server = FakeServer::start(book, &options, &CARD, CLIENT, &options.shop, words).await;
        for operation in [SEARCH, ORDER, WRITE, WRITE_ONE, VARIANT, LIST, SHOP] {
            let asked =
                move |request: &wiremock::Request| service::operation(&request.body).as_deref() == Some(operation);
            let answering = service.clone();
            let answer = move |visit: &Visit<'_>| answering.answer(visit);
            server.endpoint_where(operation, "POST", PATH, asked, answer).await;
        }
        // Whatever is none of these is refused, not lost.
        let stray = |request: &wiremock::Request| {
            service::operation(&request.body).is_none_or(|name| CARD.operation(&name).is_none())
        };
        let answering = service.clone();
        server.endpoint_where("none", "POST", PATH, stray, move |visit| answering.answer(visit)).await;
        Self { server, service }
    }
}

impl FakeMall for MercariFake {
    fn book(&self) -> &Book {
        &self.service.book
    }

    fn settings(&self, channel: &str) -> Settings {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let credentials =
            [("token".into(), secret(&self.service.token)), ("client_name".into(), secret(CLIENT))].into();
        Settings { channel: channel.into(), base_url: Some(self.server.uri()), credentials, ..Settings::default() }
    }

    fn mall_key(&self, n: usize) -> String {
        view::key(&self.service.shop, n)
    }

    /// People copy codes with what surrounds them, or take the variant's id from the address of its page.
    fn spelling(&self, key: &str) -> String {
        if key.ends_with("-bk") { view::variant_id(key) } else { format!(" {key}\u{3000}") }
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unpaid, Stage::Ready, Stage::Requested]
    }

    fn expressible(&self, order: Order) -> Order {
        view::expressible(order)
    }

    fn shop_name(&self) -> Option<String> {
        Some(self.service.name())
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        Some(view::listed(key))
    }

    /// The form is made up: the mall's was not seen, and nothing in it is believed.
    fn notification(&self, order: &str) -> Option<Notification> {
        let body = json!({"topic": "ORDER_CREATED", "order": {"id": order}}).to_string().into_bytes();
        let headers = vec![("content-type".into(), "application/json".into())];
        Some(Notification { headers, body, signed: false })
    }

    fn expire_credentials(&self) {
        self.service.switches.set("token-deleted", true);
    }

    fn renew_credentials(&self) {
        self.service.switches.set("token-deleted", false);
    }

    fn switches(&self) -> &'static [&'static str] {
        switches::UNCERTAIN
    }

    fn set_switch(&self, name: &str, on: bool) {
        if name == "other-tools" && on {
            self.service.budget.others_spend(crate::card::POINTS_PER_HOUR - OTHERS_LEAVE, self.service.book.env());
        }
        self.service.switches.set(name, on);
    }
}

/// How the mall words what every mall has.
struct Words(Arc<Service>);

impl Dialect for Words {
    fn throttled(&self, _operation: &str, retry_after: Option<u64>) -> Reply {
        self.0.throttled(retry_after.map(std::time::Duration::from_secs))
    }

    /// Not documented: as a mall in front of whose service something says so.
    fn maintenance(&self, _operation: &str) -> Reply {
        Reply::json(503, &fault("UNAVAILABLE", "under maintenance"))
    }

    fn expired(&self, _operation: &str) -> Reply {
        Reply::json(401, &fault("UNAUTHENTICATED", "invalid token"))
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        Reply { status, headers: Vec::new(), mime: "text/plain", body: b"upstream connect error".to_vec() }
    }
}

fn fault(code: &str, message: &str) -> Value {
    json!({"errors": [{"message": message, "extensions": {"code": code}}], "data": null})
}
