//! Sample Mall's fake: the reverse mapper. It writes the common [`Book`] in the mall's words and reads the
//! hub's requests as strictly as the mall's documentation (this crate's README) says that the mall does.

// scaffold+ #![expect(unused, reason = "not all of it is written yet")]

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use uriba_sdk::{
    FulfilledBy, Line, Listed, Order, Restored, Settings,
    env::Url,
    fake::{
        Book, BookOrder, Dialect, FakeMall, FakeOptions, FakeServer, Fault, Item, Notification, Reply, Stage, Visit,
    },
};

use crate::{
    card::{CARD, ITEMS_MAX, QUANTITY_MAX, WRITES_MAX},
    orders::{instant, local},
    shop::SIGNATURE,
};

const PAGE: usize = 50;
const APP: &str = "app-4711";

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(SampleFake::start(options).await) as Box<dyn FakeMall> })
}

struct SampleFake {
    book: Book,
    server: FakeServer,
    shop: String,
    locked_out: Arc<AtomicBool>,
}

impl SampleFake {
    async fn start(options: FakeOptions) -> Self {
        let book = Book::new(options.env.clone(), |n, _| format!("S26-{n:06}"), CARD.orders.visibility_lag);
        let server = FakeServer::start(book.clone(), &options, &CARD, APP, &options.shop, Box::new(Words)).await;
        let locked_out = Arc::<AtomicBool>::default();
        let endpoints: [(_, _, _, Handler); 6] = [
            ("orders.search", "GET", "^/v1/orders$", search),
            ("orders.get", "POST", "^/v1/orders/lookup$", lookup),
            ("stock.push", "POST", "^/v1/stock$", push),
            ("stock.read", "POST", "^/v1/stock/lookup$", read),
            ("items.list", "GET", "^/v1/items$", list),
            ("shop.get", "GET", "^/v1/shop$", shop),
        ];
        for (operation, method, path, handler) in endpoints {
            let (book, locked_out, key) = (book.clone(), locked_out.clone(), key(&options.shop));
            let answer = move |visit: &Visit<'_>| {
                let admitted = !locked_out.load(Ordering::Relaxed) && is_admitted(visit, &key);
                let answered = if admitted { handler(&book, visit) } else { Err((401, "bad_key")) };
                answered.map_or_else(|(status, code)| fault(status, code), |body| Reply::json(200, &body))
            };
            server.endpoint(operation, method, path, answer).await;
        }
        Self { book, server, shop: options.shop, locked_out }
    }
}

impl FakeMall for SampleFake {
    fn book(&self) -> &Book {
        &self.book
    }

    fn settings(&self, channel: &str) -> Settings {
        let secret = |text: String| SecretString::from(text);
        Settings {
            channel: channel.into(),
            base_url: Some(self.server.uri()),
            credentials: [("app".into(), secret(APP.into())), ("key".into(), secret(key(&self.shop)))].into(),
            ..Settings::default()
        }
    }

    fn mall_key(&self, n: usize) -> String {
        let colour = if n % 2 == 1 { "/red" } else { "" };
        format!("{}-tea-{n:04}{colour}", self.shop)
    }

    fn spelling(&self, key: &str) -> String {
        format!(" {}", key.to_uppercase())
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unpaid, Stage::Ready, Stage::OnHold, Stage::PreOrder, Stage::Screening, Stage::Requested]
    }

    /// Whole seconds, no families, no quantity from before a change, no word on what was put back.
    fn expressible(&self, mut order: Order) -> Order {
        let seconds = |time| instant(&local(time)).unwrap_or(time);
        order.family = None;
        order.placed_at = seconds(order.placed_at);
        order.updated_at = order.updated_at.map(seconds);
        for line in &mut order.lines {
            line.shipped_at = line.shipped_at.map(seconds);
            line.original = None;
            line.restored = Restored::Unknown;
        }
        order
    }

    fn shop_name(&self) -> Option<String> {
        Some(shop_name(key(&self.shop).as_str()))
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        let (jan, title) = (jan(key), Some(title(key)));
        Some(Listed { key: key.into(), code: None, jan, title })
    }

    fn notification(&self, order: &str) -> Option<Notification> {
        self.notification_of(json!({"order": order, "what": "changed"}).to_string().as_bytes())
    }

    fn notification_of(&self, body: &[u8]) -> Option<Notification> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key(&self.shop).as_bytes()).ok()?;
        mac.update(body);
        let signature = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Notification { headers: vec![(SIGNATURE.into(), signature)], body: body.to_vec(), signed: true })
    }

    fn expire_credentials(&self) {
        self.locked_out.store(true, Ordering::Relaxed);
    }

    fn renew_credentials(&self) {
        self.locked_out.store(false, Ordering::Relaxed);
    }
}

/// How the mall words what every mall has.
struct Words;

impl Dialect for Words {
    fn throttled(&self, _operation: &str, retry_after: Option<u64>) -> Reply {
        let reply = fault(429, "too_many_requests");
        retry_after.iter().fold(reply, |reply, seconds| reply.with_header("retry-after", seconds.to_string()))
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        let body = json!({"error": {"code": "closed", "message": "back soon", "until": "2026-11-20T12:00:00"}});
        Reply::json(503, &body)
    }

