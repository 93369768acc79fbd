//! Times as consoles and Excel write them.

use jiff::{
    SignedDuration, Timestamp, Unit,
    civil::{Date, DateTime},
    tz::TimeZone,
};

const MOMENTS: [&str; 5] =
    ["%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y%m%d%H%M%S"];
const DATES: [&str; 3] = ["%Y/%m/%d", "%Y-%m-%d", "%Y%m%d"];

/// An instant: with an offset, or in the zone. A date alone is none: the order would be looked for at midnight.
pub fn instant(text: &str, zone: &TimeZone) -> Result<Timestamp, &'static str> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    // `+0900` as it stands in some exports.
    if let Ok(instant) = Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text) {
        return Ok(instant);
    }
    let spaced = text.replacen('T', " ", 1);
    // jiff reads fractions with %.f, which is also nothing at all.
    let moment = MOMENTS.iter().find_map(|format| DateTime::strptime(format!("{format}%.f"), &spaced).ok());
    match moment.and_then(|moment| zone.to_timestamp(moment).ok()) {
        Some(instant) => Ok(instant),
        None if date(text).is_some() => Err("is a date without a time of day"),
        None => Err("is no time such as 2026-11-20 15:30:00"),
    }
}

/// When something had happened at the latest: a date alone means its end.
pub fn moment_after(text: &str, zone: &TimeZone) -> Result<Timestamp, &'static str> {
    let Some(date) = date(text) else { return instant(text, zone) };
    let end = date.tomorrow().ok().and_then(|next| next.to_zoned(zone.clone()).ok());
    end.and_then(|end| end.timestamp().checked_sub(SignedDuration::from_secs(1)).ok()).ok_or("is no date")
}

/// Japan has one offset and no summer time: right without a table of zones.
pub(super) fn tokyo() -> TimeZone {
    TimeZone::fixed(jiff::tz::offset(9))
}

/// The beginning of its minute: the grain of files that tell no seconds.
pub(crate) fn minute_of(instant: Timestamp) -> Timestamp {
    let round = jiff::TimestampRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Floor);
    instant.round(round).unwrap_or(instant)
}

fn date(text: &str) -> Option<Date> {
    DATES.iter().find_map(|format| Date::strptime(format, text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_consoles_and_excel_write_them() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let half_past_three = "2026-11-05T06:03:00Z".parse::<Timestamp>().unwrap();
        let spellings = [
            "2026-11-05T15:03:00+09:00",
            "2026-11-05T15:03:00+0900",
            "2026-11-05 15:03",
            "2026/11/05 15:03:00",
            "2026/11/5 15:3",
            "2026-11-05T15:03:00",
            "2026-11-05 15:03:00.000",
            "20261105150300",
            "2026-11-05T06:03Z",
        ];
        for text in spellings {
            assert_eq!(instant(text, &tokyo), Ok(half_past_three), "{text}");
        }
        for text in ["", "2026-11-05", "15:03", "yesterday", "2026-13-05 15:03", "山田太郎"] {
            assert!(instant(text, &tokyo).is_err(), "{text}");
        }
    }

    #[test]
    fn what_left_on_a_date_had_left_by_its_end() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let end = "2026-11-05T14:59:59Z".parse::<Timestamp>().unwrap();
        for text in ["2026-11-05", "2026/11/5", "20261105"] {
            assert_eq!(moment_after(text, &tokyo), Ok(end), "{text}");
        }
        assert_eq!(moment_after("2026-11-05 15:03", &tokyo), instant("2026-11-05 15:03", &tokyo));
    }
}
