//! Quotas: what leaves is never more than was promised, whatever comes between: pauses, throttles, crashes.

mod shelf;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::SignedDuration;
use proptest::prelude::*;
use shelf::Shelf;
use uriba_sdk::{
    env::Env,
    fake::ManualEnv,
    wire::{Charge, Gates, QuotaKey, QuotaShelf, QuotaState, Rate},
};

/// The mall's own bucket, full at first. It forgives a nanosecond's rounding, no more.
struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Duration,
}

impl Bucket {
    fn full(rate: Rate, env: &dyn Env) -> Self {
        Self { rate, tokens: f64::from(rate.burst), at: env.elapsed() }
    }

    fn take(&mut self, env: &dyn Env) -> bool {
        let passed = (env.elapsed() - self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate.per_second).min(f64::from(self.rate.burst));
        self.at = env.elapsed();
        self.tokens -= 1.0;
        self.tokens > -1e-6
    }
}

fn rate(per_second: f64, burst: u32) -> Rate {
    Rate { per_second, burst, per_day: None }
}

fn each(keys: &[QuotaKey]) -> Vec<Charge> {
    keys.iter().cloned().map(Charge::one).collect()
}

fn key(name: &str) -> QuotaKey {
    QuotaKey::new("shop", name)
}

/// Gates with one quota named `q`.
fn gates(rate: Rate, env: &ManualEnv) -> (Gates, [QuotaKey; 1]) {
    let gates = Gates::fresh();
    gates.declare(key("q"), rate, env);
    (gates, [key("q")])
}

/// Takes until refused; the number taken.
async fn drain(gates: &Gates, keys: &[QuotaKey], env: &ManualEnv) -> usize {
    let mut taken = 0;
    while gates.take(&each(keys), env).await.is_ok() {
        taken += 1;
        assert!(taken < 100_000, "no end");
    }
    taken
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers").block_on(future)
}

fn rates() -> impl Strategy<Value = Rate> {
    (prop_oneof![0.005..0.1, 0.1..2.0, 2.0..60.0_f64], 1..40_u32)
        .prop_map(|(per_second, burst)| rate(per_second, burst))
}

