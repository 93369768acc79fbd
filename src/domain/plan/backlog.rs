//! How long a backlog takes at the allowed rate: an estimate for people, from batch sizes, rates and caps per day. It
//! counts what waits now, not what comes meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use uriba_sdk::wire::{Worth, free_at, of_a_day};

use crate::domain::time::{between, later};

const DAY: Duration = Duration::from_secs(86_400);

/// Writes of one kind that wait, and how many of them one request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub writes: u64,
    pub batch_max: u64,
}

/// One of the quotas that each request takes a token of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    pub per_second: f64,
    /// Requests that could leave at once.
    pub available: u32,
    pub not_before: Option<Timestamp>,
    /// The cap, and what of it is used today.
    pub per_day: Option<(u32, u32)>,
}

/// Requests that these writes need: one never carries two kinds.
pub fn requests(waiting: &[Waiting]) -> u64 {
    waiting.iter().map(|kind| kind.writes.div_ceil(kind.batch_max.max(1))).sum()
}

/// From now until the last of so many requests may leave; the slowest quota decides.
pub fn time_to_send(requests: u64, flows: &[Flow], now: Timestamp) -> Duration {
    if requests == 0 {
        return Duration::ZERO;
    }
    flows.iter().map(|flow| flow.by_rate(requests, now).max(flow.by_day(requests, now))).max().unwrap_or_default()
}

impl Flow {
    fn by_rate(&self, requests: u64, now: Timestamp) -> Duration {
        let wait = self.not_before.map_or(Duration::ZERO, |until| between(now, until));
        let missing = requests.saturating_sub(self.available.into()) as f64;
        wait + Duration::try_from_secs_f64(missing / self.per_second.max(1e-9)).unwrap_or(Duration::MAX / 2)
    }

    fn by_day(&self, requests: u64, now: Timestamp) -> Duration {
        let Some((per_day, used)) = self.per_day else { return Duration::ZERO };
        let a_day = u64::from(of_a_day(per_day, Worth::Ordinary));
        if a_day == 0 {
            return Duration::MAX / 2;
        }
        let at = |used: u64, now| free_at(per_day, u32::try_from(used).unwrap_or(u32::MAX), Worth::Ordinary, now);
        let (used, last) = (u64::from(used), requests - 1);
        if used + last < a_day {
            return between(now, at(used + last, now));
        }
        // The next day, when everything of today is used.
        let midnight = at(a_day, now);
        let rest = last - a_day.saturating_sub(used);
        let days = u32::try_from(rest / a_day).unwrap_or(u32::MAX);
        let Some(whole) = DAY.checked_mul(days) else { return Duration::MAX / 2 };
        let began = later(midnight, whole);
        between(now, at(rest % a_day, began))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-11-20T{time}:00Z").parse().expect("a constant instant")
    }

    fn flow(per_second: f64, per_day: Option<(u32, u32)>) -> Flow {
        Flow { per_second, available: 0, not_before: None, per_day }
    }

    #[test]
    fn each_kind_of_write_fills_requests_of_its_own() {
        let waiting = [Waiting { writes: 401, batch_max: 400 }, Waiting { writes: 3, batch_max: 1 }];
        assert_eq!(requests(&waiting), 5);
    }

    #[test]
    fn the_slowest_quota_decides_and_what_is_there_leaves_at_once() {
        let now = at("12:00");
        let flows = [Flow { available: 3, ..flow(0.5, None) }, flow(2.0, None)];
        assert_eq!(time_to_send(3, &flows, now), Duration::from_millis(1_500));
        assert_eq!(time_to_send(10, &flows, now), Duration::from_secs(14));
        let told = Flow { not_before: Some(at("12:10")), ..flow(1.0, None) };
        assert_eq!(time_to_send(5, &[told], now), Duration::from_secs(605));
        assert_eq!(time_to_send(0, &[told], now), Duration::ZERO);
    }

    #[test]
    fn a_cap_per_day_takes_as_many_days_as_it_takes() {
        // Of 2,000 a day 1,900 are for this: 79 an hour.
        let flows = |used| [flow(10.0, Some((2_000, used)))];
        let hours = |requests, used, now| time_to_send(requests, &flows(used), now).as_secs_f64() / 3_600.0;
        assert!(hours(100, 0, at("12:00")) < 0.01, "half a day's part is free at noon");
        assert!((hours(950, 950, at("12:00")) - 11.0).abs() < 0.1, "an hour's part may be used ahead");
        assert!((hours(1_900 + 1_900, 1_900, at("12:00")) - (12.0 + 24.0 + 23.0)).abs() < 0.1);
        assert!(time_to_send(1, &[flow(10.0, Some((1, 0)))], at("12:00")) > Duration::from_secs(1 << 40));
    }
}
