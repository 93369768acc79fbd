//! The wire around the gates: who waits, who is sent away, who shares, and what a lost answer means.

mod card;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use uriba_sdk::{
    Answer, Applied, Call, Class, Env, Settings, Wire,
    env::{HeaderMap, HttpAnswer, HttpRequest, Method, TransportError},
    fake::ManualEnv,
    wire::{Clearance, ClockOff, Gates, Term, Vault, Worth},
};

/// A line on which the other end says what it was told to say.
struct Line {
    clock: ManualEnv,
    answer: Mutex<Result<u16, TransportError>>,
    sent: Mutex<Vec<Duration>>,
    within: Mutex<Vec<Option<Duration>>>,
    /// What the other end says the time is.
    date: Mutex<Option<String>>,
}

impl Line {
    fn open() -> Arc<Self> {
        Arc::new(Self {
            clock: ManualEnv::new(1),
            answer: Mutex::new(Ok(200)),
            sent: Mutex::default(),
            within: Mutex::default(),
            date: Mutex::default(),
        })
    }

    fn sent(&self) -> Vec<u64> {
        self.sent.lock().expect("no panic under this lock").iter().map(Duration::as_secs).collect()
    }

    fn fails(&self, error: TransportError) {
        *self.answer.lock().expect("no panic under this lock") = Err(error);
    }
}

#[async_trait]
impl Env for Line {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        self.clock.sleep(length).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.clock.fill(bytes);
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        self.sent.lock().expect("no panic under this lock").push(self.elapsed());
        self.within.lock().expect("no panic under this lock").push(request.within);
        let status = self.answer.lock().expect("no panic under this lock").clone()?;
        let mut headers = HeaderMap::new();
        if let Some(date) = self.date.lock().expect("no panic under this lock").as_ref() {
            headers.insert("date", date.parse().expect("a date is a header's value"));
        }
        Ok(HttpAnswer { status, headers, body: Vec::new() })
    }
}

fn wire(line: &Arc<Line>, gates: &Arc<Gates>, channel: &str, client: &str) -> Wire {
    let mut settings = Settings { channel: channel.into(), ..Settings::default() };
    settings.credentials.insert("client".into(), SecretString::from(client));
    Wire::new(line.clone(), gates.clone(), Arc::new(Vault::default()), &card::CARD, &settings)
}

fn read(operation: &'static str) -> Call {
    Call::read(operation, HttpRequest::new(Method::GET, "http://tiny.example/"))
}

fn write(operation: &'static str) -> Call {
    Call::write(operation, HttpRequest::new(Method::POST, "http://tiny.example/"))
}

