//! Business dates: a shop's day begins when its core system says so, not at midnight.

use jiff::{
    Timestamp, ToSpan,
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
    /// The date to which an instant belongs.
    pub fn date_of(&self, at: Timestamp) -> Date {
        let local = at.to_zoned(self.zone.clone()).datetime();
        if local.time() >= self.starts { local.date() } else { local.date().yesterday().unwrap_or(Date::MIN) }
    }

    pub fn begin(&self, date: Date) -> Timestamp {
        let begin = date.to_datetime(self.starts).to_zoned(self.zone.clone());
        begin.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    pub fn last_moment(&self, date: Date) -> Timestamp {
        let next = date.tomorrow().map_or(Timestamp::MAX, |next| self.begin(next));
        next.saturating_sub(1.microsecond()).unwrap_or(next)
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
    use super::*;

    fn days(starts: &str) -> BusinessDays {
        BusinessDays { zone: TimeZone::get("Asia/Tokyo").unwrap(), starts: starts.parse().unwrap() }
    }

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}+09:00").parse().unwrap()
    }

    #[test]
    fn what_happens_before_the_day_starts_belongs_to_the_day_before() {
        let days = days("05:00");
        assert_eq!(number(days.date_of(at("21T04:59:59"))), 20_261_120);
        assert_eq!(number(days.date_of(at("21T05:00"))), 20_261_121);
    }

    #[test]
    fn a_day_ends_a_moment_before_the_next_begins() {
        let days = days("00:00");
        let date = date(20_261_120).unwrap();
        assert_eq!(days.begin(date), at("20T00:00"));
        assert_eq!(days.last_moment(date), at("20T23:59:59.999999"));
        assert_eq!(days.date_of(days.last_moment(date)), date);
    }

    #[test]
    fn dates_are_stored_as_they_are_written() {
        for number in [20_260_101, 20_261_231, 20_280_229] {
            assert_eq!(super::number(date(number).unwrap()), number);
        }
        assert_eq!(date(20_261_131), None);
    }
}
