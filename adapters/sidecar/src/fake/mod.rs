//! A program that speaks the protocol, over the common [`Book`]: the reverse mapper. It is as strict as `openapi.yaml`
//! lets a program be, and its switches are what the protocol leaves to the program.

mod orders;
mod shop;

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uriba_sdk::{
    Listed, Order, Settings,
    fake::{Book, Dialect, FakeMall, FakeOptions, FakeServer, Reply, Stage, Visit},
};

use crate::{
    card::{CARD, CATALOGUE, HELLO, ORDERS, PULL, PUSH, READ, RESOLVE, TICKETS},
    protocol::{HelloQuestion, PROTOCOL},
};

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(SidecarFake::start(options).await) as Box<dyn FakeMall> })
}

/// What the protocol leaves to the program.
const SWITCHES: [&str; 5] = ["whole_seconds", "all_or_nothing", "tickets_for_all", "bare", "deletes_cancelled"];

struct SidecarFake {
    program: Arc<Program>,
    server: FakeServer,
    shop: String,
}

/// The program's state beside the book.
struct Program {
    book: Book,
    token: String,
    shop: String,
    locked_out: AtomicBool,
    /// The shop keeps whole seconds and cuts the rest off.
    whole_seconds: AtomicBool,
    /// A bad entry keeps the whole batch from being written.
    all_or_nothing: AtomicBool,
    /// Every write is taken for later.
    tickets_for_all: AtomicBool,
    /// Nothing is said that need not be said.
    bare: AtomicBool,
    /// An order that isn't there was cancelled, if it ever was.
    deletes_cancelled: AtomicBool,
    tickets: Mutex<BTreeMap<String, (Timestamp, Value)>>,
}

impl Program {
    fn has(&self, switch: &AtomicBool) -> bool {
        switch.load(Ordering::Relaxed)
    }

    fn switch(&self, name: &str) -> Option<&AtomicBool> {
        let flags =
            [&self.whole_seconds, &self.all_or_nothing, &self.tickets_for_all, &self.bare, &self.deletes_cancelled];
        SWITCHES.into_iter().zip(flags).find(|(known, _)| *known == name).map(|(_, flag)| flag)
    }

    /// As the shop keeps it.
    fn kept(&self, instant: Timestamp) -> Timestamp {
        if !self.has(&self.whole_seconds) {
            return instant;
        }
        let second = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Floor);
        instant.round(second).unwrap_or(instant)
    }
}

impl SidecarFake {
    async fn start(options: FakeOptions) -> Self {
        let book = Book::new(options.env.clone(), |n, _| format!("T-{n:06}"), CARD.orders.visibility_lag);
        let token = format!("hub-{}-5f2b8c1e9d7a4036", options.shop);
        let program = Arc::new(Program {
            book: book.clone(),
            shop: format!("teahouse-{}", options.shop),
            locked_out: AtomicBool::new(false),
            whole_seconds: AtomicBool::new(false),
            all_or_nothing: AtomicBool::new(false),
            tickets_for_all: AtomicBool::new(false),
            bare: AtomicBool::new(false),
            deletes_cancelled: AtomicBool::new(false),
            tickets: Mutex::default(),
            token: token.clone(),
        });
        let server = FakeServer::start(book, &options, &CARD, &token, &options.shop, Box::new(Words)).await;
        let endpoints: [(_, _, Handler); 8] = [
            (HELLO, "^/hello$", hello),
            (PULL, "^/pull$", orders::pull),
            (ORDERS, "^/orders$", orders::by_id),
            (PUSH, "^/push$", shop::push),
            (READ, "^/read$", shop::read),
            (RESOLVE, "^/resolve$", shop::resolve),
            (TICKETS, "^/tickets$", shop::tickets),
            (CATALOGUE, "^/catalogue$", shop::catalogue),
        ];
        for (operation, path, handler) in endpoints {
            let program = program.clone();
            let answer = move |visit: &Visit<'_>| {
                let answered = if admits(&program, visit) { handler(&program, visit) } else { Err(refused()) };
                answered.unwrap_or_else(|reply| reply)
            };
            server.endpoint(operation, "POST", path, answer).await;
        }
        Self { program, server, shop: options.shop }
    }
}

impl FakeMall for SidecarFake {
    fn book(&self) -> &Book {
        &self.program.book
    }

    fn settings(&self, channel: &str) -> Settings {
        Settings {
            channel: channel.into(),
            base_url: Some(self.server.uri()),
            credentials: [("token".into(), SecretString::from(self.program.token.clone()))].into(),
            ..Settings::default()
        }
    }

    fn mall_key(&self, n: usize) -> String {
        shop::key(&self.shop, n)
    }