#[tokio::test]
async fn a_short_wait_is_waited_and_a_long_one_is_given_back_unsent() {
    let line = Line::open();
    let wire = wire(&line, &Arc::new(Gates::fresh()), "one", "id");
    for _ in 0..3 {
        wire.call(read("orders.search")).await.unwrap();
    }
    assert_eq!(line.sent(), [0, 10, 20]);
    // One request in a hundred seconds, of which twenty have passed.
    wire.call(read("orders.get")).await.unwrap();
    let sent_away = wire.call(read("orders.get")).await.unwrap_err();
    let Class::Throttled { retry_after: Some(wait) } = sent_away.class else { panic!("{sent_away}") };
    assert!((79..=82).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!((sent_away.status, line.sent().len()), (None, 4), "no status, since nothing was sent");
    line.clock.advance(wait);
    assert!(wire.ready_at("orders.get") <= line.now());
    wire.call(read("orders.get")).await.unwrap();
}

#[tokio::test]
async fn after_a_mall_says_too_fast_nothing_of_that_operation_leaves_before_its_time() {
    let line = Line::open();
    let wire = wire(&line, &Arc::new(Gates::fresh()), "one", "id");
    let until = wire.throttled("stock.push", Some(Duration::from_secs(15))).await;
    wire.call(read("orders.search")).await.unwrap();
    wire.call(write("stock.push")).await.unwrap();
    assert_eq!(line.sent(), [0, 15]);
    assert!(line.now() >= until);
}

#[tokio::test]
async fn channels_with_one_client_id_share_its_quota_and_others_do_not() {
    let (line, gates) = (Line::open(), Arc::new(Gates::fresh()));
    let [one, two, other] = [("one", "same-id"), ("two", "same-id"), ("three", "other-id")]
        .map(|(channel, client)| wire(&line, &gates, channel, client));
    one.call(write("stock.push")).await.unwrap();
    other.call(write("stock.push")).await.unwrap();
    two.call(write("stock.push")).await.unwrap();
    assert_eq!(line.sent(), [0, 0, 1]);
    one.call(read("orders.search")).await.unwrap();
    two.call(read("orders.search")).await.unwrap();
    assert_eq!(line.sent()[3..], [1, 1], "a channel's own quota is its own");
    for (_, key, _) in one.quotas() {
        assert!(!key.scope.contains("same-id"), "a scope is stored and shown: {key:?}");
    }
}

#[tokio::test]
async fn nothing_leaves_once_the_term_is_over_and_no_answer_is_waited_for_beyond_it() {
    let line = Line::open();
    let term = Term::over();
    let wire = wire(&line, &Arc::new(Gates::fresh()), "one", "id").within(term.clone());
    let unsent = wire.call(write("free")).await.unwrap_err();
    assert_eq!(unsent.class, Class::Transient { applied: Applied::No });
    assert!(unsent.message.contains("lease"), "{unsent}");
    term.ends_at(Duration::from_secs(30));
    wire.call(write("free")).await.unwrap();
    line.clock.advance(Duration::from_secs(18));
    wire.call(write("free")).await.unwrap();
    assert_eq!(*line.within.lock().unwrap(), [30, 12].map(|seconds| Some(Duration::from_secs(seconds))));
    line.clock.advance(Duration::from_secs(9));
    wire.call(write("free")).await.expect_err("three seconds are left");
    term.ends_at(Duration::from_secs(60));
    wire.call(write("free")).await.unwrap();
    line.clock.advance(Duration::from_secs(10));
    wire.throttled("stock.push", Some(Duration::from_secs(19))).await;
    wire.call(write("stock.push")).await.expect_err("the wait for its quota has used the term up");
    assert_eq!(line.sent(), [0, 18, 27]);
}

/// A switch that somebody has thrown.
struct Thrown;

#[async_trait]
impl Clearance for Thrown {
    async fn stands(&self) -> bool {
        false
    }
}

fn unsent(error: &uriba_sdk::MallError) -> Duration {
    let Class::Throttled { retry_after: Some(wait) } = error.class else { panic!("{error}") };
    assert!(error.status.is_none(), "no status, since nothing was sent");
    wait
}

#[tokio::test]
async fn what_a_turn_speaks_for_is_left_alone_by_others() {
    let (line, gates) = (Line::open(), Arc::new(Gates::fresh()));
    let [one, two] = ["one", "two"].map(|channel| wire(&line, &gates, channel, "same-id"));
    let writer = one.in_turns();
    let turn = writer.turn(&["stock.push"], Worth::Ordinary, Duration::ZERO).unwrap();
    assert!(two.ready_at("stock.push") > line.now(), "the only token is spoken for");
    let second = two.in_turns().turn(&["stock.push"], Worth::Ordinary, Duration::from_millis(250));
    assert!(second.err().unwrap() > line.now(), "and of the next one it is not time yet to speak");
    turn.decided(line.elapsed() + Duration::from_millis(250), Arc::new(Thrown));
    writer.call(write("stock.push")).await.unwrap();
    assert_eq!(line.sent(), [0], "in its time it asks nobody");
    drop(turn);
    line.clock.advance(Duration::from_secs(2));
    drop(writer.turn(&["stock.push"], Worth::Ordinary, Duration::ZERO).unwrap());
    assert!(two.ready_at("stock.push") <= line.now(), "a turn that ends unused gives back what it spoke for");
}

#[tokio::test]
async fn in_a_turn_nothing_waits_for_long_and_what_comes_late_asks_first() {
    let line = Line::open();
    let wire = wire(&line, &Arc::new(Gates::fresh()), "one", "id").in_turns();
    wire.call(write("stock.push")).await.unwrap();
    let turn = wire.turn(&["stock.push"], Worth::Ordinary, Duration::from_secs(2)).unwrap();
    turn.decided(line.elapsed() + Duration::from_millis(250), Arc::new(Thrown));
    unsent(&wire.call(write("stock.push")).await.unwrap_err());
    assert_eq!(line.elapsed(), Duration::ZERO, "it was given back at once");
    line.clock.advance(Duration::from_secs(2));
    assert_eq!(unsent(&wire.call(write("stock.push")).await.unwrap_err()), Duration::ZERO, "the switch was thrown");
    wire.call(read("free")).await.expect("a reading is none of the switch's business");
    drop(turn);
    wire.call(write("stock.push")).await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_leaves_a_write_in_doubt_and_nothing_else() {
    let line = Line::open();
    let wire = wire(&line, &Arc::new(Gates::fresh()), "one", "id");
    let no = Class::Transient { applied: Applied::No };
    line.fails(TransportError::NoAnswer("the connection broke".into()));
    assert_eq!(wire.call(read("free")).await.unwrap_err().class, no);
    assert_eq!(wire.call(write("free")).await.unwrap_err().class, Class::Transient { applied: Applied::Unknown });
    line.fails(TransportError::NotSent("refused".into()));
    assert_eq!(wire.call(write("free")).await.unwrap_err().class, no);
    line.fails(TransportError::TooLarge);
    let too_large = wire.call(read("free")).await.unwrap_err().class;
    assert!(matches!(too_large, Class::Malformed { .. }), "{too_large:?}");
}

#[tokio::test]
async fn an_answer_of_any_status_is_handed_on() {
    let line = Line::open();
    let wire = wire(&line, &Arc::new(Gates::fresh()), "one", "id");
    for status in [200, 302, 404, 429, 503] {
        *line.answer.lock().unwrap() = Ok(status);
        assert_eq!(wire.call(read("free")).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn the_malls_clock_is_compared_with_ours_as_far_as_an_answer_tells() {
    let line = Line::open();
    let wire = wire(&line, &Arc::new(Gates::fresh()), "one", "id");
    let cases = [
        (None, None),
        (Some("soon"), None),
        (Some("Fri, 20 Nov 2026 01:00:00 GMT"), Some((0, 0))),
        (Some("Fri, 20 Nov 2026 00:59:59 GMT"), Some((0, 0))),
        (Some("Fri, 20 Nov 2026 00:59:40 GMT"), Some((-19, 20))),
        (Some("Fri, 20 Nov 2026 01:00:20 GMT"), Some((20, 0))),
    ];
    for (date, expected) in cases {
        *line.date.lock().unwrap() = date.map(str::to_owned);
        wire.call(read("free")).await.unwrap();
        let seen = wire.clock_off("free").map(|off| (off.certain().as_secs(), off.behind().as_secs()));
        assert_eq!(seen, expected, "{date:?}");
    }
    assert_eq!(wire.clock_off("orders.search"), None, "each operation may be another machine");
    let sent_at: Timestamp = "2026-11-20T01:00:00Z".parse().unwrap();
    let slow = ClockOff::seen(sent_at, sent_at, sent_at + SignedDuration::from_secs(30));
    assert_eq!((slow.certain(), slow.behind()), (SignedDuration::ZERO, Duration::ZERO), "the answer took its time");
}

#[test]
fn a_retry_after_is_read_in_both_its_forms_and_nonsense_is_not() {
    let now: Timestamp = "2026-11-20T01:00:00Z".parse().unwrap();
    let cases = [
        ("0", Some(0)),
        (" 17 ", Some(17)),
        ("Fri, 20 Nov 2026 01:02:00 GMT", Some(120)),
        ("Fri, 20 Nov 2026 00:59:00 GMT", None),
        ("86401", None),
        ("-3", None),
        ("soon", None),
        ("1.5", None),
        ("", None),
    ];
    for (text, expected) in cases {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", text.parse().unwrap());
        let answer = Answer { status: 429, headers, body: Vec::new(), sent_at: now, answered_at: now };
        assert_eq!(answer.retry_after(), expected.map(Duration::from_secs), "{text:?}");
    }
}