    fn expired(&self, _operation: &str) -> Reply {
        fault(401, "bad_key")
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        fault(status, "our_fault")
    }
}

type Handler = fn(&Book, &Visit<'_>) -> Answered;

/// The answer's body, or status and code of a refusal.
type Answered = Result<Value, (u16, &'static str)>;

const BAD: (u16, &str) = (400, "bad_request");

fn search(book: &Book, visit: &Visit<'_>) -> Answered {
    // scaffold: Err((501, "not written yet: fake::search"))
    let url = Url::parse(visit.request.url.as_str()).map_err(|_| BAD)?;
    let mut asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
    let (from, to) = (asked.remove("from").ok_or(BAD)?, asked.remove("to").ok_or(BAD)?);
    let (open, page) = (asked.remove("open"), asked.remove("page"));
    let (Ok(first), Ok(last)) = (instant(&from), instant(&to)) else { return Err(BAD) };
    let span = last.duration_since(first);
    let reach = SignedDuration::try_from(CARD.orders.reach).map_err(|_| BAD)?;
    let span_max = SignedDuration::try_from(CARD.orders.span_max).map_err(|_| BAD)?;
    let legal = !span.is_negative() && span <= span_max && book.now().duration_since(first) <= reach;
    if !legal || !asked.is_empty() || open.as_deref().is_some_and(|open| open != "1") {
        return Err(BAD);
    }
    let mut found = book.visible();
    found.retain(|found| {
        let changed = changed(found);
        from <= changed && changed <= to && (open.is_none() || !found.order.is_closed())
    });
    found.sort_by_key(place);
    // The token names the last order of the page before, so that a change in between moves nothing.
    if let Some(page) = page {
        found.retain(|found| place(found) > page);
    }
    let next = (found.len() > PAGE).then(|| place(&found[PAGE - 1]));
    found.truncate(PAGE);
    Ok(json!({"orders": rows(&found, visit), "next": next}))
}

fn lookup(book: &Book, visit: &Visit<'_>) -> Answered {
    // scaffold: Err((501, "not written yet: fake::lookup"))
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        numbers: Vec<String>,
    }
    let asked: Asked = body(visit)?;
    if asked.numbers.len() > CARD.orders.by_id_max {
        return Err(BAD);
    }
    let visible = book.visible();
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for number in asked.numbers {
        match visible.iter().find(|found| found.order.id == number) {
            Some(order) => found.push(order.clone()),
            None => unknown.push(number),
        }
    }
    Ok(json!({"orders": rows(&found, visit), "unknown": unknown}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    item: String,
    set: i64,
    #[serde(rename = "if")]
    expected: Option<i64>,
}

fn push(book: &Book, visit: &Visit<'_>) -> Answered {
    // scaffold: Err((501, "not written yet: fake::push"))
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        writes: Vec<Asked>,
    }
    let Body { writes } = body(visit)?;
    if writes.len() > WRITES_MAX {
        return Err((400, "too_many_writes"));
    }
    let results = writes.iter().enumerate().map(|(index, asked)| {
        if visit.has(&Fault::Partial) && index == 0 {
            return json!({"item": asked.item, "refused": "busy"});
        }
        if visit.has(&Fault::Silent) {
            return json!({"item": asked.item, "quantity": asked.set});
        }
        match book.with_item(&asked.item, |item| write(item, asked)) {
            Some(Ok(quantity)) => json!({"item": asked.item, "quantity": quantity}),
            Some(Err((word, quantity))) => json!({"item": asked.item, "refused": word, "quantity": quantity}),
            None => json!({"item": asked.item, "refused": "no_such_item"}),
        }
    });
    Ok(json!({"results": results.collect::<Vec<_>>()}))
}

/// One write within one look at the item: a shopper can't come between the comparison and the setting.
fn write(item: &mut Item, asked: &Asked) -> Result<i64, (&'static str, i64)> {
    if item.not_ours {
        return Err(("ships_from_mall", item.counter));
    }
    if !(0..=QUANTITY_MAX).contains(&asked.set) {
        return Err(("out_of_range", item.counter));
    }
    if asked.expected.is_some_and(|expected| expected != item.counter) {
        return Err(("conflict", item.counter));
    }
    item.counter = item.keeps_at_most.map_or(asked.set, |most| asked.set.min(most));
    item.submitted = asked.set;
    Ok(item.counter)
}

fn read(book: &Book, visit: &Visit<'_>) -> Answered {
    // scaffold: Err((501, "not written yet: fake::read"))
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        items: Vec<String>,
    }
    let asked: Asked = body(visit)?;
    if asked.items.len() > CARD.reads.as_ref().map_or(0, |way| way.batch_max) {
        return Err(BAD);
    }
    let shown = asked.items.iter().filter_map(|key| Some((key, book.item(key)?))).map(|(key, item)| {
        json!({
            "item": key,
            "quantity": item.counter,
            "unlimited": item.unlimited,
            "sells_past_zero": item.sells_past_zero,
            "ships_from": if item.not_ours { "mall" } else { "shop" },
        })
    });
    Ok(json!({"items": shown.collect::<Vec<_>>()}))
}

fn list(book: &Book, visit: &Visit<'_>) -> Answered {
    // scaffold: Err((501, "not written yet: fake::list"))
    let url = Url::parse(visit.request.url.as_str()).map_err(|_| BAD)?;
    let mut asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
    let page = asked.remove("page");
    if !asked.is_empty() {
        return Err(BAD);
    }
    let mut keys: Vec<_> = book.items().into_iter().map(|(key, _)| key).collect();
    keys.retain(|key| page.as_ref().is_none_or(|page| key > page));
    let max = ITEMS_MAX as usize;
    let next = (keys.len() > max).then(|| keys[max - 1].clone());
    keys.truncate(max);
    visit.took("points", keys.len().max(1) as u32);
    let items: Vec<_> = keys.iter().map(|key| json!({"item": key, "jan": jan(key), "title": title(key)})).collect();
    Ok(json!({"items": items, "next": next}))
}

fn shop(_book: &Book, visit: &Visit<'_>) -> Answered {
    // scaffold: Err((501, "not written yet: fake::shop"))
    let key = header(visit, "authorization").and_then(|value| value.strip_prefix("Bearer ")).ok_or(BAD)?;
    Ok(json!({"shop": shop_name(key), "key_ends": "2029-06-01T00:00:00"}))
}

/// Every other item has one.
fn jan(key: &str) -> Option<String> {
    let number: u32 = key.split_once("-tea-")?.1.get(..4)?.parse().ok()?;
    number.is_multiple_of(2).then(|| format!("49000000{number:05}"))
}

fn title(key: &str) -> String {
    format!("煎茶①「髙千穂」{key}")
}

fn shop_name(key: &str) -> String {
    format!("見本茶舗 {}", key.split('-').nth(1).unwrap_or_default())
}

fn rows(found: &[BookOrder], visit: &Visit<'_>) -> Vec<Value> {
    let mut rows: Vec<_> = found.iter().map(|found| encode(found, visit)).collect();
    match visit.fault {
        Some(Fault::DuplicateRows) => rows = rows.into_iter().flat_map(|row| [row.clone(), row]).collect(),
        Some(Fault::ShuffleRows) => rows.reverse(),
        _ => {}
    }
    rows
}

fn encode(found: &BookOrder, visit: &Visit<'_>) -> Value {
    // scaffold: json!({"not written yet": "fake::encode"})
    let stale = found.before.as_deref().filter(|_| visit.has(&Fault::StaleRows));
    let order = stale.unwrap_or(&found.order);
    let state = match found.stage {
        _ if visit.has(&Fault::UnknownStatus) => "in_orbit",
        _ if order.is_closed() => "closed",
        Stage::Unpaid => "awaiting_payment",
        Stage::Ready => "to_ship",
        Stage::OnHold => "on_hold",
        Stage::PreOrder => "preorder",
        Stage::Screening => "under_review",
        Stage::Requested => "change_requested",
    };
    json!({
        "number": order.id,
        "version": order.revision,
        "placed": local(order.placed_at),
        "changed": order.updated_at.map(local),
        "state": state,
        "ships_from": if order.fulfilled_by == FulfilledBy::Mall { "mall" } else { "shop" },
        "buyer": {"name": "見本 花子", "mail": "hanako@example.com"},
        "lines": order.lines.iter().map(encode_line).collect::<Vec<_>>(),
    })
}

fn encode_line(line: &Line) -> Value {
    // scaffold: json!({"not written yet": "fake::encode_line"})
    json!({
        "line": line.id,
        "item": line.mall_key,
        "units": line.ordered,
        "cancelled": line.cancelled,
        "sent": line.shipped,
        "came_back": line.returned,
        "sent_on": line.shipped_at.map(local),
    })
}

fn changed(found: &BookOrder) -> String {
    local(found.order.updated_at.unwrap_or(found.order.placed_at))
}

/// Where an order stands among all: times as the mall writes them sort like instants.
fn place(found: &BookOrder) -> String {
    format!("{}_{}", changed(found), found.order.id)
}

fn body<T: for<'de> Deserialize<'de>>(visit: &Visit<'_>) -> Result<T, (u16, &'static str)> {
    if header(visit, "content-type") != Some("application/json") {
        return Err((415, "not_json"));
    }
    serde_json::from_slice(&visit.request.body).map_err(|_| BAD)
}

fn is_admitted(visit: &Visit<'_>, key: &str) -> bool {
    header(visit, "authorization") == Some(&format!("Bearer {key}")) && header(visit, "x-app") == Some(APP)
}

fn header<'a>(visit: &'a Visit<'_>, name: &str) -> Option<&'a str> {
    visit.request.headers.get(name)?.to_str().ok()
}

fn fault(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": "see the documentation"}}))
}

fn key(shop: &str) -> String {
    format!("shop-{shop}-8f14e45fceea167a")
}
