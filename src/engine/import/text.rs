//! Bytes → text: UTF-8 with or without a mark, or CP932, which is what Japanese core systems write.

use std::borrow::Cow;

use encoding_rs::SHIFT_JIS;
use serde::{Deserialize, Serialize};

use super::sheet::Flaw;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8 where the bytes are that, else CP932.
    #[default]
    Auto,
    Utf8,
    Cp932,
}

impl Encoding {
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Utf8 => "utf-8",
            Self::Cp932 => "cp932",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Self::Auto),
            "utf-8" => Some(Self::Utf8),
            "cp932" => Some(Self::Cp932),
            _ => None,
        }
    }
}

const MARK: &[u8] = b"\xef\xbb\xbf";
/// DOS programs end their files with it.
const END: u8 = 0x1a;

/// Nothing is replaced: a byte that is no character is an error, never a `?` in a SKU.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, Flaw> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Flaw::whole("is UTF-16: save it as UTF-8 or as CP932 (Shift_JIS)"));
    }
    let bytes = bytes.strip_suffix(&[END]).unwrap_or(bytes);
    let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|error| broken(bytes, error.valid_up_to(), "UTF-8"));
    match (bytes.strip_prefix(MARK), encoding) {
        (Some(rest), Encoding::Auto | Encoding::Utf8) => Ok(Cow::Borrowed(utf8(rest)?)),
        (_, Encoding::Utf8) => Ok(Cow::Borrowed(utf8(bytes)?)),
        (_, Encoding::Cp932) => cp932(bytes),
        (None, Encoding::Auto) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) => cp932(bytes),
        },
    }
}

/// By the table that Windows uses, with its `～` and `－` (WHATWG's Shift_JIS is windows-31j).
fn cp932(bytes: &[u8]) -> Result<Cow<'_, str>, Flaw> {
    match SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => Ok(text),
        None => {
            let lines = bytes.split(|byte| *byte == b'\n');
            let wrong = |line: &[u8]| SHIFT_JIS.decode_without_bom_handling_and_without_replacement(line).is_none();
            let before = lines.take_while(|line| !wrong(line)).map(|line| line.len() + 1).sum();
            Err(broken(bytes, before, "UTF-8 nor CP932 (Shift_JIS)"))
        }
    }
}

fn broken(bytes: &[u8], at: usize, what: &str) -> Flaw {
    let line = 1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count() as u64;
    let neither = if what.contains(" nor ") { "is neither" } else { "is not" };
    Flaw { line, column: None, message: format!("this line {neither} {what}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_8_is_read_with_and_without_its_mark() {
        assert_eq!(decode("\u{feff}店舗,数量".as_bytes(), Encoding::Auto).unwrap(), "店舗,数量");
        assert_eq!(decode("店舗,数量".as_bytes(), Encoding::Auto).unwrap(), "店舗,数量");
    }

    #[test]
    fn cp932_is_recognised_with_its_wave_dash_minus_and_half_width_kana() {
        // 〜 and − as Windows has them, half-width ハンカク, ①, 髙 (both beyond JIS X 0208).
        let bytes = b"A\x81\x60B\x81\x7c,\xca\xdd\xb6\xb8,\x87\x40\xfb\xfc\x1a";
        assert_eq!(decode(bytes, Encoding::Auto).unwrap(), "A\u{ff5e}B\u{ff0d},ﾊﾝｶｸ,①髙");
    }

    #[test]
    fn a_byte_that_is_no_character_is_named_by_its_line() {
        let flaw = decode(b"location,sku,quantity\nA,B,1\nA,\xff\xff,1\n", Encoding::Auto).unwrap_err();
        assert_eq!((flaw.line, flaw.message.as_str()), (3, "this line is neither UTF-8 nor CP932 (Shift_JIS)"));
        let flaw = decode(b"location,sku,quantity\n\xca\xdd,B,1\n", Encoding::Utf8).unwrap_err();
        assert_eq!((flaw.line, flaw.message.as_str()), (2, "this line is not UTF-8"));
    }

    #[test]
    fn utf_16_is_refused_by_name() {
        assert!(decode(b"\xff\xfea\0", Encoding::Auto).unwrap_err().message.contains("UTF-16"));
    }
}
