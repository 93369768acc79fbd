//! The shop's points in the hour that runs, shared by all who ask for this shop.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use uriba_sdk::{Env, fake::Meters};

use crate::card::POINTS_PER_HOUR;

const HOUR: Duration = Duration::from_secs(3_600);

pub struct Budget {
    meters: Arc<Meters>,
    hour: Mutex<Hour>,
}

#[derive(Default)]
struct Hour {
    began: Duration,
    spent: u32,
    by_others: u32,
}

/// What the mall says beside its answer.
pub struct Level {
    pub fits: bool,
    pub left: u32,
    pub resets_in: Duration,
}

impl Budget {
    pub fn new(meters: Arc<Meters>) -> Self {
        Self { meters, hour: Mutex::default() }
    }

    /// Other tools of the shop have spent so much in this hour.
    pub fn others_spend(&self, points: u32, env: &dyn Env) {
        self.with(env, |hour, _| hour.by_others += points);
    }

    /// More than an hour's points is a violation when it was the hub alone.
    pub fn spend(&self, points: u32, env: &dyn Env) -> Level {
        self.with(env, |hour, resets_in| {
            let used = hour.spent + hour.by_others;
            let fits = used + points <= POINTS_PER_HOUR;
            if fits {
                hour.spent += points;
            } else if hour.by_others == 0 {
                let spent = hour.spent;
                self.meters.exceeded(format!("{spent} points were spent in an hour, and {points} were asked for"));
            }
            let used = hour.spent + hour.by_others;
            Level { fits, left: POINTS_PER_HOUR.saturating_sub(used), resets_in }
        })
    }

    fn with<T>(&self, env: &dyn Env, act: impl FnOnce(&mut Hour, Duration) -> T) -> T {
        let now = env.elapsed();
        let mut hour = self.hour.lock().expect("no panic happens under this lock");
        if now.saturating_sub(hour.began) >= HOUR {
            *hour = Hour { began: now, ..Hour::default() };
        }
        let resets_in = (hour.began + HOUR).saturating_sub(now);
        act(&mut hour, resets_in)
    }
}
