//! Budgets of points: what a request costs is reckoned before and corrected after, and the mall's bucket never runs dry.

use std::time::Duration;

use proptest::prelude::*;
use uriba_sdk::{
    env::Env,
    fake::ManualEnv,
    wire::{Charge, Gates, QuotaKey, Rate},
};

const RATE: Rate = Rate { per_second: 100.0, burst: 1_000, per_day: None };

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers").block_on(future)
}

fn points(tokens: u32) -> Charge {
    Charge { key: QuotaKey::new("shop", "points"), tokens }
}

/// Gates whose bucket is full.
fn full(env: &ManualEnv) -> Gates {
    let gates = Gates::fresh();
    gates.declare(points(0).key, RATE, env);
    env.advance(Duration::from_secs(11));
    gates
}

#[test]
fn a_request_waits_until_all_its_points_are_there() {
    run(async {
        let env = ManualEnv::new(1);
        let gates = full(&env);
        gates.take(&[points(800)], &env).await.unwrap();
        let at = gates.take(&[points(300)], &env).await.unwrap_err();
        let wait = at.duration_since(env.now()).as_secs_f64();
        assert!((1.0..1.1).contains(&wait), "100 points are missing: {wait} s");
        env.advance(Duration::from_millis(1_100));
        gates.take(&[points(300)], &env).await.unwrap();
    });
}

#[test]
fn points_that_were_not_used_come_back_and_a_debt_is_paid_first() {
    run(async {
        let env = ManualEnv::new(1);
        let gates = full(&env);
        gates.take(&[points(900)], &env).await.unwrap();
        gates.correct(&points(900), 100, &env);
        gates.take(&[points(850)], &env).await.unwrap();
        // It took 250 more than there were.
        gates.correct(&points(850), 1_150, &env);
        let wait = gates.take(&[points(1)], &env).await.unwrap_err().duration_since(env.now()).as_secs_f64();
        assert!((2.4..2.7).contains(&wait), "{wait} s");
    });
}

#[test]
fn more_points_than_a_bucket_holds_are_asked_for_when_it_is_full() {
    run(async {
        let env = ManualEnv::new(1);
        let gates = full(&env);
        gates.take(&[points(5_000)], &env).await.unwrap();
        assert!(gates.take(&[points(5_000)], &env).await.is_err());
        env.advance(Duration::from_secs(11));
        gates.take(&[points(5_000)], &env).await.unwrap();
    });
}

#[test]
fn the_malls_own_level_lowers_ours_and_never_lifts_it() {
    run(async {
        let env = ManualEnv::new(1);
        let gates = full(&env);
        gates.observed_level(&points(0).key, 50, &env);
        assert!(gates.take(&[points(60)], &env).await.is_err());
        gates.observed_level(&points(0).key, 1_000, &env);
        assert!(gates.take(&[points(60)], &env).await.is_err());
        gates.take(&[points(50)], &env).await.unwrap();
    });
}

proptest! {
    /// The mall takes what is asked for at once and gives back what was not needed, as its documentation says.
    #[test]
    fn the_malls_bucket_never_runs_dry(steps in prop::collection::vec((1_u32..400, 0_u32..=100, 0_u64..8_000), 1..200)) {
        run(async {
            let env = ManualEnv::new(1);
            let gates = full(&env);
            let (mut level, mut since) = (1_000.0_f64, env.elapsed());
            for (reckoned, percent, pause) in steps {
                env.advance(Duration::from_millis(pause));
                if gates.take(&[points(reckoned)], &env).await.is_err() {
                    continue;
                }
                level = (level + (env.elapsed() - since).as_secs_f64() * RATE.per_second).min(1_000.0);
                since = env.elapsed();
                assert!(level + 1e-6 >= f64::from(reckoned), "{level} points are left for {reckoned}");
                let took = reckoned * percent / 100;
                level -= f64::from(took);
                gates.correct(&points(reckoned), took, &env);
            }
        });
    }
}
