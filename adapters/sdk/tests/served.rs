//! The server around a mall's fake: faults happen as often as was said, to whom, and with the effect they name.

mod card;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::task::coop::{consume_budget, has_budget_remaining};
use uriba_sdk::{
    Env,
    env::{HttpRequest, Method},
    fake::{Answered, Book, Dialect, FakeOptions, FakeServer, Fault, ManualEnv, Reply, Times, Visit},
};

#[tokio::test]
async fn faults_happen_as_often_as_was_said_and_to_whom() {
    let shop = Shop::start().await;
    let book = &shop.book;
    book.fault("a", Fault::Status(500), Times::Next(2));
    book.fault("a", Fault::Status(502), Times::Next(1));
    book.fault("a", Fault::Status(503), Times::Next(0));
    book.fault("b", Fault::Status(504), Times::Probability(1.0));
    assert_eq!(shop.statuses("a", 4).await, [500, 500, 502, 200]);
    assert_eq!(shop.statuses("b", 2).await, [504, 504]);
    book.clear_faults();
    assert_eq!(shop.statuses("b", 1).await, [200]);
    book.fault("a", Fault::Status(500), Times::Probability(0.3));
    let failed = shop.statuses("a", 200).await.into_iter().filter(|status| *status == 500).count();
    assert!((30..=90).contains(&failed), "{failed} of 200 at 0.3");
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_effect_had_one() {
    let shop = Shop::start().await;
    for (fault, served) in [
        (Fault::CloseBefore, 0),
        (Fault::CloseAfter, 1),
        (Fault::Status(500), 0),
        (Fault::StatusAfter(500), 1),
        (Fault::Truncate, 1),
        (Fault::Garbage(b"?".to_vec()), 0),
    ] {
        let before = shop.served();
        shop.book.fault("a", fault.clone(), Times::Next(1));
        let _ = shop.statuses("a", 1).await;
        assert_eq!(shop.served() - before, served, "{fault:?}");
    }
}

#[tokio::test]
async fn whoever_listens_hears_of_every_request_and_what_became_of_it() {
    let shop = Shop::start().await;
    let (tell, told) = mpsc::channel();
    shop.book.listen(move |Answered { what, status, .. }| tell.send((what, status)).unwrap());
    shop.book.fault("a", Fault::Status(500), Times::Next(1));
    shop.book.fault("b", Fault::CloseBefore, Times::Next(1));
    for operation in ["a", "a", "b", "c"] {
        let _ = shop.statuses(operation, 1).await;
    }
    let told: Vec<(String, Option<u16>)> = told.try_iter().collect();
    let expected = [("a", Some(500)), ("a", Some(200)), ("b", None), ("GET /c", Some(404))];
    assert_eq!(told, expected.map(|(what, status)| (what.to_owned(), status)));
}

/// It once waited for ever, for a lock that nobody held.
#[test]
fn a_shop_closes_in_the_middle_of_a_busy_task() {
    let (closed, has_closed) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let shop = Shop::start().await;
            while has_budget_remaining() {
                let _ = consume_budget().now_or_never();
            }
            drop(shop);
        });
        closed.send(()).unwrap();
    });
    has_closed.recv_timeout(Duration::from_secs(20)).expect("it closes at once");
}

struct Shop {
    book: Book,
    env: Arc<ManualEnv>,
    server: FakeServer,
    served: Arc<AtomicUsize>,
}

impl Shop {
    /// Two operations that always answer 200.
    async fn start() -> Self {
        let env = Arc::new(ManualEnv::new(5));
        let book = Book::new(env.clone(), |n, _| n.to_string(), Duration::ZERO);
        let options = FakeOptions::new(env.clone(), Arc::default(), "a");
        let server = FakeServer::start(book.clone(), &options, &card::CARD, "id", "a", Box::new(Plain)).await;
        let served = Arc::<AtomicUsize>::default();
        for (operation, path) in [("a", "^/a$"), ("b", "^/b$")] {
            let served = served.clone();
            let answer = move |_: &Visit<'_>| {
                served.fetch_add(1, Ordering::SeqCst);
                Reply::json(200, &serde_json::json!({"fine": true}))
            };
            server.endpoint(operation, "GET", path, answer).await;
        }
        Self { book, env, server, served }
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    /// The statuses of so many requests; 0 where no whole answer came back.
    async fn statuses(&self, operation: &str, count: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            let request = HttpRequest::new(Method::GET, format!("{}/{operation}", self.server.uri()));
            statuses.push(self.env.send(request).await.map_or(0, |answer| answer.status));
        }
        statuses
    }
}

struct Plain;

impl Dialect for Plain {
    fn throttled(&self, _operation: &str, _retry_after: Option<u64>) -> Reply {
        Reply::empty(429)
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        Reply::empty(503)
    }

    fn expired(&self, _operation: &str) -> Reply {
        Reply::empty(401)
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        Reply::empty(status)
    }
}
