//! Instants as people type them.

use jiff::{Timestamp, civil};

use super::failure::Failure;
use crate::config::Config;

/// With an offset as it is; without one in the configured zone; a date alone is the beginning of its
/// business day.
pub fn parse(text: &str, config: &Config) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local = text
        .parse::<civil::Date>()
        .ok()
        .filter(|_| text.len() <= "2026-11-24".len())
        .map(|date| date.to_datetime(config.day_starts))
        .or_else(|| text.parse::<civil::DateTime>().ok());
    let at = local.and_then(|local| local.to_zoned(config.zone.clone()).ok()).map(|zoned| zoned.timestamp());
    at.ok_or_else(|| {
        let example = "2026-11-24, 2026-11-24T18:30 or 2026-11-24T18:30:00+09:00";
        Failure::Usage(format!("{text:?} is not a time: write {example}"))
    })
}

/// `None` stays `None`.
pub fn maybe(text: Option<&str>, config: &Config) -> Result<Option<Timestamp>, Failure> {
    text.map(|text| parse(text, config)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let config = Config { day_starts: civil::time(5, 0, 0, 0), ..Config::blank() };
        parse(text, &config).ok().map(|at| at.to_string())
    }

    #[test]
    fn a_time_without_an_offset_is_in_the_configured_zone() {
        assert_eq!(read("2026-11-24T18:30").as_deref(), Some("2026-11-24T09:30:00Z"));
        assert_eq!(read("2026-11-24 18:30:15").as_deref(), Some("2026-11-24T09:30:15Z"));
        assert_eq!(read("2026-11-24T18:30:00+00:00").as_deref(), Some("2026-11-24T18:30:00Z"));
        assert_eq!(read("2026-11-24T18:30:00Z").as_deref(), Some("2026-11-24T18:30:00Z"));
    }

    #[test]
    fn a_date_is_the_beginning_of_its_business_day() {
        assert_eq!(read("2026-11-24").as_deref(), Some("2026-11-23T20:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "tomorrow", "18:30", "2026-13-01", "2026-02-30", "1732400000"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
