//! Bytes → text: UTF-8 with or without a mark, or CP932, which is what Japanese consoles and Excel write.

use std::borrow::Cow;

use encoding_rs::SHIFT_JIS;

use super::Fault;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 where the bytes are that, else CP932.
    #[default]
    Auto,
    Utf8,
    Cp932,
}

impl Encoding {
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

/// Nothing is replaced: a byte that is no character is an error, never a `?` in a key.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, Fault> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Fault::whole("is UTF-16: save it as UTF-8 or as CP932 (Shift_JIS)"));
    }
    let bytes = bytes.strip_suffix(&[END]).unwrap_or(bytes);
    if bytes.contains(&0) {
        return Err(Fault::whole("holds zero bytes: it is no text"));
    }
    match (bytes.strip_prefix(MARK), encoding) {
        (Some(rest), Encoding::Auto | Encoding::Utf8) => utf8(rest),
        (_, Encoding::Utf8) => utf8(bytes),
        (_, Encoding::Cp932) => cp932(bytes, "is not CP932 (Shift_JIS)"),
        (None, Encoding::Auto) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) => cp932(bytes, "is neither UTF-8 nor CP932 (Shift_JIS)"),
        },
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| broken(&bytes[..error.valid_up_to()], "is not UTF-8"))
}

/// By the table that Windows uses, with its `～` and `－` (WHATWG's Shift_JIS is windows-31j).
fn cp932<'a>(bytes: &'a [u8], what: &str) -> Result<Cow<'a, str>, Fault> {
    if let Some(text) = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes) {
        return Ok(text);
    }
    // No character of it holds a line feed, so that each line can be tried by itself.
    let good = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take_while(|line| SHIFT_JIS.decode_without_bom_handling_and_without_replacement(line).is_some());
    Err(broken(&bytes[..good.map(<[u8]>::len).sum()], what))
}

fn broken(before: &[u8], what: &str) -> Fault {
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
    Fault { line, column: None, message: format!("this line {what}") }
}