/// How long until the next attempt, in periods of the rate: bursts, steady use, long rests.
fn pauses() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![Just(0.0), 0.0..0.3, 0.3..3.0, 3.0..80.0_f64], 1..250)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_ever_leaves_above_the_rate(rate in rates(), pauses in pauses()) {
        run(async {
            let env = ManualEnv::new(1);
            let (gates, keys) = gates(rate, &env);
            let mut bucket = Bucket::full(rate, &env);
            for pause in pauses {
                env.advance(Duration::from_secs_f64(pause / rate.per_second));
                if gates.take(&each(&keys), &env).await.is_ok() {
                    assert!(bucket.take(&env), "too early at {:?}", env.elapsed());
                }
            }
        });
    }

    #[test]
    fn whoever_comes_back_at_the_named_instant_gets_a_token(rate in rates(), pauses in pauses()) {
        run(async {
            let env = ManualEnv::new(1);
            let (gates, keys) = gates(rate, &env);
            for pause in pauses {
                env.advance(Duration::from_secs_f64(pause / rate.per_second));
                if let Err(at) = gates.take(&each(&keys), &env).await {
                    assert!(at > env.now(), "refused now, and told to come back at {at}");
                    let period = SignedDuration::from_secs_f64(1.02 / rate.per_second);
                    assert!(at.duration_since(env.now()) <= period, "sent away for longer than one period");
                    env.advance_to(at);
                    // The instant is cut to whole nanoseconds.
                    env.advance(Duration::from_micros(1));
                    assert!(gates.take(&each(&keys), &env).await.is_ok(), "came back at {at} for nothing");
                }
            }
        });
    }

    #[test]
    fn composed_quotas_are_taken_all_or_none(rates in prop::collection::vec(rates(), 2..5), pauses in pauses()) {
        run(async {
            let env = ManualEnv::new(1);
            let gates = Gates::fresh();
            let keys: Vec<_> = (0..rates.len()).map(|n| key(&n.to_string())).collect();
            for (key, rate) in keys.iter().zip(&rates) {
                gates.declare(key.clone(), *rate, &env);
            }
            let slowest = rates.iter().map(|rate| rate.per_second).fold(f64::MAX, f64::min);
            for (n, pause) in pauses.into_iter().enumerate() {
                env.advance(Duration::from_secs_f64(pause / slowest));
                // The mall names another rate now and then: half-grown tokens are where accounts part.
                if n % 5 == 0 {
                    let changed = n / 5 % keys.len();
                    gates.observed_rate(&keys[changed], rates[changed].per_second / (1.1 + pause.fract()), &env);
                }
                let used = |key: &QuotaKey| gates.state(key, &env).unwrap().used_today;
                let before: Vec<_> = keys.iter().map(used).collect();
                let took = gates.take(&each(&keys), &env).await.is_ok();
                let after: Vec<_> = keys.iter().map(used).collect();
                let expected: Vec<_> = before.iter().map(|used| used + u32::from(took)).collect();
                assert_eq!(after, expected, "took: {took}");
            }
        });
    }

    /// Additive increase, multiplicative decrease.
    #[test]
    fn caution_never_leaves_its_bounds_and_climbs_back_slowly(
        rate in rates(),
        steps in prop::collection::vec((0.0..200.0_f64, prop::bool::weighted(0.2), any::<bool>()), 1..120),
    ) {
        run(async {
            let env = ManualEnv::new(1);
            let (gates, keys) = gates(rate, &env);
            let caution = || gates.state(&keys[0], &env).unwrap().caution;
            for (pause, throttle, named) in steps {
                env.advance(Duration::from_secs_f64(pause));
                let before = caution();
                if throttle {
                    gates.throttled(&keys, named.then_some(Duration::from_secs(1)), &env).await;
                    assert!(caution() <= before && caution() >= (before * 0.8).max(0.25) - 1e-9);
                } else {
                    let _ = gates.take(&each(&keys), &env).await;
                    assert!((before..=before + 0.05 + 1e-9).contains(&caution()), "{before} → {}", caution());
                }
                assert!(gates.state(&keys[0], &env).unwrap().rate.per_second <= rate.per_second);
            }
        });
    }

    /// However often the process dies, what it left behind never lets more out than the mall allows.
    #[test]
    fn a_crash_never_makes_anyone_richer(
        rate in rates(),
        steps in prop::collection::vec((prop_oneof![Just(0.0), 0.0..1.5, 1.5..60.0_f64], prop::bool::weighted(0.1)), 1..250),
    ) {
        run(async {
            let env = ManualEnv::new(1);
            let shelf = Arc::new(Shelf::default());
            let mut bucket = Bucket::full(rate, &env);
            let mut gates = Gates::new(shelf.clone(), HashMap::new());
            gates.declare(key("q"), rate, &env);
            for (pause, crash) in steps {
                env.advance(Duration::from_secs_f64(pause / rate.per_second));
                if crash {
                    gates = Gates::new(shelf.clone(), shelf.states());
                    gates.declare(key("q"), rate, &env);
                }
                if gates.take(&each(&[key("q")]), &env).await.is_ok() {
                    assert!(bucket.take(&env), "too early at {:?}", env.elapsed());
                }
            }
        });
    }
}

#[tokio::test]
async fn an_unknown_quota_begins_with_one_token() {
    let env = ManualEnv::new(1);
    let (gates, keys) = gates(rate(0.1, 20), &env);
    assert_eq!(drain(&gates, &keys, &env).await, 1);
    env.advance(Duration::from_secs(52));
    assert_eq!(drain(&gates, &keys, &env).await, 5);
    env.advance(Duration::from_secs(86_400));
    assert_eq!(drain(&gates, &keys, &env).await, 20, "no more than the burst, however long the rest");
}

