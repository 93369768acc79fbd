//! The server that all stories share, and the hub's side of one channel.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use uriba_dynamodb::MALL;
use uriba_sdk::{
    Env, Mall, Order, Outcome, Query, Settings, Span, SystemEnv, Update, Wire, Write,
    env::{HttpAnswer, HttpRequest, TransportError},
    mall::ListingKey,
    wire::{Gates, Vault},
};

/// It ends when its standard input does, at the latest with this process.
struct Server {
    url: String,
    _leash: Option<(Child, ChildStdin)>,
}

/// The server's URL. `None`: there is none here, and standard error says why.
pub fn url() -> Option<&'static str> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref().map(|server| server.url.as_str())
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration to read it from")]
fn start() -> Option<Server> {
    match std::env::var("URIBA_TEST_DYNAMODB").ok().filter(|given| !given.is_empty()).as_deref() {
        Some("none") => return left_out("URIBA_TEST_DYNAMODB=none"),
        Some(url) => return Some(Server { url: url.trim_end_matches('/').into(), _leash: None }),
        None => {}
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server.sh");
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/dynamodb-server");
    let started = Command::new("sh").args([script, folder]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = started else { return left_out("no sh to start it with") };
    let (leash, out) = (child.stdin.take()?, child.stdout.take()?);
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).unwrap_or_default();
    match line.trim() {
        "" => left_out("the reason is above"),
        url => Some(Server { url: url.into(), _leash: Some((child, leash)) }),
    }
}

fn left_out(why: &str) -> Option<Server> {
    eprintln!("LEFT OUT: no server that speaks DynamoDB was tested against ({why})");
    None
}

/// What the network does to the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    Nothing,
    Answer,
    Request,
}

/// The machine's clock and sockets, over a network that may lose something.
pub struct Network {
    system: SystemEnv,
    pub loss: std::sync::Mutex<Loss>,
}

#[async_trait]
impl Env for Network {
    fn now(&self) -> Timestamp {
        self.system.now()
    }

    fn elapsed(&self) -> Duration {
        self.system.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        self.system.sleep(length).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.system.fill(bytes);
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        let loss = std::mem::replace(&mut *self.loss.lock().unwrap(), Loss::Nothing);
        let lost = || TransportError::NoAnswer("lost".into());
        match loss {
            Loss::Nothing => self.system.send(request).await,
            Loss::Request => Err(lost()),
            Loss::Answer => self.system.send(request).await.and(Err(lost())),
        }
    }
}

/// One channel, open.
pub struct Hub {
    pub network: Arc<Network>,
    pub mall: Box<dyn Mall>,
}

impl Hub {
    pub fn open(url: &str, options: &[(&str, &str)]) -> Self {
        let network = Arc::new(Network { system: SystemEnv::new(), loss: Loss::Nothing.into() });
        let text = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let credentials = [("access_key_id", "AKIDEXAMPLE"), ("secret_access_key", "example")];
        let settings = Settings {
            channel: "hands".into(),
            base_url: Some(url.into()),
            credentials: credentials.map(|(key, value)| (key.into(), value.to_owned().into())).into(),
            options: options.iter().map(|each| text(*each)).collect(),
            ..Settings::default()
        };
        let gates = Arc::new(Gates::fresh());
        let wire = Wire::new(network.clone(), gates, Arc::new(Vault::default()), MALL.card, &settings);
        Self { network, mall: (MALL.open)(&settings, wire).unwrap() }
    }

    pub async fn push(&self, writes: &[(&str, Write)]) -> uriba_sdk::Result<Vec<Outcome>> {
        let update = |(key, write): &(&str, Write)| Update { key: (*key).into(), handle: None, write: *write };
        self.mall.push(&writes.iter().map(update).collect::<Vec<_>>()).await
    }

    pub async fn shown(&self, item: &str) -> Option<i64> {
        let key = ListingKey { key: item.into(), handle: None };
        let readings = self.mall.extras().readback.unwrap().read(&[key]).await.unwrap();
        readings[0].found.and_then(|counter| counter.quantity)
    }

    /// Every order of a window, and over how many pages.
    pub async fn orders(&self, from: Timestamp, to: Timestamp) -> (Vec<Order>, usize) {
        let mut query = Query { span: Span::Window { from, to }, open_only: false, token: None };
        let (mut orders, mut pages) = (Vec::new(), 0);
        loop {
            let page = self.mall.pull(&query).await.unwrap();
            assert_eq!(page.unread, []);
            orders.extend(page.orders);
            pages += 1;
            query.token = page.next;
            if query.token.is_none() {
                return (orders, pages);
            }
        }
    }
}
