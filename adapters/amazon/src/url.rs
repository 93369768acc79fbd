//! Percent-encoding. A SKU may hold spaces, slashes, plus signs and Japanese; everything but RFC 3986's
//! unreserved characters is encoded, which Amazon decodes in paths, queries and forms alike.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_survives_the_path() {
        assert_eq!(encode("緑茶 A/B+1,~x"), "%E7%B7%91%E8%8C%B6%20A%2FB%2B1%2C~x");
        assert_eq!(pairs(&[("a", "1 2"), ("b", "&=")]), "a=1%202&b=%26%3D");
    }
}
