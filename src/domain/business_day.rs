//! Business days: from one `day_starts` to the next, in the zone of the core system.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Time, tz::TimeZone};

/// Where one business day ends and the next begins.
#[derive(Clone, Debug)]
pub struct BusinessDays {
    pub zone: TimeZone,
    pub starts: Time,
}

impl BusinessDays {
    /// The last instant of the business day that holds `at`. Times are kept in microseconds.
    pub fn end_of(&self, at: Timestamp) -> Timestamp {
        let local = at.to_zoned(self.zone.clone());
        let begins = |date: jiff::civil::Date| date.to_datetime(self.starts).to_zoned(self.zone.clone());
        let next = begins(local.date()).ok().filter(|begins| *begins > local);
        let tomorrow = || begins(local.date().checked_add(1.day()).ok()?).ok();
        let next = next.or_else(tomorrow).map_or(Timestamp::MAX, |begins| begins.timestamp());
        next.saturating_sub(SignedDuration::from_micros(1)).unwrap_or(Timestamp::MAX)
    }

    /// The newest end of a business day that lies before `now`.
    pub fn last_end(&self, now: Timestamp) -> Timestamp {
        let mut before = now;
        loop {
            before = before.saturating_sub(SignedDuration::from_hours(12)).unwrap_or(Timestamp::MIN);
            let end = self.end_of(before);
            if end < now || before == Timestamp::MIN {
                return end;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    fn tokyo(hour: i8) -> BusinessDays {
        BusinessDays { zone: TimeZone::get("Asia/Tokyo").unwrap(), starts: time(hour, 0, 0, 0) }
    }

    fn end(days: &BusinessDays, at: &str) -> String {
        days.end_of(at.parse().unwrap()).to_string()
    }

    #[test]
    fn a_day_ends_a_microsecond_before_the_next_one_begins() {
        assert_eq!(end(&tokyo(0), "2026-11-20T12:00:00+09:00"), "2026-11-20T14:59:59.999999Z");
        assert_eq!(end(&tokyo(0), "2026-11-20T23:59:59.999999+09:00"), "2026-11-20T14:59:59.999999Z");
        assert_eq!(end(&tokyo(0), "2026-11-21T00:00:00+09:00"), "2026-11-21T14:59:59.999999Z");
    }

    #[test]
    fn what_happens_at_night_belongs_to_the_day_that_began_in_the_morning() {
        assert_eq!(end(&tokyo(5), "2026-11-21T04:59:00+09:00"), "2026-11-20T19:59:59.999999Z");
        assert_eq!(end(&tokyo(5), "2026-11-21T05:00:00+09:00"), "2026-11-21T19:59:59.999999Z");
    }

    #[test]
    fn the_last_end_lies_before_now_and_within_a_day_of_it() {
        let last = |at: &str| tokyo(5).last_end(at.parse().unwrap()).to_string();
        assert_eq!(last("2026-11-21T05:00:00+09:00"), "2026-11-20T19:59:59.999999Z");
        assert_eq!(last("2026-11-21T04:59:59+09:00"), "2026-11-19T19:59:59.999999Z");
    }

    #[test]
    fn a_day_on_which_the_clocks_change_ends_once() {
        let paris = BusinessDays { zone: TimeZone::get("Europe/Paris").unwrap(), starts: time(2, 30, 0, 0) };
        let ends: Vec<_> = ["2026-03-28T12:00Z", "2026-03-29T12:00Z"].map(|at| end(&paris, at)).into();
        assert_eq!(ends, ["2026-03-29T01:29:59.999999Z", "2026-03-30T00:29:59.999999Z"]);
    }
}
