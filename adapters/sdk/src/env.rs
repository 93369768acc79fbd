//! The outside world as one injected value: clock, sleep, ids, randomness and HTTP.
//!
//! Nothing else in uriba reads a clock, draws a random number or opens a socket to a mall. That is what lets
//! the demo run a mall's day in minutes, tests run it in none, and a simulator own all of it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rand::RngCore;
use uuid::Uuid;

// What a request is made of, so that adapters need no HTTP crate of their own.
pub use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

/// How long a mall may take to answer before the outcome counts as unknown.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Answers beyond this size are refused: no order page of any known mall comes near it.
pub const BODY_BYTES_MAX: usize = 32 << 20;
const NO_ROOTS: &str = "no root certificates were found on this machine, so no mall's certificate can be checked: \
                        install the package ca-certificates (or name a file of them in SSL_CERT_FILE) and start again";

#[async_trait]
pub trait Env: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Time since this environment began; never goes back.
    fn elapsed(&self) -> Duration;

    async fn sleep(&self, length: Duration);

    fn fill(&self, bytes: &mut [u8]);

    /// How many of this clock's seconds pass in one of the machine's.
    fn speed(&self) -> f64 {
        1.0
    }

    /// An id that sorts by this clock.
    fn id(&self) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// One exchange: never follows a redirect, never waits longer than the deadline.
    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError>;
}

/// A request as an adapter composes it.
#[derive(Clone)]
pub struct HttpRequest {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// By this clock the exchange must be over within so long, where that is shorter than the deadline.
    pub within: Option<Duration>,
}

impl HttpRequest {
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: HeaderMap::new(), body: Vec::new(), within: None }
    }
}

impl fmt::Debug for HttpRequest {
    /// Neither headers nor query nor body: each may hold a secret or a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.url.split('?').next().unwrap_or_default();
        write!(f, "{} {path} ({} bytes)", self.method, self.body.len())
    }
}

#[derive(Clone, Debug)]
pub struct HttpAnswer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// No answer, or half of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The connection was never made: the mall can't have seen the request.
    #[error("could not connect: {0}")]
    NotSent(String),
    /// The request left, at least in part; what the mall did is unknown.
    #[error("no complete answer: {0}")]
    NoAnswer(String),
    #[error("the answer is larger than {BODY_BYTES_MAX} bytes")]
    TooLarge,
}

/// The real clock, optionally running faster, with real sockets.
pub struct SystemEnv {
    origin: Timestamp,
    started: Instant,
    speed: f64,
    http: Http,
}

impl SystemEnv {
    pub fn new() -> Self {
        Self::faster(1.0)
    }

    /// A clock that runs `speed` times as fast as the machine's, from now on.
    #[expect(clippy::disallowed_methods, reason = "this is where the real clock enters")]
    pub fn faster(speed: f64) -> Self {
        Self { origin: Timestamp::now(), started: Instant::now(), speed, http: Http::new() }
    }
}

impl Default for SystemEnv {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Env for SystemEnv {
    #[expect(clippy::disallowed_methods, reason = "this is where the real clock enters")]
    fn now(&self) -> Timestamp {
        if (self.speed - 1.0).abs() < f64::EPSILON {
            return Timestamp::now();
        }
        let passed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.origin.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed().mul_f64(self.speed)
    }

    #[expect(clippy::disallowed_methods, reason = "this is where real sleeping enters")]
    async fn sleep(&self, length: Duration) {
        tokio::time::sleep(length.div_f64(self.speed)).await;
    }

    #[expect(clippy::disallowed_methods, reason = "this is where randomness enters")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }

    fn speed(&self) -> f64 {
        self.speed
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        // A faster clock must not make the machine's own latency look like a dead mall.
        let deadline = DEADLINE.div_f64(self.speed).max(Duration::from_secs(2));
        let within = request.within.map_or(deadline, |within| within.div_f64(self.speed));
        self.http.exchange(request, deadline.min(within)).await
    }
}

/// The HTTP client for malls: rustls with the machine's root certificates, no redirects, no proxy from the
/// environment.
///
/// A machine without root certificates can still talk to fakes over plain HTTP. It trusts nobody then: a list
/// that came with the program would outlive the trust that the machine's owner has in it.
pub struct Http {
    client: reqwest::Client,
    has_roots: bool,
}

impl Http {
    pub fn new() -> Self {
        // A second installation fails and leaves the first in place, which is the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = || {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .connect_timeout(Duration::from_secs(10))
                .pool_idle_timeout(Duration::from_secs(60))
                .user_agent(concat!("uriba/", env!("CARGO_PKG_VERSION"), " (Language=Rust)"))
        };
        match options().build() {
            Ok(client) => Self { client, has_roots: true },
            Err(_) => {
                let client = options().tls_certs_only([]).build();
                let client = client.expect("the TLS provider is installed and the options are constant");
                Self { client, has_roots: false }
            }
        }
    }

    /// Sends one request and reads its answer within `deadline` and [`BODY_BYTES_MAX`].
    pub async fn exchange(&self, request: HttpRequest, deadline: Duration) -> Result<HttpAnswer, TransportError> {
        let encrypts = request.url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        if encrypts && !self.has_roots {
            return Err(TransportError::NotSent(NO_ROOTS.into()));
        }
        let mut response = self
            .client
            .request(request.method, &request.url)
            .headers(request.headers)
            .body(request.body)
            .timeout(deadline)
            .send()
            .await
            .map_err(|error| transport_error(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| transport_error(&error))? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpAnswer { status, headers, body })
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

/// Says what went wrong without the URL, whose query may hold a secret.
fn transport_error(error: &reqwest::Error) -> TransportError {
    let what = if let Some(certificate) = untrusted(error) {
        return TransportError::NotSent(certificate);
    } else if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "connection refused or not reachable"
    } else if error.is_builder() {
        "the request could not be built (is the address right?)"
    } else {
        "the connection broke"
    };
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(what.into())
    } else {
        TransportError::NoAnswer(what.into())
    }
}

/// The other side's certificate is not to be trusted, and why.
fn untrusted(error: &reqwest::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return Some(format!("the certificate that it shows is not to be trusted ({why})"));
        }
        // An io::Error hides what it was made of from the chain of sources.
        let hidden = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = hidden.map(|hidden| hidden as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    None
}
