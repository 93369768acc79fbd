//! Business days: from one `day_starts` to the next, in the zone of the core system, whatever the calendar says.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};

/// When business days begin, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessDays {
    pub zone: TimeZone,
    pub starts: Time,
}

impl BusinessDays {
    /// The date of the business day that holds `at`.
    pub fn date_of(&self, at: Timestamp) -> Date {
        let date = at.to_zoned(self.zone.clone()).date();
        if self.begin(date) <= at { date } else { date.yesterday().unwrap_or(Date::MIN) }
    }

    pub fn begin(&self, date: Date) -> Timestamp {
        let begin = date.to_datetime(self.starts).to_zoned(self.zone.clone());
        begin.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    /// A moment before the next one begins. Times are kept in microseconds.
    pub fn last_moment(&self, date: Date) -> Timestamp {
        let next = date.tomorrow().map_or(Timestamp::MAX, |next| self.begin(next));
        next.saturating_sub(SignedDuration::from_micros(1)).unwrap_or(next)
    }

    /// The last instant of the business day that holds `at`.
    pub fn end_of(&self, at: Timestamp) -> Timestamp {
        self.last_moment(self.date_of(at))
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

/// A date as it is stored: 20261120.
pub fn number(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// The date that was stored.
pub fn date(number: i64) -> Option<Date> {
    let part = |least: i64, size: i64| i8::try_from(number / least % size).ok();
    Date::new(i16::try_from(number / 10_000).ok()?, part(100, 100)?, part(1, 100)?).ok()
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

    #[test]
    fn a_day_has_the_date_on_which_it_began() {
        let days = tokyo(5);
        let date = |at: &str| number(days.date_of(at.parse().unwrap()));
        assert_eq!(date("2026-11-21T04:59:59+09:00"), 20_261_120);
        assert_eq!(date("2026-11-21T05:00:00+09:00"), 20_261_121);
        let day = super::date(20_261_120).unwrap();
        assert_eq!(days.begin(day).to_string(), "2026-11-19T20:00:00Z");
        assert_eq!(days.date_of(days.last_moment(day)), day);
    }

    #[test]
    fn dates_are_stored_as_they_are_written() {
        for number in [20_260_101, 20_261_231, 20_280_229] {
            assert_eq!(super::number(date(number).unwrap()), number);
        }
        assert_eq!(date(20_261_131), None);
    }
}
