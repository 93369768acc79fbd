//! What the storefront calls its tables, its index and their attributes: options of the channel, with the names of
//! this crate's README as defaults.

use jiff::{Timestamp, Unit, civil::Date, tz::TimeZone};
use uriba_sdk::{Settings, mall::SettingsError};

/// More parts than this would be more queries per poll than a storefront needs.
const SHARDS_MAX: usize = 16;

#[derive(Clone, Debug)]
pub struct Layout {
    pub region: String,
    pub stock_table: String,
    pub delta_table: String,
    pub index: String,
    /// Into how many parts a day's partition of the index is split.
    pub shards: usize,
    pub names: Names,
    pub cancelled_states: Vec<String>,
    pub shipped_states: Vec<String>,
    /// A row that is gone was cancelled, and not merely unknown.
    pub gone_is_cancelled: bool,
    pub clock: Spelling,
}

/// Names of attributes.
#[derive(Clone, Debug)]
pub struct Names {
    pub item: String,
    pub quantity: String,
    pub title: String,
    pub jan: String,
    pub order: String,
    pub day: String,
    pub updated: String,
    pub placed: String,
    pub state: String,
    pub version: String,
    pub lines: String,
    pub line_item: String,
    pub line_quantity: String,
}

/// How the index's sort key spells instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `2026-11-20T01:00:00.000Z`.
    Iso,
    /// Milliseconds since 1970.
    Millis,
}

impl Layout {
    pub fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let name = |key: &str, default: &str| named(settings, key, default, is_attribute, "is no attribute's name");
        let table = |key: &str, default: &str| named(settings, key, default, is_table, "is no name of a table");
        Ok(Self {
            region: named(settings, "region", "ap-northeast-1", is_region, "is no region such as ap-northeast-1")?,
            stock_table: table("stock_table", "net_stock")?,
            delta_table: table("delta_table", "net_stock_delta")?,
            index: table("index", "by_update")?,
            shards: shards(settings)?,
            names: Names {
                item: name("item_attribute", "item")?,
                quantity: name("quantity_attribute", "quantity")?,
                title: name("title_attribute", "title")?,
                jan: name("jan_attribute", "jan")?,
                order: name("order_attribute", "order_id")?,
                day: name("day_attribute", "day")?,
                updated: name("updated_attribute", "updated_at")?,
                placed: name("placed_attribute", "placed_at")?,
                state: name("state_attribute", "state")?,
                version: name("version_attribute", "version")?,
                lines: name("lines_attribute", "lines")?,
                line_item: name("line_item_attribute", "item")?,
                line_quantity: name("line_quantity_attribute", "quantity")?,
            },
            cancelled_states: words(settings, "cancelled_states", "cancelled"),
            shipped_states: words(settings, "shipped_states", "shipped"),
            gone_is_cancelled: one_of(settings, "deleted_rows", ["missing", "cancelled"])? == 1,
            clock: if one_of(settings, "times", ["iso", "millis"])? == 0 { Spelling::Iso } else { Spelling::Millis },
        })
    }

    /// The partitions of the index that a window touches, oldest first.
    pub fn partitions(&self, from: Timestamp, to: Timestamp) -> Vec<String> {
        let days = day(from).series(jiff::Span::new().days(1)).take_while(|date| *date <= day(to));
        let parts = |date: Date| {
            (0..self.shards).map(move |n| if self.shards == 1 { date.to_string() } else { format!("{date}#{n}") })
        };
        days.flat_map(parts).collect()
    }
}

/// The day of the index's partition key is UTC's, so that it is the beginning of the sort key's text.
fn day(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::UTC).date()
}

/// The whole second that an instant lies in.
pub fn second(instant: Timestamp) -> Timestamp {
    instant.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor)).unwrap_or(instant)
}

fn named(
    settings: &Settings,
    key: &str,
    default: &str,
    is_legal: fn(&str) -> bool,
    wrong: &str,
) -> Result<String, SettingsError> {
    let name = settings.options.get(key).map_or(default, String::as_str).trim();
    if is_legal(name) { Ok(name.to_owned()) } else { Err(odd(key, wrong)) }
}

fn is_table(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

fn is_attribute(name: &str) -> bool {
    (1..=255).contains(&name.len())
}

fn is_region(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn shards(settings: &Settings) -> Result<usize, SettingsError> {
    let given = settings.options.get("shards").map_or("1", String::as_str).trim();
    match given.parse() {
        Ok(shards) if (1..=SHARDS_MAX).contains(&shards) => Ok(shards),
        _ => Err(odd("shards", &format!("is a number from 1 to {SHARDS_MAX}"))),
    }
}

fn words(settings: &Settings, key: &str, default: &str) -> Vec<String> {
    let given = settings.options.get(key).map_or(default, String::as_str);
    given.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Which of the two words is given; the first when none is.
fn one_of(settings: &Settings, key: &str, allowed: [&str; 2]) -> Result<usize, SettingsError> {
    let given = settings.options.get(key).map_or(allowed[0], String::as_str).trim();
    let index = allowed.iter().position(|word| *word == given);
    index.ok_or_else(|| odd(key, &format!("is `{}` or `{}`", allowed[0], allowed[1])))
}

fn odd(key: &str, message: &str) -> SettingsError {
    SettingsError { key: format!("options.{key}"), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(options: &[(&str, &str)]) -> Result<Layout, SettingsError> {
        let options = options.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Layout::of(&Settings { options, ..Settings::default() })
    }

    #[test]
    fn a_window_touches_each_day_of_utc_and_each_of_its_parts() {
        let (from, to) = ("2026-11-20T23:59:59Z".parse().unwrap(), "2026-11-21T00:00:00Z".parse().unwrap());
        assert_eq!(with(&[]).unwrap().partitions(from, to), ["2026-11-20", "2026-11-21"]);
        let parts = with(&[("shards", "2")]).unwrap().partitions(from, from);
        assert_eq!(parts, ["2026-11-20#0", "2026-11-20#1"]);
    }

    #[test]
    fn an_option_that_makes_no_sense_is_named() {
        let odd =
            [("shards", "0"), ("shards", "x"), ("stock_table", "a b"), ("region", "here/there"), ("times", "unix")];
        for (key, value) in odd.into_iter().chain([("deleted_rows", "ignored"), ("item_attribute", "")]) {
            assert_eq!(with(&[(key, value)]).unwrap_err().key, format!("options.{key}"), "{value}");
        }
    }
}
