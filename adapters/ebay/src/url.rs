//! Percent-encoding. Everything but RFC 3986's unreserved characters is encoded: SKUs hold spaces and slashes, and
//! the brackets and bars of filters must not be sent as they are.

use std::fmt::Write;

pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string never fails");
        }
    }
    encoded
}

/// `a=1&b=2`, for a query or a form.
pub fn pairs(pairs: &[(&str, &str)]) -> String {
    let encoded: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    encoded.join("&")
}

/// The text that was encoded; `None` where it is no encoding of any text.
pub fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_survives_the_query() {
        let sku = "TEA 100%/緑茶+~&=";
        assert_eq!(encode(sku), "TEA%20100%25%2F%E7%B7%91%E8%8C%B6%2B~%26%3D");
        assert_eq!(decode(&encode(sku)).as_deref(), Some(sku));
        assert_eq!(pairs(&[("a", "[1..2]"), ("b", "{x|y}")]), "a=%5B1..2%5D&b=%7Bx%7Cy%7D");
        for odd in ["%", "%2", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(odd), None, "{odd}");
        }
    }
}
