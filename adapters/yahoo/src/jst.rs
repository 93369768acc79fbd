//! The mall's times: Japan's, to the second, in three spellings.

use std::time::Duration;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::{self, TimeZone},
};

/// Japan has kept this offset, without summer time, since before the mall existed.
pub const JST: TimeZone = TimeZone::fixed(tz::offset(9));

/// The form that search conditions take.
const COMPACT: &str = "%Y%m%d%H%M%S";

/// `2026-11-21T10:15:00+09:00`, the same without an offset (then Japan's), or `20261121101500`. Which of them
/// the mall sends is not established.
pub fn parse(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    // A date alone would be read as its midnight, and an order is placed at some time of the day.
    if text.len() <= 10 {
        return None;
    }
    let civil = DateTime::strptime(COMPACT, text).or_else(|_| text.parse::<DateTime>()).ok()?;
    civil.to_zoned(JST).ok().map(|zoned| zoned.timestamp())
}

/// A time as above, or a date, which stands for its last second.
pub fn parse_end(text: &str) -> Option<Timestamp> {
    if text.len() > 10 {
        return parse(text);
    }
    let date = text.parse::<Date>().or_else(|_| Date::strptime("%Y%m%d", text)).ok()?;
    date.at(23, 59, 59, 0).to_zoned(JST).ok().map(|zoned| zoned.timestamp())
}

pub fn compact(instant: Timestamp) -> String {
    instant.to_zoned(JST).strftime(COMPACT).to_string()
}

/// The whole second that an instant lies in: the mall knows no finer.
pub fn second(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}

pub fn earlier(instant: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    instant.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

pub fn later(instant: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    instant.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_spellings_name_the_same_instant() {
        let instant: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
        for text in ["2026-11-21T00:00:00+09:00", "2026-11-21T00:00:00", "2026-11-21 00:00:00", "20261121000000"] {
            assert_eq!(parse(text), Some(instant), "{text}");
        }
        assert_eq!(compact(instant), "20261121000000");
        for text in ["", "2026-11-31T00:00:00", "20261121", "yesterday", "20261121250000"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_stands_for_its_last_second_in_japan() {
        let end: Timestamp = "2026-02-28T14:59:59Z".parse().unwrap();
        assert_eq!(parse_end("2026-02-28"), Some(end));
        assert_eq!(parse_end("20260228"), Some(end));
        assert_eq!(parse_end("2026-02-28T23:59:59"), Some(end));
        assert_eq!(parse_end("2026-02-30"), None);
        assert_eq!(parse_end("soon"), None);
    }

    #[test]
    fn a_second_is_cut_off_towards_the_past() {
        let instant: Timestamp = "2026-11-20T15:00:00.999Z".parse().unwrap();
        assert_eq!(second(instant).to_string(), "2026-11-20T15:00:00Z");
    }
}
