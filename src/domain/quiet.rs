//! Quiet hours: the time of each day in which work that can wait may ask a mall, in the zone of business days.

use std::fmt;

use jiff::{Timestamp, civil::Time, tz::TimeZone};

/// From one time of day to another, which may lie beyond midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: Time,
    until: Time,
}

impl QuietHours {
    /// `01:00-06:00`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} must be two times of day, as in 01:00-06:00 or 22:30-05:00");
        let time = |text: &str| Time::strptime("%H:%M", text).ok().filter(|_| text.len() == "01:00".len());
        let (from, until) = text.split_once('-').ok_or_else(wrong)?;
        let (from, until) = (time(from).ok_or_else(wrong)?, time(until).ok_or_else(wrong)?);
        if from == until {
            return Err(format!("{text:?} ends when it begins: leave it out where every hour will do"));
        }
        Ok(Self { from, until })
    }

    /// When they begin next; `None`: they are now.
    pub fn wait(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let local = now.to_zoned(zone.clone());
        let (date, time) = (local.date(), local.time());
        let within = match self.from < self.until {
            true => self.from <= time && time < self.until,
            false => self.from <= time || time < self.until,
        };
        if within {
            return None;
        }
        // Where the clocks skip that time the day has none of it, or what is left of it.
        let begins = |date: jiff::civil::Date| {
            let begins = date.to_datetime(self.from).to_zoned(zone.clone()).ok()?.timestamp();
            Some(begins).filter(|begins| *begins > now)
        };
        let tomorrow = || date.tomorrow().ok().and_then(begins);
        Some(begins(date).or_else(tomorrow).unwrap_or(Timestamp::MAX))
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from.strftime("%H:%M"), self.until.strftime("%H:%M"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(hours: &str, zone: &str, now: &str) -> Option<String> {
        let hours = QuietHours::parse(hours).unwrap();
        hours.wait(&TimeZone::get(zone).unwrap(), now.parse().unwrap()).map(|at| at.to_string())
    }

    #[test]
    fn they_are_from_their_beginning_to_before_their_end() {
        let at = |now: &str| wait("01:00-06:00", "Asia/Tokyo", now);
        assert_eq!(at("2026-11-20T00:59:59+09:00").as_deref(), Some("2026-11-19T16:00:00Z"));
        assert_eq!((at("2026-11-20T01:00:00+09:00"), at("2026-11-20T05:59:59+09:00")), (None, None));
        assert_eq!(at("2026-11-20T06:00:00+09:00").as_deref(), Some("2026-11-20T16:00:00Z"), "the next night");
    }

    #[test]
    fn they_may_last_beyond_midnight_or_until_it() {
        let at = |now: &str| wait("22:30-05:00", "Asia/Tokyo", now);
        assert_eq!((at("2026-11-20T23:00:00+09:00"), at("2026-11-20T04:59:00+09:00")), (None, None));
        assert_eq!(at("2026-11-20T05:00:00+09:00").as_deref(), Some("2026-11-20T13:30:00Z"));
        let at = |now: &str| wait("22:00-00:00", "Asia/Tokyo", now);
        assert_eq!(at("2026-11-20T23:59:00+09:00"), None);
        assert_eq!(at("2026-11-21T00:00:00+09:00").as_deref(), Some("2026-11-21T13:00:00Z"));
    }

    #[test]
    fn a_night_whose_hours_the_clocks_skip_has_none_and_the_next_one_does() {
        // 02:00 is followed by 03:00 on the 29th.
        let at = |now: &str| wait("02:15-02:45", "Europe/Paris", now);
        let skipped = at("2026-03-29T01:30:00+01:00").unwrap();
        assert_eq!(skipped, "2026-03-29T01:15:00Z", "where they would have begun");
        assert_eq!(at(&skipped).as_deref(), Some("2026-03-30T00:15:00Z"));
    }

    #[test]
    fn what_are_no_two_times_of_day_is_refused() {
        for text in
            ["", "01:00", "1:00-6:00", "01:00-25:00", "01:00 - 06:00", "01:00-06:00-07:00", "night", "+1:00-06:00"]
        {
            assert!(QuietHours::parse(text).is_err(), "{text:?}");
        }
        assert!(QuietHours::parse("06:00-06:00").unwrap_err().contains("every hour"));
        assert_eq!(QuietHours::parse("22:30-05:00").unwrap().to_string(), "22:30-05:00");
    }
}
