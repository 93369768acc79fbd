//! The wiremock server around a fake: counts requests, acts out faults, and leaves the rest to the mall.

use std::{sync::Arc, time::Duration};

use jiff::fmt::rfc2822::DateTimePrinter;
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate, http::Method, matchers};

use super::{Book, FakeOptions, Fault, Meters};
use crate::card::{Card, QuotaCard, Scope};

/// Longer than any deadline that tests and the demo give a request.
const HANG: Duration = Duration::from_secs(8);

/// An answer as the mall composes it.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub mime: &'static str,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, headers: Vec::new(), mime: "application/json", body: body.to_string().into_bytes() }
    }

    pub fn xml(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), mime: "application/xml; charset=UTF-8", body: body.into().into_bytes() }
    }

    pub fn html(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), mime: "text/html; charset=UTF-8", body: body.into() }
    }

    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), mime: "text/plain", body: Vec::new() }
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

impl From<Reply> for ResponseTemplate {
    fn from(reply: Reply) -> Self {
        let mut template = Self::new(reply.status);
        if reply.status != 204 {
            template = template.set_body_raw(reply.body, reply.mime);
        }
        for (name, value) in &reply.headers {
            template = template.append_header(name.as_str(), value.as_str());
        }
        template
    }
}

/// How this mall words the answers that every mall has.
pub trait Dialect: Send + Sync {
    fn throttled(&self, operation: &str, retry_after: Option<u64>) -> Reply;
    fn maintenance(&self, operation: &str) -> Reply;
    /// The credentials are refused although they were right a moment ago.
    fn expired(&self, operation: &str) -> Reply;
    /// 500, 502, 503, 504 and the like.
    fn broken(&self, operation: &str, status: u16) -> Reply;
}

/// What the mall's handler is told beside the request.
pub struct Visit<'a> {
    pub request: &'a Request,
    /// A fault about content that the handler acts out.
    pub fault: Option<Fault>,
    endpoint: &'a Endpoint,
}

impl Visit<'_> {
    pub fn has(&self, fault: &Fault) -> bool {
        self.fault.as_ref() == Some(fault)
    }

    /// This request took so many points of a budget, instead of what the card reckons.
    pub fn took(&self, budget: &str, points: u32) {
        let Endpoint { around, operation, .. } = self.endpoint;
        let costs = around.card.operation(operation).map_or(&[][..], |operation| operation.costs);
        let reckoned = costs.iter().find(|(name, _)| *name == budget).map(|(_, points)| *points);
        if let (Some(reckoned), Some(quota)) = (reckoned, around.quota(budget)) {
            around.meters.settle(around.scope_of(quota), quota, (reckoned, points), around.book.env());
        }
    }

    /// What is left of a quota or budget now, for malls that name it in their answers.
    pub fn left(&self, quota: &str) -> u32 {
        let around = &self.endpoint.around;
        let left = |quota| around.meters.left(around.scope_of(quota), quota, around.book.env());
        around.quota(quota).map_or(0, left)
    }
}

