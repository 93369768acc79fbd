//! What stands between the hub and the program: the faults of the line, and a book that the shop's file is made from.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use secrecy::SecretString;
use serde_json::{Value, json};
use uriba_sdk::{
    FulfilledBy, Order, Restored, Settings,
    fake::{Book, BookOrder, FakeMall, FakeOptions, FakeServer, Reply, Stage, Visit},
};
use uriba_sidecar::{CARD, fake::Words};

use crate::program::Program;

/// Operations and their paths, as `openapi.yaml` has them.
const QUESTIONS: [(&str, &str); 8] = [
    ("hello", "/hello"),
    ("orders.search", "/pull"),
    ("orders.get", "/orders"),
    ("stock.push", "/push"),
    ("stock.read", "/read"),
    ("listings.resolve", "/resolve"),
    ("stock.tickets", "/tickets"),
    ("listings.list", "/catalogue"),
];

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(Front::start(options).await) as Box<dyn FakeMall> })
}

struct Front {
    server: FakeServer,
    shop: Arc<Shop>,
}

struct Shop {
    name: String,
    book: Book,
    program: Program,
    locked_out: AtomicBool,
    /// The shop's file is laid out, asked about and read back by one question at a time.
    one: Mutex<()>,
}

impl Front {
    async fn start(options: FakeOptions) -> Self {
        let book = Book::new(options.env.clone(), |n, _| format!("T-{n:06}"), CARD.orders.visibility_lag);
        let program = Program::start(&options.shop);
        let token = program.token.clone();
        let server = FakeServer::start(book.clone(), &options, &CARD, &token, &options.shop, Box::new(Words)).await;
        let (locked_out, one) = (AtomicBool::new(false), Mutex::default());
        let shop = Arc::new(Shop { name: options.shop, book, program, locked_out, one });
        for (operation, path) in QUESTIONS {
            let shop = shop.clone();
            let handler = move |visit: &Visit<'_>| shop.hand_on(path, visit);
            server.endpoint(operation, "POST", &format!("^{path}$"), handler).await;
        }
        Self { server, shop }
    }
}

impl Shop {
    fn hand_on(&self, path: &str, visit: &Visit<'_>) -> Reply {
        let _one = self.one.lock().unwrap();
        self.program.lay_out(&self.state());
        let bearer = visit.request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let locked_out = self.locked_out.load(Ordering::Relaxed);
        let bearer = bearer.filter(|_| !locked_out).unwrap_or("Bearer of-somebody-else");
        let (status, body) = self.program.ask(path, bearer, &visit.request.body);
        if path == "/push" {
            self.take_back(&self.program.state());
        }
        Reply { status, headers: Vec::new(), mime: "application/json", body }
    }

    /// The book as the shop's file.
    fn state(&self) -> Value {
        let item = |(key, item): (String, uriba_sdk::fake::Item)| {
            let n: usize = key.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or_default();
            let write = ["relative", "compare_and_set", "absolute"][n % 3];
            (key, json!({"count": item.counter, "write": write, "title": format!("茶 {n}")}))
        };
        let items: serde_json::Map<_, _> = self.book.items().into_iter().map(item).collect();
        let orders: Vec<_> = self.book.visible().iter().map(kept).collect();
        json!({"name": format!("tea-house-{}", self.name), "items": items, "orders": orders})
    }

    fn take_back(&self, state: &Value) {
        for (key, item) in self.book.items() {
            let count = state["items"][&key]["count"].as_i64().unwrap();
            if count != item.counter {
                self.book.set(&key, count);
            }
        }
    }
}

fn kept(found: &BookOrder) -> Value {
    let order = &found.order;
    let row = |line: &uriba_sdk::Line| {
        json!({
            "row": line.id,
            "item": line.mall_key,
            "units": line.ordered,
            "cancelled": line.cancelled,
            "sent": line.shipped,
            "back": line.returned,
            "sent_at": line.shipped_at.map(|at| at.as_second()),
        })
    };
    json!({
        "number": order.id,
        "placed": order.placed_at.as_second(),
        "changed": order.updated_at.unwrap_or(order.placed_at).as_second(),
        "split_from": order.family.as_ref().map(|family| &family.id),
        "rows": order.lines.iter().map(row).collect::<Vec<_>>(),
    })
}

impl FakeMall for Front {
    fn book(&self) -> &Book {
        &self.shop.book
    }

    fn settings(&self, channel: &str) -> Settings {
        let token = SecretString::from(self.shop.program.token.clone());
        Settings {
            channel: channel.into(),
            base_url: Some(self.server.uri()),
            credentials: [("token".into(), token)].into(),
            ..Settings::default()
        }
    }

    fn mall_key(&self, n: usize) -> String {
        format!("{}-tea-{n:04}", self.shop.name)
    }

    fn spelling(&self, key: &str) -> String {
        format!(" {}", key.to_uppercase())
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unpaid, Stage::Ready, Stage::OnHold, Stage::PreOrder, Stage::Screening, Stage::Requested]
    }

    /// Whole seconds, no revision, nothing of what a cancel put back, and all is sent by the shop.
    fn expressible(&self, mut order: Order) -> Order {
        let second = |at: jiff::Timestamp| jiff::Timestamp::from_second(at.as_second()).unwrap();
        (order.revision, order.fulfilled_by) = (None, FulfilledBy::Seller);
        order.updated_at = Some(second(order.updated_at.unwrap_or(order.placed_at)));
        order.placed_at = second(order.placed_at);
        for line in &mut order.lines {
            line.shipped_at = line.shipped_at.map(second);
            (line.restored, line.original) = (Restored::Unknown, None);
        }
        order
    }

    fn shop_name(&self) -> Option<String> {
        Some(format!("tea-house-{}", self.shop.name))
    }

    fn expire_credentials(&self) {
        self.shop.locked_out.store(true, Ordering::Relaxed);
    }

    fn renew_credentials(&self) {
        self.shop.locked_out.store(false, Ordering::Relaxed);
    }
}
