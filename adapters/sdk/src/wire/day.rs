//! A cap per day, spread over the day. What is not used grows on, an hour's part may be used ahead, and a part is kept
//! for what must not stand still: orders that are read, and zeros. So a busy morning never leaves the evening blind.

use jiff::{SignedDuration, Timestamp};

/// One part in so many is kept back.
const KEPT: u32 = 20;
const DAY_S: f64 = 86_400.0;
/// So much of the day may be used ahead.
const AHEAD: f64 = 1.0 / 24.0;

/// What a request is worth where a cap runs short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Worth {
    Ordinary,
    /// Reads orders, or writes nothing but zeros.
    Urgent,
}

pub(super) fn day_of(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(DAY_S as i64)
}

/// When one more request than `used` may leave today, or the beginning of the next day.
pub fn free_at(per_day: u32, used: u32, worth: Worth, now: Timestamp) -> Timestamp {
    let paced = of_a_day(per_day, worth);
    let beside = if worth == Worth::Urgent { per_day.div_ceil(KEPT) } else { 0 };
    let today = day_of(now);
    let midnight = |day: i64| Timestamp::from_second(day * DAY_S as i64).unwrap_or(Timestamp::MAX);
    if used >= paced {
        return midnight(today + 1);
    }
    // The first request is free: a cap of a few a day would hold it back for hours otherwise.
    let needed = used.saturating_sub(beside);
    let portion = if needed == 0 { 0.0 } else { f64::from(needed + 1) / f64::from(paced) - AHEAD };
    let into_the_day = SignedDuration::from_secs_f64(portion.max(0.0) * DAY_S);
    midnight(today).saturating_add(into_the_day).unwrap_or(Timestamp::MAX).min(midnight(today + 1))
}

/// Of a cap, what one day gives to requests that are worth so much.
pub fn of_a_day(per_day: u32, worth: Worth) -> u32 {
    match worth {
        Worth::Ordinary => per_day - per_day.div_ceil(KEPT),
        Worth::Urgent => per_day,
    }
}
