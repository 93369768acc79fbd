//! Caps per day: spread over the day, with a part that is kept for orders and zeros.

mod shelf;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use shelf::Shelf;
use uriba_sdk::{
    env::Env,
    fake::ManualEnv,
    wire::{Charge, Gates, QuotaKey, QuotaMemory, Rate, Worth, of_a_day},
};

const DAY: Duration = Duration::from_secs(86_400);

fn midnight() -> Timestamp {
    "2026-11-20T00:00:00Z".parse().expect("a constant instant")
}

fn key() -> QuotaKey {
    QuotaKey::new("shop", "q")
}

/// Of which only the cap matters.
fn gates(per_day: u32, env: &ManualEnv) -> Gates {
    let gates = Gates::new(Arc::new(QuotaMemory), HashMap::new());
    gates.declare(key(), Rate { per_second: 1_000.0, burst: 1_000, per_day: Some(per_day) }, env);
    env.advance(Duration::from_secs(1));
    gates
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers").block_on(future)
}

/// Takes until refused; the number taken, and when to come again.
async fn drain(gates: &Gates, worth: Worth, env: &ManualEnv) -> (u32, Timestamp) {
    let mut taken = 0;
    loop {
        match gates.take_for(&[Charge::one(key())], worth, env).await {
            Ok(()) => taken += 1,
            Err(at) if at.duration_since(env.now()) < SignedDuration::from_secs(1) => {
                env.advance_to(at);
                env.advance(Duration::from_micros(1));
            }
            Err(at) => return (taken, at),
        }
    }
}

#[tokio::test]
async fn a_greedy_hour_leaves_the_rest_of_the_day_its_part() {
    let env = ManualEnv::starting(midnight(), 1);
    let gates = gates(2_400, &env);
    let (first, again) = drain(&gates, Worth::Ordinary, &env).await;
    assert_eq!(first, 95, "an hour's part of 2280 ahead");
    assert!((37..=38).contains(&again.duration_since(midnight()).as_secs()), "the next one 37.9 s later: {again}");
    env.advance_to(midnight() + SignedDuration::from_hours(12));
    let (by_noon, _) = drain(&gates, Worth::Ordinary, &env).await;
    assert!((1_139..=1_141).contains(&by_noon), "what was left alone grew on: {by_noon}");
}

#[tokio::test]
async fn the_last_twentieth_is_for_orders_and_zeros() {
    let env = ManualEnv::starting("2026-11-20T23:30:00Z".parse().unwrap(), 1);
    let gates = gates(200, &env);
    let (ordinary, again) = drain(&gates, Worth::Ordinary, &env).await;
    assert_eq!(ordinary, 190);
    assert_eq!(again, midnight() + SignedDuration::from_hours(24));
    let (urgent, again) = drain(&gates, Worth::Urgent, &env).await;
    assert_eq!(urgent, 10);
    assert_eq!(again, midnight() + SignedDuration::from_hours(24), "then nothing is left for anybody");
}

#[tokio::test]
async fn a_days_allowance_ends_at_midnight_and_outlives_a_restart() {
    let env = ManualEnv::starting("2026-11-20T23:50:00Z".parse().unwrap(), 1);
    let next_midnight = midnight() + SignedDuration::from_hours(24);
    let (shelf, one) = (Arc::new(Shelf::default()), [Charge::one(key())]);
    let daily = Rate { per_second: 1.0, burst: 5, per_day: Some(7) };
    let gates = Gates::new(shelf.clone(), HashMap::new());
    gates.declare(key(), daily, &env);
    let mut taken = 0;
    for _ in 0..100 {
        env.advance(Duration::from_secs(2));
        while gates.take(&one, &env).await.is_ok() {
            taken += 1;
        }
    }
    assert_eq!(taken, 6, "one is kept for orders and zeros");
    assert_eq!(gates.take(&one, &env).await, Err(next_midnight));
    let restarted = Gates::new(shelf.clone(), shelf.states());
    restarted.declare(key(), daily, &env);
    assert_eq!(restarted.take(&one, &env).await, Err(next_midnight));
    env.advance_to(next_midnight);
    assert!(restarted.take(&one, &env).await.is_ok());
    assert_eq!(restarted.state(&key(), &env).unwrap().used_today, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever asks, however often and whenever.
    #[test]
    fn a_day_never_gives_more_than_its_cap_and_never_leaves_orders_waiting_for_the_rest(
        per_day in 20..3_000_u32,
        asked in prop::collection::vec((0.0..0.05_f64, 0..400_u32, 0..4_u32), 1..120),
    ) {
        run(async {
            let env = ManualEnv::starting(midnight(), 1);
            let gates = gates(per_day, &env);
            let kept = per_day - of_a_day(per_day, Worth::Ordinary);
            let (mut day, mut given, mut urgent) = (0, [0_u32; 2], 0);
            for (pause, most, urgently) in asked {
                env.advance(DAY.mul_f64(pause));
                let today = env.elapsed().as_secs() / 86_400;
                if today != day {
                    (day, given, urgent) = (today, [0; 2], 0);
                }
                for _ in 0..most {
                    env.advance(Duration::from_millis(2));
                    given[0] += u32::from(gates.take_for(&[Charge::one(key())], Worth::Ordinary, &env).await.is_ok());
                }
                for _ in 0..urgently {
                    env.advance(Duration::from_millis(2));
                    let got = gates.take_for(&[Charge::one(key())], Worth::Urgent, &env).await.is_ok();
                    given[1] += u32::from(got);
                    urgent += 1;
                    assert!(got || urgent > kept, "{given:?} of {per_day}, {kept} kept, and an order waits");
                }
                let passed = env.elapsed().as_secs_f64() / 86_400.0 - day as f64;
                let pace = f64::from(of_a_day(per_day, Worth::Ordinary)) * (passed + 1.0 / 24.0).min(1.0);
                assert!(f64::from(given[0]) <= pace.max(1.0) + 1e-6, "{given:?} of {per_day} after {passed} of the day");
                assert!(given[0] + given[1] <= per_day, "{given:?} of {per_day}");
            }
        });
    }

    #[test]
    fn whoever_comes_back_at_the_named_instant_gets_it(per_day in 1..3_000_u32, start in 0..86_400_i64) {
        run(async {
            let env = ManualEnv::starting(midnight() + SignedDuration::from_secs(start), 1);
            let gates = gates(per_day, &env);
            for worth in [Worth::Urgent, Worth::Ordinary, Worth::Urgent, Worth::Ordinary] {
                let (_, again) = drain(&gates, worth, &env).await;
                env.advance_to(again);
                env.advance(Duration::from_micros(2));
                assert!(of_a_day(per_day, Worth::Ordinary) == 0 || gates.take_for(&[Charge::one(key())], worth, &env).await.is_ok(), "{worth:?} {again}");
            }
        });
    }
}
