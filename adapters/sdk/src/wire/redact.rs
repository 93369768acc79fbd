//! What may be kept of a mall's answer.

use serde_json::Value;

/// Field names (lower case, anywhere in the name) whose values are about people or are secrets.
const PRIVATE: [&str; 22] = [
    "name",
    "kana",
    "address",
    "prefecture",
    "city",
    "zip",
    "phone",
    "tel",
    "mail",
    "birth",
    "sex",
    "buyer",
    "recipient",
    "orderer",
    "sender",
    "remark",
    "comment",
    "message",
    "token",
    "secret",
    "password",
    "gift",
];

/// Names that contain one of those words and are about goods all the same.
const PUBLIC: [&str; 5] = ["managenumber", "channelname", "marketplacename", "itemname", "shopname"];

/// The start of a text, safe for a log line or an attention item: control characters and anything that looks
/// like a mail address or a long secret are masked.
pub fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
    let masked = text
        .split_inclusive(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | ',' | '=' | '&'))
        .map(|word| {
            let long = word.chars().filter(char::is_ascii_alphanumeric).count() > 40;
            if long || word.contains('@') { "… ".to_owned() } else { word.replace(char::is_control, " ") }
        })
        .collect::<String>();
    masked.chars().take(300).collect()
}

/// A JSON value without what is about people.
pub fn redact_json(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let lower = name.to_lowercase();
                let private = PRIVATE.iter().any(|word| lower.contains(word));
                if private && !PUBLIC.contains(&lower.as_str()) {
                    *field = Value::Null;
                } else {
                    redact_json(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_json),
        _ => {}
    }
}

/// A short stable name for a secret or id, from which it can't be read back (FNV-1a, 64 bits).
pub fn fingerprint(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_taken_out_and_goods_stay() {
        let mut body = serde_json::json!({
            "orderNumber": "1", "OrdererModel": {"familyName": "x"}, "zipCode1": "100",
            "lines": [{"manageNumber": "tea", "units": 2, "emailAddress": "a@b"}]
        });
        redact_json(&mut body);
        assert_eq!(
            body,
            serde_json::json!({
                "orderNumber": "1", "OrdererModel": null, "zipCode1": null,
                "lines": [{"manageNumber": "tea", "units": 2, "emailAddress": null}]
            })
        );
    }

    #[test]
    fn an_excerpt_masks_secrets_and_addresses() {
        let text = excerpt(b"error for taro@example.jp token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA end");
        assert!(!text.contains("taro") && !text.contains("AAAA"), "{text}");
        assert!(text.contains("error for") && text.contains("end"));
    }
}