    fn spelling(&self, key: &str) -> String {
        format!(" {}", key.to_uppercase())
    }

    /// The protocol has no statuses: an order holds what is neither cancelled nor shipped.
    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unpaid, Stage::Ready, Stage::OnHold, Stage::PreOrder, Stage::Screening, Stage::Requested]
    }

    /// All of it, but for what a switch cuts off.
    fn expressible(&self, mut order: Order) -> Order {
        let program = &self.program;
        order.placed_at = program.kept(order.placed_at);
        order.updated_at = order.updated_at.map(|at| program.kept(at));
        for line in &mut order.lines {
            line.shipped_at = line.shipped_at.map(|at| program.kept(at));
        }
        if program.has(&program.bare) { orders::bare(order) } else { order }
    }

    fn shop_name(&self) -> Option<String> {
        Some(self.program.shop.clone())
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        (!self.program.has(&self.program.bare)).then(|| shop::listed(key))
    }

    fn expire_credentials(&self) {
        self.program.locked_out.store(true, Ordering::Relaxed);
    }

    fn renew_credentials(&self) {
        self.program.locked_out.store(false, Ordering::Relaxed);
    }

    fn switches(&self) -> &'static [&'static str] {
        &SWITCHES
    }

    fn set_switch(&self, name: &str, on: bool) {
        if let Some(flag) = self.program.switch(name) {
            flag.store(on, Ordering::Relaxed);
        }
    }
}

type Handler = fn(&Program, &Visit<'_>) -> Answered;

/// `Err` is an answer too: the one that ends the handler early.
type Answered = Result<Reply, Reply>;

fn hello(program: &Program, visit: &Visit<'_>) -> Answered {
    let _: HelloQuestion = question(visit)?;
    let mut body = json!({"program": "fake 1.0", "shop": program.shop});
    if !program.has(&program.bare) {
        body["notes"] = json!(["the shop hides an item at zero"]);
        body["token_ends"] = json!("2027-11-20T00:00:00+09:00");
    }
    good(body)
}

fn good(mut body: Value) -> Answered {
    body["protocol"] = json!(PROTOCOL);
    Ok(Reply::json(200, &body))
}

/// What isn't of the protocol is refused, a field too many included.
fn question<T: DeserializeOwned>(visit: &Visit<'_>) -> Result<T, Reply> {
    if header(visit, "content-type") != Some("application/json") {
        return Err(malformed("the content type is application/json"));
    }
    let body: Value = serde_json::from_slice(&visit.request.body).map_err(|error| malformed(&error.to_string()))?;
    if body["protocol"] != PROTOCOL {
        return Err(malformed("this program speaks protocol 1"));
    }
    serde_json::from_value(body).map_err(|error| malformed(&error.to_string()))
}

fn at_most<T>(most: usize, asked: &[T]) -> Result<(), Reply> {
    if (1..=most).contains(&asked.len()) { Ok(()) } else { Err(malformed("none, or too many at once")) }
}

fn malformed(why: &str) -> Reply {
    fault(400, json!({"class": "malformed", "message": why}))
}

fn refused() -> Reply {
    fault(401, json!({"class": "auth", "code": "token", "message": "another token is expected"}))
}

fn fault(status: u16, error: Value) -> Reply {
    Reply::json(status, &json!({"protocol": PROTOCOL, "error": error}))
}

fn admits(program: &Program, visit: &Visit<'_>) -> bool {
    let bearer = format!("Bearer {}", program.token);
    !program.has(&program.locked_out) && header(visit, "authorization") == Some(&bearer)
}

fn header<'a>(visit: &'a Visit<'_>, name: &str) -> Option<&'a str> {
    visit.request.headers.get(name)?.to_str().ok()
}

/// How the program words what every program has.
pub struct Words;

impl Dialect for Words {
    fn throttled(&self, _operation: &str, retry_after: Option<u64>) -> Reply {
        let mut error = json!({"class": "throttled", "message": "too fast for the shop"});
        if let Some(seconds) = retry_after {
            error["retry_after"] = json!(seconds);
        }
        fault(429, error)
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        fault(503, json!({"class": "maintenance", "until": "2026-11-20T12:00:00+09:00", "message": "back at noon"}))
    }

    fn expired(&self, _operation: &str) -> Reply {
        fault(401, json!({"class": "auth", "code": "shop", "message": "the shop refuses the program's key"}))
    }

    /// A program that breaks says so, if it can still say anything.
    fn broken(&self, _operation: &str, status: u16) -> Reply {
        match status {
            500 => fault(500, json!({"class": "transient", "applied": "unknown", "message": "see the program's log"})),
            _ => Reply::html(status, "<html><body>bad gateway</body></html>"),
        }
    }
}
