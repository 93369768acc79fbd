//! What the shop lists: items.search of ItemAPI 2.0, page by page, each variant a listing.

use std::collections::BTreeMap;

use serde::Deserialize;
use uriba_sdk::{Listed, Shelf, wire::excerpt};

use crate::key::Key;

pub const SEARCH: &str = "/es/2.0/items/search";
/// The cursor before the first item, and the largest page.
pub const FIRST: &str = "*";
pub const HITS: &str = "100";
/// Cursors have some fifty characters.
const CURSOR_CHARS_MAX: usize = 2_000;

/// The page that began at this cursor. The last one gives its own cursor back.
pub fn shelf(body: &[u8], cursor: &str) -> Result<Shelf, String> {
    let body: Body = serde_json::from_slice(body).map_err(|error| excerpt(error.to_string().as_bytes()))?;
    let next = body.next_cursor_mark.filter(|next| !next.is_empty() && next != cursor && !body.results.is_empty());
    if next.as_ref().is_some_and(|next| next.len() > CURSOR_CHARS_MAX) {
        return Err("a cursor without end".into());
    }
    let mut items = Vec::new();
    for found in body.results {
        let item = found.item;
        let manage_number = text(item.manage_number).ok_or("an item without manageNumber")?;
        let (title, number) = (text(item.title), text(item.item_number));
        for (variant, details) in item.variants.unwrap_or_default() {
            items.push(Listed {
                key: Key::stated(&manage_number, &variant).to_string(),
                code: text(details.merchant_defined_sku_id).or_else(|| number.clone()),
                jan: details.article_number.and_then(|article| text(article.value)),
                title: title.clone(),
            });
        }
    }
    Ok(Shelf { items, next })
}

fn text(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    results: Vec<Found>,
    next_cursor_mark: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    item: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    manage_number: Option<String>,
    item_number: Option<String>,
    title: Option<String>,
    /// By SKU管理番号.
    variants: Option<BTreeMap<String, Variant>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variant {
    merchant_defined_sku_id: Option<String>,
    article_number: Option<Article>,
}

#[derive(Deserialize)]
struct Article {
    value: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_is_a_listing_and_the_last_page_gives_its_own_cursor_back() {
        let body = r#"{"numFound": 2, "nextCursorMark": "AoE/+x==", "results": [
            {"item": {"manageNumber": "TEE", "itemNumber": "T-1", "title": "Tee", "hideItem": true, "variants": {
                "Navy-M": {"merchantDefinedSkuId": "tee-navy", "articleNumber": {"value": "4900000000001"}},
                "navy-m": {"merchantDefinedSkuId": "", "articleNumber": {"exemptionReason": 1}, "price": "980"}}}},
            {"item": {"manageNumber": "mug", "variants": {"mug": {}}}},
            {"item": {"manageNumber": "draft", "title": null}}]}"#;
        let shelf = super::shelf(body.as_bytes(), "*").unwrap();
        let told: Vec<_> =
            shelf.items.iter().map(|item| (&*item.key, item.code.as_deref(), item.jan.as_deref())).collect();
        let expected = [
            ("tee/Navy-M", Some("tee-navy"), Some("4900000000001")),
            ("tee/navy-m", Some("T-1"), None),
            ("mug/mug", None, None),
        ];
        assert_eq!(told, expected);
        assert_eq!(shelf.next.as_deref(), Some("AoE/+x=="));
        assert_eq!(super::shelf(body.as_bytes(), "AoE/+x==").unwrap().next, None);
        assert_eq!(super::shelf(br#"{"results": [], "nextCursorMark": "y"}"#, "x").unwrap(), Shelf::default());
    }

    #[test]
    fn what_is_no_page_is_said_to_be_none() {
        let deep = "[".repeat(200_000);
        for body in ["", "{}", "[]", "null", r#"{"results": [{"item": {}}]}"#, r#"{"results": [{}]}"#, &deep] {
            assert!(super::shelf(body.as_bytes(), "*").is_err());
        }
    }
}
