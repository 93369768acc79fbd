//! The mall's times: Japan's, in whole seconds, without an offset.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, time},
    tz::Offset,
};

/// Japan has one offset and no summer time.
const OFFSET: Offset = Offset::constant(9);
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";
/// What searches take.
const COMPACT: &str = "%Y%m%d%H%M%S";

pub fn compact(instant: Timestamp) -> String {
    OFFSET.to_datetime(instant).strftime(COMPACT).to_string()
}

/// A date alone is the end of that day: later than that it can't have been.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim().replace('/', "-");
    let local = DateTime::strptime(FORMAT, &text)
        .or_else(|_| DateTime::strptime("%Y-%m-%dT%H:%M:%S", &text))
        .or_else(|_| Date::strptime("%Y-%m-%d", &text).map(|date| date.to_datetime(time(23, 59, 59, 0))))
        .ok()?;
    // Dates that stand for "not yet".
    if local.year() < 2000 {
        return None;
    }
    OFFSET.to_timestamp(local).ok()
}

#[cfg(feature = "fake")]
pub fn local(instant: Timestamp) -> String {
    OFFSET.to_datetime(instant).strftime(FORMAT).to_string()
}

#[cfg(feature = "fake")]
pub fn parse_compact(text: &str) -> Option<Timestamp> {
    let local = match text.len() {
        14 => DateTime::strptime(COMPACT, text).ok()?,
        8 => Date::strptime("%Y%m%d", text).ok()?.to_datetime(time(0, 0, 0, 0)),
        _ => return None,
    };
    OFFSET.to_timestamp(local).ok()
}

/// As the mall keeps it.
#[cfg(feature = "fake")]
pub fn second(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}
