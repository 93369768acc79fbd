//! One spelling per code. CP932 and Unicode disagree about seven characters: a core system on Windows writes
//! `～` (U+FF5E) where a Mac or a mall writes `〜` (U+301C) for the same key on the keyboard. A code that comes
//! by both ways is one code; everything else is left as it is (half-width kana too: they are other characters).

use std::borrow::Cow;

/// JIS X 0208's own reading, and what Windows makes of the same code point (WHATWG Encoding, index jis0208).
const TWINS: [(char, char); 7] = [
    ('\u{301c}', '\u{ff5e}'), // wave dash
    ('\u{2212}', '\u{ff0d}'), // minus
    ('\u{2016}', '\u{2225}'), // double vertical line
    ('\u{2014}', '\u{2015}'), // em dash
    ('\u{00a2}', '\u{ffe0}'), // cent
    ('\u{00a3}', '\u{ffe1}'), // pound
    ('\u{00ac}', '\u{ffe2}'), // not
];

/// The spelling that is stored and compared.
pub fn code(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| TWINS.iter().any(|(jis, _)| *jis == c)) {
        return Cow::Borrowed(text);
    }
    let twin = |c| TWINS.iter().find(|(jis, _)| *jis == c).map_or(c, |(_, windows)| *windows);
    Cow::Owned(text.chars().map(twin).collect())
}

/// What is wrong with a text as the name of a SKU, a location or a listing.
pub fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    if text.chars().count() > LENGTH_MAX {
        return Some("is longer than 190 characters");
    }
    if text.chars().any(char::is_control) {
        return Some("holds a control character or a line break (is a quotation mark missing?)");
    }
    (text.trim() != text).then_some("begins or ends with a space")
}

/// What an indexed column holds on every database that uriba supports.
const LENGTH_MAX: usize = 190;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_dash_and_a_minus_are_one_code_however_they_came() {
        let (windows, _, broken) = encoding_rs::SHIFT_JIS.decode(b"A\x81\x60B\x81\x7c1");
        assert!(!broken);
        assert_eq!(windows, "A\u{ff5e}B\u{ff0d}1");
        assert_eq!(code("A\u{301c}B\u{2212}1"), windows);
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for text in ["ABC-1~2", "ﾊﾝｶｸ", "シャツ（赤）", ""] {
            assert!(matches!(code(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn names_that_no_index_or_screen_can_hold_are_refused() {
        assert_eq!(fault("棚 1"), None);
        for text in ["", " a", "a\nb", &"長".repeat(191)] {
            assert!(fault(text).is_some(), "{text:?}");
        }
    }
}