type Handler = Arc<dyn Fn(&Visit<'_>) -> Reply + Send + Sync>;

pub struct FakeServer {
    /// Always there, until it is dropped.
    server: Option<MockServer>,
    around: Arc<Around>,
}

struct Around {
    book: Book,
    meters: Arc<Meters>,
    card: &'static Card,
    /// What stands for the shared credential, so that two shops can share a quota.
    scope: String,
    shop: String,
    dialect: Box<dyn Dialect>,
}

impl FakeServer {
    /// `scope` names who shares the mall's credential-scoped quotas, `shop` this shop's own.
    pub async fn start(
        book: Book,
        options: &FakeOptions,
        card: &'static Card,
        scope: &str,
        shop: &str,
        dialect: Box<dyn Dialect>,
    ) -> Self {
        let mut builder = MockServer::builder().disable_request_recording();
        if let Some(listener) = &options.listener {
            builder = builder.listener(listener.try_clone().expect("a socket that is open"));
        }
        let server = builder.start().await;
        let elsewhere = book.clone();
        let lost = move |request: &Request| {
            elsewhere.answered(&format!("{} {}", request.method, request.url.path()), Some(404));
            ResponseTemplate::new(404)
        };
        Mock::given(matchers::any()).respond_with(lost).with_priority(u8::MAX).mount(&server).await;
        let (meters, scope, shop) = (options.meters.clone(), scope.to_owned(), shop.to_owned());
        Self { server: Some(server), around: Arc::new(Around { book, meters, card, scope, shop, dialect }) }
    }

    fn server(&self) -> &MockServer {
        self.server.as_ref().expect("taken only by drop")
    }

    pub fn uri(&self) -> String {
        self.server().uri()
    }

    /// Answers requests with this method whose path matches the regular expression.
    pub async fn endpoint<H>(&self, operation: &'static str, method: &str, path: &str, handler: H)
    where
        H: Fn(&Visit<'_>) -> Reply + Send + Sync + 'static,
    {
        self.endpoint_where(operation, method, path, |_: &Request| true, handler).await;
    }

    /// The same for a mall that has many operations at one address and tells them apart by something else.
    pub async fn endpoint_where<W, H>(&self, operation: &'static str, method: &str, path: &str, wanted: W, handler: H)
    where
        W: Fn(&Request) -> bool + Send + Sync + 'static,
        H: Fn(&Visit<'_>) -> Reply + Send + Sync + 'static,
    {
        let method: Method = method.parse().expect("an HTTP method");
        let wanted = Arc::new(wanted);
        let is_wanted = |wanted: &Arc<W>| {
            let wanted = wanted.clone();
            move |request: &Request| wanted(request)
        };
        let endpoint =
            Endpoint { around: self.around.clone(), operation, handler: Arc::new(handler), drawn: Arc::default() };
        // The first mock draws the request's fault and takes the requests whose connection is to break.
        let breaking = endpoint.clone();
        Mock::given(matchers::method(method.clone()))
            .and(matchers::path_regex(path))
            .and(is_wanted(&wanted))
            .and(endpoint.clone())
            .respond_with_err(move |request: &Request| breaking.break_off(request))
            .with_priority(1)
            .mount(self.server())
            .await;
        Mock::given(matchers::method(method))
            .and(matchers::path_regex(path))
            .and(is_wanted(&wanted))
            .respond_with(endpoint)
            .with_priority(2)
            .mount(self.server())
            .await;
    }
}

impl Drop for FakeServer {
    /// wiremock waits for a lock of tokio's when it goes, and blocks the thread for that. In a task that has used up
    /// its share without waiting tokio grants nothing, so it would never end: it happens on another thread.
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            // It could only fail to verify expectations, and there are none.
            let _ = std::thread::spawn(move || drop(server)).join();
        }
    }
}

#[derive(Clone)]
struct Endpoint {
    around: Arc<Around>,
    operation: &'static str,
    handler: Handler,
    /// The fault drawn by the matcher for the responder. wiremock matches and responds under one lock.
    drawn: Arc<std::sync::Mutex<Option<Fault>>>,
}

impl Match for Endpoint {
    fn matches(&self, _request: &Request) -> bool {
        let fault = self.around.book.next_fault(self.operation);
        let closes = fault.as_ref().is_some_and(Fault::closes);
        *self.drawn.lock().expect("no panic happens under this lock") = fault;
        closes
    }
}

impl Respond for Endpoint {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let fault = self.drawn.lock().expect("no panic happens under this lock").take();
        let (reply, delay) = match self.counted() {
            true => self.act(request, fault),
            false => (self.around.dialect.throttled(self.operation, None), Duration::ZERO),
        };
        self.around.book.answered(self.operation, Some(reply.status));
        // The server below would name the machine's time, not the mall's.
        let now = DateTimePrinter::new().timestamp_to_rfc9110_string(&self.around.book.env().now());
        let now = now.expect("a fake's time has a year of four digits");
        let answer = ResponseTemplate::from(reply).insert_header("date", now);
        if delay.is_zero() { answer } else { answer.set_delay(delay) }
    }
}

impl Endpoint {
    fn break_off(&self, request: &Request) -> std::io::Error {
        let fault = self.drawn.lock().expect("no panic happens under this lock").take();
        if self.counted() && fault == Some(Fault::CloseAfter) {
            (self.handler)(&Visit { request, fault: None, endpoint: self });
        }
        self.around.book.answered(self.operation, None);
        std::io::Error::from(std::io::ErrorKind::ConnectionReset)
    }

    /// The answer, and how long it is kept back (of the machine's time).
    fn act(&self, request: &Request, fault: Option<Fault>) -> (Reply, Duration) {
        let dialect = &self.around.dialect;
        let handle = |fault| (self.handler)(&Visit { request, fault, endpoint: self });
        let reply = match fault {
            Some(Fault::Hang) => return (Reply::empty(200), HANG),
            Some(Fault::HangAfter) => return (handle(None), HANG),
            Some(Fault::Delay(length)) => return (handle(None), length.div_f64(self.around.book.env().speed())),
            Some(Fault::Status(status)) => dialect.broken(self.operation, status),
            Some(Fault::StatusAfter(status)) => {
                handle(None);
                dialect.broken(self.operation, status)
            }
            Some(Fault::Throttle { retry_after }) => dialect.throttled(self.operation, retry_after),
            Some(Fault::Maintenance) => dialect.maintenance(self.operation),
            Some(Fault::MaintenancePage) => {
                Reply::html(503, "<!DOCTYPE html><html><body><h1>ただいまメンテナンス中です</h1></body></html>")
            }
            Some(Fault::Expired) => dialect.expired(self.operation),
            Some(Fault::Truncate) => {
                let mut reply = handle(None);
                reply.body.truncate(reply.body.len() / 2);
                reply
            }
            Some(Fault::BrokenCharacter) => {
                let mut reply = handle(None);
                break_character(&mut reply.body);
                reply
            }
            Some(Fault::Garbage(body)) => Reply { status: 200, headers: Vec::new(), mime: "application/json", body },
            other => handle(other),
        };
        (reply, Duration::ZERO)
    }

    fn counted(&self) -> bool {
        let around = &self.around;
        let Some(operation) = around.card.operation(self.operation) else { return true };
        let counted = operation.quotas.iter().map(|name| (*name, 1));
        let mut taken = counted.chain(operation.costs.iter().copied());
        taken.all(|(name, points)| {
            let take = |quota| around.meters.take(around.scope_of(quota), quota, points, around.book.env());
            around.quota(name).is_none_or(take)
        })
    }
}

impl Around {
    fn quota(&self, name: &str) -> Option<&'static QuotaCard> {
        self.card.quotas.iter().find(|quota| quota.name == name)
    }

    fn scope_of(&self, quota: &QuotaCard) -> &str {
        if quota.scope == Scope::Channel { &self.shop } else { &self.scope }
    }
}

/// In no encoding that malls use may this byte follow one that begins a character.
fn break_character(body: &mut [u8]) {
    if let Some(first) = body.iter().position(|byte| *byte >= 0x80)
        && let Some(second) = body.get_mut(first + 1)
    {
        *second = 0xff;
    }
}
