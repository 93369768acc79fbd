//! DynamoDB's typed values: `{"S": "tea"}`, `{"N": "7"}`, `{"L": […]}`, `{"M": {…}}`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uriba_sdk::wire::excerpt;

/// A row, or a map within one.
pub type Row = Map<String, Value>;

/// Numbers below this are seconds since 1970, above it milliseconds: as seconds it would be the year 5138.
const MILLIS_FROM: i64 = 100_000_000_000;

pub fn text(value: &str) -> Value {
    json!({"S": value})
}

/// DynamoDB carries numbers as text, so that nothing on the way rounds them.
pub fn number(value: i64) -> Value {
    json!({"N": value.to_string()})
}

pub fn text_of<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.get(name)?.get("S")?.as_str()
}

pub fn flag_of(row: &Row, name: &str) -> Option<bool> {
    row.get(name)?.get("BOOL")?.as_bool()
}

/// A whole number. `None`: the attribute isn't there, or is null.
pub fn number_of(row: &Row, name: &str) -> Result<Option<i64>, String> {
    let Some(value) = row.get(name).filter(|value| value.get("NULL").is_none()) else { return Ok(None) };
    let told = value.get("N").and_then(Value::as_str).ok_or_else(|| format!("{name} is no number"))?;
    // `2`, `2.0` and `2E+1` are numbers of DynamoDB; the first is how it writes whole ones.
    let whole =
        told.split_once('.').map_or(told, |(whole, rest)| if rest.bytes().all(|b| b == b'0') { whole } else { told });
    whole.parse().map(Some).map_err(|_| format!("{name} is odd: {}", excerpt(told.as_bytes())))
}

/// Units of a line: none when the attribute isn't there.
pub fn units_of(row: &Row, name: &str) -> Result<Option<u32>, String> {
    let units = number_of(row, name)?;
    units.map(|units| u32::try_from(units).map_err(|_| format!("{name} is odd: {units}"))).transpose()
}

/// An instant as text with an offset, in seconds or in milliseconds.
pub fn time_of(row: &Row, name: &str) -> Result<Option<Timestamp>, String> {
    let Some(text) = text_of(row, name) else {
        let Some(number) = number_of(row, name)? else { return Ok(None) };
        let time = if number.abs() < MILLIS_FROM {
            Timestamp::from_second(number)
        } else {
            Timestamp::from_millisecond(number)
        };
        return time.map(Some).map_err(|_| format!("{name} is odd: {number}"));
    };
    text.parse().map(Some).map_err(|_| format!("{name} is odd: {}", excerpt(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: Value) -> Row {
        Row::from_iter([("x".to_owned(), value)])
    }

    #[test]
    fn numbers_are_whole_or_odd() {
        for (told, number) in [("7", 7), ("-3", -3), ("7.00", 7)] {
            assert_eq!(number_of(&row(json!({"N": told})), "x"), Ok(Some(number)));
        }
        for odd in [json!({"N": "1.5"}), json!({"N": "1E+2"}), json!({"S": "7"}), json!({"N": 7}), json!(7)] {
            assert!(number_of(&row(odd.clone()), "x").is_err(), "{odd}");
        }
        assert_eq!(number_of(&row(json!({"NULL": true})), "x"), Ok(None));
        assert_eq!(number_of(&Row::new(), "x"), Ok(None));
        assert!(units_of(&row(json!({"N": "-1"})), "x").is_err());
    }

    #[test]
    fn times_are_texts_with_an_offset_or_numbers() {
        let same = ["2026-11-20T01:00:00Z", "2026-11-20T10:00:00.000+09:00"].map(text);
        for told in same.into_iter().chain([number(1_795_136_400), number(1_795_136_400_000)]) {
            let time = time_of(&row(told.clone()), "x").unwrap().unwrap();
            assert_eq!(time.to_string(), "2026-11-20T01:00:00Z", "{told}");
        }
        for odd in [text("2026-11-20T10:00:00"), text("yesterday"), json!({"BOOL": true})] {
            assert!(time_of(&row(odd.clone()), "x").is_err(), "{odd}");
        }
    }
}