#[tokio::test]
async fn a_clean_stop_is_continued_where_it_ended() {
    let env = ManualEnv::new(1);
    let shelf = Arc::new(Shelf::default());
    let first = Gates::new(shelf.clone(), HashMap::new());
    first.declare(key("q"), rate(0.5, 10), &env);
    env.advance(Duration::from_secs(1_000));
    for _ in 0..6 {
        first.take(&each(&[key("q")]), &env).await.unwrap();
    }
    first.save_all(&env).await;
    env.advance(Duration::from_secs(4));
    let second = Gates::new(shelf.clone(), shelf.states());
    second.declare(key("q"), rate(0.5, 10), &env);
    let left = drain(&second, &[key("q")], &env).await;
    assert!((5..=6).contains(&left), "4 were left and 2 came in between: {left}");
    assert_eq!(second.state(&key("q"), &env).unwrap().used_today, 6 + u32::try_from(left).unwrap());
}

/// A command every minute on a quota of one request in three: it must not starve.
#[tokio::test]
async fn a_part_of_a_token_survives_every_stop() {
    let env = ManualEnv::new(1);
    let shelf = Arc::new(Shelf::default());
    let mut asked = 0;
    for _minute in 0..60 {
        let gates = Gates::new(shelf.clone(), shelf.states());
        gates.declare(key("q"), rate(1.0 / 180.0, 20), &env);
        asked += u32::from(gates.take(&each(&[key("q")]), &env).await.is_ok());
        gates.save_all(&env).await;
        env.advance(Duration::from_secs(60));
    }
    assert!((18..=21).contains(&asked), "20 grew within the hour: {asked}");
}

#[tokio::test]
async fn a_named_wait_survives_a_restart() {
    let env = ManualEnv::new(1);
    let shelf = Arc::new(Shelf::default());
    let first = Gates::new(shelf.clone(), HashMap::new());
    first.declare(key("q"), rate(10.0, 10), &env);
    let until = first.throttled(&[key("q")], Some(Duration::from_secs(600)), &env).await;
    first.save_all(&env).await;
    let second = Gates::new(shelf.clone(), shelf.states());
    second.declare(key("q"), rate(10.0, 10), &env);
    assert_eq!(second.take(&each(&[key("q")]), &env).await, Err(until));
}

#[tokio::test]
async fn a_throttle_is_known_to_the_next_run_though_this_one_dies_on_the_spot() {
    let env = ManualEnv::new(1);
    let shelf = Arc::new(Shelf::default());
    let first = Gates::new(shelf.clone(), HashMap::new());
    first.declare(key("q"), rate(10.0, 10), &env);
    first.throttled(&[key("q")], None, &env).await;
    let until = first.throttled(&[key("q")], Some(Duration::from_secs(600)), &env).await;
    let second = Gates::new(shelf.clone(), shelf.states());
    second.declare(key("q"), rate(10.0, 10), &env);
    assert_eq!(second.take(&each(&[key("q")]), &env).await, Err(until));
    let state = second.state(&key("q"), &env).unwrap();
    assert!((state.rate.per_second - 6.4).abs() < 1e-9, "twice slower by a fifth, also in the next run: {state:?}");
}

#[tokio::test]
async fn the_time_that_a_mall_names_is_waited_for() {
    let env = ManualEnv::new(1);
    let (gates, keys) = gates(rate(10.0, 10), &env);
    env.advance(Duration::from_secs(60));
    let until = gates.throttled(&keys, Some(Duration::from_secs(1_800)), &env).await;
    assert_eq!(until, env.now() + SignedDuration::from_secs(1_800));
    assert_eq!(gates.ready_at(&each(&keys), &env), until);
    // A second, shorter word doesn't shorten the first.
    assert!(gates.throttled(&keys, Some(Duration::from_secs(1)), &env).await <= until);
    for _ in 0..6 {
        assert_eq!(gates.take(&each(&keys), &env).await, Err(until));
        env.advance(Duration::from_secs(299));
    }
    env.advance_to(until);
    assert!(gates.take(&each(&keys), &env).await.is_ok());
    // The mall named a time, not another rate: the pace is the old one again.
    env.advance(Duration::from_secs(10));
    assert_eq!(drain(&gates, &keys, &env).await, 10);
}

