//! Whose shop it is (shopMaster of ShopAPI 1.0, in XML) and when its licenseKey ends. Pure readers.

use jiff::Timestamp;
use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesRef, Event},
};
use serde::Deserialize;

use crate::time;

pub const SHOP_MASTER: &str = "/es/1.0/shop/shopMaster";

const DEPTH_MAX: usize = 32;
/// Names have at most 382 bytes (ShopAPI reference).
const NAME_BYTES_MAX: usize = 1_000;

/// The shop's name, with its place under www.rakuten.co.jp. Of all that is told about the company behind it nothing
/// else is looked at.
pub fn shop(body: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8")?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let (mut open, mut name, mut url) = (Vec::<String>::new(), String::new(), String::new());
    loop {
        let event = reader.read_event().map_err(|_| "the answer is not XML")?;
        let words = match event {
            Event::Start(start) => {
                if open.len() >= DEPTH_MAX {
                    return Err("the answer is deeper than any the mall sends".into());
                }
                let full = start.name();
                open.push(full.as_ref().rsplit(':').next().unwrap_or_default().to_owned());
                continue;
            }
            Event::End(_) => {
                open.pop();
                continue;
            }
            Event::Text(words) => words.xml10_content().into_owned(),
            Event::CData(words) => words.xml10_content().into_owned(),
            Event::GeneralRef(reference) => resolved(&reference)?,
            Event::Eof => break,
            _ => continue,
        };
        let [.., parent, field] = open.as_slice() else { continue };
        let kept = match (parent.as_str(), field.as_str()) {
            ("shopMaster", "shopName") => &mut name,
            ("shopMaster", "url") => &mut url,
            _ => continue,
        };
        if kept.len() + words.len() > NAME_BYTES_MAX {
            return Err("a name longer than any the mall keeps".into());
        }
        kept.push_str(&words);
    }
    match (name.trim(), url.trim()) {
        _ if !open.is_empty() => Err("the answer ends in the middle".into()),
        ("", "") => Err("no shopMaster with shopName or url".into()),
        (name, "") => Ok(name.to_owned()),
        ("", url) => Ok(url.to_owned()),
        (name, url) => Ok(format!("{name} ({url})")),
    }
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character.to_string());
    }
    resolve_xml_entity(reference).map(str::to_owned).ok_or_else(|| "the answer has an unknown entity".into())
}

/// When the licenseKey ends; a time without offset is Japanese.
pub fn end(body: &[u8]) -> Result<Timestamp, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        expiry_date: String,
    }
    let body: Body = serde_json::from_slice(body).map_err(|_| "an answer without expiryDate")?;
    time::instant(&body.expiry_date).ok_or_else(|| "an expiryDate that is no time".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_is_named_and_nobody_else_is() {
        let body = "<?xml version=\"1.0\"?><ns2:shopBizApiResponse xmlns:ns2=\"x\"><resultCode>N000</resultCode>\
                    <result><shopMaster><shopName>茶 &amp; 器</shopName><url>tea</url>\
                    <presidentName>見本 花子</presidentName></shopMaster></result></ns2:shopBizApiResponse>";
        assert_eq!(shop(body.as_bytes()).unwrap(), "茶 & 器 (tea)");
        assert_eq!(shop(b"<a><shopMaster><url>tea</url><shopName/></shopMaster></a>").unwrap(), "tea");
        let deep = "<a>".repeat(100_000);
        let long = format!("<shopMaster><url>{}</url></shopMaster>", "x".repeat(2_000));
        let odd = ["", "{}", "<a/>", "<url>tea</url>", "<shopMaster><url>tea</url>", "<a>&b;</a>", &deep, &long];
        for body in odd {
            assert!(shop(body.as_bytes()).is_err(), "{:.40}", body);
        }
        assert!(shop(b"\xff").is_err());
    }

    #[test]
    fn the_license_ends_by_japans_clock() {
        let expected: Timestamp = "2026-11-28T14:59:59Z".parse().unwrap();
        assert_eq!(end(br#"{"expiryDate": "2026-11-28T23:59:59"}"#), Ok(expected));
        for body in ["", "{}", r#"{"expiryDate": null}"#, r#"{"expiryDate": "soon"}"#] {
            assert!(end(body.as_bytes()).is_err());
        }
    }
}
