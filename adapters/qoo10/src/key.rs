//! How a listing is named: by people and in orders, and in the calls that write its stock.
//!
//! The key is `code` for an item without options and `code/OptionCode` for one option of an item, where `code` is the
//! seller's own code, or the mall's item number where there is none. That is what order rows give. Writes need more:
//! the item number, and for an option its name and value, by which alone the mall finds it. Nobody types those; they
//! are the handle.

use serde::{Deserialize, Serialize};

pub const ITEM: &str = "item";
/// An option that costs what its item costs.
pub const OPTION: &str = "option";
/// An option with an extra price, which a bulk call might erase.
pub const PRICED: &str = "priced";

/// Source: length of SellerCode. None is given for option codes.
const CODE_CHARS_MAX: usize = 100;

/// What a write needs beside the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle {
    pub item: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<Choice>,
}

/// One option as the mall names it; several axes are joined by `||*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub name: String,
    pub value: String,
    pub code: String,
    /// It had an extra price when it was looked up.
    #[serde(default)]
    pub priced: bool,
}

impl Handle {
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub fn text(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

pub fn kind_of(key: &str, handle: Option<&str>) -> &'static str {
    match handle.and_then(Handle::read) {
        Some(Handle { option: None, .. }) => ITEM,
        Some(Handle { option: Some(choice), .. }) if choice.priced => PRICED,
        Some(_) => OPTION,
        None if key.contains('/') => OPTION,
        None => ITEM,
    }
}

/// The key as the mall could write it. Case is left alone: whether the mall tells codes apart by it is not known, and
/// what it knows an item by is taken from its own list.
pub fn normal(given: &str) -> Result<String, String> {
    let narrow: String = given.trim().chars().map(narrow).collect();
    let key = narrow.trim();
    let (code, option) = split(key);
    let fits = |part: &str| {
        let chars = part.chars().count();
        (1..=CODE_CHARS_MAX).contains(&chars) && !part.contains(char::is_control) && part.trim() == part
    };
    if !fits(code) || option.is_some_and(|option| !fits(option)) {
        return Err("an item of Qoo10 is its seller code or item number, an option is that with / and the option \
                    code; each has 1 to 100 characters"
            .into());
    }
    Ok(key.to_owned())
}

/// What an item goes by: the seller's code, or the mall's number where there is none, or one with a slash in it, which
/// would look like an option.
pub fn code<'a>(seller: Option<&'a str>, number: Option<&'a str>) -> Option<&'a str> {
    seller.filter(|code| !code.contains('/')).or(number)
}

/// The item's code and the option's.
pub fn split(key: &str) -> (&str, Option<&str>) {
    match key.split_once('/') {
        Some((code, option)) => (code, Some(option)),
        None => (key, None),
    }
}

pub fn join(code: &str, option: &str) -> String {
    if option.is_empty() { code.to_owned() } else { format!("{code}/{option}") }
}

/// Whether it could be the mall's own number of an item.
pub fn is_item_number(code: &str) -> bool {
    (1..=10).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit())
}

fn narrow(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '　' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_normalised_in_width_and_kept_in_case() {
        assert_eq!(normal(" ＣＵＰ０１／ｗｔ　"), Ok("CUP01/wt".into()));
        assert_eq!(normal("cup01"), Ok("cup01".into()));
        assert_eq!(normal("商品-1/赤"), Ok("商品-1/赤".into()));
        for odd in ["", " ", "/", "cup/", "/wt", "a\nb", &"x".repeat(101)] {
            assert!(normal(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn the_handle_tells_the_kind_and_the_key_where_there_is_none() {
        let option = Choice { name: "色".into(), value: "白".into(), code: "wt".into(), priced: false };
        let priced = Handle { item: "1000000001".into(), option: Some(Choice { priced: true, ..option.clone() }) };
        assert_eq!(kind_of("cup01/wt", Some(&priced.text())), PRICED);
        let handle = Handle { item: "1000000001".into(), option: Some(option) };
        assert_eq!(Handle::read(&handle.text()), Some(handle.clone()));
        assert_eq!(kind_of("cup01/wt", Some(&handle.text())), OPTION);
        let plain = Handle { option: None, ..handle };
        assert_eq!(kind_of("cup01", Some(&plain.text())), ITEM);
        assert_eq!(code(Some("cup/01"), Some("1000000001")), Some("1000000001"));
        assert_eq!(code(Some("cup01"), Some("1000000001")), Some("cup01"));
        assert_eq!((kind_of("cup01", None), kind_of("cup01/wt", None)), (ITEM, OPTION));
    }
}