#[tokio::test]
async fn without_a_named_time_the_back_off_doubles_to_a_limit() {
    let env = ManualEnv::new(1);
    let (gates, keys) = gates(rate(10.0, 10), &env);
    let mut waits = Vec::new();
    for _ in 0..14 {
        let until = gates.throttled(&keys, None, &env).await;
        waits.push(until.duration_since(env.now()).as_secs());
        env.advance_to(until);
    }
    assert_eq!(waits[..6], [1, 2, 4, 8, 16, 32]);
    assert_eq!(waits[13], 900, "{waits:?}");
}

#[tokio::test]
async fn after_throttles_the_pace_falls_to_a_quarter_at_least_and_recovers() {
    let env = ManualEnv::new(1);
    let (gates, keys) = gates(rate(1.0, 5), &env);
    let pace = |gates: &Gates| gates.state(&keys[0], &env).unwrap().rate.per_second;
    for _ in 0..30 {
        gates.throttled(&keys, None, &env).await;
    }
    assert!((pace(&gates) - 0.25).abs() < 1e-9, "{}", pace(&gates));
    let slow = pace(&gates);
    env.advance(Duration::from_secs(1_000));
    let mut last = slow;
    for minute in 0..40 {
        let _ = gates.take(&each(&keys), &env).await;
        assert!(pace(&gates) >= last, "slower again in minute {minute}");
        last = pace(&gates);
        env.advance(Duration::from_secs(61));
    }
    assert!((last - 1.0).abs() < 1e-9, "half an hour of quiet, and the pace is {last}");
}

#[tokio::test]
async fn a_rate_that_the_mall_names_is_kept_from_then_on() {
    let env = ManualEnv::new(1);
    let (gates, keys) = gates(rate(1.0, 5), &env);
    drain(&gates, &keys, &env).await;
    gates.observed_rate(&keys[0], 0.1, &env);
    let mut bucket = Bucket { rate: rate(0.1, 5), tokens: 0.0, at: env.elapsed() };
    let mut taken = 0;
    for _ in 0..100 {
        env.advance(Duration::from_secs(1));
        if gates.take(&each(&keys), &env).await.is_ok() {
            assert!(bucket.take(&env));
            taken += 1;
        }
    }
    assert_eq!(taken, 9, "a tenth of a request per second, less our margin");
    for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        gates.observed_rate(&keys[0], nonsense, &env);
        assert!((gates.state(&keys[0], &env).unwrap().rate.per_second - 0.1).abs() < 1e-9, "{nonsense} was believed");
    }
    // Faster than declared is believed too, and what passed before counts at the old pace.
    env.advance(Duration::from_secs(10));
    gates.observed_rate(&keys[0], 2.0, &env);
    assert!(drain(&gates, &keys, &env).await <= 2);
    env.advance(Duration::from_secs(2));
    assert_eq!(drain(&gates, &keys, &env).await, 4);
}

#[tokio::test]
async fn a_redeclared_rate_counts_from_now_on() {
    let env = ManualEnv::new(1);
    let (gates, keys) = gates(rate(0.1, 50), &env);
    drain(&gates, &keys, &env).await;
    env.advance(Duration::from_secs(30));
    gates.redeclare(&keys[0], rate(10.0, 50), &env);
    assert!(drain(&gates, &keys, &env).await <= 3, "the past half minute was paced at a tenth");
    env.advance(Duration::from_secs(2));
    assert_eq!(drain(&gates, &keys, &env).await, 20);
}

