//! The mall's times: Japan's, mostly to the minute, in spellings that vary by field.

use std::time::Duration;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::{self, TimeZone},
};

/// Japan has kept this offset, without summer time, since before the mall existed.
pub const JST: TimeZone = TimeZone::fixed(tz::offset(9));

/// `2026/11/21 10:15`, with seconds or without, whatever stands between the figures.
pub fn parse(text: &str) -> Option<Timestamp> {
    let digits = digits(text)?;
    let format = match digits.len() {
        12 => "%Y%m%d%H%M",
        14 => "%Y%m%d%H%M%S",
        // A date alone would be read as its midnight, and an order is placed at some time of the day.
        _ => return None,
    };
    let civil = DateTime::strptime(format, &digits).ok()?;
    civil.to_zoned(JST).ok().map(|zoned| zoned.timestamp())
}

/// A time as above, or a date, which stands for its last second.
pub fn parse_end(text: &str) -> Option<Timestamp> {
    let digits = digits(text)?;
    if digits.len() != 8 {
        return parse(text);
    }
    end_of_day(Date::strptime("%Y%m%d", &digits).ok()?)
}

fn digits(text: &str) -> Option<String> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | '-' | ':' | ' ' | 'T'));
    plain.then(|| text.chars().filter(char::is_ascii_digit).collect())
}

fn end_of_day(date: Date) -> Option<Timestamp> {
    date.at(23, 59, 59, 0).to_zoned(JST).ok().map(|zoned| zoned.timestamp())
}

/// The day in Japan, as search conditions take it.
pub fn day(instant: Timestamp) -> String {
    instant.to_zoned(JST).strftime("%Y%m%d").to_string()
}

pub fn later(instant: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    instant.saturating_add(by).unwrap_or(Timestamp::MAX)
}

pub fn earlier(instant: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    instant.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_japans_and_a_date_stands_for_its_last_second() {
        let at = |text: &str| parse(text).map(|at| at.to_string());
        assert_eq!(at("2026/11/21 10:15"), Some("2026-11-21T01:15:00Z".into()));
        assert_eq!(at("2026-11-21 10:15:07"), Some("2026-11-21T01:15:07Z".into()));
        let end = |text: &str| parse_end(text).map(|at| at.to_string());
        for text in ["2026/02/28", "20260228", "2026-02-28"] {
            assert_eq!(end(text), Some("2026-02-28T14:59:59Z".into()), "{text}");
        }
        assert_eq!(end("2026/02/28 10:15"), Some("2026-02-28T01:15:00Z".into()));
        for text in ["", "2026/11/31 10:15", "2026/11/21", "soon", "2026/11/21 25:00", "２０２６/11/21 10:15"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_japan() {
        assert_eq!(day("2026-11-20T14:59:59Z".parse().unwrap()), "20261120");
        assert_eq!(day("2026-11-20T15:00:00Z".parse().unwrap()), "20261121");
    }
}
