//! The mall's times: all Japanese, in three spellings.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{TimeZone, offset},
};

/// `2026-11-20T10:00:00+0900`: the only form that searchOrder takes, the offset without a colon.
const FORM: &str = "%Y-%m-%dT%H:%M:%S%z";

/// An order's time. The order API writes the offset without a colon, the Inventory API with one; a time without
/// any offset is Japanese.
pub fn instant(text: &str) -> Option<Timestamp> {
    let local = || text.parse::<DateTime>().ok()?.to_zoned(japan()).ok().map(|zoned| zoned.timestamp());
    Timestamp::strptime(FORM, text).ok().or_else(|| text.parse().ok()).or_else(local)
}

/// The last second of a date that says when something was shipped.
pub fn end_of(date: &str) -> Option<Timestamp> {
    let date: Date = date.parse().ok()?;
    Some(date.at(23, 59, 59, 0).to_zoned(japan()).ok()?.timestamp())
}

/// Seconds since the epoch, as searchOrder wants them; `None` beyond the calendar.
pub fn written(second: i64) -> Option<String> {
    Some(Timestamp::from_second(second).ok()?.to_zoned(japan()).strftime(FORM).to_string())
}

pub fn japan() -> TimeZone {
    TimeZone::fixed(offset(9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_instant_is_read_alike() {
        let expected: Timestamp = "2026-11-20T01:02:03Z".parse().unwrap();
        for text in ["2026-11-20T10:02:03+0900", "2026-11-20T10:02:03+09:00", "2026-11-20T10:02:03"] {
            assert_eq!(instant(text), Some(expected), "{text}");
        }
        assert_eq!(instant("20 Nov 2026"), None);
    }

    #[test]
    fn a_written_time_has_no_colon_in_its_offset() {
        assert_eq!(written(1_795_136_523).unwrap(), "2026-11-20T10:02:03+0900");
    }

    #[test]
    fn a_shipping_date_means_its_last_second_in_japan() {
        assert_eq!(end_of("2026-11-30"), Some("2026-11-30T14:59:59Z".parse().unwrap()));
        assert_eq!(end_of(""), None);
    }
}