#[tokio::test]
async fn an_undeclared_quota_holds_nothing_back() {
    let env = ManualEnv::new(1);
    let gates = Gates::fresh();
    assert!(gates.ready_at(&each(&[key("none")]), &env) <= env.now());
    assert!(gates.take(&each(&[key("none")]), &env).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_take_no_more_than_one_would() {
    let env = Arc::new(ManualEnv::new(1));
    let gates = Arc::new(Gates::fresh());
    let keys = [key("own"), key("shared")];
    gates.declare(keys[0].clone(), rate(50.0, 100), env.as_ref());
    gates.declare(keys[1].clone(), rate(20.0, 30), env.as_ref());
    env.advance(Duration::from_secs(100));
    let takers = (0..200).map(|_| {
        let (env, gates, keys) = (env.clone(), gates.clone(), keys.clone());
        tokio::spawn(async move { gates.take(&each(&keys), env.as_ref()).await.is_ok() })
    });
    let mut taken = 0;
    for taker in takers.collect::<Vec<_>>() {
        taken += usize::from(taker.await.unwrap());
    }
    assert_eq!(taken, 30);
    assert_eq!(gates.state(&keys[0], env.as_ref()).unwrap().used_today, 30, "the other quota paid for no refusal");
}

/// A shelf that is told, and is not done before it is let.
struct SlowShelf {
    saved: Mutex<Vec<QuotaState>>,
    done: tokio::sync::Semaphore,
}

#[async_trait]
impl QuotaShelf for SlowShelf {
    async fn save(&self, _key: &QuotaKey, state: &QuotaState) {
        self.done.acquire().await.expect("never closed").forget();
        self.saved.lock().expect("no panic under this lock").push(state.clone());
    }
}

#[tokio::test]
async fn no_request_leaves_before_the_shelf_knows_of_it() {
    let env = Arc::new(ManualEnv::new(1));
    let shelf = Arc::new(SlowShelf { saved: Mutex::default(), done: tokio::sync::Semaphore::new(0) });
    let gates = Arc::new(Gates::new(shelf.clone(), HashMap::new()));
    gates.declare(key("q"), rate(5.0, 20), env.as_ref());
    env.advance(Duration::from_secs(100));
    let (left, mut leaving) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..12 {
        let (env, gates, left) = (env.clone(), gates.clone(), left.clone());
        tokio::spawn(async move {
            gates.take(&each(&[key("q")]), env.as_ref()).await.unwrap();
            left.send(()).unwrap();
        });
    }
    let mut gone = 0;
    for told in 1..=6_usize {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        // What the shelf would give back after a crash now, and what has really left.
        let known = shelf.saved.lock().unwrap().last().map_or(0, |state| state.used_today);
        while leaving.try_recv().is_ok() {
            gone += 1;
        }
        assert!(gone <= known, "{gone} left, the shelf knows of {known} after {told} words");
        shelf.done.add_permits(1);
    }
    assert!(gone > 0, "nothing left at all");
}

#[tokio::test]
async fn a_standby_that_takes_over_goes_on_from_what_is_stored() {
    let (shelf, env) = (Arc::new(Shelf::default()), ManualEnv::new(1));
    let rates = [("spent", rate(0.01, 5)), ("quiet", rate(0.01, 5))];
    let keys = rates.map(|(name, _)| QuotaKey::new("scope", name));
    let [first, standby] = [(); 2].map(|()| Gates::new(shelf.clone(), HashMap::new()));
    for (key, (_, rate)) in keys.iter().zip(rates) {
        first.declare(key.clone(), rate, &env);
        standby.declare(key.clone(), rate, &env);
    }
    env.advance(Duration::from_secs(1_000));
    for _ in 0..5 {
        first.take(&each(&keys[..1]), &env).await.unwrap();
    }
    standby.resume(&keys, &shelf.states(), &env);
    assert!(standby.take(&each(&keys[..1]), &env).await.is_err(), "the first one has spent them");
    standby.take(&each(&keys[1..]), &env).await.unwrap();
    assert!(standby.take(&each(&keys[1..]), &env).await.is_err(), "what the first one spent of it nobody knows");
}
